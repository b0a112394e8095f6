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

All of it takes time in proportion to the text, in steps: arcrun/credentials/search.py. The texts of a value are looked
through together, joined by a character that no form has. benchmarks/run.py has the figures.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from arcrun.credentials.forms import (
    CODE_STARTS,
    LINE_BREAK,
    Form,
    code_needles_of,
    is_plain,
    literals_of,
    misread,
    parts_of,
    write_forms,
    write_forms_in_codes,
    write_forms_with_numbers,
)
from arcrun.credentials.search import FormSet, Lines, Scanner, find_literals, join_lines, may_break, replace_spans
from arcrun.steps import Steps, run_steps

MARK = "[REDACTED]"

ENVELOPE_KEYS = frozenset({"success", "data", "error"})  # arcrun/wasm/abi.py
ERROR_KEYS = frozenset({"code", "message", "retriable", "retry_after_s", "next_actions", "details"})

JOINED_CHARACTERS = 128 * 1024  # of texts that are looked through together, at most: a longer one is by itself
VALUES_A_STEP, VALUES_A_UNIT = 100, 5
CHARACTERS_A_UNIT, LITERALS_UNITS = 20, 10  # of a secret that is read, and of the literals of its forms
SMALL_BYTES = 32 * 1024  # of a value as JSON, of which some 20 are looked through in a millisecond
_NOTHING = frozenset[str]()

_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_CONTROLS = (chr(code) for code in range(0x20) if chr(code) not in "\t\n\r")
_SEPARATORS = (*_CONTROLS, *map(chr, range(0xE000, 0xF900)))  # those of private use take twice the memory


