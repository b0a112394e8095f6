"""On the free plan a run ends before the platform ends its request: by the work of its nodes, expressions, strings and
components, independent of the clock.
"""

from typing import Any

import pytest

from arcrun.engine.budget import NODE_WORK, RUN_WORK, STEP_WORK, UNIT_WORK, RunLimits, WorkBudget, read_run_limits
from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import CpuBudgetError, NotConfiguredError, RunError
from arcrun.limits import FREE_PLAN_CPU_MS
from arcrun.templates.expressions import compile_expression
from arcrun.wasm.costs import CALL_FUEL, FUEL_A_MS
from arcrun.workflows.plan import Plan
from fakes.engine import RUN_ID, EngineBench, echo

pytestmark = pytest.mark.anyio

FREE = RunLimits(50, is_free=True)
MOST_NODES = (FREE_PLAN_CPU_MS * 1000 - RUN_WORK) // NODE_WORK
LOOP = ["input >> FOREACH x IN input.items >> a"]


async def run(flow: list[str], input_value: Any = None, *, limits: RunLimits = FREE, **more: Any) -> RunRecord:
    return await EngineBench({"a": echo, "b": echo, "c": echo}, limits=limits).run(flow, input_value, **more)


async def test_a_run_of_a_few_nodes_passes() -> None:
    record = await run(["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"])
    assert (record.error, len(record.trace)) == (None, 3)


async def test_a_loop_passes_up_to_what_there_is_and_ends_beyond() -> None:
    assert (await run(LOOP, {"items": [1] * MOST_NODES})).error is None
    record = await run(LOOP, {"items": [1] * (MOST_NODES + 1)})
    assert isinstance(record.error, CpuBudgetError)
    assert record.to_stored()["error"] == {
        "code": "CPU_BUDGET",
        "message": "The run needs more than the 10 ms of processor time that the free plan gives a request.",
        "retriable": False,
        "next_actions": [
            "Move the account to the Workers paid plan, then deploy without --free-plan.",
            "Or split the work over several runs.",
            "Or give loops and components shorter lists and strings.",
        ],
        "details": {"limit_ms": 10, "index": MOST_NODES, "node": "a"},
    }


async def test_on_the_paid_plan_the_same_loop_passes() -> None:
    assert (await run(LOOP, {"items": [1] * 1_000}, limits=RunLimits())).error is None


@pytest.mark.parametrize("way", ["on_fail", "on_error", "retry"])
async def test_no_workflow_goes_on_after_it(way: str) -> None:
    flow = [*LOOP, "a >> ON_FAIL >> b"] if way == "on_fail" else LOOP
    config = {
        "on_fail": {},
        "on_error": {"input": {"foreach": {"on_error": "continue"}}},
        "retry": {"a": {"component": "a", "retry": {"max_attempts": 10, "on": ["*"], "initial_ms": 0}}},
    }[way]
    bench = EngineBench({"a": echo, "b": echo}, limits=FREE)
    record = await bench.run(flow, {"items": [1] * 200}, config=config)
    assert record.error is not None
    skipping = UNIT_WORK if way == "on_fail" else 0  # b, each time
    most = (FREE_PLAN_CPU_MS * 1000 - RUN_WORK - UNIT_WORK + skipping) // (NODE_WORK + skipping)
    assert (record.error.code, len(bench.components.calls)) == ("CPU_BUDGET", most)


