"""switch takes the first case that equals the value, as JSON has equality."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

scalars = st.none() | st.booleans() | st.sampled_from([0, 1, 2, -1, 0.0, 1.0, 0.5, "", "0", "1", "a", "true", "null"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner)
)


def select(value: Any, matches: list[Any], **fields: Any) -> dict[str, Any]:
    cases = [{"match": match, "branch": f"case {i}"} for i, match in enumerate(matches)]
    return harness.run("switch", {"value": value, "cases": cases, **fields}).output


def canonical(value: Any) -> str:
    """The same text for values that are equal in JSON."""
    if isinstance(value, dict):
        return json.dumps({key: canonical(item) for key, item in value.items()}, sort_keys=True)
    if isinstance(value, list):
        return json.dumps([canonical(item) for item in value])
    return json.dumps(value if isinstance(value, bool) or not isinstance(value, int | float) else float(value))


@settings(max_examples=50, deadline=None)
@given(values, st.lists(values, max_size=6))
def test_the_first_equal_case(value: Any, matches: list[Any]) -> None:
    equal = [i for i, match in enumerate(matches) if canonical(match) == canonical(value)]
    branch = f"case {equal[0]}" if equal else "other"
    assert select(value, matches, default_branch="other") == {"success": True, "data": {"branch": branch}}


def test_without_cases_there_is_the_default_or_an_error() -> None:
    assert select(1, [], default_branch="other")["data"] == {"branch": "other"}
    assert select(1, [])["error"]["code"] == "NO_MATCH"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cases": []}, "`value` must be given, but it is missing."),
        ({"value": 1}, "`cases` must be a list, but it is missing."),
        ({"value": 1, "cases": {}}, "`cases` must be a list, not an object."),
        ({"value": 1, "cases": [1]}, "`cases[0]` must be an object, not 1."),
        (
            {"value": 1, "cases": [{"match": 1, "branch": "a", "when": 2}]},
            "`cases[0].when` is unknown; the fields are match, branch.",
        ),
        ({"value": 1, "cases": [{"branch": "a"}]}, "`cases[0].match` must be given, but it is missing."),
        ({"value": 1, "cases": [{"match": 1, "branch": 2}]}, "`cases[0].branch` must be a text, not 2."),
        (
            {"value": 1, "cases": [{"match": 1, "branch": "a"}, {"match": 2, "branch": ""}]},
            '`cases[1].branch` must be a text that is not empty, not "".',
        ),
        ({"value": 1, "cases": [], "default_branch": 3}, "`default_branch` must be a text, not 3."),
        ({"value": 1, "cases": [], "default_branch": ""}, '`default_branch` must be a text that is not empty, not "".'),
    ],
)
def test_wrong_fields(fields: dict[str, Any], message: str) -> None:
    assert harness.run("switch", fields).error == {"code": "INVALID_INPUT", "message": message}
