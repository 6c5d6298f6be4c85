"""Take the schema back with the *new* release's own down migrations; that release need not be able to run.

A migration that failed may have left things that no version number tells of, so after one ``down`` runs always.
"""

from __future__ import annotations

from goaround.steps.context import Context, Report, insist


def observe(ctx: Context) -> Report | None:
    before = str(ctx.found("deploy")["schema_before"])
    ended = ctx.ran("down")
    if ended is None and ctx.state.touched(ctx.environment).migration_failed:
        return None
    if ended is not None:
        insist(
            ended,
            "the down migration",
            state=f"the schema of {ctx.environment} should be {before} and may be half-way; requests may be waiting",
            remedy="mend the schema by hand, then run: goaround rollback",
            cause="migration",
        )
    now = ctx.schema(ctx.here.artifacts.path(_artifact(ctx)))
    return Report(f"schema is {now} again", {"schema": now}) if now == before else None


def act(ctx: Context) -> None:
    migrations = ctx.config.migrations
    assert migrations is not None
    urls = ctx.here.urls()
    ctx.run(
        migrations.down,
        cwd=ctx.here.artifacts.path(_artifact(ctx)),
        env=ctx.migration_environment(),
        name="down",
        variables={"schema": str(ctx.found("deploy")["schema_before"])},
        secrets=(*ctx.here.secrets(), *urls.secrets),
        seconds=migrations.timeout_seconds,
    )


def _artifact(ctx: Context) -> str:
    return str(ctx.found("build", "staging")["artifact"])
