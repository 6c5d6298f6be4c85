"""The same for people: one page to upload and search, one to read a document. No script, no inline style."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from neotoma import api, problems, store
from neotoma.problems import Problem
from neotoma.search import Hit
from neotoma.version import VERSION

FOLDER = Path(__file__).parent
TEMPLATES = Jinja2Templates(directory=FOLDER / "templates")
NEWEST = 20


def wanted(request: Request) -> bool:
    """Whether the client is a browser asking for a page."""
    return "text/html" in request.headers.get("accept", "")


async def home(request: Request) -> Response:
    """``GET /``: the form, and what was found or the newest documents."""
    return await _home(request)


async def _home(request: Request, problem: Problem | None = None) -> Response:
    query, hits, documents = request.query_params.get("q", "").strip(), list[Hit](), list[store.Document]()
    try:
        if query:
            query, hits = await api.found(request)
        async with api.database(request) as connection:
            documents = await store.newest(connection, NEWEST)
    except problems.UNDERSTOOD as error:
        problem = problem or problems.understood(error)
    context = {"query": query, "hits": hits, "documents": documents, "problem": problem, "version": VERSION}
    context["added"] = request.query_params.get("added", "")
    return TEMPLATES.TemplateResponse(request, "home.html", context, status_code=problem.status if problem else 200)


async def upload(request: Request) -> Response:
    """``POST /documents``: a page for a browser, JSON for a program."""
    if not wanted(request):
        return await api.upload(request)
    try:
        _, new = await api.stored(request)
    except problems.UNDERSTOOD as error:
        return await _home(request, problems.understood(error))
    return RedirectResponse(f"/?added={'new' if new else 'known'}", status_code=303)


async def detail(request: Request) -> Response:
    """``GET /documents/{id}``: a page for a browser, JSON for a program."""
    if not wanted(request):
        return await api.detail(request)
    try:
        document, _, facts = await api.opened(request)
    except problems.UNDERSTOOD as error:
        return await _home(request, problems.understood(error))
    context = {"document": document, "facts": facts, "version": VERSION}
    return TEMPLATES.TemplateResponse(request, "document.html", context)
