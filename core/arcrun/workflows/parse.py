"""Workflow source (YAML) or object -> Draft. Nothing is dropped silently: every error is reported with its position.

There are two forms: `flow` (lines) with `config` (entries by node), and `nodes` (a list of {id, component, config})
with `edges` (a list of {from, relation, to}).
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from arcrun.interruptible import Steps, run_steps
from arcrun.limits import (
    MAX_CONCURRENCY,
    MAX_KEEP_DAYS,
    MAX_LINES,
    MAX_NAME_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_NODES,
    MAX_RUN_TIMEOUT_MS,
    MAX_SOURCE_CHARACTERS,
    MAX_SOURCE_VALUES,
    MAX_TEMPLATES,
    MAX_YAML_DEPTH,
)
from arcrun.templates.syntax import OPEN
from arcrun.workflows.diagnostics import EnoughFindingsError, Findings, Path, Positions
from arcrun.workflows.model import (
    ENDINGS,
    INPUT,
    OUTPUT,
    RESPOND,
    STOP,
    TERMINAL_ALIASES,
    Edge,
    Keeping,
    LoopPolicy,
    Node,
    Recording,
    Workflow,
)
from arcrun.workflows.relations import DEFAULT, RelationCall, RelationTextError, parse_relation
from arcrun.workflows.responses.parse import parse_response
from arcrun.workflows.settings import (
    DEFAULT_CONCURRENCY,
    DEFAULT_RUN_TIMEOUT_MS,
    Reader,
    parse_loop_policy,
    report_unknown_key,
)
from arcrun.workflows.triggers.examples import EXAMPLES, check_examples
from arcrun.workflows.triggers.input_schema import parse_input_schema
from arcrun.workflows.triggers.model import DEFAULT_TRIGGERS, DEFAULT_WAIT_MS, Triggers
from arcrun.workflows.triggers.parse import parse_triggers
from arcrun.workflows.triggers.start_limits import parse_start_limits
from arcrun.workflows.triplets import NAME_PATTERN, parse_triplet
from arcrun.yaml_text import YamlTextError, parse_yaml_in_steps

_SPLIT = "Split it: one workflow can call another (CALLS_SUBFLOW)."
_LIMITS = ("timeout_ms", "concurrency")
_KEEPING = ("record", "keep_days", "durable")
_LITERALS = frozenset(("source", "template", "partials"))  # of which some component takes no templates
_LINE_STEPS, _CHARACTERS_A_STEP = 10, 3  # for a flow line, at worst (arcrun/interruptible.py)
_FLOW = ("flow", "config", "nodes", "edges")
_KEYS = ("name", "description", "triggers", "input_schema", EXAMPLES, "limits", "response", *_FLOW, *_LIMITS, *_KEEPING)


@dataclass(frozen=True)
class Draft:
    """The parsed part of a workflow. `workflow` is None if nothing could be parsed; it lacks parts with errors in
    `findings`.
    """

    workflow: Workflow | None
    findings: Findings


def parse_workflow(source: str | Mapping[str, Any]) -> Draft:
    """Parse a workflow on its own; `compile_workflow` checks it against its symbols."""
    return run_steps(parse_workflow_in_steps(source))


def parse_workflow_in_steps(source: str | Mapping[str, Any]) -> Steps[Draft]:
    """Like `parse_workflow`, in steps, to yield to other requests."""
    findings = Findings()
    try:
        return Draft((yield from _parse_source(source, findings)), findings)
    except EnoughFindingsError:
        return Draft(None, findings)


def _parse_source(source: str | Mapping[str, Any], findings: Findings) -> Steps[Workflow | None]:
    if not isinstance(source, str):
        return (yield from _parse_mapping(source, findings))
    if len(source) > MAX_SOURCE_CHARACTERS:
        findings.add("WORKFLOW_TOO_LARGE", f"it is longer than {MAX_SOURCE_CHARACTERS} characters")
        return None
    try:
        parsed = yield from parse_yaml_in_steps(source)
    except YamlTextError as error:
        findings.add("INVALID_YAML", f"it is not YAML: {error.problem}", position=(error.line, error.column))
        return None
    findings.positions = Positions(parsed.root, source)
    return (yield from _parse_mapping(parsed.value, findings))


def _find_excess(data: Mapping[str, Any]) -> str:
    """A message about the first exceeded limit; empty if there is none."""
    entries = data.get("config")
    nodes = _count(entries) - (isinstance(entries, dict) and INPUT in entries)
    templates, values, characters = _count_parts(data)
    counts = {
        "characters": (characters, MAX_SOURCE_CHARACTERS),
        "values": (values, MAX_SOURCE_VALUES),
        "lines": (max(_count(data.get(key)) for key in ("flow", "edges")), MAX_LINES),
        "nodes": (max(nodes, _count(data.get("nodes"))), MAX_NODES),
        "templates": (templates, MAX_TEMPLATES),
    }
    return next((f"it has {n} {what}; the limit is {most}" for what, (n, most) in counts.items() if n > most), "")


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _count_parts(value: Any) -> tuple[int, int, int]:
    """The number of templates and of values in `value`, and the characters of its strings."""
    templates, values, characters, pending = 0, 0, 0, [value]
    while pending:
        item = pending.pop()
        values += 1
        if isinstance(item, str):
            templates += item.count(OPEN)
            characters += len(item)
        elif isinstance(item, Mapping):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item
    return templates, values, characters


def is_workflow_name(name: Any) -> bool:
    """Whether it has only letters and digits of any script with their marks (XID_Continue of UAX 31, including _), and
    -.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        return False
    is_word = f"_{name.replace('-', '_')}".isidentifier()
    return is_word and len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES


