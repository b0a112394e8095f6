"""Checks a string that a component reads as a condition (`format: arcrun-condition` in its contract), as if_control
does.

Reports at push what would make it fail, or never be true, in every run. Its grammar is that of
components/if_control/expression.zig.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from arcrun.limits import MAX_CONDITION_CHARACTERS, MAX_CONDITION_DEPTH
from arcrun.templates.template import Template
from arcrun.workflows.diagnostics import Findings, Path

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w-]))
      | (?P<path>[\w-]+)(?:\.[\w-]+|\[\d+\]|\["[^"]*"\])*
      | (?P<operator>==|!=|>=|<=|&&|\|\||[=!<>&|])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMPARISONS = ("==", "!=", ">=", "<=", ">", "<")
_WORDS = ("and", "or", "not", "true", "false", "null")
_FOREIGN_WORDS = {
    **dict.fromkeys(("True", "TRUE"), "true"),
    **dict.fromkeys(("False", "FALSE"), "false"),
    **dict.fromkeys(("None", "NULL", "Null", "nil", "undefined"), "null"),
    **{word.upper(): word for word in ("and", "or", "not")},
}
_FOREIGN_OPERATORS = {"=": "==", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not"}


@dataclass(frozen=True)
class Reads:
    """What a condition may read: the input's field `name`, and the names in it; None if those are unknown."""

    name: str
    names: Collection[str] | None


def check_condition(text: str, template: Template | None, reads: Reads, findings: Findings, at: Path) -> None:
    """Report problems of a condition. `template` is the compiled string; None if it has no braces."""
    if template is not None and template.references:
        if not template.whole:
            message = f"data is spliced into the condition {text!r}: its sender could write a condition of their own"
            hint = f'Compare a named value: condition: given == "admin", {reads.name}: {{given: "{{{{input.v}}}}"}}.'
            findings.add("INVALID_INPUT", message, hint, at=at)
        return
    if len(text) > MAX_CONDITION_CHARACTERS:
        findings.add("INVALID_INPUT", f"the condition is longer than {MAX_CONDITION_CHARACTERS} characters", at=at)
        return
    problems = [
        problem for match in _TOKEN.finditer(text) if (problem := _find_problem(match, reads.name, reads.names))
    ]
    if not problems and not _Grammar(text).is_condition():
        forms = "compare with ==, !=, >, >=, < or <=; join with and, or, not and parentheses"
        problems.append(("cannot be read", f"Write it as in `amount > 100 and country == 'TW'`: {forms}."))
    for message, hint in problems:
        findings.add("INVALID_INPUT", f"the condition {text!r} {message}", hint, at=at)


class _Grammar:
    """Parses a condition by the grammar of components/if_control/expression.zig."""

    def __init__(self, text: str) -> None:
        matches = [match for match in _TOKEN.finditer(text) if not match[0].isspace()]
        self._tokens = [self._classify(match) for match in matches]

    @staticmethod
    def _classify(match: re.Match[str]) -> str:
        """The grammar's class of the token."""
        if match["text"] or match["number"]:
            return "value"
        if match["path"]:
            return match[0] if match[0] in ("and", "or", "not") else "value"
        return "compare" if match[0] in _COMPARISONS else match[0]

    def is_condition(self) -> bool:
        return self._any(0) == len(self._tokens)

    def _at(self, i: int) -> str:
        return self._tokens[i] if i < len(self._tokens) else ""

    def _any(self, i: int, depth: int = 0) -> int:
        """The index after the part that begins at `i`; -1 if none does."""
        i = self._all(i, depth)
        while i >= 0 and self._at(i) == "or":
            i = self._all(i + 1, depth)
        return i

    def _all(self, i: int, depth: int) -> int:
        i = self._negation(i, depth)
        while i >= 0 and self._at(i) == "and":
            i = self._negation(i + 1, depth)
        return i

    def _negation(self, i: int, depth: int) -> int:
        while self._at(i) == "not":
            i += 1
        i = self._operand(i, depth)
        if i >= 0 and self._at(i) == "compare":
            return self._operand(i + 1, depth)
        return i

    def _operand(self, i: int, depth: int) -> int:
        if self._at(i) == "value":
            return i + 1
        if self._at(i) != "(" or depth >= MAX_CONDITION_DEPTH:
            return -1
        i = self._any(i + 1, depth + 1)
        return i + 1 if i >= 0 and self._at(i) == ")" else -1


def _find_problem(match: re.Match[str], read: str, names: Collection[str] | None) -> tuple[str, str] | None:
    if operator := _FOREIGN_OPERATORS.get(match["operator"] or ""):
        return f"has `{match['operator']}`", f"Write `{operator}`."
    head = match["path"]
    if head is None or head in _WORDS or head == read or (names is not None and head in names):
        return None
    if head in _FOREIGN_WORDS:
        return f"reads a field `{head}`", f"Write `{_FOREIGN_WORDS[head]}`, or put quotes around a string: '{head}'."
    if names is None:
        return None
    has = f"`{read}` has {', '.join(map(str, names))}" if names else f"`{read}` is not given"
    return (
        f"reads `{head}`, but {has}",
        f"Put quotes around a string: '{match[0]}'; or provide it: {read}: {{{head}: ...}}.",
    )
