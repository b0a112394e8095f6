"""ai_transform_run gives what the same steps in Python give, and says where a program goes wrong."""

import json
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

PROFILE = settings(max_examples=40, deadline=None)
EXACT = Context(prec=80)
CUT = Context(prec=34, rounding=ROUND_HALF_UP)  # as components calculate: the digits of IEEE 754 decimal128
LIMIT = 2**53


def program(output: Any) -> dict[str, Any]:
    return {"version": 1, "output": output}


def call(op: str, **fields: Any) -> dict[str, Any]:
    """An operation. A trailing underscore is for Python's own words."""
    return {"op": op, **{name.rstrip("_"): value for name, value in fields.items()}}


def get(path: str, **fields: Any) -> dict[str, Any]:
    return call("get", path=path, **fields)


def run(output: Any, value: Any = None) -> Any:
    return harness.run("ai_transform_run", {"program": program(output), "input": value}).data["result"]


def fail(output: Any, value: Any = None) -> str:
    error = harness.run("ai_transform_run", {"program": program(output), "input": value}).error
    assert error["code"] == "PROGRAM_FAILED"
    return str(error["message"])


def find_problems(source: Any) -> list[tuple[str, str]]:
    error = harness.run("ai_transform_run", {"program": source, "input": None}).error
    assert error["code"] == "INVALID_PROGRAM"
    problems = [(problem["path"], problem["message"]) for problem in error["problems"]]
    assert error["message"] == f"The program is not valid: {problems[0][0] or 'the program'} {problems[0][1]}."
    return problems


