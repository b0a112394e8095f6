"""The project's `vars`: what is said of wrong ones, what a plan keeps of them, and that runs read them."""

from typing import Any

import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.limits import MAX_VARIABLES
from arcrun.templates.variables import find_variables_problem
from arcrun.workflows.diff import compare_plans
from arcrun.workflows.plan import PLAN_FORMAT, TRIGGERS_FORMAT, Plan, load_plan
from fakes.engine import RUN_ID, EngineBench, echo
from fakes.flows import compile_source, diagnose, flow_of

VARS = {"api": "https://api.example.com", "list": [1, 2], "limit": 5, "unread": 1}
LINES = ["input >> PIPE >> a"]


def plan_of(config: Any, lines: list[str] = LINES, variables: Any = VARS) -> Plan:
    plan = compile_source(flow_of(*lines, config=config), variables=variables).plan
    assert plan is not None
    return plan


def test_a_plan_keeps_those_that_are_read() -> None:
    plan = plan_of({"a": {"url": "{{vars.api}}/x"}})
    assert (plan.variables, plan.format, load_plan(plan.to_json())) == ({"api": VARS["api"]}, TRIGGERS_FORMAT, plan)
    assert plan_of({"a": {"undo": {"component": "a", "x": "{{vars.api}}"}}}, [*LINES, "a >> PIPE >> b"]).variables
    assert plan_of({"a": {"x": 1}}).format == PLAN_FORMAT


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        pytest.param(["input >> FOREACH x IN vars.list >> a"], ["list"], id="a list"),
        pytest.param(["input >> IF(vars.limit > `3`) >> a"], ["limit"], id="a condition"),
    ],
)
def test_lines_read_them(lines: list[str], names: list[str]) -> None:
    assert [*plan_of({}, lines).variables] == names


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("{{vars.apu}}", "Did you mean `api`?", id="misspelt"),
        pytest.param("{{vars.other}}", "Add it to arcrun.yaml: vars: {other: ...}", id="not set"),
        pytest.param("{{vars}}", "Write {{vars.NAME}}.", id="without a name"),
    ],
)
def test_one_that_is_not_set_is_told(text: str, hint: str) -> None:
    [found] = diagnose(flow_of(*LINES, config={"a": {"x": text}}), variables=VARS)
    assert (found.code, found.hint, found.severity.value) == ("UNRESOLVED_REFERENCE", hint, "error")


def test_one_that_is_not_set_is_told_in_lines() -> None:
    for line in ("input >> IF(vars.nowhere == 'x') >> a", "input >> FOREACH x IN vars.nowhere >> a"):
        assert [it.code for it in diagnose(flow_of(line), variables=VARS)] == ["UNRESOLVED_REFERENCE"]
    wrong = diagnose(flow_of("input >> FOREACH x IN vars.api >> a"), variables=VARS)
    assert [it.code for it in wrong] == ["INVALID_LOOP"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param([], "it must map names to values", id="a list"),
        pytest.param({"a b": 1}, "`a b` is no name", id="a space"),
        pytest.param({5: 1}, "`5` is no name", id="a number"),
        pytest.param({f"n{i}": 1 for i in range(MAX_VARIABLES + 1)}, f"it has {MAX_VARIABLES + 1} names", id="many"),
        pytest.param({"a": "x" * 40_000}, "it is longer than", id="long"),
    ],
)
def test_wrong_ones_are_told(given: Any, problem: str) -> None:
    assert find_variables_problem(given).startswith(problem)
    assert find_variables_problem(VARS) == ""


def test_the_difference_of_two_plans_has_them() -> None:
    old = plan_of({"a": {"x": "{{vars.api}}", "y": "{{vars.limit}}"}})
    new = plan_of({"a": {"x": "{{vars.api}}", "y": "{{vars.limit}}"}}, variables={**VARS, "api": "b"})
    assert compare_plans(old, new).to_json() == {"added": [], "removed": [], "changed": [], "vars": ["api"]}
    assert "vars" not in compare_plans(old, old).to_json()


@pytest.mark.anyio
async def test_a_run_and_its_loops_read_them() -> None:
    bench = EngineBench({"a": echo})
    plan = plan_of({"a": {"x": "{{vars.api}}/{{x}}"}}, ["input >> FOREACH x IN vars.list >> a"])
    record = await bench.engine.run(load_plan(plan.to_json()), Trigger(TriggerKind.EXECUTE, {}), RUN_ID)
    assert record.data == [{"x": f"{VARS['api']}/{i}"} for i in (1, 2)]
