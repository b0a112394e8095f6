"""Checks the references of templates and expressions: their targets must have settled before they are evaluated."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from arcrun.errors import TemplateError
from arcrun.templates.clocks import CLOCKS
from arcrun.templates.expressions import Expression
from arcrun.templates.hints import suggest_nearest
from arcrun.templates.request import REQUEST, find_request_problem
from arcrun.templates.run import APPROVE, APPROVE_COMPONENT, DEFAULT_APPROVERS, RUN, find_run_problem
from arcrun.templates.syntax import OPEN
from arcrun.templates.template import (
    ALIASES,
    COLLECTED,
    CREDENTIAL,
    LOOP_FIELDS,
    PREVIOUS,
    REPEAT_FIELDS,
    Reference,
    Template,
    compile_path,
)
from arcrun.templates.variables import VARIABLES, find_reference_problem
from arcrun.workflows.certainty import Certainty, Outcome
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.graph import ENDED, HAS_FAILED, RESPONDED, Loop, Shape, index_of, results_of
from arcrun.workflows.inputs.kinds import KindFinder
from arcrun.workflows.model import INPUT, RepeatPolicy, SymbolTable, Workflow
from arcrun.workflows.triggers.input_schema import find_unknown_field

# The fields after a node's name: its envelope; also LOOP_FIELDS for a node that FOREACH leaves.
ENVELOPE_FIELDS = ("data", "error", "success")
# The outcome that a node must have for these envelope fields to exist; for any other field it must have succeeded.
_OUTCOMES = {"success": Outcome.RAN, "error": Outcome.FAILED}
# Names in `response`, with their fields: the run, and in `on_failure` why it failed.
ERROR = "error"
END_FIELDS = {RUN: ("id",), ERROR: ("code", "message", "node")}
END_NAMES = tuple(END_FIELDS)
_CODE = "UNRESOLVED_REFERENCE"
_ENDS = (ENDED, HAS_FAILED, RESPONDED)
_GIVEN = (INPUT, REQUEST, VARIABLES)  # names that every node can read
# What authors write for literals, which JMESPath has in backticks.
_LITERALS = {
    **{text: text.lower() for text in ("true", "True", "TRUE", "false", "False", "FALSE", "null", "NULL", "Null")},
    **dict.fromkeys(("None", "nil", "undefined"), "null"),
}


@dataclass(frozen=True)
class ReferenceChecker:
    """Checks references. `shape` and `certainty` are None if the flow is incomplete; then only the names are checked.
    `repeating` are the nodes with `repeat`; `of_undo` is whether the references are those of a node's undo.
    """

    workflow: Workflow
    shape: Shape | None
    symbols: SymbolTable
    kinds: KindFinder
    findings: Findings
    certainty: Certainty | None = None
    repeating: Mapping[str, RepeatPolicy] = field(default_factory=dict)
    of_undo: bool = False

    def take_steps(self) -> int:
        """The steps taken to compute certainty since the last call (arcrun/interruptible.py)."""
        return self.certainty.take_steps() if self.certainty else 0

    def check(self, references: Iterable[Reference], node: str, at: Path, *, after: bool = False) -> None:
        """Check references of `node`; `after` it has run if they are on an edge out of it (an expression or a list)."""
        for reference in references:
            problem = self._find_problem(reference, node, after)
            if problem:
                message, hint = problem
                self.findings.add(_CODE, f"{{{{{reference.path}}}}} {message}", hint, at=at)
            else:
                self._warn_of_input_field(reference, at)
                self._warn_of_field(reference, at)
                self._warn_of_first_round(reference, node, at, after)
                self._warn_if_skipped(reference, node, at, after)
                self._warn_of_input_loop(reference, node, at)

    def check_kind(self, template: Template, where: str, node: str, at: Path) -> None:
        """Report a value that can never be a list for FOREACH, or an object for a node's `take`."""
        wanted = "array" if where == "FOREACH" else "object"
        kinds = frozenset([template.kind]) if template.kind else frozenset[str]()
        if not kinds and len(template.references) == 1 and template.whole:
            kinds = self.kinds.find(template.references[0].steps, node)
        if not kinds or wanted in kinds:
            return
        code = "INVALID_LOOP" if where == "FOREACH" else "INVALID_INPUT"
        what = "a list" if wanted == "array" else "an object"
        is_node = template.references and len(template.references[0].steps) == 1
        hint = (
            "A node's data is in its field `.data`."
            if is_node and where == "FOREACH"
            else f"Name a field that is {what}."
        )
        path = template.references[0].path if template.references else "it"
        self.findings.add(code, f"{where} needs {what}, but {path} is {' or '.join(sorted(kinds))}", hint, at=at)

    def check_names(self, names: Iterable[str], node: str, at: Path) -> None:
        """Check the names that an expression on an edge out of `node` starts from."""
        for name in sorted(names):
            head = ALIASES.get(name, name)
            if name in _LITERALS:
                hint = f"Write it in backticks: `{_LITERALS[name]}`."
                self.findings.add(_CODE, f"`{name}` is read as a name in an expression", hint, at=at)
            elif head == CREDENTIAL or head in CLOCKS:
                self.findings.add(_CODE, f"`{name}` cannot be used in an expression", "Use it in a template.", at=at)
            elif head not in (INPUT, REQUEST, VARIABLES, RUN) and (
                problem := self._find_head_problem(head, node, after=True)
            ):
                meant = f"Put strings in single quotes: '{name}'."
                hint = (
                    f"{problem[1]} {meant}" if problem[1] and head not in self.workflow.nodes else problem[1] or meant
                )
                self.findings.add(_CODE, f"`{name}` {problem[0]}", hint, at=at)

    def check_fields(self, paths: Iterable[tuple[str, ...]], at: Path, node: str = "") -> None:
        """Check the paths that an expression reads: a missing field is null, so a comparison would never be true.
        `node` has succeeded when it is evaluated.
        """
        for path in sorted(set(paths)):
            problem = self._find_fixed_problem(path)
            if problem is not None:
                self.findings.add(_CODE, f"`{'.'.join(path)}` {problem[0]}", problem[1], at=at)
            if path[0] == INPUT:
                self._warn_of_input_field(Reference(".".join(path), path), at)
            if path[0] not in self.workflow.nodes or len(path) < 2:
                continue
            if path[1] not in self._fields_of(path[0]) and not self._may_have_loop_field(path, node):
                told, hint = self._describe_missing(path)
                self.findings.add(_CODE, f"`{'.'.join(path)}` {told}", hint, at=at)
            elif path[0] == node and path[1] == "error":
                message = f"`{'.'.join(path)}` does not exist: `{node}` has succeeded when this is evaluated"
                self.findings.add(_CODE, message, f"Lead its failure on with `{node} >> ON_FAIL >> ...`.", at=at)
            elif len(path) > 2:
                self._warn_of_field(Reference(".".join(path), path), at)

    def _fields_of(self, node: str) -> tuple[str, ...]:
        """The fields of a node's envelope."""
        if (repeat := self.repeating.get(node)) is None:
            return ENVELOPE_FIELDS
        return (*ENVELOPE_FIELDS, *(name for name in REPEAT_FIELDS if name != COLLECTED or repeat.collect))

    def _may_have_loop_field(self, path: tuple[str, ...], node: str) -> bool:
        """Whether the path leads to the results of the loop that leaves the node; that of `node` has not begun."""
        is_known = self.shape is None or (len(self.shape.loops_of(path[0])) == 1 and path[0] != node)
        return path[1] in LOOP_FIELDS and is_known

    def _describe_missing(self, path: tuple[str, ...]) -> tuple[str, str]:
        """The problem of a path to a field that its node does not have, and a hint without braces."""
        if path[1] == COLLECTED and path[0] in self.repeating:
            hint = f"Add what its rounds contribute: collect: {path[0]}.data.items"
            return f"does not exist: the `repeat` of `{path[0]}` has no `collect`", hint
        has = f"does not exist: {self._told_fields_of(path[0])}"
        if path[1] in REPEAT_FIELDS:
            return has, f"Only a node with `repeat` has {path[1]}."
        if path[1] in LOOP_FIELDS:
            return has, f"After a loop that leaves `{path[0]}`: read it behind a CONTINUE."
        return has, f"Did you mean {path[0]}.data.{'.'.join(path[1:])}?"

    def _told_fields_of(self, node: str) -> str:
        what = f"`{node}`, which repeats," if node in self.repeating else "a node"
        return f"{what} has {', '.join(self._fields_of(node))}"

    def _find_fixed_problem(self, path: tuple[str, ...]) -> tuple[str, str] | None:
        """The problem of a path that starts from the request or the settings."""
        if path[0] == REQUEST:
            return find_request_problem(path)
        if path[0] == RUN:
            if path[1:2] == (APPROVE,):
                return "is a link, which an expression cannot read", "Send it in a step."
            return find_run_problem(path)
        return find_reference_problem(path, self.symbols.variables) if path[0] == VARIABLES else None

    def _find_problem(self, reference: Reference, node: str, after: bool) -> tuple[str, str] | None:
        head, steps = reference.head, reference.steps
        if head in CLOCKS:
            return None if len(steps) == 1 else ("is a clock and has no fields", f"Write {{{{{head}}}}}.")
        if head == CREDENTIAL:
            return None if len(steps) == 2 else ("names no credential", "Write {{credential.NAME}}.")
        if head in (REQUEST, VARIABLES):
            return self._find_fixed_problem(steps)
        if head == RUN and node not in _ENDS:
            return find_run_problem(steps) or self._find_link_problem(steps, node)
        if head in (END_NAMES if node == HAS_FAILED else (RUN,) if node in _ENDS else ()):
            return _find_end_problem(steps)
        if head == INPUT or (head == PREVIOUS and not self.of_undo and node in self.repeating):
            return None
        if head == node and node in self.repeating and not after:  # of the rounds so far
            if len(steps) == 1 or steps[1] not in self._fields_of(node):
                return "refers to the node itself", f"What its last round answered is {{{{{PREVIOUS}}}}}."
            if steps[1] in REPEAT_FIELDS:
                return None
        return self._find_head_problem(head, node, after) or self._find_step_problem(reference, node)

    def _find_link_problem(self, steps: Sequence[str], node: str) -> tuple[str, str] | None:
        """What is wrong with `run.approve.NODE.APPROVER`: the node must be one of the same loop that asks people."""
        if steps[1] != APPROVE:
            return None
        asking = self.workflow.nodes.get(steps[2])
        if asking is None or (asking.component or "").partition("@")[0] != APPROVE_COMPONENT:
            known = [name for name, it in self.workflow.nodes.items() if it.component == APPROVE_COMPONENT]
            hint = suggest_nearest(steps[2], known, "Its component must be `approve`.")
            return f"leads nowhere: `{steps[2]}` is no node that asks people", hint
        approvers = asking.config.get("approvers", [*DEFAULT_APPROVERS])
        if isinstance(approvers, list) and steps[3] not in approvers and not any(OPEN in str(it) for it in approvers):
            hint = suggest_nearest(steps[3], [str(it) for it in approvers])
            return f"leads nowhere: `{steps[3]}` is no approver of `{steps[2]}`", hint
        if self.shape is not None and self.shape.loops_around(steps[2]) != self.shape.loops_around(node):
            return f"is not known here: `{steps[2]}` is in another loop", "Send the link within the same loop."
        return None

    def _find_head_problem(self, head: str, node: str, after: bool) -> tuple[str, str] | None:
        if self.shape is not None and head in self.shape.settled[node]:
            return None
        visible = self._visible(node, after)
        if head in visible:
            return None
        if head == node:
            return "refers to the node itself", "Refer to a node that runs before it."
        if head not in self.workflow.nodes:
            return "refers to nothing", self._suggest_head(head, visible, node)
        loop = self.shape.loop_around(head) if self.shape else None
        if loop is not None and node not in loop.body:
            return (
                f"is out of reach: `{head}` runs once for each `{loop.item}`",
                f"{_after_loop(loop.source, node)}{{{{{self._results_name(loop)}}}}} has the answer of each.",
            )
        if self.shape is not None and node in self.shape.settled[head]:
            where = f"the undo of `{head}`" if self.of_undo else f"a step after `{head}`"
            hint = f"`{head}` runs after `{node}`: read it in {where}."
        else:
            hint = f"Add a line from `{head}` to `{node}`."
        return f"may not exist: `{head}` does not run before `{node}`", hint

    def _suggest_head(self, head: str, visible: Iterable[str], node: str) -> str:
        loops = self.shape.loops if self.shape else ()
        source = next((loop.source for loop in loops if loop.item == head), None)
        if source is not None:
            return f"{_after_loop(source, node)}{{{{{head}.results}}}} is the loop's result."
        clocks = CLOCKS if head.startswith("_") else ()
        ends = END_NAMES if node == HAS_FAILED else (RUN,) if node in _ENDS else (CREDENTIAL,)
        otherwise = f"Did you mean `input.{head}`?" if head.isidentifier() else ""
        return suggest_nearest(head, [*_GIVEN, *sorted(visible), *clocks, *ends], otherwise)

    def _find_step_problem(self, reference: Reference, node: str) -> tuple[str, str] | None:
        head, steps = reference.head, reference.steps
        if self.shape is None:
            return None
        if head not in self.workflow.nodes:
            return self._find_result_problem(reference, node)
        if self.of_undo and head == node and steps[1:2] == ("error",) and not reference.has_fallback:
            return f"does not exist: `{node}` has succeeded if it is undone", "Read what it answered: its `data`."
        if len(steps) == 1 or steps[1] in self._fields_of(head):
            return None
        if steps[1] in REPEAT_FIELDS:
            return self._describe_missing(steps)
        loops = self.shape.loops_of(head)
        if steps[1] in LOOP_FIELDS and len(loops) > 1:
            names = " or ".join(f"{{{{{loop.item}.{steps[1]}}}}}" for loop in loops)
            return f"is unclear: {len(loops)} loops leave `{head}`", f"Write {names}."
        if steps[1] in LOOP_FIELDS and loops:
            if results_of(loops[0]) in self.shape.settled[node]:
                return None
            return "may not exist yet: the loop may not have finished", f"Add `{head} >> CONTINUE >> {node}`."
        rest = reference.path.partition(".")[2] or steps[1]
        return f"does not exist: {self._told_fields_of(head)}", f"Did you mean {{{{{head}.data.{rest}}}}}?"

    def _find_result_problem(self, reference: Reference, node: str) -> tuple[str, str] | None:
        """Check an item: within the loop it is the element, after it the loop's result."""
        head, steps = reference.head, reference.steps
        around = [] if self.shape is None else self.shape.loops_around(node)
        if self.shape is None or head in [loop.item for loop in around]:
            return None
        if head in [index_of(loop.item) for loop in around]:
            return None if len(steps) == 1 else ("is a number and has no fields", f"Write {{{{{head}}}}}.")
        finished = self._finished(node, head)
        if len(finished) > 1:
            sources = " and ".join(f"`{loop.source}`" for loop in finished)
            return f"is unclear: the loops of {sources} both have the item `{head}`", "Give the items different names."
        if len(steps) > 1 and steps[1] in LOOP_FIELDS:
            return None
        return (
            f"is not an element here: the loop of `{head}` has ended",
            f"Its results are {{{{{head}.results}}}} and {{{{{head}.errors}}}}.",
        )

    def _finished(self, node: str, item: str | None = None) -> list[Loop]:
        """The loops that have ended when `node` runs, optionally only those with this item."""
        if self.shape is None:
            return []
        settled = self.shape.settled[node]
        return [loop for loop in self.shape.loops if item in (None, loop.item) and results_of(loop) in settled]

    def _results_name(self, loop: Loop) -> str:
        is_only = self.shape is not None and len(self.shape.loops_of(loop.source)) == 1 and loop.source != INPUT
        return f"{loop.source if is_only else loop.item}.results"

    def _visible(self, node: str, after: bool) -> frozenset[str]:
        """The names that `node` can refer to."""
        if self.shape is None:
            items = {edge.argument for edge in self.workflow.edges if edge.spec.begins_loop}
            return frozenset({*self.workflow.nodes, *items, *map(index_of, items)})
        around = self.shape.loops_around(node)
        items = {loop.item for loop in (*around, *self._finished(node))} | {index_of(loop.item) for loop in around}
        own = {node} if after else set()
        return (
            self.shape.settled[node]
            | items
            | own
            | ({PREVIOUS} if not self.of_undo and node in self.repeating else set())
        )

    def _warn_if_skipped(self, reference: Reference, node: str, at: Path, after: bool) -> None:
        head, steps = reference.head, reference.steps
        if self.certainty is None or reference.has_fallback or head == PREVIOUS:
            return
        if (unfinished := self._find_unfinished(reference, node)) is not None:
            message = f"{{{{{reference.path}}}}}: the loop of `{unfinished.item}` may not have ended {_when(node)}"
            self.findings.warn(_CODE, message, _suggest_fallback(reference), at=at)
            return
        if head not in self.workflow.nodes:  # a loop's result, by its item: the loop runs if its source succeeds
            finished = [loop.source for loop in self._finished(node, head) if loop.source != INPUT]
            around = [loop.item for loop in self.shape.loops_around(node)] if self.shape else []
            if not finished or head in around:
                return
            head = finished[0]
        field = steps[1] if len(steps) > 1 else "success"
        wanted = _OUTCOMES.get(field, Outcome.OK)
        if (head == node and after) or self.certainty.is_certain(wanted, head, node):
            return
        become = {Outcome.RAN: "may have been skipped", Outcome.OK: "may have been skipped or have failed"}
        what = become.get(wanted, "may not have failed")
        if self.certainty.is_impossible(wanted, head, node):
            what = "has failed" if wanted is Outcome.OK else "has not failed"
        if node == RESPONDED and self.shape is not None and not self.shape.is_assured(head, node):
            what = "may not have ended"
        message = f"{{{{{reference.path}}}}}: `{head}` {what} {_when(node)}"
        self.findings.warn(_CODE, message, _suggest_fallback(reference), at=at)

    def _find_unfinished(self, reference: Reference, node: str) -> Loop | None:
        """The loop of whose results the reference is, if `node` may run before it has ended."""
        if self.shape is None or len(reference.steps) < 2 or reference.steps[1] not in LOOP_FIELDS:
            return None
        loops = self.shape.loops_of(reference.head) or self._finished(node, reference.head)
        return next((loop for loop in loops if not self.shape.is_assured(results_of(loop), node)), None)

    def _warn_of_first_round(self, reference: Reference, node: str, at: Path, after: bool) -> None:
        """In the first round there is no previous one. `after` a round there always is."""
        if reference.head != PREVIOUS or after or reference.has_fallback or len(reference.steps) == 1:
            return
        message = f"{{{{{reference.path}}}}} is missing in the first round of `{node}`"
        self.findings.warn(_CODE, message, _suggest_fallback(reference), at=at)

    def _warn_of_input_loop(self, reference: Reference, node: str, at: Path) -> None:
        """{{input.results}} used to be the result of the loop that leaves the trigger."""
        if reference.head != INPUT or len(reference.steps) < 2 or reference.steps[1] not in LOOP_FIELDS:
            return
        finished = [loop for loop in self._finished(node) if loop.source == INPUT]
        if finished:
            field = reference.steps[1]
            message = f"{{{{{reference.path}}}}} is a field of the trigger's data"
            hint = f"The loop's result is {{{{{finished[0].item}.{field}}}}}."
            self.findings.warn(_CODE, message, hint, at=at)

    def _warn_of_input_field(self, reference: Reference, at: Path) -> None:
        """Warn of a field that the workflow's input_schema does not name."""
        schema = self.workflow.input_schema
        if schema is None or reference.head != INPUT or reference.has_fallback:
            return
        if (unknown := find_unknown_field(schema, reference.steps[1:])) is not None:
            step, named = unknown
            message = f"{{{{{reference.path}}}}}: the input_schema has no `{step}`"
            hint = suggest_nearest(step, named, f"Its fields are {', '.join(named)}.")
            self.findings.warn(_CODE, message, hint, at=at)

    def _warn_of_field(self, reference: Reference, at: Path) -> None:
        """Warn of a field that the component's output_schema does not have."""
        node = self.workflow.nodes.get(reference.head)
        contract = self.symbols.contracts.get(node.component or "") if node else None
        if contract is None or reference.has_fallback or len(reference.steps) < 3 or reference.steps[1] != "data":
            return
        fields = contract.output_schema.get("properties", {})
        step = reference.steps[2]
        if fields and step not in fields and not contract.output_schema.get("additionalProperties"):
            hint = suggest_nearest(step, fields, f"Its fields are {', '.join(fields)}.")
            message = f"{{{{{reference.path}}}}}: `{contract.canonical_id}` does not declare the output `{step}`"
            self.findings.warn(_CODE, message, hint, at=at)