DATA = {"a": {"b": [1, {"c d": "x", "é": 2.50}]}, "n": None, "list": ["p", "q", "r"]}
ITEM = get("item")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (None, None),
        ("text", "text"),
        ("input.a", "input.a"),
        ([1, [True], {}], [1, [True], {}]),
        ({"x": get("input.list[0]"), "y": {"z": [get("input.n")]}}, {"x": "p", "y": {"z": [None]}}),
        (get("input"), DATA),
        (get("input.a.b[1].é"), 2.5),
        (get('input.a.b[1]["c d"]'), "x"),
        (get('input["list"][-1]'), "r"),
        (get("input.list[3]"), None),
        (get("input.list[-4]"), None),
        (get("input.list.length"), None),
        (get("input.none.deeper[0]"), None),
        (get("input.n", default="d"), "d"),
        (get("input.none", default=get("input.list[0]")), "p"),
        (call("literal", value={"op": "get"}), {"op": "get"}),
        (call("let", values={"x": 2, "y": call("add", values=[get("x"), 1])}, in_=[get("y"), get("x")]), [3, 2]),
        (call("let", values={}, in_=1), 1),
        (call("if", condition=True, then=1, else_=2), 1),
        (call("if", condition=None, then=1, else_=2), 2),
        (call("if", condition=False, then=1), None),
        (call("eq", left=1.0, right=1), True),
        (call("eq", left={"a": [1], "b": 2}, right={"b": 2, "a": [1]}), True),
        (call("neq", left="1", right=1), True),
        (call("gt", left=2, right=10), False),
        (call("gt", left="2", right="10"), True),
        (call("gte", left=0.1, right=0.10), True),
        (call("lt", left="é", right="z"), False),
        (call("lte", left=-1, right=0), True),
        (call("and", conditions=[True, True]), True),
        (call("and", conditions=[]), True),
        (call("and", conditions=[False, call("upper", text=1)]), False),
        (call("or", conditions=[None, True, "not looked at"]), True),
        (call("or", conditions=[]), False),
        (call("or", conditions=call("literal", value=[False])), False),
        (call("not", value=None), True),
        (call("exists", value=get("input.n")), False),
        (call("exists", value=False), True),
        (call("in", value="q", list=get("input.list")), True),
        (call("in", value=1, list=["1"]), False),
        (call("map", list=get("input.list"), each=[get("index"), ITEM]), [[0, "p"], [1, "q"], [2, "r"]]),
        (
            call("map", list=[[1, 2], [3]], as_="row", each=call("map", list=get("row"), each=[ITEM, get("row[0]")])),
            [[[1, 1], [2, 1]], [[3, 3]]],
        ),
        (call("filter", list=[1, None, 2], where=call("exists", value=ITEM)), [1, 2]),
        (call("filter", list=[], where=True), []),
        (call("sort", list=["b", 2, None, "a", 1.5, True, False]), [None, False, True, 1.5, 2, "a", "b"]),
        (call("sort", list=[{"k": 1, "n": 1}, {"k": 0}, {"k": 1, "n": 2}], by=get("item.k"), descending=True),
         [{"k": 1, "n": 1}, {"k": 1, "n": 2}, {"k": 0}]),
        (
            call("group_by", list=[3, 1, 2, 4], by=call("mod", left=ITEM, right=2)),
            [{"key": 1, "items": [3, 1]}, {"key": 0, "items": [2, 4]}],
        ),
        (call("group_by", list=[], by=ITEM), []),
        (call("unique", list=[1, 1.0, "1", [1], [1.0]]), [1, "1", [1]]),
        (call("unique", list=[{"k": 1, "n": 1}, {"k": 1}], by=get("item.k")), [{"k": 1, "n": 1}]),
        (call("to_object", list=["a", "b", "a"], key=ITEM, value=get("index")), {"a": 2, "b": 1}),
        (call("flatten", list=[1, [2, [3]], []]), [1, 2, [3]]),
        (call("concat", lists=[[1], [], [[2]]]), [1, [2]]),
        (call("reverse", list=[1, 2, 3]), [3, 2, 1]),
        (call("first", list=[]), None),
        (call("last", list=[1, 2]), 2),
        (call("count", list=[1, None]), 2),
        (call("slice", list=[1, 2, 3, 4], start=1, end=-1), [2, 3]),
        (call("slice", list=[1, 2], start=2, end=1), []),
        (call("sum", list=[]), 0),
        (call("average", list=[]), None),
        (call("average", list=[1, 2]), 1.5),
        (call("min", list=["b", "a"]), "a"),
        (call("max", list=[1.50, 1.5, 1]), 1.5),
        (call("max", list=[]), None),
        (call("keys", object={"b": 1, "a": 2}), ["b", "a"]),
        (call("values", object={"b": 1, "a": 2}), [1, 2]),
        (call("entries", object={"b": 1}), [{"key": "b", "value": 1}]),
        (call("merge", objects=[{"a": 1, "b": 1}, None, {"b": 2}]), {"a": 1, "b": 2}),
        (call("pick", object={"a": 1, "b": 2}, keys=["b", "c"]), {"b": 2}),
        (call("omit", object={"a": 1, "b": 2}, keys=["b"]), {"a": 1}),
        (call("upper", text="straße é"), "STRASSE É"),
        (call("lower", text="ÀΣ"), "àς"),
        (call("capitalize", text="éCOLE d'Été"), "École d'été"),
        (call("capitalize", text=""), ""),
        (call("trim", text="\u3000 a\n"), "a"),
        (call("length", text="é😀"), 2),
        (call("replace", text="aXbX", search="X", replacement=""), "ab"),
        (call("split", text="a,b,,", separator=","), ["a", "b", "", ""]),
        (call("split", text="é😀", separator=""), ["é", "😀"]),
        (call("join", list=["a", 1, True, None]), "a,1,true,"),
        (call("join", list=["a", "b"], separator=" - "), "a - b"),
        (call("substring", text="é😀abc", start=1, end=3), "😀a"),
        (call("substring", text="abc", start=-2), "bc"),
        (call("includes", text="abc", search="b"), True),
        (call("starts_with", text="abc", search="b"), False),
        (call("ends_with", text="abc", search="c"), True),
        (call("pad", text="7", length=3, fill="0"), "007"),
        (call("pad", text="é", length=3, fill="😀", side="end"), "é😀😀"),
        (call("pad", text="long", length=2), "long"),
        (call("text", parts=["a", 1.50, None, True, " é"]), "a1.5true é"),
        (call("add", values=[]), 0),
        (call("add", values=[0.1, 0.2]), 0.3),
        (call("multiply", values=[]), 1),
        (call("multiply", values=[1.1, 1.1, 10]), 12.1),
        (call("subtract", left=1, right=0.9), 0.1),
        (call("divide", left=1, right=4), 0.25),
        (call("mod", left=-7, right=3), 2),
        (call("mod", left=7, right=-3), -2),
        (call("mod", left=0.3, right=0.1), 0),
        (call("round", value=2.5), 3),
        (call("round", value=-2.5), -3),
        (call("round", value=1.005, decimals=2), 1.01),
        (call("floor", value=-1.5), -2),
        (call("ceil", value=-1.5), -1),
        (call("abs", value=-1.50), 1.5),
        (call("to_number", value=" 12.50 "), 12.5),
        (call("to_number", value="12px"), None),
        (call("to_number", value=True), None),
        (call("to_number", value=1e2), 100),
        (call("to_text", value=1.50), "1.5"),
        (call("to_text", value=None), ""),
        (call("to_text", value=[1, {"a": "é"}]), '[1,{"a":"é"}]'),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_expressions(output: Any, expected: Any) -> None:
    found = run(output, DATA)
    assert found == expected
    assert isinstance(found, bool) is isinstance(expected, bool)