class Redactor:
    """Knows the secrets of one run. Without any it hands every value back as it is.

    JSON values come back without the secrets, keys of mappings included, and themselves where they hold none. What is
    small, which most is, is first looked through as one JSON text; what is not small is never worked on in one go.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._parts: list[str] = []
        self._literals: list[str] = []  # of the forms of write_forms
        self._known_literals: tuple[str, ...] = ()
        self._scrubs_numbers = False
        self._form_sets: dict[Callable[[Iterable[str]], Iterator[Form]], FormSet] = {}
        run_steps(self._read(secrets))

    @classmethod
    def build(cls, secrets: Iterable[str]) -> "Steps[Redactor]":
        """For whoever lets others have their turn: there may be many, or long ones."""
        redactor = cls()
        yield from redactor._read(secrets)
        return redactor

    def _read(self, secrets: Iterable[str]) -> Steps[None]:
        parts = set[str]()
        for secret in secrets:
            for part in parts_of(secret):
                parts |= {part, *misread(part)}
                yield 1 + len(part) // CHARACTERS_A_UNIT
        self._parts = sorted(parts, key=lambda part: (-len(part), part))  # of two that begin alike, the longer one
        for part in self._parts:
            self._literals += literals_of(part)
            self._scrubs_numbers |= _NUMERIC.fullmatch(part) is not None
            yield LITERALS_UNITS + len(part) // CHARACTERS_A_UNIT
        self._known_literals = tuple(dict.fromkeys(self._literals))

    @property
    def longest(self) -> int:
        """The characters that the longest secret takes where each of its own is URL-encoded."""
        return 3 * len(self._parts[0]) if self._parts else 0

    def scrub_text(self, text: str) -> str:
        return run_steps(self.scrub_text_in_steps(text))

    def scrub(self, value: Any) -> Any:
        return run_steps(self.scrub_in_steps(value))

    def scrub_text_in_steps(self, text: str) -> Steps[str]:
        if not self._parts or (len(text) <= SMALL_BYTES and not self._may_hold(text)):
            return text
        return (yield from self._scrub_text(text, has_numbers="&#" in text))

    def scrub_in_steps(self, value: Any, *, is_small: bool = True) -> Steps[Any]:
        changed = yield from self._find_changed(value, is_small=is_small)
        return (yield from _replace(value, changed)) if changed else value

    def scrub_envelope_in_steps(
        self, envelope: Mapping[str, Any], *, is_small: bool = True
    ) -> Steps[Mapping[str, Any]]:
        """A component's output (arcrun/wasm/abi.py). Its own keys stay, even if a secret has their text."""
        changed = yield from self._find_changed(envelope, is_small=is_small)
        if not changed:
            return envelope
        scrubbed = {**(yield from _replace_in_mapping(envelope, changed, kept=ENVELOPE_KEYS))}
        if isinstance(error := envelope.get("error"), Mapping):
            scrubbed["error"] = yield from _replace_in_mapping(error, changed, kept=ERROR_KEYS)
        return scrubbed

    def _find_changed(self, value: Any, *, is_small: bool) -> Steps[dict[str, str]]:
        """What becomes of the texts in the value that hold a secret."""
        changed: dict[str, str] = {}
        if not self._parts or (is_small and not self._may_hold(json.dumps(value))):
            return changed
        plain, numbered = yield from _gather(value, with_numbers=self._scrubs_numbers)
        for has_numbers, texts in ((False, plain), (True, numbered)):
            for batch in _divide(texts):
                changed |= yield from self._scrub_batch(batch, has_numbers=has_numbers)
                yield len(batch) // VALUES_A_UNIT
        return changed

    def _may_hold(self, text: str) -> bool:
        """Whether more of it need be looked at than a few literals: of most texts not."""
        if self._may_hold_joined(text):
            return True
        return may_break(text) and self._may_hold_joined(LINE_BREAK.sub("", text))

    def _may_hold_joined(self, text: str) -> bool:
        """Without looking across lines."""
        if any(literal in text for literal in self._known_literals):
            return True
        if any(start in text for start in CODE_STARTS) and self._codes.pattern.search(text):
            return True
        return "&#" in text and bool(self._numbers.pattern.search(text))

    def _scrub_batch(self, texts: list[str], *, has_numbers: bool) -> Steps[dict[str, str]]:
        separator = self._choose_separator("".join(texts)) if len(texts) > 1 else ""
        if separator is None:
            changed: dict[str, str] = {}
            for text in texts:
                changed |= yield from self._scrub_batch([text], has_numbers=has_numbers)
            return changed
        joined = separator.join(texts)
        scrubbed = yield from self._scrub_text(joined, has_numbers=has_numbers)
        if scrubbed == joined:
            return {}
        pieces = scrubbed.split(separator) if separator else [scrubbed]
        return {text: piece for text, piece in zip(texts, pieces, strict=True) if text != piece}

    def _choose_separator(self, text: str) -> str | None:
        """What no form and no text has."""
        return next((sign for sign in _SEPARATORS if sign not in text and self._is_neutral(sign)), None)

    def _is_neutral(self, sign: str) -> bool:
        return not any(sign in part for part in self._parts)

    def _scrub_text(self, text: str, *, has_numbers: bool) -> Steps[str]:
        lines = yield from join_lines(text)
        numbered = (yield from self._find_numbered(text)) if has_numbers else _NOTHING
        if lines and has_numbers:
            numbered |= yield from self._find_numbered(lines.text)
        before, literals = text, self._literals

        def may_be_numbered(i: int) -> bool:
            return not numbered.isdisjoint(literals[i])

        write = write_forms_with_numbers if numbered else write_forms
        active = yield from find_literals(text, literals, may_be_numbered)
        if active:
            text = yield from replace_spans(text, (yield from (yield from self._forms(write)).find(text, active)), MARK)
        if text != before:
            lines = yield from join_lines(text)
        if lines and (active := (yield from find_literals(lines.text, literals, may_be_numbered))):
            found = yield from (yield from self._forms(write)).find(lines.text, active)
            text = yield from replace_spans(text, lines.spread(found), MARK)
        return (yield from self._scrub_codes(text, lines if text == before else None))

    def _scrub_codes(self, text: str, lines: Lines | None) -> Steps[str]:
        if not any(start in text for start in CODE_STARTS):
            return text
        lines = lines or (yield from join_lines(text))
        for searched in (text, lines.text if lines else ""):
            if (yield from self._codes.search(searched, 0)) is not None:
                break
        else:
            return text
        forms = yield from self._forms(write_forms_in_codes)
        found = yield from forms.find(text, forms.everything)
        if found:
            text = yield from replace_spans(text, found, MARK)
            lines = yield from join_lines(text)
        if lines:
            found = yield from forms.find(lines.text, forms.everything)
            text = yield from replace_spans(text, lines.spread(found), MARK)
        return text

    def _find_numbered(self, text: str) -> Steps[frozenset[str]]:
        """The letters and digits of the secrets that are written as numbers of HTML."""
        found, at = set[str](), 0
        while (hit := (yield from self._numbers.search(text, at))) is not None:
            digits = text[hit.start + 1 : hit.end]
            found.add(chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits)))
            at = hit.end
        return frozenset(found)

    def _forms(self, write: Callable[[Iterable[str]], Iterator[Form]]) -> Steps[FormSet]:
        """Written once, when the first of them may be in a text."""
        if write not in self._form_sets:
            self._form_sets[write] = yield from FormSet.build(write(self._parts))
        return self._form_sets[write]

    @cached_property
    def _codes(self) -> Scanner:
        """What stands where all letters and digits of a part are written by their codes."""
        needles = "|".join(sorted({needle for part in self._parts for needle in code_needles_of(part)}))
        pattern = rf"[%=\\](?:(?<=%)(?:25)*+|(?<==)|(?<=\\)u00)(?:{needles or '(?!)'})"
        return Scanner(CODE_STARTS, [pattern])

    @cached_property
    def _numbers(self) -> Scanner:
        """Any letter or digit of the secrets as a number of HTML."""
        plain = {ord(character) for part in self._parts for character in part if is_plain(character)} or {0}
        decimal, hexadecimal = ("|".join(format(number, form) for number in plain) for form in "dx")
        return Scanner("#", [f"(?i:#(?:0*(?:{decimal})|x0*(?:{hexadecimal})))"])


