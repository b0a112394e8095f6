"""Which component calls a run counts: each attempt and each iteration, with its own duration."""

import pytest

from arcrun.analytics import UsageRecord
from arcrun.engine.record import RunRecord
from fakes.engine import EngineBench, data, failure, in_turn, taking

pytestmark = pytest.mark.anyio


def usage_of(record: RunRecord) -> list[tuple[str, bool, int, float]]:
    """(component, success, count, average duration), by bucket."""
    return sorted((it.canonical_id, it.success, it.count, round(it.duration_ms)) for it in record.usage.records())


async def test_each_call_has_its_own_duration_and_version() -> None:
    bench = EngineBench({"a": taking(10), "b": taking(50)}, contracts={"b": {"version": "v3"}})
    record = await bench.run(["input >> PIPE >> a", "a >> PIPE >> b"])
    assert usage_of(record) == [("a", True, 1, 10), ("b", True, 1, 50)]
    assert {it.canonical_id: it.version for it in record.usage.records()} == {"a": "v1", "b": "v3"}


async def test_what_does_not_run_is_not_counted() -> None:
    bench = EngineBench({"a": failure(), "b": data(1), "c": data(1)}, schemas={"c": ["x"]})
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "a >> ON_FAIL >> missing", "missing >> ON_FAIL >> output"]
    bench.components.contracts["missing"] = bench.components.contracts["a"]
    record = await bench.run(flow)
    assert usage_of(record) == [("a", False, 1, 0)]


async def test_each_attempt_counts_without_the_wait_between() -> None:
    bench = EngineBench({"a": in_turn(failure(retriable=True), failure(retriable=True), data(1))})
    record = await bench.run(
        ["input >> PIPE >> a"], config={"a": {"retry": {"max_attempts": 3, "initial_ms": 500, "jitter": 0}}}
    )
    assert usage_of(record) == [("a", False, 2, 0), ("a", True, 1, 0)]


async def test_each_iteration_counts_without_the_wait_for_a_slot() -> None:
    bench = EngineBench({"a": taking(40)})
    config = {"input": {"foreach": {"concurrency": 4}}}
    record = await bench.run(
        ["input >> FOREACH x IN input.xs >> a"], {"xs": list(range(8))}, config=config, concurrency=2
    )
    assert usage_of(record) == [("a", True, 8, 40)]


async def test_a_sub_workflow_counts_with_its_caller() -> None:
    bench = EngineBench({"a": taking(5)}, workflows={"inner": {"flow": ["input >> PIPE >> a"]}})
    record = await bench.run(["input >> PIPE >> a", "a >> CALLS_SUBFLOW >> inner"])
    assert usage_of(record) == [("a", True, 2, 5)]


async def test_a_component_that_outlasts_its_time_has_failed() -> None:
    bench = EngineBench({"a": taking(10_000)})
    record = await bench.run(["input >> PIPE >> a"], config={"a": {"timeout_ms": 200}})
    assert usage_of(record) == [("a", False, 1, 200)]


async def test_what_is_stopped_with_its_run_is_not_counted() -> None:
    bench = EngineBench({"a": taking(10_000), "b": failure()})
    record = await bench.run(["input >> PIPE >> a", "input >> PIPE >> b"])
    assert usage_of(record) == [("b", False, 1, 0)]


async def test_the_record_that_is_kept_and_answered_has_no_usage() -> None:
    record = await EngineBench({"a": data(1)}).run(["input >> PIPE >> a"])
    assert "usage" not in record.to_json() | record.to_stored()
    assert list(record.usage.records()) == [UsageRecord("a", "v1", True, 0.0)]
