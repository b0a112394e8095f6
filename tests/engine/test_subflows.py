"""CALLS_SUBFLOW: its input, its answer, its trace, its failures, and its maximum depth."""

from typing import Any

import pytest

from fakes.components import FUEL_A_CALL
from fakes.engine import EngineBench, data, echo, failure, in_turn, statuses, taking

pytestmark = pytest.mark.anyio

FLOW = ["input >> PIPE >> a", "a >> CALLS_SUBFLOW >> inner"]
INNER = {"flow": ["input >> PIPE >> work"], "config": {"work": {"component": "echo", "got": "{{input}}"}}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({}, {"x": 1}, id="the output before it"),
        pytest.param({"input": {"y": "{{a.data.x}}"}}, {"y": 1}, id="what its config says"),
        pytest.param({"input": "{{a.data.x}}"}, 1, id="no object"),
    ],
)
async def test_the_input(config: Any, expected: Any) -> None:
    bench = EngineBench({"a": data({"x": 1}), "echo": echo}, workflows={"inner": INNER})
    record = await bench.run(FLOW, config={"inner": config})
    assert bench.inputs_of("echo") == [{"got": expected}]
    assert record.trace[1].input == {"input": expected}


async def test_its_answer_is_the_nodes_data_and_its_trace_part_of_the_record() -> None:
    bench = EngineBench({"a": data({"x": 1}), "echo": echo, "after": echo}, workflows={"inner": INNER})
    config = {"after": {"got": "{{inner.data.got.x}}"}}
    record = await bench.run([*FLOW, "inner >> PIPE >> after"], config=config)
    assert bench.inputs_of("after") == [{"got": 1}]
    assert [entry.node for entry in record.trace] == ["a", "inner", "after"]
    assert record.trace[1].component == "workflow:inner"
    assert [(entry.node, entry.fuel) for entry in record.trace[1].subflow or ()] == [("work", FUEL_A_CALL)]
    assert "fuel" not in record.trace[1].to_json()
    assert [entry["node"] for entry in record.render_trace()[1]["trace"]] == ["work"]


async def test_the_workflow_may_have_another_name_than_the_node() -> None:
    bench = EngineBench({"a": data({}), "echo": echo}, workflows={"other": INNER})
    record = await bench.run(FLOW, config={"inner": {"workflow": "other"}})
    assert (record.error, record.trace[1].component) == (None, "workflow:other")


async def test_it_sees_nothing_of_the_run_around_it() -> None:
    inner = {"flow": ["input >> PIPE >> work"], "config": {"work": {"component": "echo", "got": "{{input.x?}}"}}}
    bench = EngineBench({"a": data({}), "echo": echo}, workflows={"inner": inner})
    await bench.run(FLOW, {"x": "of the outer trigger"})
    assert bench.inputs_of("echo") == [{"got": None}]


async def test_its_failure_is_the_nodes_and_can_be_handled() -> None:
    inner = {"flow": ["input >> PIPE >> bad"], "config": {}}
    bench = EngineBench({"a": data({}), "bad": failure(), "alarm": echo}, workflows={"inner": inner})
    config = {"alarm": {"got": "{{inner.error.code}}", "where": "{{inner.error.details}}"}}
    record = await bench.run([*FLOW, "inner >> FAIL >> alarm"], config=config)
    assert record.error is None
    assert bench.inputs_of("alarm") == [{"got": "BAD", "where": {"node": "bad", "workflow": "inner"}}]
    assert statuses(record)["inner"] == "failed"
    assert [entry.status for entry in record.trace[1].subflow or ()] == ["failed"]


async def test_it_is_retried_from_its_beginning() -> None:
    inner = {"flow": ["input >> PIPE >> one", "one >> PIPE >> two"], "config": {}}
    bench = EngineBench(
        {"a": data({}), "one": data({}), "two": in_turn(failure(retriable=True), data(2))}, workflows={"inner": inner}
    )
    record = await bench.run(FLOW, config={"inner": {"retry": {"max_attempts": 2}}})
    assert (record.data, len(bench.inputs_of("one"))) == (2, 2)


async def test_three_levels() -> None:
    workflows = {
        "inner": {"flow": ["input >> SUBFLOW >> innermost"]},
        "innermost": {"flow": ["input >> PIPE >> echo"], "config": {"echo": {"got": "{{input.x}}"}}},
    }
    bench = EngineBench({"a": data({"x": 1}), "echo": echo}, workflows=workflows)
    assert (await bench.run(FLOW)).data == {"got": 1}


async def test_one_that_calls_itself_ends_with_an_error() -> None:
    workflows = {"inner": {"flow": ["input >> SUBFLOW >> inner"]}}
    record = await EngineBench({"a": data({})}, workflows=workflows).run(FLOW)
    assert record.error is not None
    assert record.error.code == "SUBFLOW_TOO_DEEP"


async def test_one_that_is_gone_fails_the_node() -> None:
    workflows: dict[str, Any] = {"inner": INNER}
    bench = EngineBench({"a": data({}), "echo": echo}, workflows=workflows)
    plan = bench.plan({"name": "w", "flow": FLOW})
    del workflows["inner"]
    assert plan.nodes[1].workflow == "inner"
    with pytest.raises(Exception, match="not stored"):
        await bench.run(FLOW)


async def test_it_shares_the_runs_limit_of_components_at_once() -> None:
    inner = {"flow": [f"input >> PIPE >> n{i}" for i in range(4)], "concurrency": 64}
    names = {f"n{i}": taking(10) for i in range(4)}
    bench = EngineBench({"a": data({}), **names}, workflows={"inner": inner})
    assert (await bench.run(FLOW, concurrency=2)).duration_ms == 20
