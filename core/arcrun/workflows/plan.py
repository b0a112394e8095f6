"""A workflow compiled: checked against the components that exist, ready to run, storable as JSON.

It is compiled once, when it is pushed. A trigger reads the stored form and does no YAML work.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from arcrun.errors import TemplateError
from arcrun.workflows.diagnostics import Diagnostic, build_workflow_error
from arcrun.workflows.model import INPUT, OUTPUT, Node, Workflow
from arcrun.workflows.templates import Resolver, compile_value

PLAN_FORMAT = 1


@dataclass(frozen=True)
class PlannedNode:
    """`parents` may hold INPUT. `resolve` fills the templates of `config`."""

    name: str
    component: str
    config: Mapping[str, Any]
    parents: tuple[str, ...]
    resolve: Resolver


@dataclass(frozen=True)
class Plan:
    """Nodes in an order in which parents come first; `answers` are the nodes whose data make the answer."""

    name: str
    nodes: tuple[PlannedNode, ...]
    answers: tuple[str, ...]

    @cached_property
    def children(self) -> Mapping[str, list[PlannedNode]]:
        """For each node, the nodes that wait for it."""
        children: dict[str, list[PlannedNode]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for parent in node.parents:
                if parent != INPUT:
                    children[parent].append(node)
        return children

    def to_json(self) -> dict[str, Any]:
        nodes = [
            {"name": n.name, "component": n.component, "config": n.config, "parents": list(n.parents)}
            for n in self.nodes
        ]
        return {"format": PLAN_FORMAT, "name": self.name, "nodes": nodes, "answers": list(self.answers)}


def build_plan(workflow: Workflow, unknown_components: Collection[str] = ()) -> Plan:
    """Compile `workflow`; `unknown_components` are those of its components that do not exist.

    Raises WorkflowError with every finding in details.diagnostics.
    """
    findings = [
        Diagnostic(
            "UNKNOWN_COMPONENT",
            f"the node `{node.name}` names the component `{node.component}`, which does not exist",
            f"Set `config.{node.name}.component` to one of the components that `acr parts` lists.",
        )
        for node in workflow.nodes.values()
        if node.component in unknown_components
    ]
    nodes = []
    for node in _in_order(workflow):
        try:
            nodes.append(_plan_node(workflow, node))
        except TemplateError as error:
            message = f"in `config.{node.name}`: {error.message.rstrip('.')}"
            findings.append(Diagnostic(error.code, message, error.next_actions[0]))
    if findings:
        raise build_workflow_error(findings)
    return Plan(workflow.name, tuple(nodes), _answers(workflow))


def load_plan(stored: Mapping[str, Any]) -> Plan:
    """The plan from its stored form (`Plan.to_json`)."""
    nodes = tuple(
        PlannedNode(n["name"], n["component"], n["config"], tuple(n["parents"]), compile_value(n["config"]))
        for n in stored["nodes"]
    )
    return Plan(stored["name"], nodes, tuple(stored["answers"]))


def _plan_node(workflow: Workflow, node: Node) -> PlannedNode:
    parents = dict.fromkeys(edge.source for edge in workflow.edges if edge.target == node.name)
    return PlannedNode(node.name, node.component, node.config, tuple(parents), compile_value(node.config))


def _in_order(workflow: Workflow) -> list[Node]:
    """Parents first; among equals, as written. The graph is known to have no cycle."""
    parents: dict[str, dict[str, None]] = {name: {} for name in workflow.nodes}
    for edge in workflow.edges:
        if edge.target != OUTPUT and edge.source != INPUT:
            parents[edge.target][edge.source] = None
    sorter = TopologicalSorter(parents)
    return [workflow.nodes[name] for name in sorter.static_order()]


def _answers(workflow: Workflow) -> tuple[str, ...]:
    """The nodes with an edge to `output`; without one, those that no edge leaves."""
    explicit = dict.fromkeys(edge.source for edge in workflow.edges if edge.target == OUTPUT)
    if explicit:
        return tuple(explicit)
    sources = {edge.source for edge in workflow.edges}
    return tuple(name for name in workflow.nodes if name not in sources)
