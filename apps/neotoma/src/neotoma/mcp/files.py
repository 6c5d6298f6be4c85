"""Tools for files: a small one can be sent, and any can be fetched from where it is kept."""

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

from neotoma import ingest
from neotoma.api import shapes
from neotoma.mcp import schemas
from neotoma.mcp.tool import Call, Tool
from neotoma.memory import sources
from neotoma.memory.errors import Invalid, NotThere

LARGEST = 1_000_000  # bytes
LONGEST_BASE64 = 2_000_000  # characters, nearly what a request holds: what is larger than LARGEST is told where to go


async def _upload(call: Call) -> dict[str, Any]:
    try:
        content = base64.b64decode(call.arguments["content_base64"], validate=True)
    except binascii.Error as error:
        raise Invalid(
            "bad_base64", "content_base64 is not base64. Encode the bytes of the file as they are."
        ) from error
    if len(content) > LARGEST:
        url = f"{call.nest.settings.url}/api/sources"
        message = (
            f"The file has {len(content)} bytes; this tool takes {LARGEST}. Upload it at {url} or on the web page."
        )
        raise Invalid("too_large", message)
    stored = await ingest.store_file(call.nest, call.caller.user, call.arguments["name"], _once(content))
    return {
        "outcome": stored.outcome,
        "source": shapes.source_json(stored.source),
        "known_as": shapes.known_json(stored.source, stored.sent_as) if stored.sent_as else None,
    }


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _url(call: Call) -> dict[str, Any]:
    async with call.memory() as connection:
        source = await sources.find(connection, call.arguments["source_id"])
    if source is None:
        raise NotThere("not_found", "There is no such source in this memory. search finds sources by their text.")
    return {
        "url": f"{call.nest.settings.url}/api/sources/{source.id}/file",
        "name": source.name,
        "media_type": source.media_type,
        "bytes": source.bytes,
    }


UPLOAD_FILE = Tool(
    name="upload_file",
    title="Upload a file",
    description=(
        "Stores a PDF, CSV, TXT, PNG or JPEG of at most a megabyte and extracts its text and facts. The outcome is "
        "new, known (the same bytes are here already; known_as tells if they are read as another type than the name "
        "sent says) or processing (extraction goes on; look again with fetch)."
    ),
    takes={
        "name": schemas.text("The name of the file with its ending, such as invoice.pdf.", 255),
        "content_base64": schemas.text("The bytes of the file in base64.", LONGEST_BASE64),
    },
    required=("name", "content_base64"),
    gives=schemas.answer(
        outcome={"enum": ["new", "known", "processing"]},
        source=schemas.SOURCE,
        known_as=schemas.or_null(
            schemas.answer(name={"type": "string"}, media_type={"type": "string"}, message={"type": "string"})
        ),
    ),
    does=_upload,
    writes=True,
)
RETRIEVE_FILE_URL = Tool(
    name="retrieve_file_url",
    title="Find a file",
    description=(
        "Where the bytes of a source are. The address wants a credential of the same user: send the same bearer token, "
        "or have the user open it where they are signed in."
    ),
    takes={"source_id": schemas.SOURCE_ID},
    required=("source_id",),
    gives=schemas.answer(
        url={"type": "string", "format": "uri"},
        name={"type": "string"},
        media_type={"type": "string"},
        bytes={"type": "integer", "minimum": 0},
    ),
    does=_url,
)
