"""validate_json agrees with Python's json about what is JSON, and with JSON Schema 2020-12 about what fits."""

import json
import re
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

profile = settings(max_examples=70, deadline=None)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
# Pieces that make texts which are nearly JSON.
fragments = st.lists(
    st.sampled_from(
        '{ } [ ] , : " 0 1 - + . e E true false null NaN Infinity a \\ \\u \\ud800 00e9 \n \t \x00 é'.split(" ")
    ),
    max_size=9,
).map("".join)


def validate(text: str, schema: Any = None, cpu_ms: int | None = None) -> list[tuple[str, str]]:
    """The errors, each as (path, message)."""
    data = harness.run("validate_json", {"json_string": text, "schema": schema}, cpu_ms=cpu_ms).data
    assert data["valid"] is (data["errors"] == [])
    return [(error["path"], error["message"]) for error in data["errors"]]


def is_valid(text: str, cpu_ms: int | None = None) -> bool:
    return not validate(text, cpu_ms=cpu_ms)


def is_json(text: str) -> bool:
    """What Python's json says, less its constants, its limit on digits and its limit on depth."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str)
    except ValueError:
        return False
    return True


@profile
@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_python_writes_is_valid(value: Any, indent: int | str | None, ascii_only: bool) -> None:
    assert is_valid(json.dumps(value, indent=indent, ensure_ascii=ascii_only))


@profile
@given(fragments | st.text())
def test_texts_that_are_nearly_json(text: str) -> None:
    assert is_valid(text) == is_json(text)


@profile
@given(values, st.data())
def test_a_text_with_one_character_changed(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from('"{}[],:0-.eE\\u \x1f')) + text[at + 1 :]
    assert is_valid(changed) == is_json(changed)


@pytest.mark.parametrize(
    "text",
    [
        *["0", "-0", "-0.0", "1E400", "1e-400", "123456789012345678901234567890", "0.1e+00", "1" * 5000],
        *["01", "-01", "+1", "-", "1.", ".5", "1e", "1e+", "0x10", "1_000", "١", "--1", "1.5.2", "0e", "-Infinity"],
        *[
            '"\\u00e9"',
            '"\\uD834\\uDD1E"',
            '"\\ud800"',
            '"\\udc00\\ud800"',
            '"\\b\\f\\n\\r\\t\\/\\\\\\""',
            '"\x7f\u2028"',
        ],
        *['"\\u00g9"', '"\\u12"', '"\\u"', '"\\x41"', "'a'", '"a', '"\\"', '"\n"', '"\x00"', '"\\u 123"', '"\\U0041"'],
        *[
            "",
            " ",
            "\ufeff1",
            "1\ufeff",
            "\xa01",
            "\x0c1",
            "\u20281",
            "1 2",
            "1,",
            "[]]",
            "{}{}",
            "//1",
            "/**/1",
            "nul",
        ],
        *[
            "[1,]",
            "[,]",
            '{"a":1,}',
            "{,}",
            "{1:2}",
            '{"a" 1}',
            '{"a":}',
            "[1 2]",
            '{"a":1 "b":2}',
            "[}",
            '{"a"]',
            "{a:1}",
        ],
        *[
            '{"":0}',
            '{"a":1,"a":2}',
            "[[],{}]",
            "\t\r\n [ ] \n",
            "[true,false,null]",
            "True",
            "truee",
            "tru",
            "[\ud800]",
            '"\ud800"',
        ],
    ],
    ids=ascii,
)
def test_edge_cases(text: str) -> None:
    assert is_valid(text) == is_json(text)


@pytest.mark.parametrize("depth", [1, 128, 129, 5000, 400_000])
def test_any_depth_is_valid(depth: int) -> None:
    """Of 3.2 MB, with more than the usual `cpu_ms`."""
    assert is_valid("[" * depth + "]" * depth, harness.MUCH_MS)
    assert is_valid('{"a":' * depth + "1" + "}" * depth, harness.MUCH_MS)
    assert not is_valid("[" * depth, harness.MUCH_MS)
    assert not is_valid("[" * depth + "]" * (depth - 1) + "}", harness.MUCH_MS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text ends too early (line 1, column 1)"),
        ("{", "the text ends too early (line 1, column 2)"),
        ("[1,\n é]", "a value must stand here (line 2, column 2)"),
        ('["é😀", x]', "a value must stand here (line 1, column 8)"),
        ("\ufeff{}", "there is a byte order mark (line 1, column 1)"),
        ("[NaN]", "a value must stand here (line 1, column 2)"),
        ("[012]", "a number must not begin with zeros (line 1, column 3)"),
        ('"a\nb"', "a control character in a string must be escaped (line 1, column 3)"),
        ('"\\q"', "there is no such escape (line 1, column 3)"),
        ('"\\u12x4"', "four hexadecimal digits must follow `\\u` (line 1, column 6)"),
        ('{"a"}', "a colon must follow the member's name (line 1, column 5)"),
        ("[1}", "a comma or `]` must follow (line 1, column 3)"),
        ('{"a":1]', "a comma or `}` must follow (line 1, column 7)"),
        ("{}\r\n\r\n!", "there is more after the value (line 3, column 1)"),
    ],
    ids=ascii,
)
def test_syntax_errors_name_their_place(text: str, message: str) -> None:
    assert validate(text) == [("", message)]


def test_a_text_of_a_megabyte() -> None:
    assert is_valid(json.dumps([{"id": i, "name": f"käse {i}"} for i in range(25_000)], ensure_ascii=False))


# Each row: schema, values that fit, values that do not. Texts, because 1 and 1.0 are the same in Python.
SCHEMAS: list[tuple[Any, list[str], list[str]]] = [
    (True, ["1", "null"], []),
    (False, [], ["1", "null"]),
    ({}, ["1", "{}"], []),
    ({"type": "null"}, ["null"], ["0", '""', "false"]),
    ({"type": "boolean"}, ["true", "false"], ["0", "null", '"true"']),
    ({"type": "integer"}, ["1", "-0", "1.0", "1e3", "1.5e1", "1e300"], ["1.5", "1e-1", '"1"', "true"]),
    ({"type": "number"}, ["1", "1.5", "1e999"], ['"1"', "null"]),
    ({"type": "string"}, ['""', '"\\ud800"'], ["1", "[]"]),
    ({"type": ["array", "object"]}, ["[]", "{}"], ["1", '""']),
    ({"enum": [1, "a", None, [2], {"b": 3}]}, ["1.0", '"a"', "null", "[2.0]", '{"b": 3e0}'], ["2", '"A"', "[]", "{}"]),
    ({"enum": []}, [], ["1"]),
    ({"const": {"a": [1, 2], "b": None}}, ['{"b": null, "a": [1, 2]}'], ['{"a": [2, 1], "b": null}', '{"a": [1, 2]}']),
    ({"const": False}, ["false"], ["0", "null"]),
    ({"const": 0}, ["-0", "0.0", "0e9"], ["false"]),
    ({"const": 9007199254740993}, ["9007199254740993"], ["9007199254740992"]),
    ({"properties": {"a": {"type": "integer"}}}, ["{}", '{"a": 1}', '{"b": "x"}', "[]"], ['{"a": "x"}']),
    ({"required": ["a", "b"]}, ['{"a": 1, "b": null}', "[]"], ["{}", '{"a": 1}']),
    ({"properties": {"a": {}}, "additionalProperties": False}, ["{}", '{"a": 1}'], ['{"b": 1}']),
    ({"additionalProperties": {"type": "integer"}}, ['{"x": 1}'], ['{"x": "1"}']),
    ({"minProperties": 1, "maxProperties": 2}, ['{"a": 1}', '{"a": 1, "b": 2}', "1"], ["{}", '{"a":1,"b":2,"c":3}']),
    ({"minProperties": 2}, [], ['{"a": 1, "a": 2}']),
    ({"items": {"type": "integer"}}, ["[]", "[1, 2]", "{}"], ['[1, "x"]']),
    ({"prefixItems": [{"type": "integer"}, {"type": "string"}]}, ["[]", "[1]", '[1, "a", null]'], ["[1, 2]", '["a"]']),
    ({"prefixItems": [{}], "items": False}, ["[]", "[1]"], ["[1, 2]"]),
    ({"minItems": 1, "maxItems": 2.0}, ["[1]", "[1, 2]"], ["[]", "[1, 2, 3]"]),
    ({"uniqueItems": True}, ["[]", "[1, 2]", '[1, "1", true]', "[[1], [2]]", "[{}, []]"], ["[1, 1.0]", "[null, null]"]),
    ({"uniqueItems": True}, ['[{"a": 1}, {"b": 1}]'], ['[{"a": 1, "b": 2}, {"b": 2, "a": 1}]']),
    ({"uniqueItems": False}, ["[1, 1]"], []),
    ({"minLength": 2, "maxLength": 3}, ['"é😀"', '"abc"', "1"], ['"😀"', '"abcd"']),
    ({"minLength": 1e2}, [f'"{"a" * 100}"'], ['"a"']),
    ({"maxLength": 10**30}, ['"a"'], []),
    ({"minimum": 1.5}, ["1.5", "2", '"0"', "1e400"], ["1.4999999999999999999", "-2"]),
    ({"maximum": 10}, ["10", "10.0", "-1e400"], ["10.000000000000000001", "11"]),
    ({"exclusiveMinimum": 0}, ["1e-400", "1"], ["0", "-0.0", "-1"]),
    ({"exclusiveMaximum": -1}, ["-1.1"], ["-1", "0"]),
    ({"multipleOf": 0.1}, ["0.3", "1", "0", "-7.7", "1e300", "0.0"], ["0.35", "1e-2"]),
    ({"multipleOf": 7}, ["14", "-21", "7e2", "0.7e1"], ["1", "1e300", "7.5"]),
    ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, ["2"], ["0", "4"]),
    ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ['"a"', "6"], ["1"]),
    ({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, ["2", "3"], ["1", "6"]),
    ({"not": {"type": "string"}}, ["1"], ['"a"']),
    ({"not": {"not": {"type": "string"}}}, ['"a"'], ["1"]),
    ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"const": 1}}}, ["1"], ["2"]),
    ({"properties": {"n": {"$ref": "#"}}, "additionalProperties": False}, ['{"n": {"n": {}}}'], ['{"n": {"x": 1}}']),
    ({"title": "t", "description": "d", "default": 1, "format": "email", "x-order": 3, "$comment": "c"}, ["1"], []),
    ({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://a.example/b"}, ["1"], []),
    ({"required": ["a", "a"]}, ['{"a": 1}'], ["{}"]),
    ({"required": []}, ["{}"], []),
    ({"pattern": "^a+$"}, ['"aa"', "1", "null"], ['"ab"', '""']),
    ({"pattern": "b"}, ['"abc"'], ['"ac"']),
    ({"patternProperties": {"^n_": {"type": "integer"}}}, ['{"n_a": 1, "b": "x"}', "[]"], ['{"n_a": "x"}']),
    ({"patternProperties": {"a": {"minimum": 1}, "b": {"maximum": 3}}}, ['{"ab": 2}'], ['{"ab": 0}', '{"ab": 4}']),
    ({"patternProperties": {"^x": True, "^y": False}}, ['{"x": 1}'], ['{"y": 1}']),
    ({"properties": {"a": {}}, "patternProperties": {"^b": {}}, "additionalProperties": False},
     ['{"a": 1, "b1": 2}'], ['{"c": 1}', '{"ab": 1}']),
    ({"propertyNames": {"maxLength": 2}}, ['{"ab": 1}', "{}", '"abc"'], ['{"abc": 1}']),
    ({"propertyNames": {"pattern": "^[a-z]+$"}}, ['{"ab": 1}'], ['{"a1": 1}']),
    ({"propertyNames": False}, ["{}"], ['{"a": 1}']),
    ({"if": {"minimum": 10}, "then": {"multipleOf": 2}, "else": {"multipleOf": 3}}, ["10", "9"], ["11", "8"]),
    ({"if": {"minimum": 10}, "then": {"multipleOf": 2}}, ["10", "9"], ["11"]),
    ({"if": {"minimum": 10}, "else": {"multipleOf": 3}}, ["11", "9"], ["8"]),
    ({"if": {"minimum": 10}}, ["1", "10"], []),
    ({"then": False, "else": False}, ["1"], []),
    ({"if": True, "then": {"const": 1}}, ["1"], ["2"]),
    ({"if": False, "else": {"const": 1}}, ["1"], ["2"]),
    ({"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": {"required": ["b"]}},
     ['{"a": 1, "b": 1}', '{"a": 2}', "{}"], ['{"a": 1}']),
    ({"dependentRequired": {"a": ["b", "c"]}}, ['{"a":1,"b":1,"c":1}', '{"b": 1}', "{}", '"a"'], ['{"a":1,"b":1}']),
    ({"dependentRequired": {"a": []}}, ['{"a": 1}'], []),
    ({"dependentSchemas": {"a": {"minProperties": 2}}}, ['{"a": 1, "b": 1}', "{}", '"a"'], ['{"a": 1}']),
    ({"dependentSchemas": {"a": False}}, ['{"b": 1}'], ['{"a": 1}']),
    ({"contains": {"const": 1}}, ["[1]", "[2, 1.0]", "{}", '"a"'], ["[]", "[2]"]),
    ({"contains": {"const": 1}, "minContains": 2}, ["[1, 1]"], ["[1]", "[1, 2]"]),
    ({"contains": {"const": 1}, "maxContains": 1}, ["[1]", "[1, 2]"], ["[1, 1]", "[2]"]),
    ({"contains": {"const": 1}, "minContains": 0}, ["[]", "[2]"], []),
    ({"contains": {"const": 1}, "minContains": 0, "maxContains": 1}, ["[]", "[1]"], ["[1, 1]"]),
    ({"contains": {"const": 1}, "minContains": 2, "maxContains": 1}, [], ["[1]", "[1, 1]", "[]"]),
    ({"contains": True}, ["[1]"], ["[]"]),
    ({"contains": False}, ["{}"], ["[]", "[1]"]),
    ({"minContains": 2, "maxContains": 0}, ["[]", "[1]"], []),
    ({"const": None}, ["null"], ["0", "false"]),
    ({"const": [False]}, ["[false]"], ["[0]", "[[false]]"]),
    ({"not": {}}, [], ["1"]),
    ({"not": {"properties": {"a": {"type": "string"}}}}, ['{"a": 1}'], ['{"a": "x"}', "{}"]),
    ({"uniqueItems": True}, ["[[1], [true]]", '[{"a": false}, {"a": 0}]'], ["[[1], [1.0]]", '["a", "b", "a"]']),
    ({"multipleOf": 0.01}, ["0.07", "19.99"], ["0.075"]),
    ({"$ref": "#/$defs/a/properties/b", "$defs": {"a": {"properties": {"b": {"const": 1}}}}}, ["1"], ["2"]),
    ({"$ref": "#/$defs/~0~1%25%22", "$defs": {'~/%"': {"const": 1}}}, ["1"], ["2"]),
    ({"$ref": "#/$defs/~01", "$defs": {"~1": {"const": 1}}}, ["1"], ["2"]),
    ({"$ref": "#/$defs//properties/", "$defs": {"": {"properties": {"": {"const": 1}}}}}, ["1"], ["2"]),
    ({"allOf": [{"const": 1}, {"$ref": "#/allOf/0"}]}, ["1"], ["2"]),
    ({"prefixItems": [{"type": "integer"}, {"$ref": "#/prefixItems/0"}]}, ["[1, 2]"], ['[1, "a"]']),
    ({"$ref": "#/x-types/even", "x-types": {"even": {"multipleOf": 2}}}, ["2"], ["1"]),
    ({"$ref": "#/x-a", "x-a": {"$ref": "#/x-b/0"}, "x-b": [{"const": 1}]}, ["1"], ["2"]),
    ({"definitions": {"a": {"const": 1}}, "$ref": "#/definitions/a"}, ["1"], ["2"]),
    ({"$ref": "#one", "$defs": {"a": {"$anchor": "one", "const": 1}}}, ["1"], ["2"]),
    ({"$id": "https://a.example/b", "$ref": "https://a.example/b#/$defs/a", "$defs": {"a": {"const": 1}}},
     ["1"], ["2"]),
    ({"$id": "https://a.example/b#", "properties": {"a": {"$ref": "https://a.example/b"}, "b": False}}, ['{"a": {}}'],
     ['{"a": {"b": 1}}']),
    ({"$ref": "item", "$defs": {"a": {"$id": "item", "$ref": "#/$defs/b", "$defs": {"b": {"const": 1}}},
     "b": {"const": 2}}}, ["1"], ["2"]),
    ({"$ref": "item#x", "$defs": {"a": {"$id": "item", "$defs": {"b": {"$anchor": "x", "const": 1}}},
     "b": {"$anchor": "x", "const": 2}}}, ["1"], ["2"]),
    ({"$ref": "#/$defs/a", "minimum": 3, "$defs": {"a": {"maximum": 5}}}, ["4"], ["2", "6"]),
    ({"$defs": {"t": {"type": "object", "properties": {"l": {"$ref": "#/$defs/t"}}, "required": ["v"]}},
     "$ref": "#/$defs/t"}, ['{"v": 1, "l": {"v": 2}}'], ['{"v": 1, "l": {}}']),
    ({"properties": {"$ref": {"type": "string"}}}, ['{"$ref": "a"}'], ['{"$ref": 1}']),
    ({"properties": {"if": {"type": "string"}, "pattern": {"type": "integer"}}}, ['{"if": "a"}'], ['{"pattern": "("}']),
    ({"contentSchema": {"type": "integer"}, "contentMediaType": "application/json"}, ['"x"'], []),
    ({"format": "ipv4"}, ['"not an address"'], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        pytest.param(schema, text, fits, id=f"{json.dumps(schema)[:60]} {'fits' if fits else 'refuses'} {text[:30]}")
        for schema, fitting, failing in SCHEMAS
        for fits, texts in ((True, fitting), (False, failing))
        for text in texts
    ],
)
def test_schema(schema: Any, text: str, expected: bool) -> None:
    assert (validate(text, schema) == []) is expected


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": ["string", "null"]}, "1.5", [("", "must be of type string or null, not number")]),
        ({"type": "string"}, "2.0", [("", "must be of type string, not integer")]),
        ({"enum": ["a", 1]}, "2", [("", 'must be one of ["a",1]')]),
        ({"const": "é"}, "2", [("", 'must be "é"')]),
        ({"additionalProperties": False}, '{"a~/b": 1}', [("/a~0~1b", "nothing is allowed here")]),
        ({"items": {"maximum": 1.50}}, "[1, 2, 3]", [("/1", "must be at most 1.5"), ("/2", "must be at most 1.5")]),
        ({"minLength": 3}, '"é"', [("", "must have at least 3 characters, not 1")]),
        ({"maxItems": 1}, "[1, 2]", [("", "must have at most 1 item, not 2")]),
        ({"minLength": 1}, '""', [("", "must have at least 1 character, not 0")]),
        ({"minItems": 1.0}, "[]", [("", "must have at least 1.0 item, not 0")]),
        ({"maxProperties": 1}, '{"a": 1, "b": 2}', [("", "must have at most 1 member, not 2")]),
        ({"minProperties": 2}, "{}", [("", "must have at least 2 members, not 0")]),
        ({"maxLength": 0}, '"a"', [("", "must have at most 0 characters, not 1")]),
        ({"contains": {"const": 1}}, "[2]", [("", "must have at least 1 item that fits `contains`, not 0")]),
        (
            {"contains": True, "maxContains": 2},
            "[1,2,3]",
            [("", "must have at most 2 items that fit `contains`, not 3")],
        ),
        ({"enum": []}, "1", [("", "nothing is allowed here, for the enum is empty")]),
        ({"required": ["a", "b", "a"]}, "{}", [("", 'must have the member "a"'), ("", 'must have the member "b"')]),
        ({"dependentRequired": {"a": ["b"]}}, '{"a": 1}', [("", 'must have the member "b", as it has "a"')]),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, '{"a": 1}', [("", 'must have the member "b"')]),
        (
            {"propertyNames": {"maxLength": 1}},
            '{"ab": 1}',
            [("", 'has the name "ab", which does not fit propertyNames')],
        ),
        ({"properties": {"a": {"pattern": "^\\d+$"}}}, '{"a": "x"}', [("/a", 'must match the pattern "^\\\\d+$"')]),
        ({"patternProperties": {"^a": {"type": "null"}}}, '{"ab": 1}', [("/ab", "must be of type null, not integer")]),
        ({"if": True, "then": {"minimum": 2}}, "1", [("", "must be at least 2")]),
        ({"uniqueItems": True}, "[1, 2, 1]", [("", "must not repeat an item, but 0 and 2 are the same")]),
        ({"anyOf": [{"type": "null"}]}, "1", [("", "fits none of the schemas in anyOf")]),
        ({"oneOf": [True, True]}, "1", [("", "fits 2 of the schemas in oneOf, not one")]),
        ({"not": True}, "1", [("", "must not fit the schema in `not`")]),
        ({"multipleOf": 0.1}, "1e-2", [("", "must be a multiple of 0.1")]),
        ({"items": {"type": "null"}}, "1 2", [("", "there is more after the value (line 1, column 3)")]),
    ],
    ids=str,
)
def test_schema_errors(schema: Any, text: str, expected: list[tuple[str, str]]) -> None:
    assert validate(text, schema) == expected


def test_errors_end_at_100() -> None:
    errors = validate(json.dumps(list(range(500))), {"items": {"type": "string"}})
    assert [path for path, _ in errors] == [f"/{i}" for i in range(100)]


@profile
@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_are_compared_exactly(value: Decimal, bound: Decimal) -> None:
    schema = {"minimum": json.loads("0")}
    text = json.dumps({"json_string": f"{value:e}", "schema": schema}).replace('"minimum": 0', f'"minimum": {bound:e}')
    data = harness.run_text("validate_json", text).data
    assert data["valid"] is (value >= bound)


@profile
@given(st.integers(-(10**12), 10**12), st.integers(-6, 6), st.integers(1, 10**6), st.integers(-6, 6))
def test_multiples_are_exact(digits: int, exponent: int, unit: int, unit_exponent: int) -> None:
    given = f'{{"json_string": "{digits}e{exponent}", "schema": {{"multipleOf": {unit}e{unit_exponent}}}}}'
    expected = (digits * 10 ** (exponent + 12)) % (unit * 10 ** (unit_exponent + 12)) == 0
    assert harness.run_text("validate_json", given).data["valid"] is expected


def test_many_unique_items() -> None:
    assert validate(json.dumps(list(range(50_000))), {"uniqueItems": True}) == []


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"pattern": "(a"}, "/pattern"),
        ({"pattern": 1}, "/pattern"),
        ({"patternProperties": {"[a": {}}}, "/patternProperties/[a"),
        ({"patternProperties": []}, "/patternProperties"),
        ({"patternProperties": {"a": 1}}, "/patternProperties/a"),
        ({"propertyNames": []}, "/propertyNames"),
        ({"dependentRequired": []}, "/dependentRequired"),
        ({"dependentRequired": {"a": "b"}}, "/dependentRequired/a"),
        ({"dependentRequired": {"a": [1]}}, "/dependentRequired/a"),
        ({"dependentSchemas": {"a": ["b"]}}, "/dependentSchemas/a"),
        ({"contains": 1}, "/contains"),
        ({"minContains": -1}, "/minContains"),
        ({"then": 1}, "/then"),
        ({"type": []}, "/type"),
        ({"$id": 1}, "/$id"),
        ({"$anchor": 1}, "/$anchor"),
        ({"$ref": 1}, "/$ref"),
        ({"$ref": "#/$defs/~2", "$defs": {"~2": {}}}, "/$ref"),
        ({"$ref": "#/$defs/%zz", "$defs": {"%zz": {}}}, "/$ref"),
        ({"$ref": "#/allOf/1", "allOf": [{}]}, "/$ref"),
        ({"$ref": "#/allOf/00", "allOf": [{}]}, "/$ref"),
        ({"$ref": "#none"}, "/$ref"),
        ({"$ref": "#/x-a", "x-a": {"minimun": 1}}, "/x-a/minimun"),
        ({"$ref": "#/x-a", "x-a": 1}, "/x-a"),
        ({"allOf": [{"$ref": "#/enum/0"}], "enum": ["a"]}, "/enum/0"),
        ({"additionalItems": {}}, "/additionalItems"),
        ({"dependencies": {}}, "/dependencies"),
        ({"unevaluatedProperties": False}, "/unevaluatedProperties"),
        ({"$dynamicRef": "#a"}, "/$dynamicRef"),
        ({"properties": {"a/b": {"minimun": 1}}}, "/properties/a~1b/minimun"),
        ({"allOf": [{}, {"iff": True}]}, "/allOf/1/iff"),
        ({"not": {"$comment": 1, "dependentSchema": {}}}, "/not/dependentSchema"),
        ({"$defs": {"unused": {"foo": 1}}}, "/$defs/unused/foo"),
        ({"type": "text"}, "/type"),
        ({"type": ["string", 1]}, "/type"),
        ({"enum": 1}, "/enum"),
        ({"required": "a"}, "/required"),
        ({"required": [1]}, "/required"),
        ({"properties": []}, "/properties"),
        ({"properties": {"a": 1}}, "/properties/a"),
        ({"items": [{}]}, "/items"),
        ({"prefixItems": []}, "/prefixItems"),
        ({"anyOf": {}}, "/anyOf"),
        ({"minLength": -1}, "/minLength"),
        ({"maxItems": 1.5}, "/maxItems"),
        ({"minimum": "1"}, "/minimum"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"multipleOf": -1}, "/multipleOf"),
        ({"multipleOf": 1234567890123456789012}, "/multipleOf"),
        ({"uniqueItems": 1}, "/uniqueItems"),
        ({"$ref": "#/$defs/none"}, "/$ref"),
        ({"$ref": "other.json"}, "/$ref"),
    ],
    ids=str,
)
def test_schemas_that_are_not_understood(schema: Any, place: str) -> None:
    error = harness.run("validate_json", {"json_string": "1", "schema": schema}).error
    assert error["code"] == "INVALID_SCHEMA"
    assert error["message"].startswith(f'`schema` at "{place}": ')


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"anyOf": [{"$ref": "#"}]}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#"}}}},
    ],
    ids=str,
)
def test_references_without_end(schema: Any) -> None:
    error = harness.run("validate_json", {"json_string": "1", "schema": schema}).error
    assert error["code"] == "SCHEMA_TOO_DEEP"
    assert error["message"].startswith('At "" more than 320 schemas apply within one another')


def test_a_schema_reaches_128_levels_deep() -> None:
    tree = {"items": {"$ref": "#"}, "additionalProperties": {"allOf": [{"$ref": "#"}]}, "type": ["array", "object"]}
    assert validate("[" * 128 + "]" * 128, tree) == []
    assert validate('{"a":' * 106 + "{}" + "}" * 106, tree) == []
    too_deep = {"json_string": '{"a":' * 107 + "{}" + "}" * 107, "schema": tree}
    assert harness.run("validate_json", too_deep).error["code"] == "SCHEMA_TOO_DEEP"
    error = harness.run("validate_json", {"json_string": "[" * 129 + "]" * 129, "schema": tree}).error
    assert error["code"] == "NESTED_TOO_DEEP"


def test_the_stack_holds_the_deepest_schema_and_the_deepest_value() -> None:
    deep: Any = 1
    for _ in range(120):
        deep = {"a": deep}
    chain: dict[str, Any] = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}]} for i in range(158)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d158": {"enum": [2, deep]}}}
    assert validate(json.dumps(deep), schema) == []
    assert len(validate("1", schema)) == 1


CHAINS: dict[str, Any] = {
    "$ref": lambda schema: {"allOf": [schema]},
    "then": lambda schema: {"if": True, "then": schema},
    "else": lambda schema: {"if": False, "else": schema},
    "if": lambda schema: {"if": schema},
    "not": lambda schema: {"not": schema},
    "anyOf": lambda schema: {"anyOf": [schema]},
    "oneOf": lambda schema: {"oneOf": [schema]},
    "dependentSchemas": lambda schema: {"dependentSchemas": {"a": schema}},
    "propertyNames": lambda schema: {"propertyNames": schema},
    "properties": lambda schema: {"properties": {"a": schema}},
    "patternProperties": lambda schema: {"patternProperties": {"^a$": schema}},
    "additionalProperties": lambda schema: {"additionalProperties": schema},
    "contains": lambda schema: {"contains": schema},
    "items": lambda schema: {"items": schema},
    "prefixItems": lambda schema: {"prefixItems": [schema]},
}


@pytest.mark.parametrize("keyword", CHAINS)
def test_the_stack_holds_every_way_from_schema_to_schema(keyword: str) -> None:
    """At the end of 320 of them a pattern fails, which is the deepest that a call gets; one more is too deep."""
    leaf = {"pattern": "^(b|c)+$", "required": ["c"], "uniqueItems": True, "enum": [1]}
    chain = {f"d{i}": CHAINS[keyword]({"$ref": f"#/$defs/d{i + 1}"}) for i in range(158)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d158": leaf}}
    deep: Any = 1
    for _ in range(110):
        deep = [deep] if keyword in ("contains", "items", "prefixItems") else {"a": deep}
    for value in (deep, {"a": 1}, "a"):
        assert harness.run("validate_json", {"value": value, "schema": schema}).output["success"]
    endless = {"$ref": "#/$defs/a", "$defs": {"a": CHAINS[keyword]({"$ref": "#/$defs/a"})}}
    result = harness.run("validate_json", {"value": deep, "schema": endless}).output
    assert result["success"] or result["error"]["code"] == "SCHEMA_TOO_DEEP"


def test_the_stack_holds_the_deepest_pattern_in_the_deepest_schema() -> None:
    """A schema within 122 others, whose pattern has 50 groups within one another."""
    pattern = "(?:a|" * 50 + "b" + "+)" * 50
    schema: Any = {"pattern": f"^{pattern}$", "$id": "https://a.example/b", "$ref": "#/$defs/c", "$defs": {"c": True}}
    for _ in range(61):
        schema = {"not": {"not": schema}}
    assert harness.run("validate_json", {"value": "bab", "schema": schema}).data["valid"] is True
    assert harness.run("validate_json", {"value": "bac", "schema": schema}).data["valid"] is False


def test_a_schema_that_doubles_with_each_level_is_stopped() -> None:
    """Every level applies the next one twice: 2^40 in all."""
    chain: dict[str, Any] = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d40": True}}
    error = harness.run("validate_json", {"value": 1, "schema": schema}, cpu_ms=harness.MUCH_MS).error
    assert error == {"code": "SCHEMA_TOO_COSTLY", "message": 'At "" the schema has taken more than 30000000 steps.'}


# Each row: a pattern, texts in which it is found, texts in which it is not.
PATTERNS: list[tuple[str, list[str], list[str]]] = [
    ("", ["", "a"], []),
    ("abc", ["abc", "xabcx"], ["ab", "ABC", "abxc"]),
    ("^abc$", ["abc"], ["xabc", "abcx", "abc\n"]),
    ("^$", [""], ["a", "\n"]),
    ("a.c", ["abc", "a😀c", "a\tc"], ["ac", "a\nc", "a\rc", "a\u2028c", "a\u2029c"]),
    ("^.$", ["😀", "\ud800", "é"], ["", "ab"]),
    ("^[abc]$", ["a", "c"], ["d", "", "ab"]),
    ("^[^abc]$", ["d", "\n", "😀"], ["a", ""]),
    ("^[a-cx-z_]$", ["b", "y", "_"], ["d", "w", "-"]),
    ("^[-a]$", ["-", "a"], ["b"]),
    ("^[a-]$", ["-", "a"], ["b"]),
    ("^[\\-\\]\\\\]$", ["-", "]", "\\"], ["a"]),
    ("^[\\d-]$", ["-", "5"], ["a"]),
    ("^[\\w.]+$", ["a_1.Z"], ["é", "a b"]),
    ("^[^\\s\\d]+$", ["aé-"], ["a1", "a b", ""]),
    ("^[\\S\\s]$", ["a", "\n"], [""]),
    ("[]", [], ["", "a"]),
    ("^[^]$", ["\n", "a"], [""]),
    ("^[.*+?$^|(){}]+$", [".*+?$^|(){}"], ["a"]),
    ("^[α-ω😀-😂]$", ["β", "😁"], ["a", "😃"]),
    ("^\\d+$", ["0123456789"], ["", "1a", "١"]),
    ("^\\D+$", ["ab١"], ["a1"]),
    ("^\\w+$", ["aZ_09"], ["é", "a-b"]),
    ("^\\W$", ["é", "-", " "], ["a", "_"]),
    ("^\\s+$", [" \t\n\v\f\r\u00a0\ufeff\u2028\u3000\u1680\u2003"], ["a", "\u200b", "\x85"]),
    ("^\\S+$", ["a\u200b"], ["a b", "\u00a0"]),
    ("\\bcat\\b", ["cat", "a cat!", "cat-flap"], ["concat", "cats", "_cat"]),
    ("\\Bcat", ["concat"], ["cat", "a cat"]),
    ("^\\b$", [], ["", "a"]),
    ("a|b|cd", ["a", "xb", "cd"], ["c", "d", ""]),
    ("^(a|b)$", ["a", "b"], ["ab"]),
    ("^a|b$", ["ax", "xb"], ["xa", "bx"]),
    ("^(|a)$", ["", "a"], ["b"]),
    ("^(?:ab)+$", ["ab", "abab"], ["", "aba"]),
    ("^(?<year>\\d{4})-(?<m_1>\\d\\d)$", ["2026-01"], ["26-01"]),
    ("^((a)(b(c)))$", ["abc"], ["ab"]),
    ("^a*$", ["", "aaa"], ["b", "ab"]),
    ("^a+$", ["a", "aaa"], ["", "ab"]),
    ("^ab?c$", ["ac", "abc"], ["abbc"]),
    ("^a*?b+?c??$", ["b", "aabbc"], ["a", "bcc"]),
    ("^a{3}$", ["aaa"], ["aa", "aaaa"]),
    ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
    ("^a{2,4}?$", ["aa", "aaaa"], ["a", "aaaaa"]),
    ("^a{0}$", [""], ["a"]),
    ("^a{0,1}b{1,1}$", ["b", "ab"], ["aab", "bb"]),
    ("^(ab{2}){2}$", ["abbabb"], ["abb", "ababb"]),
    ("^(a*)*$", ["", "aaaa"], ["b"]),
    ("^(a*)+b$", ["b", "aab"], ["a"]),
    ("^(a|aa)+$", ["aaaaa"], ["aab"]),
    ("^((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+$", ["a", "aaa"], ["", "aab"]),
    ("^(?:a{2,}b){2,}$", ["aabaaab"], ["aab", "aabab"]),
    ("^(?:)*$", [""], ["a"]),
    ("^(){1000}$", [""], ["a"]),
    ("^.{1,1000}$", ["a", "a" * 1000], ["", "a" * 1001]),
    ("^\\u0041\\x42\\u{43}$", ["ABC"], ["abc"]),
    ("^\\uD83D\\uDE00\\u{1F600}$", ["😀😀"], ["😀"]),
    ("^[\\uD83D\\uDE00-\\u{1F602}]$", ["😁"], ["\ud83d"]),
    ("^\\ud800$", ["\ud800"], ["a"]),
    ("^\\t\\n\\v\\f\\r\\0\\cA$", ["\t\n\v\f\r\0\x01"], ["tnvfr0A"]),
    ("^[\\b]$", ["\b"], ["b"]),
    ("^\\.\\*\\+\\?\\^\\$\\|\\(\\)\\[\\]\\{\\}\\/\\\\$", [".*+?^$|()[]{}/\\"], ["a"]),
    ("^\\-\\@\\ \\é$", ["-@ é"], ["-@é"]),
    ("^{a}]$", ["{a}]"], ["a"]),
    ("^a{x$", ["a{x"], ["a"]),
    ("^a{,x}$", ["a{,x}"], ["a"]),
    ("^a\\{,2}$", ["a{,2}"], ["aa"]),
    ("^a{2,x}b{2$", ["a{2,x}b{2"], ["aab"]),
    ("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", ["ada@example.org"], ["ada@example", "a b@c.d"]),
    (
        "^(([0-9a-f]{2}:){5}|([0-9a-f]{2}-){5})[0-9a-f]{2}$",
        ["00:1a:2b:3c:4d:5e", "00-1a-2b-3c-4d-5e"],
        ["00:1a-2b:3c:4d:5e"],
    ),
    ("(?:a$|^b)c?", ["xa", "bx"], ["ax", "xb"]),
]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        pytest.param(pattern, text, found, id=ascii(f"{pattern[:40]} {'in' if found else 'not in'} {text[:30]}"))
        for pattern, finding, failing in PATTERNS
        for found, texts in ((True, finding), (False, failing))
        for text in texts
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:
    data = harness.run("validate_json", {"value": text, "schema": {"pattern": pattern}}).data
    assert data["valid"] is expected


def pieces() -> st.SearchStrategy[str]:
    """Patterns that mean the same to Python's re."""
    atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\b", "^", "$", "()", "1", "-"])
    repeated = st.tuples(
        st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", "(?:)"]),
        st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"]),
    ).map("".join)

    def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        groups = inner.map(lambda text: f"(?:{text})")
        return (
            st.lists(inner, min_size=1, max_size=3).map("".join)
            | st.lists(inner, min_size=2, max_size=3).map("|".join).map(lambda text: f"({text})")
            | st.tuples(groups, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map("".join)
        )

    return st.recursive(atoms | repeated, combine, max_leaves=6)


@settings(max_examples=200, deadline=None)
@given(pieces(), st.lists(st.text("ab1- ", max_size=6), min_size=1, max_size=8))
def test_patterns_find_what_python_finds(pattern: str, texts: list[str]) -> None:
    expected = [re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None for text in texts]
    schema = {"items": {"pattern": pattern}}
    errors = harness.run("validate_json", {"value": texts, "schema": schema}).data["errors"]
    failing = {error["path"] for error in errors}
    assert [f"/{i}" not in failing for i in range(len(texts))] == expected


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(a", "a group is not closed"),
        ("a)", "a `)` closes no group"),
        ("(?<a", "a group's name is not closed"),
        ("(?<a b>c)", "a group's name is made of letters, digits, `_` and `$`"),
        ("(?i)a", "`(?` must be followed by `:` or a group's name, as in `(?<name>`"),
        ("(?P<a>b)", "`(?` must be followed by `:` or a group's name, as in `(?<name>`"),
        ("*a", "there is nothing to repeat before `*`, `+` or `?`"),
        ("a|+", "there is nothing to repeat before `*`, `+` or `?`"),
        ("(?:*)", "there is nothing to repeat before `*`, `+` or `?`"),
        ("{2}", "there is nothing to repeat before `{`"),
        ("a**", "there is nothing to repeat before `*`"),
        ("a++", "there is nothing to repeat before `+`"),
        ("a{2}{3}", "there is nothing to repeat before `{3}`"),
        ("^*", "`^`, `$`, `\\b` and `\\B` cannot be repeated"),
        ("a{2,1}", "the numbers of a repetition are out of order"),
        ("a{,2}", "`{,2}` has no least number; write `{0,2}` for a repetition, or `\\{,2}` for the text"),
        ("a{,}", "`{,}` has no least number; write `{0,}` for a repetition, or `\\{,}` for the text"),
        ("{,7}", "`{,7}` has no least number; write `{0,7}` for a repetition, or `\\{,7}` for the text"),
        ("a{1001}", "a repetition counts more than 1000"),
        ("a{1,99999999999}", "a repetition counts more than 1000"),
        ("[a", "a class is not closed"),
        ("[a-", "a class is not closed"),
        ("[\\]", "a class is not closed"),
        ("[b-a]", "the ends of a range are out of order"),
        ("[\\d-z]", "a range needs a character at each end"),
        ("[a-\\w]", "a range needs a character at each end"),
        ("\\", "the pattern ends with a backslash"),
        ("(a)\\1", "a backreference, `\\1`, is not supported"),
        ("(?<a>b)\\k<a>", "a backreference, `\\k`, is not supported"),
        ("a(?=b)", "lookahead, `(?=`, is not supported"),
        ("a(?!b)", "lookahead, `(?!`, is not supported"),
        ("(?<=a)b", "lookbehind, `(?<=`, is not supported"),
        ("(?<!a)b", "lookbehind, `(?<!`, is not supported"),
        ("\\p{L}", "a Unicode property, `\\p`, is not supported"),
        ("[\\P{L}]", "a Unicode property, `\\P`, is not supported"),
        ("\\Aa\\z", "there is no escape `\\A`"),
        ("\\q", "there is no escape `\\q`"),
        ("\\u12", "hexadecimal digits must follow: `\\x41`, `\\u0041`, `\\u{41}`"),
        ("\\x4g", "hexadecimal digits must follow: `\\x41`, `\\u0041`, `\\u{41}`"),
        ("\\u{}", "hexadecimal digits must follow: `\\x41`, `\\u0041`, `\\u{41}`"),
        ("\\u{110000}", "a code point is at most `\\u{10FFFF}`"),
        ("\\u{FFFFFF}", "a code point is at most `\\u{10FFFF}`"),
        ("\\c1", "a letter must follow `\\c`"),
        ("\\01", "`\\0` before a digit"),
        ("(a{1,1000}){1,1000}", "the pattern is too large: its repetitions make more than 4000 steps of it"),
        (
            "((((){1000}){1000}){1000}){1000}",
            "the pattern is too large: its repetitions make more than 4000 steps of it",
        ),
        ("a" * 5000, "the pattern is too large: its repetitions make more than 4000 steps of it"),
        ("(" * 51 + ")" * 51, "groups are nested more than 50 levels deep"),
        ("(" * 100_000, "groups are nested more than 50 levels deep"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_patterns_that_are_refused(pattern: str, problem: str) -> None:
    error = harness.run("validate_json", {"value": "a", "schema": {"pattern": pattern}}).error
    message = f'`schema` at "/pattern": not a regular expression that is supported: {problem}.'
    assert error == {"code": "INVALID_SCHEMA", "message": message}


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"]
)
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    """Those with which a matcher that goes back takes ages."""
    given = {"value": "a" * 50_000 + "!", "schema": {"pattern": pattern}}
    started = time.monotonic()
    assert harness.run("validate_json", given).data["valid"] is False
    assert time.monotonic() - started < 2


def test_patterns_that_cost_too_much_are_stopped() -> None:
    given = {"value": "a" * 100_000, "schema": {"pattern": "a{1,900}b|.{1,900}d"}}
    error = harness.run("validate_json", given, cpu_ms=harness.MUCH_MS).error
    assert error == {"code": "SCHEMA_TOO_COSTLY", "message": 'At "" the schema has taken more than 30000000 steps.'}


VALUES: list[Any] = [None, False, 0, 1.5, "", "a", [], [1, [2]], {}, {"a": {"b": None}}]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_is_judged_as_its_text_is(value: Any) -> None:
    schema = {"type": ["null", "array", "string"]}
    as_value = harness.run("validate_json", {"value": value, "schema": schema}).data
    assert as_value == harness.run("validate_json", {"json_string": json.dumps(value), "schema": schema}).data
    assert harness.run("validate_json", {"value": value}).data == {"valid": True, "errors": []}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "`value` or `json_string` must be given."),
        ({"schema": True}, "`value` or `json_string` must be given."),
        ({"json_string": None}, "`value` or `json_string` must be given."),
        ({"json_string": "1", "value": 1}, "Only one of `value` and `json_string` can be given."),
        ({"json_string": 1}, "`json_string` must be a text, not 1."),
    ],
    ids=str,
)
def test_wrong_input(given: dict[str, Any], message: str) -> None:
    assert harness.run("validate_json", given).error == {"code": "INVALID_INPUT", "message": message}


def test_a_value_of_null_beside_a_text_counts_as_absent() -> None:
    assert harness.run("validate_json", {"value": None, "json_string": "["}).data["valid"] is False


def test_numbers_of_a_value_keep_their_digits() -> None:
    text = '{"value": 9007199254740993, "schema": {"const": 9007199254740992}}'
    assert harness.run_text("validate_json", text).data["valid"] is False


def test_paths_may_hold_any_name() -> None:
    assert validate('{"\\ud800 \\" \\u0001": 1}', {"additionalProperties": False}) == [
        ('/\ud800 " \x01', "nothing is allowed here")
    ]
