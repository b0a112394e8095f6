"""Checks a text that a component reads as a condition (`format: arcrun-condition` in its contract): if_control's.

What would make it fail, or never hold, at every run is said at push. Its grammar is that of
components/if_control/expression.zig.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.places import Path
from arcrun.workflows.templates import Template

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w-]))
      | (?P<path>[\w-]+)(?:\.[\w-]+|\[\d+\]|\["[^"]*"\])*
      | (?P<operator>==|!=|>=|<=|&&|\|\||[=!<>&|])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
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
    """What a condition reads: the input's field `name`, and the names in it; None if those are not known."""

    name: str
    names: Collection[str] | None


def check_condition(text: str, template: Template | None, reads: Reads, findings: Findings, at: Path) -> None:
    """`template` is the text compiled; None if it has no braces."""
    if template is not None and template.references:
        if not template.whole:
            message = (
                f"data is spliced into the condition {text!r}: whoever sends it could write a condition of its own"
            )
            hint = f'Compare a named value: condition: given == "admin", {reads.name}: {{given: "{{{{input.v}}}}"}}.'
            findings.add("INVALID_INPUT", message, hint, at=at)
        return
    for match in _TOKEN.finditer(text):
        problem = _find_problem(match, reads.name, reads.names)
        if problem:
            message, hint = problem
            findings.add("INVALID_INPUT", f"the condition {text!r} {message}", hint, at=at)


def _find_problem(match: re.Match[str], read: str, names: Collection[str] | None) -> tuple[str, str] | None:
    if operator := _FOREIGN_OPERATORS.get(match["operator"] or ""):
        return f"has `{match['operator']}`", f"Write `{operator}`."
    head = match["path"]
    if head is None or head in _WORDS or head == read or (names is not None and head in names):
        return None
    if head in _FOREIGN_WORDS:
        return f"reads a field `{head}`", f"Write `{_FOREIGN_WORDS[head]}`, or quotes around a text: '{head}'."
    if names is None:
        return None
    has = f"`{read}` has {', '.join(map(str, names))}" if names else f"nothing is given as `{read}`"
    return f"reads `{head}`, and {has}", f"Put quotes around a text: '{match[0]}'; or give it: {read}: {{{head}: ...}}."