numbers = st.decimals(-(10**9), 10**9, places=6) | st.integers(-(10**12), 10**12).map(Decimal)


def calculate(op: str, given_input: str = "null", **fields: Any) -> Decimal | None:
    """With numbers as JSON text, so that no digit is lost. None if it is out of range."""
    given = ", ".join(f'"{name}": {field}' for name, field in fields.items())
    source = f'{{"op": "{op}", {given}}}'
    text = f'{{"input": {given_input}, "program": {{"version": 1, "output": {source}}}}}'
    output = json.loads(harness.run_text("ai_transform_run", text).stdout, parse_float=Decimal, parse_int=Decimal)
    if output["success"]:
        found = output["data"]["result"]
        assert isinstance(found, Decimal)
        return found
    assert "2^53" in output["error"]["message"]
    return None


INPUT = '{"op": "get", "path": "input"}'


def exactly(value: Decimal) -> Decimal | None:
    rounded = CUT.plus(value)
    return rounded if abs(rounded) <= LIMIT else None


@PROFILE
@given(numbers, numbers)
def test_numbers_are_exact(a: Decimal, b: Decimal) -> None:
    first, second = f"{a:f}", f"{b:f}"
    assert calculate("subtract", left=first, right=second) == a - b
    assert calculate("add", f"[{first}, {second}]", values=INPUT) == a + b
    assert calculate("multiply", f"[{first}, {second}]", values=INPUT) == exactly(EXACT.multiply(a, b))
    assume(b != 0)
    assert calculate("divide", left=first, right=second) == exactly(EXACT.divide(a, b))
    rest = a - b * EXACT.divide(a, b).to_integral_value(ROUND_FLOOR)
    assert calculate("mod", left=first, right=second) == rest


ROUNDINGS: dict[str, str] = {"round": ROUND_HALF_UP, "floor": ROUND_FLOOR, "ceil": ROUND_CEILING}


@PROFILE
@given(numbers, st.integers(0, 7))
def test_rounding(value: Decimal, decimals: int) -> None:
    for op, rounding in ROUNDINGS.items():
        assert calculate(op, f"{value:f}", value=INPUT) == value.quantize(Decimal(1), rounding)
    expected = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    assert calculate("round", f"{value:f}", value=INPUT, decimals=decimals) == expected
    assert calculate("abs", f"{value:f}", value=INPUT) == abs(value)


