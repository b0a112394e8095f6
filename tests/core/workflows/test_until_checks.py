"""What the checker says of `repeat`."""

from typing import Any

import pytest

from fakes.contracts import build_contract, build_network_contract
from fakes.flows import diagnose, flow_of

REPEAT = {"until": "a.data.done", "max": 5}
OUTSIDE = build_network_contract("e.test", input_schema={"type": "object"}, output_schema={"type": "object"})


def codes(entry: dict[str, Any], *lines: str, **more: Any) -> list[tuple[str, str]]:
    found = diagnose(flow_of(*(lines or ("input >> PIPE >> a",)), config={"a": entry, **more}), {"a": OUTSIDE})
    return [(finding.code, finding.severity.value) for finding in found]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"repeat": REPEAT}, id="polling"),
        pytest.param({"x": "{{previous.next?}}", "repeat": REPEAT}, id="a field that may be missing"),
        pytest.param({"x": "{{previous}}", "repeat": REPEAT}, id="the whole, null at first"),
        pytest.param({"x": "{{previous.next | default(1)}}", "repeat": REPEAT}, id="a default"),
        pytest.param({"repeat": {**REPEAT, "until": "previous.done && input.go"}}, id="until reads the trigger too"),
        pytest.param({"repeat": {**REPEAT, "collect": "a.data.items"}}, id="a path"),
        pytest.param({"repeat": {**REPEAT, "collect": "{{a.data.items | default([])}}"}}, id="a filter"),
        pytest.param(
            {"repeat": {**REPEAT, "wait_ms": 300_000, "backoff": "exponential", "on_max": "continue"}}, id="all"
        ),
        pytest.param(
            {"repeat": {**REPEAT, "until": "length(a.collected) > `4`", "collect": "a.data.items"}}, id="so far"
        ),
        pytest.param({"page": "{{a.rounds}}", "repeat": REPEAT}, id="the number of rounds so far"),
    ],
)
def test_what_is_right(entry: dict[str, Any]) -> None:
    assert codes(entry) == []


@pytest.mark.parametrize(
    ("repeat", "code"),
    [
        pytest.param({"max": 5}, "INVALID_SETTING", id="no until"),
        pytest.param({"until": "a.data.done"}, "INVALID_SETTING", id="no max"),
        pytest.param({**REPEAT, "max": 0}, "INVALID_SETTING", id="no round"),
        pytest.param({**REPEAT, "max": 1001}, "INVALID_SETTING", id="too many rounds"),
        pytest.param({**REPEAT, "wait_ms": 300_001}, "INVALID_SETTING", id="too long a wait"),
        pytest.param({**REPEAT, "backoff": "linear"}, "INVALID_SETTING", id="another backoff"),
        pytest.param({**REPEAT, "on_max": "stop"}, "INVALID_SETTING", id="another end"),
        pytest.param({**REPEAT, "times": 3}, "UNKNOWN_KEY", id="another key"),
        pytest.param("a.data.done", "INVALID_SETTING", id="no mapping"),
        pytest.param({**REPEAT, "until": ["a"]}, "INVALID_SETTING", id="until is a list"),
        pytest.param({**REPEAT, "until": "a.data."}, "INVALID_EXPRESSION", id="no expression"),
        pytest.param({**REPEAT, "until": "{{a.data.done}}"}, "INVALID_EXPRESSION", id="a template"),
        pytest.param({**REPEAT, "until": "input.x"}, "INVALID_SETTING", id="reads nothing of its own"),
        pytest.param({**REPEAT, "until": "`true`"}, "INVALID_SETTING", id="reads nothing"),
        pytest.param({**REPEAT, "until": "b.data.x || a.data"}, "UNRESOLVED_REFERENCE", id="reads what comes after"),
        pytest.param({**REPEAT, "until": "a.done"}, "UNRESOLVED_REFERENCE", id="forgets data"),
        pytest.param({**REPEAT, "collect": "b.data.x"}, "UNRESOLVED_REFERENCE", id="collects what comes after"),
        pytest.param({**REPEAT, "collect": 7}, "INVALID_SETTING", id="collects a number"),
        pytest.param({**REPEAT, "until": "a.collected"}, "UNRESOLVED_REFERENCE", id="nothing is collected"),
        pytest.param({**REPEAT, "until": "a.error"}, "UNRESOLVED_REFERENCE", id="a round that failed ends it"),
        pytest.param({**REPEAT, "until": "a.results"}, "UNRESOLVED_REFERENCE", id="no loop leaves it"),
        pytest.param({**REPEAT, "collect": "a.collected"}, "INVALID_SETTING", id="collects what is collected"),
    ],
)
def test_what_is_wrong(repeat: Any, code: str) -> None:
    found = codes({"repeat": repeat}, "input >> PIPE >> a", "a >> PIPE >> b")
    assert (code, "error") in found


