"""What pages of a signed-in person begin with: who it is, and a form that really came from us."""

from starlette.datastructures import FormData
from starlette.requests import Request

from neotoma.accounts import csrf
from neotoma.accounts.caller import Caller
from neotoma.accounts.current import caller
from neotoma.nest import Nest

MOST_FIELDS = 64  # of a form


def nest_of(request: Request) -> Nest:
    """The parts of the running service."""
    nest: Nest = request.app.state.nest
    return nest


async def reader(request: Request) -> Caller:
    """Who reads. Raises Problem 401, which leads a browser to the login."""
    request.state.caller = who = await caller(request)
    return who


async def writer(request: Request, back: str) -> tuple[Caller, FormData]:
    """Who sent a form, and the form. Raises Problem; its page then leads ``back``."""
    request.state.back = back
    request.state.caller = who = await caller(request, "write")
    form = await request.form(max_files=0, max_fields=MOST_FIELDS)
    csrf.check(request, who, form)
    return who, form


def text(form: FormData, name: str) -> str:
    """A field of a form, without the white space around it; empty if it is not there."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