def is_small(weight: int | None) -> bool:
    """Of a value with a weight (arcrun/size.py), None if it is not known."""
    return weight is not None and weight <= SMALL_BYTES


def _gather(value: Any, *, with_numbers: bool) -> Steps[tuple[set[str], set[str]]]:
    """All texts in a JSON value, keys too, and its numbers as they are written: without numbers of HTML, and with."""
    numbered, texts, pending, done = set[str](), set[str](), [value], 0
    while pending:
        item = pending.pop()
        done += 1
        if isinstance(item, str):
            (numbered if "&#" in item else texts).add(item)
        elif isinstance(item, Mapping):
            pending += item
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += item
        elif with_numbers and isinstance(item, int | float) and not isinstance(item, bool):
            texts.add(repr(item))
        if done % VALUES_A_STEP == 0:
            yield VALUES_A_STEP // VALUES_A_UNIT
    return texts, numbered


def _divide(texts: Iterable[str]) -> Iterator[list[str]]:
    """Those that are looked through together."""
    batch, characters = list[str](), 0
    for text in texts:
        if batch and characters + len(text) > JOINED_CHARACTERS:
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch


def _replace(value: Any, changed: Mapping[str, str]) -> Steps[Any]:
    if isinstance(value, Mapping):
        return (yield from _replace_in_mapping(value, changed))
    if not isinstance(value, list | tuple):
        return _replace_scalar(value, changed)
    yield 1 + len(value) // VALUES_A_UNIT
    scrubbed = []
    for item in value:
        is_scalar = not isinstance(item, Mapping | list | tuple)
        scrubbed.append(_replace_scalar(item, changed) if is_scalar else (yield from _replace(item, changed)))
    return value if all(new is old for new, old in zip(scrubbed, value, strict=True)) else scrubbed


def _replace_in_mapping(
    value: Mapping[Any, Any], changed: Mapping[str, str], kept: Collection[str] = ()
) -> Steps[Mapping[Any, Any]]:
    yield 1 + len(value) // VALUES_A_UNIT
    scrubbed = {}
    for key, item in value.items():
        new_key = key if key in kept else changed.get(key, key)
        scrubbed[new_key] = yield from _replace(item, changed)
    unchanged = len(scrubbed) == len(value) and all(
        new_key is key and new is item
        for (new_key, new), (key, item) in zip(scrubbed.items(), value.items(), strict=True)
    )
    return value if unchanged else scrubbed


def _replace_scalar(value: Any, changed: Mapping[str, str]) -> Any:
    """A number that holds a secret becomes the mark."""
    if isinstance(value, str):
        return changed.get(value, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return MARK if repr(value) in changed else value
    return value
