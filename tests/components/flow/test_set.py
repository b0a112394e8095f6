"""set changes the context as a Python loop over nested dicts and lists does."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

NAMES = ["a", "b", "c d", "é", "a.b", "0", "x-y", "", "]"]
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "text"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)
paths = st.lists(st.sampled_from(NAMES) | st.integers(0, 3), min_size=1, max_size=4)
assignments = st.lists(st.tuples(paths, values), max_size=4)


def render_path(path: list[str | int]) -> str:
    steps = []
    for step in path:
        plain = isinstance(step, str) and step and not set(step) & set(".[]")
        steps.append(f".{step}" if plain else f"[{step}]" if isinstance(step, int) else f'["{step}"]')
    return "".join(steps).removeprefix(".")


def assign(context: Any, path: list[str | int], value: Any) -> None:
    """Raises TypeError or IndexError where the component answers INVALID_PATH."""
    target = context
    for i, step in enumerate(path):
        key: Any = step
        if isinstance(target, dict):
            key = str(step)
            target.setdefault(key, None)
        elif isinstance(target, list):
            if not str(step).isdigit():
                raise IndexError
            key = int(step)
            target[key]
        else:
            raise TypeError
        if i == len(path) - 1:
            target[key] = value
        elif target[key] is None:
            target[key] = {}
        target = target[key]


@settings(max_examples=40, deadline=None)
@given(objects, objects, assignments)
def test_assignments(
    context: dict[str, Any], extra: dict[str, Any], changes: list[tuple[list[str | int], Any]]
) -> None:
    listed = [{"key": render_path(path), "value": value} for path, value in changes]
    given = {"context": context, "values": extra, "assignments": listed}
    expected = copy.deepcopy(context | extra)
    try:
        for path, value in changes:
            assign(expected, path, copy.deepcopy(value))
    except (TypeError, IndexError):
        assert harness.run("set", given).error["code"] == "INVALID_PATH"
    else:
        assert harness.run("set", given).data == expected


def test_members_keep_their_order() -> None:
    given = {"context": {"z": 1, "a": 2}, "values": {"m": 3, "z": 4}, "assignments": [{"key": "b", "value": 5}]}
    assert list(harness.run("set", given).data.items()) == [("z", 4), ("a", 2), ("m", 3), ("b", 5)]


def test_the_deepest_value_at_the_end_of_the_longest_path() -> None:
    key, nested = ".".join("a" * 64), "[" * 125 + "]" * 125
    stdin = f'{{"assignments": [{{"key": "{key}", "value": {nested}}}]}}'
    assert harness.run_text("set", stdin).output["success"] is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"context": []}, "`context` must be an object, not a list."),
        ({"values": [1]}, "`values` must be an object, not a list."),
        ({"assignments": {}}, "`assignments` must be a list, not an object."),
        ({"assignments": ["a"]}, '`assignments[0]` must be an object, not "a".'),
        (
            {"assignments": [{"key": "a", "value": 1, "default": 2}]},
            "`assignments[0].default` is unknown; the fields are key, value.",
        ),
        ({"assignments": [{"key": "a"}]}, "`assignments[0].value` must be given, but it is missing."),
        ({"assignments": [{"value": 1}]}, "`assignments[0].key` must be a text, but it is missing."),
        (
            {"assignments": [{"key": "a", "value": 1}, {"key": "a.", "value": 1}]},
            '`assignments[1].key` must be a path like a.b[0], not "a.".',
        ),
        (
            {"assignments": [{"key": "a" + ".a" * 64, "value": 1}]},
            "`assignments[0].key` must have at most 64 steps.",
        ),
    ],
)
def test_wrong_fields(given: Any, message: str) -> None:
    assert harness.run("set", given).error == {"code": "INVALID_INPUT", "message": message}


@pytest.mark.parametrize(
    "key", ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", 'a["x]', "a]", "a[0]b", 'a["x"']
)
def test_keys_that_are_no_path(key: str) -> None:
    given = {"assignments": [{"key": key, "value": 1}]}
    message = f"`assignments[0].key` must be a path like a.b[0], not {json.dumps(key)}."
    assert harness.run("set", given).error["message"].replace('\\"', '"') == message.replace('\\"', '"')


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("text.x", "`text.x` cannot be set: `x` would lead into a text."),
        ("text[0]", "`text[0]` cannot be set: `0` would lead into a text."),
        ("yes.x", "`yes.x` cannot be set: `x` would lead into true or false."),
        ("list.x", "`list.x` cannot be set: a list of 2 has no element `x`."),
        ("list[2]", "`list[2]` cannot be set: a list of 2 has no element `2`."),
        ("list[0].a.b", "`list[0].a.b` cannot be set: `a` would lead into a number."),
        ("list[99999999999999999999]", "`list[99999999999999999999]` cannot be set: a list of 2 has no element "),
    ],
)
def test_paths_that_cannot_be_set(key: str, message: str) -> None:
    context = {"text": "t", "yes": True, "list": [1, None]}
    error = harness.run("set", {"context": context, "assignments": [{"key": key, "value": 1}]}).error
    assert error["code"] == "INVALID_PATH"
    assert error["message"].startswith(message)
