"""Scrubs secret values from whatever leaves a run: records, log lines, errors, answers.

A secret is found as it is, and with each of its characters but letters and digits in any of these forms: URL-encoded,
once or several times (either hex case, `+` for a space), JSON-escaped (short escapes or \\uXXXX, JSON within JSON too),
an HTML escape (named, decimal, hexadecimal; HTML within HTML too; letters and digits as numbers too; the semicolon may
lack where HTML reads it so), quoted-printable (`_` for a space). Letters and digits are found URL-encoded, as \\uXXXX
and quoted-printable where all of the secret's are so written. It is found in base64 (both alphabets, URL-encoded too,
with or without padding, and at each of the three byte alignments inside a longer text; of a base64 text up to 4 bits
remain on each side, those that share a character with their neighbour). All of these also of its UTF-8
read as Latin-1 or Windows-1252, and across line breaks: base64 in lines, quoted-printable's soft line breaks, whatever
folds a line, with a break as it is or JSON-escaped.

A secret of several lines is scrubbed line by line too, a secret that is JSON value by value: components take such
secrets apart. Secrets shorter than MIN_SECRET_LENGTH are left alone: they would be found everywhere.

Most records hold no secret. Each is first searched, as one JSON text, for a few literals of letters and digits, one of
which every hit must contain; the regular expressions are compiled when one of them is found. All of it takes time in
proportion to the text: no form can be read in two ways that take the same characters, for a regular expression tries
all of them where there is no hit, which is exponential in the secret. benchmarks/run.py has the figures.
"""

import base64
import itertools
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property, partial
from html.entities import html5
from typing import Any

from arcrun.json_text import parse_json

MIN_SECRET_LENGTH = 6  # characters
MARK = "[REDACTED]"

ENVELOPE_KEYS = frozenset({"success", "data", "error"})  # arcrun/wasm/abi.py
ERROR_KEYS = frozenset({"code", "message", "retriable", "retry_after_s", "next_actions", "details"})

