"""Workflow and shape -> plan: each node into the graph of the loop around it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from arcrun.workflows.graph import Loop, Shape
from arcrun.workflows.model import INPUT, OUTPUT, LoopPolicy, Node, NodeParts, Workflow
from arcrun.workflows.plan import Graph, InEdge, Plan, PlannedLoop, PlannedNode
from arcrun.workflows.relations import Relation


def build_plan(workflow: Workflow, shape: Shape, parts: Mapping[str, NodeParts]) -> Plan:
    """The plan of a workflow without errors; `parts` has each node's config, taken apart."""
    builder = _GraphBuilder(workflow, shape, parts)
    return Plan(workflow.name, builder.build(None), workflow.timeout_ms, workflow.concurrency)


@dataclass(frozen=True)
class _GraphBuilder:
    workflow: Workflow
    shape: Shape
    parts: Mapping[str, NodeParts]

    def build(self, around: Loop | None) -> Graph:
        """The graph of the nodes whose innermost loop is `around`; None stands for the whole workflow."""
        names = [name for name in self.shape.order if self.shape.loop_around(name) == around]
        sources = [INPUT, *names] if around is None else names
        loops = [loop for loop in self.shape.loops.values() if loop.source in sources]
        return Graph(
            tuple(self._plan_node(self.workflow.nodes[name]) for name in names),
            tuple(self._plan_loop(loop) for loop in loops),
            self._answers(sources, loops),
        )

    def _plan_loop(self, loop: Loop) -> PlannedLoop:
        policy = self.workflow.loops.get(loop.source, LoopPolicy())
        return PlannedLoop(loop.source, loop.item, loop.path, policy, self.build(loop))

    def _plan_node(self, node: Node) -> PlannedNode:
        config, settings = self.parts[node.name].config, self.parts[node.name].settings
        into = [edge for edge in self.workflow.edges if edge.target == node.name]
        return PlannedNode(
            name=node.name,
            component=node.component or f"workflow:{node.workflow}",
            workflow=node.workflow,
            config=config,
            parents=tuple(dict.fromkeys(InEdge(e.source, e.relation, e.argument) for e in into)),
            handles_failure=any(e.source == node.name and e.relation is Relation.ON_FAIL for e in self.workflow.edges),
            retry=settings.retry,
            timeout_ms=settings.timeout_ms,
            credentials=settings.credentials or None,
        )

    def _answers(self, names: Collection[str], loops: Collection[Loop]) -> tuple[InEdge, ...]:
        """The edges to `output`; without one, the nodes and loops that nothing leaves. A body stands for its loop."""
        explicit: dict[InEdge, None] = {}
        for edge in self.workflow.edges:
            if edge.target != OUTPUT:
                continue
            loop = next((loop for loop in loops if edge.source in loop.body), None)
            if loop is not None:
                explicit[InEdge(loop.source, Relation.CONTINUE)] = None
            elif edge.source in names:
                explicit[InEdge(edge.source, edge.relation, edge.argument)] = None
        if explicit:
            return tuple(explicit)
        sources = {edge.source for edge in self.workflow.edges}
        continued = {edge.source for edge in self.workflow.edges if edge.relation is Relation.CONTINUE}
        return (
            *(InEdge(name, Relation.ON_SUCCESS) for name in names if name not in sources),
            *(InEdge(loop.source, Relation.CONTINUE) for loop in loops if loop.source not in continued),
        )
