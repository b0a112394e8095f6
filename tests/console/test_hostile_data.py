"""Proves that the console's pure functions take what anybody may have written: names that JavaScript's objects have
already, keys of any signs, integers without end, schemas that are none.
"""

import json
from typing import Any

import pytest
from console.console_functions import call, call_all
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from arcrun.templates.template import compile_value
from fakes.ports.searches import examples as examples_of

NAMES = ("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "length", "姓名", "a-b")
FEW = settings(max_examples=examples_of(2), phases=[Phase.generate])  # each is a process of Node, with many cases


def text_of(name: str) -> str:
    return f"""\
name: {name}
flow:
  - input >> ON_SUCCESS >> {name}
  - {name} >> ON_FAIL >> other
  - {name} >> ON_SUCCESS >> output
config:
  {name}: {{component: set, values: {{a: 1}}}}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_step_may_have_any_name(name: str) -> None:
    text = text_of(name)
    flow, layout, added, free = call_all(
        [
            ("flow", [text]),
            ("layout", [text, "LR"]),
            ("add", [text, f"{name}_2", name, None, name]),
            ("freeName", [text, name]),
        ]
    )
    assert [(edge[0], edge[2]) for edge in flow["edges"]] == [("input", name), (name, "other"), (name, "output")]
    assert {box["name"] for box in layout["boxes"]} == {"input", "output", "other", name}
    assert all(box["x"] >= 0 and box["width"] > 0 for box in layout["boxes"])
    assert f"{name} >> ON_SUCCESS >> {name}_2" in added
    assert free == f"{name}_2"


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__"])
def test_a_field_may_have_any_name(name: str) -> None:
    contract = {"input_schema": {"required": [name]}, "config_example": {}}
    assert f'{name}: ""' in call("add", "name: w\n", "step", "thing", contract)
    known = {
        "contracts": [{"canonical_id": "thing", "input_schema": {"properties": {}}}],
        "credentials": [],
        "workflows": [],
    }
    text = f"name: w\nconfig:\n  a: {{component: thing, {name}: ¦}}\n"
    assert call("complete", text, known) == []


keys = st.one_of(
    st.text(max_size=8),
    st.text(alphabet="ab.[]{}\"'\\\\ |?()-_0 9\\n\\t\u202e\u200d\x00", max_size=8),
    st.sampled_from([*NAMES, "", "0", "-1", "12", "}}", "{{", "a.b", "e\u0301", "\u2028", "\u0663"]),
)


@FEW
@given(
    st.lists(
        st.tuples(st.lists(st.one_of(keys, st.integers(0, 3)), min_size=1, max_size=4), st.integers()), min_size=10
    )
)
def test_a_copied_reference_is_the_value_that_it_was_copied_from(cases: list[tuple[list[str | int], int]]) -> None:
    copied = call_all([("reference", ["orders.data", path]) for path, _ in cases])
    for (path, value), reference in zip(cases, copied, strict=True):
        whole: Any = value
        for key in reversed(path):
            whole = [*range(key), whole] if isinstance(key, int) else {"before": 1, key: whole}
        assert compile_value(reference).resolve({"orders": {"data": whole}}) == value, (path, reference)


numbers = st.one_of(st.integers(), st.integers(-(2**80), 2**80), st.floats(-1e15, 1e15))
values = st.recursive(
    st.one_of(numbers, st.text(max_size=6), st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@FEW
@given(st.lists(values, min_size=10))
def test_what_is_shown_and_saved_again_is_the_same(cases: list[Any]) -> None:
    """Integers of Python, such as ids of 19 digits, and JavaScript's numbers."""
    answers = call_all([("exact", [json.dumps(value)]) for value in cases])
    assert [json.loads(answer) for answer in answers] == cases


def test_integers_that_no_number_holds() -> None:
    text = '{"id":9223372036854775807,"far":-12345678901234567890123,"near":9007199254740991,"part":0.1234567890123456}'
    assert call("exact", text) == text


PARTS = ("type", "title", "enum", "properties", "required", "items", "anyOf", "pattern")


@FEW
@given(st.lists(st.dictionaries(st.sampled_from(PARTS), values, max_size=4), min_size=10))
def test_a_schema_may_be_anything(cases: list[Any]) -> None:
    for schema in call_all([("schema", [each]) for each in cases]):
        assert isinstance(schema.get("required"), list)
        assert isinstance(schema.get("properties", {}), dict)
        assert isinstance(schema.get("enum", []), list)
        assert isinstance(schema.get("title", ""), str)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"properties": {"name": None}, "required": True}, {"properties": {"name": {}}, "required": []}),
        ({"properties": ["a"], "type": 5, "enum": []}, {"required": []}),
        ({"type": ["string", "null", 5]}, {"type": ["string", "null"], "required": []}),
        (
            {"properties": {"constructor": {"type": "string"}}},
            {"properties": {"constructor": {"type": "string", "required": []}}, "required": []},
        ),
        (None, {}),
    ],
)
def test_what_is_read_of_a_schema(written: Any, read: Any) -> None:
    shown = call("schema", written)
    assert _without_empty(shown) == _without_empty(read)


def _without_empty(schema: Any) -> Any:
    """Whether `required` is an empty list or missing says the same."""
    if not isinstance(schema, dict):
        return schema
    return {key: _without_empty(value) for key, value in schema.items() if value != []}


def test_a_schema_without_end_is_cut() -> None:
    schema: dict[str, Any] = {}
    for _ in range(300):
        schema = {"type": "object", "properties": {"a": schema}}
    assert len(json.dumps(call("schema", schema))) < 2_000


def test_a_file_may_have_half_a_sign() -> None:
    assert call("address", "a\ud800b") == "data:text/yaml;charset=utf-8,a%EF%BF%BDb"
