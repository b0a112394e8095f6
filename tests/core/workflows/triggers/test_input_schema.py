"""`input_schema`: how it is written, what the checker knows from it, and how an input is checked against it."""

from typing import Any

import pytest

from arcrun.engine.budget import PAID
from arcrun.engine.input_check import require_input
from arcrun.errors import InputError
from arcrun.workflows.plan import PLAN_FORMAT, TRIGGERS_FORMAT, load_plan
from arcrun.workflows.triggers.input_schema import describe_fields, find_schema, find_unknown_field
from fakes.components import FakeComponents
from fakes.contracts import build_contract
from fakes.engine import EngineBench, data, echo, failure
from fakes.flows import compile_source, diagnose, flow_of, plan_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": ["string", "null"]},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "any": {},
    },
}
OTHERS = {**SCHEMA, "additionalProperties": True}
STRICT = build_contract(
    input_schema={
        "type": "object",
        "properties": {"text": {"type": "string"}, "n": {"type": "number"}, "o": {"type": "object"}},
    }
)
LINES = ["input >> PIPE >> a"]


def found(schema: Any, config: dict[str, Any] | None = None, lines: list[str] = LINES, **symbols: Any) -> list[str]:
    source = flow_of(*lines, input_schema=schema, **({"config": {"a": config}} if config else {}))
    return [f"{it.code} {it.severity.value}" for it in diagnose(source, {"a": STRICT}, **symbols)]


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({}, id="anything"),
        pytest.param(SCHEMA, id="an object"),
        pytest.param({"type": ["object", "array"], "x-note": 1, "description": "d"}, id="notes"),
        pytest.param(
            {"$defs": {"a": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/a"}}}, id="a reference"
        ),
        pytest.param({"properties": {"typ": {"const": {"unknown": 1}}}}, id="names of fields, and values"),
        pytest.param({"anyOf": [{"type": "string"}, True], "if": {"minLength": 1}, "then": False}, id="alternatives"),
    ],
)
def test_a_schema_is_planned_and_stored(schema: Any) -> None:
    plan = compile_source(flow_of(*LINES, input_schema=schema)).plan
    assert plan is not None
    assert (plan.input_schema, plan.format, load_plan(plan.to_json())) == (schema, TRIGGERS_FORMAT, plan)


def test_without_a_schema_a_plan_is_as_before() -> None:
    plan = plan_of(*LINES)
    assert (plan.input_schema, plan.format, "input_schema" in plan.to_json()) == (None, PLAN_FORMAT, False)


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param("object", id="a word"),
        pytest.param([], id="a list"),
        pytest.param(None, id="nothing"),
        pytest.param({"requierd": ["id"]}, id="a misspelt keyword"),
        pytest.param({"properties": {"a": {"typ": "string"}}}, id="one inside"),
        pytest.param({"items": {"anyOf": [{"minimun": 1}]}}, id="one in an alternative"),
        pytest.param({"$defs": {"a": {"typ": 1}}}, id="one in a definition"),
        pytest.param({"type": "text"}, id="an unknown type"),
        pytest.param({"type": ["string", 5]}, id="a type that is no word"),
        pytest.param({"description": "x" * 40_000}, id="too long"),
    ],
)
def test_a_wrong_schema_is_told(schema: Any) -> None:
    assert found(schema) == ["INVALID_INPUT_SCHEMA error"]


def test_what_validate_json_says_of_a_schema_is_told() -> None:
    assert found({}, schema_problem="The input_schema cannot be used: x.") == ["INVALID_INPUT_SCHEMA error"]


def test_one_mistake_is_told_once() -> None:
    assert found({"type": "text"}, schema_problem="It cannot be used: x.") == ["INVALID_INPUT_SCHEMA error"]


