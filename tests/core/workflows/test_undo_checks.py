"""What the checker says of `undo`: how it is written, and what it may read."""

from typing import Any

import pytest

from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.contracts import build_network_contract
from fakes.flows import compile_source, diagnose, flow_of, plan_of

LOOSE = build_network_contract("e.test", input_schema={"type": "object"}, output_schema={"type": "object"})
STRICT = build_network_contract(
    "e.test",
    input_schema={"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
    output_schema={"type": "object"},
)
CONTRACTS = dict.fromkeys(("a", "b", "c"), LOOSE) | {"drop": STRICT}
LINES = ["input >> PIPE >> a", "a >> PIPE >> b"]
CANCEL = {"component": "drop", "id": 1}


def found(undo: Any, lines: list[str] = LINES, **config: Any) -> list[str]:
    """What is said of `a` with this undo."""
    entries = {**config, "a": {**config.get("a", {}), "undo": undo}}
    return [it.code for it in diagnose(flow_of(*lines, config=entries), CONTRACTS, workflows=["known"])]


@pytest.mark.parametrize(
    ("undo", "codes"),
    [
        pytest.param(CANCEL, [], id="a component"),
        pytest.param(
            {**CANCEL, "id": "{{a.data.id}}", "retry": {"max_attempts": 5}, "timeout_ms": 9}, [], id="settings"
        ),
        pytest.param({"component": "drop", "take": "a"}, [], id="what it takes"),
        pytest.param("drop", ["INVALID_SETTING"], id="a name alone"),
        pytest.param(None, ["INVALID_SETTING"], id="nothing"),
        pytest.param({"id": 1}, ["INVALID_SETTING"], id="no component"),
        pytest.param({**CANCEL, "workflow": "w"}, ["INVALID_SETTING"], id="both"),
        pytest.param({"component": 5}, ["INVALID_SETTING"], id="a component that is no name"),
        pytest.param({"component": ""}, ["UNKNOWN_COMPONENT"], id="an unknown component"),
        pytest.param({"workflow": "known", "input": {}}, [], id="a workflow"),
        pytest.param({"workflow": "nowhere", "input": {}}, ["UNKNOWN_WORKFLOW"], id="an unknown workflow"),
        pytest.param({"component": "drop"}, ["MISSING_INPUT"], id="a missing input"),
        pytest.param({**CANCEL, "id": "x"}, ["INVALID_INPUT"], id="a wrong input"),
        pytest.param({**CANCEL, "idd": 1}, ["UNKNOWN_KEY"], id="an unknown input"),
        pytest.param({**CANCEL, "join": "all"}, ["INVALID_SETTING"], id="a join"),
        pytest.param({**CANCEL, "undo": CANCEL}, ["INVALID_SETTING"], id="an undo of the undo"),
        pytest.param({**CANCEL, "retry": {"max_attempts": 0}}, ["INVALID_SETTING"], id="a wrong setting"),
        pytest.param({**CANCEL, "id": "{{a.data.x"}, ["INVALID_TEMPLATE"], id="a wrong template"),
        pytest.param({**CANCEL, "id": "{{b.data.id}}"}, ["UNRESOLVED_REFERENCE"], id="what runs later"),
        pytest.param({**CANCEL, "id": "{{previous.id?}}"}, ["UNRESOLVED_REFERENCE"], id="a round"),
        pytest.param({**CANCEL, "id": "{{a.error.n}}"}, ["UNRESOLVED_REFERENCE"], id="an error: it has succeeded"),
        pytest.param({"workflow": "known", "cpu_ms": 5}, ["UNKNOWN_KEY"], id="a component's setting"),
    ],
)
def test_how_an_undo_is_written(undo: Any, codes: list[str]) -> None:
    assert found(undo) == codes


@pytest.mark.parametrize(
    ("undo", "message", "hint"),
    [
        pytest.param(
            {"component": "drop"},
            "the undo of `a` needs `id`, which its config does not set: a step gets only what is written there",
            'Add `id: "{{input.id}}"`, or a value.',
            id="a missing input",
        ),
        pytest.param(
            {**CANCEL, "id": "x"}, '`id` of the undo of `a` must be integer, not string "x"', "", id="a wrong input"
        ),
        pytest.param(
            {**CANCEL, "id": "{{b.data.id}}"},
            "{{b.data.id}} may not exist: `b` does not run before `a`",
            "`b` runs after `a`: read it in the undo of `b`.",
            id="what runs later",
        ),
        pytest.param(
            {"workflow": "known", "cpu_ms": 5},
            "unknown key `cpu_ms` in `config.a.undo`",
            "Allowed: workflow, input, take, retry, timeout_ms.",
            id="a key of a workflow's",
        ),
        pytest.param(
            {"workflow": "known", "join": "all"},
            "`join` belongs to a node, not to its undo",
            "Allowed: workflow, input, take, retry, timeout_ms.",
            id="a setting of a node's",
        ),
        pytest.param(
            {"component": "drp"},
            "the undo of `a` names the component `drp`, which does not exist",
            "Did you mean `drop`?",
            id="another component",
        ),
    ],
)
def test_what_is_said_of_an_undo(undo: Any, message: str, hint: str) -> None:
    known = {"a": LOOSE, "b": LOOSE, "drop": STRICT}
    draft = parse_workflow(flow_of(*LINES, config={"a": {"undo": undo}}))
    [said] = compile_workflow(draft, SymbolTable(known, components=["drop"], workflows=["known"])).diagnostics
    assert (said.message, said.hint or "") == (message, hint or said.hint)


def test_an_undo_may_have_an_input_that_is_named_like_a_setting_of_a_node() -> None:
    own = build_network_contract(
        "e.test",
        input_schema={"type": "object", "properties": {"join": {"type": "integer"}}},
        output_schema={"type": "object"},
    )
    source = flow_of(*LINES, config={"a": {"undo": {"component": "drop", "join": 1}}})
    plan = require_plan(compile_source(source, {**CONTRACTS, "drop": own}))
    assert [call.config for call in plan.calls if call.component == "drop"] == [{"join": 1}]


def test_a_round_s_output_is_not_known_to_the_undo_of_a_node_that_repeats() -> None:
    repeat = {"repeat": {"until": "a.data.x", "max": 2}}
    assert found({**CANCEL, "id": "{{previous.id}}"}, a=repeat) == ["UNRESOLVED_REFERENCE"]
    assert found({**CANCEL, "id": "{{a.rounds}}"}, a=repeat) == []


def test_an_undo_that_reads_what_may_have_been_skipped_is_warned_of() -> None:
    lines = ["input >> PIPE >> c", "c >> IF(c.data.x) >> b", "b >> PIPE >> a", "c >> PIPE >> a", "a >> PIPE >> d"]
    assert found({**CANCEL, "id": "{{b.data.id}}"}, lines, d={"component": "c"}) == ["UNRESOLVED_REFERENCE"]
    assert found({**CANCEL, "id": "{{b.data.id?}}"}, lines, d={"component": "c"}) == []


def test_the_undo_of_the_last_step_is_right_for_it_runs_where_a_calling_workflow_fails() -> None:
    assert found(CANCEL, ["input >> PIPE >> b", "b >> PIPE >> a"]) == []


def test_undos_are_among_the_calls_of_a_plan() -> None:
    plan = plan_of(*LINES, a={"undo": {"component": "drop", "id": 1}})
    assert [(call.name, call.component) for call in plan.calls] == [("a", "a"), ("a", "drop"), ("b", "b")]
