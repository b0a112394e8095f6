"""The part of a value that a record keeps is bounded, and marked where something is missing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.engine.truncation import PREVIEW_CHARACTERS, truncate
from arcrun.limits import MAX_SHOWN_VALUE_BYTES


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param({"a": [1, "é"]}, id="object"),
        pytest.param("x" * (MAX_SHOWN_VALUE_BYTES - 2), id="as large as allowed, with its quotes"),
        pytest.param("\ud800", id="half a surrogate pair"),
    ],
)
def test_a_small_value_stays(value: Any) -> None:
    assert truncate(value) is value


@pytest.mark.parametrize(
    ("value", "size"),
    [
        pytest.param("x" * (MAX_SHOWN_VALUE_BYTES - 1), MAX_SHOWN_VALUE_BYTES + 1, id="a byte too large"),
        pytest.param("名" * MAX_SHOWN_VALUE_BYTES, 3 * MAX_SHOWN_VALUE_BYTES + 2, id="bytes count, not characters"),
        pytest.param([1] * MAX_SHOWN_VALUE_BYTES, 3 * MAX_SHOWN_VALUE_BYTES, id="list"),
        pytest.param("\ud800" * MAX_SHOWN_VALUE_BYTES, 3 * MAX_SHOWN_VALUE_BYTES + 2, id="halves of surrogate pairs"),
    ],
)
def test_a_large_value_is_marked(value: Any, size: int) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert truncate(value) == {"_truncated": True, "bytes": size, "preview": text[:PREVIEW_CHARACTERS]}


@given(st.lists(st.text(max_size=2000), max_size=20))
def test_what_is_kept_is_bounded(value: list[str]) -> None:
    assert len(json.dumps(truncate(value), ensure_ascii=False)) <= MAX_SHOWN_VALUE_BYTES
