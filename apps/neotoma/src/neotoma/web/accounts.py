"""The pages on which people sign up, sign in, see who may what, and go."""

import asyncio
from importlib import import_module
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from neotoma.accounts import csrf, entering, grants, sessions, tokens
from neotoma.accounts.caller import SCOPES, Caller
from neotoma.accounts.passwords import LONGEST, SHORTEST
from neotoma.memory.errors import Refused
from neotoma.problems import Problem, understood
from neotoma.web.rendering import page, person, see_other
from neotoma.web.signed import MOST_FIELDS, nest_of, reader, text, writer

DONE = {
    "password": "The password is changed. Everywhere else you are signed out now.",
    "revoked": "The token works no more.",
    "sent-away": "The agent can do nothing more here.",
    "others-ended": "Everywhere else you are signed out now.",
}


async def login(request: Request) -> Response:
    """``GET /login``."""
    after = local(request.query_params.get("next", ""))
    if (await person(request)) is not None:
        return see_other(after)
    return _form(request, "login.html", after)


async def enter(request: Request) -> Response:
    """``POST /login``: a new session, and on to where the person wanted."""
    form = await _visitors_form(request)
    after = local(text(form, "next"))
    try:
        user = await entering.sign_in(request, form.get("email"), form.get("password"))
    except Problem as problem:
        return _form(request, "login.html", after, problem, text(form, "email"))
    return await _session(request, user, after)


async def sign_up_page(request: Request) -> Response:
    """``GET /sign-up``."""
    if (await person(request)) is not None:
        return see_other("/")
    return _form(request, "sign_up.html", local(request.query_params.get("next", "")))


async def sign_up(request: Request) -> Response:
    """``POST /sign-up``: an account, and signed in."""
    form = await _visitors_form(request)
    after = local(text(form, "next"))
    try:
        user = await entering.sign_up(request, form.get("email"), form.get("password"))
    except Problem as problem:
        return _form(request, "sign_up.html", after, problem, text(form, "email"))
    return await _session(request, user, after)


async def logout(request: Request) -> Response:
    """``POST /logout``: the session ends here and in the database."""
    who, _ = await writer(request, "/account")
    if who.session:
        await sessions.end(nest_of(request).database, who)
    response = see_other("/")
    sessions.take_back(response, nest_of(request).settings)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def account(request: Request) -> Response:
    """``GET /account``."""
    return await _account(request, await reader(request))


async def change_password(request: Request) -> Response:
    """``POST /account/password``: every session ends but this one, which goes on under a new secret."""
    who, form = await writer(request, "/account")
    try:
        await entering.change_password(request, who, form.get("password"), form.get("new_password"))
    except Problem as problem:
        return await _account(request, who, problem)
    return await _session(request, who.user, "/account?done=password")


async def end_others(request: Request) -> Response:
    """``POST /account/sessions``: signs out everywhere else."""
    who, _ = await writer(request, "/account")
    if who.session:
        await sessions.end_others(nest_of(request).database, who)
    return see_other("/account", done="others-ended")


async def make_token(request: Request) -> Response:
    """``POST /account/tokens``: shows the secret, this once."""
    who, form = await writer(request, "/account")
    scopes = tuple(scope for scope in SCOPES if form.get(scope))
    try:
        lasts = tokens.lasting(text(form, "days"))
        secret, _ = await tokens.make(nest_of(request).database, who.user, text(form, "name"), scopes, lasts)
    except (Problem, Refused) as error:
        return await _account(request, who, understood(error))
    return await _account(request, who, secret=secret)


async def revoke_token(request: Request) -> Response:
    """``POST /account/tokens/{id}/revoke``."""
    who, _ = await writer(request, "/account")
    await tokens.revoke(nest_of(request).database, who.user, request.path_params["id"])
    return see_other("/account", done="revoked")


async def send_away(request: Request) -> Response:
    """``POST /account/agents/{id}/revoke``: the agent's tokens end at once."""
    who, _ = await writer(request, "/account")
    await grants.revoke(nest_of(request).database, who.user, request.path_params["id"])
    return see_other("/account", done="sent-away")


async def delete(request: Request) -> Response:
    """``POST /account/delete``: the account and all that is in it."""
    who, form = await writer(request, "/account")
    try:
        await entering.depart(request, who, form.get("password") or "")
    except Problem as problem:
        return await _account(request, who, problem)
    response = see_other("/")
    sessions.take_back(response, nest_of(request).settings)
    return response


async def consent(request: Request) -> Response:
    """``/oauth/consent``. OAuth is loaded when somebody needs it, for the SDK takes most of a second."""
    module = await asyncio.to_thread(import_module, "neotoma.web.consent")
    answer: Response = await (module.answer if request.method == "POST" else module.ask)(request)
    return answer


def local(address: str) -> str:
    """Where to go after signing in: a page of ours, or the first. Nobody is sent elsewhere by a link to our login."""
    ours = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if ours and address.isprintable() else "/"


async def _account(request: Request, who: Caller, problem: Problem | None = None, secret: str = "") -> Response:
    database = nest_of(request).database
    shown = {
        "done": DONE.get(request.query_params.get("done", "")) if problem is None and not secret else None,
        "problem": problem,
        "secret": secret,
        "tokens": await tokens.listed(database, who.user),
        "agents": await grants.listed(database, who.user),
        "mcp": f"{nest_of(request).settings.url}/mcp",
        "shortest": SHORTEST,
        "longest": LONGEST,
    }
    return page(request, "account.html", who, problem.status if problem else 200, **shown)


async def _visitors_form(request: Request) -> FormData:
    """The form of somebody who has no session yet, and so no CSRF token; it has to come from our own page."""
    csrf.same_origin(request)
    return await request.form(max_files=0, max_fields=MOST_FIELDS)


def _form(request: Request, template: str, after: str, problem: Problem | None = None, email: str = "") -> Response:
    response = page(
        request,
        template,
        None,
        problem.status if problem else 200,
        problem=problem,
        email=email,
        after=after,
        open=nest_of(request).settings.sign_up,
        shortest=SHORTEST,
        longest=LONGEST,
    )
    if problem is not None and (seconds := problem.details.get("retry_after_seconds")):
        response.headers["Retry-After"] = str(seconds)
    return response


async def _session(request: Request, user: UUID, after: str) -> Response:
    """A new session; the one that the browser had ends, so that nobody stays in it unnoticed."""
    nest = nest_of(request)
    if before := await sessions.find(nest.database, sessions.sent(request)):
        await sessions.end(nest.database, before)
    response = see_other(after)
    sessions.hand_over(response, nest.settings, await sessions.begin(nest.database, user))
    return response


ROUTES: tuple[BaseRoute, ...] = (
    Route("/login", login, methods=["GET"]),
    Route("/login", enter, methods=["POST"]),
    Route("/sign-up", sign_up_page, methods=["GET"]),
    Route("/sign-up", sign_up, methods=["POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/account", account, methods=["GET"]),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/account/sessions", end_others, methods=["POST"]),
    Route("/account/tokens", make_token, methods=["POST"]),
    Route("/account/tokens/{id}/revoke", revoke_token, methods=["POST"]),
    Route("/account/agents/{id}/revoke", send_away, methods=["POST"]),
    Route("/account/delete", delete, methods=["POST"]),
    Route("/oauth/consent", consent, methods=["GET", "POST"]),
)