def test_previous_is_for_the_node_that_repeats() -> None:
    lines = ("input >> PIPE >> a", "a >> PIPE >> b")
    assert codes({"repeat": REPEAT}, *lines, b={"x": "{{previous}}"}) == [("UNRESOLVED_REFERENCE", "error")]
    assert codes({"x": "{{previous.next}}", "repeat": REPEAT}) == [("UNRESOLVED_REFERENCE", "warning")]
    collecting = {**REPEAT, "collect": "a.data.items"}
    assert codes({"repeat": collecting}, *lines, b={"x": "{{a.collected}} {{a.rounds}}"}) == []
    assert codes({}, *lines, b={"x": "{{a.rounds}}"}) == [("UNRESOLVED_REFERENCE", "error")]


@pytest.mark.parametrize("read", ["{{a}}", "{{a.data.x}}", "{{a.error.code}}", "{{a.collected}}"])
def test_a_round_reads_the_last_one_s_answer_as_previous(read: str) -> None:
    assert codes({"x": read, "repeat": REPEAT}) == [("UNRESOLVED_REFERENCE", "error")]


def test_a_node_has_what_its_repeat_gives_it() -> None:
    lines = ("input >> PIPE >> a", "a >> PIPE >> b")
    for repeat, read, message, hint in (
        (
            REPEAT,
            "{{a.collected}}",
            "{{a.collected}} does not exist: the `repeat` of `a` has no `collect`",
            "Add what its rounds contribute: collect: a.data.items",
        ),
        (
            REPEAT,
            "{{a.status}}",
            "{{a.status}} does not exist: `a`, which repeats, has data, error, success, rounds",
            "Did you mean {{a.data.status}}?",
        ),
        (
            None,
            "{{a.rounds}}",
            "{{a.rounds}} does not exist: a node has data, error, success",
            "Only a node with `repeat` has rounds.",
        ),
    ):
        config = {"a": {"repeat": repeat} if repeat else {}, "b": {"x": read}}
        [found] = diagnose(flow_of(*lines, config=config), {"a": OUTSIDE})
        assert (found.message, found.hint) == (message, hint)


def test_an_item_named_previous_is_in_the_way() -> None:
    loop = ("input >> FOREACH previous IN input.x >> a",)
    assert codes({"repeat": REPEAT}, *loop) == [("INVALID_SETTING", "error")]
    assert codes({"x": "{{previous}}"}, *loop) == []


def test_a_node_named_previous_is_in_the_way() -> None:
    found = codes({"repeat": REPEAT}, "input >> PIPE >> a", "a >> PIPE >> previous")
    assert found == [("INVALID_SETTING", "error")]
    assert codes({}, "input >> PIPE >> a", "a >> PIPE >> previous") == []


def test_a_component_that_always_answers_the_same_is_a_warning() -> None:
    inner = build_contract(input_schema={"type": "object"})
    for entry, expected in (
        ({"repeat": REPEAT}, ["REPEAT_WITHOUT_CHANGE"]),
        ({"x": "{{previous?}}", "repeat": REPEAT}, []),
        ({"x": "{{_now}}", "repeat": REPEAT}, []),
    ):
        found = diagnose(flow_of("input >> PIPE >> a", config={"a": entry}), {"a": inner})
        assert [finding.code for finding in found] == expected


def test_a_component_s_own_input_named_repeat_stays_its_input() -> None:
    own = build_contract(input_schema={"type": "object", "properties": {"repeat": {"type": "integer"}}})
    found = diagnose(flow_of("input >> PIPE >> a", config={"a": {"repeat": 3}}), {"a": own})
    assert [(finding.code, finding.severity.value) for finding in found] == [("INVALID_SETTING", "warning")]
