"""Flow lines: `FROM >> RELATION >> TO`."""

import re
from collections.abc import Iterator

from arcrun.workflows.relations import RelationCall, RelationTextError, parse_relation

NAME_PATTERN = re.compile(r"[\w-]+")
_HINT = "A flow line is `FROM >> RELATION >> TO`, such as `input >> ON_SUCCESS >> grab`."
# What a Chinese keyboard produces for the language's operators. Quoted strings keep theirs.
_FULL_WIDTH = str.maketrans("＞＜＝！＆｜（）［］｛｝．，　", "><=!&|()[]{}., ")
_QUOTES = "'\"`"
_MAX_SCANNED = 10_000  # characters to scan one by one: no valid relation is as long


def parse_triplet(text: str) -> tuple[str, RelationCall, str]:
    """Source, relation, target. Raises RelationTextError MALFORMED_LINE, UNKNOWN_RELATION."""
    if text.isascii() or len(text) > _MAX_SCANNED:
        line = text.translate(_FULL_WIDTH)
    else:
        line = "".join(sign for sign, _ in _scan(text))
    source, first, rest = line.partition(">>")
    middle, last, target = rest.rpartition(">>")
    source, middle, target = source.strip(), middle.strip(), target.strip()
    is_chain = ">>" in middle and _is_chain(middle)
    if not first or not last or is_chain:
        count = len(line.split(">>"))
        raise RelationTextError("MALFORMED_LINE", f"the flow line {text!r} has {count} parts, not 3", _HINT)
    for name in (source, target):
        if not NAME_PATTERN.fullmatch(name):
            message = f"the flow line {text!r} has the name {name!r}, which may only have letters, digits, _ and -"
            raise RelationTextError("MALFORMED_LINE", message, suggest_name(name))
    return source, parse_relation(middle), target


def _is_chain(middle: str) -> bool:
    """Whether there is a `>>` outside of parentheses."""
    return len(middle) > _MAX_SCANNED or ">>" in "".join(sign for sign, is_inner in _scan(middle) if not is_inner)


def suggest_name(name: str) -> str:
    """The hint for an invalid name."""
    possible = re.sub(r"[^\w-]+", "_", name.strip()).strip("_")
    return f"Write {possible}, here and in `config`." if possible else _HINT


def _scan(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, full-width ones as ASCII except in quotes within parentheses; and whether it is in
    parentheses.
    """
    quote, depth = "", 0
    for raw in text:
        sign = raw if quote else raw.translate(_FULL_WIDTH)
        if quote:
            quote = "" if sign == quote else quote
        elif depth and sign in _QUOTES:
            quote = sign
        depth += (sign == "(") - (sign == ")") if not quote else 0
        yield sign, depth > 0