def _suggest_workflow_name(name: Any) -> str:
    if isinstance(name, int | float):
        return f'Put quotes around it: name: "{json.dumps(name)}".'
    possible = re.sub(r"[^\w-]+", "_", name).strip("_")[:MAX_NAME_CHARACTERS] if isinstance(name, str) else ""
    return f"Write {possible}." if is_workflow_name(possible) else ""


def _parse_mapping(data: Any, findings: Findings) -> Steps[Workflow | None]:
    if not isinstance(data, Mapping):
        findings.add("INVALID_WORKFLOW", "it must be a mapping with `name` and `flow`")
        return None
    if _is_deeper(data, MAX_YAML_DEPTH):
        findings.add("INVALID_WORKFLOW", f"it is nested more than {MAX_YAML_DEPTH} levels deep")
        return None
    for key in data:
        if key not in _KEYS:
            report_unknown_key(findings, key, _KEYS, ())
    name = data.get("name", "")
    if not is_workflow_name(name):
        findings.add("INVALID_NAME", f"the name {name!r} is not allowed", _suggest_workflow_name(name), at=("name",))
    if excess := _find_excess(data):
        findings.add("WORKFLOW_TOO_LARGE", excess, _SPLIT)
        return None
    settings = Reader(
        findings, {key: data[key] for key in (*_LIMITS, *_KEEPING) if key in data}, (), (*_LIMITS, *_KEEPING)
    )
    entries = _read_entries(data, findings)
    terminals = frozenset((INPUT, OUTPUT, *(name for name in ENDINGS if name not in entries)))
    edges, is_complete = yield from _parse_edges(data, terminals, findings)
    names = {name for edge in edges for name in (edge.source, edge.target)} - terminals
    if len(names) > MAX_NODES:
        findings.add("WORKFLOW_TOO_LARGE", f"it has {len(names)} nodes; the limit is {MAX_NODES}", _SPLIT)
        return None
    responds = RESPOND in terminals and any(edge.target == RESPOND for edge in edges)
    if responds and data.get("durable") is False:
        message = f"a workflow that answers early (`{RESPOND}`) is durable all the same"
        findings.warn("INVALID_SETTING", message, "Remove `durable: false`.", at=("durable",))
    is_durable = settings.flag("durable") or responds
    triggers = _parse_triggers(findings, data, is_durable=is_durable, responds=responds)
    is_accepted = is_durable or triggers.webhook.wait_ms is not None
    if EXAMPLES in data:
        check_examples(findings, data[EXAMPLES], (EXAMPLES,))
    return Workflow(
        name if isinstance(name, str) else "",
        str(data.get("description") or ""),
        tuple(edges),
        _parse_nodes(entries, edges, terminals, is_complete, findings),
        _parse_loops(entries, edges, findings),
        settings.number("timeout_ms", DEFAULT_RUN_TIMEOUT_MS, 1, MAX_RUN_TIMEOUT_MS),
        settings.number("concurrency", DEFAULT_CONCURRENCY, 1, MAX_CONCURRENCY),
        is_complete,
        sets_timeout="timeout_ms" in data,
        keeping=Keeping(
            Recording(settings.choice("record", Recording.ALL, tuple(Recording))),
            settings.number("keep_days", None, 1, MAX_KEEP_DAYS),
        ),
        is_durable=is_durable,
        input_schema=parse_input_schema(findings, data["input_schema"], ("input_schema",))
        if "input_schema" in data
        else None,
        triggers=triggers,
        start_limits=parse_start_limits(findings, data["limits"], ("limits",), is_accepted=is_accepted)
        if "limits" in data
        else (),
        response=parse_response(findings, data["response"], ("response",)) if "response" in data else None,
    )


