"""if_control judges a condition as Python does, and names the place where it cannot be read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

Judge = Callable[[Any], Any]
Case = tuple[str, Judge]

INPUT = {
    "n": 3,
    "half": 0.5,
    "zero": 0,
    "text": "b",
    "blank": "",
    "yes": True,
    "no": False,
    "nil": None,
    "list": [1, "b", {"deep": [10, 20]}],
    "none": [],
    "object": {"a": 1, "b-c": {"é_1": "b"}},
    "odd name": "b",
}


def judge(condition: Any, input_: Any = INPUT) -> Any:
    data = harness.run("if_control", {"condition": condition, "input": input_}).data
    assert data["branch"] == str(data["result"]).lower()
    return data["result"]


def refuse(condition: Any, **fields: Any) -> Any:
    return harness.run("if_control", {"condition": condition, **fields}).error


def get(*steps: str | int) -> Judge:
    def follow(value: Any) -> Any:
        for step in steps:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    return follow


def constant(value: Any) -> Case:
    return json.dumps(value, ensure_ascii=False), lambda _: value


PATHS: list[Case] = [
    *((name, get(name)) for name in INPUT if name != "odd name"),
    ('["odd name"]', get("odd name")),
    ("list[0]", get("list", 0)),
    ("list[2].deep[1]", get("list", 2, "deep", 1)),
    ("list[9]", get("list", 9)),
    ("object.b-c.é_1", get("object", "b-c", "é_1")),
    ("object['b-c']", get("object", "b-c")),
    ("missing.further[0]", get("missing", "further", 0)),
    ("text.length", get("missing")),
]


def same(left: Any, right: Any) -> bool:
    """JSON equality: in Python, true equals 1."""
    return json_kind(left) == json_kind(right) and bool(left == right)


def json_kind(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value)
    return float


def compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        return same(left, right) == (operator == "==")
    if left is None or right is None:
        return False
    if json_kind(left) != json_kind(right) or json_kind(left) not in (float, str):
        raise TypeError
    return bool({">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[operator])


def comparison(left: Case, operator: str, right: Case) -> Case:
    return f"{left[0]}{operator} {right[0]}", lambda value: compare(operator, left[1](value), right[1](value))


def joined(left: Case, right: Case, word: str) -> Case:
    def both(value: Any) -> bool:
        return bool(left[1](value)) and bool(right[1](value))

    def either(value: Any) -> bool:
        return bool(left[1](value)) or bool(right[1](value))

    return f"({left[0]}) {word}\n({right[0]})", both if word == "and" else either


def negated(case: Case) -> Case:
    return f"not ({case[0]})", lambda value: not case[1](value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.5, 1e300, -0.0])
    | st.text("ab\"'\\é", max_size=3)
)
operands = st.sampled_from(PATHS) | scalars.map(constant)
comparisons = st.builds(comparison, operands, st.sampled_from(["==", "!=", ">", ">=", "<", "<="]), operands)
conditions = st.recursive(
    comparisons | operands,
    lambda inner: st.builds(joined, inner, inner, st.sampled_from(["and", "or"])) | st.builds(negated, inner),
    max_leaves=6,
)


@settings(max_examples=70, deadline=None)
@given(conditions)
def test_conditions(case: Case) -> None:
    text, expected = case
    try:
        holds = bool(expected(INPUT))
    except TypeError:
        assert refuse(text, input=INPUT)["code"] == "TYPE_MISMATCH"
    else:
        assert judge(text) is holds


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["and", "or"]), max_size=5), st.lists(st.booleans(), min_size=6, max_size=6), st.data())
def test_precedence_is_that_of_python(words: list[str], flags: list[bool], data: st.DataObject) -> None:
    terms = [data.draw(st.sampled_from(["", "not ", "not not "])) + str(flag) for flag in flags]
    text = terms[0] + "".join(f" {word} {term}" for word, term in zip(words, terms[1:], strict=False))
    assert judge(text.replace("True", "true").replace("False", "false")) is eval(text)


@pytest.mark.parametrize("value", [None, False, 0, -0.0, "", [], {}], ids=repr)
def test_empty_values_do_not_hold(value: Any) -> None:
    assert judge("x", {"x": value}) is False


@pytest.mark.parametrize("value", [True, 1, -0.5, 1e-300, "0", " ", [0], {"a": None}], ids=repr)
def test_other_values_hold(value: Any) -> None:
    assert judge("x", {"x": value}) is True


@pytest.mark.parametrize(
    ("condition", "input_", "result"),
    [
        ("9007199254740992 < 9007199254740993", None, True),
        ("x == 0.30", {"x": 0.3}, True),
        ("x == y", {"x": {"a": 1, "b": [2]}, "y": {"b": [2.0], "a": 1}}, True),
        ("x == y", {"x": [1, 2], "y": [2, 1]}, False),
        ("true == 1", None, False),
        ("(1 < 2) == true", None, True),
        ("not a == b", {"a": 1, "b": 1}, False),
        ("false and x > 'a'", {"x": 1}, False),
        ("true or x > 'a'", {"x": 1}, True),
        ("x != null and x > 3", {}, False),
        ("x < 3 or x >= 3", {}, False),
        ("[1].a", [{}, {"a": 1}], True),
        ("rows.1", {"rows": [0, 1]}, True),
        ("notable and order and android", {"notable": 1, "order": 1, "android": 1}, True),
        ('["and"] and true.x', {"and": 1, "true": {"x": 1}}, True),
        ("input", 5, True),
        ("input.input", {"input": {"x": 1}}, False),
        ("input.x", {"input": {"x": 1}}, True),
        ("'it\\'s' == \"it's\"", None, True),
        (r"'\u00e9\n' == x", {"x": "é\n"}, True),
        ("a<b", {"a": "Z", "b": "a"}, True),
        ("a>b", {"a": "\U00010000", "b": "\uffff"}, True),
        ("not(a)and(b)", {"b": 1}, True),
        ("\t a\n", {"a": 1}, True),
    ],
)
def test_particular_conditions(condition: str, input_: Any, result: bool) -> None:
    assert judge(condition, input_) is result


@pytest.mark.parametrize(
    ("condition", "fault", "column"),
    [
        ("", "the condition ends too early", 1),
        ("  ", "the condition ends too early", 3),
        ("a >", "the condition ends too early", 4),
        ("(a", "the condition ends too early", 3),
        ("'a", "the condition ends too early", 3),
        ("'a\\", "the condition ends too early", 4),
        ("a[", "the condition ends too early", 3),
        ("a[0", "the condition ends too early", 4),
        ("a = 3", "equality is written `==`", 3),
        ("a === 3", "equality is written `==`", 5),
        ("a && b", "write `and`", 3),
        ("a || b", "write `or`", 3),
        ("!a", "write `not`", 1),
        ("é == ?", "a value or a path must stand here", 6),
        ("a and or b", "a value or a path must stand here", 7),
        ("a == not b", "a value or a path must stand here", 6),
        ("()", "a value or a path must stand here", 2),
        ("a b", "`and`, `or`, a comparison or the end must stand here", 3),
        ("a)", "`and`, `or`, a comparison or the end must stand here", 2),
        ("(a b)", "`and`, `or`, a comparison or `)` must stand here", 4),
        ("1 < a < 3", "comparisons cannot be chained; join two of them with `and`", 7),
        ("a..b", "this is no path like `a.b[0]`", 3),
        ("a[-1]", "this is no path like `a.b[0]`", 3),
        ("a['x'", "the condition ends too early", 6),
        ("5x", "a number must end here", 2),
        ("1.2.3", "a number must end here", 4),
        ("1.x", "a digit must stand here", 3),
        ("012", "a number must not begin with zeros", 2),
        ("-a", "a digit must stand here", 2),
        (r"'\q'", "there is no such escape", 3),
        (r"'\u12g4'", "four hexadecimal digits must follow `\\u`", 6),
        ("(" * 65 + "a" + ")" * 65, "it is nested more than 64 levels deep", 65),
        ("not " * 65 + "a", "it is nested more than 64 levels deep", 260),
    ],
)
def test_malformed_conditions(condition: str, fault: str, column: int) -> None:
    message = f"`condition` cannot be read: {fault} (column {column})."
    assert refuse(condition, input={}) == {"code": "INVALID_CONDITION", "message": message, "column": column}


@settings(max_examples=50, deadline=None)
@given(
    st.text("ab0.[]()'\"<>=! \\-andort") | st.lists(operands.map(lambda case: case[0]) | st.text("()=>!")).map(" ".join)
)
def test_any_text_has_an_answer(condition: str) -> None:
    output = harness.run("if_control", {"condition": condition, "input": INPUT}).output
    assert output["success"] or output["error"]["code"] in ("INVALID_CONDITION", "TYPE_MISMATCH")


def test_deep_and_long_conditions() -> None:
    assert judge("(" * 64 + "n" + ")" * 64) is True
    assert judge("not " * 64 + "n") is True
    assert judge(" and ".join(["n == 3"] * 5000)) is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"condition": 1}, "`condition` must be a text, or true or false, not 1."),
        ({"condition": None}, "`condition` must be a text, but it is missing."),
        ({"condition": "1 or a.b"}, "`input` must be given, because `condition` reads `a.b`."),
    ],
)
def test_wrong_fields(given: Any, message: str) -> None:
    assert harness.run("if_control", given).error == {"code": "INVALID_INPUT", "message": message}


def test_paths_into_null_are_null() -> None:
    assert judge("a == null and input == null", None) is True
