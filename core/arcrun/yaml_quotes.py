"""Finds the end of a YAML string with missing or wrong quotes, and writes it with correct quotes.

Only one line is considered: if a string continues in the next, its intended end is unknown. `text` ends with NUL, like
PyYAML's buffer.
"""

import re
from typing import NamedTuple

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\0\r\n]*)?")
_END_OF_LINE = "\0\r\n"
_BLANK = "\0 \t\r\n"
_KEY = re.compile(r"""(?:[\w.$-]+|"[^"]*"|'[^']*')[ \t]*:[ \t]*$""")
_NEXT_CONTENT = re.compile(r"(?:[ \t]*(?:#[^\0\r\n]*)?[\r\n])*(?P<indent>[ \t]*)")
_PIECE_OF_TEMPLATE = re.compile(r'"(?:[^"\\\r\n\0]|\\.)*"|[\[\](){}]|[^"\[\](){}\r\n\0]+')
_MAX_LENGTH = 1_000  # maximum characters to examine: a sample is short
_CLOSING = {"[": "]", "(": ")", "{": "}"}


class Quoted(NamedTuple):
    """`text` replaces the source from `start` to `end`; `sample` is the same after its key, or with a key's colon."""

    start: int
    end: int
    text: str
    sample: str


def quote_plain(text: str, start: int, *, in_flow: bool, indent: int) -> Quoted | None:
    """The unquoted string or key that begins at `start`; None if its end is unclear.

    `indent` is the column of the enclosing block collection.
    """
    before = text[find_line_start(text, start) : start]
    found = _find_end(text, start, in_flow=in_flow, is_value=before.rstrip(" \t").endswith(":"))
    if found is None:
        return None
    end, is_key = found
    if not is_key and _goes_on(text, end, in_flow=in_flow, indent=indent):
        return None
    quoted = _quote(text[start:end])
    return Quoted(start, end, quoted, f"{quoted}:" if is_key else _name_key(before) + quoted)


def quote_again(text: str, start: int, *, in_flow: bool) -> Quoted | None:
    """The quoted string that begins at `start` and contains its own quotes; None if its end is unclear."""
    quote, end = text[start], _find_closing_quote(text, start, in_flow=in_flow)
    if end is None:
        return None
    inner = text[start + 1 : end - 1]
    quoted = _quote(inner.replace("''", "'") if quote == "'" else inner)
    return Quoted(start, end, quoted, _name_key(text[find_line_start(text, start) : start]) + quoted)


def find_template_end(text: str, start: int) -> int | None:
    """The index after the braces that close those at `start`; None if they are not closed on this line."""
    at, closing = start + 2, list[str]()
    while match := _PIECE_OF_TEMPLATE.match(text, at):
        if not closing and text.startswith("}}", at):
            return at + 2
        sign, at = match.group(), match.end()
        if sign in _CLOSING:
            closing.append(_CLOSING[sign])
        elif sign in ("]", ")", "}") and (not closing or closing.pop() != sign):
            return None
    return None


def _find_end(text: str, start: int, *, in_flow: bool, is_value: bool) -> tuple[int, bool] | None:
    """The end, and whether it is before the colon of a key."""
    at, behind_colon = start, _BLANK + (",[]{}" if in_flow else "")
    while text[at] not in _END_OF_LINE:
        if at - start > _MAX_LENGTH:
            return None
        if text.startswith("{{", at):
            end = find_template_end(text, at)
            if end is None:
                return None
            at = end
            continue
        char, is_first = text[at], at == start
        if char == ":" and text[at + 1] in behind_colon and not (is_value and not in_flow):
            return None if is_value else (_strip_end(text, start, at), True)
        if char == "#" and not is_first and text[at - 1] in " \t":
            break
        if in_flow and not is_first and char in "[{":
            return None
        if in_flow and not is_first and char in ",]}":
            break
        at += 1
    return _strip_end(text, start, at), False


def _find_closing_quote(text: str, start: int, *, in_flow: bool) -> int | None:
    """The index after the matching quote that is followed by the end of a value or a key; None if there is none."""
    quote, at = text[start], start + 1
    while text[at] not in _END_OF_LINE and not (quote == '"' and text[at] == "\\"):
        if at - start > _MAX_LENGTH:
            return None
        if text.startswith("{{", at):
            end = find_template_end(text, at)
            if end is None:
                return None
            at = end
            continue
        at += 1
        if text[at - 1] == quote and ends_scalar(text, at, in_flow=in_flow):
            return at
    return None


def ends_scalar(text: str, at: int, *, in_flow: bool) -> bool:
    """Whether a closing quote may be followed by what is at `at`."""
    following = at
    while text[following] in " \t":
        following += 1
    char = text[following]
    if char == "#":
        return following > at
    return char in _END_OF_LINE or char == ":" or (in_flow and char in ",]}")


def _goes_on(text: str, end: int, *, in_flow: bool, indent: int) -> bool:
    """Whether the next line could belong to it."""
    rest = _REST_OF_LINE.match(text, end)
    at = rest.end() if rest else end
    if text[at] not in "\r\n":
        return False
    match = _NEXT_CONTENT.match(text, at)
    column, char = (len(match["indent"]), text[match.end()]) if match else (0, "\0")
    if char == "\0":
        return False
    return char not in ",]}" if in_flow else column > indent


def _quote(text: str) -> str:
    return f'"{text}"' if '"' not in text and "\\" not in text else "'" + text.replace("'", "''") + "'"


def _name_key(before: str) -> str:
    match = _KEY.search(before[-_MAX_LENGTH:])
    return match.group() if match else ""


def find_line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _strip_end(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip(" \t"))
