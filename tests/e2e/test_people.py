"""What people say to a release counts once, from whom it may come, and when it is asked for."""

from __future__ import annotations

import pytest
from tests.e2e.desk import NEXT, belongs_to, goaround, release, takes_off, unharmed, variant
from tests.shop.shop import Shop

pytestmark = pytest.mark.xdist_group("e2e-people")
SAME = "nothing was changed; "


def test_what_nobody_asked_for_is_refused(standing: Shop) -> None:
    for arguments in (["sign"], ["refuse", "--reason", "no"], ["answer", "look", "--note", "fine"]):
        said = goaround(standing, *arguments)
        said.clear(9, "there is no release under way", "nothing was done", "goaround history shows all")
    said = goaround(standing, "sign", "v1.0.0")
    said.clear(9, "v1.0.0 has ended: released", "nothing was changed", "goaround history")
    said = goaround(standing, "abort", "--reason", "no")
    said.clear(9, "there is no release under way", "nothing was done", "goaround history shows all")
    goaround(standing, "resume").clear(9, "there is no release under way", "nothing was done", "goaround history")
    goaround(standing, "status", "v7.7.7").clear(9, "there is no release v7.7.7", "nothing was done", "the last are")


def test_a_sign_off_is_given_once_by_somebody_who_may_and_when_it_is_asked_for(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-signed", NEXT)
    release(standing, version).ended(5)
    said = goaround(standing, "sign")
    said.clear(9, f"{version} does not wait for a sign-off: it is at {version}/staging/check-look", SAME, "status")
    said = goaround(standing, "answer", "taste", "--note", "good")
    said.clear(9, "there is no checklist item taste", SAME, "the items are: look")
    goaround(standing, "answer", "look", "--note", "a little pale", "--severity", "minor").ended(0)
    goaround(standing, "resume").ended(5)
    said = goaround(standing, "answer", "look", "--note", "on second thoughts", "--severity", "critical")
    said.clear(9, "look has been answered", "the first answer stands", f"goaround abort {version}")
    said = goaround(standing, "sign", "--by", "visitor")
    said.clear(9, "visitor may not sign for staging", SAME, "one of these may: owner; say who with --by")
    goaround(standing, "sign").ended(0)
    said = goaround(standing, "sign")
    said.clear(9, "has been signed by owner", "that signature stands", f"goaround resume {version}")
    assert belongs_to(standing)["staging"] == version
    goaround(standing, "abort", "--reason", "seen enough").ended(0)
    unharmed(standing)


def test_an_answer_that_names_something_critical_takes_staging_back(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-mouldy", NEXT)
    release(standing, version).ended(5)
    goaround(standing, "answer", "look", "--note", "mouldy", "--severity", "critical").ended(0)
    said = goaround(standing, "resume")
    said.clear(4, "owner found something critical: mouldy", "answered, not passed", "mend it and release again")
    unharmed(standing)


def test_who_refuses_to_sign_ends_the_release_and_staging_is_taken_back(standing: Shop) -> None:
    version = variant(standing, "v1.1.0-disliked", NEXT)
    flight = takes_off(standing, version).waits_at("staging/sign-off")
    goaround(standing, "refuse", "--reason", "no", "--by", "visitor").clear(9, "may not sign", SAME, "owner")
    assert "refused by owner" in goaround(standing, "refuse", "--reason", "too sweet").ended(0).out
    assert "owner refused to sign: too sweet" in flight.ends().ended(9).out
    unharmed(standing)
    said = goaround(standing, "refuse", version, "--reason", "still")
    said.clear(9, f"{version} has ended: refused", "nothing was changed", "goaround history")


def test_a_command_line_that_makes_no_sense_is_explained(standing: Shop) -> None:
    for arguments in (["fly"], ["release"], ["answer", "look"], ["sign", "--loudly"]):
        said = goaround(standing, *arguments).ended(2)
        assert "Usage: " in said.err
