"""string_ops gives what Python's str, base64 and urllib.parse give."""

import base64
import re
import subprocess
import sys
import unicodedata
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

SDK = harness.COMPONENTS / "_sdk"
TABLES = (SDK / "zig" / "unicode_tables.zig").read_text("utf-8")

same_unicode = pytest.mark.skipif(
    f'version = "{unicodedata.unidata_version}"' not in TABLES, reason="this Python has another version of Unicode"
)
CODE_POINTS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
CHUNK = 200_000

# Scripts with case whose mappings are older than any Python in use, final sigma, special cases, and others.
remarkable = "aZ ßıİŉǆǅǰΐΣσςΆ'.\u0301\u00ad\u0345ԱևႠაĄżЖѫﬁﬀᾳᾼ漢😀\t\u3000\x1c\u200b-,%+ÿŒ"
texts = st.text(st.sampled_from(remarkable) | st.characters(max_codepoint=0x24F))
short = st.text("ab,é😀", max_size=3)
indexes = st.none() | st.integers(-12, 12)
profile = settings(max_examples=40, deadline=None)


def operate(operation: str, text: Any, **fields: Any) -> Any:
    return harness.run("string_ops", {"operation": operation, "input": text, **fields}).data["result"]


def refuse(operation: str, text: Any, **fields: Any) -> Any:
    return harness.run("string_ops", {"operation": operation, "input": text, **fields}).error


@same_unicode
@pytest.mark.parametrize("operation", ["upper", "lower"])
def test_case_of_all_code_points(operation: str) -> None:
    for start in range(0, len(CODE_POINTS), CHUNK):
        text = "".join(CODE_POINTS[start : start + CHUNK])
        assert operate(operation, text) == getattr(text, operation)()


@same_unicode
def test_title_case_of_all_code_points() -> None:
    mapped = [char for char in CODE_POINTS if char.title() != char.upper()]
    assert [operate("capitalize", char + "X") for char in mapped] == [(char + "X").capitalize() for char in mapped]


