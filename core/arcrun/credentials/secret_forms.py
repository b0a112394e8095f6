"""The encoded forms of a secret, as regular expressions. arcrun/credentials/redaction.py lists the encodings.

A form has a literal, which occurs in every string that it matches, and openings; each match begins with one of them. So
most strings are only searched for literals and openings, and few forms are ever compiled. No form can match the same
characters in two ways: a regular expression without a match would try all of them, which is exponential in the length
of the secret.
"""

import base64
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache, partial
from html.entities import html5
from typing import Any, NamedTuple

from arcrun.json_text import parse_json

MIN_SECRET_LENGTH = 6  # characters
MAX_OPENING = 6  # characters
KEPT_CHARACTERS = 1_000  # characters whose forms are cached
MAX_PIECE = 2_000  # approximate characters of a regular expression: compiling takes some 2 us each

_PLAIN_RUN = re.compile(r"[A-Za-z0-9]+")
_RUNS = re.compile(r"\\+|[^\\]", re.DOTALL)
_AMBIGUOUS = "%&=\\"  # characters that begin encodings: the string may be an encoding or the character itself
_OF_ENCODINGS = "2u3aA"  # characters that follow them in their own encodings: %25 \\u &amp; =3D
_PLAIN_PAIR = re.compile(r"[A-Za-z0-9]{2}")
_JSON_SHORT_ESCAPES = {'"': '"', "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_PERCENT = "%(?:25)*"  # encoded repeatedly, `%` is `%25`
_AMPERSAND = "&(?:amp;?+)*"  # likewise
_CODES = {"%": "%(?:25)*+", "u": r"\\++u00", "=": "="}  # before a letter's or digit's two hexadecimal digits
CODE_STARTS = ("%", "\\", "=")
_BASE64_BEGINNINGS = {"+": "+-%", "/": "/\\_%"}
_BASE64_VARIANTS = {"+": rf"(?:\+|-|{_PERCENT}2[Bb])", "/": rf"(?:\\*/|_|{_PERCENT}2[Ff])"}
# A line break, with the characters that fold a line before it and the next line's indentation. The first character
# selects the branches that may match.
_FEED, _RETURN = r"(?:\\+n|\n|%(?:25)*0[Aa])", r"(?:\\+r|\r|%(?:25)*0[Dd])"
LINE_BREAK = re.compile(
    r"[=\\\r\n%](?:(?<=\n)|(?<=\r)" + _FEED + r"|(?<=\\)(?<!\\\\)\\*(?:n|r" + _FEED + r")"
    r"|(?<=%)(?:25)*0(?:[Aa]|[Dd]" + _FEED + r")|(?<==)" + _RETURN + "?" + _FEED + r")(?:[ \t]|\\+t)*"
)


def parts_of(secret: str) -> Iterator[str]:
    """The secret, its lines if there are several, and the strings in it if it is JSON."""
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


def misread(part: str) -> set[str]:
    """The part's UTF-8 misread as Latin-1 and as Windows-1252, whose five undefined bytes are read as in Latin-1."""
    content = part.encode("utf-8", "surrogatepass")
    forms = {content.decode("latin-1"), "".join(_read_windows_1252(byte) for byte in content)}
    return set() if part.isascii() else forms


@cache
def _read_windows_1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def literals_of(part: str) -> Iterator[str]:
    """The literals of the part's forms, in the order of write_forms."""
    return map(_longest_run, (part, *_base64_fragments(part)))


def _longest_run(form: str) -> str:
    """The longest run of letters and digits, which no encoding changes: it occurs in every match of the form."""
    return max(_PLAIN_RUN.findall(form), key=len, default="")


def code_needles_of(part: str) -> Iterator[str]:
    """The code of one of its letters or digits, with the beginning of the next one's code if that follows directly."""
    pair = _PLAIN_PAIR.search(part)
    if pair:
        yield _hexadecimal(pair[0][0]) + r"[%=\\]"
    elif plain := next(filter(is_plain, part), None):
        yield _hexadecimal(plain)


class Form(NamedTuple):
    """One part of a secret in all encodings except base64, or a fragment of its base64.

    The regular expression is `head` and `rest`, followed by `later` if it is long: each of these can be matched where
    the previous one ends. Forms with the same non-empty head are tried together. `literal` is "" if there is none.
    `length` is that of the part.
    """

    head: str
    rest: str
    later: tuple[str, ...]
    literal: str
    openings: frozenset[str]
    length: int


def write_forms(parts: Iterable[str]) -> Iterator[Form]:
    for part in parts:
        yield _write_form(part, _form_of, _beginnings_of)
        for fragment in _base64_fragments(part):
            first, *others = [_BASE64_VARIANTS.get(character, character) for character in fragment]
            rest, *later = _cut(list(fragment), [_at_its_beginning(first), *others])
            yield Form(
                "",
                rest,
                tuple(later),
                _longest_run(fragment),
                frozenset(_openings(fragment, lambda character: _BASE64_BEGINNINGS.get(character, character))),
                len(fragment),
            )


def write_forms_with_numbers(parts: Iterable[str]) -> Iterator[Form]:
    """Forms for a string in which letters and digits may also be numeric HTML references."""
    for part in parts:
        yield _write_form(part, _form_with_numbers, lambda run: f"{run}&" if is_plain(run) else _beginnings_of(run))
        yield from itertools.islice(write_forms([part]), 1, None)  # base64 contains no numeric references


def write_forms_in_codes(parts: Iterable[str]) -> Iterator[Form]:
    """Forms for a string in which all letters and digits may be written as codes."""
    for part in parts:
        if not any(map(is_plain, part)):
            continue
        for code in _CODES:
            start = CODE_STARTS[list(_CODES).index(code)]
            yield _write_form(
                part,
                partial(_form_in_code, code),
                lambda run, start=start: start if is_plain(run) else _beginnings_of(run),  # type: ignore[misc]
            )._replace(literal="")


def _write_form(part: str, form_of: Callable[[str], str], beginnings_of: Callable[[str], str]) -> Form:
    runs = _RUNS.findall(part)
    written = _write_runs(runs, form_of)
    head = "" if written[0] == part[0] or runs[0][0] in _AMBIGUOUS else written[0]
    rest, *later = _cut(runs, written)
    openings = frozenset(_openings(runs, beginnings_of))
    return Form(head, rest.removeprefix(head), tuple(later), _longest_run(part), openings, len(part))


def _cut(runs: list[str], written: list[str]) -> Iterator[str]:
    """The regular expression in pieces of limited length. It is cut only after unambiguous characters."""
    piece, is_certain = "", True
    for run, form, following in zip(runs, written, [*runs[1:], ""], strict=True):
        piece += form
        is_certain &= run[0] not in _AMBIGUOUS or (is_plain(following) and following not in _OF_ENCODINGS)
        if is_certain and run[0] not in _AMBIGUOUS and following and len(piece) > MAX_PIECE:
            yield piece
            piece = ""
    yield piece


def _openings(runs: Iterable[str], beginnings_of: Callable[[str], str]) -> Iterator[str]:
    """Strings, one of which begins every match of the forms of these characters."""
    opening = ""
    for run in itertools.islice(runs, MAX_OPENING - 1):
        beginnings = beginnings_of(run)
        if run not in beginnings or run in _AMBIGUOUS:
            yield from (opening + beginning for beginning in beginnings)
            return
        yield from (opening + beginning for beginning in beginnings if beginning != run)
        opening += run
    yield opening


def _beginnings_of(run: str) -> str:
    """The characters, one of which begins every match of _form_of."""
    return run if is_plain(run) else f"{run[0]}%\\&={'+_' if run == ' ' else ''}"


def _write_runs(runs: list[str], form_of: Callable[[str], str]) -> list[str]:
    """The forms of all runs. A form that begins with backslashes must begin at the first one and match all of them;
    otherwise a run of backslashes would be scanned from each of its positions. So after a secret's own backslashes
    there may be none left for an escape.
    """
    forms = [form_of(run) for run in runs]
    for i, (before, run) in enumerate(itertools.pairwise(runs), start=1):
        if before[0] == "\\":
            own = rf"\\++{run}"  # a short escape of `"` and `/`: without backslashes it is the character, a second way
            forms[i] = forms[i].replace(r"\\++", r"\\*+").replace(own.replace("++", "*+"), own)
    return [_at_its_beginning(forms[0]), *forms[1:]]


def _at_its_beginning(form: str) -> str:
    return re.sub(r"\\\\(?=[+*{])", lambda _: r"(?<!\\)\\", form)


@lru_cache(KEPT_CHARACTERS)
def _form_of(run: str) -> str:
    """A regular expression for a character, or for a run of backslashes, in every encoding.

    JSON doubles backslashes at each depth, so a run of n becomes one of n or more.
    """
    if is_plain(run):
        return run
    if run == "&":
        return f"(?:{_html_form(run)}|{'|'.join(form for form in _encodings_of(run) if form[0] != '&')})"
    encoded = "|".join(_encodings_of(run[0]))
    if run[0] == "\\":
        return rf"(?:\\{{{len(run)},}}+|(?:{encoded}){{{len(run)}}})"
    return f"(?:{re.escape(run)}|{encoded})"


@lru_cache(KEPT_CHARACTERS)
def _form_with_numbers(run: str) -> str:
    return f"(?:{run}|{_html_form(run)})" if is_plain(run) else _form_of(run)


@lru_cache(KEPT_CHARACTERS)
def _form_in_code(code: str, run: str) -> str:
    """The code of a letter or digit alone; otherwise a code whose digits are in the secret could match in two ways."""
    return _CODES[code] + _hexadecimal(run) if is_plain(run) else _form_of(run)


def is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


@lru_cache(KEPT_CHARACTERS)
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
        forms += ["[+_]", f"{_PERCENT}2[Bb]"]  # in a query, also encoded again, and in RFC 2047
    return tuple(forms)


def _html_form(character: str) -> str:
    """`&` itself is one of its forms. `&amp;` is matched in only one way: as `&` encoded again."""
    number, names = ord(character), _html_names().get(character, [])
    forms = [
        f"#0*{number};?+",
        f"#[Xx]0*{_either_case(f'{number:x}')};?+",
        *(name for name in names if name != "amp;?+"),
    ]
    return f"{_AMPERSAND}(?:{'|'.join(forms)})" + ("?" if character == "&" else "")


@cache
def _html_names() -> Mapping[str, list[str]]:
    """Regular expressions of entity names by character. Some names are valid without a semicolon."""
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
    """For each alignment, the characters that the secret alone determines: 6 bits each, starting at bit 8 *
    `before`.
    """
    content = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(content)) // 6]
