"""The results, refusals and messages of each filter, that its work is bounded, and that arguments which are always
wrong are reported before a run.
"""

import json
import re
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.credentials.redaction import MARK, Redactor
from arcrun.errors import TemplateError
from arcrun.limits import MAX_DATE_PATTERN, MAX_FILTER_RESULT, MAX_FILTERS, MAX_JSON_VALUES, MAX_TEMPLATE_STEPS
from arcrun.templates.filters import DEFAULT, EMBEDDING_FILTERS, FILTERS, TRANSPARENT_FILTERS
from arcrun.templates.filters_date import format_date
from arcrun.templates.template import START, compile_value


def apply(value: Any, filters: str, **scope: Any) -> Any:
    """`value` through `filters`, such as `upper | slice(0, 2)`."""
    return compile_value(f"{{{{v | {filters}}}}}").resolve({"v": value, **scope})


def failure_of(value: Any, filters: str, **scope: Any) -> str:
    """The message of the first filter that fails in a run."""
    with pytest.raises(TemplateError) as caught:
        apply(value, filters, **scope)
    assert caught.value.code == "TEMPLATE_FAILED"
    prefix = f"{{{{v | {filters}}}}}: "
    assert caught.value.message.startswith(prefix)
    return caught.value.message.removeprefix(prefix)


def problem_of(filters: str) -> str:
    """The message when the filters are compiled."""
    with pytest.raises(TemplateError) as caught:
        compile_value(f"{{{{v | {filters}}}}}")
    assert caught.value.code == "INVALID_TEMPLATE"
    assert caught.value.next_actions
    prefix = f"The reference {{{{v | {filters}}}}} cannot be read: "
    assert caught.value.message.startswith(prefix)
    return caught.value.message.removeprefix(prefix)


def case(value: Any, filters: str, expected: Any, note: str = "") -> Any:
    return pytest.param(value, filters, expected, id=f"{filters}{' ' if note else ''}{note}")


DAY = "2026-03-09T14:05:07.123456Z"
PEOPLE = [{"name": "Bo", "age": 30}, {"name": "Al", "age": 30}, {"name": "Cy", "age": 4.5}]

