"""The poll of a workflow's `watch`: a run of one step, compiled like any other. Imported only for workflows that have
one.
"""

from collections.abc import Mapping
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import types_of
from arcrun.templates.hints import suggest_nearest
from arcrun.templates.request import REQUEST
from arcrun.templates.template import Reference, Template
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.literals.code_sources import is_code
from arcrun.workflows.model import INPUT, OUTPUT, Edge, Keeping, Node, Recording, SymbolTable, Workflow
from arcrun.workflows.plan import Plan, load_plan
from arcrun.workflows.relations import DEFAULT
from arcrun.workflows.settings import DEFAULT_CONCURRENCY, DEFAULT_RUN_TIMEOUT_MS
from arcrun.workflows.triggers.watch import ALL_DATA, DATA, WATCH, Watch

_AT = ("triggers", WATCH)


def build_poll(workflow: Workflow, watch: Watch) -> Workflow:
    """A poll as a workflow. Of a poll that succeeds no record is kept."""
    config = {name: value for name, value in watch.entry.items() if name != "component"}
    node = Node(WATCH, watch.entry["component"], None, config, _AT, (*_AT, "component"))
    kept = workflow.keeping
    recording = Recording.NONE if kept.recording is Recording.NONE else Recording.ERRORS
    edges = (Edge(INPUT, DEFAULT, WATCH, at=_AT), Edge(WATCH, DEFAULT, OUTPUT, at=_AT))
    return Workflow(
        workflow.name,
        "",
        edges,
        {WATCH: node},
        {},
        DEFAULT_RUN_TIMEOUT_MS,
        DEFAULT_CONCURRENCY,
        is_complete=True,
        keeping=Keeping(recording, kept.days),
    )


def load_poll(watch: Watch) -> Plan:
    """Raises WorkflowError PLAN_OUTDATED."""
    return load_plan(watch.poll)


def check_poll(poll: Workflow, watch: Watch, symbols: SymbolTable, findings: Findings) -> None:
    """Report what a poll reads and does not have, and warn of an answer that has no such field."""
    for path, template in poll.nodes[WATCH].templates.items():
        for reference in template.references if isinstance(template, Template) else ():
            if reference.head in (INPUT, REQUEST):
                message = f"{{{{{reference.path}}}}} does not exist: a poll has no {reference.head}"
                findings.add("UNRESOLVED_REFERENCE", message, "Write the value, or {{vars.NAME}}.", at=(*_AT, *path))
    if (contract := symbols.contracts.get(watch.entry["component"])) is not None:
        _check_items(watch, contract, findings)


def _check_items(watch: Watch, contract: Contract, findings: Findings) -> None:
    fields: Mapping[str, Any] = contract.output_schema.get("properties", {})
    if is_code(contract.canonical_id):  # it may answer anything
        return
    if watch.items == ALL_DATA and types_of(contract.output_schema) == {"object"}:
        message = f"`watch` needs `items`: what `{contract.canonical_id}` answers is an object, and no list"
        named = ", ".join(f"data.{name}" for name in fields)
        findings.add("INVALID_SETTING", message, f"Name a list in it, by one of {named}." if named else "", at=_AT)
    if not fields or contract.output_schema.get("additionalProperties"):
        return
    for reference in watch.items_template.references:
        _check_kind(watch, reference, fields, findings)
        if reference.head == DATA and len(reference.steps) > 1 and reference.steps[1] not in fields:
            name = reference.steps[1]
            message = f"{{{{{reference.path}}}}}: `{contract.canonical_id}` does not declare the output `{name}`"
            hint = suggest_nearest(name, fields, f"Its fields are {', '.join(fields)}.")
            findings.warn("UNRESOLVED_REFERENCE", message, hint, at=(*_AT, "items"))


def _check_kind(watch: Watch, reference: Reference, fields: Mapping[str, Any], findings: Findings) -> None:
    """Report a field of the answer that can never be a list."""
    is_field = watch.items.strip() == f"{{{{{reference.path}}}}}" and len(reference.steps) == 2
    kinds = types_of(fields.get(reference.steps[1], {})) if is_field else ()
    if kinds and "array" not in kinds:
        message = f"`items` of `watch` needs a list, but {reference.path} is {' or '.join(sorted(kinds))}"
        findings.add("INVALID_SETTING", message, "Name a field that is a list.", at=(*_AT, "items"))
