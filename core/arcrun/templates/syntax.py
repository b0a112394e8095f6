"""The grammar of the expression between `{{` and `}}`, parsed into a small tree.

    template  = "{{" head ["?"] { "|" name ["(" argument { "," argument } ")"] } "}}"
    head      = path | string
    path      = name { "." name | "[" integer "]" | "[" string "]" }
    argument  = JSON literal | path ["?"]
    string    = as in JSON; in a path also in single quotes, without escapes

A name consists of letters, digits, `_` and `-` of any script. Spaces and line feeds are allowed between any two tokens.
The expression is read from left to right, each character once, so that nothing in quotes can end anything.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from unicodedata import category

from arcrun.errors import TemplateError
from arcrun.json_text import parse_json
from arcrun.limits import MAX_PATH_STEPS
from arcrun.templates.hints import suggest_reference

OPEN, CLOSE = "{{", "}}"
ESCAPED_OPEN = '{{"{{"}}'
HOW_TO_WRITE_BRACES = 'For literal braces, write {{"{{"}}.'
_FORMS = 'Write {{node.data.field}}, {{list[0]}}, {{x?}}, {{x | default("y")}} or {{x | upper}}.'
_MAX_SHOWN = 200

# The most frequent form by far: names and dots.
_SIMPLE = re.compile(rf"\{{\{{\s*(?P<path>[\w-]+(?:\.[\w-]+){{0,{MAX_PATH_STEPS}}})(?P<optional>\?)?\s*\}}\}}")
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"(?:[\w-]|[^\x00-\x7f\s])+")
_PLAIN_NAME = re.compile(r"[\w-]+")
_FILTER_NAME = re.compile(r"[A-Za-z_]\w*")
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE_QUOTED = re.compile(r"'([^'\\]*)'")
_NUMBER = re.compile(r"-?[0-9][0-9.eE+-]*")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_CLOSING = {"[": "]", "{": "}"}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
# Marks, symbols such as emoji, and joiners: parts of names in scripts whose letters \w alone does not cover.
_NAME_CATEGORIES = ("M", "So", "Sk", "Cf")

# A step of a path: the field, and its index in a list; None if it is not an index.
Step = tuple[str, int | None]


class ParsedPath(NamedTuple):
    """A path. `text` is the path as written, without spaces; `steps[0]` is the name that it starts from."""

    text: str
    steps: tuple[str, ...]
    is_optional: bool = False


class Literal(NamedTuple):
    value: Any


class FilterCall(NamedTuple):
    name: str
    arguments: tuple["Literal | ParsedPath", ...]


class ParsedReference(NamedTuple):
    """The contents of a template. `source` is all of it as written, without the braces."""

    source: str
    head: Literal | ParsedPath
    calls: tuple[FilterCall, ...] = ()


def parse_template(text: str, start: int) -> tuple[ParsedReference, int]:
    """Parse the template whose `{{` is at `start`; returns it and its end. Raises TemplateError INVALID_TEMPLATE."""
    if simple := _SIMPLE.match(text, start):
        path = simple["path"]
        parsed = ParsedPath(path, tuple(path.split(".")), simple["optional"] is not None)
        return ParsedReference(path, parsed), simple.end()
    cursor = _Cursor(text, start + len(OPEN))
    try:
        head, calls = _parse_expression(cursor)
        cursor.skip_space()
        if not text.startswith(CLOSE, cursor.at):
            raise _GrammarError("something follows the reference and its filters")
    except _GrammarError as problem:
        raise _explain(text, start + len(OPEN), str(problem)) from None
    return ParsedReference(text[start + len(OPEN) : cursor.at], head, calls), cursor.at + len(CLOSE)


def parse_expression(source: str) -> ParsedReference:
    """Parse an expression without braces. Raises TemplateError INVALID_TEMPLATE."""
    cursor = _Cursor(source, 0)
    try:
        head, calls = _parse_expression(cursor)
        cursor.skip_space()
        if cursor.at < len(source):
            raise _GrammarError("something follows the reference and its filters")
    except _GrammarError as problem:
        raise _explain(source + CLOSE, 0, str(problem)) from None
    return ParsedReference(source, head, calls)


def parse_inner_path(path: str) -> tuple[Step, ...]:
    """Parse a path within a value, `a.b`, `[0].c`. Raises TemplateError INVALID_TEMPLATE."""
    cursor = _Cursor(path, 0)
    try:
        cursor.skip_space()
        steps = [] if cursor.is_at("[") else [_parse_name(cursor)]
        steps += _parse_steps(cursor)
        cursor.skip_space()
        if cursor.at < len(path) or not steps:
            raise _GrammarError("something follows the path")
    except _GrammarError as problem:
        raise _explain(path + CLOSE, 0, str(problem)) from None
    return prepare_steps(steps)


def prepare_steps(steps: Sequence[str]) -> tuple[Step, ...]:
    return tuple((step, int(step) if _INTEGER.fullmatch(step) else None) for step in steps)


def follow(value: Any, steps: Sequence[Step], otherwise: Any) -> Any:
    """The value at the end of `steps`, or `otherwise` if a step leads nowhere."""
    for field, index in steps:
        if isinstance(value, dict):
            value = value.get(field, otherwise)
            if value is otherwise:
                return otherwise
        elif index is not None and isinstance(value, list) and -len(value) <= index < len(value):
            value = value[index]
        else:
            return otherwise
    return value


class _GrammarError(Exception):
    """The reason, as the end of a sentence."""


class _Cursor:
    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def is_at(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def skip(self, token: str) -> bool:
        """Skip spaces, and `token` if it follows. Returns whether it did."""
        self.skip_space()
        found = self.is_at(token)
        self.at += len(token) if found else 0
        return found

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match


def _parse_expression(cursor: _Cursor) -> tuple[Literal | ParsedPath, tuple[FilterCall, ...]]:
    cursor.skip_space()
    head = Literal(_parse_string(cursor)) if cursor.is_at('"') else _parse_path(cursor)
    calls = []
    while cursor.skip("|"):
        calls.append(_parse_call(cursor))
    return head, tuple(calls)


def _parse_path(cursor: _Cursor) -> ParsedPath:
    name = _parse_name(cursor)
    pieces: list[str] = []
    steps = [name, *_parse_steps(cursor, pieces)]
    return ParsedPath("".join([name, *pieces]), tuple(steps), cursor.skip("?"))


def _parse_name(cursor: _Cursor) -> str:
    match = cursor.take(_NAME)
    if match is None:
        char = cursor.text[cursor.at : cursor.at + 1]
        is_missing = not char or char in ".}|]?)" or char.isspace()
        raise _GrammarError("a name is missing" if is_missing else f"{char} cannot begin an unquoted name")
    name = match.group()
    if not _PLAIN_NAME.fullmatch(name):
        for i, char in enumerate(name):
            if not _PLAIN_NAME.match(char) and not category(char).startswith(_NAME_CATEGORIES):
                cursor.at = match.start() + i
                raise _GrammarError(f"{char} is not allowed in an unquoted name")
    return name


def _parse_steps(cursor: _Cursor, pieces: list[str] | None = None) -> list[str]:
    """The steps after the first; `pieces` gets each as written."""
    steps: list[str] = []
    while True:
        cursor.skip_space()
        start = cursor.at
        if cursor.skip("."):
            cursor.skip_space()
            step = _parse_name(cursor)
            piece = f".{step}"
        elif cursor.skip("["):
            cursor.skip_space()
            start = cursor.at
            step = _parse_index(cursor)
            piece = f"[{cursor.text[start : cursor.at]}]"
            if not cursor.skip("]"):
                raise _GrammarError("a ] is missing")
        else:
            return steps
        steps.append(step)
        if len(steps) > MAX_PATH_STEPS:
            raise _GrammarError(f"a path has at most {MAX_PATH_STEPS} steps")
        if pieces is not None:
            pieces.append(piece)


def _parse_index(cursor: _Cursor) -> str:
    if cursor.is_at('"'):
        return _parse_string(cursor)
    if match := cursor.take(_SINGLE_QUOTED):
        return match[1]
    if match := cursor.take(_INTEGER):
        return match.group()
    raise _GrammarError("brackets need an integer or a quoted name, not another reference")


def _parse_string(cursor: _Cursor) -> str:
    match = cursor.take(_STRING)
    if match is None:
        raise _GrammarError('a quoted string has no closing "')
    try:
        return str(json.loads(match.group(), strict=False))
    except ValueError:
        raise _GrammarError(f"{_shorten(match.group())} is not a JSON string") from None


def _parse_call(cursor: _Cursor) -> FilterCall:
    cursor.skip_space()
    name = cursor.take(_FILTER_NAME)
    if name is None:
        raise _GrammarError("| must be followed by the name of a filter")
    arguments: list[Literal | ParsedPath] = []
    if cursor.skip("(") and not cursor.skip(")"):
        arguments.append(_parse_argument(cursor))
        while cursor.skip(","):
            arguments.append(_parse_argument(cursor))
        if not cursor.skip(")"):
            raise _GrammarError(f"the arguments of {name.group()} have no closing )")
    return FilterCall(name.group(), tuple(arguments))


def _parse_argument(cursor: _Cursor) -> Literal | ParsedPath:
    cursor.skip_space()
    start = cursor.at
    if cursor.is_at('"'):
        return Literal(_parse_string(cursor))
    if cursor.is_at("[") or cursor.is_at("{"):
        return Literal(_parse_structure(cursor))
    if cursor.is_at("'"):
        raise _GrammarError('a string argument needs double quotes: "..."')
    if number := cursor.take(_NUMBER):
        return Literal(_parse_literal(number.group()))
    path = _parse_path(cursor)
    if len(path.steps) == 1 and not path.is_optional and path.text in _WORDS:
        return Literal(_WORDS[path.text])
    if cursor.at == start:
        raise _GrammarError("an argument is missing")
    return path


def _parse_structure(cursor: _Cursor) -> Any:
    """A JSON list or object, up to its closing bracket."""
    start, closing = cursor.at, []
    for match in _STRUCTURE.finditer(cursor.text, cursor.at):
        sign = match.group()
        if sign in _CLOSING:
            closing.append(_CLOSING[sign])
        elif not sign.startswith('"') and closing.pop() != sign:
            break
        if not closing:
            cursor.at = match.end()
            return _parse_literal(cursor.text[start : cursor.at])
    raise _GrammarError("an argument has an unclosed bracket")


def _parse_literal(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        raise _GrammarError(f"the argument {_shorten(text)} is not a JSON value") from None


# Messages for the author.


def _explain(text: str, start: int, problem: str) -> TemplateError:
    """The error about the template whose contents begin at `start`."""
    end = text.find(CLOSE, start)
    if end < 0:
        line = text[start:].partition("\n")[0]
        return TemplateError(
            f"The template {OPEN}{_shorten(line)} has no {CLOSE}.",
            code="INVALID_TEMPLATE",
            next_actions=[f"Close it with {CLOSE}.", HOW_TO_WRITE_BRACES],
        )
    source = text[start:end]
    return TemplateError(
        f"The reference {OPEN}{_shorten(source)}{CLOSE} cannot be read: {problem}.",
        code="INVALID_TEMPLATE",
        next_actions=[suggest_reference(source, can_be_read) or f"{_FORMS} {HOW_TO_WRITE_BRACES}"],
    )


def can_be_read(source: str) -> bool:
    """Whether `source` is a valid expression, without its braces."""
    cursor = _Cursor(source, 0)
    try:
        _parse_expression(cursor)
        cursor.skip_space()
    except _GrammarError:
        return False
    return cursor.at == len(source)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
