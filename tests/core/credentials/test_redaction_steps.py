"""Redaction in steps finds what a single regular expression of all forms would find, including matches across windows,
and handles small values in one step.
"""

import base64
import html
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.credentials.redaction import MARK, SMALL_BYTES, Redactor
from arcrun.credentials.search import WINDOW
from arcrun.credentials.secret_forms import (
    LINE_BREAK,
    MAX_PIECE,
    Form,
    misread,
    parts_of,
    write_forms,
    write_forms_in_codes,
    write_forms_with_numbers,
)
from arcrun.interruptible import STRETCH_UNITS, Steps, run_steps, run_steps_pausing

SIGNS = list('ab1-%\\&=;#/" +_\n\ré2')
TOGETHER = [
    *("%25", "&amp;", "&#97;", "&#x61;", "&#38;", "\\u0061", "%61", "%62", "=61", "=\n", "\\n", "=3D", "%0A", "&quot;"),
    *("amp", "\\\\", "&#", "&amp;#97;", "\\u005c", "%2D", "&#45", "YWIx", "ab1-", "[REDACTED]", "12"),
]
SECRETS = st.lists(st.sampled_from(SIGNS + TOGETHER), min_size=3, max_size=12).map("".join)
ENCODINGS: list[Callable[[str], str]] = [
    str,
    html.escape,
    lambda text: quote(text, safe=""),
    lambda text: json.dumps(text)[1:-1],
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    lambda text: "=\n".join(text[i : i + 3] for i in range(0, len(text), 3)),
]


def scrub_whole(secrets: Iterable[str], text: str) -> str:
    """Scrub with one regular expression of all forms, over the string and over its joined lines."""
    for pattern in whole_patterns(tuple(secrets), "&#" in text):
        text = scrub_across_lines(pattern, pattern.sub(MARK, text))
    return text


@cache
def whole_patterns(secrets: tuple[str, ...], with_numbers: bool) -> list[re.Pattern[str]]:
    found = {part for secret in secrets for part in parts_of(secret)}
    parts = sorted({form for part in found for form in (part, *misread(part))}, key=lambda part: (-len(part), part))
    written = (write_forms_with_numbers if with_numbers else write_forms)(parts), write_forms_in_codes(parts)
    return [re.compile("|".join(map(write_whole, forms)) or "(?!)") for forms in written]


def write_whole(form: Form) -> str:
    return form.head + form.rest + "".join(form.later)


