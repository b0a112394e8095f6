"""Lines to `stop` and `break`: when they end a run or a loop, what is answered, and what becomes of the rest."""

from typing import Any

import pytest

from arcrun.engine.record import RunRecord
from fakes.engine import EngineBench, data, echo, failure, statuses, taking

pytestmark = pytest.mark.anyio


def stopped(record: RunRecord) -> dict[str, str]:
    return {
        entry.node: entry.error.message.partition(" because ")[2]
        for entry in record.trace
        if entry.error is not None and entry.error.code == "CANCELLED"
    }


async def find(given: dict[str, Any]) -> dict[str, Any]:
    """Answers whether it is given 3."""
    return dict(data({"result": given["x"] == 3, "x": given["x"]}))


BENCH = {"a": taking(10, data("a")), "b": taking(50, data("b")), "c": data("c"), "bad": failure("BAD"), "find": find}
CONFIG_OF_L = {"l": {"component": "c"}}
SEARCH = ["input >> PIPE >> l", "l >> FOREACH x IN input.items >> find", "find >> ON_TRUE >> break"]
CONFIG = {"l": {"component": "c"}, "find": {"x": "{{x}}"}}


async def run(flow: list[str], sent: Any = None, **more: Any) -> RunRecord:
    return await EngineBench(BENCH).run(flow, sent, **more)


async def test_stop_ends_the_run_with_the_line_s_data_and_cancels_the_rest() -> None:
    record = await run(["input >> PIPE >> a", "input >> PIPE >> b", "b >> PIPE >> c", "a >> IF(a.data == 'a') >> stop"])
    assert (record.error, record.data, record.duration_ms) == (None, "a", 10)
    assert stopped(record) == {"b": "a line to `stop` had ended the run."}
    assert statuses(record) == {"a": "success", "b": "failed", "c": "skipped"}


async def test_a_line_to_stop_that_does_not_fire_changes_nothing() -> None:
    record = await run(["input >> PIPE >> a", "a >> IF(a.data == 'x') >> stop", "a >> PIPE >> c"])
    assert (record.data, record.duration_ms) == ("c", 10)


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        pytest.param([], "a", id="no line to output"),
        pytest.param(["c >> PIPE >> output"], "c", id="one that has fired"),
        pytest.param(["b >> PIPE >> output"], "a", id="one that has not"),
        pytest.param(["b >> PIPE >> output", "c >> PIPE >> output"], "c", id="one of two"),
    ],
)
async def test_lines_to_output_that_have_fired_are_the_answer(output: list[str], answer: str) -> None:
    flow = ["input >> PIPE >> a", "input >> PIPE >> b", "input >> PIPE >> c", "a >> PIPE >> stop", *output]
    assert (await run(flow)).data == answer


@pytest.mark.parametrize("go", [True, False])
async def test_the_trigger_can_stop_a_run_before_anything_runs(go: bool) -> None:
    record = await run(["input >> IF(input.stale) >> stop", "input >> PIPE >> a"], {"stale": not go})
    assert (record.data, statuses(record)) == (
        "a" if go else {"stale": True},
        {"a": "success" if go else "skipped"},
    )


async def test_a_failure_can_stop_a_run_successfully() -> None:
    record = await run(["input >> PIPE >> bad", "bad >> ON_FAIL >> stop", "bad >> PIPE >> a"])
    assert (record.error, record.data["error"]["code"]) == (None, "BAD")


async def test_a_failure_before_the_stop_fails_the_run() -> None:
    record = await run(["input >> PIPE >> a", "input >> PIPE >> bad", "a >> PIPE >> stop"])
    assert record.error is not None
    assert (record.error.code, statuses(record)["a"]) == ("BAD", "failed")


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_stop_in_a_body_ends_the_whole_run(concurrency: int) -> None:
    flow = [
        *("input >> PIPE >> l", "input >> PIPE >> b", "l >> FOREACH x IN input.items >> m"),
        *("m >> FOREACH y IN input.items >> find", "find >> ON_TRUE >> stop", "l >> CONTINUE >> c"),
    ]
    loop = {"component": "c", "foreach": {"concurrency": concurrency}}
    config = {"l": loop, "m": loop, "find": {"x": "{{y}}"}}
    record = await run(flow, {"items": [1, 2, 3, 4]}, config=config)
    assert (record.error, record.data) == (None, {"result": True, "x": 3})
    assert set(stopped(record).values()) == {"a line to `stop` had ended the run."}
    assert (stopped(record).keys() | {"find"}, statuses(record)["c"]) == ({"b", "find"}, "skipped")


async def test_stop_in_a_sub_workflow_ends_that_alone() -> None:
    inner = {"flow": ["input >> PIPE >> a", "a >> PIPE >> stop", "input >> PIPE >> b"]}
    bench = EngineBench({**BENCH, "d": echo}, workflows={"inner": inner})
    flow = ["input >> PIPE >> c", "c >> CALLS_SUBFLOW >> inner", "inner >> PIPE >> d"]
    record = await bench.run(flow, config={"d": {"got": "{{inner.data}}"}})
    assert (record.data, record.duration_ms) == ({"got": "a"}, 10)


