"""The page at ``/``: upload a file, find a piece of text, see what came last."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from neotoma import ingest
from neotoma.accounts.current import caller
from neotoma.memory import search, sources
from neotoma.problems import Problem
from neotoma.version import VERSION

SHOWN = 50
ASK = {"WWW-Authenticate": 'Basic realm="neotoma, the token as the password", charset="UTF-8"'}
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


async def home(request: Request) -> Response:
    """``GET /?q=``: the form, and what was found or came last."""
    try:
        who = await caller(request)
    except Problem as problem:
        return HTMLResponse(_page(request, problem=problem.message), 401, ASK)
    query = request.query_params.get("q", "").strip()
    async with request.app.state.nest.database.of(who.user) as connection:
        if query:
            found = [(hit.source, hit.snippet) for hit in await search.search(connection, query, limit=SHOWN)]
        else:
            found = [(source, "") for source in (await sources.page(connection, SHOWN)).items]
    return HTMLResponse(_page(request, query=query, found=found), headers={"Cache-Control": "private, no-store"})


async def upload(request: Request) -> Response:
    """``POST /``: the form."""
    try:
        await ingest.receive(request, await caller(request, "write"))
    except Problem as problem:
        return HTMLResponse(
            _page(request, problem=problem.message), problem.status, ASK if problem.status == 401 else {}
        )
    return RedirectResponse("/", 303)


def _page(request: Request, query: str = "", found: object = (), problem: str = "") -> str:
    context = {"query": query, "found": found, "problem": problem, "version": VERSION, "request": request}
    return TEMPLATES.get_template("home.html").render(context)


ROUTES: tuple[BaseRoute, ...] = (Route("/", home, methods=["GET"]), Route("/", upload, methods=["POST"]))
