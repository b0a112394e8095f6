"""merge gives what dict.update gives, or its recursive form."""

from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

values = st.recursive(
    st.none() | st.integers(0, 5) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
Object = dict[str, Any]
EMPTY: Object = {}


def merge_deep(left: Object, right: Object) -> Object:
    merged = dict(left)
    for name, value in right.items():
        both = isinstance(merged.get(name), dict) and isinstance(value, dict)
        merged[name] = merge_deep(merged[name], value) if both else value
    return merged


def ordered(value: Any) -> Any:
    return [(name, ordered(item)) for name, item in value.items()] if isinstance(value, dict) else value


@settings(max_examples=40, deadline=None)
@given(st.lists(objects | st.none(), max_size=4))
def test_merge(inputs: list[Object | None]) -> None:
    present = [item for item in inputs if item is not None]
    shallow = harness.run("merge", {"inputs": inputs, "strategy": "shallow"}).data
    deep = harness.run("merge", {"inputs": inputs, "strategy": "deep"}).data
    assert ordered(shallow) == ordered(reduce(dict.__or__, present, EMPTY))
    assert ordered(deep) == ordered(reduce(merge_deep, present, EMPTY))


def test_depth() -> None:
    nested = '{"a":' * 125 + "{}" + "}" * 125
    assert harness.run_text("merge", f'{{"inputs": [{nested}, {nested}], "strategy": "deep"}}').output["success"]


def test_many_members() -> None:
    inputs = [{f"m{i * 7 % 5000}": i} for i in range(5000)]
    merged = harness.run("merge", {"inputs": inputs, "strategy": "deep"}).data
    assert merged == {f"m{i * 7 % 5000}": i for i in range(5000)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "`inputs` must be a list, but it is missing."),
        ({"inputs": {}}, "`inputs` must be a list, not an object."),
        ({"inputs": [{}, 1]}, "`inputs[1]` must be an object or null, not 1."),
        ({"inputs": [], "strategy": "Deep"}, '`strategy` must be one of shallow, deep, not "Deep".'),
    ],
)
def test_wrong_fields(given: Object, message: str) -> None:
    assert harness.run("merge", given).error == {"code": "INVALID_INPUT", "message": message}
