"""Who the kit is: the person whose memory this is, by NEOTOMA_TOKEN. What was stored is deleted again, and no more."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from kit import Client


@contextmanager
def fresh(base_url: str) -> Iterator[Client]:
    """A client of that person."""
    client = Client(base_url, os.environ.get("NEOTOMA_TOKEN", ""))
    try:
        yield client
    finally:
        for source in dict.fromkeys(client.stored):
            client.delete(f"/api/sources/{source}")
