"""A person who signs up and uploads the samples, over HTTP like everybody else."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neotoma.demonstration.failure import Failed

EMAIL = "demo@example.org"
SAMPLES = Path(__file__).parents[1] / "samples"


class Refused(Failed):
    """The service answered that it will not; the message is its own."""


def password() -> str:
    """A password that nobody guesses."""
    return secrets.token_urlsafe(12)


def sign_up(url: str, secret: str) -> str:
    """Sign up and return a token. Raises Failed."""
    body = json.dumps({"email": EMAIL, "password": secret}).encode()
    try:
        answer = _sent(urllib.request.Request(f"{url}/api/accounts", body, {"Content-Type": "application/json"}))
    except Refused as error:
        message = f"{error} If this folder is of a demonstration that was cut short, delete it or choose another."
        raise Failed(message) from error
    return str(answer["token"])


def upload(url: str, token: str) -> Iterator[str]:
    """Upload each sample and yield what became of it: without tesseract, two are refused. Raises Failed."""
    for path in sorted(path for path in SAMPLES.iterdir() if path.is_file()):
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        body = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + path.read_bytes()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{url}/api/sources", body + f"\r\n--{boundary}--\r\n".encode(), headers)
        try:
            _sent(request)
            yield f"uploaded {path.name}"
        except Refused as error:
            yield f"left out {path.name}: {error}"


def _sent(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error).get("message", f"status {error.code}")) from error
    except (urllib.error.URLError, OSError) as error:
        raise Failed("The service went away while the samples were uploaded. See service.log in the folder.") from error
