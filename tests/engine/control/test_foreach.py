"""What a FOREACH may be told: until a first hit, tolerated failures, batches, an element's number, states."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.limits import MAX_BATCH
from arcrun.workflows.plan import PLAN_FORMAT
from fakes.components import Input
from fakes.engine import EngineBench, data, echo, failure
from fakes.flows import diagnose, flow_of

pytestmark = pytest.mark.anyio

FLOW = ["input >> PIPE >> list", "list >> FOREACH x IN list.data.items >> body", "list >> CONTINUE >> after"]
ITEMS = [0, 1, 2, 3, 4, 5]


async def odd_fails(given: Input) -> Mapping[str, Any]:
    return failure("ODD") if given["n"] % 2 else data({"n": given["n"]})


async def run(behaviour: Any, foreach: dict[str, Any], items: list[Any] | None = None, **config: Any) -> Any:
    bench = EngineBench({"list": data({"items": ITEMS if items is None else items}), "body": behaviour, "after": echo})
    entries = {"list": {"foreach": foreach}, "body": {"n": "{{x}}"}, "after": {"got": "{{x.results}}"}, **config}
    return bench, await bench.run(FLOW, config=entries)


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_the_first_hit_ends_the_loop(concurrency: int) -> None:
    async def find(given: Input) -> Mapping[str, Any]:
        return data({"found": given["n"] == 2})

    foreach = {"until": "body.data.found", "concurrency": concurrency}
    bench, record = await run(find, foreach, after={"got": "{{list.results}}", "states": "{{x.states}}"})
    assert record.error is None
    [after] = bench.inputs_of("after")
    assert after["got"][2] == {"found": True}
    assert after["states"][2] == "success"
    assert after["states"] == ["success"] * 3 + ["skipped"] * 3 or concurrency > 1


async def test_without_a_hit_all_elements_run() -> None:
    _, record = await run(echo, {"until": "body.data.n == `9`"}, after={"states": "{{x.states}}"})
    assert record.data == {"states": ["success"] * 6}


async def test_until_may_read_the_item_and_its_number() -> None:
    bench, record = await run(echo, {"until": "x == `3` || x_index == `1`"})
    assert (record.error, [given["n"] for given in bench.inputs_of("body")]) == (None, [0, 1])


async def test_an_until_that_cannot_be_evaluated_fails_the_element() -> None:
    _, record = await run(echo, {"until": "length(body.data.n) == `1`"})
    assert record.error is not None
    assert (record.error.code, record.error.details["index"]) == ("EXPRESSION_FAILED", 0)


@pytest.mark.parametrize(
    ("tolerate", "fails"),
    [
        pytest.param(3, False, id="as many as fail"),
        pytest.param(2, True, id="one less"),
        pytest.param("50%", False, id="half of six"),
        pytest.param("49%", True, id="a little less: two"),
        pytest.param(0, True, id="none"),
        pytest.param("100%", False, id="all"),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_so_many_failures_are_tolerated(tolerate: int | str, fails: bool, concurrency: int) -> None:
    after = {"states": "{{x.states}}", "errors": "{{x.errors}}"}
    _, record = await run(odd_fails, {"tolerate": tolerate, "concurrency": concurrency}, after=after)
    if fails:
        assert record.error is not None
        assert record.error.code == "TOO_MANY_FAILURES"
        assert record.error.details["elements"] == 6
    else:
        assert record.error is None
        assert record.data["states"] == ["success", "failed"] * 3
        assert [error["index"] for error in record.data["errors"]] == [1, 3, 5]


async def test_an_element_may_be_a_batch() -> None:
    bench, record = await run(echo, {"batch": 4}, body={"n": "{{x}}", "at": "{{x_index}}"})
    assert record.error is None
    assert bench.inputs_of("body") == [{"n": [0, 1, 2, 3], "at": 0}, {"n": [4, 5], "at": 1}]
    _, empty = await run(echo, {"batch": 4}, items=[])
    assert empty.data == {"got": []}


async def test_an_element_has_its_number_also_in_nested_loops() -> None:
    bench = EngineBench({"body": echo, "inner": echo})
    flow = ["input >> FOREACH row IN input.rows >> body", "body >> FOREACH cell IN row >> inner"]
    config = {"inner": {"at": "{{row_index}}/{{cell_index}}", "cell": "{{cell}}"}, "body": {"row": "{{row_index}}"}}
    record = await bench.run(flow, {"rows": [["a", "b"], ["c"]]}, config=config)
    assert record.error is None
    assert [given["at"] for given in bench.inputs_of("inner")] == ["0/0", "0/1", "1/0"]


async def test_a_node_of_that_name_is_not_the_number() -> None:
    bench = EngineBench({"list": data({"items": ["a"]}), "x_index": data("mine"), "body": echo, "after": echo})
    flow = ["input >> PIPE >> x_index", "x_index >> PIPE >> list", *FLOW[1:]]
    record = await bench.run(flow, config={"body": {"got": "{{x_index.data}}"}})
    assert record.error is None
    assert bench.inputs_of("body") == [{"got": "mine"}]


async def test_states_are_told_where_they_are_read() -> None:
    after = {"states": "{{list.states}}"}
    _, record = await run(odd_fails, {"on_error": "continue"}, after=after)
    assert record.data == {"states": ["success", "failed"] * 3}


async def test_a_plain_loop_has_the_outcome_that_it_had() -> None:
    bench, record = await run(
        odd_fails, {"on_error": "continue"}, items=[0], after={"all": "{{x.results}} {{x.errors}}"}
    )
    plan = bench.plan(flow_of(*FLOW, config={"body": {"n": "{{x}}"}}))
    assert record.data == {"all": '[{"n": 0}] []'}
    assert (plan.to_json()["format"], plan.graph.loops[0].tells_states) == (PLAN_FORMAT, False)


async def test_what_runs_at_a_hit_is_cancelled() -> None:
    async def race(given: Input) -> Mapping[str, Any]:
        await asyncio.sleep(0.001 if given["n"] == 1 else 1)
        return data({"found": given["n"] == 1})

    _, record = await run(race, {"until": "body.data.found", "concurrency": 6}, after={"states": "{{x.states}}"})
    assert record.data["states"] == ["skipped", "success", "skipped", "skipped", "skipped", "skipped"]
    assert record.duration_ms < 100


@pytest.mark.parametrize(
    ("foreach", "code"),
    [
        pytest.param({"tolerate": -1}, "INVALID_SETTING", id="less than none"),
        pytest.param({"tolerate": "101%"}, "INVALID_SETTING", id="more than all"),
        pytest.param({"tolerate": 0.1}, "INVALID_SETTING", id="a fraction"),
        pytest.param({"tolerate": 3, "on_error": "stop"}, "INVALID_SETTING", id="tolerates and stops"),
        pytest.param({"batch": 0}, "INVALID_SETTING", id="batches of none"),
        pytest.param({"batch": MAX_BATCH + 1}, "INVALID_SETTING", id="batches too large"),
        pytest.param({"until": "after.data.x"}, "UNRESOLVED_REFERENCE", id="reads what comes after"),
        pytest.param({"until": "body.found"}, "UNRESOLVED_REFERENCE", id="forgets data"),
        pytest.param({"until": "input.x"}, "INVALID_SETTING", id="is the same for all"),
        pytest.param({"until": "body.data."}, "INVALID_EXPRESSION", id="no expression"),
    ],
)
async def test_what_is_wrong_is_found(foreach: dict[str, Any], code: str) -> None:
    config = {"list": {"foreach": foreach}, "body": {"n": "{{x}}"}}
    assert (code, "error") in [(it.code, it.severity.value) for it in diagnose(flow_of(*FLOW, config=config))]


async def test_until_is_for_one_loop() -> None:
    flow = [*FLOW, "list >> FOREACH y IN list.data.items >> other"]
    config = {"list": {"foreach": {"until": "body.data.x"}}, "body": {"n": "{{x}}"}, "other": {"n": "{{y}}"}}
    assert "INVALID_LOOP" in [it.code for it in diagnose(flow_of(*flow, config=config))]


async def test_what_has_no_number_outside_of_its_loop() -> None:
    config = {"body": {"n": "{{x}}"}, "after": {"n": "{{x_index}}"}}
    assert "UNRESOLVED_REFERENCE" in [it.code for it in diagnose(flow_of(*FLOW, config=config))]
