"""Forms as browsers send them, as long as they are short: whoever sends more is not filling in one of ours."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Message

from neotoma.problems import Problem

LARGEST, MOST_FIELDS = 1024 * 1024, 64  # bytes; fields


async def read(request: Request) -> FormData:
    """The form, without files. Raises Problem 413."""
    left = LARGEST

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise Problem(413, "too_large", "That is more than this form takes. Shorten it and send it again.")
        return message

    return await Request(request.scope, receive).form(max_files=0, max_fields=MOST_FIELDS)
