"""Draft and symbols -> plan, with all findings: the checks that need to know what the workflow refers to."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from arcrun.errors import TemplateError
from arcrun.interruptible import Steps, run_steps
from arcrun.templates.template import CREDENTIAL
from arcrun.workflows.certainty import Certainty
from arcrun.workflows.diagnostics import Diagnostic, EnoughFindingsError, Findings, build_workflow_error
from arcrun.workflows.edges import check_edges, name_lists
from arcrun.workflows.graph import Shape, add_ends, analyse_flow
from arcrun.workflows.inputs.check import InputChecker
from arcrun.workflows.inputs.kinds import KindFinder
from arcrun.workflows.joins import ShapeChecker, add_joins
from arcrun.workflows.model import (
    INPUT,
    OUTPUT,
    RESPOND,
    STOP,
    TEMPLATE_STEPS,
    Edge,
    Node,
    NodeParts,
    SymbolTable,
    Workflow,
)
from arcrun.workflows.node_checks import check_node, warn_of_missing_credential
from arcrun.workflows.parse import Draft
from arcrun.workflows.plan import Plan
from arcrun.workflows.planner import build_plan
from arcrun.workflows.references import ReferenceChecker, check_expression, check_path
from arcrun.workflows.relations import Fires
from arcrun.workflows.responses.checks import check_response
from arcrun.workflows.triggers.input_schema import INVALID_INPUT_SCHEMA
from arcrun.workflows.triggers.verify import warn_of_missing_secrets
from arcrun.workflows.until_checks import check_loops, check_repeat

if TYPE_CHECKING:
    from arcrun.workflows.triggers.watch import Watch

NODE_STEPS, LINE_STEPS, EXPRESSION_STEPS = 25, 4, 15  # of an expression, for each character
CHARACTERS_A_STEP = 2  # of a component's condition
FINDING_STEPS = 1_500  # for the hint, which may compare many names


@dataclass(frozen=True)
class Compilation:
    """The result of compiling. `plan` is None if there are errors among the diagnostics."""

    plan: Plan | None
    diagnostics: list[Diagnostic]


def compile_workflow(draft: Draft, symbols: SymbolTable, file: str | None = None) -> Compilation:
    """Check the draft against the symbols. `file` is copied into each diagnostic."""
    return run_steps(compile_in_steps(draft, symbols, file))


def compile_in_steps(draft: Draft, symbols: SymbolTable, file: str | None = None) -> Steps[Compilation]:
    """Like `compile_workflow`, in steps, to yield to other requests."""
    plan = None
    if draft.workflow is not None:
        with suppress(EnoughFindingsError):
            plan = yield from _compile(draft.workflow, symbols, draft.findings)
    return Compilation(plan, draft.findings.in_order(file))


def _check_mailbox(findings: Findings, name: str) -> None:
    from arcrun.workflows.triggers.mail import check_mailbox  # noqa: PLC0415 - few workflows have an address

    check_mailbox(findings, name)


def _compile_poll(workflow: Workflow, watch: "Watch", symbols: SymbolTable, findings: Findings) -> Steps[Workflow]:
    """The workflow, whose watch has the plan of its poll."""
    from arcrun.workflows.literals.code_sources import WATCH_PLACE  # noqa: PLC0415 - few workflows watch
    from arcrun.workflows.polls import build_poll, check_poll  # noqa: PLC0415 - as above
    from arcrun.workflows.triggers.watch import WATCH  # noqa: PLC0415 - as above

    poll = build_poll(workflow, watch)
    problem = symbols.code_problems.get(WATCH_PLACE)
    known = replace(
        symbols,
        schema_problem="",
        event_schema_problems={},
        schedule_problems={},
        code_problems={} if problem is None else {(WATCH, False): problem},
        circle=(),
        failure_circle=(),
    )
    plan = yield from _compile(poll, known, findings)
    check_poll(poll, watch, symbols, findings)
    if plan is None:
        return workflow
    return replace(workflow, triggers=replace(workflow.triggers, watch=watch.with_poll(plan.to_json())))


def _check_starts(findings: Findings, workflow: Workflow, symbols: SymbolTable) -> None:
    """By runs of others."""
    triggers = workflow.triggers
    if triggers.failure_of is not None and symbols.workflows is not None:
        triggers.failure_of.warn_of_unknown(findings, workflow.name, symbols.workflows)
    if triggers.after:
        from arcrun.workflows.triggers.after import check_after  # noqa: PLC0415 - few workflows follow others

        check_after(findings, workflow.name, triggers.after, symbols.workflows, symbols.circle)
    if symbols.failure_circle and not symbols.circle:
        from arcrun.workflows.triggers.failures import warn_of_circle  # noqa: PLC0415 - as above

        warn_of_circle(findings, symbols.failure_circle)


def _compile(workflow: Workflow, symbols: SymbolTable, findings: Findings) -> Steps[Plan | None]:
    """The plan; None if there are errors. Raises EnoughFindingsError."""
    workflow = name_lists(workflow, symbols, findings)
    shape = analyse_flow(workflow, findings) if workflow.is_complete else None
    if symbols.schema_problem and not any(found.code == INVALID_INPUT_SCHEMA for found in findings.found):
        findings.add(INVALID_INPUT_SCHEMA, symbols.schema_problem.rstrip("."), at=("input_schema",))
    _check_starts(findings, workflow, symbols)
    for number, problem in symbols.schedule_problems.items():
        is_watch = number == len(workflow.triggers.schedules)
        findings.add("INVALID_SETTING", problem, at=("triggers", *(("watch",) if is_watch else ("schedule", number))))
    if workflow.triggers.mail is not None:
        _check_mailbox(findings, workflow.name)
    kinds = KindFinder(workflow, shape, symbols)
    inputs = InputChecker(workflow, shape, symbols, kinds, findings)
    yield LINE_STEPS * len(workflow.edges)
    parts = {}
    certainty = None
    for name, node in workflow.nodes.items():
        yield from node.compile_in_steps()
        if node.undo is not None:
            yield from node.undo.compile_in_steps()
        for tool in node.tools:
            yield from tool.compile_in_steps()
        told = len(findings.found)
        parts[name] = check_node(node, inputs)
        yield NODE_STEPS + TEMPLATE_STEPS * len(node.templates) + FINDING_STEPS * (len(findings.found) - told)
        yield sum(len(text) for text in node.config.values() if isinstance(text, str)) // CHARACTERS_A_STEP
    if shape is not None:
        joins = {name: join for name, part in parts.items() if (join := part.settings.join) is not None}
        shape = add_joins(workflow, shape, joins)
        if workflow.response is not None:
            shape = add_ends(workflow, shape)
            yield LINE_STEPS * len(workflow.edges)
        certainty = Certainty(workflow, shape)
        yield from ShapeChecker(workflow, shape, symbols, findings, certainty.count_together).check()
        yield LINE_STEPS * len(workflow.edges) * len(joins)
    repeating = {name: repeat for name, part in parts.items() if (repeat := part.settings.repeat) is not None}
    checker = ReferenceChecker(workflow, shape, symbols, kinds, findings, certainty, repeating)
    yield from _check_references(checker, parts)
    check_edges(workflow, symbols, findings)
    if (policy := workflow.triggers.webhook.verify) is not None:
        warn_of_missing_secrets(policy, symbols.credentials, ("triggers", "webhook", "verify"), findings)
    yield LINE_STEPS * len(workflow.edges)
    if shape is not None and certainty is not None:
        yield from _warn_of_unclear_answers(workflow, certainty, findings)
        _warn_of_endless_call(workflow, shape, findings)
        yield LINE_STEPS * len(workflow.edges)
    if workflow.triggers.watch is not None:
        workflow = yield from _compile_poll(workflow, workflow.triggers.watch, symbols, findings)
    return build_plan(workflow, shape, parts, symbols.variables) if shape is not None and not findings.errors else None


def require_plan(compilation: Compilation) -> Plan:
    """The plan. Raises WorkflowError with all diagnostics."""
    if compilation.plan is None:
        raise build_workflow_error(compilation.diagnostics)
    return compilation.plan


def _warn_of_unclear_answers(workflow: Workflow, certainty: Certainty, findings: Findings) -> Steps[None]:
    for names in (yield from certainty.find_unclear_answers()):
        listed = ", ".join(f"`{name}`" for name in names)
        message = f"the answer differs from run to run: {listed} may be answered alone, or several together by name"
        hint = "Lead only the intended one to `output`, or lead all into one node before it."
        at = next((edge.at for edge in workflow.edges if edge.target == names[-1]), ("flow",))
        findings.warn("AMBIGUOUS_ANSWER", message, hint, at=at)


def _warn_of_endless_call(workflow: Workflow, shape: Shape, findings: Findings) -> None:
    """Warn if every run in which nothing fails calls the workflow itself."""
    handled = {edge.source for edge in workflow.edges if edge.spec.handles_failure}
    leaving: dict[str, list[str]] = {}
    for edge in workflow.edges:
        if edge.spec.fires in (Fires.ON_SUCCESS, Fires.AFTER_LOOP):
            leaving.setdefault(edge.source, []).append(edge.target)
    certain = {*leaving.get(INPUT, ())}
    for name in shape.order:  # parents first
        if name not in certain or name in handled:
            continue
        certain.update(leaving.get(name, ()))
        if (node := workflow.nodes[name]).workflow == workflow.name:
            message = f"`{name}` calls {workflow.name} itself in every run, so that no run ends: SUBFLOW_TOO_DEEP"
            findings.warn("ENDLESS_CALL", message, at=node.at)


def _check_references(checker: ReferenceChecker, parts: Mapping[str, NodeParts]) -> Steps[None]:
    workflow, checker_of_undos = checker.workflow, replace(checker, of_undo=True)
    for node in workflow.nodes.values():
        part = parts[node.name]
        if (repeat := part.settings.repeat) is not None:
            check_repeat(node, repeat, checker)
            yield LINE_STEPS + EXPRESSION_STEPS * len(repeat.until) + checker.take_steps()
        yield from _check_templates(node, part, checker)
        if node.undo is not None and part.undo is not None:
            yield from _check_templates(node.undo, part.undo, checker_of_undos, after=True)
        for tool in node.tools:
            if tool.tool in part.tools:
                yield from _check_templates(tool, part.tools[tool.tool], checker)
    if checker.shape is not None:
        check_loops(workflow, checker.shape, checker)
    if workflow.response is not None:
        yield from check_response(workflow.response, checker)
    for edge in workflow.edges:
        _check_edge(edge, checker)
        yield LINE_STEPS + EXPRESSION_STEPS * len(edge.argument) + checker.take_steps()


def _check_templates(node: Node, part: NodeParts, checker: ReferenceChecker, *, after: bool = False) -> Steps[None]:
    """Check what a node's input reads; `after` the node has run if it is its undo."""
    findings = checker.findings
    if part.settings.take:
        check_path(part.settings.take, "take", checker, node.name, (*node.at, "take"), after=after)
    for path, template in node.templates.items():
        if path[0] not in part.config:
            continue
        at = (*node.at, *path)
        if isinstance(template, TemplateError):
            message = f"in {node.told}: {template.message.rstrip('.')}"
            findings.add("INVALID_TEMPLATE", message, template.next_actions[0], at=at)
            continue
        checker.check(template.references, node.name, at, after=after)
        for reference in template.references:
            if reference.head == CREDENTIAL and len(reference.steps) == 2:
                warn_of_missing_credential(reference.steps[1], node, checker.symbols.credentials, findings)
        yield TEMPLATE_STEPS * len(template.references) + checker.take_steps()


def _check_edge(edge: Edge, checker: ReferenceChecker) -> None:
    if edge.spec.fires is Fires.ON_CONDITION:
        expression = check_expression(lambda: edge.expression, f"IF({edge.argument})", checker, edge.source, edge.at)
        if expression is None:
            return
        if not expression.names and not expression.is_met({}):
            message = f"IF({edge.argument}) reads nothing and is never true"
            checker.findings.add(
                "EDGE_NEVER_FIRES", message, "Refer to what ran: IF(a.data.status == 'x').", at=edge.at
            )
    if edge.spec.handles_failure and (edge.target == OUTPUT or checker.workflow.ending_of(edge) in (STOP, RESPOND)):
        message = f"the error of `{edge.source}` is the answer, so anyone with the webhook's URL can see it"
        checker.findings.warn("ANSWER_SHOWS_ERROR", message, at=edge.at)
    if edge.spec.begins_loop and edge.path:
        check_path(edge.path, "FOREACH", checker, edge.source, edge.at, after=True)