def _parse_triggers(findings: Findings, data: Mapping[str, Any], *, is_durable: bool, responds: bool) -> Triggers:
    """The webhook of a workflow that `responds` waits for that, unless the workflow says how long, or not to."""
    triggers = DEFAULT_TRIGGERS
    if "triggers" in data:
        triggers = parse_triggers(findings, data["triggers"], ("triggers",), is_durable=is_durable)
    if not responds:
        return triggers
    if triggers.webhook.wait_ms is None:
        return replace(triggers, webhook=replace(triggers.webhook, wait_ms=DEFAULT_WAIT_MS))
    if not triggers.webhook.wait_ms:
        message = "the webhook answers before the run begins, so that nobody gets what `respond` answers"
        at = ("triggers", "webhook", "answer")
        findings.warn("INVALID_SETTING", message, "Remove `answer`, or the lines to `respond`.", at=at)
    return triggers


@dataclass(frozen=True)
class _Entry:
    """A node's entry of `config` or `nodes`; `at` is the path of its config."""

    config: Mapping[str, Any]
    at: Path


def _read_entries(data: Mapping[str, Any], findings: Findings) -> dict[str, _Entry]:
    if "nodes" in data:
        return _read_node_list(data, findings)
    config = data.get("config") or {}
    if not isinstance(config, Mapping):
        findings.add("INVALID_WORKFLOW", "`config` must be a mapping of nodes", at=("config",))
        return {}
    entries = {}
    for name, entry in config.items():
        if isinstance(entry, Mapping):
            entries[str(name)] = _Entry(entry, ("config", name))
        else:
            findings.add("INVALID_WORKFLOW", f"`config.{name}` must be a mapping", at=("config", name))
    return entries


def _read_node_list(data: Mapping[str, Any], findings: Findings) -> dict[str, _Entry]:
    for other in ("flow", "config"):
        if other in data:
            message = f"`nodes` and `{other}` cannot be used together"
            findings.add("INVALID_WORKFLOW", message, "Use flow and config, or nodes and edges.", at=(other,))
    nodes = data["nodes"]
    if not isinstance(nodes, list):
        findings.add("INVALID_WORKFLOW", "`nodes` must be a list of {id, component, config}", at=("nodes",))
        return {}
    entries: dict[str, _Entry] = {}
    for i, node in enumerate(nodes):
        at = ("nodes", i)
        name = node.get("id") if isinstance(node, Mapping) else None
        config = node.get("config") or {} if isinstance(node, Mapping) else None
        if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name) or not isinstance(config, Mapping):
            findings.add("INVALID_WORKFLOW", f"`nodes.{i}` must be {{id, component, config}}", at=at)
        elif name in entries:
            findings.add("INVALID_WORKFLOW", f"there are two nodes with the id `{name}`", at=at)
        else:
            own = {key: value for key, value in node.items() if key not in ("id", "config")}
            entries[name] = _Entry({**config, **own}, (*at, "config") if "config" in node else at)
    return entries


