"""What a browser is shown when something is wrong: a page that says what happened and what to do next."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from neotoma import problems
from neotoma.accounts.caller import Caller
from neotoma.problems import Problem
from neotoma.web.rendering import page, see_other, wanted

TITLES = {
    401: "Sign in first",
    403: "That was not allowed",
    404: "There is nothing here",
    405: "This page does not take that",
    409: "That contradicts what is there",
    413: "Too large",
    422: "That did not fit",
    429: "Too much at once",
    500: "Something went wrong here",
    503: "Not available just now",
}
MISSING = "The address may be mistyped, or what was here was deleted. Begin at the first page, or search."
PASSING = {500, 502, 503, 504}
"""What may be over in a moment, so that trying again makes sense."""


async def refused(request: Request, error: Exception) -> Response:
    """The exception handler: a page for a browser, JSON for a program; who is not signed in goes to sign in."""
    if not wanted(request):
        return await problems.refused(request, error)
    problem = problems.understood(error)
    if isinstance(error, HTTPException) and error.status_code == 404:
        problem = Problem(404, problem.code, MISSING)
    if problem.status == 401 and request.method in ("GET", "HEAD"):
        return see_other("/login", next=_address(request))
    return problem_page(request, problem)


def problem_page(request: Request, problem: Problem) -> Response:
    """The page for a problem. It asks the database for nothing, so it works while the database is away."""
    who: Caller | None = getattr(request.state, "caller", None)
    visited = request.method in ("GET", "HEAD")
    return page(
        request,
        "problem.html",
        who,
        problem.status,
        problem=problem,
        title=TITLES.get(problem.status) or HTTPStatus(problem.status).phrase,
        trace_id=request.scope.get("trace_id", ""),
        retry=_address(request) if visited and problem.status in PASSING else "",
        back=getattr(request.state, "back", "/"),
    )


def _address(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query
