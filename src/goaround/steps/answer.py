"""A manual check, answered by a person with a note and, where something is wrong, a severity."""

from __future__ import annotations

from goaround.steps.context import Context, GateFailed, Report


def observe(ctx: Context) -> Report | None:
    answer = ctx.state.answers.get(ctx.step.key)
    if answer is None:
        return None
    if answer.severity == "critical":
        raise GateFailed(
            f"{answer.by} found something critical: {answer.note}",
            state=f"{ctx.step.says} — answered, not passed",
            remedy="mend it and release again",
        )
    verdict = f"{answer.severity}: " if answer.severity else ""
    return Report(
        f"{verdict}{answer.note} ({answer.by})", {"by": answer.by, "note": answer.note, "severity": answer.severity}
    )


def act(ctx: Context) -> None:
    """Nothing to do: only a person can."""
