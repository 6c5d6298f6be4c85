"""Run a suite against the environment; its exit code is the verdict."""

from __future__ import annotations

from goaround.steps import health
from goaround.steps.context import Context, Report, insist


def observe(ctx: Context) -> Report | None:
    suite = str(ctx.step.params["suite"])
    ended = ctx.ran(suite)
    if ended is None:
        return None
    insist(
        ended,
        f"the {suite} suite",
        state=f"it ran against {ctx.environment}",
        remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/{ctx.step.name}",
    )
    last = ended.output.strip().splitlines()[-1:] or ["passed"]
    return Report(f"{last[0][:120]} ({ended.seconds:.1f} s)", {"seconds": round(ended.seconds, 3)})


def act(ctx: Context) -> None:
    suite = str(ctx.step.params["suite"])
    placed = ctx.deployed("old" if ctx.state.back else "new")
    # After a rollback the tests are those of the version that serves again: it cannot know the new one's features.
    artifact = placed["artifact"] if placed else str(ctx.found("build", "staging")["artifact"])
    config, declared, secrets = (
        health.terms(ctx, placed) if placed else (ctx.config, ctx.here.values(), ctx.here.secrets())
    )
    validation = config.validation
    ctx.run(
        {"integration": validation.integration, "smoke": validation.smoke}[suite],
        cwd=ctx.here.artifacts.path(artifact),
        env={**ctx.base_environment(), **declared},
        name=suite,
        variables={"base_url": ctx.config.environments[ctx.environment].base_url},
        secrets=secrets,
        seconds=validation.timeout_seconds,
    )
