"""Scrubs secrets from everything that leaves a run: records, log lines, errors, answers.

A secret is found verbatim, and with each character that is not a letter or digit in any of these forms: URL-encoded,
once or repeatedly (either hex case, `+` for a space), JSON-escaped (short escapes or \\uXXXX, also JSON within JSON),
an HTML escape (named, decimal, hexadecimal; also HTML within HTML; also letters and digits as numbers; without the
semicolon where HTML allows it), quoted-printable (`_` for a space). Letters and digits are found URL-encoded, as
\\uXXXX and quoted-printable if all of the secret's are written so. It is found in base64 (both alphabets, also
URL-encoded, with or without padding, and at each of the three byte alignments inside a longer string; up to 4 bits of
base64 remain on each side, those that share a character with their neighbour). The same applies to its UTF-8 misread as
Latin-1 or Windows-1252, and across line breaks: base64 in lines, quoted-printable's soft line breaks, any folded line,
with a literal or JSON-escaped break.

A secret of several lines is also scrubbed line by line, a JSON secret also value by value, because components split
such secrets. Secrets shorter than MIN_SECRET_LENGTH are not scrubbed: they would be found everywhere.

It takes time proportional to the input, in steps: arcrun/credentials/search.py. The strings of a value are searched
together, joined by a character that no form contains. benchmarks/run.py has the figures.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from arcrun.credentials.search import FormSet, Lines, Scanner, find_literals, join_lines, may_break, replace_spans
from arcrun.credentials.secret_forms import (
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
from arcrun.interruptible import Steps, run_steps

MARK = "[REDACTED]"

ENVELOPE_KEYS = frozenset({"success", "data", "error"})  # arcrun/wasm/abi.py
ERROR_KEYS = frozenset({"code", "message", "retriable", "retry_after_s", "next_actions", "details"})

JOINED_CHARACTERS = 128 * 1024  # maximum of strings that are searched together; a longer one is searched alone
VALUES_A_STEP, VALUES_A_UNIT = 100, 5
CHARACTERS_A_UNIT, LITERALS_UNITS = 20, 10  # for reading a secret, and for the literals of its forms
SMALL_BYTES = 32 * 1024  # of a value as JSON: some 20 such values are searched per millisecond
_NOTHING = frozenset[str]()

_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_CONTROLS = (chr(code) for code in range(0x20) if chr(code) not in "\t\n\r")
_SEPARATORS = (*_CONTROLS, *map(chr, range(0xE000, 0xF900)))  # private-use characters take twice the memory


class Redactor:
    """Knows the secrets of one run. Without secrets it returns every value unchanged.

    JSON values are returned without the secrets, also in keys of mappings; a value without secrets is returned itself.
    Small values, which are most, are first searched as one JSON string; larger ones are always processed in steps.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._parts: list[str] = []
        self._literals: list[str] = []  # the literals of the forms of write_forms
        self._known_literals: tuple[str, ...] = ()
        self._scrubs_numbers = False
        self._form_sets: dict[Callable[[Iterable[str]], Iterator[Form]], FormSet] = {}
        run_steps(self._read(secrets))

    @classmethod
    def build(cls, secrets: Iterable[str]) -> "Steps[Redactor]":
        """Build a Redactor in steps, because there may be many or long secrets."""
        redactor = cls()
        yield from redactor._read(secrets)
        return redactor

    def _read(self, secrets: Iterable[str]) -> Steps[None]:
        parts = set[str]()
        for secret in secrets:
            for part in parts_of(secret):
                parts |= {part, *misread(part)}
                yield 1 + len(part) // CHARACTERS_A_UNIT
        # Of two with the same beginning the longer comes first.
        self._parts = sorted(parts, key=lambda part: (-len(part), part))
        for part in self._parts:
            self._literals += literals_of(part)
            self._scrubs_numbers |= _NUMERIC.fullmatch(part) is not None
            yield LITERALS_UNITS + len(part) // CHARACTERS_A_UNIT
        self._known_literals = tuple(dict.fromkeys(self._literals))

    @property
    def longest(self) -> int:
        """The length of the longest secret if all of its characters are URL-encoded."""
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
        """Scrub a component's output (arcrun/wasm/abi.py). Its own keys stay, even if a secret equals one of them."""
        changed = yield from self._find_changed(envelope, is_small=is_small)
        if not changed:
            return envelope
        scrubbed = {**(yield from _replace_in_mapping(envelope, changed, kept=ENVELOPE_KEYS))}
        if isinstance(error := envelope.get("error"), Mapping):
            scrubbed["error"] = yield from _replace_in_mapping(error, changed, kept=ERROR_KEYS)
        return scrubbed

    def _find_changed(self, value: Any, *, is_small: bool) -> Steps[dict[str, str]]:
        """The strings in the value that contain a secret, with their replacements."""
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
        """Whether the string needs a full search. A few literals rule most strings out."""
        if self._may_hold_joined(text):
            return True
        return may_break(text) and self._may_hold_joined(LINE_BREAK.sub("", text))

    def _may_hold_joined(self, text: str) -> bool:
        """The same, without looking across line breaks."""
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
        """A character that neither a form nor the string contains."""
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
        """The letters and digits of the secrets that occur as numeric HTML references."""
        found, at = set[str](), 0
        while (hit := (yield from self._numbers.search(text, at))) is not None:
            digits = text[hit.start + 1 : hit.end]
            found.add(chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits)))
            at = hit.end
        return frozenset(found)

    def _forms(self, write: Callable[[Iterable[str]], Iterator[Form]]) -> Steps[FormSet]:
        """The forms that `write` yields, built once, when one of them may occur in a string."""
        if write not in self._form_sets:
            self._form_sets[write] = yield from FormSet.build(write(self._parts))
        return self._form_sets[write]

    @cached_property
    def _codes(self) -> Scanner:
        """Finds a beginning of a part whose letters and digits are all written as codes."""
        needles = "|".join(sorted({needle for part in self._parts for needle in code_needles_of(part)}))
        pattern = rf"[%=\\](?:(?<=%)(?:25)*+|(?<==)|(?<=\\)u00)(?:{needles or '(?!)'})"
        return Scanner(CODE_STARTS, [pattern])

    @cached_property
    def _numbers(self) -> Scanner:
        """Finds any letter or digit of the secrets as a numeric HTML reference."""
        plain = {ord(character) for part in self._parts for character in part if is_plain(character)} or {0}
        decimal, hexadecimal = ("|".join(format(number, form) for number in plain) for form in "dx")
        return Scanner("#", [f"(?i:#(?:0*(?:{decimal})|x0*(?:{hexadecimal})))"])


def is_small(weight: int | None) -> bool:
    """Whether a value with this weight (arcrun/json_size.py) is small; False if the weight is unknown (None)."""
    return weight is not None and weight <= SMALL_BYTES


def _gather(value: Any, *, with_numbers: bool) -> Steps[tuple[set[str], set[str]]]:
    """All strings in a JSON value, keys included, and its numbers as strings: those without `&#`, and those with it."""
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
    """Batches of strings that are searched together."""
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
    """The replacement of a string or number. A number that contains a secret becomes MARK."""
    if isinstance(value, str):
        return changed.get(value, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return MARK if repr(value) in changed else value
    return value
