"""Only our own page may speak for a browser, which sends the password along whoever made the form."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from neotoma.accounts.caller import Caller
from neotoma.problems import Problem


def check(request: Request, caller: Caller, form: Mapping[str, Any] | None = None) -> None:
    """Raises Problem 403 for a browser that another site's page made ask."""
    del form
    if caller.via == "browser":
        same_origin(request)


def same_origin(request: Request) -> None:
    """Raises Problem 403 for a request that a page of somebody else's made. Programs, which tell no origin, pass."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site not in (None, "same-origin", "none") or (site is None and foreign):
        raise Problem(403, "csrf", "This form is from another site. Load the page here and send it again.")
