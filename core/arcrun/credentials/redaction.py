"""Scrubs secret values from whatever leaves a run: records, log lines, errors, answers.

A secret is found as it is, URL-encoded (any choice of characters to encode, either hex case, `+` for a space),
JSON-escaped (short escapes or \\uXXXX, JSON within JSON too), and in base64 (both alphabets, URL-encoded too, with or
without padding, and at each of the three byte alignments inside a longer text). Of a base64 text up to 4 bits remain
on each side, those that share a character with their neighbour.

A secret of several lines is scrubbed line by line too, a secret that is JSON value by value: components take such
secrets apart. Secrets shorter than MIN_SECRET_LENGTH are left alone: they would be found everywhere.

Most records hold no secret. Each is first searched, as one JSON text, for a few literals of letters and digits, one of
which every hit must contain; the regular expression is compiled when one of them is found. benchmarks/run.py has the
figures.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import quote

from arcrun.json_text import parse_json

MIN_SECRET_LENGTH = 6  # characters
MARK = "[REDACTED]"

_PLAIN_RUN = re.compile(r"[A-Za-z0-9]+")
_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_JSON_SHORT_ESCAPES = {'"': '"', "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_BASE64_VARIANTS = {"+": r"(?:\+|-|%2[Bb])", "/": r"(?:\\*/|_|%2[Ff])"}


class Redactor:
    """Knows the secrets of one run. Without any it hands every value back as it is."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        parts = {part for secret in secrets for part in _parts_of(secret)}
        self._parts = sorted(parts, key=lambda part: (-len(part), part))  # of two that begin alike, the longer one
        self._literals = tuple(dict.fromkeys(literal for part in self._parts for literal in _literals_of(part)))
        self._scrubs_numbers = any(_NUMERIC.fullmatch(part) for part in self._parts)

    def scrub_text(self, text: str) -> str:
        return self._pattern.sub(MARK, text) if self._may_hold(text) else text

    def scrub(self, value: Any) -> Any:
        """A JSON value without the secrets, keys of mappings included. Returns `value` itself if it holds none."""
        if not self._literals or not self._may_hold(json.dumps(value)):
            return value
        return self._scrub(value)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(pattern for part in self._parts for pattern in _patterns_of(part)))

    def _may_hold(self, text: str) -> bool:
        return any(literal in text for literal in self._literals)

    def _scrub(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.scrub_text(value)
        if isinstance(value, Mapping):
            return self._scrub_mapping(value)
        if isinstance(value, list | tuple):
            scrubbed = [self._scrub(item) for item in value]
            return value if all(new is old for new, old in zip(scrubbed, value, strict=True)) else scrubbed
        if self._scrubs_numbers and isinstance(value, int | float) and not isinstance(value, bool):
            return MARK if self.scrub_text(repr(value)) != repr(value) else value
        return value

    def _scrub_mapping(self, value: Mapping[Any, Any]) -> Mapping[Any, Any]:
        scrubbed = {self._scrub(key): self._scrub(item) for key, item in value.items()}
        unchanged = len(scrubbed) == len(value) and all(
            new_key is key and new is item
            for (new_key, new), (key, item) in zip(scrubbed.items(), value.items(), strict=True)
        )
        return value if unchanged else scrubbed


def _parts_of(secret: str) -> Iterator[str]:
    """The secret, its lines if there are several, and the texts in it if it is JSON."""
    candidates = [secret, *secret.splitlines()]
    with suppress(ValueError):
        candidates = [secret, *_texts_in(parse_json(secret))]
    for candidate in candidates:
        stripped = candidate.strip()
        if len(stripped) >= MIN_SECRET_LENGTH:
            yield stripped


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)


def _literals_of(secret: str) -> Iterator[str]:
    """Texts of letters and digits, one of which stands in every encoding of the secret: nothing encodes those."""
    for form in (secret, *_base64_fragments(secret)):
        yield max(_PLAIN_RUN.findall(form), key=len, default="")


def _patterns_of(secret: str) -> Iterator[str]:
    """Regular expressions for the encodings of a secret. Each branch of each is told by its first characters."""
    yield re.escape(secret)
    yield "".join(_url_pattern(character) for character in secret)
    yield _json_pattern(secret)
    for fragment in _base64_fragments(secret):
        yield "".join(_BASE64_VARIANTS.get(character, character) for character in fragment)


def _url_pattern(character: str) -> str:
    encoded = quote(character.encode("utf-8", "surrogatepass"), safe="")
    if not encoded.startswith("%"):  # a letter or digit, or one of -._~ of which some encoders encode some
        encoded = f"%{ord(character):02X}"
        if character.isalnum():
            return character
    either_case = "".join(f"[{digit}{digit.lower()}]" if digit in "ABCDEF" else digit for digit in encoded)
    if character == "%":
        return either_case
    return f"(?:{re.escape(character)}|{either_case}{'|[+]' if character == ' ' else ''})"


def _json_pattern(secret: str) -> str:
    """At any depth of JSON within JSON. Escaping doubles backslashes, so a run of n becomes 2n or more."""
    return "".join(
        rf"(?:\\{{{2 * len(run)},}}|(?:\\+u005[Cc]){{{len(run)}}})" if run[0] == "\\" else _json_character(run)
        for run in re.findall(r"\\+|.", secret, re.DOTALL)
    )


def _json_character(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escapes = [r"\\+u" + _either_case(units[i : i + 4]) for i in range(0, len(units), 4)]
    forms = ["".join(escapes)]
    if character in _JSON_SHORT_ESCAPES:
        forms.append(r"\\+" + _JSON_SHORT_ESCAPES[character])
    if character >= " " and character != '"':
        forms.append(re.escape(character))
    return f"(?:{'|'.join(forms)})"


def _either_case(hexadecimal: str) -> str:
    return "".join(f"[{digit.upper()}{digit}]" if digit.isalpha() else digit for digit in hexadecimal)


def _base64_fragments(secret: str) -> Iterator[str]:
    """For each alignment the characters that the secret alone determines: 6 bits each, from bit 8 * `before` on."""
    content = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(content)) // 6]
