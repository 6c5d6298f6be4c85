"""Have a version run in its slot, and verify its health: three good answers in a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from goaround.config.load import parse_config
from goaround.config.models import Config
from goaround.config.placeholders import fill
from goaround.config.references import is_reference
from goaround.domain.errors import GoaroundError
from goaround.domain.signoff import canonical
from goaround.ports import SLOTS, ProcessSpec
from goaround.steps.context import Context, GateFailed, Report, tail

IN_A_ROW = 3


def observe(ctx: Context) -> Report | None:
    """Only what runs now and answers now is healthy."""
    target = ctx.deployed(ctx.step.params["to"])
    if target is None:
        return Report("there is no such version: nothing to verify")
    state = ctx.here.runtime.state(target["slot"])
    if state is None or not state.running or state.token != _token(ctx, target):
        return None
    answers = [ctx.http.get(_url(ctx, target["slot"]), 3) for _ in range(IN_A_ROW)]
    if any(answer.status != 200 for answer in answers):
        return None
    slowest = max(answer.seconds for answer in answers)
    return Report(
        f"{target['version']} answered {IN_A_ROW} of {IN_A_ROW} times, {slowest * 1000:.0f} ms at most",
        {"version": target["version"], "slot": target["slot"], "deaths": state.deaths},
    )


def act(ctx: Context) -> None:
    target = ctx.deployed(ctx.step.params["to"])
    assert target is not None
    wanted, runtime, slot = spec(ctx, target), ctx.here.runtime, target["slot"]
    running = runtime.state(slot)
    if running is None or running.token != wanted.token:
        runtime.stop(slot)
        _refuse_stranger(ctx, slot)
    runtime.start(slot, wanted)
    good = 0
    said = "no answer"

    def healthy() -> bool:
        nonlocal good, said
        answer = ctx.http.get(_url(ctx, slot), 3)
        good = good + 1 if answer.status == 200 else 0
        said = answer.detail if answer.status is None else f"{answer.status} {answer.detail}"
        return good >= IN_A_ROW

    if not ctx.wait_until(healthy, seconds=ctx.config.run.start_timeout_seconds, every=0.05):
        raise GateFailed(
            f"{target['version']} did not become healthy on {ctx.environment}/{slot} within "
            f"{ctx.config.run.start_timeout_seconds:g} s: {said}",
            state=f"the traffic of {ctx.environment} was not moved",
            remedy=f"see: goaround logs {ctx.release.id} {ctx.environment}/{slot}\n{tail(runtime.log(slot, 20))}",
        )


def _refuse_stranger(ctx: Context, slot: str) -> None:
    """Whoever answers before anything of ours runs there would be taken for the version, and get its traffic."""
    answer = ctx.http.get(_url(ctx, slot), 3)
    if answer.status is not None:
        port = _port(ctx, slot)
        raise GateFailed(
            f"port {port} of {ctx.environment}/{slot} is taken: another program answers there ({answer.status})",
            state=f"the traffic of {ctx.environment} was not moved",
            remedy=f"end what listens there (see: ss -ltnp 'sport = {port}'), or set other slot_ports",
        )


def spec(ctx: Context, target: Mapping[str, Any] | Any) -> ProcessSpec:
    """The process of a version: its artifact with exactly the environment declared for it. Raises ``Unavailable`` if
    the artifact is missing or was altered."""
    urls = ctx.here.urls()
    config, declared, secrets = terms(ctx, target)
    port = str(_port(ctx, target["slot"]))
    return ProcessSpec(
        token=_token(ctx, target),
        argv=fill(config.run.command, {"port": port}),
        cwd=ctx.here.artifacts.path(target["artifact"]),
        env={
            **ctx.base_environment(),
            "PYTHONDONTWRITEBYTECODE": "1",
            **declared,
            "DATABASE_URL": urls.service,
            "PORT": port,
        },
        secrets=(*secrets, *urls.secrets),
        stop_grace_seconds=config.run.stop_grace_seconds,
    )


def terms(ctx: Context, target: Mapping[str, Any]) -> tuple[Config, Mapping[str, str], tuple[str, ...]]:
    """What a version runs with: the configuration that it was released with, its variables, and those of them that
    are secret. So a rollback brings these back as well; only ports and the database are those of today."""
    origin = ctx.states().get(str(target["release"]))
    if origin is None or origin.opened.config == ctx.state.opened.config:
        return ctx.config, ctx.here.values(), ctx.here.secrets()
    config = parse_config(str(origin.opened.config["toml"]), "goaround.toml")
    declared = config.environments[ctx.environment].env
    values = {name: ctx.resolve(text) for name, text in declared.items()}
    return config, values, tuple(values[name] for name, text in declared.items() if is_reference(text))


def _token(ctx: Context, target: Mapping[str, Any]) -> str:
    """What says that a process is this version in this environment. The artifact is not looked at: a version that
    runs is not the worse for what became of its files, and a rollback must be able to go back to it."""
    config, declared, _ = terms(ctx, target)
    argv = fill(config.run.command, {"port": str(_port(ctx, target["slot"]))})
    meaning = hashlib.sha256(canonical([sorted(declared.items()), argv, ctx.here.urls().service])).hexdigest()[:12]
    return f"{target['version']}@{target['artifact'][7:19]}+{meaning}"


def check(ctx: Context, which: str) -> bool:
    """Whether that version runs and answers now."""
    target = ctx.deployed(which)
    try:
        return target is not None and ctx.http.get(_url(ctx, target["slot"]), 3).status == 200
    except GoaroundError:
        return False


def _url(ctx: Context, slot: str) -> str:
    return f"http://127.0.0.1:{_port(ctx, slot)}{ctx.config.run.health}"


def _port(ctx: Context, slot: str) -> int:
    return ctx.config.environments[ctx.environment].slot_ports[0 if slot == SLOTS[0] else 1]
