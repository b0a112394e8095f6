"""filter keeps what a model in Python keeps."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

OPERATORS = "eq neq gt gte lt lte contains not_contains starts_with ends_with in exists".split()
Condition = dict[str, Any]

scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, 1.0, 0.5, -1, 1e300])
    | st.sampled_from(["", "a", "ab", "é", "1"])
)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("ab"), scalars, max_size=2)
items = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c d"]), values, max_size=3) | values, max_size=6)
KEYS: dict[str | None, list[Any]] = {
    "a": ["a"],
    "b.a": ["b", "a"],
    "a[0]": ["a", 0],
    "c d": ["c d"],
    '["c d"].b': ["c d", "b"],
    None: [],
}


@st.composite
def comparisons(draw: st.DrawFn, operator: str | None = None) -> Condition:
    operator = operator or draw(st.sampled_from(OPERATORS))
    kinds: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("gt", "gte", "lt", "lte"), scalars.filter(lambda value: json_kind(value) in (float, str))),
        **dict.fromkeys(("starts_with", "ends_with"), st.sampled_from(["", "a", "b", "é"])),
        "in": st.lists(values, max_size=4),
        "exists": st.booleans(),
    }
    condition = {"op": operator, "value": draw(kinds.get(operator, values))}
    key = draw(st.sampled_from(list(KEYS)))
    return condition if key is None else {"key": key, **condition}


def groups(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.dictionaries(st.sampled_from(["all", "any"]), st.lists(inner, max_size=3), min_size=1, max_size=1)


conditions = st.recursive(comparisons(), groups, max_leaves=5)


def json_kind(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value)
    return float


def canonical(value: Any) -> str:
    """The same text for values that are equal in JSON."""
    if isinstance(value, dict):
        return json.dumps({key: canonical(item) for key, item in value.items()}, sort_keys=True)
    if isinstance(value, list):
        return json.dumps([canonical(item) for item in value])
    return json.dumps(float(value) if json_kind(value) is float else value)


def contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    return isinstance(found, list) and canonical(wanted) in map(canonical, found)


def holds(condition: Condition, item: Any) -> Any:
    if "all" in condition:
        return all(holds(inner, item) for inner in condition["all"])
    if "any" in condition:
        return any(holds(inner, item) for inner in condition["any"])
    found, wanted = follow(item, KEYS[condition.get("key")]), condition["value"]
    ordered = json_kind(found) == json_kind(wanted) and json_kind(found) in (float, str)
    match condition["op"]:
        case "eq" | "neq" as operator:
            return (canonical(found) == canonical(wanted)) == (operator == "eq")
        case "gt":
            return ordered and found > wanted
        case "gte":
            return ordered and found >= wanted
        case "lt":
            return ordered and found < wanted
        case "lte":
            return ordered and found <= wanted
        case "contains" | "not_contains" as operator:
            return contains(found, wanted) == (operator == "contains")
        case "starts_with":
            return isinstance(found, str) and found.startswith(wanted)
        case "ends_with":
            return isinstance(found, str) and found.endswith(wanted)
        case "in":
            return canonical(found) in map(canonical, wanted)
        case _:
            return (found is not None) == wanted


def follow(item: Any, steps: list[Any]) -> Any:
    for step in steps:
        if isinstance(item, dict):
            item = item.get(str(step))
        elif isinstance(item, list) and isinstance(step, int) and step < len(item):
            item = item[step]
        else:
            return None
    return item


def select(items_: list[Any], condition: Condition) -> list[Any]:
    data = harness.run("filter", {"items": items_, "condition": condition}).data
    assert data["count"] == len(data["items"])
    return list(data["items"])


@settings(max_examples=70, deadline=None)
@given(items, conditions)
def test_conditions(items_: list[Any], condition: Condition) -> None:
    assert select(items_, condition) == [item for item in items_ if holds(condition, item)]


@pytest.mark.parametrize("operator", OPERATORS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_each_operator(operator: str, data: st.DataObject) -> None:
    condition = data.draw(comparisons(operator))
    items_ = data.draw(items)
    assert select(items_, condition) == [item for item in items_ if holds(condition, item)]


def test_exists_needs_no_value() -> None:
    assert select([{"a": 0}, {"a": None}, {}], {"key": "a", "op": "exists"}) == [{"a": 0}]


def test_numbers_are_compared_exactly_and_keep_their_form() -> None:
    given = (
        '{"items": [9007199254740993, 9007199254740992, 1.50], "condition": {"op": "gt", "value": 9007199254740992}}'
    )
    assert b'"items":[9007199254740993]' in harness.run_text("filter", given).stdout


def test_many_items_in_a_long_list() -> None:
    numbers = list(range(30_000))
    assert select(numbers, {"op": "in", "value": numbers[::2]}) == numbers[::2]


def test_depth() -> None:
    nested = '{"all":[' * 60 + '{"op":"eq","value":1}' + "]}" * 60
    assert harness.run_text("filter", f'{{"items":[1,2],"condition":{nested}}}').data == {"items": [1], "count": 1}


KNOWN = ", ".join(OPERATORS)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, "`condition` must be an object, but it is missing."),
        ([], "`condition` must be an object, not a list."),
        ({}, f"`condition.op` must be one of {KNOWN}, but it is missing."),
        ({"op": "=="}, f'`condition.op` must be one of {KNOWN}, not "==".'),
        ({"op": "eq"}, "`condition.value` must be given, but it is missing."),
        ({"op": "lt"}, "`condition.value` must be a number or a text, but it is missing."),
        ({"op": "lt", "value": None}, "`condition.value` must be a number or a text, but it is missing."),
        ({"op": "gte", "value": True}, "`condition.value` must be a number or a text, not true."),
        ({"op": "starts_with", "value": 1}, "`condition.value` must be a text, not 1."),
        ({"op": "in", "value": "abc"}, '`condition.value` must be a list, not "abc".'),
        ({"op": "exists", "value": 1}, "`condition.value` must be true or false, not 1."),
        ({"key": "a.", "op": "exists"}, '`condition.key` must be a path like a.b[0], not "a.".'),
        ({"key": 1, "op": "exists"}, "`condition.key` must be a text, not 1."),
        ({"all": [], "any": []}, "`condition` must have either key, op and value, or all, or any."),
        ({"any": [], "op": "eq"}, "`condition` must have either key, op and value, or all, or any."),
        ({"all": {}}, "`condition.all` must be a list, not an object."),
        ({"any": [{"all": [1]}]}, "`condition.any[0].all[0]` must be an object, not 1."),
        ({"not": {}}, "`condition.not` is unknown; a condition has key, op and value, or all, or any."),
        ({"any": [{"op": "exists"}, {"op": "x"}]}, f'`condition.any[1].op` must be one of {KNOWN}, not "x".'),
    ],
)
def test_wrong_conditions(condition: Any, message: str) -> None:
    error = harness.run("filter", {"items": [], "condition": condition}).error
    assert error == {"code": "INVALID_INPUT", "message": message}


def test_items_must_be_a_list() -> None:
    error = harness.run("filter", {"items": {}, "condition": {"op": "exists"}}).error
    assert error == {"code": "INVALID_INPUT", "message": "`items` must be a list, not an object."}
