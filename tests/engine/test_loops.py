"""FOREACH and CONTINUE: scope of a body, concurrency, failures, nested loops."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from fakes.components import FUEL_A_CALL, Input
from fakes.engine import EngineBench, data, echo, failure, statuses, taking

pytestmark = pytest.mark.anyio

LOOP = ["input >> PIPE >> list", "list >> FOREACH x IN list.data.items >> body"]
GO_ON = {"list": {"foreach": {"on_error": "continue"}}}


async def double(given: Input) -> Mapping[str, Any]:
    return failure("ODD", f"{given['n']} is odd") if given["n"] % 2 else data(given["n"] * 2)


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        pytest.param(" IN list.data.items", {"items": [1, 2]}, id="a path"),
        pytest.param(" IN {{list.data.items}}", {"items": [1, 2]}, id="a path in braces"),
        pytest.param(" in list.data.a[0].b", {"a": [{"b": [1, 2]}]}, id="a deep path"),
        pytest.param(" IN input.given", {}, id="the trigger's"),
    ],
)
async def test_the_list(path: str, answered: Any) -> None:
    bench = EngineBench({"list": data(answered), "body": echo})
    flow = ["input >> PIPE >> list", f"list >> FOREACH x{path} >> body"]
    await bench.run(flow, {"given": [1, 2]}, config={"body": {"got": "{{x}}"}})
    assert bench.inputs_of("body") == [{"got": 1}, {"got": 2}]


@pytest.mark.parametrize("answered", [{"items": "text"}, {"items": {"a": 1}}, {"items": None}])
async def test_what_is_no_list_is_a_failure_of_the_node(answered: Any) -> None:
    record = await EngineBench({"list": data(answered), "body": echo}).run(LOOP)
    assert record.error is not None
    assert (record.error.code, record.error.details["node"]) == ("INVALID_ITEMS", "list")
    assert statuses(record) == {"list": "failed", "body": "skipped"}
    assert record.trace[0].error is record.error


@pytest.mark.parametrize(
    ("answered", "kind"),
    [
        pytest.param({"items": "text"}, "string", id="text"),
        pytest.param({"items": {"a": 1}}, "object", id="object"),
        pytest.param({"items": None}, "null", id="null"),
        pytest.param({"items": 7}, "integer", id="number"),
    ],
)
async def test_the_handler_of_the_node_gets_what_is_no_list(answered: Any, kind: str) -> None:
    """Other successors of the node do not run, because it has failed."""
    bench = EngineBench({"list": data(answered), "body": echo, "beside": echo, "alarm": echo})
    config = {"alarm": {"text": "{{list.error.message}}", "items": "{{list.data.items}}"}}
    record = await bench.run([*LOOP, "list >> PIPE >> beside", "list >> ON_FAIL >> alarm"], config=config)
    assert record.error is None
    assert statuses(record) == {"list": "failed", "body": "skipped", "beside": "skipped", "alarm": "success"}
    message = f"FOREACH needs a list, and list.data.items is {kind}."
    assert bench.inputs_of("alarm") == [{"text": message, "items": answered["items"]}]


async def test_a_list_that_is_not_there_is_a_failure_of_the_node() -> None:
    bench = EngineBench({"list": data({}), "body": echo, "alarm": echo})
    record = await bench.run([*LOOP, "list >> ON_FAIL >> alarm"], config={"alarm": {"c": "{{list.error.code}}"}})
    assert (record.error, bench.inputs_of("alarm")) == (None, [{"c": "UNRESOLVED_REFERENCE"}])
    [action] = record.trace[0].error.next_actions if record.trace[0].error else [""]
    assert action == "If the list may be missing: FOREACH x IN list.data.items | default([])."


async def test_a_list_may_have_a_default() -> None:
    bench = EngineBench({"list": data({}), "body": echo, "after": echo})
    flow = [LOOP[0], "list >> FOREACH x IN list.data.items | default([7]) >> body"]
    record = await bench.run(flow, config={"body": {"x": "{{x}}"}})
    assert (record.error, record.data) == (None, [{"x": 7}])


async def test_a_list_of_the_trigger_that_is_none_fails_the_run() -> None:
    record = await EngineBench({"a": echo}).run(["input >> FOREACH x IN input.items >> a"], {"items": "text"})
    assert record.error is not None
    assert (record.error.code, record.error.details["node"]) == ("INVALID_ITEMS", "input")
    assert statuses(record) == {"a": "skipped"}


async def test_a_failure_of_a_list_within_an_iteration_is_that_of_its_element() -> None:
    flow = [*LOOP, "body >> FOREACH y IN body.data.n >> inner", "list >> CONTINUE >> after"]
    bench = EngineBench({"list": data({"items": [[1], 7]}), "body": echo, "inner": echo, "after": echo})
    config = {**GO_ON, "body": {"n": "{{x}}"}, "inner": {"y": "{{y}}"}, "after": {"errors": "{{list.errors}}"}}
    record = await bench.run(flow, config=config)
    [after] = bench.inputs_of("after")
    assert [(e["index"], e["item"], e["error"]["code"]) for e in after["errors"]] == [(1, 7, "INVALID_ITEMS")]
    assert record.error is None


async def test_several_loops_leave_one_node_one_after_the_other() -> None:
    flow = [
        "input >> PIPE >> list",
        "list >> FOREACH x IN list.data.p >> a",
        "list >> FOREACH y IN list.data.q >> b",
        "list >> CONTINUE(x) >> after_x",
        "list >> CONTINUE >> after",
    ]
    bench = EngineBench({"list": data({"p": [1, 2], "q": [3]}), **dict.fromkeys(["a", "b"], taking(10)), "e": echo})
    config = {
        "a": {"n": "{{x}}"},
        "b": {"n": "{{y}}"},
        "after_x": {"component": "e", "x": "{{x.results}}"},
        "after": {"component": "e", "x": "{{x.results}}", "y": "{{y.results}}"},
    }
    record = await bench.run(flow, config=config)
    assert bench.inputs_of("e") == [
        {"x": [{"n": 1}, {"n": 2}]},
        {"x": [{"n": 1}, {"n": 2}], "y": [{"n": 3}]},
    ]
    starts = {entry.node: entry.start_ms for entry in record.trace}
    assert (starts["a"], starts["b"], starts["after_x"], starts["after"]) == (0, 20, 20, 30)


async def test_the_answers_of_several_loops_go_by_their_items() -> None:
    flow = ["input >> FOREACH x IN input.p >> a", "input >> FOREACH y IN input.q >> b"]
    record = await EngineBench({"a": echo, "b": echo}).run(
        flow, {"p": [1], "q": [2, 3]}, config={"a": {"n": "{{x}}"}, "b": {"n": "{{y}}"}}
    )
    assert record.data == {"x": [{"n": 1}], "y": [{"n": 2}, {"n": 3}]}


async def test_an_inner_loop_with_the_outer_item_leaves_the_outer_element_alone() -> None:
    flow = [
        "input >> FOREACH x IN input.rows >> a",
        "a >> FOREACH x IN x >> b",
        "a >> CONTINUE >> c",
        "input >> CONTINUE >> d",
    ]
    bench = EngineBench({"a": echo, "b": echo, "c": echo, "d": echo})
    config = {"b": {"n": "{{x}}"}, "c": {"row": "{{x}}", "got": "{{a.results}}"}, "d": {"got": "{{x.results}}"}}
    await bench.run(flow, {"rows": [[1], [2]]}, config=config)
    assert bench.inputs_of("c") == [{"row": [1], "got": [{"n": 1}]}, {"row": [2], "got": [{"n": 2}]}]
    assert bench.inputs_of("d") == [{"got": bench.inputs_of("c")}]


async def test_an_empty_list_runs_nothing_and_goes_on() -> None:
    bench = EngineBench({"list": data({"items": []}), "body": echo, "after": echo})
    record = await bench.run([*LOOP, "list >> CONTINUE >> after"], config={"after": {"got": "{{list.results}}"}})
    assert statuses(record) == {"list": "success", "body": "skipped", "after": "success"}
    assert bench.inputs_of("after") == [{"got": []}]


async def test_continue_runs_once_and_sees_the_results_in_order() -> None:
    """The later elements are the faster ones."""

    async def slow_first(given: Input) -> Mapping[str, Any]:
        await asyncio.sleep((10 - given["n"]) / 1000)
        return data(given["n"] * 10)

    bench = EngineBench({"list": data({"items": list(range(10))}), "body": slow_first, "after": echo})
    config = {"list": {"foreach": {"concurrency": 4}}, "body": {"n": "{{x}}"}, "after": {"got": "{{list.results}}"}}
    record = await bench.run([*LOOP, "list >> CONTINUE >> after"], config=config)
    assert bench.inputs_of("after") == [{"got": [n * 10 for n in range(10)]}]
    assert record.trace[1].iterations is not None
    assert record.trace[1].iterations.to_json() == {"success": 10, "failed": 0, "skipped": 0}
    assert record.trace[1].fuel == 10 * FUEL_A_CALL


@pytest.mark.parametrize(("concurrency", "took_ms"), [(1, 240), (3, 80), (8, 30), (64, 10)])
async def test_so_many_run_at_once(concurrency: int, took_ms: float) -> None:
    bench = EngineBench({"list": data({"items": list(range(24))}), "body": taking(10)})
    record = await bench.run(LOOP, config={"list": {"foreach": {"concurrency": concurrency}}}, concurrency=64)
    assert record.duration_ms == took_ms


async def test_one_at_a_time_is_the_default() -> None:
    bench = EngineBench({"list": data({"items": [1, 2, 3]}), "body": taking(10)})
    assert (await bench.run(LOOP)).duration_ms == 30


async def test_the_body_is_a_graph_of_its_own() -> None:
    flow = [
        *LOOP,
        "body >> ON_TRUE >> yes",
        "body >> ON_FALSE >> no",
        "yes >> PIPE >> join",
        "no >> PIPE >> join",
        "list >> CONTINUE >> after",
    ]

    async def is_even(given: Input) -> Mapping[str, Any]:
        return data({"result": given["n"] % 2 == 0})

    bench = EngineBench(
        {"list": data({"items": [1, 2, 3]}), "body": is_even, "yes": echo, "no": echo, "join": echo, "after": echo}
    )
    config = {"body": {"n": "{{x}}"}, "yes": {"y": "{{x}}"}, "no": {"n": "{{x}}"}, "join": {"x": "{{x}}"}}
    record = await bench.run(flow, config=config)
    counts = {entry.node: entry.iterations.to_json() for entry in record.trace if entry.iterations}
    assert counts == {
        "body": {"success": 3, "failed": 0, "skipped": 0},
        "yes": {"success": 1, "failed": 0, "skipped": 2},
        "no": {"success": 2, "failed": 0, "skipped": 1},
        "join": {"success": 3, "failed": 0, "skipped": 0},
    }
    assert bench.inputs_of("join") == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert record.data == {}


async def test_a_node_in_an_iteration_sees_that_iteration_alone() -> None:
    bench = EngineBench({"list": data({"items": [1, 2, 3]}), "body": echo, "next": echo})
    config = {"list": {"foreach": {"concurrency": 3}}, "body": {"n": "{{x}}"}, "next": {"got": "{{body.data.n}}{{x}}"}}
    await bench.run([*LOOP, "body >> PIPE >> next"], config=config)
    assert sorted(given["got"] for given in bench.inputs_of("next")) == ["11", "22", "33"]


async def test_several_entries_make_one_loop() -> None:
    flow = [
        "input >> FOREACH x IN input.items >> a",
        "input >> FOREACH x IN input.items >> b",
        "input >> CONTINUE >> c",
    ]
    bench = EngineBench({"a": data("of a"), "b": data("of b"), "c": echo})
    await bench.run(flow, {"items": [1, 2]}, config={"c": {"got": "{{x.results}}"}})
    assert bench.inputs_of("c") == [{"got": [{"a": "of a", "b": "of b"}] * 2}]


async def test_loops_within_loops() -> None:
    flow = [
        "input >> FOREACH row IN input.rows >> open",
        "open >> FOREACH cell IN row >> mark",
        "open >> CONTINUE >> close",
        "input >> CONTINUE >> after",
    ]
    config = {
        "input": {"foreach": {"concurrency": 2}},
        "open": {"foreach": {"concurrency": 2}, "row": "{{row}}"},
        "mark": {"got": ["{{row[0]}}", "{{cell}}"]},
        "close": {"marks": "{{open.results}}"},
        "after": {"all": "{{row.results}}"},
    }
    bench = EngineBench({"open": echo, "mark": echo, "close": echo, "after": echo})
    record = await bench.run(flow, {"rows": [[1, 2], [], [3]]}, config=config)
    assert bench.inputs_of("after") == [
        {
            "all": [
                {"marks": [{"got": [1, 1]}, {"got": [1, 2]}]},
                {"marks": []},
                {"marks": [{"got": [3, 3]}]},
            ]
        }
    ]
    assert [entry.node for entry in record.trace] == ["open", "mark", "close", "after"]
    assert [entry.iterations.success if entry.iterations else None for entry in record.trace] == [3, 3, 3, None]


async def test_the_first_failure_ends_the_loop_and_the_run() -> None:
    bench = EngineBench({"list": data({"items": [2, 3, 4, 5]}), "body": double, "after": echo})
    record = await bench.run([*LOOP, "list >> CONTINUE >> after"], config={"body": {"n": "{{x}}"}})
    assert record.error is not None
    assert (record.error.code, record.error.details) == ("ODD", {"node": "body", "index": 1})
    assert bench.inputs_of("body") == [{"n": 2}, {"n": 3}]
    assert statuses(record) == {"list": "success", "body": "failed", "after": "skipped"}


async def test_the_first_failure_stops_the_elements_beside_it() -> None:
    async def behave(given: Input) -> Mapping[str, Any]:
        await asyncio.sleep(given["n"] / 1000)
        return failure() if given["n"] == 5 else data({})

    bench = EngineBench({"list": data({"items": [1000, 5, 1000]}), "body": behave})
    config = {"list": {"foreach": {"concurrency": 3}}, "body": {"n": "{{x}}"}}
    record = await bench.run(LOOP, config=config)
    assert record.duration_ms == 5
    assert record.trace[1].iterations is not None
    assert record.trace[1].iterations.to_json() == {"success": 0, "failed": 3, "skipped": 0}


async def test_a_loop_that_goes_on_keeps_results_and_errors_apart() -> None:
    bench = EngineBench({"list": data({"items": [2, 3, 4]}), "body": double, "after": echo})
    config = {**GO_ON, "body": {"n": "{{x}}"}, "after": {"got": "{{list.results}}", "errors": "{{list.errors}}"}}
    record = await bench.run([*LOOP, "list >> CONTINUE >> after"], config=config)
    assert record.error is None
    [got] = bench.inputs_of("after")
    assert got["got"] == [4, None, 8]
    assert [(entry["index"], entry["item"], entry["error"]["code"]) for entry in got["errors"]] == [(1, 3, "ODD")]
    assert statuses(record) == {"list": "success", "body": "failed", "after": "success"}


async def test_a_failure_that_the_body_handles_is_no_failure_of_the_loop() -> None:
    bench = EngineBench({"list": data({"items": [2, 3]}), "body": double, "mend": data("mended"), "after": echo})
    flow = [*LOOP, "body >> ON_FAIL >> mend", "list >> CONTINUE >> after"]
    await bench.run(flow, config={"body": {"n": "{{x}}"}, "after": {"got": "{{list.results}}"}})
    assert bench.inputs_of("after") == [{"got": [4, "mended"]}]


async def test_a_loop_behind_a_failure_is_skipped() -> None:
    bench = EngineBench({"list": failure(), "body": echo, "after": echo, "alarm": echo})
    record = await bench.run([*LOOP, "list >> CONTINUE >> after", "list >> ON_FAIL >> alarm"])
    assert statuses(record) == {"list": "failed", "body": "skipped", "after": "skipped", "alarm": "success"}


async def test_without_continue_the_results_are_the_answer() -> None:
    bench = EngineBench({"list": data({"items": [2, 4]}), "body": double})
    assert (await bench.run(LOOP, config={"body": {"n": "{{x}}"}})).data == [4, 8]


async def test_an_answer_in_the_body_stands_for_the_loop() -> None:
    bench = EngineBench({"list": data({"items": [2, 4]}), "body": double, "next": echo})
    flow = [*LOOP, "body >> PIPE >> output", "body >> PIPE >> next"]
    assert (await bench.run(flow, config={"body": {"n": "{{x}}"}})).data == [4, 8]


@pytest.mark.parametrize("item", [{"text": "of the item"}, 7], ids=["fields of the item", "the item by its name"])
async def test_nothing_comes_from_the_item_or_the_trigger_that_is_not_written(item: Any) -> None:
    bench = EngineBench({"a": echo}, {"a": ["text", "x"]})
    await bench.run(["input >> FOREACH x IN input.items >> a"], {"items": [item], "text": "of the trigger"})
    assert bench.inputs_of("a") == [{}]


@pytest.mark.parametrize(
    "own",
    [
        pytest.param({}, id="without results of its own"),
        pytest.param({"results": "mine", "errors": ["mine"]}, id="with results of its own"),
    ],
)
async def test_a_loop_of_the_trigger_leaves_its_fields_alone(own: dict[str, Any]) -> None:
    bench = EngineBench({"a": echo, "b": echo})
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> b"]
    config = {
        "a": {"n": "{{x}}"},
        "b": {"got": "{{x.results}}", "errors": "{{x.errors}}", "own": ["{{input.results?}}", "{{input.errors?}}"]},
    }
    await bench.run(flow, {"items": [1, 2], **own}, config=config)
    expected_own = [own.get("results"), own.get("errors")]
    assert bench.inputs_of("b") == [{"got": [{"n": 1}, {"n": 2}], "errors": [], "own": expected_own}]
