"""Tell people or programs: by configured commands and webhooks, with a key that stays the same if it is repeated.

Each notice carries the head of the journal at that moment: whoever keeps it can show later that nothing before it was
taken away or rewritten.

An announcement that cannot be delivered stops the release before anything changed. An alert that cannot be delivered
is reported and stops nothing: no receiver may stand in the way of a rollback.
"""

from __future__ import annotations

import json

from goaround.config.models import Notice
from goaround.domain.errors import GoaroundError
from goaround.steps.build import write_note
from goaround.steps.context import Context, GateFailed, Report, spelled, tail


def observe(ctx: Context) -> Report | None:
    note = ctx.work / "told.json"
    if not note.exists():
        return None
    told = json.loads(note.read_text())
    wrong = [line for line in told if not line.startswith("told")]
    if wrong and ctx.step.params["notice"] == "announce":
        raise GateFailed(
            "; ".join(wrong),
            state="production is unchanged",
            remedy="mend the receiver or take it out of [notify] announce, then release again",
        )
    return Report("; ".join(told) or "nobody is configured", {"told": told})


def act(ctx: Context) -> None:
    kind = ctx.step.params["notice"]
    notices = {"announce": ctx.config.notify.announce, "alert": ctx.config.notify.alert}[kind]
    write_note(ctx.work / "told.json", [_tell(ctx, number, notice) for number, notice in enumerate(notices)])


def _tell(ctx: Context, number: int, notice: Notice) -> str:
    key = f"{ctx.step.key}/{number}"
    try:
        if notice.command:
            return _by_command(ctx, number, notice, key)
        return _by_webhook(ctx, number, notice, key)
    except GoaroundError as error:
        return f"notice {number + 1} was not delivered: {error.what}"


def _by_command(ctx: Context, number: int, notice: Notice, key: str) -> str:
    env = {
        **ctx.base_environment(),
        "GOAROUND_KEY": key,
        "GOAROUND_SAYS": ctx.step.says,
        "GOAROUND_RELEASE": ctx.release.id,
        "GOAROUND_ENVIRONMENT": ctx.environment,
        "GOAROUND_JOURNAL": spelled(ctx.head()),
    }
    cwd = ctx.folder.parent
    ended = ctx.run(notice.command, cwd=cwd, env=env, name=f"notice-{number}", seconds=ctx.step.timeout_seconds)
    if ended.exit_code != 0:
        return f"notice {number + 1} was not delivered: {notice.command[0]}: {tail(ended.output, 1)}"
    return f"told by {notice.command[0]}"


def _by_webhook(ctx: Context, number: int, notice: Notice, key: str) -> str:
    last, digest = ctx.head()
    body = json.dumps(
        {
            "key": key,
            "release": ctx.release.id,
            "version": ctx.release.version,
            "environment": ctx.environment,
            "kind": ctx.step.params["notice"],
            "says": ctx.step.says,
            "journal": {"number": last, "digest": digest},
        }
    ).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    answer = ctx.http.post(ctx.resolve(notice.webhook), body, headers, ctx.step.timeout_seconds)
    if answer.status is None or not 200 <= answer.status < 300:
        return f"notice {number + 1} was not delivered: webhook answered {answer.status or answer.detail}"
    return f"told webhook {number + 1}"
