"""Checks `repeat` of a node and `until` of a loop: what they read, and whether a round can differ from the last."""

from contextlib import suppress

from arcrun.errors import TemplateError
from arcrun.templates.clocks import CLOCKS
from arcrun.templates.request import REQUEST
from arcrun.templates.template import COLLECTED, PREVIOUS, Template
from arcrun.templates.variables import VARIABLES
from arcrun.workflows.diagnostics import Path
from arcrun.workflows.graph import Loop, Shape, index_of
from arcrun.workflows.model import INPUT, LoopPolicy, Node, RepeatPolicy, Workflow
from arcrun.workflows.references import ReferenceChecker, check_expression, check_path


def check_repeat(node: Node, repeat: RepeatPolicy, checker: ReferenceChecker) -> None:
    at = (*node.at, "repeat")
    items = {edge.argument for edge in checker.workflow.edges if edge.spec.begins_loop}
    if PREVIOUS in checker.workflow.nodes or PREVIOUS in items:
        other = "node" if PREVIOUS in checker.workflow.nodes else "loop's item"
        message = f"`{PREVIOUS}` is what the last round of `{node.name}` answered, and also a {other}"
        checker.findings.add("INVALID_SETTING", message, f"Give the {other} `{PREVIOUS}` another name.", at=at)
        return
    if repeat.until:
        _check_until(node, repeat, checker)
    if repeat.collect:
        _check_collect(node, repeat, checker)
    if not _may_change(node, checker):
        message = f"each round of `{node.name}` gets the same input, so that it answers the same"
        hint = f"Use what the last round answered: {{{{{PREVIOUS}.FIELD?}}}}. Or omit `repeat`."
        checker.findings.warn("REPEAT_WITHOUT_CHANGE", message, hint, at=at)


def _check_until(node: Node, repeat: RepeatPolicy, checker: ReferenceChecker) -> None:
    at = (*node.at, "repeat", "until")
    expression = check_expression(lambda: repeat.expression, f"until({repeat.until})", checker, node.name, at)
    if expression is not None and not expression.names & {node.name, PREVIOUS}:
        message = f"`until` of `{node.name}` does not read what its rounds answer"
        hint = f"For example: until: {node.name}.data.status == 'done'"
        checker.findings.add("INVALID_SETTING", message, hint, at=at)


def _check_collect(node: Node, repeat: RepeatPolicy, checker: ReferenceChecker) -> None:
    at = (*node.at, "repeat", "collect")
    check_path(repeat.collect, "collect", checker, node.name, at, after=True)
    with suppress(TemplateError):  # reported above
        if repeat.template and (node.name, COLLECTED) in [it.steps[:2] for it in repeat.template.references]:
            message = f"`collect` of `{node.name}` reads what it collects"
            checker.findings.add("INVALID_SETTING", message, f"For example: collect: {node.name}.data.items", at=at)


def _may_change(node: Node, checker: ReferenceChecker) -> bool:
    """Whether a round may answer something else than the one before: it reads the last one or a clock, or reaches
    outside; a called workflow may, too.
    """
    contract = checker.symbols.contracts.get(node.component or "")
    if contract is None or contract.reaches_outside:
        return True
    templates = [template for template in node.templates.values() if isinstance(template, Template)]
    heads = {reference.head for template in templates for reference in template.references}
    return bool(heads & {PREVIOUS, node.name, *CLOCKS})  # its own `rounds` and `collected` change too


def check_loops(workflow: Workflow, shape: Shape, checker: ReferenceChecker) -> None:
    for source, policy in workflow.loops.items():
        if not policy.until:
            continue
        entry: Path = ("config", source) if source == INPUT else workflow.nodes[source].at
        at = (*entry, "foreach", "until")
        loops = shape.loops_of(source)
        if len(loops) == 1:
            _check_loop_until(policy, loops[0], shape, checker, at)
        else:
            message = f"{len(loops)} loops leave `{source}`, and `until` belongs to one body"
            checker.findings.add("INVALID_LOOP", message, "Let each loop leave a node of its own.", at=at)


def _check_loop_until(policy: LoopPolicy, loop: Loop, shape: Shape, checker: ReferenceChecker, at: Path) -> None:
    try:
        expression = policy.expression
    except ValueError as error:
        checker.findings.add("INVALID_EXPRESSION", f"until({policy.until}) cannot be read: {error}", at=at)
        return
    own = {name for name in loop.body if shape.loop_around(name) == loop}
    known = {INPUT, REQUEST, VARIABLES, loop.item, index_of(loop.item), *own}
    if loop.source != INPUT:
        known |= {loop.source, *shape.settled[loop.source], *(outer.item for outer in shape.loops_around(loop.source))}
    for name in sorted(expression.names - known):
        message = f"`{name}` is not known when an element of `{loop.item}` has ended"
        checker.findings.add(
            "UNRESOLVED_REFERENCE", message, f"Read what the body has: {', '.join(sorted(own))}.", at=at
        )
    checker.check_fields(expression.paths, at)
    if not expression.names & {*own, loop.item, index_of(loop.item)}:
        message = f"`until` of the loop of `{loop.item}` does not read what differs from element to element"
        hint = f"For example: until: {min(own, default=loop.item)}.data.found"
        checker.findings.add("INVALID_SETTING", message, hint, at=at)