async def test_workflows_that_are_called_share_the_budget() -> None:
    inner = {"name": "inner", "flow": LOOP}
    bench = EngineBench({"a": echo, "b": echo}, workflows={"inner": inner}, limits=FREE)
    flow = ["input >> CALLS_SUBFLOW >> one", "one >> CALLS_SUBFLOW >> two"]
    for count, code in ((10, None), (MOST_NODES // 2, "CPU_BUDGET")):
        called = {"workflow": "inner", "input": {"items": [1] * count}}
        record = await bench.run(flow, config={"one": called, "two": called})
        assert (record.error and record.error.code) == code


async def test_an_expression_is_counted_by_its_steps() -> None:
    """Some 2,000 elements: cheap to pass on, expensive to compare."""
    condition = "input >> IF(length(input.items[?@ == `2`]) == `0`) >> a"
    assert (await run([condition], {"items": [1] * 100})).error is None
    record = await run([condition], {"items": [1] * 4_000})
    assert record.error is not None
    assert record.error.code == "CPU_BUDGET"


@pytest.mark.parametrize(("limits", "code"), [(FREE, "CPU_BUDGET"), (RunLimits(), "EXPRESSION_TOO_COSTLY")])
async def test_an_expression_ends_where_the_budget_does(limits: RunLimits, code: str) -> None:
    """Not only after all the steps that an expression may take, which are 100 ms."""
    record = await run(
        ["input >> IF(length(input.items[?@ == `2`]) == `0`) >> a"], {"items": [1] * 40_000}, limits=limits
    )
    assert record.error is not None
    assert record.error.code == code


def test_no_more_steps_are_done_than_an_expression_is_given() -> None:
    counted: list[int] = []
    with pytest.raises(RunError, match="takes more than") as caught:
        compile_expression("a[?@ == `2`]").is_met({"a": [1] * 1_000}, counted.append, 200)
    assert (caught.value.code, counted) == ("EXPRESSION_TOO_COSTLY", [201])


COSTLY_CONFIG: Any = [
    pytest.param("{{input.items | unique | length}}", {"items": list(range(5_000))}, id="a filter"),
    pytest.param(["{{input.text}}"] * 300, {"text": "x" * 1_000}, id="a text, many times"),
    pytest.param("{{input.text | upper}}" * 20, {"text": "x" * 20_000}, id="texts"),
]


@pytest.mark.parametrize(("value", "given"), COSTLY_CONFIG)
async def test_templates_are_counted_while_they_are_rendered(value: Any, given: Any) -> None:
    flow, config = ["input >> PIPE >> a"], {"a": {"n": value}}
    assert (await run(flow, given, config=config, limits=RunLimits())).error is None
    bench = EngineBench({"a": echo}, limits=FREE)
    record = await bench.run(flow, given, config=config)
    assert record.error is not None
    assert (record.error.code, bench.components.calls) == ("CPU_BUDGET", [])


async def run_twice(bench: EngineBench, plan: Plan) -> list[str | None]:
    """The error codes of two runs."""
    records = [await bench.engine.run(plan, Trigger(TriggerKind.WEBHOOK, {}), RUN_ID) for _ in range(2)]
    return [record.error.code if record.error else None for record in records]


async def test_what_compiles_is_counted_the_first_time() -> None:
    expressions = [f"[{','.join([f'input.a{n}'] * 190)}][0]" for n in range(4)]
    bench = EngineBench(dict.fromkeys("abcd", echo), limits=FREE)
    flow = [f"input >> IF({source}) >> {name}" for source, name in zip(expressions, "abcd", strict=True)]
    plan = bench.plan({"name": "w", "flow": flow})
    assert await run_twice(bench, plan) == ["CPU_BUDGET", None]


async def test_a_nodes_templates_are_compiled_the_first_time() -> None:
    bench = EngineBench({"a": echo}, limits=FREE)
    config = {"a": {"n": [f"{{{{input.a{n}?}}}} " for n in range(150)]}}
    plan = bench.plan({"name": "w", "flow": ["input >> PIPE >> a"], "config": config})
    assert await run_twice(bench, plan) == ["CPU_BUDGET", None]


async def test_skipped_nodes_and_loops_of_nothing_are_counted() -> None:
    names = [f"c{n}" for n in range(160)]
    flow = ["input >> IF(input.no) >> b", *[f"b >> PIPE >> {name}" for name in names]]
    loops = [f"input >> FOREACH x{n} IN input.none >> d{n}" for n in range(20)]
    config = {**{name: {"component": "a"} for name in names}, **{f"d{n}": {"component": "a"} for n in range(20)}}
    codes = []
    for lines in (flow, [*flow, *loops]):
        used = {name: node for name, node in config.items() if any(line.endswith(f" {name}") for line in lines)}
        record = await EngineBench({"a": echo, "b": echo}, limits=FREE).run(lines, {"none": []}, config=used)
        codes.append(record.error and record.error.code)
    assert codes == [None, "CPU_BUDGET"]


async def test_what_the_request_brings_is_counted() -> None:
    bench = EngineBench({"a": echo}, limits=FREE)
    plan = bench.plan({"name": "w", "flow": ["input >> PIPE >> a"]})
    records = [
        await bench.engine.run(plan, Trigger(TriggerKind.WEBHOOK, {}, body_bytes=size), RUN_ID)
        for size in (10_000, 1_000_000)
    ]
    assert [record.error and record.error.code for record in records] == [None, "CPU_BUDGET"]


def test_a_component_gets_the_fuel_that_is_left() -> None:
    work = WorkBudget.of_free_plan()
    assert work.clamp_fuel(CALL_FUEL) == (FREE_PLAN_CPU_MS * 1000 - RUN_WORK) * FUEL_A_MS // 1000
    assert work.clamp_fuel(7) == 7
    with pytest.raises(CpuBudgetError):
        work.take_fuel(CALL_FUEL)
    assert work.clamp_fuel(CALL_FUEL) == 1  # of 0, the host would make the module's own default


def test_without_a_limit_nothing_is_counted() -> None:
    work = WorkBudget()
    work.take(STEP_WORK * 10**12)
    assert work.clamp_fuel(CALL_FUEL) == CALL_FUEL


@pytest.mark.parametrize(
    ("plan", "subrequests", "expected"),
    [
        pytest.param(None, None, RunLimits(10_000, is_free=False), id="neither"),
        pytest.param("", "", RunLimits(10_000, is_free=False), id="empty"),
        pytest.param("paid", None, RunLimits(10_000, is_free=False), id="paid"),
        pytest.param("free", None, RunLimits(50, is_free=True), id="free"),
        pytest.param("free", "80", RunLimits(80, is_free=True), id="free, with another limit"),
        pytest.param(None, "80", RunLimits(80, is_free=False), id="another limit"),
    ],
)
def test_the_plan_is_a_variable(plan: str | None, subrequests: str | None, expected: RunLimits) -> None:
    assert read_run_limits(plan, subrequests) == expected


@pytest.mark.parametrize(
    ("plan", "subrequests", "code"),
    [
        pytest.param("Free", None, "PLAN_INVALID", id="another plan"),
        pytest.param("free", "many", "LIMIT_INVALID", id="no number"),
        pytest.param(None, "-5", "LIMIT_INVALID", id="a negative number"),
    ],
)
def test_a_variable_that_says_nothing_is_refused(plan: str | None, subrequests: str | None, code: str) -> None:
    with pytest.raises(NotConfiguredError) as caught:
        read_run_limits(plan, subrequests)
    assert caught.value.code == code
