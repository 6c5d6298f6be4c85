"""Pages as browsers get them: the templates, what every page shows, and where one goes after a form."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from neotoma.accounts import csrf
from neotoma.accounts.caller import Caller
from neotoma.accounts.current import caller
from neotoma.memory.model import Field, SnapshotField
from neotoma.problems import Problem
from neotoma.version import VERSION

FOLDER = Path(__file__).parent
UNITS = ("bytes", "KB", "MB", "GB")
ACRONYMS = {"bic", "iban", "id", "url", "vat"}
NOTES = {
    "new": "Stored. The facts it holds are below.",
    "known": "This file is here already; nothing was stored twice.",
    "otherwise": "This file is here already under another ending, and stays read as that. To have it read anew, delete "
    "it and upload it again.",
    "processing": "Stored. It is being read; this page tells you when it is done.",
    "several": "Stored. The newest are below.",
    "several-otherwise": "Stored. The newest are below. Of some files the bytes were here already under another "
    "ending, and stay read as that; to have one read anew, delete it and upload it again.",
    "led": "This entity stands for the one you asked for, which was merged into it.",
    "deleted-source": "The source is gone, and everything that only it said.",
    "corrected": "Corrected. What was said before stays in the history.",
    "deleted": "Deleted. You can restore it at any time.",
    "restored": "Restored.",
    "merged": "Merged. Both names lead here now.",
    "related": "The relationship is noted.",
    "unrelated": "The relationship is taken back.",
}
"""What a page says after a form, by ``?done=``. Never the words of the address itself: anybody may write that."""


async def person(request: Request) -> Caller | None:
    """Who is signed in, if anybody."""
    try:
        return await caller(request)
    except Problem as problem:
        if problem.status == 401:
            return None
        raise


def page(request: Request, template: str, who: Caller | None, status: int = 200, **context: Any) -> Response:
    """A page for this person, or for a visitor."""
    shared = {
        "request": request,
        "person": who,
        "csrf": csrf.token(who) if who and who.session else "",
        "version": VERSION,
        "here": request.url.path,
        "done": NOTES.get(request.query_params.get("done", "")),
    }
    body = TEMPLATES.get_template(template).render({**shared, **context})
    return HTMLResponse(body, status, {"Cache-Control": "private, no-store"})


def see_other(address: str, **query: str) -> Response:
    """Where the browser goes after a form: a page that can be loaded again without storing anything twice."""
    return RedirectResponse(with_query(address, **query), 303)


def with_query(address: str, **query: str | None) -> str:
    """An address with those parts of the query that are given."""
    given = urlencode({key: value for key, value in query.items() if value})
    return f"{address}?{given}" if given else address


def wanted(request: Request) -> bool:
    """Whether the client is a browser asking for a page, and this is where pages are."""
    return "text/html" in request.headers.get("accept", "") and not re.match(
        r"/(api|mcp|\.well-known|health|metrics|openapi)", request.url.path
    )


def size(count: int) -> str:
    """A number of bytes for people: ``12.3 KB``."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {UNITS[0]}" if unit == 0 else f"{amount:.1f} {UNITS[unit]}"


def day(at: datetime) -> str:
    """The day in universal time: ``5 January 2026``."""
    return f"{at.astimezone(UTC):%-d %B %Y}"


def moment(at: datetime) -> str:
    """A moment to the minute, in universal time."""
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def words(name: str) -> str:
    """A name of programs for people: ``bank_statement`` as ``bank statement``."""
    return " ".join(word.upper() if word in ACRONYMS else word for word in name.split("_"))


def shown(field: Field | SnapshotField) -> str:
    """A value as people read it: dates with the month's name, amounts with their thousands."""
    value: str = field.value
    match field.type:
        case "date" if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return f"{datetime.fromisoformat(value):%-d %B %Y}"
        case "money" if amount := re.fullmatch(r"(-?)(\d+)(\.\d+)? ?([A-Z]{3})?", value):
            sign, whole, part, currency = amount.groups()
            return f"{sign}{int(whole):,}{part or ''} {currency or ''}".strip()
        case _:
            return value


def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(size=size, day=day, moment=moment, words=words, shown=shown)
    made.globals.update(link=with_query)
    return made


TEMPLATES = _templates()
