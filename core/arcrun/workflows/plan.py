"""A compiled workflow, ready to run and storable as JSON.

It is compiled once, when it is pushed. A trigger reads the stored form without any YAML work. A plan is a graph of
nodes and loops; a loop's body is itself a graph.

Plans of format 2, stored by an earlier arcrun, still run as intended, with one exception: see `fills_fields`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from arcrun.errors import WorkflowError
from arcrun.templates.expressions import Expression, compile_expression
from arcrun.templates.syntax import CLOSE, ESCAPED_OPEN, OPEN
from arcrun.templates.template import CREDENTIAL, Template, compile_path, compile_value
from arcrun.workflows.model import (
    INPUT,
    KEEPS_ALL,
    RESPOND,
    STOP,
    Join,
    Keeping,
    LoopPolicy,
    Recording,
    RepeatPolicy,
    RetryPolicy,
)
from arcrun.workflows.relations import SPECS, Fires, Relation, RelationSpec
from arcrun.workflows.responses.model import Response
from arcrun.workflows.settings import DEFAULT_RUN_TIMEOUT_MS
from arcrun.workflows.triggers.model import DEFAULT_TRIGGERS, OnLimit, StartLimit, Triggers

PLAN_FORMAT = 3
# Of a plan that has what format 3 lacks: `repeat`, `join`, `undo`, lines to `stop` and `break`, and what is new of
# FOREACH. Others stay in format 3, which the release before reads too.
SHAPES_FORMAT = 4
# Of a plan that has `triggers`, `limits`, `input_schema` or `response`, or reads `request` or `vars`, whatever else it
# has.
TRIGGERS_FORMAT = 5
DURABLE_FORMAT = 6  # of a plan whose runs are durable, whatever else it has
RUN_FORMAT = 7  # of a plan that reads `run` in its flow, whatever else it has
# Of a plan that has `idempotency_key`, `detach`, `once`, `on_limit`, a line to `respond`, or an `answer` of its
# webhook, whatever else it has.
LASTING_FORMAT = 8
STARTING_FORMAT = 9  # of a plan that starts by itself, whatever else it has
TOOLS_FORMAT = 10  # of a plan with tools of a language model, whatever else it has
IMPLICIT_FORMAT = 2  # in it, nodes take fields that their config lacks from earlier nodes
READABLE = (
    *(IMPLICIT_FORMAT, PLAN_FORMAT, SHAPES_FORMAT, TRIGGERS_FORMAT, DURABLE_FORMAT, RUN_FORMAT, LASTING_FORMAT),
    STARTING_FORMAT,
    TOOLS_FORMAT,
)


@dataclass(frozen=True)
class InEdge:
    """An edge, seen from its target. `source` may be INPUT. The argument of a CONTINUE is the item of the loop that it
    leaves; in format 2, where at most one loop leaves a node, it is empty.
    """

    source: str
    relation: Relation
    argument: str = ""

    @cached_property
    def spec(self) -> RelationSpec:
        return SPECS[self.relation]

    @cached_property
    def leaves(self) -> "UnitKey":
        """The node or the loop that it leaves."""
        return self.source, self.argument if self.spec.ends_loop else ""

    @cached_property
    def expression(self) -> Expression:
        """The expression of an IF. It was validated when the plan was made."""
        return compile_expression(self.argument)


@dataclass(frozen=True)
class PlannedNode:
    """A node: a call of `component`, or a run of the stored workflow `workflow` if that is not None.

    `take` is the path of the value that the input is based on; empty if the input is only the config. `handles_failure`
    is whether an ON_FAIL leaves the node. `credentials` maps keys of the contract to stored names. `cpu_ms` is the
    computing time of each call; None is the default. `repeat` is None if it runs once,
    `join` if it runs when any of its lines has fired. `undo` is the call that undoes it if the run fails. `key_field`
    is the input's field that gets the automatic idempotency key, empty for none. If it `is_detached`, the workflow
    becomes a run of its own. If it `is_once`, a call that a crash cut off waits for a decision. `tools` are what the
    language model that it asks may call.

    `fills_fields` is for plans of format 2: required fields that the config lacks are taken by name from earlier nodes
    or the trigger, optional ones only from earlier nodes, because callers must not set them.
    """

    name: str
    component: str
    workflow: str | None
    config: Mapping[str, Any]
    parents: tuple[InEdge, ...]
    handles_failure: bool = False
    retry: RetryPolicy | None = None
    timeout_ms: int | None = None
    credentials: Mapping[str, str] | None = None
    take: str = ""
    cpu_ms: int | None = None
    repeat: RepeatPolicy | None = None
    join: Join | None = None
    undo: "PlannedNode | None" = None
    key_field: str = ""
    is_detached: bool = False
    is_once: bool = False
    tools: "tuple[PlannedTool, ...]" = ()
    fills_fields: bool = field(default=False, compare=False)

    def is_met(self, fired: int) -> bool:
        """Whether it runs if so many of its lines fire."""
        return fired > 0 if self.join is None else fired >= self.join.needed(len(self.parents))

    @cached_property
    def template(self) -> Template:
        return compile_value(self.config)

    @cached_property
    def taken(self) -> Template | None:
        return compile_path(self.take) if self.take else None

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that its input starts from."""
        taken = self.taken.references if self.taken is not None else ()
        return frozenset(reference.head for reference in (*self.template.references, *taken))

    @cached_property
    def optional_keys(self) -> tuple[str, ...]:
        """The fields of the config that are one reference that may yield null: `{{x?}}`."""
        return tuple(key for key, value in self.config.items() if isinstance(value, str) and _may_be_null(value))

    @cached_property
    def credential_references(self) -> Mapping[str, bool]:
        """The names in the config's {{credential.NAME}}, and whether every use of a name has a default or a `?`."""
        optional: dict[str, bool] = {}
        for reference in self.template.references:
            if reference.head == CREDENTIAL:
                name = reference.steps[1]
                optional[name] = optional.get(name, True) and reference.has_fallback
        return optional