def _parse_edges(
    data: Mapping[str, Any], terminals: Collection[str], findings: Findings
) -> Steps[tuple[list[Edge], bool]]:
    """The edges that could be parsed, and whether that is all of them."""
    key = "edges" if "nodes" in data or "edges" in data else "flow"
    lines = data.get(key)
    if not isinstance(lines, list) or not lines:
        wanted = 'flow: ["input >> ON_SUCCESS >> grab"]' if key == "flow" else "edges: [{from: input, to: grab}]"
        findings.add("INVALID_WORKFLOW", f"`{key}` must be a list of one or more lines", wanted, at=(key,))
        return [], False
    edges = []
    for i, line in enumerate(lines):
        at = (key, i)
        yield _LINE_STEPS + (len(line) // _CHARACTERS_A_STEP if isinstance(line, str) else 0)
        try:
            source, call, target = _parse_edge(line) if key == "edges" else _parse_line(line, i)
        except RelationTextError as error:
            findings.add(error.code, error.message, error.hint, at=at)
            continue
        edge = Edge(
            TERMINAL_ALIASES.get(source, source),
            call.relation,
            TERMINAL_ALIASES.get(target, target),
            call.argument,
            call.path,
            at,
        )
        problem = _find_misuse(edge, terminals)
        if problem:
            findings.add("MALFORMED_LINE", *problem, at=at)
        else:
            edges.append(edge)
    return edges, len(edges) == len(lines)


def _parse_line(line: Any, i: int) -> tuple[str, RelationCall, str]:
    if not isinstance(line, str):
        raise RelationTextError("MALFORMED_LINE", f"flow line {i + 1} is not a string", "Put quotes around it.")
    return parse_triplet(line)


def _parse_edge(edge: Any) -> tuple[str, RelationCall, str]:
    keys = ("from", "relation", "to")
    hint = 'Write {from: a, relation: "ON_BRANCH(paid)", to: b}; without a relation it is ON_SUCCESS.'
    if isinstance(edge, Mapping) and isinstance(edge.get("relation"), bool):
        edge = {**edge, "relation": str(edge["relation"])}  # YAML's reading of the relations TRUE and FALSE
    if not isinstance(edge, Mapping) or not all(isinstance(value, str) for value in edge.values()):
        raise RelationTextError("MALFORMED_LINE", "an edge is not a mapping of strings", hint)
    if set(edge) - set(keys) or not {"from", "to"} <= set(edge):
        raise RelationTextError("MALFORMED_LINE", f"an edge has the keys {', '.join(edge)}", hint)
    for end in (edge["from"], edge["to"]):
        if not NAME_PATTERN.fullmatch(end):
            raise RelationTextError("MALFORMED_LINE", f"an edge has the name {end!r}", hint)
    return edge["from"], parse_relation(edge.get("relation", DEFAULT)), edge["to"]


def _find_misuse(edge: Edge, terminals: Collection[str]) -> tuple[str, str] | None:
    """Why an edge is impossible, whatever the rest of the flow is: message and hint, or None. `terminals` are the names
    of what is no node.
    """
    if edge.source in ENDINGS and edge.source in terminals:
        hint = f"If it is a node, give it an entry: config.{edge.source}: {{component: ...}}."
        if edge.source == RESPOND:
            hint = f"What leads to `{RESPOND}` leads to `{edge.target}` too: write another line from there. {hint}"
            return f"nothing follows `{RESPOND}`, beside which the run goes on", hint
        what = "run" if edge.source == STOP else "loop around"
        return f"nothing follows `{edge.source}`, which ends the {what}", f"Remove the line. {hint}"
    if edge.source == OUTPUT or edge.target == INPUT:
        return f"`{edge.source}` to `{edge.target}` runs backwards", "Edges lead from the trigger to the answer."
    if edge.source == INPUT and not edge.spec.leaves_trigger:
        return "the trigger cannot fail", "Write ON_FAIL after a node."
    if edge.target in terminals and not edge.spec.enters_answer:
        return f"{edge.relation} leads to `{edge.target}`, which is not a node", "Name a node between them."
    return None


def _parse_nodes(
    entries: Mapping[str, _Entry],
    edges: list[Edge],
    terminals: Collection[str],
    is_complete: bool,
    findings: Findings,
) -> dict[str, Node]:
    """The nodes of the lines. If a line could not be parsed, also those of the entries, since it may name them."""
    names = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target) if name not in terminals)
    subflows = {edge.target for edge in edges if edge.spec.calls_workflow}
    for name, entry in entries.items():
        if name in names or name == INPUT:
            continue
        if name in TERMINAL_ALIASES:
            _report_alias(name, entry.at, findings)
        elif is_complete:
            hint = "Add a flow line with it, or remove its config."
            findings.add("UNREACHABLE_NODE", f"`{name}` is in no flow line", hint, at=entry.at)
        else:
            names[name] = None
    lines = {name: edge.at for edge in reversed(edges) for name in (edge.source, edge.target)}
    return {
        name: _parse_node(name, entries.get(name), lines.get(name, ()), name in subflows, findings) for name in names
    }


