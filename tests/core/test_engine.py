"""Proves how a plan runs: what waits for what, what overlaps, what a failure skips, what each node gets as its input,
and what the record says of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.engine.engine import Engine
from arcrun.engine.record import NodeRecord, NodeStatus, RunRecord
from arcrun.errors import ComponentError, RequestError
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, build_plan
from fakes.components import FakeComponents, Input
from fakes.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

OK: Mapping[str, Any] = {"success": True, "data": {}}
CHAIN = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"]
DIAMOND = ["input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c", "b >> PIPE >> d", "c >> PIPE >> d"]


def plan_of(*lines: str, **config: Any) -> Plan:
    return build_plan(parse_workflow({"name": "w", "flow": list(lines), "config": config}))


async def run(
    plan: Plan, components: FakeComponents, trigger_input: Any = None, clock: FixedClock | None = None
) -> RunRecord:
    engine = Engine(components, clock or FixedClock(), SeededRandom())
    return await engine.run(plan, {} if trigger_input is None else trigger_input)


def statuses(record: RunRecord) -> dict[str, str]:
    return {entry.node: entry.status.value for entry in record.trace}


def data(value: Any) -> Mapping[str, Any]:
    return {"success": True, "data": value}


async def _fail(_input: Input) -> Mapping[str, Any]:
    raise ComponentError("It went wrong.", code="BAD", http_status=502)


FAILURES = [
    pytest.param({"success": False, "error": {"code": "BAD", "message": "It went wrong."}}, 422, id="returned"),
    pytest.param(_fail, 502, id="raised"),
]


async def test_a_chain_runs_in_order() -> None:
    components = FakeComponents({"a": data(1), "b": data(2), "c": data(3)})
    record = await run(plan_of(*CHAIN), components)
    assert [name for name, _ in components.calls] == ["a", "b", "c"]
    assert (record.workflow, record.data, record.error) == ("w", 3, None)
    assert statuses(record) == {"a": "success", "b": "success", "c": "success"}


async def test_each_line_out_of_a_node_sees_the_same_output() -> None:
    components = FakeComponents({"a": data({"x": 1}), "b": OK, "c": OK})
    config = {"b": {"got": "{{a.data.x}}"}, "c": {"got": "{{a.data.x}}"}}
    await run(plan_of("input >> PIPE >> a", "a >> PIPE >> b", "a >> PIPE >> c", **config), components)
    assert components.inputs_of("b") == components.inputs_of("c") == [{"got": 1}]


async def test_a_join_runs_once_with_the_output_of_all_its_parents() -> None:
    components = FakeComponents({"a": data(0), "b": data(1), "c": data(2), "d": data(3)})
    record = await run(plan_of(*DIAMOND, d={"got": ["{{b.data}}", "{{c.data}}"]}), components)
    assert components.inputs_of("d") == [{"got": [1, 2]}]
    assert record.data == 3


async def test_a_node_that_is_used_twice_runs_twice() -> None:
    components = FakeComponents({"echo": OK})
    first, second = {"component": "echo", "n": 1}, {"component": "echo", "n": 2}
    await run(plan_of("input >> PIPE >> a", "a >> PIPE >> b", a=first, b=second), components)
    assert components.inputs_of("echo") == [{"n": 1}, {"n": 2}]


async def test_independent_nodes_overlap() -> None:
    """Each of the two ends only after the other has begun: one after the other would never end."""
    begun = {"a": asyncio.Event(), "b": asyncio.Event()}

    def meet(own: str, other: str) -> Callable[[Input], Awaitable[Mapping[str, Any]]]:
        async def call(_input: Input) -> Mapping[str, Any]:
            begun[own].set()
            await begun[other].wait()
            return OK

        return call

    components = FakeComponents({"a": meet("a", "b"), "b": meet("b", "a")})
    async with asyncio.timeout(2):
        record = await run(plan_of("input >> PIPE >> a", "input >> PIPE >> b"), components)
    assert statuses(record) == {"a": "success", "b": "success"}


async def test_a_branch_does_not_wait_for_its_slower_neighbour() -> None:
    """`slow` ends only when `after_fast`, two steps down the other branch, has begun."""
    reached = asyncio.Event()

    async def slow(_input: Input) -> Mapping[str, Any]:
        await reached.wait()
        return OK

    async def after_fast(_input: Input) -> Mapping[str, Any]:
        reached.set()
        return OK

    components = FakeComponents({"slow": slow, "fast": OK, "after_fast": after_fast})
    plan = plan_of("input >> PIPE >> slow", "input >> PIPE >> fast", "fast >> PIPE >> after_fast")
    async with asyncio.timeout(2):
        record = await run(plan, components)
    assert set(statuses(record).values()) == {"success"}


async def test_a_join_waits_for_its_slowest_parent() -> None:
    order: list[str] = []

    def named(name: str, steps: int) -> Callable[[Input], Awaitable[Mapping[str, Any]]]:
        async def call(_input: Input) -> Mapping[str, Any]:
            for _ in range(steps):
                await asyncio.sleep(0)
            order.append(name)
            return OK

        return call

    components = FakeComponents({"a": named("a", 0), "b": named("b", 9), "c": named("c", 1), "d": named("d", 0)})
    await run(plan_of(*DIAMOND), components)
    assert order == ["a", "c", "b", "d"]


@pytest.mark.parametrize(("failure", "http_status"), FAILURES)
async def test_a_failure_skips_what_comes_after_it(failure: Any, http_status: int) -> None:
    components = FakeComponents({"a": OK, "b": failure, "c": OK})
    record = await run(plan_of(*CHAIN), components)
    assert statuses(record) == {"a": "success", "b": "failed", "c": "skipped"}
    assert components.inputs_of("c") == []
    assert record.error is not None
    assert (record.error.code, record.error.message) == ("BAD", "It went wrong.")
    assert record.error.http_status == http_status
    assert record.error.details == {"node": "b"}
    assert record.data is None


async def test_a_failure_skips_a_join_but_not_what_has_begun() -> None:
    """`c` begins before `b` fails, ends after it, and still counts."""
    begun = asyncio.Event()

    async def fail(_input: Input) -> Mapping[str, Any]:
        await begun.wait()
        return {"success": False, "error": "x"}

    async def outlast(_input: Input) -> Mapping[str, Any]:
        begun.set()
        for _ in range(5):
            await asyncio.sleep(0)
        return OK

    components = FakeComponents({"a": OK, "b": fail, "c": outlast, "d": OK, "e": OK})
    async with asyncio.timeout(2):
        record = await run(plan_of(*DIAMOND, "c >> PIPE >> e"), components)
    expected = {"a": "success", "b": "failed", "c": "success", "d": "skipped", "e": "skipped"}
    assert statuses(record) == expected
    assert record.error is not None
    assert record.error.details == {"node": "b"}


async def test_the_first_failure_is_that_of_the_run() -> None:
    first = asyncio.Event()

    async def fail_late(_input: Input) -> Mapping[str, Any]:
        await first.wait()
        return {"success": False, "error": {"code": "LATE", "message": "m"}}

    async def fail_first(_input: Input) -> Mapping[str, Any]:
        first.set()
        return {"success": False, "error": {"code": "FIRST", "message": "m"}}

    components = FakeComponents({"a": fail_late, "b": fail_first})
    async with asyncio.timeout(2):
        record = await run(plan_of("input >> PIPE >> a", "input >> PIPE >> b"), components)
    assert record.error is not None
    assert record.error.code == "FIRST"
    assert [entry.error.code for entry in record.trace if entry.error] == ["LATE", "FIRST"]


async def test_a_component_that_is_missing_fails_its_node() -> None:
    record = await run(plan_of("input >> PIPE >> a"), FakeComponents({}))
    assert record.error is not None
    assert (record.error.code, record.error.details) == ("COMPONENT_NOT_FOUND", {"node": "a"})


async def test_a_template_that_cannot_be_filled_names_its_node() -> None:
    components = FakeComponents({"a": data({}), "b": OK})
    plan = plan_of("input >> PIPE >> a", "a >> PIPE >> b", b={"x": "{{a.data.missing}}"})
    record = await run(plan, components)
    assert statuses(record) == {"a": "success", "b": "failed"}
    assert components.inputs_of("b") == []
    assert record.error is not None
    assert record.error.code == "UNRESOLVED_REFERENCE"
    assert record.error.details == {"reference": "a.data.missing", "node": "b"}


async def test_a_node_cannot_see_one_that_has_not_run() -> None:
    components = FakeComponents({"a": OK, "b": OK})
    plan = plan_of("input >> PIPE >> a", "a >> PIPE >> b", a={"x": "{{b.data}}"})
    record = await run(plan, components)
    assert statuses(record) == {"a": "failed", "b": "skipped"}


async def test_an_unexpected_exception_leaves_nothing_running() -> None:
    """A fault of arcrun itself passes through `run`; the nodes beside it are stopped, not left behind."""
    ended: list[str] = []

    async def fault(_input: Input) -> Mapping[str, Any]:
        raise ZeroDivisionError

    async def wait(_input: Input) -> Mapping[str, Any]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("b")
        return OK

    components = FakeComponents({"a": fault, "b": wait})
    with pytest.raises(ZeroDivisionError):
        await run(plan_of("input >> PIPE >> b", "input >> PIPE >> a"), components)
    await asyncio.sleep(0)
    assert ended == ["b"]


@pytest.mark.parametrize(
    ("config", "trigger_input", "expected"),
    [
        pytest.param({}, {}, {}, id="nothing anywhere"),
        pytest.param({"text": "own"}, {"text": "trigger"}, {"text": "own"}, id="the config goes first"),
        pytest.param({"text": None}, {"text": "trigger"}, {"text": None}, id="null in the config is a value"),
        pytest.param({}, {"text": "trigger", "n": 1}, {"text": "trigger", "n": 1}, id="from the trigger"),
        pytest.param({"n": 2}, {"text": "trigger"}, {"n": 2, "text": "trigger"}, id="some from each"),
        pytest.param({}, {"other": 1}, {}, id="only fields of the schema"),
        pytest.param({"other": 1}, {}, {"other": 1}, id="the config may hold more than the schema"),
        pytest.param({}, {"text": None}, {"text": None}, id="null from the trigger"),
        pytest.param({}, ["text"], {}, id="trigger that is a list"),
        pytest.param({}, "text", {}, id="trigger that is a text"),
    ],
)
async def test_missing_fields_come_from_the_trigger(config: Any, trigger_input: Any, expected: Input) -> None:
    components = FakeComponents({"a": OK}, {"a": ["text", "n"]})
    await run(plan_of("input >> PIPE >> a", a=config), components, trigger_input)
    assert components.inputs_of("a") == [expected]


@pytest.mark.parametrize(
    ("of_b", "of_c", "expected"),
    [
        pytest.param({"text": "b"}, {"text": "c"}, "b", id="the first parent, by its line"),
        pytest.param({}, {"text": "c"}, "c", id="the second parent"),
        pytest.param({}, {}, "trigger", id="the trigger, behind the parents"),
        pytest.param("text", ["text"], "trigger", id="parents whose data are no objects"),
        pytest.param(None, None, "trigger", id="parents without data"),
    ],
)
async def test_missing_fields_come_from_the_parents_first(of_b: Any, of_c: Any, expected: str) -> None:
    components = FakeComponents({"a": data({"text": "a"}), "b": data(of_b), "c": data(of_c), "d": OK}, {"d": ["text"]})
    await run(plan_of(*DIAMOND), components, {"text": "trigger"})
    assert components.inputs_of("d") == [{"text": expected}]


async def test_missing_fields_are_filled_in_the_order_of_the_schema() -> None:
    """So that the component reads the same bytes in every run: a replay is exact."""
    fields = [f"field_{i}" for i in range(40)]
    components = FakeComponents({"a": OK}, {"a": fields})
    await run(plan_of("input >> PIPE >> a"), components, dict.fromkeys(sorted(fields), 1))
    assert list(components.inputs_of("a")[0]) == fields


async def test_the_trigger_may_be_a_direct_parent_beside_others() -> None:
    components = FakeComponents({"a": data({"text": "a"}), "b": OK}, {"b": ["text"]})
    plan = plan_of("input >> PIPE >> b", "input >> PIPE >> a", "a >> PIPE >> b")
    await run(plan, components, {"text": "trigger"})
    assert components.inputs_of("b") == [{"text": "trigger"}]


async def test_a_config_with_templates_sees_the_whole_envelope() -> None:
    components = FakeComponents({"a": {"success": True, "data": {"x": 1}, "note": "n"}, "b": OK})
    plan = plan_of("input >> PIPE >> a", "a >> PIPE >> b", b={"all": "{{a}}", "in": "{{input}}"})
    await run(plan, components, {"k": "v"})
    assert components.inputs_of("b") == [
        {"all": {"success": True, "data": {"x": 1}, "note": "n"}, "in": {"k": "v"}},
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> b"], "of b", id="the last node"),
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> output", "a >> PIPE >> b"], "of a", id="the node named"),
        pytest.param(["input >> PIPE >> a", "input >> PIPE >> b"], {"a": "of a", "b": "of b"}, id="several"),
        pytest.param(["input >> PIPE >> output"], {"k": "v"}, id="the trigger's input"),
    ],
)
async def test_the_answer(lines: list[str], expected: Any) -> None:
    components = FakeComponents({"a": data("of a"), "b": data("of b")})
    assert (await run(plan_of(*lines), components, {"k": "v"})).data == expected


async def test_the_record_of_a_success() -> None:
    clock = FixedClock()

    async def take_5_ms(_input: Input) -> Mapping[str, Any]:
        await clock.sleep(5)
        return {"success": True, "data": {"x": 1}}

    components = FakeComponents({"set": take_5_ms, "b": take_5_ms})
    record = await run(plan_of("input >> PIPE >> a", "a >> PIPE >> b", a={"component": "set"}), components, {}, clock)
    output = {"success": True, "data": {"x": 1}}
    assert record.trace == (
        NodeRecord("a", "set", NodeStatus.SUCCESS, 1, 0, 5, output, None),
        NodeRecord("b", "b", NodeStatus.SUCCESS, 1, 5, 5, output, None),
    )
    expected = {"status": "success", "attempts": 1, "output": output}
    assert record.to_json() == {
        "success": True,
        "data": {"x": 1},
        "run_id": record.run_id,
        "duration_ms": 10,
        "trace": [
            {"node": "a", "component": "set", "start_ms": 0, "duration_ms": 5, **expected},
            {"node": "b", "component": "b", "start_ms": 5, "duration_ms": 5, **expected},
        ],
    }
    assert len(record.run_id) == 26


async def test_the_record_of_a_failure() -> None:
    components = FakeComponents({"a": {"success": False, "error": {"code": "BAD", "message": "m"}}, "b": OK})
    record = await run(plan_of("input >> PIPE >> a", "a >> PIPE >> b"), components)
    error = {"code": "BAD", "message": "m", "next_actions": [], "details": {"node": "a"}}
    times = {"start_ms": 0, "duration_ms": 0}
    assert record.to_json() == {
        "success": False,
        "error": error,
        "run_id": record.run_id,
        "duration_ms": 0,
        "trace": [
            {"node": "a", "component": "a", "status": "failed", "attempts": 1, **times, "error": error},
            {"node": "b", "component": "b", "status": "skipped", "attempts": 0, **times},
        ],
    }


def test_times_are_rounded_to_microseconds() -> None:
    entry = NodeRecord("a", "a", NodeStatus.SUCCESS, 1, 1.23456, 2.34567, {}, None).to_json()
    assert (entry["start_ms"], entry["duration_ms"]) == (1.235, 2.346)
    run_record = RunRecord("id", "w", None, RequestError("m"), 3.45678, ())
    assert run_record.to_json()["duration_ms"] == 3.457


async def test_runs_have_different_ids() -> None:
    engine = Engine(FakeComponents({"a": OK}), FixedClock(), SeededRandom())
    plan = plan_of("input >> PIPE >> a")
    assert (await engine.run(plan, {})).run_id != (await engine.run(plan, {})).run_id


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], dict[str, list[str]], dict[str, tuple[int, bool]]]:
    """Flow lines in any order, each node's parents, and for each node how long it takes and whether it succeeds."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 8)))]
    parents: dict[str, list[str]] = {}
    for i, name in enumerate(names):
        earlier = ["input", *names[:i]]
        parents[name] = draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=4, unique=True))
    lines = [f"{parent} >> PIPE >> {name}" for name, listed in parents.items() for parent in listed]
    fates = {name: (draw(st.integers(0, 3)), draw(st.sampled_from([True, True, True, False]))) for name in names}
    return draw(st.permutations(lines)), parents, fates