_PLAIN_RUN = re.compile(r"[A-Za-z0-9]+")
_PLAIN_PAIR = re.compile(r"[A-Za-z0-9]{2}")
_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_JSON_SHORT_ESCAPES = {'"': '"', "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_PERCENT = "%(?:25)*"  # encoded again, `%` is `%25`
_AMPERSAND = "&(?:amp;?+)*"  # likewise
_CODES = {"%": "%(?:25)*+", "u": r"\\++u00", "=": "="}  # before a letter's or digit's two hexadecimal digits
_CODE_STARTS = ("%", "\\", "=")
_BASE64_VARIANTS = {"+": rf"(?:\+|-|{_PERCENT}2[Bb])", "/": rf"(?:\\*/|_|{_PERCENT}2[Ff])"}
# A line break with what folds a line before it and indents the next one. The first character says which branch may fit.
_FEED, _RETURN = r"(?:\\+n|\n|%(?:25)*0[Aa])", r"(?:\\+r|\r|%(?:25)*0[Dd])"
_LINE_BREAK = re.compile(
    r"[=\\\r\n%](?:(?<=\n)|(?<=\r)" + _FEED + r"|(?<=\\)(?<!\\\\)\\*(?:n|r" + _FEED + r")"
    r"|(?<=%)(?:25)*0(?:[Aa]|[Dd]" + _FEED + r")|(?<==)" + _RETURN + "?" + _FEED + r")(?:[ \t]|\\+t)*"
)
_FEEDS = ("\n", "\\n", "0A", "0a")  # one of which is in each


class Redactor:
    """Knows the secrets of one run. Without any it hands every value back as it is."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {part for secret in secrets for part in _parts_of(secret)}
        parts = {form for part in found for form in (part, *_misread(part))}
        self._parts = sorted(parts, key=lambda part: (-len(part), part))  # of two that begin alike, the longer one
        self._literals = tuple(dict.fromkeys(literal for part in self._parts for literal in _literals_of(part)))
        self._scrubs_numbers = any(_NUMERIC.fullmatch(part) for part in self._parts)

    @property
    def longest(self) -> int:
        """The characters that the longest secret takes where each of its own is URL-encoded."""
        return 3 * len(self._parts[0]) if self._parts else 0

    def scrub_text(self, text: str) -> str:
        if not self._may_hold(text):
            return text
        pattern = self._pattern_with_numbers if "&#" in text else self._pattern
        text = self._scrub_across_lines(pattern, pattern.sub(MARK, text))
        if self._has_code(text) or (_may_break(text) and self._has_code(_LINE_BREAK.sub("", text))):
            text = self._scrub_across_lines(self._pattern_of_codes, self._pattern_of_codes.sub(MARK, text))
        return text

    def scrub(self, value: Any) -> Any:
        """A JSON value without the secrets, keys of mappings included. Returns `value` itself if it holds none."""
        if not self._literals or not self._may_hold(json.dumps(value)):
            return value
        return self._scrub(value)

    def scrub_envelope(self, envelope: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same of a component's output (arcrun/wasm/abi.py). Its own keys stay, even if a secret has their text."""
        if not self._literals or not self._may_hold(json.dumps(envelope)):
            return envelope
        scrubbed = {**self._scrub_mapping(envelope, kept=ENVELOPE_KEYS)}
        if isinstance(error := envelope.get("error"), Mapping):
            scrubbed["error"] = self._scrub_mapping(error, kept=ERROR_KEYS)
        return scrubbed

    def _scrub_across_lines(self, pattern: re.Pattern[str], text: str) -> str:
        """Replace what is found once the line breaks are taken out, the breaks within it too."""
        joined = _LINE_BREAK.sub("", text)
        if len(joined) == len(text) or not self._may_hold_joined(joined):
            return text
        places, removed = [], [0]  # where the breaks were in the joined text, how much went before each
        for found in _LINE_BREAK.finditer(text):
            places.append(found.start() - removed[-1])
            removed.append(removed[-1] + len(found[0]))
        kept, end = [], 0
        for hit in pattern.finditer(joined):
            first, last = bisect_right(places, hit.start()), bisect_left(places, hit.end())
            if first < last:  # a break lies within it; all others have been replaced
                kept.append(text[end : hit.start() + removed[first]])
                end = hit.end() + removed[last]
        return MARK.join([*kept, text[end:]])

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _compile(self._parts, _form_of)

    @cached_property
    def _pattern_with_numbers(self) -> re.Pattern[str]:
        """For a text in which letters and digits may be HTML's numbers as well."""
        return _compile(self._parts, _form_with_numbers)

    @cached_property
    def _pattern_of_codes(self) -> re.Pattern[str]:
        """For a text in which all letters and digits may be written by their codes."""
        parts = [part for part in self._parts if any(map(_is_plain, part))]
        return re.compile(
            "|".join(_compile_form(part, partial(_form_in_code, code)) for part in parts for code in _CODES)
        )

    @cached_property
    def _codes(self) -> re.Pattern[str]:
        """What stands where all letters and digits of a part are written by their codes."""
        needles = "|".join(sorted({needle for part in self._parts for needle in _code_needles_of(part)}))
        return re.compile(rf"[%=\\](?:(?<=%)(?:25)*+|(?<==)|(?<=\\)u00)(?:{needles or '(?!)'})")

    @cached_property
    def _numbers(self) -> re.Pattern[str]:
        """Any letter or digit of the secrets as a number of HTML."""
        plain = {ord(character) for part in self._parts for character in part if _is_plain(character)} or {0}
        decimal, hexadecimal = ("|".join(format(number, form) for number in plain) for form in "dx")
        return re.compile(f"#(?:0*(?:{decimal})|x0*(?:{hexadecimal}))", re.IGNORECASE)

    def _may_hold(self, text: str) -> bool:
        if self._may_hold_joined(text):
            return True
        return _may_break(text) and self._may_hold_joined(_LINE_BREAK.sub("", text))

    def _may_hold_joined(self, text: str) -> bool:
        """Without looking across lines."""
        return self._has_literal(text) or self._has_code(text) or bool("&#" in text and self._numbers.search(text))

    def _has_code(self, text: str) -> bool:
        return any(start in text for start in _CODE_STARTS) and bool(self._codes.search(text))

    def _has_literal(self, text: str) -> bool:
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

    def _scrub_mapping(self, value: Mapping[Any, Any], kept: Collection[str] = ()) -> Mapping[Any, Any]:
        scrubbed = {key if key in kept else self._scrub(key): self._scrub(item) for key, item in value.items()}
        unchanged = len(scrubbed) == len(value) and all(
            new_key is key and new is item
            for (new_key, new), (key, item) in zip(scrubbed.items(), value.items(), strict=True)
        )
        return value if unchanged else scrubbed


def _may_break(text: str) -> bool:
    return any(feed in text for feed in _FEEDS)


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


def _misread(part: str) -> set[str]:
    """The part's UTF-8 read as Latin-1, and as Windows-1252, in which five bytes stand for what Latin-1 has there."""
    content = part.encode("utf-8", "surrogatepass")
    forms = {content.decode("latin-1"), "".join(_read_windows_1252(byte) for byte in content)}
    return set() if part.isascii() else forms


@cache
def _read_windows_1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def _literals_of(secret: str) -> Iterator[str]:
    """Texts of letters and digits, one of which stands in every encoding of the secret: nothing encodes those."""
    for form in (secret, *_base64_fragments(secret)):
        yield max(_PLAIN_RUN.findall(form), key=len, default="")


def _code_needles_of(part: str) -> Iterator[str]:
    """The code of one of its letters and digits, and how that of the next one begins if it follows at once."""
    pair = _PLAIN_PAIR.search(part)
    if pair:
        yield _hexadecimal(pair[0][0]) + r"[%=\\]"
    elif plain := next(filter(_is_plain, part), None):
        yield _hexadecimal(plain)


def _compile(parts: Iterable[str], form_of: Callable[[str], str]) -> re.Pattern[str]:
    """One branch for all encodings of a part but base64. Each is told by its first characters."""
    branches: list[str] = []
    for part in parts:
        branches.append(_compile_form(part, form_of))
        for fragment in _base64_fragments(part):
            first, *others = [_BASE64_VARIANTS.get(character, character) for character in fragment]
            branches.append("".join([_at_its_beginning(first), *others]))
    return re.compile("|".join(branches))


def _compile_form(part: str, form_of: Callable[[str], str]) -> str:
    """What begins with any number of backslashes begins where they do, and takes them all: else a run of them would be
    gone through from each of its places. So behind a secret's own backslashes there may be none left for an escape.
    """
    runs = re.findall(r"\\+|[^\\]", part)
    forms = [form_of(run) for run in runs]
    for i, (before, run) in enumerate(itertools.pairwise(runs), start=1):
        if before[0] == "\\":
            own = rf"\\++{run}"  # a short escape of `"` and `/`: without backslashes it is the character, a second way
            forms[i] = forms[i].replace(r"\\++", r"\\*+").replace(own.replace("++", "*+"), own)
    return "".join([_at_its_beginning(forms[0]), *forms[1:]])


def _at_its_beginning(form: str) -> str:
    return re.sub(r"\\\\(?=[+*{])", lambda _: r"(?<!\\)\\", form)


def _form_of(run: str) -> str:
    """A regular expression for a character, or for a run of backslashes, in every encoding.

    JSON doubles backslashes at each depth, so a run of n becomes one of n or more.
    """
    if _is_plain(run):
        return run
    if run == "&":
        return f"(?:{_html_form(run)}|{'|'.join(form for form in _encodings_of(run) if form[0] != '&')})"
    encoded = "|".join(_encodings_of(run[0]))
    if run[0] == "\\":
        return rf"(?:\\{{{len(run)},}}+|(?:{encoded}){{{len(run)}}})"
    return f"(?:{re.escape(run)}|{encoded})"


def _form_with_numbers(run: str) -> str:
    return f"(?:{run}|{_html_form(run)})" if _is_plain(run) else _form_of(run)


def _form_in_code(code: str, run: str) -> str:
    """A letter or digit by its code alone, else there were two ways to read a code whose digits the secret has."""
    return _CODES[code] + _hexadecimal(run) if _is_plain(run) else _form_of(run)


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


@cache
def _encodings_of(character: str) -> tuple[str, ...]:
    content = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass").hex()
    octets = [_either_case(f"{byte:02x}") for byte in content]
    forms = [
        "".join(_PERCENT + octet for octet in octets) if character != "%" else "%(?:25)+",
        "".join(r"\\++u" + _either_case(units[i : i + 4]) for i in range(0, len(units), 4)),
        _html_form(character),
        "".join(f"={octet}" for octet in octets),
    ]
    if character in _JSON_SHORT_ESCAPES:
        forms.append(r"\\++" + _JSON_SHORT_ESCAPES[character])
    if character == " ":
        forms += ["[+_]", f"{_PERCENT}2[Bb]"]  # a query's, encoded again too, and that of RFC 2047
    return tuple(forms)


def _html_form(character: str) -> str:
    """`&` itself is one of its forms, and `&amp;` is read in one way: as `&` encoded again."""
    number, names = ord(character), _html_names().get(character, [])
    forms = [
        f"#0*{number};?+",
        f"#[Xx]0*{_either_case(f'{number:x}')};?+",
        *(name for name in names if name != "amp;?+"),
    ]
    return f"{_AMPERSAND}(?:{'|'.join(forms)})" + ("?" if character == "&" else "")


@cache
def _html_names() -> Mapping[str, list[str]]:
    """Regular expressions by what they stand for. Some names are read without a semicolon too."""
    names: dict[str, list[str]] = {}
    for name, characters in html5.items():
        if name.endswith(";"):
            names.setdefault(characters, []).append(f"{name}?+" if name[:-1] in html5 else name)
    return names


def _hexadecimal(character: str) -> str:
    return _either_case(f"{ord(character):02x}")


def _either_case(hexadecimal: str) -> str:
    return "".join(f"[{digit.upper()}{digit}]" if digit.isalpha() else digit for digit in hexadecimal)


def _base64_fragments(secret: str) -> Iterator[str]:
    """For each alignment the characters that the secret alone determines: 6 bits each, from bit 8 * `before` on."""
    content = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(content)) // 6]
