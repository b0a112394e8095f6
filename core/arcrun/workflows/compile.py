"""Draft and catalogue -> plan, with every finding: the checks that need to know what the workflow refers to."""

from dataclasses import dataclass

from arcrun.errors import TemplateError
from arcrun.workflows.catalogue import Catalogue
from arcrun.workflows.diagnostics import Diagnostic, Findings, build_workflow_error
from arcrun.workflows.expressions import compile_expression
from arcrun.workflows.graph import Shape, analyse_flow
from arcrun.workflows.model import Edge, Workflow
from arcrun.workflows.node_checks import check_node, warn_of_missing_credential
from arcrun.workflows.parse import Draft
from arcrun.workflows.plan import Plan
from arcrun.workflows.planner import build_plan
from arcrun.workflows.references import ReferenceChecker
from arcrun.workflows.relations import Relation
from arcrun.workflows.templates import CREDENTIAL, compile_path


@dataclass(frozen=True)
class Compilation:
    """`plan` is None if there are errors among the diagnostics."""

    plan: Plan | None
    diagnostics: list[Diagnostic]


def compile_workflow(draft: Draft, catalogue: Catalogue, file: str | None = None) -> Compilation:
    """Check the draft against the catalogue. `file` is put into each diagnostic."""
    workflow, findings = draft.workflow, draft.findings
    plan = None
    if workflow is not None:
        shape = analyse_flow(workflow, findings) if workflow.is_complete else None
        parts = {name: check_node(node, workflow, catalogue, findings) for name, node in workflow.nodes.items()}
        _check_references(workflow, shape, catalogue, findings)
        if shape is not None and not findings.errors:
            plan = build_plan(workflow, shape, parts)
    return Compilation(plan, findings.in_order(file))


def require_plan(compilation: Compilation) -> Plan:
    """The plan, or WorkflowError with all diagnostics."""
    if compilation.plan is None:
        raise build_workflow_error(compilation.diagnostics)
    return compilation.plan


def _check_references(workflow: Workflow, shape: Shape | None, catalogue: Catalogue, findings: Findings) -> None:
    checker = ReferenceChecker(workflow, shape, catalogue, findings)
    for node in workflow.nodes.values():
        for key, template in node.templates.items():
            at = (*node.at, key)
            if isinstance(template, TemplateError):
                message = f"in `{node.name}`: {template.message.rstrip('.')}"
                findings.add("INVALID_TEMPLATE", message, template.next_actions[0], at=at)
                continue
            checker.check(template.references, node.name, at)
            for reference in template.references:
                if reference.head == CREDENTIAL and len(reference.steps) == 2:
                    warn_of_missing_credential(reference.steps[1], node, catalogue.credentials, findings)
    for edge in workflow.edges:
        _check_edge(edge, checker, findings)


def _check_edge(edge: Edge, checker: ReferenceChecker, findings: Findings) -> None:
    if edge.relation is Relation.IF:
        try:
            expression = compile_expression(edge.argument)
        except ValueError as error:
            findings.add("INVALID_EXPRESSION", f"IF({edge.argument}) cannot be read: {error}", at=edge.at)
            return
        checker.check_names(expression.names, edge.source, edge.at)
    if edge.relation is Relation.FOREACH and edge.path:
        try:
            checker.check(compile_path(edge.path).references, edge.source, edge.at, after=True)
        except TemplateError as error:
            findings.add("INVALID_TEMPLATE", f"in FOREACH: {error.message.rstrip('.')}", at=edge.at)
