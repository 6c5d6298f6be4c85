"""The JSON that was sent, or what is wrong with it and where."""

import json
import sys
from typing import Any

from neotoma.problems import Problem


def sent_object(sent: bytes, expected: str) -> dict[str, Any]:
    """The JSON object. Raises Problem 422; ``expected`` says what belongs into it, as in ``with name, entities``."""
    wanted = f"Send a JSON object {expected}".strip() + "."
    if not sent.strip():
        raise _bad(f"Nothing was sent. {wanted}")
    try:
        given = json.loads(sent)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _bad(f"That is not JSON: {error.msg[:1].lower()}{error.msg[1:]} at {where}. {wanted}") from error
    except UnicodeDecodeError as error:
        raise _bad(f"That is not JSON: byte {error.start + 1} is no UTF-8. {wanted}") from error
    except RecursionError as error:
        raise _bad(f"The JSON is nested too deeply to be read. {wanted}") from error
    except ValueError as error:  # all that is left: Python reads no number of more digits
        most = sys.get_int_max_str_digits()
        raise _bad(f"A number in the JSON has more than {most:,} digits. Send it as a text.") from error
    if not isinstance(given, dict):
        raise _bad(f"That is JSON, but no object. {wanted}")
    return given


def _bad(message: str) -> Problem:
    return Problem(422, "bad_json", message)
