"""Scrubs secret values from whatever leaves a run: records, log lines, errors, answers.

A secret is found as it is, URL-encoded (any choice of characters to encode, either hex case, `+` for a space),
JSON-escaped (short escapes or \\uXXXX, JSON within JSON too), and in base64 (both alphabets, URL-encoded too, with or
without padding, and at each of the three byte alignments inside a longer text). Of a base64 text up to 4 bits remain
on each side, those that share a character with their neighbour.

A secret of several lines is scrubbed line by line too, a secret that is JSON value by value: components take such
secrets apart. Secrets shorter than MIN_SECRET_LENGTH are left alone: they would be found everywhere.

Most texts hold no secret. Each is first searched for a few literals, one of which every hit must contain; substring
search is far quicker than a regular expression with many branches. benchmarks/run.py has the figure.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
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
        parts = sorted({part for secret in secrets for part in _parts_of(secret)}, key=lambda part: (-len(part), part))
        patterns = [pattern for part in parts for pattern in _patterns_of(part)]
        self._pattern = re.compile("|".join(pattern for pattern, _ in patterns)) if patterns else None
        self._literals = tuple(dict.fromkeys(literal for _, literal in patterns))
        self._scrubs_numbers = any(_NUMERIC.fullmatch(part) for part in parts)

    def scrub_text(self, text: str) -> str:
        if self._pattern is None or not any(literal in text for literal in self._literals):
            return text
        return self._pattern.sub(MARK, text)

    def scrub(self, value: Any) -> Any:
        """A JSON value without the secrets, keys of mappings included. Returns `value` itself if it holds none."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.scrub_text(value)
        if isinstance(value, Mapping):
            return self._scrub_mapping(value)
        if isinstance(value, list | tuple):
            scrubbed = [self.scrub(item) for item in value]
            return value if all(new is old for new, old in zip(scrubbed, value, strict=True)) else scrubbed
        if self._scrubs_numbers and isinstance(value, int | float) and not isinstance(value, bool):
            return MARK if self.scrub_text(repr(value)) != repr(value) else value
        return value

    def _scrub_mapping(self, value: Mapping[Any, Any]) -> Mapping[Any, Any]:
        scrubbed = {self.scrub(key): self.scrub(item) for key, item in value.items()}
        unchanged = len(scrubbed) == len(value) and all(
            new_key is key and new is item
            for (new_key, new), (key, item) in zip(scrubbed.items(), value.items(), strict=True)
        )
        return value if unchanged else scrubbed


def _parts_of(secret: str) -> Iterator[str]:
    """The secret, its lines if there are several, and the texts in it if it is JSON."""
    candidates = [secret, *secret.splitlines()]
    try:
        candidates = [secret, *_texts_in(parse_json(secret))]
    except ValueError:
        pass
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


def _patterns_of(secret: str) -> Iterator[tuple[str, str]]:
    """Regular expressions for the encodings of a secret, each with a literal that every hit contains."""
    plain = max(_PLAIN_RUN.findall(secret), key=len, default="")
    yield re.escape(secret), plain
    yield "".join(_url_pattern(character) for character in secret), plain
    yield _json_pattern(secret), plain
    for fragment in _base64_fragments(secret.encode("utf-8", "surrogatepass")):
        pattern = "".join(_BASE64_VARIANTS.get(character, character) for character in fragment)
        yield pattern, max(_PLAIN_RUN.findall(fragment), key=len, default="")


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


def _base64_fragments(secret: bytes) -> Iterator[str]:
    """For each alignment the characters that the secret alone determines: 6 bits each, from bit 8 * `before` on."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
