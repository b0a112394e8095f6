"""Workflow and shape -> plan: puts each node into the graph of its enclosing loop."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from arcrun.templates.request import REQUEST, REQUEST_FIELDS
from arcrun.templates.run import RUN
from arcrun.templates.template import STATES, Template, compile_path
from arcrun.templates.variables import Variables, select_variables
from arcrun.workflows.graph import Loop, Shape, index_of, is_continued
from arcrun.workflows.model import INPUT, OUTPUT, TOOL_INPUT, Edge, LoopPolicy, Node, NodeParts, Workflow
from arcrun.workflows.plan import (
    DURABLE_FORMAT,
    LASTING_FORMAT,
    RUN_FORMAT,
    SHAPES_FORMAT,
    STARTING_FORMAT,
    TOOLS_FORMAT,
    TRIGGERS_FORMAT,
    Ending,
    Graph,
    InEdge,
    Plan,
    PlannedLoop,
    PlannedNode,
    PlannedTool,
)
from arcrun.workflows.relations import LOOP_END, Fires
from arcrun.workflows.responses.model import list_responses
from arcrun.workflows.triggers.model import DEFAULT_TRIGGERS


def build_plan(workflow: Workflow, shape: Shape, parts: Mapping[str, NodeParts], variables: Variables) -> Plan:
    """The plan of a workflow without errors; `parts` has each node's config, taken apart, `variables` the project's."""
    builder = _GraphBuilder(workflow, shape, parts)
    plan = Plan(
        workflow.name,
        builder.build(None),
        workflow.timeout_ms,
        workflow.concurrency,
        sets_timeout=workflow.sets_timeout,
        keeping=workflow.keeping,
        is_durable=workflow.is_durable,
        triggers=workflow.triggers,
        input_schema=workflow.input_schema,
        start_limits=workflow.start_limits,
        request_fields=builder.request_fields,
        reads_run=builder.reads_run,
        response=workflow.response,
        variables={**builder.select_variables(variables), **_find_watched_variables(workflow)},
    )
    if plan.has_tools:
        return replace(plan, format=TOOLS_FORMAT)
    if plan.triggers.starts_itself:
        return replace(plan, format=STARTING_FORMAT)
    if plan.has_lasting_parts:
        return replace(plan, format=LASTING_FORMAT)
    if plan.reads_run:
        return replace(plan, format=RUN_FORMAT)
    if plan.is_durable:
        return replace(plan, format=DURABLE_FORMAT)
    if (
        plan.request_fields
        or plan.variables
        or plan.triggers != DEFAULT_TRIGGERS
        or plan.input_schema is not None
        or plan.start_limits
        or plan.response is not None
    ):
        return replace(plan, format=TRIGGERS_FORMAT)
    return replace(plan, format=SHAPES_FORMAT) if plan.has_shapes else plan


def _find_watched_variables(workflow: Workflow) -> Variables:
    """The settings that the workflow's poll reads: a version is pushed again with all that it has read."""
    watch = workflow.triggers.watch
    return {} if watch is None else watch.poll.get("vars", {})


