"""The nodes of a durable workflow that wait: `wait_for` an event, `approve` for a person's decision, `wait` for a
time.
"""

import re
from collections.abc import Mapping
from typing import Any

from arcrun.limits import MAX_SLEEP_MS, MAX_WAIT_MS
from arcrun.templates.run import APPROVE_COMPONENT
from arcrun.templates.syntax import OPEN
from arcrun.times import read_duration_ms, read_moment
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import Node, SymbolTable, Workflow
from arcrun.workflows.plan import Plan, PlannedNode
from arcrun.workflows.settings import POLL_AT

WAIT_COMPONENT, WAIT_FOR_COMPONENT = "wait", "wait_for"
WAITING_COMPONENTS = (WAIT_FOR_COMPONENT, APPROVE_COMPONENT)  # for somebody
EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def id_of(component: str) -> str:
    """A component's id, without the version behind it."""
    return component.partition("@")[0]


def list_awaited(plan: Plan) -> dict[str, list[PlannedNode]]:
    """The nodes that wait for events, by the event's name."""
    found: dict[str, list[PlannedNode]] = {}
    for node in plan.calls:
        if id_of(node.component) == WAIT_FOR_COMPONENT:
            found.setdefault(node.config["event"], []).append(node)
    return found


def asks_people(plan: Plan) -> bool:
    return any(id_of(node.component) == APPROVE_COMPONENT for node in plan.calls)


def check_waiting(
    node: Node, config: Mapping[str, Any], workflow: Workflow, symbols: SymbolTable, findings: Findings
) -> None:
    component = id_of(node.component or "")
    if component == WAIT_COMPONENT and "zone" in config and "until" not in config and not node.config.get("take"):
        message = f"`zone` of {node.told} says on whose clocks `until` is, which is missing"
        findings.add("INVALID_INPUT", message, 'Such as until: "2026-12-24 18:00".', at=(*node.at, "zone"))
    if component == WAIT_COMPONENT:
        _check_time(node, config, workflow, findings)
    if component not in WAITING_COMPONENTS:
        return
    if not workflow.is_durable:
        message = f"{node.told} waits for somebody, which only a durable run can"
        findings.add("NEEDS_DURABLE", message, _suggest(node), at=node.called_at)
    if component == WAIT_FOR_COMPONENT:
        _check_event(node, config, findings)
        _check_schemas(node, config, workflow, findings)
        if problem := symbols.event_schema_problems.get(node.name):
            message = f"`schema` of {node.told} cannot be used: {problem.rstrip('.')}"
            findings.add("INVALID_INPUT", message, at=(*node.at, "schema"))


def _suggest(node: Node) -> str:
    """What to do about a node that needs a durable run. A poll never is one."""
    if node.at == POLL_AT:
        return "A poll asks and does not wait: name a component that answers at once."
    return "Write `durable: true` in the workflow."


def _check_time(node: Node, config: Mapping[str, Any], workflow: Workflow, findings: Findings) -> None:
    """What stands in the workflow of how long a node waits."""
    told = {key: config[key] for key in ("ms", "for", "until") if key in config and not _holds_template(config[key])}
    wait_ms = told.get("ms")
    if isinstance(text := told.get("for"), str):
        wait_ms = read_duration_ms(text)
        if wait_ms is None or wait_ms > MAX_WAIT_MS:
            message = f"`for` of {node.told} must be a whole number with ms, s, m, h, d or w, of at most 365 days"
            findings.add("INVALID_INPUT", message, "Such as for: 2d.", at=(*node.at, "for"))
    if isinstance(text := told.get("until"), str):
        moment = read_moment(text)
        if moment is None:
            message = f"`until` of {node.told} must be a time in ISO 8601"
            findings.add("INVALID_INPUT", message, "Such as 2027-03-01T09:00:00+01:00.", at=(*node.at, "until"))
        elif moment.tzinfo is not None and "zone" in config:
            message = f"`until` of {node.told} has an offset, which says it all: `zone` is for times without one"
            findings.add("INVALID_INPUT", message, "Leave out `zone`.", at=(*node.at, "zone"))
    is_long = "until" in told or (isinstance(wait_ms, int | float) and wait_ms > MAX_SLEEP_MS)
    if is_long and not workflow.is_durable:
        message = f"{node.told} waits for longer than a run may that is not durable: {MAX_SLEEP_MS // 1_000} s"
        findings.add("NEEDS_DURABLE", message, _suggest(node), at=node.called_at)


def _check_event(node: Node, config: Mapping[str, Any], findings: Findings) -> None:
    event = config.get("event")
    if isinstance(event, str) and (OPEN in event or not EVENT_NAME.fullmatch(event)):
        message = f"`event` of {node.told} must be a name that stands in the workflow"
        hint = "A letter, then up to 63 letters, digits, `_` and `-`."
        findings.add("INVALID_INPUT", message, hint, at=(*node.at, "event"))
    elif event is None and node.config.get("take"):
        message = f"`event` of {node.told} is missing: who sends an event must know its name"
        findings.add("INVALID_INPUT", message, "Write it into the node.", at=node.at)
    if _holds_template(config.get("schema")):
        message = f"`schema` of {node.told} has a template: events are checked when they come"
        findings.add("INVALID_INPUT", message, "Write the schema as it is.", at=(*node.at, "schema"))


def _check_schemas(node: Node, config: Mapping[str, Any], workflow: Workflow, findings: Findings) -> None:
    """Events are checked when they come, whichever wait will get them."""
    for name, other in workflow.nodes.items():
        if name == node.name:
            return
        is_wait = id_of(other.component or "") == WAIT_FOR_COMPONENT
        is_same = is_wait and other.config.get("event") == config.get("event")
        if is_same and other.config.get("schema") != config.get("schema"):
            message = f"`{name}` waits for the event `{config.get('event')}` too, with another `schema`"
            findings.add("INVALID_INPUT", message, "Give both the same `schema`, or different events.", at=node.at)
            return


def list_event_schemas(workflow: Workflow) -> dict[str, Mapping[str, Any]]:
    """The `schema` of each node that waits for an event and has one."""
    waits = {name: it for name, it in workflow.nodes.items() if id_of(it.component or "") == WAIT_FOR_COMPONENT}
    schemas = {name: it.config.get("schema") for name, it in waits.items()}
    return {name: schema for name, schema in schemas.items() if isinstance(schema, Mapping)}


def _holds_template(value: Any) -> bool:
    if isinstance(value, str):
        return OPEN in value
    parts = [*value, *value.values()] if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(map(_holds_template, parts))
