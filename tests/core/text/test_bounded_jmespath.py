"""Bounded JMESPath gives the results of jmespath, and ends expressions that would run forever or fill the memory."""

from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from arcrun.errors import RunError
from arcrun.limits import MAX_EXPRESSION_STEPS
from arcrun.templates.bounded_jmespath import BoundedInterpreter, TooManyStepsError
from arcrun.templates.expressions import compile_expression
from fakes.ports.searches import examples

DOUBLED = " | ".join(["[@,@]"] * 30)
NESTED = [{"items": [{"items": [1] * 50}] * 50}] * 50
ENDLESS = [
    pytest.param("[@,@][] | " * 24 + "length(@) > `0`", {"input": 1}, id="flattened"),
    pytest.param(f"{DOUBLED} | to_string(@)", {"input": 1}, id="as text"),
    pytest.param(f"({DOUBLED}) == ({DOUBLED})", {"input": 1}, id="compared"),
    pytest.param(f"contains([{DOUBLED}], ({DOUBLED}))", {"input": 1}, id="looked for"),
    pytest.param("input.text | " + " | ".join(["join('',[@,@])"] * 20), {"input": {"text": "x" * 100}}, id="joined"),
    pytest.param("input.items[?a]", {"input": {"items": [{"a": 1}] * 60_000}}, id="filtered"),
    pytest.param("sort(input.items)", {"input": {"items": [1] * 60_000}}, id="sorted"),
    pytest.param(
        "input.items[*].items[*].items[*]",
        {"input": {"items": [{"items": [{"items": [1] * 50}] * 50}] * 50}},
        id="projected",
    ),
    pytest.param("merge(input.a, input.a)", {"input": {"a": {str(i): i for i in range(60_000)}}}, id="merged"),
    pytest.param("reverse(input.text)", {"input": {"text": "x" * 20_000_000}}, id="reversed"),
    pytest.param("input.items[::2]", {"input": {"items": [1] * 60_000}}, id="sliced"),
]


@pytest.mark.parametrize(("source", "scope"), ENDLESS)
def test_what_costs_too_much_ends(source: str, scope: dict[str, Any]) -> None:
    with pytest.raises(RunError) as caught:
        compile_expression(source).is_met(scope)
    assert caught.value.code == "EXPRESSION_TOO_COSTLY"
    assert str(MAX_EXPRESSION_STEPS) in caught.value.message


def test_what_looks_at_a_long_list_as_a_whole_costs_little() -> None:
    scope = {"input": {"items": [{"a": i} for i in range(45_000)]}}
    assert compile_expression("length(input.items) > `3`").is_met(scope)
    assert compile_expression("input.items[7].a == `7`").is_met(scope)


SOURCES = """
a
a.b
a[0]
a[*].b
a[]
a[][]
*
*.b
a[?b > `1`]
a == b
a != b
a < `2`
!a
a && b
a || b
[a, b]
{x: a, y: b}
a[1:]
a[::-1]
a | [0]
length(a)
contains(a, b)
sort_by(a, &b)
map(&b, a)
to_string(@)
keys(@)
values(@)
not_null(a, b)
type(a)
max_by(a, &b)
merge(@, @)
join(',', a)
sum(a)
reverse(a)
to_number(a)
""".split("\n")[1:-1]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=12,
)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3), VALUES)
def test_it_gives_what_jmespath_gives(sources: list[str], value: Any) -> None:
    parsed = jmespath.compile(" | ".join(sources))
    results: list[Any] = []
    searches: list[Any] = [parsed.search, lambda data: BoundedInterpreter(100_000).visit(parsed.parsed, data)]
    for search in searches:
        try:
            results.append(search(value))
        except (JMESPathError, TypeError) as error:
            results.append(type(error))
    assert results[0] == results[1]


def test_the_steps_are_those_of_the_work() -> None:
    parsed = jmespath.compile("a[*].b")
    for elements, is_enough in ((10, True), (1_000, False)):
        interpreter, data = BoundedInterpreter(100), {"a": [{"b": 1}] * elements}
        if is_enough:
            assert interpreter.visit(parsed.parsed, data) == [1] * elements
        else:
            with pytest.raises(TooManyStepsError):
                interpreter.visit(parsed.parsed, data)


@pytest.mark.parametrize(
    ("expression", "scope"),
    [
        ("sort(input)", {"input": ["y" * 200_000 + str(i) for i in range(64)]}),
        ("max(input)", {"input": ["y" * 200_000] * 65}),
        ("sort_by(input, &n)", {"input": [{"n": "y" * 200_000 + str(i)} for i in range(64)]}),
        ("join(input.glue, input.list)", {"input": {"glue": "x" * 200_000, "list": [""] * 70}}),
    ],
)
def test_long_texts_cost_what_comparing_and_joining_them_takes(expression: str, scope: dict[str, Any]) -> None:
    with pytest.raises(RunError) as caught:
        compile_expression(expression).is_met(scope)
    assert caught.value.code == "EXPRESSION_TOO_COSTLY"