@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_break_ends_the_loop_and_keeps_its_results(on_error: str) -> None:
    config = {**CONFIG, "l": {"component": "c", "foreach": {"on_error": on_error}}}
    record = await run([*SEARCH, "l >> CONTINUE >> c"], {"items": [1, 2, 3, 4, 5]}, config=config)
    [entry] = [entry for entry in record.trace if entry.node == "find"]
    assert (record.data, entry.attempts) == ("c", 3)
    alone = await run(SEARCH, {"items": [1, 2, 3, 4, 5]}, config=config)
    assert alone.data == [
        *({"result": False, "x": x} for x in (1, 2)),
        {"result": True, "x": 3},
        None,
        None,
    ]


async def test_break_cancels_the_elements_that_run() -> None:
    async def wait(given: dict[str, Any]) -> dict[str, Any]:
        return dict(await taking(10 * given["x"], data({"result": given["x"] == 3, "x": given["x"]}))(given))

    bench = EngineBench({**BENCH, "find": wait})
    config = {**CONFIG, "l": {"component": "c", "foreach": {"concurrency": 4}}}
    record = await bench.run(SEARCH, {"items": [4, 3, 1, 5, 2]}, config=config)
    assert record.data == [None, {"result": True, "x": 3}, {"result": False, "x": 1}, None, {"result": False, "x": 2}]
    assert (stopped(record), record.duration_ms) == ({"find": "a line to `break` had ended the loop."}, 30)


async def test_a_hit_cancels_the_elements_that_run() -> None:
    async def wait(given: dict[str, Any]) -> dict[str, Any]:
        return dict(await taking(10 * given["x"], data({"hit": given["x"] == 3}))(given))

    bench = EngineBench({**BENCH, "find": wait})
    config = {**CONFIG, "l": {"component": "c", "foreach": {"concurrency": 4, "until": "find.data.hit"}}}
    record = await bench.run(SEARCH[:2], {"items": [4, 3, 1, 5, 2]}, config=config)
    assert (stopped(record), record.duration_ms) == ({"find": "`until` had ended the loop."}, 30)


async def test_break_ends_the_innermost_loop() -> None:
    flow = [
        *("input >> PIPE >> l", "l >> FOREACH y IN input.lists >> m"),
        *("m >> FOREACH x IN y >> find", "find >> ON_TRUE >> break"),
    ]
    config = {"l": {"component": "c"}, "m": {"component": "c"}, "find": {"x": "{{x}}"}}
    record = await run(flow, {"lists": [[3, 1], [1, 3, 1], [1]]}, config=config)
    assert [[one and one["x"] for one in each] for each in record.data] == [[3, None], [1, 3, None], [1]]


async def test_what_leads_to_output_in_the_body_is_the_element_s_answer() -> None:
    flow = ["input >> PIPE >> l", "l >> FOREACH x IN input.items >> c", "c >> PIPE >> output", *SEARCH[1:]]
    flow = [*flow[:3], "c >> PIPE >> find", "find >> ON_TRUE >> break"]
    record = await run(flow, {"items": [1, 3, 1]}, config={**CONFIG, "l": {"component": "a"}})
    assert record.data == ["c", "c", None]


async def test_a_failure_can_break_a_loop() -> None:
    flow = ["input >> FOREACH x IN input.items >> bad", "bad >> ON_FAIL >> break"]
    record = await run(flow, {"items": [1, 2]})
    assert record.error is None
    assert (record.data[0]["error"]["code"], record.data[1]) == ("BAD", None)


async def test_the_end_of_a_loop_can_stop_a_run() -> None:
    flow = [*SEARCH, "l >> CONTINUE >> stop", "input >> PIPE >> b"]
    record = await run(flow, {"items": [1]}, config=CONFIG)
    assert (record.data, record.duration_ms) == ([{"result": False, "x": 1}], 0)


async def test_the_end_of_several_loops_stops_a_run_after_the_last() -> None:
    flow = [
        *("input >> PIPE >> l", "l >> FOREACH x IN input.items >> a", "l >> FOREACH y IN input.items >> b"),
        "l >> CONTINUE >> stop",
    ]
    record = await run(flow, {"items": [1]}, config=CONFIG_OF_L)
    assert (record.data, statuses(record)["b"]) == (["b"], "success")


@pytest.mark.parametrize("name", ["stop", "break"])
async def test_a_step_of_that_name_that_has_an_entry_stays_a_step(name: str) -> None:
    flow = ["input >> PIPE >> a", f"a >> PIPE >> {name}", f"{name} >> PIPE >> c"]
    record = await run(flow, config={name: {"component": "b"}})
    assert (record.data, statuses(record)[name]) == ("c", "success")
