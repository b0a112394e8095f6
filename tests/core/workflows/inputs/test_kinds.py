"""What is known of a reference's value at push: a mismatch with the component's input_schema is told there."""

from typing import Any

import pytest

from fakes.contracts import build_contract
from fakes.flows import diagnose, flow_of

TYPES = ("string", "integer", "number", "boolean", "array", "object")
TAKES = build_contract(
    input_schema={"type": "object", "properties": {**{kind: {"type": kind} for kind in TYPES}, "string_json": {}}}
)
GIVES = build_contract(
    input_schema={"type": "object"},
    output_schema={
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
            "any": {"type": "array"},
        },
    },
)
SCHEMA = {
    "type": "object",
    "properties": {
        "names": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "lists": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    },
}


def found(lines: list[str], given: dict[str, str], **more: Any) -> list[tuple[str, str]]:
    entry = {"a": {"component": "gives"}} if any(" a" in line for line in lines) else {}
    config = {**entry, "b": {"component": "takes", **given}, **more}
    source = flow_of(*lines, config=config, input_schema=SCHEMA)
    diagnostics = diagnose(source, {"gives": GIVES, "takes": TAKES})
    return [(it.code, it.message) for it in diagnostics if it.severity.value == "error"]


def told(kind: str, got: str) -> list[tuple[str, str]]:
    return [("INVALID_INPUT", f"`{kind}` of `b` must be {kind}, and its template gives {got}")]


@pytest.mark.parametrize(
    ("path", "batch", "read", "kind"),
    [
        pytest.param("input.names", 0, "x", "string", id="an element by the input_schema"),
        pytest.param("input.names", 5, "x", "array", id="a batch"),
        pytest.param("input.names", 5, "x[0]", "string", id="an element of a batch"),
        pytest.param("input.rows", 0, "x", "object", id="an object"),
        pytest.param("input.rows", 0, "x.n", "integer", id="its field"),
        pytest.param("input.rows", 5, "x[0].n", "integer", id="a field in a batch"),
        pytest.param("input.unknown", 5, "x", "array", id="a batch of what is not known"),
        pytest.param("input.names", 0, "x_index", "integer", id="an element's number"),
        pytest.param("input.unknown | default([])", 5, "x", "array", id="a batch of what a filter gives"),
    ],
)
def test_the_items_of_a_loop(path: str, batch: int, read: str, kind: str) -> None:
    lines = [f"input >> FOREACH x IN {path} >> b"]
    loops: dict[str, Any] = {"input": {"foreach": {"batch": batch}}} if batch else {}
    for wanted in TYPES:
        fits = wanted == kind or (wanted, kind) == ("number", "integer")
        assert found(lines, {wanted: f"{{{{{read}}}}}"}, **loops) == ([] if fits else told(wanted, kind))
        assert found(lines, {wanted: f"{{{{{read} | json}}}}"}, **loops) == told(wanted, "string") * (
            wanted != "string"
        )


@pytest.mark.parametrize(
    ("path", "read"),
    [
        pytest.param("input.unknown", "x", id="a list that is not known"),
        pytest.param("a.data.any", "x", id="elements that are not known"),
        pytest.param("input.rows", "x.other", id="a field that is not known"),
        pytest.param("input.names | default([])", "x", id="what a filter gives"),
        pytest.param("input.names", "x?", id="one that may be missing"),
    ],
)
def test_what_is_not_known_fits(path: str, read: str) -> None:
    lines = ["input >> PIPE >> a", f"a >> FOREACH x IN {path} >> b"]
    assert found(lines, dict.fromkeys(TYPES, f"{{{{{read}}}}}")) == []


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        pytest.param("a", "object", id="a step"),
        pytest.param("a.data.n", "integer", id="what its contract says"),
        pytest.param("a.data.rows[0].id", "string", id="inside of it"),
        pytest.param("a.success", "boolean", id="whether it has succeeded"),
        pytest.param("a.rounds", "integer", id="its rounds"),
        pytest.param("a.collected", "array", id="what they have collected"),
        pytest.param("_today", "string", id="a clock"),
    ],
)
def test_what_steps_give(read: str, kind: str) -> None:
    lines = ["input >> PIPE >> a", "a >> PIPE >> b"]
    entry = {
        "component": "gives",
        "x": "{{a.rounds}}",
        "repeat": {"until": "a.data.n", "max": 2, "collect": "a.data.n"},
    }
    wanted = "array" if kind != "array" else "string"
    assert found(lines, {wanted: f"{{{{{read}}}}}"}, a=entry) == told(wanted, kind)
    assert found(lines, {kind: f"{{{{{read}}}}}"}, a=entry) == []


def test_the_results_of_a_loop_are_a_list() -> None:
    lines = ["input >> PIPE >> a", "a >> FOREACH x IN a.data.rows >> c", "a >> CONTINUE >> b"]
    for read in ("a.results", "x.results", "x.errors", "x.states"):
        assert found(lines, {"string": f"{{{{{read}}}}}"}) == told("string", "array")
        assert found(lines, {"array": f"{{{{{read}}}}}"}) == []


def test_a_loop_over_items_and_what_takes_one_know_them_too() -> None:
    lists = ["input >> FOREACH x IN input.lists >> a", "a >> FOREACH y IN x >> b"]
    assert found(lists, {"string": "{{y}}"}) == told("string", "number")
    names = ["input >> FOREACH x IN input.names >> a", "a >> FOREACH y IN x >> b"]
    assert found(names, {}) == [("INVALID_LOOP", "FOREACH needs a list, but x is string")]
    taken = found(["input >> FOREACH x IN input.rows >> b"], {"take": "x"}, input={"foreach": {"batch": 9}})
    assert taken == [("INVALID_INPUT", "take needs an object, but x is array")]
    assert found(["input >> FOREACH x IN input.rows >> b"], {"take": "x"}) == []


def test_the_hint_names_the_field_that_takes_such_a_value() -> None:
    source = flow_of(
        "input >> FOREACH x IN input.rows >> b",
        config={"input": {"foreach": {"batch": 9}}, "b": {"component": "takes", "string": "{{x}}"}},
    )
    [said] = diagnose(source, {"takes": TAKES})
    assert said.hint == "Write it as `string_json`."
