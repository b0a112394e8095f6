"""array_ops gives what Python's own functions on lists give."""

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import cmp_to_key
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

BOUND = 2**53
PRECISION = Context(prec=34, rounding=ROUND_HALF_UP)
profile = settings(max_examples=25, deadline=None)

numbers = st.integers(-5, 5) | st.sampled_from([0.5, 1.0, 2.25, -0.0, 1e300, 1e-7]) | st.floats(-1e9, 1e9)
texts = st.text("aZé\U0001f600\uffff1", max_size=2)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
lists = st.lists(values, max_size=8)
KEYS: dict[str, list[Any]] = {"a": ["a"], "b.a": ["b", "a"], "a[0]": ["a", 0], '["b"]': ["b"]}
keys = st.sampled_from(list(KEYS))
records = st.lists(st.dictionaries(st.sampled_from("ab"), values, max_size=2) | values, max_size=8)


def operate(operation: str, items: list[Any], **fields: Any) -> Any:
    return harness.run("array_ops", {"operation": operation, "input": items, **fields}).data["result"]


def refuse(operation: str, items: Any, **fields: Any) -> Any:
    return harness.run("array_ops", {"operation": operation, "input": items, **fields}).error


def follow(item: Any, key: str) -> Any:
    for step in KEYS[key]:
        if isinstance(item, dict):
            item = item.get(str(step))
        elif isinstance(item, list) and isinstance(step, int) and step < len(item):
            item = item[step]
        else:
            return None
    return item


def canonical(value: Any) -> str:
    """The same text for values that are equal in JSON."""
    if isinstance(value, dict):
        return json.dumps({key: canonical(item) for key, item in value.items()}, sort_keys=True)
    if isinstance(value, list):
        return json.dumps([canonical(item) for item in value])
    return json.dumps(value if isinstance(value, bool) or not isinstance(value, int | float) else float(value) + 0.0)


def rank(value: Any) -> int:
    kinds: list[Any] = [type(None), bool, (int, float), str, list, dict]
    return next(i for i, kind in enumerate(kinds) if isinstance(value, kind))


def compare(a: Any, b: Any) -> int:
    if rank(a) != rank(b):
        return rank(a) - rank(b)
    if isinstance(a, list):
        return next((found for found in map(compare, a, b) if found), len(a) - len(b))
    return 0 if a is None or isinstance(a, dict) else (a > b) - (a < b)


in_order = cmp_to_key(compare)


@profile
@given(lists, lists, st.integers(1, 9), st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9))
def test_positions(items: list[Any], other: list[Any], size: int, start: int | None, end: int | None) -> None:
    assert operate("count", items) == len(items)
    assert operate("first", items) == (items[0] if items else None)
    assert operate("last", items) == (items[-1] if items else None)
    assert operate("reverse", items) == items[::-1]
    assert operate("chunk", items, size=size) == [items[i : i + size] for i in range(0, len(items), size)]
    assert operate("slice", items, start=start, end=end) == items[start:end]
    assert operate("zip", items, other=other) == [list(pair) for pair in zip(items, other, strict=False)]


@profile
@given(lists, st.booleans())
def test_sort(items: list[Any], descending: bool) -> None:
    assert operate("sort", items, descending=descending) == sorted(items, key=in_order, reverse=descending)


@profile
@given(records, keys, st.booleans())
def test_sort_by_key(items: list[Any], key: str, descending: bool) -> None:
    expected = sorted(items, key=lambda item: in_order(follow(item, key)), reverse=descending)
    assert operate("sort", items, key=key, descending=descending) == expected


@pytest.mark.parametrize("descending", [False, True])
def test_sort_is_stable(descending: bool) -> None:
    items = [{"k": i * 7919 % 13, "n": i} for i in range(2000)]
    expected = sorted(items, key=lambda item: item["k"], reverse=descending)
    assert operate("sort", items, key="k", descending=descending) == expected