@pytest.mark.parametrize(
    ("lexeme", "expected"),
    [
        ("9007199254740992", Decimal(2**53)),
        ("-9007199254740992", Decimal(-(2**53))),
        ("9007199254740993", None),
        ("9007199254740992.00000000000000000001", None),
        ("1e15", Decimal(10**15)),
        ("1e16", None),
        ("1e400", None),
        ("1e-400", Decimal("1e-400")),
        ("1e-401", None),
        ("0e999999", Decimal(0)),
        ("1.23456789012345678901234567890", Decimal("1.2345678901234567890123456789")),
        ("1.23456789012345678901234567890123456", Decimal("1.234567890123456789012345678901235")),
        ("12e-2", Decimal("0.12")),
        ("-0.0", Decimal(0)),
    ],
)
def test_which_numbers_are_understood(lexeme: str, expected: Decimal | None) -> None:
    assert calculate("add", lexeme, values=f"[{INPUT}]") == expected
    if expected is not None:
        assert expected == CUT.create_decimal(lexeme)


def by_number_ops(operation: str, left: str, right: str) -> Decimal:
    """With all digits, which number_ops gives and takes as texts."""
    output = harness.run("number_ops", {"operation": operation, "input": left, "value": right, "as": "text"})
    return Decimal(output.data["result"])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1", "3"),
        ("2", "7"),
        ("1e-15", "1e-15"),
        ("1e-30", "1"),
        ("0.1234567890123456789012345", "3"),
        ("94906265.5", "94906265.12345678901234567"),
        ("-1e-21", "2"),
        ("1", "0.00000000000000000000001"),
        ("9007199254740992", "3"),
        ("1e-399", "0.1"),
    ],
)
def test_it_calculates_as_number_ops_does(left: str, right: str) -> None:
    for op in ("subtract", "divide", "mod"):
        found = calculate(op, left=left, right=right)
        expected = by_number_ops(op, left, right)
        assert found == (expected if abs(expected) <= LIMIT else None), op
    for op in ("add", "multiply"):
        found = calculate(op, f"[{left}, {right}]", values=INPUT)
        expected = by_number_ops(op, left, right)
        assert found == (expected if abs(expected) <= LIMIT else None), op


@PROFILE
@given(
    st.lists(st.fixed_dictionaries({"k": st.sampled_from(["a", "b", "é", "B"]), "n": st.integers(-5, 5)}), max_size=30)
)
def test_lists_are_sorted_and_grouped_as_in_python(rows: list[dict[str, Any]]) -> None:
    by_key: Callable[[dict[str, Any]], Any] = lambda row: row["k"]  # noqa: E731
    data = get("input")
    assert run(call("sort", list=data, by=get("item.k")), rows) == sorted(rows, key=by_key)
    assert run(call("sort", list=data, by=get("item.n"), descending=True), rows) == sorted(
        rows, key=lambda row: row["n"], reverse=True
    )
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["k"], []).append(row)
    grouped = [{"key": key, "items": items} for key, items in groups.items()]
    assert run(call("group_by", list=data, by=get("item.k")), rows) == grouped
    assert run(call("unique", list=data, by=get("item.k")), rows) == [items[0] for items in groups.values()]
    assert run(call("sum", list=call("map", list=data, each=get("item.n"))), rows) == sum(row["n"] for row in rows)
    assert run(call("filter", list=data, where=call("gt", left=get("item.n"), right=0)), rows) == [
        row for row in rows if row["n"] > 0
    ]


@PROFILE
@given(st.text("aBé😀 ,", max_size=12), st.integers(-14, 14), st.integers(-14, 14))
def test_texts_are_cut_as_in_python(text: str, start: int, end: int) -> None:
    cut = {"start": start, "end": end}
    assert run(call("substring", text=get("input"), **cut), text) == text[start:end]
    assert run(call("slice", list=get("input"), **cut), list(text)) == list(text)[start:end]
    assert run(call("split", text=get("input"), separator=","), text) == text.split(",")
    assert run(call("join", list=call("split", text=get("input"), separator=""), separator=""), text) == text
    assert run(call("upper", text=get("input")), text) == text.upper()


