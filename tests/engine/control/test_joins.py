"""What a `join` waits for, what it cancels, and what others see of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.engine.record import RunRecord
from fakes.engine import EngineBench, data, failure, statuses, taking

pytestmark = pytest.mark.anyio

RACE = ["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> j", "b >> PIPE >> j"]
VOTES = ["input >> PIPE >> a", "input >> PIPE >> b", "input >> PIPE >> c", *(f"{n} >> ON_TRUE >> j" for n in "abc")]
CANCELS = {"join": "first", "cancel_rest": True}


async def run(
    flow: list[str], taken: Mapping[str, float | tuple[float, Any]], join: Any = None, **more: Any
) -> tuple[RunRecord, EngineBench]:
    """Run a flow in which each node takes some ms, and answers its name, or what stands beside. `join` is the entry of
    `j`.
    """
    given = {name: each if isinstance(each, tuple) else (each, data(name)) for name, each in taken.items()}
    bench = EngineBench({name: taking(*each) for name, each in given.items()})
    config = {"j": join or {}, **more.pop("config", {})}
    return await bench.run(flow, more.pop("sent", {}), config=config, **more), bench


def stopped(record: RunRecord) -> dict[str, str]:
    """The nodes that were cancelled, with the reason."""
    return {
        entry.node: entry.error.message.partition(" because ")[2]
        for entry in record.trace
        if entry.error is not None and entry.error.code == "CANCELLED"
    }


def began(record: RunRecord) -> dict[str, float]:
    return {entry.node: entry.start_ms for entry in record.trace if entry.status.value != "skipped"}


@pytest.mark.parametrize(
    ("join", "start_ms"),
    [
        pytest.param({}, 50, id="any waits for all"),
        pytest.param({"join": "any"}, 50, id="any by name"),
        pytest.param({"join": "all"}, 50, id="all"),
        pytest.param({"join": "first"}, 10, id="first"),
        pytest.param({"join": {"at_least": 1}}, 10, id="one"),
        pytest.param({"join": {"at_least": 2}}, 50, id="two of two"),
        pytest.param(CANCELS, 10, id="first, which cancels"),
    ],
)
async def test_when_a_join_begins(join: Any, start_ms: float) -> None:
    record, _ = await run(RACE, {"a": 10, "b": 50, "j": 1}, join)
    assert (record.error, record.data, began(record)["j"]) == (None, "j", start_ms)


@pytest.mark.parametrize(
    ("answers", "join", "runs"),
    [
        pytest.param([True, True, True], "all", True, id="all of them"),
        pytest.param([True, False, True], "all", False, id="not all of them"),
        pytest.param([False, False, True], {"at_least": 1}, True, id="one of three"),
        pytest.param([False, True, True], {"at_least": 2}, True, id="two of three"),
        pytest.param([False, True, False], {"at_least": 2}, False, id="too few"),
        pytest.param([False, False, False], "first", False, id="none"),
        pytest.param([True, True, False], {"at_least": 3}, False, id="not three"),
    ],
)
async def test_how_many_lines_a_join_needs(answers: list[bool], join: Any, runs: bool) -> None:
    taken = {name: (i, data({"result": answers[i]})) for i, name in enumerate("abc")}
    record, _ = await run(VOTES, {**taken, "j": 1}, {"join": join})
    assert (statuses(record)["j"], record.error) == ("success" if runs else "skipped", None)


@pytest.mark.parametrize(
    ("answers", "at_ms"), [pytest.param([1, 1, 0], 20, id="met"), pytest.param([0, 0, 1], 20, id="out of reach")]
)
async def test_a_quorum_cancels_the_rest_as_soon_as_it_is_decided(answers: list[int], at_ms: float) -> None:
    taken = {name: ((i + 1) * 10, data({"result": bool(answers[i])})) for i, name in enumerate("abc")}
    record, _ = await run(VOTES, {**taken, "j": 0}, {"join": {"at_least": 2}, "cancel_rest": True})
    assert stopped(record) == {"c": "`j` no longer needed it."}
    assert (record.duration_ms, statuses(record)["c"]) == (at_ms, "failed")
    assert statuses(record)["j"] == ("success" if answers[0] else "skipped")


async def test_what_waits_is_cancelled_too_and_its_record_says_so() -> None:
    flow = [*RACE[:3], "b >> PIPE >> c", "c >> PIPE >> j"]
    record, bench = await run(flow, {"a": 10, "b": 50, "c": 1, "j": 1}, CANCELS)
    assert stopped(record) == dict.fromkeys("bc", "`j` no longer needed it.")
    assert (statuses(record)["b"], statuses(record)["c"], bench.inputs_of("c")) == ("failed", "skipped", [])
    assert record.duration_ms == 11


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param(["b >> PIPE >> other"], id="to another node"),
        pytest.param(["b >> PIPE >> output", "j >> PIPE >> output"], id="to output"),
        pytest.param(["b >> ON_FAIL >> other"], id="to a handler"),
        pytest.param(["b >> IF(b.data == 'none') >> stop"], id="to stop"),
    ],
)
async def test_what_leads_elsewhere_too_is_not_cancelled(beside: list[str]) -> None:
    record, _ = await run([*RACE, *beside], {"a": 10, "b": 50, "other": 1, "j": 1}, CANCELS)
    assert (stopped(record), statuses(record)["b"]) == ({}, "success")


async def test_without_cancel_rest_the_others_go_on_and_their_failures_count() -> None:
    record, bench = await run(RACE, {"a": 10, "b": (50, failure("LATE")), "j": 1}, {"join": "first"})
    assert record.error is not None
    assert (record.error.code, statuses(record)["j"], record.duration_ms) == ("LATE", "success", 50)
    assert len(bench.inputs_of("j")) == 1


async def test_a_failure_before_the_decision_counts() -> None:
    record, _ = await run(RACE, {"a": 10, "b": (5, failure("EARLY")), "j": 1}, CANCELS)
    assert (record.error and record.error.code, statuses(record)["j"]) == ("EARLY", "skipped")


async def test_a_failure_of_what_was_cancelled_does_not_count() -> None:
    record, _ = await run(RACE, {"a": 10, "b": (50, failure()), "j": 1}, CANCELS)
    assert (record.error, record.data, record.duration_ms) == (None, "j", 11)


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        pytest.param(data("a"), failure("B"), None, id="the winner is first"),
        pytest.param(failure("A"), data("b"), "A", id="the failure is first"),
    ],
)
async def test_of_two_that_end_at_one_moment_the_first_decides(a: Any, b: Any, code: str | None) -> None:
    record, _ = await run(RACE, {"a": (10, a), "b": (10, b), "j": 1}, CANCELS)
    assert (record.error and record.error.code) == code


async def test_a_loop_that_may_stop_the_run_is_not_cancelled() -> None:
    flow = [
        *("input >> PIPE >> a", "a >> PIPE >> j", "input >> FOREACH x IN input.items >> b"),
        *("b >> IF(b.data == 'b') >> stop", "input >> CONTINUE >> j"),
    ]
    record, _ = await run(flow, {"a": 10, "b": 50, "j": 1}, CANCELS, sent={"items": [1]})
    assert (record.data, record.duration_ms, stopped(record)) == ("b", 50, {})


async def test_a_late_line_is_followed_too_so_the_answer_is_the_join_s_alone() -> None:
    record, _ = await run(RACE, {"a": 10, "b": 50, "j": 1}, {"join": "first"})
    assert (record.data, record.duration_ms) == ("j", 50)


async def test_what_has_not_settled_is_as_if_skipped() -> None:
    join = {"join": "first", "a": "{{a.data?}}", "b": "{{b.data?}}"}
    record, bench = await run(RACE, {"a": 10, "b": 50, "j": 1}, join)
    assert (bench.inputs_of("j"), record.error) == ([{"a": "a", "b": None}], None)


async def test_what_settles_while_the_join_waits_for_its_turn_is_not_seen() -> None:
    flow = [*RACE, "input >> PIPE >> long"]
    join = {"join": "first", "a": "{{a.data?}}", "b": "{{b.data?}}", "repeat": {"until": "previous.n", "max": 2}}
    record, bench = await run(flow, {"a": 10, "b": 20, "long": 1, "j": (15, data({}))}, join)
    assert [given["b"] for given in bench.inputs_of("j")] == [None, None]
    assert record.error is not None


async def test_a_hedge_begins_after_a_while_or_after_a_failure() -> None:
    flow = [
        *("input >> PIPE >> fast", "input >> PIPE >> pause", "pause >> PIPE >> backup", "fast >> ON_FAIL >> backup"),
        *("fast >> PIPE >> j", "backup >> PIPE >> j"),
    ]
    config = {"backup": {"join": "first"}}
    taken: dict[str, Any] = {"pause": 20, "backup": 30, "j": 0}
    quick, _ = await run(flow, {**taken, "fast": 10}, CANCELS, config=config)
    assert (quick.duration_ms, set(stopped(quick))) == (10, {"pause", "backup"})
    slow, _ = await run(flow, {**taken, "fast": 100}, CANCELS, config=config)
    assert (slow.duration_ms, set(stopped(slow))) == (50, {"fast"})
    failed, _ = await run(flow, {**taken, "fast": (5, failure())}, CANCELS, config=config)
    assert (failed.error, failed.duration_ms, set(stopped(failed))) == (None, 35, set())


@pytest.mark.parametrize("concurrency", [2, 16])
async def test_a_loop_that_only_leads_to_the_join_is_cancelled_with_its_body(concurrency: int) -> None:
    flow = [
        *("input >> PIPE >> a", "a >> PIPE >> j", "input >> PIPE >> l"),
        *("l >> FOREACH x IN input.items >> b", "l >> CONTINUE >> j"),
    ]
    taken = {"a": 25, "l": 1, "b": 10, "j": 0}
    record, bench = await run(flow, taken, CANCELS, sent={"items": [1, 2, 3, 4, 5]}, concurrency=concurrency)
    assert (record.error, record.data, stopped(record)) == (None, "j", {"b": "`j` no longer needed it."})
    assert len(bench.inputs_of("b")) < 5


async def test_joins_within_a_body_are_each_element_s() -> None:
    flow = ["input >> FOREACH x IN input.items >> a", "input >> FOREACH x IN input.items >> b", *RACE[2:]]
    record, bench = await run(flow, {"a": 10, "b": 50, "j": 1}, CANCELS, sent={"items": [1, 2]})
    assert (record.data, record.duration_ms, len(bench.inputs_of("j"))) == (["j", "j"], 22, 2)


async def test_a_line_out_of_the_trigger_decides_at_once() -> None:
    flow = ["input >> IF(input.go) >> j", "input >> PIPE >> b", "b >> PIPE >> j"]
    assert (await run(flow, {"b": 50, "j": 1}, CANCELS, sent={"go": True}))[0].duration_ms == 1
    assert (await run(flow, {"b": 50, "j": 1}, CANCELS, sent={"go": False}))[0].duration_ms == 51


async def test_a_join_that_another_cancels() -> None:
    flow = [
        *("input >> PIPE >> a", "input >> PIPE >> b", "input >> PIPE >> c"),
        *("b >> PIPE >> k", "c >> PIPE >> k", "k >> PIPE >> j", "a >> PIPE >> j"),
    ]
    taken = {"a": 10, "b": 20, "c": 30, "k": 1, "j": 1}
    record, _ = await run(flow, taken, CANCELS, config={"k": {"join": "first", "cancel_rest": True}})
    assert (set(stopped(record)), record.data, record.duration_ms) == ({"b", "c", "k"}, "j", 11)


async def test_with_a_single_slot_the_second_is_cancelled() -> None:
    record, _ = await run(RACE, {"a": 10, "b": 50, "j": 1}, CANCELS, concurrency=1)
    assert (record.duration_ms, stopped(record)) == (11, {"b": "`j` no longer needed it."})


@pytest.mark.parametrize("join", [None, {"join": "first"}, CANCELS])
async def test_a_skipped_join_leaves_its_parents_as_the_answer(join: Any) -> None:
    flow = [*RACE[:2], "a >> IF(a.data == 'x') >> j", "b >> IF(b.data == 'x') >> j"]
    record, _ = await run(flow, {"a": 10, "b": 50, "j": 1}, join)
    assert record.data == {"a": "a", "b": "b"}
