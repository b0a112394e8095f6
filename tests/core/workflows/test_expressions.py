"""Which names an IF reads, when it is true, and the errors of expressions that cannot be read or evaluated."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import RunError
from arcrun.templates.expressions import compile_expression

SCOPE: dict[str, Any] = {
    "input": {"n": 3, "zero": 0, "empty": "", "none": None, "no": False, "list": [], "object": {}, "tags": ["a", "b"]}
    | {"mixed": [{"k": 1}, {"k": "x"}], "long": "x" * 10_000},
    "grab": {"data": {"status": 200, "items": [{"price": 5}, {"price": 9}]}},
    "my-node": {"data": 1},
}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param("a", "a", id="name"),
        pytest.param("a.b.c", "a", id="path"),
        pytest.param("a[0].b", "a", id="index"),
        pytest.param("a[*].b", "a", id="projection"),
        pytest.param("a.*.b", "a", id="projection of values"),
        pytest.param("a[1:2]", "a", id="slice"),
        pytest.param("a[]", "a", id="flattening"),
        pytest.param("a[?b > `1` && c]", "a", id="filter: its names are fields of the elements"),
        pytest.param("a | b", "a", id="pipe: its right side reads what the left gives"),
        pytest.param("a == b", "a b", id="comparison"),
        pytest.param("a && b || !c", "a b c", id="logic"),
        pytest.param("length(a) > to_number(b.c)", "a b", id="functions"),
        pytest.param("sort_by(a, &b)", "a", id="&expression: its names are fields of the elements"),
        pytest.param("[a, b.c]", "a b", id="list"),
        pytest.param("{x: a, y: b.c}", "a b", id="object"),
        pytest.param("a.[b, c]", "a", id="list of fields"),
        pytest.param('"my-node".data', "my-node", id="quoted name"),
        pytest.param("a == 'b' || a == `\"c\"`", "a", id="literals"),
        pytest.param("`true`", "", id="literal alone"),
        pytest.param("@", "", id="the scope itself"),
    ],
)
def test_the_names_that_an_expression_reads(source: str, names: str) -> None:
    assert sorted(compile_expression(source).names) == names.split()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("input.n == `3`", True, id="equal"),
        pytest.param("input.n > `3`", False, id="not more"),
        pytest.param("grab.data.status == `200` && input.n < `5`", True, id="and"),
        pytest.param("grab.data.items[?price > `8`]", True, id="a filter that finds"),
        pytest.param("grab.data.items[?price > `10`]", False, id="a filter that finds nothing"),
        pytest.param("contains(input.tags, 'a')", True, id="function"),
        pytest.param("length(grab.data.items) > `1`", True, id="length"),
        pytest.param("input.n", True, id="number"),
        pytest.param("input.zero", True, id="0 is truthy, as JMESPath has it"),
        pytest.param("input.zero == `0`", True, id="0 is 0"),
        pytest.param("input.zero == `false`", False, id="0 is not false"),
        pytest.param("!(input.zero)", False, id="not 0"),
        pytest.param("input.empty", False, id="empty text"),
        pytest.param("input.none", False, id="null"),
        pytest.param("input.no", False, id="false"),
        pytest.param("!(input.no)", True, id="not false"),
        pytest.param("input.list", False, id="empty list"),
        pytest.param("input.object", False, id="empty object"),
        pytest.param("input.missing", False, id="missing field"),
        pytest.param("nobody.data", False, id="missing name"),
        pytest.param("trigger.n == `3`", True, id="alias of the trigger"),
        pytest.param('"my-node".data == `1`', True, id="quoted name"),
        pytest.param("@", False, id="nothing that is not named can be seen"),
        pytest.param("*", False, id="nor all of it"),
    ],
)
def test_whether_an_expression_is_met(source: str, expected: bool) -> None:
    assert compile_expression(source).is_met(SCOPE) is expected


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("", id="empty"),
        pytest.param("a ==", id="not complete"),
        pytest.param("a = b", id="one equals sign"),
        pytest.param("a == 200", id="number without backticks"),
        pytest.param("a == 'x", id="open quote"),
        pytest.param("a == `{`", id="backticks around no JSON"),
        pytest.param("((a)", id="open parenthesis"),
        pytest.param("a and b", id="word for a sign"),
        pytest.param("{{a}}", id="template"),
        pytest.param("(" * 50_000 + "a" + ")" * 50_000, id="far too deep"),
        pytest.param("!" * 50_000 + "a", id="too many signs"),
        pytest.param("a" + " || a" * 70, id="chain of too many parts"),
        pytest.param("x" * 5_000 + " y", id="long name"),
    ],
)
def test_an_expression_that_cannot_be_read(source: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        compile_expression(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("contain(a, 'x')", "there is no function contain(); did you mean contains()?"),
        ("a && lower(b)", "there is no function lower(); did you mean floor()?"),
        ("zzzz(a)", "there is no function zzzz()"),
        ("!a.b", "`!` applies to the first name only: write !(a.b) for !a.b"),
        ("c && (!a.b.c)", "`!` applies to the first name only: write !(a.b) for !a.b"),
        ("a == `paid`", "the literal in backticks is not JSON"),
    ],
)
def test_what_jmespath_reads_and_a_run_cannot_use(source: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        compile_expression(source)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("length(input.n)", "length() takes string or array or object, not number", id="type"),
        pytest.param("abs('x')", "abs() takes number, not string", id="number of a text"),
        pytest.param(
            "length(input.tags, input.n)", "Expected 1 argument for function length(), received 2", id="count"
        ),
        pytest.param("contains('x', input.n)", "'in <string>' requires string as left operand, not int", id="contains"),
        pytest.param("max_by(input.mixed, &k)", "'>' not supported between instances of 'str' and 'int'", id="order"),
        pytest.param("input.tags[::0]", "ValueError", id="slice"),
        pytest.param("ceil(to_number('1e999'))", "cannot convert float infinity to integer", id="infinity"),
        pytest.param("abs(input.long)", "abs() takes number, not string", id="long value"),
    ],
)
def test_an_expression_that_cannot_be_evaluated(source: str, reason: str) -> None:
    with pytest.raises(RunError) as caught:
        compile_expression(source).is_met(SCOPE)
    assert caught.value.code == "EXPRESSION_FAILED"
    assert len(caught.value.message) < 300
    assert caught.value.message.startswith(f"IF({source}) cannot be evaluated: {reason}")
    assert caught.value.next_actions == (
        "Check the types of the values that the expression reads: type(x), to_number(x), not_null(x, y).",
    )


@given(st.text(alphabet="ab.[]()*&|!=<>?`'\"{}:,@0 -\\#", max_size=30))
def test_any_text_is_read_or_refused(source: str) -> None:
    with suppress(ValueError):
        expression = compile_expression(source)
        with suppress(RunError):
            expression.is_met({"a": {"b": [1]}, "b": "x"})


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a" + " || a" * 5_000, id="a long chain"),
        pytest.param("a" + ".a" * 5_000, id="a long path"),
        pytest.param("a" + "[?a]" * 5_000, id="many filters"),
    ],
)
def test_a_long_expression_costs_no_more_than_its_length(source: str) -> None:
    started = time.process_time()
    with suppress(ValueError):
        compile_expression(source).is_met({"a": {}})
    assert time.process_time() - started < 0.5
