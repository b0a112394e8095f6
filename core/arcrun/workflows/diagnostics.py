"""Findings about a workflow, each with its position in the source, and the catalogue of their codes.

A path such as ("config", "grab", "url") identifies a part of the source, which has a line and a column.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import yaml

from arcrun.errors import WorkflowError
from arcrun.limits import MAX_DIAGNOSTICS

Path = tuple[str | int, ...]
Position = tuple[int | None, int | None]
# The meaning of each code and its remedy. docs/diagnostics.md is generated from it (scripts/build_docs.py).
CATALOGUE: Mapping[str, tuple[str, str]] = {
    "INVALID_YAML": (
        "The source is not YAML, or uses features that arcrun refuses: tags, aliases, duplicate keys, deep nesting.",
        "Check the indentation, and put quotes around strings that contain `: ` or `#`.",
    ),
    "INVALID_WORKFLOW": (
        "A part of the workflow has the wrong shape.",
        "A workflow is a mapping with `name`, `flow` (a list of lines) and `config` (a mapping of nodes).",
    ),
    "WORKFLOW_TOO_LARGE": ("The source is longer than 256 Ki characters.", "Split it with CALLS_SUBFLOW."),
    "INVALID_NAME": ("The workflow's name is not allowed.", "Letters and digits of any script, _ and -, at most 64."),
    "UNKNOWN_KEY": (
        "A key that neither arcrun nor the component knows.",
        "Correct its spelling, or remove it: it would have no effect.",
    ),
    "MALFORMED_LINE": (
        "A flow line is not `FROM >> RELATION >> TO`, or its relation's parameter is missing or wrong.",
        "Write one relation per line, such as `input >> ON_SUCCESS >> grab`.",
    ),
    "UNKNOWN_RELATION": ("A relation that does not exist.", "The hint has the nearest name."),
    "INVALID_EXPRESSION": (
        "The expression of an IF or an `until` is not JMESPath.",
        "Put strings in single quotes, and numbers, true, false and null in backticks: IF(grab.data.status == `200`).",
    ),
    "INVALID_TEMPLATE": (
        "A template cannot be read.",
        'Write {{node.data.field}}, {{list[0]}}, {{x?}} or {{x | default("y")}}.',
    ),
    "UNRESOLVED_REFERENCE": (
        "A template or an expression refers to something that does not exist, or may not exist yet.",
        "Refer to `input`, a node that always settles before, the item of an enclosing loop, a clock or a credential.",
    ),
    "UNREACHABLE_NODE": (
        "No path leads from `input` to the node, or a line to `stop` or `break` ends each before it.",
        "Add a flow line to it, or remove its config.",
    ),
    "CYCLE": ("The flow leads back to an earlier node.", "A workflow only runs forwards: use FOREACH to repeat."),
    "INVALID_LOOP": (
        "A FOREACH or CONTINUE that cannot work: no list, nothing to continue, two loops with the same item out of one "
        "node, or a way into or out of the loop's body. A warning: a name that hides the number of an element.",
        "The nodes of a body are reached only through FOREACH; nodes after the loop are reached by CONTINUE.",
    ),
    "INVALID_JOIN": (
        "A `join` that cannot be met, or that makes no difference: it counts more lines than there are, waits for "
        "lines that exclude each other, or has a single line (a warning).",
        "Correct the number, the lines, or omit `join`.",
    ),
    "RACE_WITH_EFFECTS": (
        "A node that a `join: first` or `at_least` may not wait for changes something outside, perhaps in a loop or in "
        "a workflow that it calls: it may have done so, or half of it, although another was faster.",
        "Let only nodes race that read, and have the effect after the join.",
    ),
    "NEEDS_DURABLE": (
        "A node waits for an event, for a decision or for more than 30 s, which takes a durable run.",
        "Write `durable: true` in the workflow.",
    ),
    "BREAK_OUTSIDE_LOOP": (
        "A line leads to `break` from a node that is in no loop's body.",
        "Lead it to `stop`, which ends the run; or to the next node.",
    ),
    "RESPOND_IN_LOOP": (
        "A line leads to `respond` from a node in a loop's body, which runs once for each element.",
        "Lead there after the loop: `orders >> CONTINUE >> respond`.",
    ),
    "UNKNOWN_COMPONENT": ("There is no such component.", "See `acr parts`."),
    "UNKNOWN_WORKFLOW": ("CALLS_SUBFLOW names a workflow that is not stored.", "Push that workflow first."),
    "TOOL_WITHOUT_SCHEMA": (
        "A tool of a language model calls a workflow, and neither of them says what the model may give it.",
        "Give the workflow an `input_schema` of `type: object`, or the tool.",
    ),
    "AFTER_CYCLE": (
        "A workflow starts after its own runs, directly or through `after` of others.",
        "Remove one of the names from `after`.",
    ),
    "FAILURE_CYCLE": (
        "A workflow may start itself, by `after` and `failure_of` of others and its own.",
        "Remove one of the names, if each run would start the next.",
    ),
    "INVALID_INPUT": (
        "A node's input does not match the component's input_schema, whatever values its templates have.",
        "Compare it with the component's page: `acr parts list ID`, `acr docs components/ID`.",
    ),
    "MISSING_INPUT": (
        "A required field of a component that the node's config does not set. A step gets exactly what its config "
        "says: fields are not taken from the previous step or from the trigger.",
        "Write the field. Set the field. The hint has references that fit; `take: NODE` takes a whole value.",
    ),
    "REPEAT_WITHOUT_CHANGE": (
        "Each round of a `repeat` gets the same input, and its component always answers the same.",
        "Read {{previous}} in its config, or omit `repeat`.",
    ),
    "INVALID_INPUT_SCHEMA": (
        "The workflow's `input_schema` is not a JSON Schema of the keywords that are known.",
        "Correct the keyword: `acr docs components/validate_json` lists them.",
    ),
    "INVALID_EXAMPLE": (
        "The workflow's `examples` are not inputs by name, or too many.",
        "Write {NAME: INPUT, ...}. Larger and further ones belong into its tests: `acr docs testing`.",
    ),
    "EDGE_NEVER_FIRES": (
        "An edge that no run can fire: the component has no such branch, or no boolean result.",
        "Correct the branch's name, or use IF(...).",
    ),
    "ENDLESS_CALL": (
        "A workflow calls itself in every run, so that each fails with SUBFLOW_TOO_DEEP.",
        "Call it on a condition, such as IF(...), or for each element of a list: FOREACH.",
    ),
    "PROMPT_FROM_OUTSIDE": (
        "A language model's `prompt` or `system` has what whoever starts the run has written: the model takes it for "
        "the author's words, so that a text can tell it to do something else.",
        "Give it in `data`, of which the model is told that nothing in it is an instruction.",
    ),
    "AMBIGUOUS_ANSWER": (
        "The answer's shape differs between runs: sometimes the data of one node, sometimes an object of several by "
        "name.",
        "Lead only the intended one to `output`, or all of them into one node before it.",
    ),
    "ANSWER_SHOWS_ERROR": (
        "A failed step's error is the answer or a part of it, visible to anyone with the webhook's URL, with "
        "messages of services.",
        "Lead the failure to a step that selects what a caller may know, such as `set`, and that step to `output`.",
    ),
    "TOO_MANY_FINDINGS": ("There are more findings than are reported.", "Correct these first, then check again."),
    "INVALID_SETTING": (
        "A setting of the workflow or of a node has an invalid value: triggers, take, retry, join, foreach, timeout_ms "
        "and others.",
        "Write a value that the message allows.",
    ),
    "SYNTAX_ERROR": (
        "The JavaScript of a `code` node cannot be compiled: it is neither a function's body nor a module.",
        "Correct it where the finding points.",
    ),
    "INVALID_RESPONSE": (
        "A part of `response` cannot be sent: a status, a header or a body of the wrong type, two bodies, a header "
        "whose effect goes beyond the answer, or a redirect that data could lead anywhere.",
        "The message says what is wrong; docs/webhooks.md has what a response may be.",
    ),
    "MISSING_CREDENTIAL": ("A credential that a node or `verify` needs is not stored.", "acr creds push"),
    "INVALID_CONTRACT": ("The component's contract is not valid.", "Publish it again."),
    "INVALID_MODULE": ("The component's module cannot be run.", "Publish it again."),
}


@dataclass(frozen=True)
class Positions:
    """Positions in PyYAML's node tree. `root` is None for a workflow that came as an object, whose parts have none.
    `text` is the source.
    """

    root: yaml.Node | None = None
    text: str = field(default="", repr=False)

    def find(self, path: Path) -> Position:
        """Line and column, from 1, of the part at `path`, or of the nearest enclosing part that exists."""
        if self.root is None:
            return None, None
        node, mark = self.root, self.root.start_mark
        for step in path:
            inner = _descend(node, step)
            if inner is None:
                break
            node, mark = inner
        return mark.line + 1, mark.column + 1

    def find_node(self, path: Path) -> yaml.Node | None:
        """The part at `path`, None if there is none."""
        node = self.root
        for step in path:
            inner = None if node is None else _descend(node, step)
            node = None if inner is None else inner[0]
        return node


def _descend(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Mark] | None:
    """The child and its start; for an entry of a mapping, the start of its key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark
    return None