def firsts(items: list[Any], value: Callable[[Any], str]) -> list[Any]:
    """Of the items with the same value the first one."""
    positions = {value(item): i for i, item in reversed(list(enumerate(items)))}
    return [items[i] for i in sorted(positions.values())]


@profile
@given(records, keys)
def test_unique_and_pluck(items: list[Any], key: str) -> None:
    assert operate("unique", items) == firsts(items, canonical)
    assert operate("unique", items, key=key) == firsts(items, lambda item: canonical(follow(item, key)))
    assert operate("pluck", items, key=key) == [follow(item, key) for item in items]


@profile
@given(st.lists(st.dictionaries(st.just("a"), st.none() | st.booleans() | st.integers(-2, 2) | texts), max_size=8))
def test_group_by(items: list[dict[str, Any]]) -> None:
    def name(item: dict[str, Any]) -> str:
        value = item.get("a")
        return value if isinstance(value, str) else json.dumps(value)

    grouped = {key: list(found) for key, found in groupby(sorted(items, key=name), name)}
    result = operate("group_by", items, key="a")
    assert result == grouped
    assert list(result) == list(dict.fromkeys(map(name, items)))


@pytest.mark.parametrize(
    ("lexeme", "name"),
    [
        ("1.0", "1"),
        ("1e2", "100"),
        ("-0.0", "0"),
        ("0.50", "0.5"),
        ("1e21", "1e+21"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_numbers_that_are_equal_are_one_group(lexeme: str, name: str) -> None:
    stdin = f'{{"operation": "group_by", "key": "a", "input": [{{"a": {lexeme}}}, {{"a": {name}}}]}}'
    result = harness.run_text("array_ops", stdin).data["result"]
    assert [(key, len(items)) for key, items in result.items()] == [(name, 2)]


@profile
@given(lists, st.integers(0, 4))
def test_flatten(items: list[Any], depth: int) -> None:
    def flatten(part: list[Any], levels: int) -> list[Any]:
        if levels == 0:
            return part
        spread = [inner if isinstance(inner, list) else [inner] for inner in part]
        return flatten([inner for inners in spread for inner in inners], levels - 1)

    assert operate("flatten", items, depth=depth) == flatten(items, depth)
    assert operate("flatten", items) == flatten(items, 1)


lexemes = (
    st.integers(-(10**14), 10**14).map(str)
    | st.floats(-1e12, 1e12).map(repr)
    | st.decimals(-1000, 1000, places=2).map(str)
    | st.decimals(-10, 10, places=7).map(str)
)


@profile
@given(st.lists(lexemes, min_size=1, max_size=8))
def test_sum_and_average_are_exact(listed: list[str]) -> None:
    total = sum(map(Fraction, listed), Fraction(0))
    for operation, exact in (("sum", total), ("average", total / len(listed))):
        result = harness.run_text("array_ops", f'{{"operation": "{operation}", "input": [{",".join(listed)}]}}')
        found = json.loads(result.stdout, parse_float=Decimal, parse_int=Decimal)["data"]["result"]
        assert found == PRECISION.divide(Decimal(exact.numerator), Decimal(exact.denominator))


@profile
@given(st.lists(numbers, min_size=1, max_size=6) | st.lists(texts, min_size=1, max_size=6))
def test_min_and_max(items: list[Any]) -> None:
    assert operate("min", items) == min(items)
    assert operate("max", items) == max(items)
    entries = [{"a": item, "n": i} for i, item in enumerate(items)]
    assert operate("min", entries, key="a") == min(entries, key=lambda entry: entry["a"])
    assert operate("max", entries, key="a") == max(entries, key=lambda entry: entry["a"])


def test_empty_lists() -> None:
    assert operate("sum", []) == 0
    assert operate("group_by", [], key="a") == {}
    for operation in ("reverse", "sort", "unique", "flatten"):
        assert operate(operation, []) == []
    for operation in ("average", "min", "max"):
        assert refuse(operation, []) == {"code": "EMPTY_LIST", "message": "`input` is empty."}


def test_long_lists() -> None:
    shuffled = [i * 7919 % 50_000 / 4 for i in range(50_000)]
    assert operate("sort", shuffled) == sorted(shuffled)
    assert operate("sum", shuffled) == sum(shuffled)
    assert operate("unique", shuffled * 2) == shuffled


def test_numbers_keep_their_form() -> None:
    stdout = harness.run_text("array_ops", '{"operation": "sort", "input": [1.50, 1e0, 1e400, -1E-400]}').stdout
    assert b"[-1E-400,1e0,1.50,1e400]" in stdout


def test_deep_lists() -> None:
    nested = "[" * 120 + "1" + "]" * 120
    stdin = f'{{"operation": "flatten", "depth": 128, "input": [{nested}, {nested}]}}'
    assert harness.run_text("array_ops", stdin).data == {"result": [1, 1]}
    assert harness.run_text("array_ops", stdin.replace("flatten", "sort")).output["success"] is True


@pytest.mark.parametrize(
    ("operation", "items", "subject"),
    [
        ("sum", [BOUND, 1], "The result"),
        ("sum", [-BOUND, -0.5], "The result"),
        ("sum", [1, BOUND + 1], "`input[1]`"),
        ("average", [1e17, -1e17], "`input[0]`"),
    ],
)
def test_numbers_out_of_range(operation: str, items: list[Any], subject: str) -> None:
    message = f"{subject} is beyond 9007199254740992 (2^53), up to which whole numbers are exact."
    assert refuse(operation, items) == {"code": "OUT_OF_RANGE", "message": message}


@pytest.mark.parametrize(
    ("operation", "items", "fields", "message"),
    [
        ("count", None, {}, "`input` must be a list, but it is missing."),
        ("count", {"a": 1}, {}, "`input` must be a list, not an object."),
        ("first", "abc", {}, '`input` must be a list, not "abc".'),
        ("sum", [1, "2"], {}, '`input[1]` must be a number, not "2".'),
        ("sum", [{"a": 1}, {}], {"key": "a"}, "`input[1].a` must be a number, not null."),
        ("average", [[True]], {"key": "[0]"}, "`input[0][0]` must be a number, not true."),
        ("min", [None], {}, "`input[0]` must be a number or a text, not null."),
        ("max", [1, "a"], {}, '`input[1]` must be a number, like those before, not "a".'),
        ("max", ["a", 1], {}, "`input[1]` must be a text, like those before, not 1."),
        ("sort", [], {"key": "a..b"}, '`key` must be a path like a.b[0], not "a..b".'),
        ("sort", [], {"key": ""}, '`key` must be a path like a.b[0], not "".'),
        ("sort", [], {"key": 1}, "`key` must be a text, not 1."),
        ("sort", [], {"descending": "yes"}, '`descending` must be true or false, not "yes".'),
        ("flatten", [], {"depth": 129}, "`depth` must be a whole number from 0 to 128, not 129."),
        ("chunk", [], {}, "`size` must be a whole number from 1 to 1073741824, but it is missing."),
        ("chunk", [], {"size": 0}, "`size` must be a whole number from 1 to 1073741824, not 0."),
        ("slice", [], {"start": 0.5}, "`start` must be a whole number from -1073741824 to 1073741824, not 0.5."),
        ("pluck", [], {}, "`key` must be a text, but it is missing."),
        ("group_by", [], {}, "`key` must be a text, but it is missing."),
        (
            "group_by",
            [{"a": []}],
            {"key": "a"},
            "`input[0].a` must be a text, a number, true, false or null, not a list.",
        ),
        ("zip", [], {}, "`other` must be a list, but it is missing."),
    ],
)
def test_wrong_fields(operation: str, items: Any, fields: dict[str, Any], message: str) -> None:
    assert refuse(operation, items, **fields) == {"code": "INVALID_INPUT", "message": message}


def test_an_unknown_operation_is_refused_with_the_known_ones() -> None:
    known = ", ".join(harness.load_contract("array_ops").input_schema["properties"]["operation"]["enum"])
    assert refuse("shuffle", [])["message"] == f'`operation` must be one of {known}, not "shuffle".'
