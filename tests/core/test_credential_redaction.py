"""Proves that no encoding of a secret survives, wherever it stands, and that all else is left as it is."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from arcrun.credentials.redaction import MARK, MIN_SECRET_LENGTH, Redactor

CANARY = 'c4n@ry/"\\ +%é密\n~z9'
URL_SAFE = str.maketrans("+/", "-_")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=MIN_SECRET_LENGTH, max_size=40).filter(
    lambda secret: len(secret.strip()) >= MIN_SECRET_LENGTH and not set(secret.strip()) <= set(MARK)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def go_json(text: str) -> str:
    """As Go's encoding/json writes a text: &, < and > are escaped."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return escaped.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def javascript_uri_component(text: str) -> str:
    return quote(text, safe="!'()*~")


def php_json(text: str) -> str:
    return json.dumps(text)[1:-1].replace("/", r"\/")


def base64_at(before: int, after: int, alphabet: dict[int, int] | None = None) -> Callable[[str], str]:
    """Base64 of the text between `before` and `after` other bytes."""

    def encode(text: str) -> str:
        content = b"\x5a" * before + text.encode() + b"\xa5" * after
        return base64.b64encode(content).decode().translate(alphabet or {})

    return encode


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quote": quote,
    "quote with lower-case hex": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%C3", "%c3"),
    "quote everything": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "urlencode": lambda text: urlencode({"q": text}),
    "encodeURIComponent": javascript_uri_component,
    "JSON, ASCII": lambda text: json.dumps(text)[1:-1],
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, upper-case hex": lambda text: json.dumps(text)[1:-1].replace("\\u00e9", "\\u00E9"),
    "JSON of Go": go_json,
    "JSON of PHP": php_json,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text)))[1:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, no padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64, URL-encoded": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 in JSON of PHP": lambda text: base64.b64encode(text.encode()).decode().replace("/", r"\/"),
    **{f"base64 at {before}": base64_at(before, 4 - before) for before in range(4)},
    **{f"base64url at {before}": base64_at(before, 2, URL_SAFE) for before in range(4)},
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "secret", [CANARY, "abcdef", "sk-live_0123456789abcdef", "~~~~????", "日本語日本語", '\\\\"\\"""']
)
def test_an_encoding_is_scrubbed(encoding: str, secret: str) -> None:
    encoded = ENCODINGS[encoding](secret)
    scrubbed = Redactor([secret]).scrub_text(f"before {encoded} after")
    assert MARK in scrubbed
    assert (scrubbed[:7], scrubbed[-6:]) == ("before ", " after")
    if "base64" in encoding:
        assert not any(encoded[i : i + 6] in scrubbed for i in range(2, len(encoded) - 8))
    else:
        assert encoded not in scrubbed


@given(secret=secrets, before=texts, after=texts, encoding=st.sampled_from(sorted(ENCODINGS)))
@example(secret="%%%%%25", before="%", after="25", encoding="quote")
@example(secret="\\\\\\\\\\\\", before="\\", after="\\", encoding="JSON in JSON")
def test_no_secret_survives_anywhere(secret: str, before: str, after: str, encoding: str) -> None:
    encoded = ENCODINGS[encoding](secret.strip())
    scrubbed = Redactor([secret]).scrub({before + encoded: [after, {"x": before + encoded + after}]})
    (key,) = scrubbed
    for text in (key, scrubbed[key][1]["x"]):
        assert MARK in text
        assert "base64" in encoding or secret.strip() not in text


@given(secret=secrets, value=json_values)
def test_what_holds_no_secret_is_handed_back_itself(secret: str, value: Any) -> None:
    every_form = json.dumps(value) + json.dumps(value, ensure_ascii=False)
    assume(not any(character in every_form for character in secret.strip() if not character.isspace()))
    assert Redactor([secret]).scrub(value) is value


@given(json_values)
def test_without_secrets_everything_is_handed_back_itself(value: Any) -> None:
    assert Redactor().scrub(value) is value
    assert Redactor(["", "short"]).scrub(value) is value


@given(value=json_values, first=secrets, second=secrets)
def test_the_shape_stays(value: Any, first: str, second: str) -> None:
    def shape(value: Any) -> Any:
        return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__

    scrubbed = Redactor([first, second]).scrub([value, first + second])
    assert json.loads(json.dumps(scrubbed)) == scrubbed
    assert len(shape(scrubbed)) == 2


@pytest.mark.parametrize(
    ("secrets", "value", "expected"),
    [
        pytest.param(["abcdef", "abcdefghi"], "abcdefghi", MARK, id="the longer of two"),
        pytest.param(["abcdef"], "abcdefabcdef", MARK * 2, id="twice"),
        pytest.param(["  abcdef\n"], "abcdef", MARK, id="trimmed by the component"),
        pytest.param(["abcde"], "abcde", "abcde", id="too short"),
        pytest.param(["12345678"], {"n": 12345678, "m": 1234567}, {"n": MARK, "m": 1234567}, id="as a number"),
        pytest.param(["abcdef"], [True, None, 1.5], [True, None, 1.5], id="other values"),
        pytest.param(['{"secret": "abcdefg", "n": 1}'], "got abcdefg", f"got {MARK}", id="a value of a JSON secret"),
        pytest.param(["-----BEGIN\nMIIEvQ12\n-----END"], "MIIEvQ12", MARK, id="a line of a PEM"),
        pytest.param(["abcdef"], {"abcdef": {"abcdef": 1}}, {MARK: {MARK: 1}}, id="keys"),
    ],
)
def test_cases(secrets: list[str], value: Any, expected: Any) -> None:
    assert Redactor(secrets).scrub(value) == expected


def test_runs_of_backslashes_and_percent_signs_take_no_exponential_time() -> None:
    for character in "\\%":
        redactor = Redactor([character * 40 + "x"])
        assert redactor.scrub_text("x" + character * 5_000 + "y") == "x" + character * 5_000 + "y"
