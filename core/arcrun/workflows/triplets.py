"""Flow lines: `FROM >> RELATION >> TO`."""

import re
from difflib import get_close_matches
from enum import StrEnum

from arcrun.workflows.diagnostics import Diagnostic

NAME_PATTERN = re.compile(r"[\w-]+")


class Relation(StrEnum):
    ON_SUCCESS = "ON_SUCCESS"


RELATION_ALIASES = {
    "ON_SUCCESS": Relation.ON_SUCCESS,
    "PIPE": Relation.ON_SUCCESS,
    "SUCCESS": Relation.ON_SUCCESS,
    "完成後": Relation.ON_SUCCESS,
    "成功時": Relation.ON_SUCCESS,
}


def parse_triplet(text: str, line: int | None, column: int | None) -> tuple[str, Relation, str] | Diagnostic:
    """Parse one flow line. Returns what is wrong with it instead, so that all findings can be collected."""
    parts = [part.strip() for part in text.split(">>")]
    if len(parts) != 3:
        return _malformed(text, f"has {len(parts)} parts, not 3", line, column)
    source, relation_name, target = parts
    for name in (source, target):
        if not NAME_PATTERN.fullmatch(name):
            return _malformed(
                text, f"has the name {name!r}, which is not made of letters, digits, _ and -", line, column
            )
    relation = RELATION_ALIASES.get(relation_name.upper())
    if relation is None:
        near = get_close_matches(relation_name.upper(), RELATION_ALIASES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Relations: {', '.join(RELATION_ALIASES)}."
        return Diagnostic("UNKNOWN_RELATION", f"unknown relation {relation_name!r}", hint, line=line, column=column)
    return source, relation, target


def _malformed(text: str, reason: str, line: int | None, column: int | None) -> Diagnostic:
    hint = "A flow line is `FROM >> RELATION >> TO`, such as `input >> ON_SUCCESS >> grab`."
    return Diagnostic("MALFORMED_LINE", f"the flow line {text!r} {reason}", hint, line=line, column=column)
