"""Every environment variable that is declared can be resolved, and those required are there and not empty."""

from __future__ import annotations

from goaround.domain.errors import GoaroundError
from goaround.steps.context import Context, GateFailed, Report


def observe(ctx: Context) -> Report:
    wrong: list[str] = []
    names: dict[str, list[str]] = {}
    for environment, neighbours in ctx.around.items():
        try:
            values = neighbours.values()
        except GoaroundError as error:
            wrong.append(f"{environment}: {error.what}")
            continue
        names[environment] = sorted(values)
        required = ctx.config.environments[environment].required_env
        wrong += [
            f"{environment}: {name} is required and is missing or empty" for name in required if not values.get(name)
        ]
    if wrong:
        raise GateFailed(
            "; ".join(wrong),
            state="nothing was built or changed",
            remedy="set them where goaround.toml says they come from, then release again",
        )
    count = sum(map(len, names.values()))
    return Report(f"{count} variables present in {' and '.join(names)}", {"names": names})


def act(ctx: Context) -> None:
    """Nothing to do: it is so, or it is not."""
