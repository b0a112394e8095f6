"""The relations of a flow line, their aliases and parameters."""

import re
from dataclasses import dataclass
from enum import StrEnum

from arcrun.templates.hints import find_nearest


class Relation(StrEnum):
    ON_SUCCESS = "ON_SUCCESS"
    ON_FAIL = "ON_FAIL"
    ON_TRUE = "ON_TRUE"
    ON_FALSE = "ON_FALSE"
    ON_BRANCH = "ON_BRANCH"
    IF = "IF"
    FOREACH = "FOREACH"
    CONTINUE = "CONTINUE"
    CALLS_SUBFLOW = "CALLS_SUBFLOW"


RELATION_ALIASES = {
    **dict.fromkeys(("ON_SUCCESS", "PIPE", "SUCCESS", "完成後", "成功時"), Relation.ON_SUCCESS),
    **dict.fromkeys(("ON_FAIL", "FAIL", "失敗時"), Relation.ON_FAIL),
    **dict.fromkeys(("ON_TRUE", "TRUE", "成立時", "為真時"), Relation.ON_TRUE),
    **dict.fromkeys(("ON_FALSE", "FALSE", "ELSE", "不成立時", "為假時", "否則"), Relation.ON_FALSE),
    **dict.fromkeys(("ON_BRANCH", "BRANCH", "分支"), Relation.ON_BRANCH),
    **dict.fromkeys(("IF", "條件滿足時"), Relation.IF),
    **dict.fromkeys(("FOREACH", "對每個"), Relation.FOREACH),
    "CONTINUE": Relation.CONTINUE,
    **dict.fromkeys(("CALLS_SUBFLOW", "SUBFLOW"), Relation.CALLS_SUBFLOW),
}
_FORMS = {
    Relation.ON_BRANCH: "ON_BRANCH(name)",
    Relation.IF: "IF(expression)",
    Relation.FOREACH: "FOREACH item IN path",
    Relation.CONTINUE: "CONTINUE(item)",
}
# A name in ASCII, or a run of other characters: `對每個item` needs no space.
_HEAD = re.compile(r"([A-Za-z_]+|[^\sA-Za-z_()]+)\s*(.*)", re.DOTALL)
_NAME = re.compile(r"[\w-]+")
_LOOP = re.compile(r"([\w-]+)(?:\s+IN\s+(\S.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class RelationCall:
    """`argument` is the branch of ON_BRANCH, the expression of IF, the item of FOREACH, with `path` to its list; and of
    CONTINUE, empty if it is for all loops of its source.
    """

    relation: Relation
    argument: str = ""
    path: str = ""


class RelationTextError(ValueError):
    """`code` is that of the finding."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def parse_relation(text: str) -> RelationCall:
    """The middle part of a flow line. Raises RelationTextError: UNKNOWN_RELATION, MALFORMED_LINE."""
    head = _HEAD.fullmatch(text.strip())
    name, rest = (head[1], head[2].strip()) if head else (text.strip(), "")
    relation = RELATION_ALIASES.get(name.upper())
    if relation is None or (rest and relation not in _FORMS):
        raise _unknown(text.strip(), relation)
    if relation not in _FORMS or (relation is Relation.CONTINUE and not rest):
        return RelationCall(relation)
    argument = rest[1:-1].strip() if rest.startswith("(") and rest.endswith(")") else rest
    if not argument:
        raise _malformed(f"{name} has no parameter", relation)
    if relation is Relation.FOREACH:
        return _parse_loop(argument)
    if relation is Relation.ON_BRANCH:
        argument = _unquote(argument)
    if relation is Relation.CONTINUE and not _NAME.fullmatch(argument):
        raise _malformed(f"`{argument}` is no item", relation)
    return RelationCall(relation, argument)


def _parse_loop(argument: str) -> RelationCall:
    match = _LOOP.fullmatch(argument)
    path = (match[2] or "").strip() if match else ""
    if path.startswith("{{") and path.endswith("}}"):
        path = path[2:-2].strip()
    if match is None or (match[2] and not path) or "{" in path or "}" in path:
        raise _malformed(f"`{argument}` is not an item and its list", Relation.FOREACH)
    return RelationCall(Relation.FOREACH, match[1], path)


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _malformed(message: str, relation: Relation) -> RelationTextError:
    return RelationTextError("MALFORMED_LINE", message, f"Write {_FORMS[relation]}.")


def _unknown(text: str, relation: Relation | None) -> RelationTextError:
    if relation is not None:
        return RelationTextError("MALFORMED_LINE", f"{relation} takes no parameter", f"Write {relation}.")
    near = find_nearest(text.upper().replace(" ", "_").replace("-", "_"), list(RELATION_ALIASES))
    hint = f"Did you mean {near[0]}?" if near else f"Relations: {', '.join(Relation)}."
    return RelationTextError("UNKNOWN_RELATION", f"unknown relation {text!r}", hint)
