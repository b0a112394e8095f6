"""Proves that JSON is read as RFC 8259 has it, that what is refused is refused in our own words, and that half a
surrogate pair is written as JSON's escape.
"""

import json
import re
from typing import Any

import pytest

from arcrun.json_text import escape_surrogates, parse_json
from arcrun.limits import MAX_INTEGER_DIGITS, MAX_JSON_DEPTH


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
        pytest.param("9" * 5000, "an integer in it has more than 4300 digits", id="5000 digits"),
        pytest.param(
            f'{{"a": [-{"9" * 4301}]}}', "an integer in it has more than 4300 digits", id="4301 digits within"
        ),
        pytest.param("1e400", "1e400 is out of range", id="beyond a double"),
        pytest.param("-1e400", "-1e400 is out of range", id="beyond a double, below zero"),
        pytest.param("9" * 5000 + ".0", "9" * 40 + "… is out of range", id="long and beyond a double"),
        pytest.param("NaN", "NaN is not JSON", id="NaN"),
        pytest.param("[Infinity]", "Infinity is not JSON", id="Infinity"),
        pytest.param("-Infinity", "-Infinity is not JSON", id="-Infinity"),
        pytest.param("[" * 129 + "]" * 129, "it is nested more than 128 deep", id="too deep"),
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
