"""Run the service's own ``up`` command once, from the new release's artifact."""

from __future__ import annotations

from goaround.steps.context import Context, Report, insist


def observe(ctx: Context) -> Report | None:
    ended = ctx.ran("up")
    if ended is None:
        return None
    before = ctx.found("deploy").get("schema_before")
    insist(
        ended,
        "the database migration",
        state=f"the schema of {ctx.environment} was {before} before and may be half-way; the old version serves",
        remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/migrate",
        cause="migration",
    )
    artifact = ctx.here.artifacts.path(str(ctx.found("build", "staging")["artifact"]))
    now = ctx.schema(artifact)
    return Report(
        f"schema {before} → {now} in {ended.seconds:.2f} s",
        {"schema_before": before, "schema": now, "seconds": round(ended.seconds, 3)},
    )


def act(ctx: Context) -> None:
    migrations = ctx.config.migrations
    assert migrations is not None
    urls = ctx.here.urls()
    ctx.run(
        migrations.up,
        cwd=ctx.here.artifacts.path(str(ctx.found("build", "staging")["artifact"])),
        env=ctx.migration_environment(),
        name="up",
        secrets=(*ctx.here.secrets(), *urls.secrets),
        seconds=migrations.timeout_seconds,
    )
