"""Secrets that we make: 256 random bits, shown once; only their digests are kept."""

import hashlib
import secrets


def new(prefix: str = "") -> str:
    """A new secret, such as ``neo_…``."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of it. A plain SHA-256 suffices, for nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