class Severity(StrEnum):
    """An error rejects the workflow; a warning is about what can go wrong in a run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Diagnostic:
    """A finding. `line` and `column` count from 1; None if the source was an object. `file` is the caller's name for
    it.
    """

    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class EnoughFindingsError(Exception):
    """Stops the checks: further findings would not be read, and each takes time."""


@dataclass
class Findings:
    """Collects findings, and finds their positions in the source.

    Adding the last allowed one (MAX_DIAGNOSTICS) raises EnoughFindingsError.
    """

    positions: Positions = field(default_factory=Positions)
    found: list[Diagnostic] = field(default_factory=list)

    def add(self, code: str, message: str, hint: str = "", *, at: Path = (), position: Position | None = None) -> None:
        """Add an error. `at` is the path of its subject in the source; `position` is used if there is no path."""
        self._append(Severity.ERROR, code, message, hint, position or self.positions.find(at))

    def warn(self, code: str, message: str, hint: str = "", *, at: Path = ()) -> None:
        self._append(Severity.WARNING, code, message, hint, self.positions.find(at))

    def _append(self, severity: Severity, code: str, message: str, hint: str, position: Position) -> None:
        if len(self.found) == MAX_DIAGNOSTICS - 1:
            code, severity = "TOO_MANY_FINDINGS", Severity.ERROR
            message, hint = f"there are more findings; only the first {MAX_DIAGNOSTICS - 1} are reported", ""
        if len(self.found) < MAX_DIAGNOSTICS:
            self._tell(severity, code, message, hint, position)
        if len(self.found) == MAX_DIAGNOSTICS:
            raise EnoughFindingsError

    def _tell(self, severity: Severity, code: str, message: str, hint: str, position: Position) -> None:
        self.found.append(Diagnostic(code, message, hint or CATALOGUE[code][1], severity, None, *position))

    @property
    def errors(self) -> list[Diagnostic]:
        return [finding for finding in self.found if finding.severity is Severity.ERROR]

    def in_order(self, file: str | None = None) -> list[Diagnostic]:
        """The findings by position, those without one last."""
        named = (replace(finding, file=file) for finding in self.found)
        return sorted(named, key=lambda d: (d.line is None, d.line or 0, d.column or 0))


def build_workflow_error(diagnostics: list[Diagnostic]) -> WorkflowError:
    """One error for all findings, each in details.diagnostics. The message has the first error."""
    errors = [finding for finding in diagnostics if finding.severity is Severity.ERROR]
    first = errors[0]
    position = f" (line {first.line})" if first.line else ""
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    return WorkflowError(
        f"The workflow is not valid: {first.message}{position}{more}.",
        next_actions=[hint for hint in dict.fromkeys(d.hint for d in errors) if hint],
        details={"diagnostics": [d.to_json() for d in diagnostics]},
    )
