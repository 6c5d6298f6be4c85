"""References to secrets: ``env:NAME``, ``file:/path``, ``cmd:program arg``. A configuration never holds the secret."""

from __future__ import annotations

import re

_REFERENCE = re.compile(r"(env|file|cmd):(.*)", re.DOTALL)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")


def is_reference(text: str) -> bool:
    """Whether this says where a value is, rather than being the value."""
    return _REFERENCE.fullmatch(text) is not None


def check_reference(text: str) -> str:
    """The same text. Raises ``ValueError`` unless it is a well-formed reference; never shows what it is instead."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError("a secret stands here, or nothing that refers to one — write env:NAME, file:/path or cmd:...")
    kind, rest = match.groups()
    if not rest.strip():
        raise ValueError(f"{text!r} refers to nothing — write something after {kind}:")
    if kind == "env" and not _ENV_NAME.fullmatch(rest):
        raise ValueError(f"{rest!r} is no name of an environment variable — write letters, digits and _ after env:")
    return text


def looks_secret(name: str, value: str) -> bool:
    """Whether a literal should have been a reference, judged by the name it is given."""
    return bool(value) and not is_reference(value) and _SECRET_NAME.search(name) is not None


def has_url_password(text: str) -> bool:
    """Whether the text holds a URL with a password in it."""
    return _URL_PASSWORD.search(text) is not None
