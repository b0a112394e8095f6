"""JSON is read according to RFC 8259, errors have our own messages, and half a surrogate pair is written as a JSON
escape.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arcrun.json_text import build_json_writer, escape_surrogates, parse_json, write_json
from arcrun.limits import MAX_INTEGER_DIGITS, MAX_JSON_DEPTH, MAX_JSON_VALUES

BEYOND_DOUBLE = "it has a number that is too large for a double: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": [1, 1.5, "x", true, null]}', {"a": [1, 1.5, "x", True, None]}, id="all kinds"),
        pytest.param("9" * MAX_INTEGER_DIGITS, int("9" * MAX_INTEGER_DIGITS), id="the longest integer"),
        pytest.param("-" + "9" * MAX_INTEGER_DIGITS, -int("9" * MAX_INTEGER_DIGITS), id="the longest below zero"),
        pytest.param("1e-400", 0.0, id="too small a number"),
        pytest.param('"\\ud800"', "\ud800", id="half a surrogate pair"),
        pytest.param(
            "[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH,
            json.loads("[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH),
            id="deepest",
        ),
    ],
)
def test_what_is_json(text: str, expected: Any) -> None:
    assert parse_json(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("9" * 5000, "it has an integer of more than 640 digits", id="5000 digits"),
        pytest.param(f'{{"a": [-{"9" * 641}]}}', "it has an integer of more than 640 digits", id="641 digits within"),
        pytest.param("1e400", BEYOND_DOUBLE + "1e400", id="beyond a double"),
        pytest.param("-1e400", BEYOND_DOUBLE + "-1e400", id="beyond a double, below zero"),
        pytest.param(
            "9" * 5000 + ".0",
            BEYOND_DOUBLE + "9" * 40 + "…",
            id="long and beyond a double",
        ),
        pytest.param("NaN", "NaN is not JSON", id="NaN"),
        pytest.param("[Infinity]", "Infinity is not JSON", id="Infinity"),
        pytest.param("-Infinity", "-Infinity is not JSON", id="-Infinity"),
        pytest.param("[" * 129 + "]" * 129, "it is nested deeper than 128", id="too deep"),
        pytest.param("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", id="open"),
    ],
)
def test_what_is_not(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_json(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("\ud800", '"\\ud800"'), ("a\udfffb", '"a\\udfffb"'), ("😀é", '"😀é"'), (["\udc00\ud800"], '["\\udc00\\ud800"]')],
    ids=["first half", "second half", "whole characters", "in the wrong order"],
)
def test_half_a_surrogate_pair_is_escaped(value: Any, expected: str) -> None:
    written = escape_surrogates(json.dumps(value, ensure_ascii=False))
    assert (written, parse_json(written), written.encode().decode()) == (expected, value, expected)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" + "0," * MAX_JSON_VALUES + "0]", id="a list"),
        pytest.param("[" * 400 + "[[]," * MAX_JSON_VALUES + "0]", id="lists, broken besides"),
        pytest.param('["' + "," * MAX_JSON_VALUES + '"' + ",0" * MAX_JSON_VALUES + "]", id="beside a text of commas"),
    ],
)
def test_a_text_has_so_many_values(text: str) -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_JSON_VALUES} values"):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" + "0," * (MAX_JSON_VALUES - 1) + "0]", id="as many as there may be"),
        pytest.param(json.dumps("[{," * MAX_JSON_VALUES), id="signs within a text"),
        pytest.param(json.dumps(['\\",[{', "\\\\", '"'] * 50_000), id="signs behind escapes"),
        pytest.param("[" + "[[[[[[[[[[]]]]]]]]]]," * 20 + "0]", id="deeper than is collapsed"),
    ],
)
def test_what_only_looks_like_more(text: str) -> None:
    assert parse_json(text) == json.loads(text)


@example({"": [{"": []}]})
@given(
    st.recursive(
        st.text('[]{},\\"a\n', max_size=6) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text('[{"\\,', max_size=3), inner),
        max_leaves=300,
    )
)
def test_the_depth_is_that_of_the_values(value: Any) -> None:
    most = MAX_JSON_DEPTH - _depth_of(value)
    assert parse_json("[" * most + json.dumps(value) + "]" * most)
    with pytest.raises(ValueError, match="nested deeper than"):
        parse_json(
            "[" * (most + 1) + json.dumps([value, [0] * MAX_JSON_DEPTH, [[]] * MAX_JSON_DEPTH]) + "]" * (most + 1)
        )


def _depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth_of, inner), default=0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_it_is_written_as_json_dumps_writes_it(value: Any) -> None:
    assert write_json(value) == json.dumps(value)
    compact = build_json_writer(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    assert compact(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("value", [float("nan"), [float("inf")]])
def test_numbers_that_json_does_not_have_are_written_only_where_they_may_be(value: Any) -> None:
    assert write_json(value) == json.dumps(value)
    with pytest.raises(ValueError, match="not JSON compliant"):
        build_json_writer(allow_nan=False)(value)


def test_what_has_no_json_is_not_written() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json([object()])


@given(VALUES.map(json.dumps) | st.text('[]{},:"\\ue1-. \t\nx', max_size=8), st.text(" \t\n\rx]", max_size=2))
def test_it_is_read_as_json_loads_reads_it(text: str, around: str) -> None:
    """Including surrounding white space and the messages of errors."""
    whole = around + text + around

    def read(parse: Any) -> tuple[Any, str]:
        try:
            return parse(whole), ""
        except json.JSONDecodeError as error:
            return None, str(error)

    assert read(parse_json) == read(json.loads)
