"""The relations of a flow line. SPECS is the only definition of each relation: its words, its parameter, when its edges
fire, and what they carry. To add a relation, add a member and a record here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import cached_property

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


# A name in ASCII, or a run of other characters: `對每個item` needs no space.
_HEAD = re.compile(r"([A-Za-z_]+|[^\sA-Za-z_()]+)\s*(.*)", re.DOTALL)
_NAME = re.compile(r"[\w-]+")
_LOOP = re.compile(r"([\w-]+)(?:\s+IN\s+(\S.*))?", re.IGNORECASE | re.DOTALL)


class Fires(Enum):
    """When an edge fires. All but ON_FAILURE, ON_ELEMENT and AFTER_LOOP require that its source has succeeded."""

    ON_SUCCESS = auto()
    ON_FAILURE = auto()  # the source has failed; this handles the failure
    ON_RESULT = auto()  # its data's `result` equals the spec's `result`
    ON_BRANCH = auto()  # its data's `branch` equals the argument
    ON_CONDITION = auto()  # the argument, an expression, is truthy
    ON_ELEMENT = auto()  # the enclosing loop has begun with an element
    AFTER_LOOP = auto()  # the loop that leaves the source has finished


class Carries(Enum):
    """The data that an edge carries when it has fired."""

    DATA = auto()  # the source's data; for the trigger, the input
    ERROR = auto()  # {"error"}
    ELEMENT = auto()  # of the enclosing loop
    RESULTS = auto()  # of the loop that has finished: {"results", ...}


@dataclass(frozen=True)
class Parameter:
    """A relation's parameter. `form` is how the relation is written with it. `read` parses it into argument and path of
    RelationCall, and raises ValueError with the reason.
    """

    form: str
    read: Callable[[str], tuple[str, str]]
    is_optional: bool = False


@dataclass(frozen=True)
class RelationSpec:
    """One relation. `words` are its synonyms; `result` is the one for ON_RESULT.

    `leaves_trigger` is whether its edges may leave `input`, `enters_answer` whether they may lead to `output`.
    `calls_workflow` is whether their target is a stored workflow.
    """

    words: tuple[str, ...]
    fires: Fires
    carries: Carries = Carries.DATA
    parameter: Parameter | None = None
    result: bool | None = None
    leaves_trigger: bool = True
    enters_answer: bool = True
    calls_workflow: bool = False

    @cached_property
    def handles_failure(self) -> bool:
        return self.fires is Fires.ON_FAILURE

    @cached_property
    def begins_loop(self) -> bool:
        return self.fires is Fires.ON_ELEMENT

    @cached_property
    def ends_loop(self) -> bool:
        return self.fires is Fires.AFTER_LOOP

    @cached_property
    def is_conditional(self) -> bool:
        """Whether it depends on the source's answer."""
        return self.fires in (Fires.ON_RESULT, Fires.ON_BRANCH, Fires.ON_CONDITION)


def _read_branch(text: str) -> tuple[str, str]:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text, ""


def _read_expression(text: str) -> tuple[str, str]:
    return text, ""


def _read_loop(text: str) -> tuple[str, str]:
    match = _LOOP.fullmatch(text)
    path = (match[2] or "").strip() if match else ""
    if path.startswith("{{") and path.endswith("}}"):
        path = path[2:-2].strip()
    if match is None or (match[2] and not path) or "{" in path or "}" in path:
        raise ValueError(f"`{text}` is not of the form `item IN list`")
    return match[1], path


def _read_item(text: str) -> tuple[str, str]:
    if not _NAME.fullmatch(text):
        raise ValueError(f"`{text}` is not a valid item name")
    return text, ""


SPECS: Mapping[Relation, RelationSpec] = {
    Relation.ON_SUCCESS: RelationSpec(("PIPE", "SUCCESS", "完成後", "成功時"), Fires.ON_SUCCESS),
    Relation.ON_FAIL: RelationSpec(("FAIL", "失敗時"), Fires.ON_FAILURE, Carries.ERROR, leaves_trigger=False),
    Relation.ON_TRUE: RelationSpec(("TRUE", "成立時", "為真時"), Fires.ON_RESULT, result=True),
    Relation.ON_FALSE: RelationSpec(("FALSE", "ELSE", "不成立時", "為假時", "否則"), Fires.ON_RESULT, result=False),
    Relation.ON_BRANCH: RelationSpec(
        ("BRANCH", "分支"), Fires.ON_BRANCH, parameter=Parameter("ON_BRANCH(name)", _read_branch)
    ),
    Relation.IF: RelationSpec(
        ("條件滿足時",), Fires.ON_CONDITION, parameter=Parameter("IF(expression)", _read_expression)
    ),
    Relation.FOREACH: RelationSpec(
        ("對每個",),
        Fires.ON_ELEMENT,
        Carries.ELEMENT,
        parameter=Parameter("FOREACH item IN path", _read_loop),
        enters_answer=False,
    ),
    Relation.CONTINUE: RelationSpec(
        (),
        Fires.AFTER_LOOP,
        Carries.RESULTS,
        parameter=Parameter("CONTINUE(item)", _read_item, is_optional=True),
    ),
    Relation.CALLS_SUBFLOW: RelationSpec(("SUBFLOW",), Fires.ON_SUCCESS, enters_answer=False, calls_workflow=True),
}
DEFAULT = Relation.ON_SUCCESS  # for an edge without a relation
LOOP_END = Relation.CONTINUE  # for an edge that represents a loop whose body leads to `output`
RELATION_ALIASES = {word: relation for relation, spec in SPECS.items() for word in (relation.value, *spec.words)}


@dataclass(frozen=True)
class RelationCall:
    """A relation with its parameter. `argument` is the branch of ON_BRANCH, the expression of IF, the item of FOREACH,
    with `path` to its list, or the item of CONTINUE, empty for all loops of its source.
    """

    relation: Relation
    argument: str = ""
    path: str = ""


class RelationTextError(ValueError):
    """`code` is the finding's code."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def parse_relation(text: str) -> RelationCall:
    """Parse the middle part of a flow line. Raises RelationTextError UNKNOWN_RELATION, MALFORMED_LINE."""
    head = _HEAD.fullmatch(text.strip())
    name, rest = (head[1], head[2].strip()) if head else (text.strip(), "")
    relation = RELATION_ALIASES.get(name.upper())
    parameter = SPECS[relation].parameter if relation is not None else None
    if relation is None or (rest and parameter is None):
        raise _unknown(text.strip(), relation)
    if parameter is None or (parameter.is_optional and not rest):
        return RelationCall(relation)
    argument = rest[1:-1].strip() if rest.startswith("(") and rest.endswith(")") else rest
    if not argument:
        raise _malformed(f"{name} has no parameter", parameter)
    try:
        return RelationCall(relation, *parameter.read(argument))
    except ValueError as error:
        raise _malformed(str(error), parameter) from None


def _malformed(message: str, parameter: Parameter) -> RelationTextError:
    return RelationTextError("MALFORMED_LINE", message, f"Write {parameter.form}.")


def _unknown(text: str, relation: Relation | None) -> RelationTextError:
    if relation is not None:
        return RelationTextError("MALFORMED_LINE", f"{relation} takes no parameter", f"Write {relation}.")
    near = find_nearest(text.upper().replace(" ", "_").replace("-", "_"), list(RELATION_ALIASES))
    hint = f"Did you mean {near[0]}?" if near else f"Relations: {', '.join(Relation)}."
    return RelationTextError("UNKNOWN_RELATION", f"unknown relation {text!r}", hint)
