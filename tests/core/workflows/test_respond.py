"""Lines to `respond`, as they are checked and planned: such a workflow is durable, and its webhook waits."""

from typing import Any

import pytest

from arcrun.workflows.compile import Compilation, compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import LASTING_FORMAT, load_plan
from arcrun.workflows.triggers.model import DEFAULT_WAIT_MS
from fakes.contracts import build_contract

ANY = build_contract(input_schema={"type": "object"}, output_schema={"type": "object"})
SYMBOLS = SymbolTable(dict.fromkeys(("a", "b", "respond"), ANY))
ON = ["input >> PIPE >> a", "a >> PIPE >> respond", "a >> PIPE >> b"]


def compile_flow(flow: list[str], **more: Any) -> Compilation:
    return compile_workflow(parse_workflow({"name": "w", "flow": flow, **more}), SYMBOLS)


def found(compiled: Compilation) -> list[tuple[str, str]]:
    return [(it.code, it.severity.value) for it in compiled.diagnostics]


@pytest.mark.parametrize(
    ("webhook", "wait_ms"),
    [({}, DEFAULT_WAIT_MS), ({"answer": {"wait": "5s"}}, 5_000), ({"answer": "wait"}, DEFAULT_WAIT_MS)],
)
def test_it_is_durable_and_waited_for(webhook: dict[str, Any], wait_ms: int) -> None:
    compiled = compile_flow(ON, triggers={"webhook": {"methods": ["PUT"], **webhook}})
    assert found(compiled) == []
    assert compiled.plan is not None
    stored = compiled.plan.to_json()
    assert (load_plan(stored), stored["format"]) == (compiled.plan, LASTING_FORMAT)
    plan = load_plan(stored)
    assert (plan.responds, plan.is_durable, plan.triggers.webhook.wait_ms) == (True, True, wait_ms)
    assert plan.triggers.webhook.methods == ("PUT",)


@pytest.mark.parametrize(
    ("flow", "more", "expected"),
    [
        pytest.param([*ON, "respond >> PIPE >> b"], {}, [("MALFORMED_LINE", "error")], id="nothing follows it"),
        pytest.param(
            ["input >> FOREACH i IN input.list >> a", "a >> PIPE >> respond"],
            {},
            [("RESPOND_IN_LOOP", "error")],
            id="in a loop",
        ),
        pytest.param(
            ["input >> FOREACH i IN input.list >> a", "input >> CONTINUE >> respond"], {}, [], id="after a loop"
        ),
        pytest.param(
            ON, {"triggers": {"webhook": {"answer": "accepted"}}}, [("INVALID_SETTING", "warning")], id="nobody waits"
        ),
        pytest.param(ON, {"durable": False}, [("INVALID_SETTING", "warning")], id="not durable, it says"),
        pytest.param(ON, {"durable": True}, [], id="durable, it says"),
        pytest.param([*ON, "a >> ON_FAIL >> respond"], {}, [("ANSWER_SHOWS_ERROR", "warning")], id="an error"),
        pytest.param(ON, {"response": {"json": "{{a.data.x}}"}}, [], id="reads what has ended"),
        pytest.param(ON, {"response": {"json": "{{b.data.x?}}"}}, [], id="reads what may not have"),
        pytest.param(
            ON, {"response": {"json": "{{b.data.x}}"}}, [("UNRESOLVED_REFERENCE", "warning")], id="reads what has not"
        ),
        pytest.param(
            ["input >> PIPE >> a", "a >> ON_TRUE >> b", "b >> PIPE >> respond"],
            {"response": {"json": "{{b.data.x}}"}},
            [("UNRESOLVED_REFERENCE", "warning")],
            id="reads what has ended there, and not at every end",
        ),
        pytest.param(["input >> PIPE >> respond", "input >> PIPE >> a"], {}, [], id="at once"),
    ],
)
def test_findings(flow: list[str], more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(compile_flow(flow, **more)) == expected


def test_the_finding_about_what_follows_says_what_to_write() -> None:
    [finding] = compile_flow([*ON, "respond >> PIPE >> b"]).diagnostics
    assert finding.message == "nothing follows `respond`, beside which the run goes on"
    assert finding.hint.startswith("What leads to `respond` leads to `b` too")


def test_what_may_not_have_ended_is_called_so() -> None:
    [finding] = compile_flow(ON, response={"json": "{{b.data.x}}"}).diagnostics
    assert finding.message == "{{b.data.x}}: `b` may not have ended when the response is made"


def test_a_step_may_have_the_name() -> None:
    compiled = compile_flow(["input >> PIPE >> respond", "respond >> PIPE >> a"], config={"respond": {}})
    assert compiled.plan is not None
    assert (compiled.plan.responds, compiled.plan.is_durable) == (False, False)
