"""The tool that says whose memory this is."""

from typing import Any

from neotoma.mcp import schemas
from neotoma.mcp.tool import Call, Tool


async def _who(call: Call) -> dict[str, Any]:
    caller = call.caller
    return {"user_id": str(caller.user), "email": caller.email, "scopes": sorted(caller.scopes), "via": caller.via}


GET_AUTHENTICATED_USER = Tool(
    name="get_authenticated_user",
    title="Ask whose memory this is",
    description="The user whose memory this is, and what this connection may do: read, or read and write.",
    takes={},
    gives=schemas.answer(
        user_id={"type": "string", "format": "uuid"},
        email={"type": "string"},
        scopes=schemas.listed({"enum": ["read", "write"]}),
        via={"enum": ["token", "oauth", "stdio"]},
    ),
    does=_who,
)
