"""A workflow compiled: ready to run, and storable as JSON.

It is compiled once, when it is pushed. A trigger reads the stored form and does no YAML work. A plan is a graph of
nodes and loops; a loop's body is a graph itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from arcrun.errors import WorkflowError
from arcrun.workflows.expressions import Expression, compile_expression
from arcrun.workflows.model import INPUT, LoopPolicy, RetryPolicy
from arcrun.workflows.relations import Relation
from arcrun.workflows.templates import CREDENTIAL, Template, compile_path, compile_value

PLAN_FORMAT = 2


@dataclass(frozen=True)
class InEdge:
    """An edge, seen from where it leads. `source` may be INPUT; a CONTINUE comes from the loop of `source`."""

    source: str
    relation: Relation
    argument: str = ""

    @cached_property
    def expression(self) -> Expression:
        """Of an IF. It was read when the plan was made."""
        return compile_expression(self.argument)


@dataclass(frozen=True)
class PlannedNode:
    """A node: a call of `component`, or a run of the stored workflow `workflow` if that is not None.

    `handles_failure` is whether an ON_FAIL leaves it. `credentials` maps keys of the contract to stored names.
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

    @cached_property
    def template(self) -> Template:
        return compile_value(self.config)

    @cached_property
    def credential_references(self) -> Mapping[str, bool]:
        """The names in the config's {{credential.NAME}}, and whether each use of one has a default or a `?`."""
        optional: dict[str, bool] = {}
        for reference in self.template.references:
            if reference.head == CREDENTIAL:
                name = reference.steps[1]
                optional[name] = optional.get(name, True) and reference.has_fallback
        return optional


@dataclass(frozen=True)
class PlannedLoop:
    """The FOREACH that leaves `source`: the body runs once for each element of the list at `path`, named `item`.

    Without a path it is what `source` answered, or the field of it that holds a list.
    """

    source: str
    item: str
    path: str
    policy: LoopPolicy
    body: "Graph"

    @cached_property
    def list_template(self) -> Template | None:
        return compile_path(self.path) if self.path else None


Unit = PlannedNode | PlannedLoop
UnitKey = tuple[str, bool]  # a node's name; or the source of a loop, and True


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which parents come first. `answers` are the edges into the answer of the graph."""

    nodes: tuple[PlannedNode, ...]
    loops: tuple[PlannedLoop, ...]
    answers: tuple[InEdge, ...]

    @cached_property
    def units(self) -> Mapping[UnitKey, Unit]:
        nodes: dict[UnitKey, Unit] = {(node.name, False): node for node in self.nodes}
        return nodes | {(loop.source, True): loop for loop in self.loops}

    @cached_property
    def waits_for(self) -> Mapping[UnitKey, frozenset[UnitKey]]:
        """The units of this graph that each unit waits for."""
        waits: dict[UnitKey, frozenset[UnitKey]] = {}
        for key, unit in self.units.items():
            if isinstance(unit, PlannedLoop):
                wanted = [(unit.source, False)]
            else:
                wanted = [(edge.source, edge.relation is Relation.CONTINUE) for edge in unit.parents]
            waits[key] = frozenset(wanted) & self.units.keys()
        return waits

    @cached_property
    def children(self) -> Mapping[UnitKey, tuple[UnitKey, ...]]:
        """The units that wait for each unit."""
        children: dict[UnitKey, list[UnitKey]] = {key: [] for key in self.units}
        for key, wanted in self.waits_for.items():
            for parent in wanted:
                children[parent].append(key)
        return {key: tuple(keys) for key, keys in children.items()}

    def all_nodes(self) -> Iterator[PlannedNode]:
        """The nodes of this graph and of its loops' bodies, each once; a body follows the node that its loop leaves."""
        bodies = {loop.source: loop.body for loop in self.loops}
        if INPUT in bodies:
            yield from bodies[INPUT].all_nodes()
        for node in self.nodes:
            yield node
            if node.name in bodies:
                yield from bodies[node.name].all_nodes()


@dataclass(frozen=True)
class Plan:
    """`timeout_ms` bounds a run; `concurrency` how many components run at once in it."""

    name: str
    graph: Graph
    timeout_ms: int
    concurrency: int

    @cached_property
    def nodes(self) -> tuple[PlannedNode, ...]:
        return tuple(self.graph.all_nodes())

    def to_json(self) -> dict[str, Any]:
        return {
            "format": PLAN_FORMAT,
            "name": self.name,
            "timeout_ms": self.timeout_ms,
            "concurrency": self.concurrency,
            "graph": _render_graph(self.graph),
        }


def load_plan(stored: Mapping[str, Any]) -> Plan:
    """The plan from its stored form (`Plan.to_json`). Raises WorkflowError PLAN_OUTDATED."""
    if stored.get("format") != PLAN_FORMAT:
        raise WorkflowError(
            "The workflow was stored by another version of arcrun.",
            code="PLAN_OUTDATED",
            next_actions=["Push it again: acr push FILE."],
        )
    return Plan(stored["name"], _load_graph(stored["graph"]), stored["timeout_ms"], stored["concurrency"])


def _render_graph(graph: Graph) -> dict[str, Any]:
    return {
        "nodes": [_render_node(node) for node in graph.nodes],
        "loops": [
            {
                "source": loop.source,
                "item": loop.item,
                "path": loop.path,
                "policy": asdict(loop.policy),
                "body": _render_graph(loop.body),
            }
            for loop in graph.loops
        ],
        "answers": [_render_edge(edge) for edge in graph.answers],
    }


def _render_node(node: PlannedNode) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "name": node.name,
        "component": node.component,
        "workflow": node.workflow,
        "config": node.config,
        "parents": [_render_edge(edge) for edge in node.parents],
        "handles_failure": node.handles_failure,
        "retry": asdict(node.retry) if node.retry else None,
        "timeout_ms": node.timeout_ms,
        "credentials": node.credentials,
    }
    return {key: value for key, value in rendered.items() if value is not None}


def _render_edge(edge: InEdge) -> list[str]:
    return [edge.source, edge.relation.value, edge.argument]


def _load_graph(stored: Mapping[str, Any]) -> Graph:
    nodes = tuple(
        PlannedNode(
            **{
                "workflow": None,
                **node,
                "parents": tuple(_load_edge(edge) for edge in node["parents"]),
                "retry": RetryPolicy(**node["retry"]) if "retry" in node else None,
            }
        )
        for node in stored["nodes"]
    )
    loops = tuple(
        PlannedLoop(loop["source"], loop["item"], loop["path"], LoopPolicy(**loop["policy"]), _load_graph(loop["body"]))
        for loop in stored["loops"]
    )
    return Graph(nodes, loops, tuple(_load_edge(edge) for edge in stored["answers"]))


def _load_edge(stored: list[str]) -> InEdge:
    source, relation, argument = stored
    return InEdge(source, Relation(relation), argument)