def scrub_across_lines(pattern: re.Pattern[str], text: str) -> str:
    places, removed = [], [0]
    for found in LINE_BREAK.finditer(text):
        places.append(found.start() - removed[-1])
        removed.append(removed[-1] + len(found[0]))
    kept, end = [], 0
    for hit in pattern.finditer(LINE_BREAK.sub("", text)):
        first, last = bisect_right(places, hit.start()), bisect_left(places, hit.end())
        if first < last:
            kept.append(text[end : hit.start() + removed[first]])
            end = hit.end() + removed[last]
    return MARK.join([*kept, text[end:]])


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Secrets, and strings of pieces of them, some of which are at the end of a window."""
    secrets = draw(st.lists(SECRETS, min_size=1, max_size=3))
    pieces = st.sampled_from(SIGNS + TOGETHER) | st.builds(
        lambda secret, encode, cut: encode(secret)[cut:],
        st.sampled_from(secrets),
        st.sampled_from(ENCODINGS),
        st.sampled_from((0, 0, 0, 1, -3)),
    )
    texts = st.lists(pieces, max_size=6).map("".join)
    far = st.builds(lambda before, text: "." * (WINDOW - before) + text, st.integers(0, 40), texts)
    return secrets, draw(st.lists(texts | far, min_size=1, max_size=3))


@given(cases())
def test_in_steps_as_in_one_go(case: tuple[list[str], list[str]]) -> None:
    secrets, texts = case
    redactor = Redactor(secrets)
    whole = [scrub_whole(secrets, text) for text in texts]
    assert [redactor.scrub_text(text) for text in texts] == whole
    assert run_steps(redactor.scrub_in_steps({"x": texts}, is_small=False))["x"] == whole
    assert redactor.scrub(texts) == whole


@pytest.mark.parametrize("text", ["&#0 and more", "%00", "=00\n", "a\nb"])
def test_where_all_secrets_are_too_short_nothing_is_scrubbed(text: str) -> None:
    assert Redactor(["abcde", ""]).scrub_text(text) == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "=\n", "\\n", "%0a", "\n \t"], ids=repr)
@pytest.mark.parametrize("before", ["", "d", "%0", "="])
def test_a_line_break_where_a_window_ends_is_one(end: str, before: str) -> None:
    """At every position around the end of a window; also without a letter at which the string could be cut."""
    redactor = Redactor(["secret-of-two-lines"])
    for filler in (".", "a\n"):
        for length in range(WINDOW - 4, WINDOW + 1):
            filling = (filler * length)[:length]
            text = f"{filling}secret-of{before and '-two'}{end}{'' if before else '-two'}-lines{before}{end}"
            assert redactor.scrub_text(text) == scrub_whole(["secret-of-two-lines"], text)


@cache
def redactor_of(secret: str) -> Redactor:
    """Cached, so that its patterns are compiled only once."""
    return Redactor([secret])


PEM = "-----BEGIN KEY-----\n" + "\n".join(f"{i:02}Ab+/" * 9 for i in range(12)) + "\n-----END KEY-----="


@pytest.mark.parametrize("encode", [ENCODINGS[i] for i in (0, 1, 5, 6, 7)])
@pytest.mark.parametrize(
    "secret", [PEM, json.dumps({"key": PEM}), "%&=\\" * 20 + "a-b" * 100], ids=["pem", "json", "signs"]
)
def test_a_long_secret_whose_forms_are_in_pieces_is_found(secret: str, encode: Callable[[str], str]) -> None:
    encoded, redactor = encode(secret), redactor_of(secret)
    text = f"before {encoded} after"
    scrubbed = redactor.scrub_text(text)
    assert scrubbed == scrub_whole([secret], text)
    assert MARK in scrubbed
    assert encoded not in scrubbed
    near = f"before {encoded[: len(encoded) // 2]}!{encoded[len(encoded) // 2 :]} after"
    assert redactor.scrub_text(near) == scrub_whole([secret], near)


def test_forms_are_cut_where_they_are_long() -> None:
    forms = [*write_forms_with_numbers([PEM.strip()]), *write_forms_in_codes([PEM.strip()])]
    assert max(len(piece) for form in forms for piece in (form.rest, *form.later)) < MAX_PIECE + 500


FIFTY = [f'-"s{i:02}-{i * 7919 % 1000:03}_{chr(97 + i % 26)}{i}k' for i in range(50)]
EVERY = "".join(FIFTY)
HOSTILE = {
    "near-misses": EVERY + "".join(secret[:-1] for secret in FIFTY) * 150,
    "escapes": EVERY + "%25%2D&amp;&#45;\\\\u002d=3D&#115;%61%62" * 1_000,
    "lines": EVERY + "a\n" * 20_000,
    "texts": [f"{secret}{i}" for i in range(40) for secret in FIFTY],
    "numbers": [i * 1.1 for i in range(20_000)],
    "no secret": "hello world, this is text. " * 4_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_step_is_short(name: str) -> None:
    value = {"value": HOSTILE[name]}
    steps = list(steps_of(Redactor([*FIFTY, "12345678", PEM]).scrub_in_steps(value, is_small=False)))
    assert max(steps) <= 1.5 * STRETCH_UNITS
    assert sum(steps) > STRETCH_UNITS


def steps_of(steps: Steps[Any]) -> Iterable[int]:
    yield from steps


async def refuse_pause() -> None:
    raise AssertionError("nobody else need have a turn")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "value",
    [{"token": "sk-live_0123456789abcdef", "n": 1}, {"text": "x=%20\\n" * 100}, ["a"] * 100],
    ids=["a secret", "escapes", "a list"],
)
async def test_what_is_small_makes_nobody_pause(value: Any) -> None:
    redactor = Redactor(["sk-live_0123456789abcdef"])
    scrubbed = await run_steps_pausing(redactor.scrub_in_steps(value), refuse_pause)
    assert ("sk-live" in json.dumps(scrubbed)) is False
    assert len(json.dumps(value)) < SMALL_BYTES