def test_values_pass_through_as_they_are_written() -> None:
    source = '{"version": 1, "output": {"op": "get", "path": "input.x"}}'
    text = f'{{"program": {source}, "input": {{"x": 12345678901234567890.10}}}}'
    assert b'{"result":12345678901234567890.10}' in harness.run_text("ai_transform_run", text).stdout


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (call("upper", text=1), "upper at /output: `text` must be a text, not a number."),
        ([1, call("count", list={})], "count at /output/1: `list` must be a list, not an object."),
        ({"a/b~": call("keys", object=[])}, "keys at /output/a~1b~0: `object` must be an object, not a list."),
        (call("if", condition="yes", then=1), "if at /output: `condition` must be true or false, not a text."),
        (call("not", value=0), "not at /output: `value` must be true or false, not a number."),
        (call("filter", list=[1], where=ITEM), "filter at /output: `where` must be true or false, not a number."),
        (call("gt", left=1, right="1"), "gt at /output: `right` must be a number, not a text."),
        (call("lt", left=None, right=1), "lt at /output: `left` must be a number or a text, not null."),
        (call("and", conditions=[1]), "and at /output: `conditions` must be true or false, not a number."),
        (call("add", values=[1, None]), "add at /output: `values` must be a list of numbers, not null."),
        (call("average", list=["1"]), "average at /output: `list` must be a list of numbers, not a text."),
        (call("min", list=[None]), "min at /output: `list` must be a list of numbers or of texts, not null."),
        (call("max", list=[1, "a"]), "max at /output: `list` must not hold both numbers and texts."),
        (call("divide", left=1, right=0), "divide at /output: `right` must not be 0."),
        (call("mod", left=1, right=0.0), "mod at /output: `right` must not be 0."),
        (call("round", value="1"), "round at /output: `value` must be a number, not a text."),
        (
            call("round", value=1, decimals=-1),
            "round at /output: `decimals` must be a whole number that is not negative, not a number.",
        ),
        (call("slice", list=[], start="1"), "slice at /output: `start` must be a whole number, not a text."),
        (call("slice", list=[], start=1.5), "slice at /output: `start` must be a whole number, not a number."),
        (
            call("sort", list=[[]]),
            "sort at /output: `by` must be a text, a number, true, false or null for every item, not a list.",
        ),
        (
            call("to_object", list=[1], key=None, value=1),
            "to_object at /output: `key` must be a text, a number, true or false, not null.",
        ),
        (call("concat", lists=[1]), "concat at /output: `lists` must be a list of lists, not a number."),
        (call("merge", objects=[1]), "merge at /output: `objects` must be a list of objects, not a number."),
        (call("pick", object={"a": 1}, keys=[1]), "pick at /output: `keys` must be a list of texts, not a number."),
        (call("replace", text="", search="", replacement=""), "replace at /output: `search` must not be empty."),
        (call("join", list=[[]]), "join at /output: `list` must be a list of texts, numbers and booleans, not a list."),
        (call("pad", text="", length=5, fill="ab"), "pad at /output: `fill` must be one character."),
        (call("pad", text="", length=5, side="left"), "pad at /output: `side` must be start or end."),
        (call("pad", text="", length=2**40), "pad at /output: the text becomes larger than 1 MiB."),
        (
            call("multiply", values=[10**10, 10**10]),
            "multiply at /output: a number lies beyond 9007199254740992 (2^53) or has too many digits.",
        ),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_programs_that_do_not_fit_their_input(output: Any, message: str) -> None:
    assert fail(output) == message


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        ({}, [("/version", "must be 1"), ("/output", "is missing")]),
        ({"version": 2, "output": 1}, [("/version", "must be 1")]),
        (
            {"version": 1, "output": 1, "steps": []},
            [("", 'has the unknown member "steps"; there are version and output')],
        ),
        (program(call("eval")), [("/output", 'has the op "eval", which is not known')]),
        (program({"op": 5}), [("/output", 'has the op "a number", which is not known')]),
        (program([call("upper")]), [("/output/0", "has no text, which upper needs")]),
        (
            program(call("upper", text="a", locale="de")),
            [("/output", "has the field locale, which upper does not know")],
        ),
        (program(get("")), [("/output/path", "must be a path like input.orders[0].name")]),
        (program(get("input..a")), [("/output/path", "must be a path like input.orders[0].name")]),
        (program(call("get", path=5)), [("/output/path", "must be a path like input.orders[0].name")]),
        (program(get("item.a")), [("/output/path", 'begins with "item", but known here are only input')]),
        (
            program(call("map", list=ITEM, as_="x", each=get("item"))),
            [
                ("/output/list/path", 'begins with "item", but known here are only input'),
                ("/output/each/path", 'begins with "item", but known here are only input x index'),
            ],
        ),
        (
            program(call("let", values={"a": get("b"), "b": get("a")}, in_=get("b"))),
            [("/output/values/a/path", 'begins with "b", but known here are only input')],
        ),
        (program([call("let", values={"a": 1}, in_=1), get("a")]),
         [("/output/1/path", 'begins with "a", but known here are only input')]),
        (program(call("let", values=[], in_=1)), [("/output/values", "must be an object, not a list")]),
        (
            program(call("map", list=[], as_="input", each=1)),
            [("/output", "must name a variable with letters, digits and _, and not input")],
        ),
        (
            program(call("let", values={"a b": 1}, in_=1)),
            [("/output/values/a b", "must name a variable with letters, digits and _, and not input")],
        ),
        (program(nested(32)), [("/output" + "/0" * 32, "goes beyond 32 levels or 1000 expressions")]),
        (program([1] * 1000), [("/output/999", "goes beyond 32 levels or 1000 expressions")]),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_programs_that_are_not_valid(source: Any, problems: list[tuple[str, str]]) -> None:
    assert find_problems(source) == problems