VALUES = [
    # default
    case(None, 'default("y")', "y"),
    case("x", 'default("y")', "x"),
    case("", 'default("y")', "", "of an empty text"),
    case(0, "default(1)", 0, "of zero"),
    case(False, "default(true)", False, "of false"),
    case([], "default([1])", [], "of an empty list"),
    case(None, 'default({"a": [1, "}}"]})', {"a": [1, "}}"]}, "of an object"),
    case([], 'first | default("none")', "none"),
    # texts
    case("Straße é", "upper", "STRASSE É"),
    case("ÀB", "lower", "àb"),
    case(" \t\na b\u3000\r\n", "trim", "a b"),
    case("a-b-c", 'replace("-", "")', "abc"),
    case("a.b", 'replace(".", "|)}}")', "a|)}}b"),
    case("abcdef", "truncate(4)", "abc…"),
    case("abcd", "truncate(4)", "abcd", "that fits"),
    case("abcdef", 'truncate(5, "...")', "ab..."),
    case("abcdef", 'truncate(0, "")', ""),
    case("a,b,,c", 'split(",")', ["a", "b", "", "c"]),
    case("", 'split(",")', [""], "of an empty text"),
    case("a, b", 'split(", ")', ["a", "b"]),
    case(["a", 1, 0.5, True], 'join(", ")', "a, 1, 0.5, true"),
    case(["a", "b"], "join", "ab"),
    case([], 'join(",")', "", "of an empty list"),
    case("<a href=\"x\">'&amp;'</a>", "html_escape", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;"),
    case("a b/c?d=é&~-._", "url_encode", "a%20b%2Fc%3Fd%3D%C3%A9%26~-._"),
    case("a%20b%2Fc+%C3%A9", "url_decode", "a b/c+é"),
    case("é", "base64", "w6k="),
    case("w6k=", "base64_decode", "é"),
    case("w6k", "base64_decode", "é", "without padding"),
    case("Pz8_", "base64_decode", "???", "of the URL's alphabet"),
    case("w6\nk=", "base64_decode", "é", "over two lines"),
    case("", "base64 | base64_decode", "", "of nothing"),
    case({"b": [1, "é"], "a": None}, "json", '{"b":[1,"é"],"a":null}'),
    case("x", "json", '"x"', "of a text"),
    case(None, "json", "null", "of null"),
    case(' {"a": [1.5, null]} ', "parse_json", {"a": [1.5, None]}),
    case("null", "parse_json", None, "of null"),
    case("x", "string", "x", "of a text"),
    case(1.5, "string", "1.5", "of a number"),
    case([True, None], "string", "[true,null]", "of a list"),
    case(None, "string", "null", "of null"),
    # lists and objects
    case("é👍", "length", 2, "of a text"),
    case([1, [2, 3]], "length", 2, "of a list"),
    case({"a": 1}, "length", 1, "of an object"),
    case([1, 2], "first", 1),
    case([1, 2], "last", 2),
    case([], "first", None, "of an empty list"),
    case([], "last", None, "of an empty list"),
    case("abcdef", "slice(1, 3)", "bc"),
    case("abcdef", "slice(-2)", "ef"),
    case([1, 2, 3], "slice(0, -1)", [1, 2]),
    case([1, 2, 3], "slice(5)", [], "out of range"),
    case([1, 2, 3], "reverse", [3, 2, 1]),
    case("abc", "reverse", "cba"),
    case([3, 1.5, 2], "sort", [1.5, 2, 3]),
    case(["b", "B", "a", "é"], "sort", ["B", "a", "b", "é"]),
    case([], "sort", [], "of an empty list"),
    case(PEOPLE, 'sort("age") | map("name")', ["Cy", "Bo", "Al"], "is stable"),
    case(PEOPLE, 'sort("name") | map("age")', [30, 30, 4.5]),
    case([{"a": {"b": [1, 2]}}, {"a": None}, 3], 'map("a.b[-1]")', [2, None, None]),
    case([[1, 2], [3]], 'map("[0]")', [1, 3]),
    case([{"x y": 1}], 'map("[\\"x y\\"]")', [1]),
    case(
        [1, "1", 1.0, True, None, "1", {"a": 1}, {"a": 1}, [0], [False]],
        "unique",
        [1, "1", True, None, {"a": 1}, [0], [False]],
    ),
    case([{"a": 1, "b": 2}, {"b": 2, "a": 1}], "unique", [{"a": 1, "b": 2}], "by value, not by order"),
    case([[1, [2]], 3, []], "flatten", [1, [2], 3]),
    case([0.1, 0.2, 1], "sum", 1.3),
    case([0.1] * 10, "sum", 1, "is exact"),
    case([], "sum", 0, "of an empty list"),
    case([3, 1, 2.5], "min", 1),
    case(["b", "a"], "max", "b"),
    case([], "min", None, "of an empty list"),
    case({"b": 1, "a": [2]}, "keys", ["b", "a"]),
    case({"b": 1, "a": [2]}, "values", [1, [2]]),
    # numbers
    case(0.1, "add(0.2)", 0.3),
    case(1, "add(2)", 3),
    case(12345678901234567890, "add(1)", 12345678901234567891),
    case(0.3, "subtract(0.1)", 0.2),
    case(5, "subtract(7)", -2),
    case(1.1, "multiply(3)", 3.3),
    case(19.99, "multiply(100)", 1999, "gives a whole number"),
    case(6, "divide(3)", 2),
    case(-7, "divide(7)", -1),
    case(1, "divide(4)", 0.25),
    case(1, "divide(3)", 0.3333333333333333),
    case(0.3, "divide(0.1)", 3),
    case(2.5, "round", 3),
    case(-2.5, "round", -3),
    case(0.5, "round", 1),
    case(2.675, "round(2)", 2.68),
    case(1.005, "round(2)", 1.01),
    case(1250, "round(-2)", 1300),
    case(3, "round(2)", 3),
    case(1e300, "round", 10**300),
    case(-1.5, "abs", 1.5),
    case(-3, "abs", 3),
    case(-1.9, "int", -1),
    case("12.7", "int", 12),
    case(" -0.5e1 ", "number", -5.0),
    case("12", "number", 12),
    case(3, "number", 3),
    # date
    case(DAY, "date", "2026-03-09T14:05:07.123456Z"),
    case("2026-03-09", "date", "2026-03-09T00:00:00Z"),
    case(DAY, 'date("iso", "+02:00")', "2026-03-09T16:05:07.123456+02:00"),
    case("2026-03-09T12:00", 'date("iso", "-05:30")', "2026-03-09T12:00:00-05:30", "without a zone of its own"),
    case("2026-03-09T12:00:00.5+01:00", "date", "2026-03-09T12:00:00.500+01:00", "keeps its zone"),
    case("2026-03-09T12:00+01:00", 'date("iso", "UTC")', "2026-03-09T11:00:00Z"),
    case(0, "date", "1970-01-01T00:00:00Z", "of seconds"),
    case(1773065107123, "divide(1000) | date", "2026-03-09T14:05:07.123Z", "of milliseconds, as the hint says"),
    case("1773065107123", "number | divide(1000) | date", "2026-03-09T14:05:07.123Z", "of a text of digits"),
    *[
        case(value, filters, expected, f"of {value!r}")
        for filters in ("string", "json")
        for value, expected in (
            (1000.0, "1000"),
            (-0.0, "0"),
            (-3.0, "-3"),
            (2.5, "2.5"),
            (123456789012345680000.0, "123456789012345680000"),
            (999999999999999900000.0, "999999999999999900000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-6, "0.000001"),
            (1.25e-5, "0.0000125"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (5e-324, "5e-324"),
            ([1.0, {"a": [2.0, "3.0", None, True, 1e3]}], '[1,{"a":[2,"3.0",null,true,1000]}]'),
        )
    ],
    case([1.0, 2.5, True, "x1.0"], 'join("-")', "1-2.5-true-x1.0", "of floats"),
    case(1.5, "date", "1970-01-01T00:00:01.500Z", "of a fraction"),
    case(-1, "date", "1969-12-31T23:59:59Z", "before 1970"),
    case("2026-01-01T00:00:00+01:00", 'date("unix")', 1767222000),
    case(DAY, 'date("unix_ms")', 1773065107123),
    case(DAY, 'date("%A, %-d %B %Y at %I:%M %p %Z")', "Monday, 9 March 2026 at 02:05 PM UTC"),
    case(DAY, 'date("%a %e %b %y %C %j %H %S %f %L %P %h")', "Mon  9 Mar 26 20 068 14 07 123456 123 pm Mar"),
    case(DAY, 'date("%G-W%V-%u %U %W %w")', "2026-W11-1 10 10 1"),
    case(DAY, 'date("%F %T %D %R %z %:z %s%%%n%t")', "2026-03-09 14:05:07 03/09/26 14:05 +0000 +00:00 1773065107%\n\t"),
    case(DAY, 'date("%z %:z %Z", "-09:30")', "-0930 -09:30 -09:30"),
    case("20260131T1030Z", "date", "2026-01-31T10:30:00Z", "without separators"),
    case("2026-W05-6", 'date("%F")', "2026-01-31", "of a week"),
    case("2026-031", 'date("%F")', "2026-01-31", "of a day of the year"),
    case("2026031T12", 'date("%F %R")', "2026-01-31 12:00", "of a day of the year, without separators"),
    case("2026-01", 'date("%F")', "2026-01-01", "of a month"),
]


@pytest.mark.parametrize(("value", "filters", "expected"), VALUES)
def test_what_a_filter_gives(value: Any, filters: str, expected: Any) -> None:
    before = json.dumps(value)
    result = apply(value, filters)
    assert (type(result), result) == (type(expected), expected)
    assert json.dumps(value) == before  # a filter changes nothing


def test_each_filter_is_tried() -> None:
    tried = {name for param in VALUES for name in re.findall(r"\w+", str(param.values[1]))} & FILTERS.keys()
    assert tried == set(FILTERS)


@pytest.mark.parametrize("name", [name for name in FILTERS if name != DEFAULT])
@pytest.mark.parametrize(
    ("value", "kind", "named"),
    [
        pytest.param(None, "null", "null", id="null"),
        pytest.param(True, "boolean", "true or false", id="boolean"),
        pytest.param(1, "integer", "an integer", id="integer"),
        pytest.param(1.5, "number", "a number", id="number"),
        pytest.param("canary", "string", "a string", id="string"),
        pytest.param(["canary"], "array", "a list", id="list"),
        pytest.param({"canary": 1}, "object", "an object", id="object"),
    ],
)
def test_a_filter_says_which_type_it_takes_and_which_it_got(name: str, value: Any, kind: str, named: str) -> None:
    takes = FILTERS[name].takes
    if not takes or kind in takes or (kind == "integer" and "number" in takes):
        return
    arguments = {"replace": '("a", "b")', "slice": "(1)", "truncate": "(1)", "split": '(",")', "map": '("a")'}
    operand = "(1)" if name in ("add", "subtract", "multiply", "divide") else ""
    said = failure_of(value, name + arguments.get(name, operand))
    assert said.startswith(f"`{name}` takes ")
    assert said.endswith(f", not {named}.")
    assert "canary" not in said


@pytest.mark.parametrize(
    ("value", "filters", "message"),
    [
        case("a", "truncate(n)", "`truncate` needs a length of at least 1, the length of its ending."),
        case(["a", None], "join", "`join` takes a list of strings, numbers and booleans, but its element 1 is null."),
        case([["a"]], "join", "`join` takes a list of strings, numbers and booleans, but its element 0 is a list."),
        case([1, "a"], "sort", "`sort` takes a list of numbers or of strings, but its element 1 is a string."),
        case([True], "sort", "`sort` takes a list of numbers or of strings, but its element 0 is true or false."),
        case([None], "max", "`max` takes a list of numbers or of strings, but its element 0 is null."),
        case([{"a": 1}, {}], 'sort("a")', "`sort` finds nothing at the path in its element 1."),
        case(
            [{"a": 1}, {"a": "x"}],
            'sort("a")',
            "`sort` takes a list of numbers or of strings, but the path in its element 1 is a string.",
        ),
        case([1, "2"], "sum", "`sum` takes a list of numbers, but its element 1 is a string."),
        case([True], "sum", "`sum` takes a list of numbers, but its element 0 is true or false."),
        case(1, "divide(n)", "`divide` cannot divide by zero."),
        case(1e308, "multiply(10)", "`multiply` has a result that is too large."),
        case(10**307, "multiply(10)", "`multiply` found a number that is too large.", "of integers"),
        case(10**400, "add(0.5)", "`add` found a number that is too large."),
        case("secret", "number", "`number` found a string that is not a number, such as 12, -0.5 or 1e3."),
        case("0x1F", "int", "`int` found a string that is not a number, such as 12, -0.5 or 1e3."),
        case("1_0", "int", "`int` found a string that is not a number, such as 12, -0.5 or 1e3."),
        case("true", "number", "`number` found a string that is not a number, such as 12, -0.5 or 1e3."),
        case("secret", "parse_json", "`parse_json` found a string that is not JSON."),
        case("NaN", "parse_json", "`parse_json` found a string that is not JSON."),
        case("[" * 5000, "parse_json", "`parse_json` found a string that is not JSON.", "too deep"),
        case("secret!", "base64_decode", "`base64_decode` found a string that is not base64."),
        case("a", "base64_decode", "`base64_decode` found a string that is not base64.", "of a single digit"),
        case("/w==", "base64_decode", "`base64_decode` found bytes that are not UTF-8."),
        case("100%", "url_decode", "`url_decode` found a % without two hexadecimal digits."),
        case("%FF", "url_decode", "`url_decode` found bytes that are not UTF-8."),
        case("\ud800", "base64", "`base64` found half of a surrogate pair, which UTF-8 cannot encode."),
        case("\ud800", "url_encode", "`url_encode` found half of a surrogate pair, which UTF-8 cannot encode."),
        *[
            case(text, "date", "`date` takes an ISO 8601 time in the years 1 to 9999, or seconds since 1970.", note)
            for text, note in (
                ("secret", "of no date"),
                ("", "of nothing"),
                ("2026-02-29", "of a day that does not exist"),
                ("2025-366", "of a day beyond the year"),
                ("2025-W53-1", "of a week that does not exist"),
                ("2026-0131", "of mixed separators"),
                ("2026-01-31T25:00", "of an hour that does not exist"),
                ("2026-01-31x12:00", "of another separator"),
                ("0000-01-01", "before the year 1"),
                ("٢٠٢٦-01-01", "of other digits"),
            )
        ],
        *[
            case(value, "date", f"`date` takes an ISO 8601 time in the years 1 to 9999, or seconds since 1970{hint}.")
            for value, hint in (
                (1773065107123, "; for milliseconds, write | divide(1000) before it"),
                (1773065107123.5, "; for milliseconds, write | divide(1000) before it"),
                (-1773065107123, "; for milliseconds, write | divide(1000) before it"),
                (1773065107123456, "; for microseconds, write | divide(1000000) before it"),
                (1e18, "; for nanoseconds, write | divide(1000000000) before it"),
                (1e30, ""),
                (10**400, ""),
                (-(10**11), ""),
                ("1773065107", "; for seconds, write | number before it"),
                ("1773065107123", "; for milliseconds, write | number | divide(1000) before it"),
                (" 1773065107.5 ", "; for seconds, write | number before it"),
                ("1" * 30, ""),
            )
        ],
        case(
            "9999-12-31T23:00:00Z",
            'date("iso", "+02:00")',
            "`date` takes an ISO 8601 time in the years 1 to 9999, or seconds since 1970.",
        ),
        case("a", "replace(e, e)", "`replace` needs a search string that is not empty."),
        case("a", "split(e)", "`split` needs a separator that is not empty."),
        case("a", "slice(e)", "`slice` takes an integer as its argument `start`, not a string."),
        case(
            "2026-01-01",
            "date(e, e)",
            '`date` takes UTC or an offset such as "+01:00" as the zone; the component date_ops knows named zones.',
        ),
        case([], "map(e)", '`map` needs a path such as "name", "a.b[0]" or "[0]".'),
        case(1.5, "round(big)", "`round` takes -15 to 15 digits."),
    ],
)
def test_what_a_filter_refuses(value: Any, filters: str, message: str) -> None:
    said = failure_of(value, filters, n=0, e="", big=99)
    assert said == message
    assert "secret" not in said


@pytest.mark.parametrize(
    ("filters", "hint", "value", "expected"),
    [
        ('map("a b")', r'Write "[\"a b\"]" as the path.', [{"a b": 1}], [1]),
        ('sort("$x")', r'Write "[\"$x\"]" as the path.', [{"$x": 2}, {"$x": 1}], [{"$x": 1}, {"$x": 2}]),
        ('map("a.b c[0]")', r'Write "a[\"b c\"][0]" as the path.', [{"a": {"b c": [5]}}], [5]),
        ('map("it\'s")', r"""Write "[\"it's\"]" as the path.""", [{"it's": 1}], [1]),
        ('map("[a b]")', r'Write "[\"a b\"]" as the path.', [{"a b": 1}], [1]),
    ],
)
def test_a_path_that_needs_quotes_is_shown_with_them(filters: str, hint: str, value: Any, expected: Any) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(f"{{{{v | {filters}}}}}")
    assert caught.value.next_actions == (hint,)
    corrected = hint.removeprefix("Write ").removesuffix(" as the path.")
    assert apply(value, f"{filters.partition('(')[0]}({corrected})") == expected


@pytest.mark.parametrize("path", ["", "a..b", "a[", "x => x.id", "a + b"])
def test_a_path_that_nobody_can_guess_is_not_corrected(path: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(f"{{{{v | map({json.dumps(path)})}}}}")
    assert caught.value.next_actions == ("See docs/templates.md for what each filter takes.",)


def test_a_path_that_a_run_brings_is_not_shown() -> None:
    with pytest.raises(TemplateError) as caught:
        apply([1], "map(p)", p="secret word")
    assert "secret" not in f"{caught.value.message}{caught.value.next_actions}"


def test_null_has_its_own_hint() -> None:
    with pytest.raises(TemplateError) as caught:
        apply(None, "upper")
    assert caught.value.next_actions == ('If it may be null, add a default before it: | default("...") | upper.',)
    assert caught.value.details == {"filter": "upper"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{v.missing | upper}}", "UNRESOLVED_REFERENCE", id="missing"),
        pytest.param('{{v.missing | upper | default("x")}}', "UNRESOLVED_REFERENCE", id="missing, default too late"),
        pytest.param("{{v.missing? | upper}}", "TEMPLATE_FAILED", id="optional"),
        pytest.param("{{v | add(v.missing)}}", "UNRESOLVED_REFERENCE", id="missing argument"),
        pytest.param("{{n | add(v.missing?)}}", "TEMPLATE_FAILED", id="optional argument"),
    ],
)
def test_what_is_missing_goes_through_no_filter(template: str, expected: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(template).resolve({"v": {}, "n": 1})
    assert caught.value.code == expected


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        pytest.param(filters, problem, id=filters[:40])
        for filters, problem in (
            ("uper", "there is no filter `uper`."),
            ("Upper", "there is no filter `Upper`."),
            ("upper(1)", "`upper` takes no arguments, not 1."),
            ("default", "`default` takes the arguments (value), not 0."),
            ("default()", "`default` takes the arguments (value), not 0."),
            ('replace("a")', "`replace` takes the arguments (search, replacement), not 1."),
            ("slice", "`slice` takes the arguments (start, end?), not 0."),
            ("slice(1, 2, 3)", "`slice` takes the arguments (start, end?), not 3."),
            ('slice("1")', "`slice` takes an integer as its argument `start`, not a string."),
            ("slice(1.5)", "`slice` takes an integer as its argument `start`, not a number."),
            ("slice(true)", "`slice` takes an integer as its argument `start`, not true or false."),
            ("join(null)", "`join` takes a string as its argument `separator`, not null."),
            ("replace(x, 1)", "`replace` takes a string as its argument `replacement`, not an integer."),
            ("add([])", "`add` takes a number as its argument `number`, not a list."),
            ("divide(0)", "`divide` cannot divide by zero."),
            ("divide(0.0)", "`divide` cannot divide by zero."),
            ("round(99)", "`round` takes -15 to 15 digits."),
            ('map("a..b")', '`map` needs a path such as "name", "a.b[0]" or "[0]".'),
            ('sort("")', '`sort` needs a path such as "name", "a.b[0]" or "[0]".'),
            ('date("%Q")', "`date` does not know %Q in a format."),
            ('date("%:d")', "`date` does not know %:d in a format."),
            ('date("100%")', "`date` does not know % in a format."),
            (
                f'date("{"x" * (MAX_DATE_PATTERN + 1)}")',
                f"`date` takes a format of at most {MAX_DATE_PATTERN} characters.",
            ),
            *(
                (
                    f'date("iso", "{zone}")',
                    '`date` takes UTC or an offset such as "+01:00" as the zone; '
                    "the component date_ops knows named zones.",
                )
                for zone in ("Europe/Berlin", "+25:00", "+01:60", "1", "")
            ),
            (
                " | ".join(["trim"] * (MAX_FILTERS + 1)),
                f"it has {MAX_FILTERS + 1} filters; the limit is {MAX_FILTERS}.",
            ),
        )
    ],
)
def test_what_is_wrong_whatever_the_values_are(filters: str, problem: str) -> None:
    assert problem_of(filters) == problem


def test_an_unknown_filter_has_the_nearest_and_the_list() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value("{{v | uper}}")
    assert caught.value.next_actions == (f"Did you mean `upper`? The filters are {', '.join(FILTERS)}.",)


def test_as_many_filters_as_are_allowed() -> None:
    assert apply(" a ", " | ".join(["trim"] * MAX_FILTERS)) == "a"


@pytest.mark.parametrize(
    ("value", "filters"),
    [
        pytest.param("a" * 100_000, 'replace("a", w)', id="replace"),
        pytest.param(["a"] * 50_000, "join(w)", id="join"),
        pytest.param("'" * MAX_FILTER_RESULT, "html_escape", id="html_escape"),
        pytest.param("é" * 750_000, "url_encode", id="url_encode"),
        pytest.param("a" * MAX_FILTER_RESULT, "base64", id="base64"),
        pytest.param("a" * (MAX_FILTER_RESULT + 1), "upper", id="upper"),
        pytest.param(["a" * 1000] * 5000, "json", id="json"),
        pytest.param(["a" * 1000] * 5000, "string", id="string"),
    ],
)
def test_a_text_that_is_made_has_a_limit(value: Any, filters: str) -> None:
    said = failure_of(value, filters, w="w" * 1000)
    assert said.endswith(f"characters; the limit is {MAX_FILTER_RESULT}.")


def test_a_list_that_is_made_has_a_limit() -> None:
    said = failure_of("," * MAX_JSON_VALUES, 'split(",")')
    assert said.endswith(f"would have a result of {MAX_JSON_VALUES + 1} elements; the limit is {MAX_JSON_VALUES}.")


@pytest.mark.parametrize(
    ("value", "filters"),
    [
        pytest.param([0] * MAX_TEMPLATE_STEPS, "sort", id="sort"),
        pytest.param([0] * MAX_TEMPLATE_STEPS, 'map("a")', id="map"),
        pytest.param([0] * MAX_TEMPLATE_STEPS, "sum", id="sum"),
        pytest.param([0] * MAX_TEMPLATE_STEPS, "max", id="max"),
        pytest.param(["a"] * MAX_TEMPLATE_STEPS, "join", id="join"),
        pytest.param([[0] * 1000] * 100, "flatten", id="flatten"),
        pytest.param([[0] * 1000] * 100, "unique", id="what is within counts"),
        pytest.param([[0] * 1000] * 100, "json", id="json"),
        pytest.param([[0] * 1000] * 100, "string", id="string"),
        pytest.param("[" + "0," * MAX_TEMPLATE_STEPS + "0]", "parse_json", id="parse_json"),
        pytest.param("é" * 800_000, "url_encode", id="url_encode"),
        pytest.param("%41" * 300_000, "url_decode", id="url_decode"),
        pytest.param("a" * MAX_FILTER_RESULT, "upper | lower", id="all filters together"),
        pytest.param("a" * 400_000, " | ".join(["trim"] * MAX_FILTERS), id="and again"),
    ],
)
def test_filters_have_so_many_steps(value: Any, filters: str) -> None:
    with pytest.raises(TemplateError) as caught:
        apply(value, filters)
    assert caught.value.code == "TEMPLATE_TOO_COSTLY"


def test_so_many_steps_are_taken() -> None:
    assert apply([0] * (MAX_TEMPLATE_STEPS - 1), "max") == 0


def test_all_templates_of_a_config_share_the_steps() -> None:
    template = compile_value(["{{v | sort}}"] * 3)
    assert len(template.resolve({"v": [0] * 15_000})) == 3
    with pytest.raises(TemplateError, match="more than 100000 steps"):
        template.resolve({"v": [0] * 20_000})


def test_arguments_may_be_references() -> None:
    assert apply(1, "add(w.fee) | multiply(w.list[1])", w={"fee": 0.5, "list": [0, 4]}) == 6
    assert apply(None, "default(w)", w=[1]) == [1]
    assert apply("a b", "replace(w.from, w.to)", w={"from": " ", "to": "_"}) == "a_b"


def test_a_clock_goes_through_filters() -> None:
    template = compile_value('{{_now | date("%-d.%-m.%Y", "+01:00")}}')
    assert template.resolve({START: 1767225600000.0}) == "1.1.2026"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("{{credential.t | upper}}", "`upper` would hide a credential from redaction", id="changed"),
        pytest.param("{{creds.t | base64 | slice(1)}}", "`slice` would hide a credential from redaction", id="later"),
        pytest.param(
            "{{creds.t | base64 | base64}}", "`base64` after `base64` would hide a credential", id="encoded twice"
        ),
        pytest.param(
            "{{creds.t | url_encode | trim | json}}", "`json` after `url_encode` would hide a cred", id="in two ways"
        ),
        pytest.param(
            '{{"a" | replace("a", credential.t) | upper}}',
            "`upper` would hide a credential from redaction",
            id="from an argument",
        ),
        pytest.param(
            '{{"a" | split(credential.t)}}', "`split` cannot have a credential as an argument", id="as an argument"
        ),
    ],
)
def test_a_credential_goes_through_nothing_that_hides_it(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_value(template)
    assert (caught.value.code, message in caught.value.message) == ("INVALID_TEMPLATE", True)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{{credential.t | base64}}", "czNjcjN0", id="base64"),
        pytest.param("{{credential.t | trim | url_encode}}", "s3cr3t", id="url_encode"),
        pytest.param('{{"Bearer T" | replace("T", credential.t) | base64}}', "QmVhcmVyIHMzY3IzdA==", id="embedded"),
        pytest.param("{{n? | default(credential.t)}}", "s3cr3t", id="default"),
        pytest.param("{{credential.t | base64 | url_encode}}", "czNjcjN0", id="base64 in a URL"),
        pytest.param("{{n? | json | base64 | default(credential.t)}}", "bnVsbA==", id="encoded before it is there"),
    ],
)
def test_a_credential_in_what_redaction_finds(template: str, expected: str) -> None:
    assert compile_value(template).resolve({"credential": {"t": "s3cr3t"}}) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{credential.t | trim}}",
        "{{credential.t | string}}",
        "{{credential.t | json}}",
        "{{credential.t | base64}}",
        "{{credential.t | url_encode}}",
        "{{credential.t | base64 | url_encode}}",
        '{{"key=T;" | replace("T", credential.t) | base64}}',
        '{{"key=T;" | replace("T", credential.t) | url_encode}}',
        '{{"[1]" | parse_json | join(credential.t)}}x{{n? | default(credential.t) | json}}',
    ],
)
@pytest.mark.parametrize("secret", ["s3cr3t", 's3/cr+ "3t?é', "tok_en-with.all~of=it==", "two\nlines of it"])
def test_redaction_finds_a_credential_in_what_filters_make_of_it(template: str, secret: str) -> None:
    made = compile_value(template).resolve({"credential": {"t": secret}})
    scrubbed = Redactor([secret]).scrub_text(made)
    assert MARK in scrubbed
    assert secret not in scrubbed
    assert made not in scrubbed


