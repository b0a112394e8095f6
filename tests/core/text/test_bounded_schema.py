"""Of an untrusted schema, the isolate only checks what takes time proportional to the value."""

import time
from typing import Any

import pytest

from arcrun.contracts.bounded_schema import bound_schema
from arcrun.contracts.schema import compile_schema, find_mismatches

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "object", "properties": {"a": TEXT}, "required": ["a"]}, id="fields"),
        pytest.param({"type": "array", "items": {"type": "integer", "minimum": 0}}, id="elements"),
        pytest.param({"type": "object", "additionalProperties": {"enum": ["x", 1, None]}}, id="others"),
        pytest.param({"properties": {"a": {"title": "A", "x-reads": "b", "default": 1, "const": 3}}}, id="notes"),
        pytest.param({"properties": {"properties": TEXT, "items": TEXT}}, id="fields that are named like keywords"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_bounded_is_the_whole(schema: dict[str, Any]) -> None:
    assert bound_schema(schema)[1]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"properties": {"a": {"pattern": "^(a+)+$"}}}, {"a": "a" * 40 + "!"}, id="pattern"),
        pytest.param({"properties": {"a": {"pattern": "^.*.*.*.*=$"}}}, {"a": "a" * 5_000}, id="slow pattern"),
        pytest.param({"patternProperties": {"^(a+)+$": TEXT}}, {"a" * 40 + "!": 1}, id="pattern of fields"),
        pytest.param(
            {"properties": {"a": {"uniqueItems": True}}}, {"a": [[i] for i in range(20_000)]}, id="uniqueItems"
        ),
        pytest.param(
            {"properties": {"a": {"items": {"enum": [[i] for i in range(5_000)]}}}}, {"a": [[-1]] * 20_000}, id="enum"
        ),
        pytest.param({"properties": {f"f{i}": TEXT for i in range(2_000)}}, {"f0": "x"}, id="long"),
        pytest.param(
            {
                "definitions": {"n": {"anyOf": [{"items": {"$ref": "#/definitions/n"}, "minItems": 1}] * 3}},
                "$ref": "#/definitions/n",
            },
            [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]],
            id="alternatives within alternatives",
        ),
        pytest.param({"items": {"allOf": [TEXT] * 500}}, ["x"] * 20_000, id="many schemas for each element"),
    ],
)
def test_what_could_take_long_is_left_out(schema: dict[str, Any], value: Any) -> None:
    bound, is_whole = bound_schema(schema)
    assert not is_whole
    began = time.process_time()
    assert find_mismatches(compile_schema(bound), value) == []
    assert time.process_time() - began < 0.5


def test_what_is_left_still_refuses() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^x$"}}, "required": ["a"]}
    validate = compile_schema(bound_schema(schema)[0])
    assert [[wrong.field for wrong in find_mismatches(validate, value)] for value in ({}, {"a": 1}, {"a": "y"})] == [
        ["a"],
        ["a"],
        [],
    ]


def test_fields_that_a_pattern_allows_are_not_refused() -> None:
    schema = {"patternProperties": {"^x-": TEXT}, "additionalProperties": False, "properties": {"a": TEXT}}
    assert find_mismatches(compile_schema(bound_schema(schema)[0]), {"x-1": "y", "a": "b"}) == []