def test_problems_end_at_20() -> None:
    assert len(find_problems(program([call("x")] * 30))) == 20


def test_the_largest_programs() -> None:
    assert run(nested(31)) == nested(31)
    assert run([1] * 999) == [1] * 999


def test_the_stack_holds_the_deepest_program_on_the_deepest_value() -> None:
    deep: Any = 1
    for _ in range(125):
        deep = [deep]
    output: Any = call("eq", left=get("input"), right=get("input"))
    for _ in range(30):
        output = call("map", list=call("literal", value=[1]), each=output)
    found = run(output, deep)
    for _ in range(30):
        [found] = found
    assert found is True


def test_a_long_run_ends() -> None:
    inner = call("map", list=get("input"), each=call("map", list=get("input"), as_="b", each=1))
    given = {"program": program(inner), "input": [0] * 2000}
    error = harness.run("ai_transform_run", given, cpu_ms=harness.MUCH_MS).error
    assert error == {"code": "PROGRAM_TOO_LONG", "message": "The program takes more than a million steps."}


def test_a_long_list() -> None:
    rows = [{"n": i % 100} for i in range(20_000)]
    groups = run(call("group_by", list=get("input"), by=get("item.n")), rows)
    assert [len(group["items"]) for group in groups] == [200] * 100
    assert run(call("sort", list=get("input"), by=get("item.n")), rows) == sorted(rows, key=lambda row: row["n"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": 1}, "`program` must be an object, but it is missing."),
        ({"program": "x", "input": 1}, '`program` must be an object, not "x".'),
        ({"program": program(1)}, "`input` must be given, but it is missing."),
    ],
)
def test_wrong_input(fields: dict[str, Any], message: str) -> None:
    error = harness.run("ai_transform_run", fields).error
    assert error == {"code": "INVALID_INPUT", "message": message}


def test_every_operation_is_tested_and_described() -> None:
    source = (harness.COMPONENTS / "_sdk" / "zig" / "transform" / "program.zig").read_text("utf-8")
    listed = source.split("pub const Operation = enum {")[1].split("};")[0]
    operations = [name.strip().removeprefix('@"').removesuffix('"') for name in listed.split(",") if name.strip()]
    described = harness.load_contract("ai_transform_run").input_schema["properties"]["program"]["description"]
    here = Path(__file__).read_text("utf-8")
    assert len(operations) == 63
    assert [name for name in operations if f" {name} " not in described.replace(",", " ")] == []
    assert [name for name in operations if f'"{name}"' not in here] == []