@pytest.mark.parametrize("filters", ["parse_json", "base64", "base64 | url_encode"])
def test_the_mask_of_a_credential_is_shown_as_it_is(filters: str) -> None:
    """The recorded input has placeholders for credentials, and no filter may fail on one."""
    mask = "{{credential.t}}"
    assert compile_value(f"{{{{creds.t | {filters}}}}}").resolve({"credential": {"t": mask}}) == mask


def test_the_filters_for_credentials_are_filters() -> None:
    assert FILTERS.keys() >= TRANSPARENT_FILTERS | EMBEDDING_FILTERS


NUMBERS = st.integers(-(10**12), 10**12) | st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: round(x, 3))


@given(NUMBERS, NUMBERS)
def test_sums_and_products_are_the_nearest_to_the_exact_ones(a: float, b: float) -> None:
    exact_a, exact_b = Decimal(str(a)), Decimal(str(b))
    assert apply(a, "add(b)", b=b) == float(exact_a + exact_b)
    assert apply(a, "subtract(b)", b=b) == float(exact_a - exact_b)
    assert float(apply(a, "multiply(b)", b=b)) == float(exact_a * exact_b)


@given(st.text())
def test_what_is_encoded_is_decoded(text: str) -> None:
    assert apply(text, "base64 | base64_decode") == text
    assert apply(text, "url_encode | url_decode") == text
    assert apply(text, "json | parse_json") == text


