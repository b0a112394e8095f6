"""TypeScript in a workflow's file (`language: ts` of a node of `code`): types become blanks before anything is sent,
so that what is stored is JavaScript, and its lines and columns are the file's.
"""

import re
from pathlib import Path
from typing import NamedTuple

from acr.errors import CliError
from acr.node.typescript import strip_types
from arcrun.workflows.literals.code_sources import AT, LANGUAGE, TYPESCRIPT, list_code, read_source
from arcrun.workflows.parse import parse_workflow

_MENTION = re.compile(rf"\b{LANGUAGE}[\"']?\s*:\s*[\"']?{TYPESCRIPT}\b")


_UNSUPPORTED = "not supported"  # how Node says that something is TypeScript, but no type
_HINT = "Only types can be removed: no enum, no namespace, no parameter properties."


class _Source(NamedTuple):
    """A source, its first line in the file, from 1, and the columns before each of its lines."""

    text: str
    line: int
    indent: int


def strip_types_of(text: str, path: Path) -> str:
    """The file's text without types. Raises CliError SYNTAX_ERROR, NODE_FAILED."""
    if not _MENTION.search(text) or not (sources := _find_sources(text, path)):
        return text
    lines = text.split("\n")
    for source, stripped in zip(sources, strip_types([source.text for source in sources]), strict=True):
        if stripped.problem:
            place = f"{path}:{source.line + stripped.line - 1}:{source.indent + stripped.column}"
            hint = _HINT if _UNSUPPORTED in stripped.problem else ""
            raise CliError(f"{place}: {stripped.problem}.", hint, "SYNTAX_ERROR")
        written = zip(source.text.split("\n"), stripped.source.split("\n"), strict=True)
        for number, (before, after) in enumerate(written, source.line - 1):
            if before != after:  # a block of YAML must not begin with a line of blanks
                lines[number] = f"{lines[number][: source.indent]}{after}" if after.strip() else ""
    return "\n".join(lines)


def _find_sources(text: str, path: Path) -> list[_Source]:
    workflow = parse_workflow(text).workflow
    found = []
    for (name, _), config in list_code(workflow).items() if workflow is not None else ():
        source = read_source(config)
        if config.get(LANGUAGE) != TYPESCRIPT or source is None:
            continue
        place = config.get(AT)
        if place is None:
            message = f"{path}: `source` of `{name}` is TypeScript, whose lines must be the file's."
            raise CliError(message, "Write it as a block: source: |", "SYNTAX_ERROR")
        found.append(_Source(source, place["line"], place["indent"]))
    return found
