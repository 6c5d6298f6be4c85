"""What somebody tries at every address and with every tool: the other's ids and cursors in the places of their names.

A route or tool that is not listed here fails ``test_trespass.py``: say what an attempt at it is.
"""

from typing import Any

from apps.neotoma.tests.support_trespass import ASKED

NOT_THERE = (404,)  # as if it were nowhere: 403 would tell that it is somewhere
FOR_EVERYBODY = {
    "GET /health": "liveness and readiness",
    "GET /health/live": "liveness",
    "GET /metrics": "counts",
    "GET /openapi.json": "the API's description",
    "GET /": "the first page, which a visitor sees another of",
    "POST /api/accounts": "signs up",
    "POST /api/sessions": "signs in",
    "GET /login": "signs in",
    "POST /login": "signs in",
    "GET /sign-up": "signs up",
    "POST /sign-up": "signs up",
    "ANY /static": "style and script",
    "ANY /mcp": "every tool is tried below",
    "ANY /.well-known/oauth-protected-resource/mcp": "metadata",
    "ANY /.well-known/oauth-authorization-server": "metadata",
    "ANY /authorize": "test_oauth.py",
    "ANY /token": "test_oauth_tokens.py",
    "ANY /register": "test_oauth_clients.py",
    "ANY /revoke": "test_oauth_tokens.py",
    "GET /oauth/consent": "test_oauth.py",
    "POST /oauth/consent": "test_oauth.py",
}
# What is tried: {id} and such become the other's; ``own`` marks what answers from the asker's own memory instead.
READS: dict[str, dict[str, Any]] = {
    "GET /api/sources": {"own": True, "query": "?cursor={sources_cursor}"},
    "GET /api/sources/{id}": {"id": "source"},
    "GET /api/sources/{id}/file": {"id": "source"},
    "GET /api/entities": {"own": True, "query": f"?q={ASKED}&cursor={{entities_cursor}}"},
    "GET /api/entities/{id}": {"id": "entity"},
    "GET /api/entities/{id}/observations": {"id": "entity"},
    "GET /api/entities/{id}/relationships": {"id": "entity"},
    "GET /api/entities/{id}/provenance/{field}": {"id": "entity"},
    "GET /api/types": {"own": True},
    "GET /api/timeline": {"own": True, "query": "?entity={entity}&cursor={timeline_cursor}", "or": (404,)},
    "GET /api/export": {"own": True},
    "GET /api/search": {"own": True, "query": f"?q={ASKED}"},
    "GET /api/account": {"own": True},
    "GET /api/tokens": {"own": True},
    "GET /sources": {"own": True, "query": "?cursor={sources_cursor}"},
    "GET /sources/{id}": {"id": "source"},
    "GET /sources/{id}/delete": {"id": "source"},
    "GET /entities": {"own": True, "query": f"?q={ASKED}&cursor={{entities_cursor}}"},
    "GET /entities/{id}": {"id": "entity"},
    "GET /timeline": {"own": True, "query": "?entity={entity}", "or": (404,)},
    "GET /search": {"own": True, "query": f"?q={ASKED}"},
    "GET /account": {"own": True},
}
LINK = {"type": "knows", "from": "{own}", "to": "{entity}"}
RECORD = {
    "name": "r",
    "entities": [{"type": "own_kind", "name": "x", "fields": {"a": "b"}}],
    "relationships": [{"type": "knows", "from": 0, "to": "{entity}"}],
}
WRITES: dict[str, dict[str, Any]] = {
    "POST /api/sources": {"own": True, "files": {"file": ("a.txt", b"words")}},
    "DELETE /api/sources/{id}": {"id": "source"},
    "POST /api/entities": {"json": RECORD},
    "DELETE /api/entities/{id}": {"id": "entity"},
    "POST /api/entities/{id}/corrections": {"id": "entity", "json": {"fields": {"note": "mine"}}},
    "POST /api/entities/{id}/restore": {"id": "deleted"},
    "POST /api/entities/{id}/merge": {"id": "entity", "json": {"into": "{own}"}},
    "POST /api/relationships": {"json": LINK},
    "DELETE /api/relationships/{id}": {"id": "relationship"},
    "POST /api/import": {"own": True, "content": b"nonsense", "or": (400, 415, 422)},
    "DELETE /api/account": {"json": {"confirm": "{email}"}, "or": (401, 422)},
    "POST /api/tokens": {"own": True, "json": {"name": "x", "user_id": "{grant}"}},
    "DELETE /api/tokens/{id}": {"id": "token"},
    "POST /upload": {"own": True, "files": {"file": ("b.txt", b"more words")}},
    "POST /sources/{id}/delete": {"id": "source"},
    "POST /entities/{id}/correct": {"id": "entity", "data": {"field": "note", "value": "mine"}},
    "POST /entities/{id}/delete": {"id": "entity"},
    "POST /entities/{id}/restore": {"id": "deleted"},
    "POST /entities/{id}/merge": {"id": "entity", "data": {"other": "{own}"}},
    "POST /entities/{id}/relate": {"id": "entity", "data": {"type": "knows", "other": "{own}"}},
    "POST /entities/{id}/relationships/{relationship}/delete": {"id": "entity"},
    "POST /account/password": {
        "data": {"password": "wrong password", "new_password": "another password"},
        "or": (401,),
    },
    "POST /account/sessions": {"own": True},
    "POST /account/tokens": {"own": True, "data": {"name": "y", "read": "1"}},
    "POST /account/tokens/{id}/revoke": {"id": "token"},
    "POST /account/agents/{id}/revoke": {"id": "grant"},
    "POST /account/delete": {"data": {"password": "wrong password"}, "or": (401,)},
    "POST /logout": {"own": True},
}
ATTEMPTS = READS | WRITES
TOOL_ATTEMPTS: dict[str, dict[str, Any]] = {
    "search": {"query": ASKED},
    "fetch": {"id": "{source}"},
    "list_entity_types": {},
    "retrieve_entities": {"query": ASKED, "cursor": "{entities_cursor}"},
    "retrieve_entity_snapshot": {"entity_id": "{entity}"},
    "retrieve_related_entities": {"entity_id": "{entity}"},
    "list_observations": {"entity_id": "{entity}"},
    "retrieve_field_provenance": {"entity_id": "{entity}", "field": "note"},
    "list_timeline_events": {"entity_id": "{entity}"},
    "retrieve_file_url": {"source_id": "{source}"},
    "get_authenticated_user": {},
    "store": RECORD,
    "upload_file": {"name": "a.txt", "content_base64": "d29yZHM="},
    "correct": {"entity_id": "{entity}", "fields": {"note": "mine"}},
    "create_relationship": LINK,
    "merge_entities": {"from_entity_id": "{own}", "into_entity_id": "{entity}"},
    "delete_entity": {"entity_id": "{entity}"},
    "restore_entity": {"entity_id": "{deleted}"},
}
ANSWER_FROM_OWN = {"search", "list_entity_types", "retrieve_entities", "get_authenticated_user", "upload_file"}
CREDENTIALS = ("none", "nonsense", "revoked", "expired", "of somebody who is gone", "wrong scope")