@given(graphs())
def test_any_graph_settles_every_node_once_and_never_before_its_parents(
    graph: tuple[list[str], dict[str, list[str]], dict[str, tuple[int, bool]]],
) -> None:
    lines, parents, fates = graph
    events: list[str] = []

    def behave(name: str) -> Callable[[Input], Awaitable[Mapping[str, Any]]]:
        steps, succeeds = fates[name]

        async def call(_input: Input) -> Mapping[str, Any]:
            events.append(f"begin {name}")
            for _ in range(steps):
                await asyncio.sleep(0)
            events.append(f"end {name}")
            return OK if succeeds else {"success": False, "error": "x"}

        return call

    plan = plan_of(*lines)
    record = asyncio.run(run(plan, FakeComponents({name: behave(name) for name in parents})))

    assert sorted(entry.node for entry in record.trace) == sorted(parents)
    assert sorted(node.name for node in plan.nodes) == sorted(parents)
    begun = [event.removeprefix("begin ") for event in events if event.startswith("begin ")]
    assert len(begun) == len(set(begun))
    for name, status in statuses(record).items():
        assert (name in begun) == (status != "skipped")
        assert status in (("success" if fates[name][1] else "failed"), "skipped")
    for name in begun:
        for parent in parents[name]:
            if parent in begun:
                assert events.index(f"end {parent}") < events.index(f"begin {name}")
            else:
                assert parent == "input" or statuses(record)[parent] == "skipped"
    positions = {entry.node: i for i, entry in enumerate(record.trace)}
    assert all(positions[p] < positions[name] for name in parents for p in parents[name] if p != "input")
    if all(succeeds for _, succeeds in fates.values()):
        assert sorted(begun) == sorted(parents)
    else:
        assert (record.error is None) == all(fates[name][1] for name in begun)
