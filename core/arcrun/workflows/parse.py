"""Workflow text (YAML) or object -> Workflow. Nothing is dropped: what cannot be read is reported with its place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from arcrun.workflows.diagnostics import Diagnostic, build_workflow_error
from arcrun.workflows.model import INPUT, OUTPUT, TERMINAL_ALIASES, Edge, Node, Workflow
from arcrun.workflows.triplets import parse_triplet
from arcrun.yaml_text import MAX_DEPTH, YamlTextError, parse_yaml

WORKFLOW_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_SOURCE_CHARACTERS = 256 * 1024
_KEYS = ("name", "description", "flow", "config")
# The engine's own keys of a node; they arrive with the full language, and are refused rather than ignored until then.
_RESERVED_NODE_KEYS = ("retry", "foreach", "credentials")

Place = tuple[int | None, int | None]


def parse_workflow(source: str | Mapping[str, Any]) -> Workflow:
    """Parse and check a workflow by itself; whether its components exist is checked by `plan.build_plan`.

    Raises WorkflowError with every finding in details.diagnostics.
    """
    if isinstance(source, str):
        data, flow_places = _read_yaml(source)
    else:
        data, flow_places = source, []
    return _parse_mapping(data, flow_places)


def _read_yaml(text: str) -> tuple[Any, list[Place]]:
    if len(text) > MAX_SOURCE_CHARACTERS:
        message = f"it is longer than {MAX_SOURCE_CHARACTERS} characters"
        raise build_workflow_error([Diagnostic("WORKFLOW_TOO_LARGE", message)])
    try:
        parsed = parse_yaml(text)
    except YamlTextError as error:
        hint = "Check the indentation, and put quotes around text that holds `: ` or `#`."
        message = f"it is not YAML: {error.problem}"
        finding = Diagnostic("INVALID_YAML", message, hint, line=error.line, column=error.column)
        raise build_workflow_error([finding]) from None
    return parsed.value, list(_flow_places(parsed.root))


def _flow_places(root: Any) -> Iterator[Place]:
    if not isinstance(root, yaml.MappingNode):
        return
    for key, value in root.value:
        if key.value == "flow" and isinstance(value, yaml.SequenceNode):
            for item in value.value:
                yield item.start_mark.line + 1, item.start_mark.column + 1


def _parse_mapping(data: Any, flow_places: list[Place]) -> Workflow:
    if not isinstance(data, Mapping):
        finding = Diagnostic(
            "INVALID_WORKFLOW", "it must be a mapping with `name` and `flow`", "See README, Workflows."
        )
        raise build_workflow_error([finding])
    findings: list[Diagnostic] = []
    for key in data:
        if key not in _KEYS:
            findings.append(Diagnostic("UNKNOWN_KEY", f"unknown key {key!r}", f"Allowed: {', '.join(_KEYS)}."))
    name = data.get("name", "")
    if not isinstance(name, str) or not WORKFLOW_NAME.fullmatch(name):
        hint = "Letters, digits, _ and -, at most 64."
        findings.append(Diagnostic("INVALID_NAME", f"the name {name!r} is not allowed", hint))
    edges = _parse_flow(data.get("flow"), flow_places, findings)
    nodes = _parse_nodes(data.get("config") or {}, edges, findings)
    findings.extend(_find_cycle(edges))
    if not findings:
        findings.extend(_find_unreachable(edges, nodes))
    if _is_deeper(data, MAX_DEPTH):
        findings.append(Diagnostic("INVALID_WORKFLOW", f"it is nested more than {MAX_DEPTH} levels deep"))
    if findings:
        raise build_workflow_error(findings)
    return Workflow(name, str(data.get("description") or ""), tuple(edges), nodes)


def _parse_flow(flow: Any, places: list[Place], findings: list[Diagnostic]) -> list[Edge]:
    if not isinstance(flow, list) or not flow:
        hint = 'flow: ["input >> ON_SUCCESS >> grab"]'
        findings.append(Diagnostic("INVALID_WORKFLOW", "`flow` must be a list of one or more lines", hint))
        return []
    edges = []
    for i, text in enumerate(flow):
        line, column = places[i] if i < len(places) else (None, None)
        if not isinstance(text, str):
            message = f"flow line {i + 1} is not a text"
            findings.append(Diagnostic("MALFORMED_LINE", message, "Put quotes around it.", line=line, column=column))
            continue
        parsed = parse_triplet(text, line, column)
        if isinstance(parsed, Diagnostic):
            findings.append(parsed)
            continue
        source, relation, target = parsed
        edge = Edge(TERMINAL_ALIASES.get(source, source), relation, TERMINAL_ALIASES.get(target, target), line, column)
        if edge.source == OUTPUT or edge.target == INPUT:
            hint = "Edges leave the trigger and enter the answer."
            message = f"`{edge.source}` to `{edge.target}` runs backwards"
            findings.append(Diagnostic("MALFORMED_LINE", message, hint, line=line, column=column))
            continue
        edges.append(edge)
    return edges


def _parse_nodes(config: Any, edges: list[Edge], findings: list[Diagnostic]) -> dict[str, Node]:
    if not isinstance(config, Mapping):
        findings.append(Diagnostic("INVALID_WORKFLOW", "`config` must be a mapping of nodes"))
        return {}
    names = [name for edge in edges for name in (edge.source, edge.target) if name not in (INPUT, OUTPUT)]
    for name in config:
        if name not in names:
            hint = "Add a flow line with it, or remove it."
            findings.append(Diagnostic("UNREACHABLE_NODE", f"`config.{name}` is in no flow line", hint))
    nodes = {}
    for name in dict.fromkeys(names):
        entry = config.get(name, {})
        if not isinstance(entry, Mapping):
            findings.append(Diagnostic("INVALID_WORKFLOW", f"`config.{name}` must be a mapping"))
            continue
        for key in _RESERVED_NODE_KEYS:
            if key in entry:
                message = f"`config.{name}.{key}` is not supported in this version"
                findings.append(Diagnostic("UNKNOWN_KEY", message, "Remove it."))
        component = entry.get("component", name)
        if not isinstance(component, str):
            findings.append(Diagnostic("INVALID_WORKFLOW", f"`config.{name}.component` must be a text"))
            continue
        nodes[name] = Node(name, component, {key: value for key, value in entry.items() if key != "component"})
    return nodes


def _find_unreachable(edges: list[Edge], nodes: Mapping[str, Node]) -> Iterator[Diagnostic]:
    reached, size = {INPUT}, 0
    while size != len(reached):
        size = len(reached)
        reached |= {edge.target for edge in edges if edge.source in reached}
    for name in nodes:
        if name not in reached:
            hint = f"Add a line such as `input >> ON_SUCCESS >> {name}`."
            yield Diagnostic("UNREACHABLE_NODE", f"no path leads from `input` to `{name}`", hint)


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, Mapping | list)
            for child in (item.values() if isinstance(item, Mapping) else item)
        ]
    return bool(level)


def _find_cycle(edges: list[Edge]) -> Iterator[Diagnostic]:
    """Remove nodes that nothing left points to until none can go; what remains lies on or behind a cycle."""
    remaining = {edge.source for edge in edges} | {edge.target for edge in edges}
    size = -1
    while size != len(remaining):
        size = len(remaining)
        remaining &= {edge.target for edge in edges if edge.source in remaining}
        remaining &= {edge.source for edge in edges if edge.target in remaining}
    if remaining:
        first = next(edge for edge in edges if edge.source in remaining and edge.target in remaining)
        hint = "A workflow runs forwards only: remove the line that leads back."
        message = f"the nodes {', '.join(sorted(remaining))} form a cycle"
        yield Diagnostic("CYCLE", message, hint, line=first.line, column=first.column)