@pytest.mark.parametrize(
    ("schema", "config", "codes"),
    [
        pytest.param(SCHEMA, {"n": "{{input.id}}"}, [], id="a type that fits"),
        pytest.param(SCHEMA, {"text": "{{input.id}}"}, ["INVALID_INPUT error"], id="another type"),
        pytest.param(SCHEMA, {"o": {"x": "{{input.id}}"}}, [], id="inside an object"),
        pytest.param(SCHEMA, {"text": "{{input.lines}}"}, ["INVALID_INPUT error"], id="a list for a text"),
        pytest.param(SCHEMA, {"text": "{{input.lines[0].sku}}"}, [], id="an element's field"),
        pytest.param(SCHEMA, {"n": "{{input.lines[0].sku}}"}, ["INVALID_INPUT error"], id="its type"),
        pytest.param(SCHEMA, {"n": "{{input.name}}"}, [], id="one of two types"),
        pytest.param(SCHEMA, {"n": "{{input.any}}"}, [], id="any type"),
        pytest.param(SCHEMA, {"text": "{{input.id | json}}"}, [], id="a filter's type"),
        pytest.param(SCHEMA, {"text": "{{input.id?}}"}, [], id="one that may be missing"),
        pytest.param(SCHEMA, {"text": "{{input.nam}}"}, ["UNRESOLVED_REFERENCE warning"], id="an unknown field"),
        pytest.param(SCHEMA, {"text": "{{input.nam?}}"}, [], id="an unknown field that may be missing"),
        pytest.param(OTHERS, {"text": "{{input.nam}}"}, [], id="other fields are allowed"),
        pytest.param(
            SCHEMA, {"text": "{{input.lines[0].skuu}}"}, ["UNRESOLVED_REFERENCE warning"], id="an unknown field inside"
        ),
        pytest.param({"allOf": [SCHEMA]}, {"text": "{{input.nam}}"}, [], id="fields that may be named elsewhere"),
    ],
)
def test_the_types_of_the_input_are_known(schema: Any, config: dict[str, Any], codes: list[str]) -> None:
    assert found(schema, config) == codes


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        pytest.param("input >> FOREACH x IN input.lines >> a", [], id="a list"),
        pytest.param("input >> FOREACH x IN input.id >> a", ["INVALID_LOOP error"], id="a number"),
        pytest.param("input >> IF(input.nam == 'x') >> a", ["UNRESOLVED_REFERENCE warning"], id="an unknown field"),
        pytest.param("input >> IF(input.name == 'x') >> a", [], id="a field"),
    ],
)
def test_lists_and_conditions_know_them_too(line: str, codes: list[str]) -> None:
    assert found(SCHEMA, lines=[line]) == codes


def test_what_a_path_leads_to() -> None:
    assert find_schema(SCHEMA, ["lines", "0", "sku"]) == {"type": "string"}
    assert find_schema(SCHEMA, []) == SCHEMA
    assert find_schema(SCHEMA, ["none"]) is None
    assert find_unknown_field(SCHEMA, ["lines", "0", "x"]) == ("x", ["sku"])
    assert find_unknown_field(SCHEMA, ["any", "x"]) is None
    assert describe_fields(SCHEMA) == [
        *("id: integer", "name: null or string, optional", "lines: array, optional", "any: anything, optional"),
    ]


WRONG = data({"valid": False, "errors": [{"path": "/id", "message": "must be"}, {"path": "", "message": "m"}]})


@pytest.mark.anyio
async def test_an_input_that_does_not_fit_is_refused_with_every_finding() -> None:
    components = FakeComponents({"validate_json": WRONG})
    plan = plan_of(*LINES)
    await require_input(plan, 1, components, PAID.open_budget())
    with_schema = compile_source(flow_of(*LINES, input_schema=SCHEMA)).plan
    assert with_schema is not None
    with pytest.raises(InputError, match="The input does not fit `w`: id must be \\(and 1 more\\)") as raised:
        await require_input(with_schema, {"id": "x"}, components, PAID.open_budget())
    findings = [{"field": "id", "message": "must be"}, {"field": "the input", "message": "m"}]
    assert (raised.value.http_status, raised.value.details) == (422, {"findings": findings})
    assert components.calls == [("validate_json", {"value": {"id": "x"}, "schema": SCHEMA})]


@pytest.mark.anyio
async def test_nothing_runs_before_the_check() -> None:
    bench = EngineBench({"validate_json": WRONG, "a": echo})
    with pytest.raises(InputError):
        await bench.run(LINES, {}, input_schema=SCHEMA)
    assert bench.inputs_of("a") == []


@pytest.mark.anyio
async def test_a_called_workflow_checks_its_input_too() -> None:
    inner = {"flow": LINES, "input_schema": SCHEMA}
    bench = EngineBench({"validate_json": WRONG, "a": echo, "b": echo}, workflows={"inner": inner})
    flow = ["input >> CALLS_SUBFLOW >> inner", "inner >> ON_FAIL >> b"]
    record = await bench.run(flow, {}, config={"b": {"code": "{{inner.error.code}}"}})
    assert (record.data, bench.inputs_of("a")) == ({"code": "INVALID_INPUT"}, [])


@pytest.mark.anyio
async def test_a_schema_that_cannot_be_used_is_an_error() -> None:
    bench = EngineBench({"validate_json": failure("INVALID_SCHEMA", "no"), "a": echo})
    with pytest.raises(Exception, match="The input_schema cannot be used: no"):
        await bench.run(LINES, {}, input_schema=SCHEMA)