@given(st.datetimes(datetime(1000, 1, 8), datetime(9999, 12, 30)).map(lambda t: t.replace(tzinfo=UTC)))
def test_a_date_is_read_as_it_is_written(moment: datetime) -> None:
    written = format_date(moment.isoformat())
    assert datetime.fromisoformat(str(written)) == moment
    assert format_date(str(written), "%FT%T.%f%:z") == moment.isoformat(timespec="microseconds")
    if moment.microsecond == 0:
        assert format_date(moment.timestamp()) == written
    for directive in ("%j", "%U", "%W", "%w", "%G-%V-%u", "%A %B %I %p"):
        assert format_date(str(written), directive) == moment.strftime(directive)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_is_written(number: float) -> None:
    written = apply(number, "string")
    assert float(written) == number
    assert apply([number], "json") == f"[{written}]"


def test_numbers_that_all_have_one_hash_take_no_longer() -> None:
    numbers = [k * sys.hash_info.modulus for k in range(1, 15_001)]
    began = time.process_time()
    assert apply([*numbers, 1, 1.0, "1", True, 0.5, 0.5], "unique | length") == len(numbers) + 4
    assert time.process_time() - began < 2


def test_a_fraction_deep_inside_is_looked_for_once() -> None:
    value: Any = [0.5, *[1] * 20_000]
    for _ in range(110):
        value = [value]
    began = time.process_time()
    assert apply(value, "json | length") == 220 + len("[0.5") + 2 * 20_000 + 1
    assert time.process_time() - began < 2
