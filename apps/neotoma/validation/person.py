"""Who the kit is: somebody who has just signed up and leaves with everything afterwards, also when a check failed.

Where nobody can sign up it is the person whose token NEOTOMA_TOKEN holds; then what was stored is deleted, and no more.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from kit import Client, expect, fresh_word

PASS_PHRASE = "four packrats keep everything"


@contextmanager
def fresh(base_url: str) -> Iterator[Client]:
    """A client of a new person. Raises AssertionError if the account cannot be made, or does not go away."""
    client = Client(base_url)
    email = f"{fresh_word()}@validation.invalid"
    made = client.post("/api/accounts", {"email": email, "password": PASS_PHRASE})
    if made.status == 403 and os.environ.get("NEOTOMA_TOKEN"):
        with known(base_url) as client:
            yield client
        return
    expect(made.status, 201, "sign up")
    client.token = made.json["token"]
    try:
        yield client
    finally:
        leaving = json.dumps({"password": PASS_PHRASE}).encode()
        left = client.request("DELETE", "/api/account", leaving, "application/json").status
        expect(left, 204, "deletion of the account")
    expect(client.get("/api/sources").status, 401, "the token of a deleted account")


@contextmanager
def known(base_url: str) -> Iterator[Client]:
    """A client of the person with NEOTOMA_TOKEN, who keeps what was there before."""
    client = Client(base_url, os.environ.get("NEOTOMA_TOKEN", ""))
    try:
        yield client
    finally:
        for source in dict.fromkeys(client.stored):
            client.delete(f"/api/sources/{source}")