@same_unicode
def test_sigma_next_to_all_code_points() -> None:
    characters = [char for char in CODE_POINTS if unicodedata.category(char) not in ("Cn", "Co")]
    for start in range(0, len(characters), CHUNK // 4):
        text = " ".join(f"A{char}Σ{char}" for char in characters[start : start + CHUNK // 4])
        assert operate("lower", text) == text.lower()


@same_unicode
def test_tables_are_what_the_generator_writes() -> None:
    script = "import generate_unicode_tables as g; print(g.render_tables(), end='')"
    made = subprocess.run([sys.executable, "-c", script], cwd=SDK, capture_output=True, text=True, check=True)
    assert made.stdout == TABLES


@profile
@given(texts)
def test_methods_of_one_text(text: str) -> None:
    assert operate("upper", text) == text.upper()
    assert operate("lower", text) == text.lower()
    assert operate("capitalize", text) == text.capitalize()
    assert operate("trim", text) == text.strip()
    assert operate("trim", text, side="start") == text.lstrip()
    assert operate("trim", text, side="end") == text.rstrip()
    assert operate("length", text) == len(text)
    assert operate("split", text, separator="") == list(text)


@profile
@given(st.text("ab,é😀", max_size=12), short, short, st.integers(0, 4))
def test_search(text: str, search: str, replacement: str, count: int) -> None:
    assert operate("includes", text, search=search) == (search in text)
    assert operate("starts_with", text, search=search) == text.startswith(search)
    assert operate("ends_with", text, search=search) == text.endswith(search)
    if search:
        assert operate("replace", text, search=search, replacement=replacement) == text.replace(search, replacement)
        replaced = text.replace(search, replacement, count)
        assert operate("replace", text, search=search, replacement=replacement, count=count) == replaced
        assert operate("split", text, separator=search) == text.split(search)
        assert operate("join", text.split(search), separator=search) == text


@profile
@given(texts, indexes, indexes)
def test_substring(text: str, start: int | None, end: int | None) -> None:
    assert operate("substring", text, start=start, end=end) == text[start:end]


@profile
@given(st.text("aé😀", max_size=6), st.integers(0, 12), st.sampled_from("x·😀"))
def test_pad(text: str, length: int, fill: str) -> None:
    assert operate("pad", text, length=length, fill=fill) == text.rjust(length, fill)
    assert operate("pad", text, length=length, fill=fill, side="end") == text.ljust(length, fill)
    both = operate("pad", text, length=length, fill=fill, side="both")
    before = max(0, length - len(text)) // 2
    assert both == (fill * before + text).ljust(length, fill)
    assert operate("repeat", text, count=length) == text * length


@profile
@given(st.text())
def test_encodings(text: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    assert operate("base64_encode", text) == encoded
    assert operate("base64_decode", encoded) == text
    assert operate("base64_decode", base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")) == text
    assert operate("base64_decode", "\r\n ".join(encoded)) == text
    assert operate("url_encode", text) == quote(text, safe="")
    assert operate("url_decode", quote(text)) == text == unquote(quote(text))


@profile
@given(texts)
def test_slug_has_words_and_separators_only(text: str) -> None:
    slug = operate("slug", text)
    assert re.fullmatch(r"([^\W_]|\w)*(-([^\W_]|\w)+)*", slug) or any(unicodedata.combining(char) for char in slug)
    assert operate("slug", slug) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("", ""),
        ("--- !", ""),
        ("Hello,   World", "hello-world"),
        ("Don’t stop", "dont-stop"),
        ("Łódź ßtraße Þór", "lodz-sstrasse-thor"),
        ("e\u0301te\u0301", "ete"),
        ("Ωμέγα 9", "ωμέγα-9"),
        ("हिन्दी भाषा", "हिन्दी-भाषा"),
        ("ｆｕｌｌ ﬁt", "full-fit"),
        ("snake_case", "snake-case"),
    ],
)
def test_slug(text: str, slug: str) -> None:
    assert operate("slug", text) == slug


@pytest.mark.parametrize("text", ["a", "YQ=", "YQ===", "Y=Q=", "YQ==YQ==", "Y*Q=", "=", "YWI=="])
def test_text_that_is_not_base64(text: str) -> None:
    assert refuse("base64_decode", text)["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("text", ["%", "%4", "%4x", "%x4", "a%", "%-1", "% 1"])
def test_text_that_is_not_percent_encoded(text: str) -> None:
    assert refuse("url_decode", text)["code"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("repeat", {}, "`count` must be a whole number from 0 to 1073741824, but it is missing."),
        ("repeat", {"count": -1}, "`count` must be a whole number from 0 to 1073741824, not -1."),
        ("repeat", {"count": 1.5}, "`count` must be a whole number from 0 to 1073741824, not 1.5."),
        ("repeat", {"count": "3"}, '`count` must be a whole number from 0 to 1073741824, not "3".'),
        ("pad", {"length": 3, "fill": ""}, '`fill` must be a text that is not empty, not "".'),
        ("pad", {"length": 3, "side": "left"}, '`side` must be one of start, end, both, not "left".'),
        ("replace", {"search": ""}, '`search` must be a text that is not empty, not "".'),
        ("includes", {"search": ["a"]}, "`search` must be a text, not a list."),
        ("join", {}, '`input` must be a list, not "abc".'),
    ],
)
def test_wrong_fields(operation: str, fields: dict[str, Any], message: str) -> None:
    assert refuse(operation, "abc", **fields) == {"code": "INVALID_INPUT", "message": message}


def test_wrong_items_of_join_are_named() -> None:
    message = "`input[1]` must be a text, a number, true or false, not null."
    assert refuse("join", ["a", None]) == {"code": "INVALID_INPUT", "message": message}


@pytest.mark.parametrize("count", ["3", "3.0", "0.3e1", "30E-1", "3.000e+0"])
def test_whole_numbers_in_any_form(count: str) -> None:
    given = f'{{"operation": "repeat", "input": "ab", "count": {count}}}'
    assert harness.run_text("string_ops", given).data == {"result": "ababab"}


@pytest.mark.parametrize(
    ("operation", "text", "fields"),
    [
        ("repeat", "é", {"count": 2**30}),
        ("pad", "a", {"length": 2**30}),
        ("replace", "a" * 2000, {"search": "a", "replacement": "b" * 2000}),
        ("join", ["a" * 2000] * 600, {}),
        ("join", ["", ""] * 600, {"separator": "b" * 2000}),
        ("split", "a" * 300_000, {"separator": ""}),
        ("upper", "ŉ" * 400_000, {}),
        ("base64_encode", "a" * 800_000, {}),
    ],
)
def test_results_above_1_mib_are_refused(operation: str, text: Any, fields: dict[str, Any]) -> None:
    assert refuse(operation, text, **fields)["code"] == "RESULT_TOO_LARGE"


@pytest.mark.parametrize("count", [0, 1, 2**30])
def test_an_empty_text_repeated_is_empty(count: int) -> None:
    assert operate("repeat", "", count=count) == ""


@pytest.mark.parametrize("operation", ["url_encode", "base64_encode"])
def test_lone_surrogates_have_no_bytes(operation: str) -> None:
    assert refuse(operation, "a\ud800")["code"] == "INVALID_INPUT"
