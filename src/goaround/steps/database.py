"""Both databases answer. Embedded ones are started."""

from __future__ import annotations

from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report:
    sizes = {}
    for environment, neighbours in ctx.around.items():
        neighbours.database.ensure()
        sizes[environment] = neighbours.database.size_bytes()
    says = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
    return Report(f"both answer: {says}", {"size_bytes": sizes})


def act(ctx: Context) -> None:
    """Nothing to do: it is so, or it is not."""