def _may_be_null(text: str) -> bool:
    if "{{" not in text or not ("?" in text or "default" in text):
        return False  # most strings, which need not be compiled again
    template = compile_value(text)
    return template.whole and any(reference.has_fallback for reference in template.references)


@dataclass(frozen=True)
class PlannedTool:
    """What a language model may call: `call`, with the fields that `input_schema` names. Without a schema it is that of
    the workflow that is called.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any] | None
    call: PlannedNode


@dataclass(frozen=True)
class PlannedLoop:
    """The FOREACH that leaves `source`: the body runs once for each element of the list at `path`, named `item`.

    Without a path, which format 2 allowed, the list is the answer of `source`, or a list in one of its fields.
    `is_only` is whether no other loop leaves `source`. `index` is the name of the element's number in the body, empty
    if nothing there reads it. `tells_states` is whether its outcome says how each element ended. `names_input` is for
    plans of format 2, in which {{input.results}} is the result of the loop that leaves the trigger.
    """

    source: str
    item: str
    path: str
    policy: LoopPolicy
    body: "Graph"
    is_only: bool = True
    index: str = ""
    tells_states: bool = False
    names_input: bool = field(default=False, compare=False)

    @cached_property
    def list_template(self) -> Template | None:
        return compile_path(self.path) if self.path else None


Unit = PlannedNode | PlannedLoop
UnitKey = tuple[str, str]  # a node's name; or the source of a loop, and its item


@dataclass(frozen=True)
class Exits:
    """What must be evaluated when a node has run, before its successors: the lists of its loops, and its conditions."""

    loops: tuple[PlannedLoop, ...]
    conditions: tuple[InEdge, ...]


@dataclass(frozen=True)
class Ending:
    """An edge to STOP, BREAK or RESPOND, which is its `name`."""

    name: str
    edge: InEdge


@dataclass(frozen=True)
class Graph:
    """A graph. Its nodes are ordered with parents first. `answers` are the edges into its answer; if the flow names
    none, it is None, and the answer is that of the nodes that ran last. `endings` are those that end it early, or its
    caller's wait.
    """

    nodes: tuple[PlannedNode, ...]
    loops: tuple[PlannedLoop, ...]
    answers: tuple[InEdge, ...] | None
    endings: tuple[Ending, ...] = ()

    @cached_property
    def units(self) -> Mapping[UnitKey, Unit]:
        nodes: dict[UnitKey, Unit] = {(node.name, ""): node for node in self.nodes}
        return nodes | {(loop.source, loop.item): loop for loop in self.loops}

    @cached_property
    def exits(self) -> Mapping[str, Exits]:
        """The exits by source, for those that have any."""
        loops: dict[str, list[PlannedLoop]] = {}
        conditions: dict[str, dict[InEdge, None]] = {}
        for loop in self.loops:
            loops.setdefault(loop.source, []).append(loop)
        into_nodes = (edge for node in self.nodes for edge in node.parents)
        for edge in (*into_nodes, *(self.answers or ()), *(ending.edge for ending in self.endings)):
            if edge.spec.fires is Fires.ON_CONDITION:
                conditions.setdefault(edge.source, {})[edge] = None
        return {
            source: Exits(tuple(loops.get(source, ())), tuple(conditions.get(source, ())))
            for source in loops.keys() | conditions.keys()
        }

    @cached_property
    def waits_for(self) -> Mapping[UnitKey, frozenset[UnitKey]]:
        """The units of this graph that each unit waits for."""
        waits: dict[UnitKey, frozenset[UnitKey]] = {}
        for key, unit in self.units.items():
            wanted = self._loop_waits(unit) if isinstance(unit, PlannedLoop) else map(self.unit_of, unit.parents)
            waits[key] = frozenset(wanted) & self.units.keys()
        return waits

    def _loop_waits(self, loop: PlannedLoop) -> list[UnitKey]:
        """Its source, and the earlier loops of the same source."""
        siblings = [other for other in self.loops if other.source == loop.source]
        earlier = siblings[: siblings.index(loop)]
        return [(loop.source, ""), *((other.source, other.item) for other in earlier)]

    def unit_of(self, edge: InEdge) -> UnitKey:
        """The unit that an edge leaves; one that this graph lacks if that is the trigger, or the node before a body."""
        if not edge.spec.ends_loop:
            return edge.source, ""
        return edge.source, edge.argument or next(loop.item for loop in self.loops if loop.source == edge.source)

    @cached_property
    def children(self) -> Mapping[UnitKey, tuple[UnitKey, ...]]:
        """The units that wait for each unit."""
        children: dict[UnitKey, list[UnitKey]] = {key: [] for key in self.units}
        for key, wanted in self.waits_for.items():
            for parent in wanted:
                children[parent].append(key)
        return {key: tuple(keys) for key, keys in children.items()}

    @cached_property
    def chain(self) -> tuple[Unit, ...] | None:
        """The units in order, if they can only settle in one order, each waiting for the previous one; else None."""
        if self.early_joins:
            return None
        waiting = {key: len(wanted) for key, wanted in self.waits_for.items()}
        ready = [key for key, count in waiting.items() if not count]
        chain = list[Unit]()
        while ready:
            if len(ready) > 1:
                return None
            key = ready.pop()
            chain.append(self.units[key])
            for child in self.children[key]:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        return tuple(chain)

    @cached_property
    def early_joins(self) -> Mapping[UnitKey, frozenset[UnitKey]]:
        """The nodes that may start before all of their parents have settled, each with what it then cancels."""
        return {
            (node.name, ""): self._find_behind((node.name, "")) if node.join.cancels_rest else frozenset()
            for node in self.nodes
            if node.join is not None and node.join.is_early
        }

    def _find_behind(self, join: UnitKey) -> frozenset[UnitKey]:
        """The units from which every path leads to `join`."""
        leading = {self.unit_of(edge) for edge in (*(self.answers or ()), *(ending.edge for ending in self.endings))}
        leading |= {
            (loop.source, loop.item) for loop in self.loops if any(it.name == STOP for it in loop.body.all_endings)
        }
        left = {key: len(children) for key, children in self.children.items()}
        behind, pending = set[UnitKey](), [join]
        while pending:
            for parent in self.waits_for[pending.pop()]:
                left[parent] -= 1
                if not left[parent] and parent not in leading:
                    behind.add(parent)
                    pending.append(parent)
        return frozenset(behind)

    @cached_property
    def endings_of(self) -> Mapping[UnitKey, tuple[Ending, ...]]:
        """The endings by the unit that they leave."""
        found: dict[UnitKey, tuple[Ending, ...]] = {}
        for ending in self.endings:
            key = self.unit_of(ending.edge)
            found[key] = (*found.get(key, ()), ending)
        return found

    @property
    def all_endings(self) -> Iterator[Ending]:
        """The endings of this graph and of its loops' bodies."""
        yield from self.endings
        for loop in self.loops:
            yield from loop.body.all_endings

    @property
    def all_loops(self) -> Iterator[PlannedLoop]:
        """The loops of this graph and of their bodies."""
        for loop in self.loops:
            yield loop
            yield from loop.body.all_loops

    def all_nodes(self) -> Iterator[PlannedNode]:
        """The nodes of this graph and of its loops' bodies, each once; a body follows the node that its loop leaves."""
        yield from self._nodes_of_loops(INPUT)
        for node in self.nodes:
            yield node
            yield from self._nodes_of_loops(node.name)

    def _nodes_of_loops(self, source: str) -> Iterator[PlannedNode]:
        for loop in self.loops:
            if loop.source == source:
                yield from loop.body.all_nodes()


