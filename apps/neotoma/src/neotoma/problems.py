"""What a client is told when something is wrong: always ``{code, message, details, trace_id}``, never an internal."""

import errno
from collections.abc import Mapping
from typing import Any

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from neotoma.memory.errors import Refused


class Problem(Exception):
    """A request that cannot be served. ``message`` says what happened and what to do next, to a person."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details


def answer(scope: Mapping[str, Any], problem: Problem) -> JSONResponse:
    """The response to a problem."""
    seconds = problem.details.get("retry_after_seconds")
    return JSONResponse(
        {
            "code": problem.code,
            "message": problem.message,
            "details": problem.details,
            "trace_id": scope.get("trace_id", ""),
        },
        status_code=problem.status,
        headers={"Retry-After": str(seconds)} if seconds else None,
    )


def understood(error: Exception) -> Problem:
    """Any exception as a problem: ours as it is, the framework's by its status, the database's as 503."""
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(error.status, error.code, error.message, **error.details)
        case psycopg.DataError() | psycopg.IntegrityError():
            return _internal()  # we should have refused it, or not have written it
        case psycopg.Error():
            message = "The database does not answer as it should. Nothing was stored; try again in a moment."
            return Problem(503, "database_unavailable", message)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return unstorable(error)
        case HTTPException(status_code=404):
            return Problem(404, "not_found", "There is nothing here.")
        case HTTPException(status_code=405):
            return Problem(405, "method_not_allowed", "This address does not take that method.")
        case HTTPException():
            return Problem(error.status_code, "bad_request", str(error.detail))
        case _:
            return _internal()


def unstorable(error: OSError) -> Problem:
    """A disk that takes no file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = "There is no room for this file, and nothing of it was stored. Tell whoever runs the service."
        return Problem(507, "storage_full", message)
    return Problem(503, "storage_unavailable", "The storage does not take files now. Nothing was stored; try again.")


def _internal() -> Problem:
    return Problem(500, "internal_error", "Something went wrong here. The trace id finds it in the log.")


async def refused(request: Request, error: Exception) -> JSONResponse:
    """The exception handler of the API."""
    return answer(request.scope, understood(error))


UNDERSTOOD = (Problem, Refused, psycopg.Error, HTTPException)
