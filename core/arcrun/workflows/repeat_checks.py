"""Checks `repeat` of a node: what its expression and path read, and whether a round can differ from the one before."""

from arcrun.templates.clocks import CLOCKS
from arcrun.templates.template import PREVIOUS, Template
from arcrun.workflows.model import Node, RepeatPolicy
from arcrun.workflows.references import ReferenceChecker, check_expression, check_path


def check_repeat(node: Node, repeat: RepeatPolicy, checker: ReferenceChecker) -> None:
    at = (*node.at, "repeat")
    if PREVIOUS in checker.workflow.nodes:
        message = f"`{PREVIOUS}` is what the last round of `{node.name}` answered, and also a node"
        checker.findings.add("INVALID_SETTING", message, f"Give the node `{PREVIOUS}` another name.", at=at)
        return
    if repeat.until:
        _check_until(node, repeat, checker)
    if repeat.collect:
        check_path(repeat.collect, "collect", checker, node.name, (*at, "collect"), after=True)
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


def _may_change(node: Node, checker: ReferenceChecker) -> bool:
    """Whether a round may answer something else than the one before: it reads the last one or a clock, or reaches
    outside; a called workflow may, too.
    """
    contract = checker.symbols.contracts.get(node.component or "")
    if contract is None or contract.reaches_outside:
        return True
    templates = [template for template in node.templates.values() if isinstance(template, Template)]
    heads = {reference.head for template in templates for reference in template.references}
    return PREVIOUS in heads or bool(heads & set(CLOCKS))
