"""Claims about numbers: percentiles, verdicts that never get better by seeing less, and digests that bind."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.releases import RELEASE, Story, opened

from goaround.domain.gates import Answer, Second, Seen, WatchLimits, judge, percentile
from goaround.domain.signoff import digest, statement

LIMITS = WatchLimits(minimum_requests=20)
SIGN_OFF = Story(opened()).step("staging/sign-off")


@given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(0, 1))
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    enough = [value for value in values if sum(other <= value for other in values) >= share * len(values)]
    assert found == min(enough)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Second, ...]:
    """A few seconds, up to eight requests in each, mostly good."""
    latencies = st.sampled_from([1, 100, 4999, 5000, 8000])
    seconds = draw(st.lists(st.lists(latencies, max_size=8), min_size=1, max_size=12))
    errors = draw(st.integers(0, 1))
    return tuple(
        Second(at, len(ms), min(errors, len(ms)) if at == 0 else 0, tuple(ms)) for at, ms in enumerate(seconds)
    )


@given(spans(), st.data())
def test_seeing_fewer_requests_than_are_needed_never_passes(span: tuple[Second, ...], data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.sampled_from(span), unique_by=lambda second: second.at))
    assume(sum(second.requests for second in kept) < LIMITS.minimum_requests)
    assert judge(Seen(kept, len(span), 0), LIMITS).answer is Answer.INCONCLUSIVE


@given(spans(), st.floats(0, 40), st.floats(0, 40))
def test_a_growing_gap_never_makes_a_verdict_better(span: tuple[Second, ...], gap: float, more: float) -> None:
    before, after = (judge(Seen(span, len(span), unseen), LIMITS).answer for unseen in (gap, gap + more))
    assert before is after or (before is Answer.PASSED and after is Answer.INCONCLUSIVE)


@given(spans(), st.floats(0, 40))
def test_what_passes_kept_every_limit_on_enough_requests_that_were_seen(span: tuple[Second, ...], gap: float) -> None:
    verdict = judge(Seen(span, len(span), gap), LIMITS)
    if verdict.answer is not Answer.PASSED:
        return
    assert verdict.requests >= LIMITS.minimum_requests
    assert verdict.error_ratio is not None
    assert verdict.error_ratio < 0.01
    assert verdict.p95_seconds is not None
    assert verdict.p95_seconds < 5
    assert gap <= 0.05 * len(span)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
bound = st.tuples(
    st.builds(
        lambda version, commit, migrations: replace(
            RELEASE, id=version, version=version, commit=commit, migrations=tuple(migrations)
        ),
        texts, texts, st.lists(texts, max_size=2),
    ),
    texts,
    st.lists(st.tuples(texts, st.dictionaries(texts, values, max_size=2)), max_size=2),
)  # fmt: skip


@given(bound, bound)
def test_two_statements_have_one_digest_only_if_they_bind_the_same(one: Any, other: Any) -> None:
    digests = [digest(statement(release, SIGN_OFF, config, evidence)) for release, config, evidence in (one, other)]
    # JSON tells 1 from 1.0 and from true, as Python's == does not.
    same = json.dumps([one[1], one[2]], sort_keys=True) == json.dumps([other[1], other[2]], sort_keys=True)
    assert (digests[0] == digests[1]) == (same and one[0] == other[0])
