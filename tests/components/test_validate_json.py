"""validate_json agrees with Python's json about what is JSON, and with JSON Schema 2020-12 about what fits."""

import json
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


def validate(text: str, schema: Any = None) -> list[tuple[str, str]]:
    """The errors, each as (path, message)."""
    data = harness.run("validate_json", {"json_string": text, "schema": schema}).data
    assert data["valid"] is (data["errors"] == [])
    return [(error["path"], error["message"]) for error in data["errors"]]


def is_valid(text: str) -> bool:
    return not validate(text)


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
    assert is_valid("[" * depth + "]" * depth)
    assert is_valid('{"a":' * depth + "1" + "}" * depth)
    assert not is_valid("[" * depth)
    assert not is_valid("[" * depth + "]" * (depth - 1) + "}")


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
        ({"maxItems": 1}, "[1, 2]", [("", "must have at most 1 items, not 2")]),
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
        ({"pattern": "^a"}, "/pattern"),
        ({"properties": {"a/b": {"minimun": 1}}}, "/properties/a~1b/minimun"),
        ({"allOf": [{}, {"if": True}]}, "/allOf/1/if"),
        ({"not": {"$id": 1, "dependentSchemas": {}}}, "/not/dependentSchemas"),
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


def test_paths_may_hold_any_name() -> None:
    assert validate('{"\\ud800 \\" \\u0001": 1}', {"additionalProperties": False}) == [
        ('/\ud800 " \x01', "nothing is allowed here")
    ]
