"""The nearest known name is suggested, in bounded time however many names there are."""

import pytest

from arcrun.templates.hints import suggest_nearest

MANY = [f"{letter}_flow_{i}" for letter in "abcdefgh" for i in range(1_000)]


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        pytest.param("strnig", ["string", "number"], "Did you mean `string`?", id="near"),
        pytest.param("tydi", ["input", "tidy"], "Did you mean `tidy`?", id="two letters exchanged"),
        pytest.param("tiyd", ["tired", "tidy"], "Did you mean `tidy`?", id="exchanged rather than like another"),
        pytest.param("abcd", ["dbca"], "otherwise", id="exchanged, but far from each other"),
        pytest.param("id", ["di"], "Did you mean `di`?", id="a short name"),
        pytest.param("zzz", ["string", "number"], "otherwise", id="nothing near"),
        pytest.param("c_flow_0x", MANY, "Did you mean `c_flow_0`?", id="among many, one that begins alike"),
        pytest.param("x" * 101, ["x" * 100], "otherwise", id="a long name"),
        pytest.param("x" * 100, ["x" * 101], "otherwise", id="long names"),
    ],
)
def test_the_nearest(name: str, known: list[str], expected: str) -> None:
    assert suggest_nearest(name, known, "otherwise") == expected


@pytest.mark.parametrize(("before", "expected"), [(49, "Did you mean `c_near`?"), (50, "")])
def test_no_more_than_so_many_are_compared(before: int, expected: str) -> None:
    others = [f"c{i}" for i in range(before)]
    assert suggest_nearest("c_nearr", [*others, "c_near", *MANY]) == expected