def _when(node: str) -> str:
    made = "when the response is made"
    ends = {ENDED: made, RESPONDED: made, HAS_FAILED: "when the run has failed"}
    return ends.get(node, f"when `{node}` runs")


def _after_loop(source: str, node: str) -> str:
    return "" if node in _ENDS else f"After `{source} >> CONTINUE >> {node}`, "


def _find_end_problem(steps: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a path that starts from one of END_NAMES; None if nothing is."""
    fields = END_FIELDS[steps[0]]
    if len(steps) == 1 or (len(steps) == 2 and steps[1] in fields):
        return None
    return f"does not exist: `{steps[0]}` has {', '.join(fields)}", suggest_nearest(steps[1], fields)


def _suggest_fallback(reference: Reference) -> str:
    return f'Write {{{{{reference.path}?}}}} or {{{{{reference.path} | default("...")}}}}.'


def check_expression(
    read: Callable[[], Expression], told: str, checker: ReferenceChecker, node: str, at: Path
) -> Expression | None:
    """The expression that `read` compiles, after `node` has run; None if it cannot be read. `told` is how it stands in
    the workflow.
    """
    try:
        expression = read()
    except ValueError as error:
        checker.findings.add("INVALID_EXPRESSION", f"{told} cannot be read: {error}", at=at)
        return None
    checker.check_names(expression.names, node, at)
    checker.check_fields(expression.paths, at, node)
    return expression


def check_path(text: str, where: str, checker: ReferenceChecker, node: str, at: Path, *, after: bool = False) -> None:
    """Check a reference without braces. `where` is the word that it stands behind."""
    try:
        template = compile_path(text)
    except TemplateError as error:
        checker.findings.add("INVALID_TEMPLATE", f"in {where}: {error.message.rstrip('.')}", at=at)
        return
    checker.check(template.references, node, at, after=after)
    if where in ("FOREACH", "take"):
        checker.check_kind(template, where, node, at)
