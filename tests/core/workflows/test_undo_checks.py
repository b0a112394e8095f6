"""What the checker says of `undo`: how it is written, what it may read, and whether it can ever run."""

from typing import Any

import pytest

from fakes.contracts import build_network_contract
from fakes.flows import diagnose, flow_of, plan_of

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
    ],
)
def test_how_an_undo_is_written(undo: Any, codes: list[str]) -> None:
    assert found(undo) == codes


def test_a_round_s_output_is_not_known_to_the_undo_of_a_node_that_repeats() -> None:
    repeat = {"repeat": {"until": "a.data.x", "max": 2}}
    assert found({**CANCEL, "id": "{{previous.id}}"}, a=repeat) == ["UNRESOLVED_REFERENCE"]
    assert found({**CANCEL, "id": "{{a.rounds}}"}, a=repeat) == []


def test_an_undo_that_reads_what_may_have_been_skipped_is_warned_of() -> None:
    lines = ["input >> PIPE >> c", "c >> IF(c.data.x) >> b", "b >> PIPE >> a", "c >> PIPE >> a", "a >> PIPE >> d"]
    assert found({**CANCEL, "id": "{{b.data.id}}"}, lines, d={"component": "c"}) == ["UNRESOLVED_REFERENCE"]
    assert found({**CANCEL, "id": "{{b.data.id?}}"}, lines, d={"component": "c"}) == []


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        pytest.param(["input >> PIPE >> a"], ["UNDO_NEVER_RUNS"], id="the only one"),
        pytest.param(["input >> PIPE >> b", "b >> PIPE >> a"], ["UNDO_NEVER_RUNS"], id="the last one"),
        pytest.param(["input >> PIPE >> b", "input >> PIPE >> a"], [], id="one beside it"),
        pytest.param(LINES, [], id="one after it"),
        pytest.param(["input >> FOREACH x IN input.x >> a"], [], id="other elements"),
    ],
)
def test_an_undo_that_nothing_can_call_for_is_warned_of(lines: list[str], codes: list[str]) -> None:
    assert [code for code in found(CANCEL, lines) if code != "AMBIGUOUS_ANSWER"] == codes


def test_undos_are_among_the_calls_of_a_plan() -> None:
    plan = plan_of(*LINES, a={"undo": {"component": "drop", "id": 1}})
    assert [(call.name, call.component) for call in plan.calls] == [("a", "a"), ("a", "drop"), ("b", "b")]
