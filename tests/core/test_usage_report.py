"""Which usage reports are valid, and that aggregation preserves their content."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.analytics import (
    LAST_BUCKET,
    LONGEST_MS,
    RELATIVE_ERROR,
    SHORTEST_MS,
    ComponentStatistics,
    UsageRecord,
    bucket_of,
    duration_of,
    parse_report,
    tally,
)
from arcrun.errors import RequestError
from arcrun.limits import MAX_USAGE_COUNT, MAX_USAGE_RECORDS

RECORD = {"canonical_id": "string_ops", "version": "v1", "success": True, "duration_ms": 1.5}
durations = st.floats(0, LONGEST_MS) | st.integers(0, 100).map(float)


def test_one_record() -> None:
    assert parse_report(RECORD) == (UsageRecord("string_ops", "v1", True, 1.5),)


def test_several_records() -> None:
    [first, second] = parse_report({"records": [RECORD, {**RECORD, "count": 3, "success": False}]})
    assert (first.count, second.count, second.success) == (1, 3, False)
    assert parse_report({"records": []}) == ()


def test_a_record_is_read_back_from_its_json() -> None:
    record = UsageRecord("a", "v2", False, 0.25, 7)
    assert parse_report(record.to_json()) == (record,)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"canonical_id": "String Ops"}, "canonical_id"),
        ({"canonical_id": "a" * 129}, "canonical_id"),
        ({"canonical_id": 5}, "canonical_id"),
        ({"version": "1"}, "version"),
        ({"version": None}, "version"),
        ({"version": "v" + "1" * 200}, "version"),
        ({"success": 1}, "success"),
        ({"duration_ms": -0.1}, "duration_ms"),
        ({"duration_ms": LONGEST_MS + 1}, "duration_ms"),
        ({"duration_ms": math.nan}, "duration_ms"),
        ({"duration_ms": math.inf}, "duration_ms"),
        ({"duration_ms": True}, "duration_ms"),
        ({"duration_ms": "1"}, "duration_ms"),
        ({"duration_ms": 10**400}, "duration_ms"),
        ({"count": 0}, "count"),
        ({"count": 1.0}, "count"),
        ({"count": True}, "count"),
        ({"count": MAX_USAGE_COUNT + 1}, "count"),
        ({"scope": "public"}, "unknown key `scope`"),
    ],
)
@pytest.mark.parametrize("is_in_a_list", [False, True])
def test_a_bad_field_is_named(change: dict[str, Any], told: str, is_in_a_list: bool) -> None:
    bad = {**RECORD, **change}
    with pytest.raises(RequestError, match=told) as caught:
        parse_report({"records": [RECORD, bad]} if is_in_a_list else bad)
    assert caught.value.code == "INVALID_RECORD"
    assert ("records[1]" in caught.value.message) == is_in_a_list


@pytest.mark.parametrize("key", list(RECORD))
def test_a_missing_field_is_named(key: str) -> None:
    with pytest.raises(RequestError, match=f"lacks `{key}`"):
        parse_report({name: value for name, value in RECORD.items() if name != key})


@pytest.mark.parametrize(
    "body", [None, [], "x", 5, {}, {"records": {}}, {"records": [RECORD], "more": 1}, {"records": [5]}]
)
def test_what_is_no_report(body: Any) -> None:
    with pytest.raises(RequestError) as caught:
        parse_report(body)
    assert caught.value.code == "INVALID_RECORD"


def test_a_report_has_at_most_a_thousand_records() -> None:
    assert len(parse_report({"records": [RECORD] * MAX_USAGE_RECORDS})) == MAX_USAGE_RECORDS
    with pytest.raises(RequestError) as caught:
        parse_report({"records": [RECORD] * (MAX_USAGE_RECORDS + 1)})
    assert caught.value.code == "TOO_MANY_RECORDS"


@given(durations)
def test_a_bucket_tells_a_duration_within_the_stated_error(duration_ms: float) -> None:
    shown = duration_of(bucket_of(duration_ms))
    if duration_ms < SHORTEST_MS:
        assert shown == 0
    else:
        assert abs(shown - duration_ms) <= RELATIVE_ERROR * duration_ms * (1 + 1e-9)


@given(durations, durations)
def test_buckets_are_few_and_in_the_order_of_durations(one_ms: float, other_ms: float) -> None:
    assert 0 <= bucket_of(one_ms) <= LAST_BUCKET < 256
    if one_ms <= other_ms:
        assert bucket_of(one_ms) <= bucket_of(other_ms)


usages = st.builds(
    UsageRecord,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["v1", "v2"]),
    st.booleans(),
    durations,
    st.integers(1, 3 * MAX_USAGE_COUNT),
)


@given(st.lists(usages, max_size=20))
def test_what_is_reported_is_what_was_added(records: list[UsageRecord]) -> None:
    reported = list(tally(records).records())
    assert all(record.count <= MAX_USAGE_COUNT for record in reported)
    for success in (True, False):
        assert _sum(reported, success) == pytest.approx(_sum(records, success))


def _sum(records: list[UsageRecord], success: bool) -> list[float]:
    matching = [record for record in records if record.success is success]
    return [sum(record.count for record in matching), sum(record.count * record.duration_ms for record in matching)]


def test_tallies_are_merged() -> None:
    one, other = UsageRecord("a", "v1", True, 2.0, 3), UsageRecord("a", "v1", True, 2.0)
    merged = tally([one])
    merged.merge(tally([other]))
    assert merged == tally([one, other])
    assert merged
    assert not tally([])


def test_nothing_has_run() -> None:
    assert ComponentStatistics().to_json() == {
        "total_runs": 0,
        "success_rate": None,
        "avg_duration_ms": None,
        "p95_duration_ms": None,
    }
