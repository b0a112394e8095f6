"""Proves which flow lines are read, and what the author is told of those that are not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.workflows.diagnostics import Diagnostic
from arcrun.workflows.triplets import RELATION_ALIASES, Relation, parse_triplet

FORM = "A flow line is `FROM >> RELATION >> TO`, such as `input >> ON_SUCCESS >> grab`."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a >> ON_SUCCESS >> b", ("a", "b"), id="plain"),
        pytest.param("a>>ON_SUCCESS>>b", ("a", "b"), id="without spaces"),
        pytest.param("  a\t>>  ON_SUCCESS >>\n b ", ("a", "b"), id="with more white space"),
        pytest.param("a >> on_success >> b", ("a", "b"), id="relation in small letters"),
        pytest.param("fetch_page-2 >> PIPE >> tell", ("fetch_page-2", "tell"), id="name with _ - and a digit"),
        pytest.param("抓取 >> 完成後 >> 通知", ("抓取", "通知"), id="names beyond ASCII"),
        pytest.param("ON_SUCCESS >> ON_SUCCESS >> PIPE", ("ON_SUCCESS", "PIPE"), id="names that are relations"),
    ],
)
def test_reads_a_line(text: str, expected: tuple[str, str]) -> None:
    assert parse_triplet(text, 1, 1) == (expected[0], Relation.ON_SUCCESS, expected[1])


@pytest.mark.parametrize("alias", ["ON_SUCCESS", "PIPE", "SUCCESS", "完成後", "成功時"])
def test_a_relation_has_aliases(alias: str) -> None:
    assert parse_triplet(f"a >> {alias} >> b", 1, 1) == ("a", Relation.ON_SUCCESS, "b")
    assert alias in RELATION_ALIASES


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "has 1 parts, not 3", id="empty"),
        pytest.param("a", "has 1 parts, not 3", id="one name"),
        pytest.param("a >> b", "has 2 parts, not 3", id="no relation"),
        pytest.param("a -> ON_SUCCESS -> b", "has 1 parts, not 3", id="other arrows"),
        pytest.param("a >> PIPE >> b >> PIPE >> c", "has 5 parts, not 3", id="a chain"),
        pytest.param(">> PIPE >> b", "has the name '', which is not made of letters, digits, _ and -", id="no source"),
        pytest.param("a >> PIPE >>", "has the name '', which is not made of letters, digits, _ and -", id="no target"),
        pytest.param(
            "a b >> PIPE >> c",
            "has the name 'a b', which is not made of letters, digits, _ and -",
            id="space in a name",
        ),
        pytest.param(
            "a >> PIPE >> c.d", "has the name 'c.d', which is not made of letters, digits, _ and -", id="dot in a name"
        ),
    ],
)
def test_a_malformed_line_is_quoted_with_its_place(text: str, reason: str) -> None:
    expected = Diagnostic("MALFORMED_LINE", f"the flow line {text!r} {reason}", FORM, line=7, column=3)
    assert parse_triplet(text, 7, 3) == expected


@pytest.mark.parametrize(
    ("relation", "hint"),
    [
        pytest.param("ON_SUCESS", "Did you mean ON_SUCCESS?", id="a letter is missing"),
        pytest.param("onsuccess", "Did you mean ON_SUCCESS?", id="an underscore is missing"),
        pytest.param("PIPES", "Did you mean PIPE?", id="a letter too many"),
        pytest.param("完成后", "Did you mean 完成後?", id="simplified character"),
        pytest.param("WHENEVER", "Relations: ON_SUCCESS, PIPE, SUCCESS, 完成後, 成功時.", id="nothing near"),
        pytest.param("", "Relations: ON_SUCCESS, PIPE, SUCCESS, 完成後, 成功時.", id="empty"),
    ],
)
def test_an_unknown_relation_gets_its_nearest_match(relation: str, hint: str) -> None:
    expected = Diagnostic("UNKNOWN_RELATION", f"unknown relation {relation!r}", hint, line=2, column=5)
    assert parse_triplet(f"a >> {relation} >> b", 2, 5) == expected


@given(st.text())
def test_any_text_is_read_or_diagnosed(text: str) -> None:
    parsed = parse_triplet(text, 1, 1)
    assert isinstance(parsed, tuple) or parsed.code in ("MALFORMED_LINE", "UNKNOWN_RELATION")


NAMES = st.from_regex(r"[\w-]+", fullmatch=True)


@given(NAMES, st.sampled_from(sorted(RELATION_ALIASES)), NAMES, st.text(" \t", max_size=3))
def test_every_well_formed_line_is_read(source: str, relation: str, target: str, space: str) -> None:
    line = f"{space}{source}{space}>>{space}{relation}{space}>>{space}{target}{space}"
    assert parse_triplet(line, None, None) == (source, Relation.ON_SUCCESS, target)


def test_a_long_line_of_spaces_costs_no_more_than_its_length() -> None:
    started = time.perf_counter()
    parse_triplet("a" + " " * 20_000 + "b", 1, 1)
    assert time.perf_counter() - started < 0.25