@dataclass(frozen=True)
class _GraphBuilder:
    workflow: Workflow
    shape: Shape
    parts: Mapping[str, NodeParts]

    @cached_property
    def _into(self) -> Mapping[str, list[Edge]]:
        into: dict[str, list[Edge]] = {name: [] for name in (OUTPUT, *self.workflow.nodes)}
        for edge in self.workflow.edges:
            if not self.workflow.ending_of(edge):
                into[edge.target].append(edge)
        return into

    @cached_property
    def _handled(self) -> frozenset[str]:
        """The nodes that an ON_FAIL leaves."""
        return frozenset(edge.source for edge in self.workflow.edges if edge.spec.handles_failure)

    def build(self, around: Loop | None) -> Graph:
        """The graph of the nodes whose innermost loop is `around`; None means the whole workflow."""
        names = [name for name in self.shape.order if self.shape.loop_around(name) == around]
        sources = [INPUT, *names] if around is None else names
        loops = [loop for loop in self.shape.loops if loop.source in sources]
        return Graph(
            tuple(self._plan_node(self.workflow.nodes[name]) for name in names),
            tuple(self._plan_loop(loop) for loop in loops),
            self._answers(sources, loops),
            self._plan_endings(sources),
        )

    def _plan_endings(self, sources: Collection[str]) -> tuple[Ending, ...]:
        """The edges to ENDINGS from here. One CONTINUE for several loops fires after the last of them."""
        return tuple(
            dict.fromkeys(
                Ending(name, self._plan_edge(edge)[-1])
                for edge in self.workflow.edges
                if edge.source in sources and (name := self.workflow.ending_of(edge))
            )
        )

    def _plan_loop(self, loop: Loop) -> PlannedLoop:
        policy = self.workflow.loops.get(loop.source, LoopPolicy())
        is_only = len(self.shape.loops_of(loop.source)) == 1
        index = index_of(loop.item) if index_of(loop.item) in self._read else ""
        body = self.build(loop)
        has_gaps = not policy.is_plain or any(body.endings)
        tells_states = has_gaps or bool({(loop.source, STATES), (loop.item, STATES)} & self._read_fields)
        return PlannedLoop(loop.source, loop.item, loop.path, policy, body, is_only, index, tells_states)

    @cached_property
    def _read(self) -> frozenset[str]:
        """The names that are no nodes or items, and that templates or expressions read."""
        taken = {*self.workflow.nodes, *(loop.item for loop in self.shape.loops)}
        return frozenset(steps[0] for steps in self._paths) - taken

    def select_variables(self, known: Variables) -> Variables:
        """The settings that are read."""
        return select_variables(known, self._paths)

    @property
    def request_fields(self) -> tuple[str, ...]:
        """The fields of `request` that are read, all of them if it is read as a whole."""
        read = {steps[1] if len(steps) > 1 else "" for steps in self._paths if steps[0] == REQUEST}
        return tuple(name for name in REQUEST_FIELDS if name in read or "" in read)

    @property
    def reads_run(self) -> bool:
        """Whether the flow reads `run`; every response knows it."""
        return any(steps[0] == RUN for steps in self._flow_paths)

    @cached_property
    def _read_fields(self) -> frozenset[tuple[str, str]]:
        """The names with their first fields that templates or expressions read."""
        return frozenset((steps[0], steps[1]) for steps in self._paths if len(steps) > 1)

    @cached_property
    def _paths(self) -> frozenset[tuple[str, ...]]:
        """The paths that templates and expressions read."""
        found = set(self._flow_paths)
        for response in list_responses(self.workflow.response):
            found |= {reference.steps for _, template in response.parts for reference in template.references}
        return frozenset(found)

    @cached_property
    def _flow_paths(self) -> frozenset[tuple[str, ...]]:
        """Those that the flow reads."""
        templates = (it for node in self.workflow.nodes.values() for it in node.templates.values())
        found = {reference.steps for it in templates if isinstance(it, Template) for reference in it.references}
        for edge in self.workflow.edges:
            if edge.spec.fires is Fires.ON_CONDITION:
                found |= edge.expression.paths
            if edge.path:
                found |= {reference.steps for reference in compile_path(edge.path).references}
        for policy in self.workflow.loops.values():
            if policy.until:
                found |= policy.expression.paths
        for part in (it for node in self.parts.values() for it in (node, node.undo) if it is not None):
            if part.settings.take:
                found |= {reference.steps for reference in compile_path(part.settings.take).references}
            if (repeat := part.settings.repeat) is not None:
                found |= repeat.expression.paths
                found |= {reference.steps for reference in repeat.template.references} if repeat.template else set()
        return frozenset(found)

    def _plan_node(self, node: Node) -> PlannedNode:
        part = self.parts[node.name]
        edges = (planned for edge in self._into[node.name] for planned in self._plan_edge(edge))
        undo = None
        if node.undo is not None and part.undo is not None:
            undo = _plan_call(node.undo, part.undo, take=part.undo.settings.take, parents=())
        return _plan_call(
            node,
            part,
            take=self._plan_take(node, part.settings.take),
            parents=tuple(dict.fromkeys(edges)),
            handles_failure=node.name in self._handled,
            join=part.settings.join,
            repeat=part.settings.repeat,
            undo=undo,
            tools=tuple(
                _plan_tool(tool, node, part.tools[tool.tool]) for tool in node.tools if tool.tool in part.tools
            ),
        )

    def _plan_edge(self, edge: Edge) -> list[InEdge]:
        if not edge.spec.ends_loop:
            return [InEdge(edge.source, edge.relation, edge.argument)]
        return [InEdge(edge.source, edge.relation, loop.item) for loop in self.shape.loops if is_continued(loop, edge)]

    def _plan_take(self, node: Node, take: str) -> str:
        """The path of the taken value. A sub-workflow takes FROM's data by default."""
        if take or node.component is not None or "input" in node.config:
            return take
        into = self._into[node.name]
        caller = next(edge.source for edge in into if edge.spec.calls_workflow)
        return caller if caller == INPUT else f"{caller}.data"

    def _answers(self, names: Collection[str], loops: Collection[Loop]) -> tuple[InEdge, ...] | None:
        """The edges to `output`, None if there are none from here. A loop represents the edges out of its body."""
        explicit: dict[InEdge, None] = {}
        for edge in self._into[OUTPUT]:
            loop = next((loop for loop in loops if edge.source in loop.body), None)
            if loop is not None:
                explicit[InEdge(loop.source, LOOP_END, loop.item)] = None
            elif edge.source in names:
                explicit |= dict.fromkeys(self._plan_edge(edge))
        return tuple(explicit) or None


def _plan_tool(tool: Node, node: Node, part: NodeParts) -> PlannedTool:
    from arcrun.workflows.asking.tools import describe_tool  # noqa: PLC0415 - few nodes have any

    call = replace(_plan_call(tool, part, take=TOOL_INPUT, parents=()), name=f"{tool.name}.{tool.tool}")
    return PlannedTool(tool.tool, *describe_tool(tool, node), call)


def _plan_call(node: Node, part: NodeParts, **place: Any) -> PlannedNode:
    """A node, given what it takes and its place in the flow."""
    return PlannedNode(
        name=node.name,
        component=node.component or f"workflow:{node.workflow}",
        workflow=node.workflow,
        config=part.config,
        retry=part.settings.retry,
        timeout_ms=part.settings.timeout_ms,
        cpu_ms=part.settings.cpu_ms,
        credentials=part.settings.credentials or None,
        key_field=part.settings.key_field,
        is_detached=part.settings.is_detached,
        is_once=part.settings.is_once,
        **place,
    )
