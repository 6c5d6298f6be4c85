"""Give all new requests of the environment to one version, or to nobody: a maintenance answer."""

from __future__ import annotations

from goaround.steps.context import Context, Report


def observe(ctx: Context) -> Report | None:
    to = ctx.step.params["to"]
    target = None if to == "nobody" else ctx.deployed(to)
    slot = target["slot"] if target else None
    front = ctx.here.proxy.state()
    if not front.running or front.serving != slot:
        return None
    says = f"{target['version']} ({slot}) has the traffic" if target else "visitors get a maintenance answer"
    return Report(says, {"serving": dict(target) if target else None})


def act(ctx: Context) -> None:
    to = ctx.step.params["to"]
    target = None if to == "nobody" else ctx.deployed(to)
    ctx.here.proxy.ensure()
    ctx.here.proxy.serve(target["slot"] if target else None)
