"""The messages about values that do not match a JSON Schema, and which schemas are unusable."""

from typing import Any

import pytest

from arcrun.contracts.schema import Mismatch, SchemaError, compile_schema, describe_value, find_mismatches


def mismatches(schema: dict[str, Any], value: Any, *, find_all: bool = False) -> list[Mismatch]:
    return find_mismatches(compile_schema(schema, find_all=find_all), value)


def field_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}}


@pytest.mark.parametrize(
    ("schema", "value", "expected", "got"),
    [
        pytest.param({"type": "string"}, 7, "string", "integer 7", id="type"),
        pytest.param({"type": ["string", "null"]}, [], "string or null", "array", id="types"),
        pytest.param({"type": "integer"}, 1.5, "integer", "number 1.5", id="fraction"),
        pytest.param({"type": "integer"}, True, "integer", "boolean true", id="boolean is no integer"),
        pytest.param({"type": "object"}, None, "object", "null", id="null"),
        pytest.param({"enum": ["a", 1, None]}, "b", 'one of "a", 1, null', 'string "b"', id="enum"),
        pytest.param({"const": 3}, 4, "3", "integer 4", id="const"),
        pytest.param({"minimum": 1}, 0, "at least 1", "integer 0", id="minimum"),
        pytest.param({"maximum": 1}, 2, "at most 1", "integer 2", id="maximum"),
        pytest.param({"exclusiveMinimum": 1}, 1, "more than 1", "integer 1", id="exclusive minimum"),
        pytest.param({"exclusiveMaximum": 1}, 1, "less than 1", "integer 1", id="exclusive maximum"),
        pytest.param({"minLength": 2}, "a", "at least 2 characters", 'string "a"', id="shortest"),
        pytest.param({"maxLength": 1}, "名字", "at most 1 characters", 'string "名字"', id="longest"),
        pytest.param({"minItems": 1}, [], "at least 1 elements", "array", id="fewest"),
        pytest.param({"maxItems": 1}, [1, 2], "at most 1 elements", "array", id="most"),
        pytest.param({"pattern": "^a"}, "b", "a string that matches ^a", 'string "b"', id="pattern"),
        pytest.param({"multipleOf": 2}, 3, "as its schema's `multipleOf` requires", "integer 3", id="another rule"),
        pytest.param(
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            3,
            "as its schema's `anyOf` requires",
            "integer 3",
            id="anyOf",
        ),
        pytest.param(
            {"maxLength": 1},
            "x" * 100,
            "at most 1 characters",
            "string of 100 characters",
            id="a long value is not shown",
        ),
    ],
)
def test_a_mismatch_says_what_is_wanted_and_what_is_there(
    schema: dict[str, Any], value: Any, expected: str, got: str
) -> None:
    assert mismatches(field_schema(schema), {"x": value}) == [Mismatch(("x",), expected, got)]


def test_a_missing_field() -> None:
    schema = {"type": "object", "required": ["a", "b"], "properties": {}}
    assert mismatches(schema, {"a": 1}) == [Mismatch(("b",), "given", "missing", is_missing=True)]


def test_an_unknown_field() -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": False}
    assert mismatches(schema, {"a": 1, "c": 2}) == [
        Mismatch(("c",), "one of the fields a, b", "a field with another name")
    ]


@pytest.mark.parametrize(
    ("path", "field"),
    [((), ""), (("a",), "a"), (("a", "b"), "a.b"), (("a", "0", "b"), "a[0].b"), (("0",), "[0]")],
)
def test_a_field_is_written_as_in_templates(path: tuple[str, ...], field: str) -> None:
    assert Mismatch(path, "", "").field == field


NESTED = {
    "type": "object",
    "properties": {
        "list": {
            "type": "array",
            "items": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        },
        "text": {"type": "string"},
    },
}


@pytest.mark.parametrize(
    ("find_all", "fields"),
    [(False, ["list[1].n"]), (True, ["list[1].n", "list[2].n", "text"])],
    ids=["the first", "all"],
)
def test_all_that_is_wrong_is_found_if_that_is_wanted(find_all: bool, fields: list[str]) -> None:
    value = {"list": [{"n": 1}, {"n": "x"}, {}], "text": 7}
    assert [found.field for found in mismatches(NESTED, value, find_all=find_all)] == fields


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"type": "integer"}, 3.0, id="a whole number may be written as a fraction"),
        pytest.param({"type": "string", "format": "email"}, "no email", id="formats are words for people"),
        pytest.param({"default": 3}, None, id="null"),
        pytest.param({}, {"anything": [1]}, id="anything"),
    ],
)
def test_what_is_allowed(schema: dict[str, Any], value: Any) -> None:
    assert mismatches(field_schema(schema), {"x": value}) == []


def test_defaults_are_not_filled_in() -> None:
    value: dict[str, Any] = {}
    assert mismatches(field_schema({"default": 3}), value) == []
    assert value == {}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "nothing"}, id="unknown type"),
        pytest.param({"pattern": "("}, id="broken pattern"),
        pytest.param({"$ref": "https://e.test/schema.json"}, id="reference over https"),
        pytest.param({"$ref": "http://e.test/schema.json"}, id="reference over http"),
        pytest.param({"$ref": "file:///etc/passwd"}, id="reference to a file"),
        pytest.param({"$ref": "#/definitions/none"}, id="reference to nothing"),
        pytest.param({"properties": []}, id="properties that are a list"),
        pytest.param({"type": 7}, id="type that is a number"),
    ],
)
def test_a_schema_that_cannot_be_used(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="the schema cannot be used: "):
        compile_schema(field_schema(schema))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "boolean true"),
        (7, "integer 7"),
        (1.5, "number 1.5"),
        ("é", 'string "é"'),
        ([], "array"),
        ({}, "object"),
        ("x" * 58, 'string "' + "x" * 58 + '"'),
        ("x" * 59, "string of 59 characters"),
        (10**60, "integer"),
        ("\ud800", 'string "\ud800"'),
    ],
)
def test_a_value_is_described_by_its_type_and_by_itself_if_short(value: Any, expected: str) -> None:
    assert describe_value(value) == expected
