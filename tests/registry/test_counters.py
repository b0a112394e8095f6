"""Proves that the counters agree with a plain list of records in any order, and that p95 is near the exact value."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.analytics import RELATIVE_ERROR, SHORTEST_MS, ComponentStatistics, UsageRecord, tally
from arcrun.durable_objects import migrate
from fakes.ports.sql import SqliteSql
from registry.counters import Counters
from registry.registry_object import MIGRATIONS

Reported = tuple[str, list[UsageRecord]]  # scope, records

durations = st.floats(0, 100_000) | st.sampled_from([0.0, 1.0, 2.0, 50.0])
records = st.builds(
    UsageRecord,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["v1", "v2"]),
    st.booleans(),
    durations,
    st.integers(1, 30),
)
reports = st.lists(st.tuples(st.sampled_from(["owner", "author:x"]), st.lists(records, max_size=8)), max_size=5)


@pytest.fixture
def sql() -> Iterator[SqliteSql]:
    opened = SqliteSql()
    migrate(opened, MIGRATIONS)
    yield opened
    opened.close()


def count_all(sql: SqliteSql, reported: list[Reported]) -> Counters:
    counters = Counters(sql)
    for scope, some in reported:
        counters.count(scope, tally(some).rows())
    return counters


def check(found: ComponentStatistics, expected: list[UsageRecord]) -> None:
    assert found.total_runs == sum(record.count for record in expected)
    assert found.successes == sum(record.count for record in expected if record.success)
    assert found.duration_sum_ms == pytest.approx(sum(record.count * record.duration_ms for record in expected))
    ordered = sorted(duration for record in expected for duration in [record.duration_ms] * record.count)
    exact_ms = ordered[math.ceil(len(ordered) * 95 / 100) - 1]
    shown_ms = found.to_json()["p95_duration_ms"]
    assert abs(shown_ms - exact_ms) <= max(RELATIVE_ERROR * exact_ms, SHORTEST_MS) + 0.001  # shown with 3 digits


@settings(max_examples=40, deadline=None)
@given(reports)
def test_counters_are_those_of_the_records(reported: list[Reported]) -> None:
    sql = SqliteSql()
    migrate(sql, MIGRATIONS)
    counters = count_all(sql, reported)
    for scope in ("owner", "author:x"):
        own = [record for at, some in reported if at == scope for record in some]
        found = counters.read(scope)
        assert found.keys() == {record.canonical_id for record in own}
        for component_id, statistics in found.items():
            expected = [record for record in own if record.canonical_id == component_id]
            check(statistics, expected)
            versions = counters.read_versions(scope, component_id)
            assert versions.keys() == {record.version for record in expected}
            for version, one in versions.items():
                check(one, [record for record in expected if record.version == version])
    sql.close()


def test_some_components_are_read_by_their_ids(sql: SqliteSql) -> None:
    many = [UsageRecord(f"part_{i}", "v1", True, 1.0) for i in range(300)]
    counters = count_all(sql, [("owner", many)])
    wanted = [f"part_{i}" for i in range(150)]
    assert sorted(counters.read("owner", [*wanted, "unknown"])) == sorted(wanted)
    assert counters.read("owner", []) == {}


def test_a_scope_sees_its_own_counts_only(sql: SqliteSql) -> None:
    counters = count_all(sql, [("owner", [UsageRecord("a", "v1", True, 1.0)])])
    assert counters.read("author:x") == {}
    assert counters.list_scopes() == ["owner"]


def test_totals_can_be_joined_and_sorted_by(sql: SqliteSql) -> None:
    """As in a list of components, which includes those without runs."""
    a, b = UsageRecord("a", "v1", True, 1.0, 3), UsageRecord("b", "v1", False, 5.0)
    count_all(sql, [("owner", [a, b, UsageRecord("a", "v2", False, 1.0)])])
    sql.execute("CREATE TABLE listed (id TEXT)")
    sql.execute("INSERT INTO listed VALUES ('b'), ('never'), ('a')")
    rows = sql.execute(
        """SELECT id, total_runs, success_rate, avg_duration_ms FROM listed
        LEFT JOIN component_totals ON scope = ? AND canonical_id = id ORDER BY coalesce(total_runs, 0) DESC""",
        "owner",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("a", 4, 0.75, 1.0),
        ("b", 1, 0.0, 5.0),
        ("never", None, None, None),
    ]


def test_counting_goes_on_where_it_was_left(sql: SqliteSql) -> None:
    for _ in range(2):
        counters = count_all(sql, [("owner", [UsageRecord("a", "v1", True, 2.0)])])
    assert counters.read("owner")["a"] == ComponentStatistics(2, 2, 4.0, counters.read("owner")["a"].p95_bucket)
