"""What the REST API can do, as a table with a row for each method of each path; the shapes are in ``schemas.py``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Operation:
    """A method of a path. ``gives`` is, by status, what is sent: media types with the name of a schema or ''."""

    method: str
    path: str
    name: str
    summary: str
    scope: Literal["", "read", "write"]
    gives: Mapping[int, dict[str, str]]
    query: tuple[str, ...] = ()
    takes: dict[str, str] | None = None

    @property
    def tag(self) -> str:
        """The first word of the path after /api."""
        return self.path.split("/")[2]


def _json(name: str) -> dict[str, str]:
    return {"application/json": name}


R: Literal["read"] = "read"
W: Literal["write"] = "write"
LINES = "application/jsonl"
NOTHING: dict[int, dict[str, str]] = {204: {}}
PAGE = ("limit", "cursor")
OPERATIONS = (
    Operation(
        "POST",
        "/api/sources",
        "upload",
        "Store a file: 201 with its facts, 202 while they are found, 200 if it is there.",
        W,
        {201: _json("Source"), 202: _json("Source"), 200: _json("Source")},
        takes={"multipart/form-data": "File"},
    ),
    Operation("GET", "/api/sources", "sources", "All sources, newest first.", R, {200: _json("Sources")}, PAGE),
    Operation(
        "GET",
        "/api/sources/{id}",
        "source",
        "A source with its text and what it says.",
        R,
        {200: _json("SourceDetail")},
        ("chunk",),
    ),
    Operation("DELETE", "/api/sources/{id}", "delete_source", "Delete a source and what only it said.", W, NOTHING),
    Operation("GET", "/api/sources/{id}/file", "file", "The bytes as they came.", R, {200: {"*/*": ""}, 304: {}}),
    Operation(
        "GET",
        "/api/search",
        "search",
        "The sources that answer best.",
        R,
        {200: _json("Hits")},
        ("query", "document_type", "best"),
    ),
    Operation(
        "POST", "/api/accounts", "sign_up", "Open an account.", "", {201: _json("SignedIn")}, takes=_json("Credentials")
    ),
    Operation(
        "POST",
        "/api/sessions",
        "sign_in",
        "A token for a password.",
        "",
        {201: _json("SignedIn")},
        takes=_json("Credentials"),
    ),
    Operation("GET", "/api/account", "account", "Whose credential this is.", R, {200: _json("Account")}),
    Operation(
        "DELETE", "/api/account", "leave", "Delete the account and all in it.", W, NOTHING, takes=_json("Farewell")
    ),
    Operation("GET", "/api/tokens", "tokens", "The tokens that work.", R, {200: _json("Tokens")}),
    Operation(
        "POST", "/api/tokens", "make_token", "A new token.", W, {201: _json("NewToken")}, takes=_json("TokenWanted")
    ),
    Operation("DELETE", "/api/tokens/{id}", "revoke_token", "End a token at once.", W, NOTHING),
)
