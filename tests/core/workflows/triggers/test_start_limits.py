"""`limits` of a workflow: what is taken, what is said of the rest, and what a plan stores of it."""

import json
from typing import Any

import pytest

from arcrun.limits import MAX_CONCURRENT_RUNS, MAX_RUNS_PER_MINUTE, MAX_START_LIMITS
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import LASTING_FORMAT, PLAN_FORMAT, TRIGGERS_FORMAT, load_plan
from arcrun.workflows.triggers.keys import RequestKey
from arcrun.workflows.triggers.model import OnLimit, StartLimit
from fakes.contracts import build_contract
from fakes.flows import compile_source, diagnose, flow_of

CONTRACTS = {"a": build_contract(canonical_id="a", input_schema={"type": "object"})}
CUSTOMER = "{{input.customer}}"


def source_with(limits: Any) -> dict[str, Any]:
    return {**flow_of("input >> PIPE >> a", config={"a": {"component": "a"}}), "limits": limits}


TAKEN: list[Any] = [
    pytest.param([{"per_minute": 60}], (StartLimit(60),), id="a minute"),
    pytest.param([{"concurrent": 5}], (StartLimit(None, 5),), id="at once"),
    pytest.param(
        [{"per_minute": 60, "concurrent": 5, "key": CUSTOMER}, {"concurrent": 9}],
        (StartLimit(60, 5, RequestKey(CUSTOMER)), StartLimit(None, 9)),
        id="for each and for all",
    ),
]


@pytest.mark.parametrize(("limits", "expected"), TAKEN)
def test_they_survive_storage(limits: Any, expected: tuple[StartLimit, ...]) -> None:
    plan = require_plan(compile_source(source_with(limits), CONTRACTS))
    assert plan.start_limits == expected
    stored = json.loads(json.dumps(plan.to_json()))
    assert (stored["limits"], stored["format"]) == (limits, TRIGGERS_FORMAT)
    assert load_plan(stored) == plan


@pytest.mark.parametrize("accepted", [{"durable": True}, {"triggers": {"webhook": {"answer": {"wait": "5s"}}}}])
@pytest.mark.parametrize("on_limit", ["queue", "latest"])
def test_those_that_let_runs_wait_survive_storage(on_limit: str, accepted: dict[str, Any]) -> None:
    limits = [{"concurrent": 1, "key": CUSTOMER, "on_limit": on_limit}]
    plan = require_plan(compile_source({**source_with(limits), **accepted}, CONTRACTS))
    assert plan.start_limits == (StartLimit(None, 1, RequestKey(CUSTOMER), OnLimit(on_limit)),)
    stored = json.loads(json.dumps(plan.to_json()))
    assert (stored["limits"], stored["format"], plan.queues_runs) == (limits, LASTING_FORMAT, True)
    assert load_plan(stored) == plan


def test_what_rejects_is_stored_as_it_was() -> None:
    plan = require_plan(compile_source(source_with([{"concurrent": 1, "on_limit": "reject"}]), CONTRACTS))
    assert (plan.start_limits, plan.queues_runs) == ((StartLimit(None, 1),), False)
    assert (plan.to_json()["limits"], plan.format) == ([{"concurrent": 1}], TRIGGERS_FORMAT)


def test_a_plan_without_them_is_as_it_was() -> None:
    stored = require_plan(compile_source(flow_of("input >> PIPE >> a", config={"a": {"component": "a"}}), CONTRACTS))
    assert (stored.format, "limits" in stored.to_json()) == (PLAN_FORMAT, False)


def test_a_key_of_the_request_makes_the_plan_see_it() -> None:
    limits = [[{"per_minute": 1, "key": key}] for key in (CUSTOMER, "{{request.ip}}")]
    plans = [require_plan(compile_source(source_with(each), CONTRACTS)) for each in limits]
    assert [plan.sees_request for plan in plans] == [False, True]


REFUSED: list[Any] = [
    pytest.param({"per_minute": 1}, "INVALID_SETTING", "must be a list of 1 to 5 limits", "limits: [", id="a mapping"),
    pytest.param([], "INVALID_SETTING", "must be a list of 1 to 5 limits", "", id="none"),
    pytest.param([{"concurrent": 1}] * (MAX_START_LIMITS + 1), "INVALID_SETTING", "1 to 5 limits", "", id="too many"),
    pytest.param(["1/s"], "INVALID_SETTING", "must be a mapping with per_minute, concurrent, key", "", id="a string"),
    pytest.param(
        [{"key": CUSTOMER}], "INVALID_SETTING", "needs `per_minute` or `concurrent`", "limits: [", id="no number"
    ),
    pytest.param([{"per_minit": 1, "concurrent": 1}], "UNKNOWN_KEY", "`per_minit`", "`per_minute`", id="a typo"),
    pytest.param([{"per_minute": 0}], "INVALID_SETTING", f"from 1 to {MAX_RUNS_PER_MINUTE}", "", id="0 a minute"),
    pytest.param([{"concurrent": 1_001}], "INVALID_SETTING", f"from 1 to {MAX_CONCURRENT_RUNS}", "", id="1,001"),
    pytest.param([{"concurrent": 1, "on_limit": "drop"}], "INVALID_SETTING", "one of reject, queue", "", id="drop"),
    pytest.param(
        [{"concurrent": 1, "on_limit": "queue"}], "INVALID_SETTING", "lets a run wait", "durable: true", id="quick runs"
    ),
    pytest.param([{"concurrent": 1, "key": "x"}], "INVALID_SETTING", "for every request", "key: ", id="a constant"),
    pytest.param([{"concurrent": 1, "key": "{{a.data}}"}], "UNRESOLVED_REFERENCE", "before the run", "", id="a node"),
]


@pytest.mark.parametrize(("limits", "code", "message", "hint"), REFUSED)
def test_each_wrong_setting_is_told_with_what_is_allowed(limits: Any, code: str, message: str, hint: str) -> None:
    [finding] = diagnose(source_with(limits), CONTRACTS)
    assert finding.code == code
    assert message in finding.message
    assert hint in finding.hint
