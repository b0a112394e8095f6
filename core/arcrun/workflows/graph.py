"""The shape of a flow: cycles, what can be reached, the bodies of loops, and what has settled before each node runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from arcrun.workflows.clocks import CLOCKS
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import INPUT, OUTPUT, Edge, Workflow
from arcrun.workflows.relations import Relation
from arcrun.workflows.templates import ALIASES, CREDENTIAL


@dataclass(frozen=True)
class Loop:
    """The FOREACH that leaves `source`. `body` are the nodes that only its `entries` reach, inner loops' among them."""

    source: str
    item: str
    path: str
    entries: tuple[str, ...]
    body: frozenset[str]


@dataclass(frozen=True)
class Shape:
    """`order` has parents first; among equals, as written.

    `settled` has for each node what has settled before it runs: nodes by name, and the results of loops as
    `results_of(source)`. `loops` are by source, outer ones first.
    """

    order: tuple[str, ...]
    loops: Mapping[str, Loop]
    settled: Mapping[str, frozenset[str]]

    def loop_around(self, node: str) -> Loop | None:
        """The innermost loop whose body has `node`."""
        around = [loop for loop in self.loops.values() if node in loop.body]
        return min(around, key=lambda loop: len(loop.body), default=None)

    def loops_around(self, node: str) -> list[Loop]:
        return [loop for loop in self.loops.values() if node in loop.body]


def results_of(source: str) -> str:
    """How `Shape.settled` names a finished loop. No node has such a name."""
    return f"{source}.results"


def analyse_flow(workflow: Workflow, findings: Findings) -> Shape | None:
    """None if the flow is no graph that can run; what is wrong is among the findings."""
    before = len(findings.errors)
    _report_names(workflow, findings)
    _report_cycle(workflow.edges, findings)
    if len(findings.errors) == before:
        _report_unreachable(workflow, findings)
    loops = _find_loops(workflow, findings)
    if len(findings.errors) > before:
        return None
    order = _order(workflow)
    ordered = sorted(loops.values(), key=lambda loop: -len(loop.body))
    return Shape(order, {loop.source: loop for loop in ordered}, _find_settled(workflow.edges, order))


def reachable(starts: Iterable[str], edges: Iterable[Edge]) -> set[str]:
    """The starts, and what edges lead to from there."""
    targets: dict[str, list[str]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    reached, pending = set(starts), list(starts)
    while pending:
        for target in targets.get(pending.pop(), ()):
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached


def _report_names(workflow: Workflow, findings: Findings) -> None:
    for name, node in workflow.nodes.items():
        if _is_taken(name):
            message = f"a node cannot be named `{name}`: templates have another meaning for it"
            findings.add("INVALID_WORKFLOW", message, "Give the node another name.", at=node.at)


def _is_taken(name: str) -> bool:
    """Whether a template that starts with the name refers to something else than a node or an item."""
    return name in CLOCKS or ALIASES.get(name, name) in (INPUT, OUTPUT, CREDENTIAL)


def _report_cycle(edges: Iterable[Edge], findings: Findings) -> None:
    """Remove nodes that nothing left points to until none can go; what remains lies on or behind a cycle."""
    remaining = {edge.source for edge in edges} | {edge.target for edge in edges}
    size = -1
    while size != len(remaining):
        size = len(remaining)
        remaining &= {edge.target for edge in edges if edge.source in remaining}
        remaining &= {edge.source for edge in edges if edge.target in remaining}
    if remaining:
        first = next(edge for edge in edges if edge.source in remaining and edge.target in remaining)
        hint = "A workflow runs forwards only: remove the line that leads back, or use FOREACH to repeat."
        findings.add("CYCLE", f"the nodes {', '.join(sorted(remaining))} form a cycle", hint, at=first.at)


def _report_unreachable(workflow: Workflow, findings: Findings) -> None:
    reached = reachable([INPUT], workflow.edges)
    for name in workflow.nodes:
        if name not in reached:
            at = next(edge.at for edge in workflow.edges if name in (edge.source, edge.target))
            hint = f"Add a line such as `input >> ON_SUCCESS >> {name}`."
            findings.add("UNREACHABLE_NODE", f"no path leads from `input` to `{name}`", hint, at=at)


def _find_loops(workflow: Workflow, findings: Findings) -> dict[str, Loop]:
    loops: dict[str, Loop] = {}
    for edge in workflow.edges:
        if edge.relation is not Relation.FOREACH:
            continue
        known = loops.get(edge.source)
        if known is None:
            loops[edge.source] = _build_loop(workflow, edge, findings)
        elif (known.item, known.path) != (edge.argument, edge.path):
            hint = "One node has one loop; its lines name the same item and path."
            findings.add("INVALID_LOOP", f"two different loops leave `{edge.source}`", hint, at=edge.at)
    for edge in workflow.edges:
        if edge.relation is Relation.CONTINUE and edge.source not in loops:
            hint = f"Add `{edge.source} >> FOREACH item IN path >> ...`, or write ON_SUCCESS."
            findings.add(
                "INVALID_LOOP", f"no FOREACH leaves `{edge.source}`, so nothing is to continue", hint, at=edge.at
            )
    return loops


def _build_loop(workflow: Workflow, first: Edge, findings: Findings) -> Loop:
    def is_entry(edge: Edge) -> bool:
        return edge.source == first.source and edge.relation is Relation.FOREACH

    entries = tuple(dict.fromkeys(edge.target for edge in workflow.edges if is_entry(edge)))
    outside = reachable([INPUT], [edge for edge in workflow.edges if not is_entry(edge)])
    body = frozenset(reachable(entries, workflow.edges) - outside - {OUTPUT})
    _report_item(workflow, first, findings)
    for edge in workflow.edges:
        if is_entry(edge) and edge.target not in body:
            hint = f"Remove the other way to it; after the loop it is `{edge.source} >> CONTINUE >> {edge.target}`."
            findings.add(
                "INVALID_LOOP", f"`{edge.target}` begins a loop and is reached without it too", hint, at=edge.at
            )
        elif edge.source in body and edge.target not in body and edge.target != OUTPUT:
            hint = f"What comes after the loop is `{first.source} >> CONTINUE >> {edge.target}`."
            message = f"`{edge.source}` runs once for each `{first.argument}`, and leads out of the loop"
            findings.add("INVALID_LOOP", message, hint, at=edge.at)
    return Loop(first.source, first.argument, first.path, entries, body)


def _report_item(workflow: Workflow, edge: Edge, findings: Findings) -> None:
    item = edge.argument
    if item in workflow.nodes or _is_taken(item):
        findings.add("INVALID_LOOP", f"the item's name `{item}` is taken", "Give the item another name.", at=edge.at)


def _order(workflow: Workflow) -> tuple[str, ...]:
    parents: dict[str, dict[str, None]] = {name: {} for name in workflow.nodes}
    for edge in workflow.edges:
        if edge.target != OUTPUT and edge.source != INPUT:
            parents[edge.target][edge.source] = None
    return tuple(TopologicalSorter(parents).static_order())


def _find_settled(edges: Iterable[Edge], order: Iterable[str]) -> dict[str, frozenset[str]]:
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        incoming.setdefault(edge.target, []).append(edge)
    settled: dict[str, frozenset[str]] = {INPUT: frozenset()}
    for name in order:
        before: set[str] = set()
        for edge in incoming.get(name, ()):
            before |= {edge.source, *settled[edge.source]}
            if edge.relation is Relation.CONTINUE:
                before.add(results_of(edge.source))
        settled[name] = frozenset(before)
    return settled