def _report_alias(name: str, at: Path, findings: Findings) -> None:
    """Report a config for a name that the flow does not treat as a node."""
    meaning = TERMINAL_ALIASES[name]
    other = "" if name == meaning else f"another word for `{meaning}`, "
    what = "the trigger" if meaning == INPUT else "the answer"
    hint = "Give the node another name, in its lines and its config."
    if meaning == OUTPUT:
        hint += " The answer is what leads to `output`."
    findings.add("INVALID_WORKFLOW", f"`{name}` is {other}{what}, which is not a node and has no config", hint, at=at)


def _parse_node(name: str, entry: _Entry | None, line: Path, is_subflow: bool, findings: Findings) -> Node:
    config, at = (entry.config, entry.at) if entry else ({}, line)
    key = "workflow" if is_subflow else "component"
    called = config.get(key, name)
    if not isinstance(called, str):
        findings.add("INVALID_WORKFLOW", f"`{key}` of `{name}` must be a string", at=(*at, key))
        called = name
    rest = _keep_literals({key_: value for key_, value in config.items() if key_ != key}, called, at, findings)
    called_at = (*at, key) if key in config else line
    return Node(name, None if is_subflow else called, called if is_subflow else None, rest, at, called_at)


def _keep_literals(config: dict[str, Any], called: str, at: Path, findings: Findings) -> Mapping[str, Any]:
    """The config, in which the source of code and what is rendered, the node's own or its undo's, stand as they are
    written.
    """
    undo = config.get("undo")
    undoes = undo if isinstance(undo, Mapping) else {}
    if _LITERALS.isdisjoint(config) and _LITERALS.isdisjoint(undoes):
        return config
    from arcrun.workflows.literals.fields import keep_literals  # noqa: PLC0415 - not in every workflow

    if undoes:
        config = {**config, "undo": keep_literals(undoes.get("component"), undoes, (*at, "undo"), findings.positions)}
    return keep_literals(called, config, at, findings.positions)


def _parse_loops(entries: Mapping[str, _Entry], edges: list[Edge], findings: Findings) -> dict[str, LoopPolicy]:
    sources = {edge.source for edge in edges if edge.spec.begins_loop}
    policies = {}
    for name, entry in entries.items():
        if name == INPUT:
            for key in entry.config:
                if key != "foreach":
                    report_unknown_key(findings, key, ("foreach",), entry.at)
        if "foreach" not in entry.config:
            continue
        at = (*entry.at, "foreach")
        if name in sources:
            policies[name] = parse_loop_policy(findings, entry.config["foreach"], at)
        else:
            hint = "Set it for the node that FOREACH leaves."
            findings.add("INVALID_LOOP", f"no FOREACH leaves `{name}`", hint, at=at)
    return policies


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, list):
                deeper += item
            elif not isinstance(item, str) and isinstance(item, Mapping):
                deeper += item.values()
        level = deeper
    return bool(level)