@dataclass(frozen=True)
class Plan:
    """A compiled workflow. `timeout_ms` bounds a run; `concurrency` is how many components run at once in it.
    `sets_timeout` is whether the workflow sets `timeout_ms` itself.

    `format` is the lowest of the formats above that says all of it; or IMPLICIT_FORMAT of one that was stored in it and
    not compiled again. `request_fields` are the fields of `request` that it reads; `reads_run` is whether its flow
    reads `run`.
    `response` is what its webhook answers, None for the data as JSON.
    """

    name: str
    graph: Graph
    timeout_ms: int
    concurrency: int
    format: int = field(default=PLAN_FORMAT, compare=False)
    sets_timeout: bool = field(default=False, kw_only=True)
    keeping: Keeping = field(default=KEEPS_ALL, kw_only=True)
    is_durable: bool = field(default=False, kw_only=True)
    triggers: Triggers = field(default=DEFAULT_TRIGGERS, kw_only=True)
    input_schema: Mapping[str, Any] | None = field(default=None, kw_only=True)
    start_limits: tuple[StartLimit, ...] = field(default=(), kw_only=True)
    variables: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    request_fields: tuple[str, ...] = field(default=(), kw_only=True)
    reads_run: bool = field(default=False, kw_only=True)
    response: Response | None = field(default=None, kw_only=True)

    @cached_property
    def sees_request(self) -> bool:
        """Whether it, a key of its limits, or a workflow that it calls, may read `request`."""
        reads = any(limit.key and limit.key.request_fields for limit in self.start_limits)
        return bool(self.request_fields) or reads or any(call.workflow is not None for call in self.calls)

    @cached_property
    def sha256(self) -> str:
        """In hexadecimal, of what is stored of it."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    @cached_property
    def nodes(self) -> tuple[PlannedNode, ...]:
        return tuple(self.graph.all_nodes())

    @cached_property
    def calls(self) -> tuple[PlannedNode, ...]:
        """All that calls a component or a workflow: the nodes, their undos and their tools."""
        return tuple(
            call
            for node in self.nodes
            for call in (node, node.undo, *(tool.call for tool in node.tools))
            if call is not None
        )

    @property
    def has_tools(self) -> bool:
        return any(node.tools for node in self.nodes)

    @cached_property
    def has_undos(self) -> bool:
        return any(node.undo for node in self.nodes)

    @property
    def has_shapes(self) -> bool:
        """Whether it has what plans of format 3 lack."""
        loops = any(loop.index or loop.tells_states or not loop.policy.is_plain for loop in self.graph.all_loops)
        nodes = any(node.repeat or node.join or node.undo for node in self.nodes)
        return loops or nodes or any(self.graph.all_endings)

    @property
    def has_lasting_parts(self) -> bool:
        """Whether it has what plans of RUN_FORMAT lack."""
        calls = any(call.key_field or call.is_detached or call.is_once for call in self.calls)
        return calls or self.triggers.webhook.wait_ms is not None or self.queues_runs or self.responds

    @cached_property
    def responds(self) -> bool:
        """Whether a line leads to `respond`: its webhook may answer before the run has ended."""
        return any(ending.name == RESPOND for ending in self.graph.endings)

    @cached_property
    def queues_runs(self) -> bool:
        """Whether a run that its limits have no room for waits for it: all its runs are accepted."""
        return any(limit.on_limit is not OnLimit.REJECT for limit in self.start_limits)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "name": self.name,
            "timeout_ms": self.timeout_ms,
            "concurrency": self.concurrency,
            "graph": _render_graph(self.graph),
            **({"sets_timeout": True} if self.sets_timeout else {}),
            **({"record": self.keeping.recording.value} if self.keeping.recording is not Recording.ALL else {}),
            **({"keep_days": self.keeping.days} if self.keeping.days is not None else {}),
            **({"durable": True} if self.is_durable else {}),
            **({"input_schema": self.input_schema} if self.input_schema is not None else {}),
            **({"vars": self.variables} if self.variables else {}),
            **({"limits": [limit.to_json() for limit in self.start_limits]} if self.start_limits else {}),
            **({"triggers": triggers} if (triggers := self.triggers.to_json()) else {}),
            **({"request": list(self.request_fields)} if self.request_fields else {}),
            **({"run": True} if self.reads_run else {}),
            **({"response": self.response.to_json()} if self.response is not None else {}),
        }


def load_plan(stored: Mapping[str, Any]) -> Plan:
    """The plan from its stored form (`Plan.to_json`). Raises WorkflowError PLAN_OUTDATED."""
    if stored.get("format") not in READABLE:
        raise WorkflowError(
            "The workflow was stored by another version of arcrun.",
            code="PLAN_OUTDATED",
            next_actions=["Push it again: acr push FILE."],
        )
    graph = _load_graph(stored["graph"], is_implicit=stored["format"] == IMPLICIT_FORMAT)
    timeout_ms = stored["timeout_ms"]
    sets_timeout = stored.get("sets_timeout", timeout_ms != DEFAULT_RUN_TIMEOUT_MS)  # older plans do not store it
    keeping = Keeping(Recording(stored.get("record", Recording.ALL)), stored.get("keep_days"))
    return Plan(
        stored["name"],
        graph,
        timeout_ms,
        stored["concurrency"],
        stored["format"],
        sets_timeout=sets_timeout,
        keeping=keeping,
        is_durable=stored.get("durable", False),
        triggers=Triggers.load(stored.get("triggers", {})),
        input_schema=stored.get("input_schema"),
        start_limits=tuple(StartLimit.load(limit) for limit in stored.get("limits", ())),
        variables=stored.get("vars", {}),
        request_fields=tuple(stored.get("request", ())),
        reads_run=stored.get("run", False),
        response=Response.load(stored["response"]) if "response" in stored else None,
    )


def _render_graph(graph: Graph) -> dict[str, Any]:
    return {
        "nodes": [_render_node(node) for node in graph.nodes],
        "loops": [
            {
                "source": loop.source,
                "item": loop.item,
                "path": loop.path,
                "policy": loop.policy.to_json(),
                "body": _render_graph(loop.body),
                **({"index": loop.index} if loop.index else {}),
                **({"states": True} if loop.tells_states else {}),
            }
            for loop in graph.loops
        ],
        "answers": None if graph.answers is None else [_render_edge(edge) for edge in graph.answers],
        **({"endings": [[it.name, *_render_edge(it.edge)] for it in graph.endings]} if graph.endings else {}),
    }


def _render_node(node: PlannedNode) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "name": node.name,
        "component": node.component,
        "workflow": node.workflow,
        "config": node.config,
        "parents": [_render_edge(edge) for edge in node.parents],
        "handles_failure": node.handles_failure,
        "retry": node.retry.to_json() if node.retry else None,
        "timeout_ms": node.timeout_ms,
        "cpu_ms": node.cpu_ms,
        "credentials": node.credentials,
        "take": node.take or None,
        "repeat": asdict(node.repeat) if node.repeat else None,
        "join": asdict(node.join) if node.join else None,
        "undo": _render_node(node.undo) if node.undo else None,
        "key_field": node.key_field or None,
        "is_detached": node.is_detached or None,
        "is_once": node.is_once or None,
        "tools": [_render_tool(tool) for tool in node.tools] or None,
    }
    return {key: value for key, value in rendered.items() if value is not None}


def _render_tool(tool: PlannedTool) -> dict[str, Any]:
    schema = {} if tool.input_schema is None else {"input_schema": tool.input_schema}
    return {"name": tool.name, "description": tool.description, **schema, "call": _render_node(tool.call)}


def _load_tool(stored: Mapping[str, Any]) -> PlannedTool:
    call = _load_node(stored["call"], is_implicit=False)
    return PlannedTool(stored["name"], stored["description"], stored.get("input_schema"), call)


def _render_edge(edge: InEdge) -> list[str]:
    return [edge.source, edge.relation.value, edge.argument]


def _load_graph(stored: Mapping[str, Any], *, is_implicit: bool) -> Graph:
    nodes = tuple(_load_node(node, is_implicit=is_implicit) for node in stored["nodes"])
    sources = [loop["source"] for loop in stored["loops"]]
    loops = tuple(
        PlannedLoop(
            loop["source"],
            loop["item"],
            loop["path"],
            LoopPolicy(**loop["policy"]),
            _load_graph(loop["body"], is_implicit=is_implicit),
            is_only=sources.count(loop["source"]) == 1,
            index=loop.get("index", ""),
            tells_states=loop.get("states", False),
            names_input=is_implicit and loop["source"] == INPUT,
        )
        for loop in stored["loops"]
    )
    endings = tuple(Ending(name, _load_edge(edge)) for name, *edge in stored.get("endings", ()))
    return Graph(nodes, loops, _load_edges(stored["answers"]), endings)


def _load_node(stored: Mapping[str, Any], *, is_implicit: bool) -> PlannedNode:
    return PlannedNode(
        **{
            "workflow": None,
            **stored,
            "parents": tuple(_load_edge(edge) for edge in stored["parents"]),
            "retry": RetryPolicy.load(stored["retry"]) if "retry" in stored else None,
            "repeat": RepeatPolicy(**stored["repeat"]) if "repeat" in stored else None,
            "join": Join(**stored["join"]) if "join" in stored else None,
            "undo": _load_node(stored["undo"], is_implicit=is_implicit) if "undo" in stored else None,
            "tools": tuple(map(_load_tool, stored.get("tools", ()))),
            "fills_fields": is_implicit,
            "config": _escape_braces(stored["config"]) if is_implicit else stored["config"],
        }
    )


def _escape_braces(value: Any) -> Any:
    """A config of format 2 in the current syntax: there, unclosed braces and those in keys were literal."""
    if isinstance(value, str):
        end = 0
        while (start := value.find(OPEN, end)) >= 0 and (close := value.find(CLOSE, start + 2)) >= 0:
            end = close + 2
        return value if start < 0 else value[:start] + value[start:].replace(OPEN, ESCAPED_OPEN)
    if isinstance(value, Mapping):
        return {key.replace(OPEN, ESCAPED_OPEN): _escape_braces(item) for key, item in value.items()}
    return [_escape_braces(item) for item in value] if isinstance(value, list) else value


def _load_edges(stored: Iterable[list[str]] | None) -> tuple[InEdge, ...] | None:
    return None if stored is None else tuple(_load_edge(edge) for edge in stored)


def _load_edge(stored: list[str]) -> InEdge:
    source, relation, argument = stored
    return InEdge(source, Relation(relation), argument)
