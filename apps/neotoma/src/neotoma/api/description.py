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
TAR = {"application/x-tar": ""}
NOTHING: dict[int, dict[str, str]] = {204: {}}
PAGE = ("limit", "cursor")
OPERATIONS = (
    Operation(
        "POST",
        "/api/sources",
        "upload",
        "Store a file: 201 with its facts, 202 while they are found, 200 if it is there.",
        W,
        {201: _json("Source"), 202: _json("Source"), 200: _json("KnownSource")},
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
        "POST",
        "/api/entities",
        "store",
        "Store a record of entities and their relationships.",
        W,
        {201: _json("Recorded")},
        takes=_json("Record"),
    ),
    Operation(
        "GET",
        "/api/entities",
        "entities",
        "Entities by type and name.",
        R,
        {200: _json("Entities")},
        ("type", "name", "deleted", *PAGE),
    ),
    Operation(
        "GET",
        "/api/entities/{id}",
        "entity",
        "What holds of an entity, or held at a time.",
        R,
        {200: _json("Entity")},
        ("at",),
    ),
    Operation("DELETE", "/api/entities/{id}", "delete_entity", "Hide an entity.", W, {200: _json("Entity")}),
    Operation(
        "GET",
        "/api/entities/{id}/observations",
        "observations",
        "All that was said of an entity, newest first.",
        R,
        {200: _json("Observations")},
        PAGE,
    ),
    Operation(
        "GET",
        "/api/entities/{id}/relationships",
        "related",
        "Its relationships, each with the entity at the other end.",
        R,
        {200: _json("Related")},
        ("type", "direction", "at"),
    ),
    Operation(
        "GET",
        "/api/entities/{id}/provenance/{field}",
        "provenance",
        "Where a field's value comes from, the one that holds first.",
        R,
        {200: _json("Provenance")},
    ),
    Operation(
        "POST",
        "/api/entities/{id}/corrections",
        "correct",
        "Say what fields really are.",
        W,
        {200: _json("Entity")},
        takes=_json("Corrections"),
    ),
    Operation(
        "POST", "/api/entities/{id}/restore", "restore", "Show a hidden entity again.", W, {200: _json("Entity")}
    ),
    Operation(
        "POST",
        "/api/entities/{id}/merge",
        "merge",
        "Make two entities one; answers the one that stands for both.",
        W,
        {200: _json("Entity")},
        takes=_json("Merge"),
    ),
    Operation(
        "POST",
        "/api/relationships",
        "relate",
        "Relate two entities; no circle of an acyclic type.",
        W,
        {201: _json("Relationship")},
        takes=_json("Relation"),
    ),
    Operation("DELETE", "/api/relationships/{id}", "unrelate", "Take a relationship back.", W, NOTHING),
    Operation("GET", "/api/types", "types", "The types of entities, with counts.", R, {200: _json("Types")}),
    Operation(
        "GET",
        "/api/timeline",
        "timeline",
        "Dates of entities, in order.",
        R,
        {200: _json("Events")},
        ("type", "entity", "start", "end", *PAGE),
    ),
    Operation("GET", "/api/export", "export", "Everything, files too, as a tar.", R, {200: TAR}),
    Operation("POST", "/api/import", "import", "Add an export, all or nothing.", W, {200: _json("Counts")}, takes=TAR),
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
