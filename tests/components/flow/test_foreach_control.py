"""foreach_control hands the items on as they are, counted and named."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(values, max_size=5), st.from_regex(r"[\w-]+", fullmatch=True, alphabet="aZ0_-é漢"))
def test_items_pass_through(items: list[Any], name: str) -> None:
    data = harness.run("foreach_control", {"items": items, "item_key": name}).data
    assert data == {"items": items, "count": len(items), "item_key": name}


def test_numbers_keep_their_form() -> None:
    stdout = harness.run_text("foreach_control", '{"items": [1.50, 1e400, 123456789012345678901234567890]}').stdout
    assert b'"items":[1.50,1e400,123456789012345678901234567890],"count":3' in stdout


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "`items` must be a list, but it is missing."),
        ({"items": "abc"}, '`items` must be a list, not "abc".'),
        ({"items": [], "item_key": 1}, "`item_key` must be a text, not 1."),
        ({"items": [], "item_key": ""}, '`item_key` must be a name of letters, digits, _ and -, not "".'),
        ({"items": [], "item_key": "a b"}, '`item_key` must be a name of letters, digits, _ and -, not "a b".'),
    ],
)
def test_wrong_fields(fields: dict[str, Any], message: str) -> None:
    assert harness.run("foreach_control", fields).error == {"code": "INVALID_INPUT", "message": message}
