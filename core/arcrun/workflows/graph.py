"""The shape of a flow: cycles, reachability, loops' bodies, and what has settled before each node runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter

from arcrun.limits import MAX_LOOP_DEPTH, MAX_LOOPS
from arcrun.templates.clocks import CLOCKS
from arcrun.templates.template import ALIASES, CREDENTIAL
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import INPUT, OUTPUT, STOP, TERMINAL_ALIASES, Edge, Join, Workflow

# Names in templates that no node may have: the request, the project's settings, and the run itself.
RESERVED_NAMES = ("request", "vars", "run")
# When a response is made, as names of Shape.settled, which no node can have: the run has succeeded, or has failed; or
# it has succeeded or led to `respond`.
ENDED, HAS_FAILED, RESPONDED = "\0ended", "\0failed", "\0responded"


@dataclass(frozen=True)
class Loop:
    """A FOREACH that leaves `source`. `body` are the nodes that only its `entries` reach, including inner loops'."""

    source: str
    item: str
    path: str
    entries: tuple[str, ...]
    body: frozenset[str]

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.item


@dataclass(frozen=True)
class Assured:
    """What has settled for certain before each node, as bits: `bits` are those of nodes and of finished loops."""

    bits: Mapping[str, int]
    before: Mapping[str, int]


@dataclass(frozen=True)
class Shape:
    """The shape of a flow. `order` has parents first; independent nodes are in the order of the flow.

    `settled` maps each node to what has settled before it runs: names of nodes, and finished loops as named by
    `results_of`; `assured` to what of that has settled for certain, None if it is the same. `loops` are in the order of
    the flow, `joins` those that are not `any`, by node. `at_end` has what has settled for certain at ENDED,
    HAS_FAILED and RESPONDED.
    """

    order: tuple[str, ...]
    loops: tuple[Loop, ...]
    settled: Mapping[str, frozenset[str]]
    joins: Mapping[str, Join] = field(default_factory=dict)
    assured: Assured | None = None
    at_end: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_assured(self, name: str, node: str) -> bool:
        """Whether this node or finished loop of `settled` has settled for certain before `node` runs."""
        if node in self.at_end:
            return name in self.at_end[node]
        return self.assured is None or bool(self.assured.before[node] & self.assured.bits.get(name, 0))

    @cached_property
    def _around(self) -> Mapping[str, list[Loop]]:
        around: dict[str, list[Loop]] = {}
        for loop in sorted(self.loops, key=lambda loop: len(loop.body)):
            for node in loop.body:
                around.setdefault(node, []).append(loop)
        return around

    def loop_around(self, node: str) -> Loop | None:
        """The innermost loop whose body contains `node`."""
        around = self._around.get(node)
        return around[0] if around else None

    def loops_around(self, node: str) -> list[Loop]:
        """The loops whose body contains `node`, innermost first."""
        return self._around.get(node, [])

    def loops_of(self, source: str) -> list[Loop]:
        """The loops that leave `source`."""
        return [loop for loop in self.loops if loop.source == source]


def index_of(item: str) -> str:
    """The name of an element's number in its loop's body."""
    return f"{item}_index"


def results_of(loop: Loop) -> str:
    """The name of a finished loop in `Shape.settled`. No node can have such a name."""
    return f"{loop.source}.results.{loop.item}"


def add_ends(workflow: Workflow, shape: Shape) -> Shape:
    """The shape with ENDED, HAS_FAILED and RESPONDED, for what is evaluated at a run's end, or when it responds."""
    outer = frozenset(name for name in shape.order if shape.loop_around(name) is None)
    settled = outer | {results_of(loop) for loop in shape.loops if loop.source == INPUT or loop.source in outer}
    assured = settled - _find_cancellable(workflow, shape)
    if any(workflow.ending_of(edge) == STOP for edge in workflow.edges):
        assured = frozenset()
    before = assured
    for edge in workflow.responds:
        before &= _find_settled_at(edge, shape)
    return replace(
        shape,
        settled={**shape.settled, ENDED: settled, HAS_FAILED: settled, RESPONDED: settled},
        at_end={ENDED: assured, HAS_FAILED: frozenset(), RESPONDED: before},
    )


def _find_settled_at(edge: Edge, shape: Shape) -> frozenset[str]:
    """What has settled for certain when an edge fires."""
    earlier = frozenset(name for name in shape.settled[edge.source] if shape.is_assured(name, edge.source))
    loops = {results_of(loop) for loop in shape.loops if edge.spec.ends_loop and is_continued(loop, edge)}
    return earlier | {edge.source} | loops


def _find_cancellable(workflow: Workflow, shape: Shape) -> frozenset[str]:
    """The nodes and finished loops that a join may cancel, since they lead to nothing else."""
    found: set[str] = set()
    leaving: dict[str, set[str]] = {}
    for edge in workflow.edges:
        leaving.setdefault(edge.source, set()).add(edge.target)
    for join in (name for name, join in shape.joins.items() if join.cancels_rest):
        behind = {join}
        for name in reversed(shape.order):
            if leaving.get(name) and leaving[name] <= behind:
                behind.add(name)
        loops = {results_of(loop) for loop in shape.loops if loop.source in behind}
        found |= {name for name in (behind | loops) & shape.settled[join] if not shape.is_assured(name, join)}
    return frozenset(found)


def analyse_flow(workflow: Workflow, findings: Findings) -> Shape | None:
    """The shape of the flow; None if it cannot run, with the reasons among the findings."""
    before = len(findings.errors)
    _report_names(workflow, findings)
    _report_cycle(workflow.edges, findings)
    if len(findings.errors) == before:
        _report_unreachable(workflow, findings)
    loops = _find_loops(workflow, findings)
    if len(findings.errors) > before:
        return None
    order = _order(workflow)
    shape = Shape(order, tuple(loops), _find_settled(workflow.edges, loops, order))
    deepest = next((edge for edge in workflow.edges if len(shape.loops_around(edge.target)) > MAX_LOOP_DEPTH), None)
    if deepest is None:
        return shape
    hint = f"Move the loops inside of `{deepest.source}` into a sub-workflow: CALLS_SUBFLOW."
    message = f"`{deepest.target}` is in more than {MAX_LOOP_DEPTH} nested loops"
    findings.add("INVALID_LOOP", message, hint, at=deepest.at)
    return None


def reachable(starts: Iterable[str], edges: Iterable[Edge]) -> set[str]:
    """The starts, and everything that edges lead to from there."""
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
            message = f"a node cannot be named `{name}`: it has another meaning in templates"
            findings.add("INVALID_WORKFLOW", message, "Give the node another name.", at=node.at)


def _is_taken(name: str) -> bool:
    """Whether a template that starts with the name refers to something other than a node or an item."""
    return name in CLOCKS or ALIASES.get(name, name) in (INPUT, OUTPUT, CREDENTIAL) or name in RESERVED_NAMES


def _report_cycle(edges: Iterable[Edge], findings: Findings) -> None:
    """Repeatedly removing nodes without predecessors, then nodes without successors, leaves those on a cycle or between
    two.
    """
    edges = tuple(edges)
    remaining = _strip(_strip({name for edge in edges for name in (edge.source, edge.target)}, edges), edges, back=True)
    if remaining:
        first = next(edge for edge in edges if edge.source in remaining and edge.target in remaining)
        hint = "A workflow only runs forwards: remove the line that leads back, or use FOREACH to repeat."
        findings.add("CYCLE", f"the nodes {', '.join(sorted(remaining))} form a cycle", hint, at=first.at)


def _strip(names: set[str], edges: Iterable[Edge], *, back: bool = False) -> set[str]:
    """The names that remain after repeatedly removing those that no edge enters (`back`: leaves)."""
    after: dict[str, list[str]] = {name: [] for name in names}
    counts = dict.fromkeys(names, 0)
    for edge in edges:
        if edge.source in names and edge.target in names:
            first, then = (edge.target, edge.source) if back else (edge.source, edge.target)
            after[first].append(then)
            counts[then] += 1
    free = [name for name, count in counts.items() if not count]
    left = set(names)
    while free:
        name = free.pop()
        left.discard(name)
        for then in after[name]:
            counts[then] -= 1
            if not counts[then]:
                free.append(then)
    return left


def _report_unreachable(workflow: Workflow, findings: Findings) -> None:
    reached = reachable([INPUT], workflow.edges)
    for name in workflow.nodes:
        if name not in reached:
            at = next(edge.at for edge in workflow.edges if name in (edge.source, edge.target))
            hint = f"Add a line such as `input >> ON_SUCCESS >> {name}`."
            if name.lower() in TERMINAL_ALIASES:
                hint = f"Did you mean `{name.lower()}`? Names are case-sensitive."
            findings.add("UNREACHABLE_NODE", f"no path leads from `input` to `{name}`", hint, at=at)


def _find_loops(workflow: Workflow, findings: Findings) -> list[Loop]:
    loops: dict[tuple[str, str], Loop] = {}
    for edge in workflow.edges:
        if not edge.spec.begins_loop:
            continue
        key = (edge.source, edge.argument)
        known = loops.get(key)
        if known is None and len(loops) == MAX_LOOPS:
            hint = "Move some of them into sub-workflows: CALLS_SUBFLOW."
            findings.add("INVALID_LOOP", f"there are more than {MAX_LOOPS} loops", hint, at=edge.at)
            return []
        if known is None:
            loops[key] = _build_loop(workflow, edge, findings)
        elif known.path != edge.path:
            message = f"two loops with the item `{edge.argument}` leave `{edge.source}`"
            hint = "Give the items different names; or, for one loop, name the same list in its lines."
            findings.add("INVALID_LOOP", message, hint, at=edge.at)
    for edge in workflow.edges:
        if edge.spec.ends_loop:
            _report_continue(edge, [loop for loop in loops.values() if loop.source == edge.source], findings)
    return list(loops.values())


def _report_continue(edge: Edge, loops: list[Loop], findings: Findings) -> None:
    if not loops:
        hint = f"Add `{edge.source} >> FOREACH item IN path >> ...`, or write ON_SUCCESS."
        message = f"no FOREACH leaves `{edge.source}`, so there is nothing to continue"
        findings.add("INVALID_LOOP", message, hint, at=edge.at)
    elif edge.argument and edge.argument not in [loop.item for loop in loops]:
        hint = f"Write {' or '.join(f'CONTINUE({loop.item})' for loop in loops)}."
        message = f"no FOREACH {edge.argument} leaves `{edge.source}`"
        findings.add("INVALID_LOOP", message, hint, at=edge.at)


def _build_loop(workflow: Workflow, first: Edge, findings: Findings) -> Loop:
    def is_entry(edge: Edge) -> bool:
        return edge.spec.begins_loop and (edge.source, edge.argument) == (first.source, first.argument)

    entries = tuple(dict.fromkeys(edge.target for edge in workflow.edges if is_entry(edge)))
    outside = reachable([INPUT], [edge for edge in workflow.edges if not is_entry(edge)])
    body = frozenset((reachable(entries, workflow.edges) - outside) & workflow.nodes.keys())
    _report_item(workflow, first, findings)
    for edge in workflow.edges:
        if is_entry(edge) and edge.target not in body:
            hint = f"Remove the other way to it; after the loop, write `{edge.source} >> CONTINUE >> {edge.target}`."
            findings.add(
                "INVALID_LOOP", f"`{edge.target}` begins a loop and is also reached without it", hint, at=edge.at
            )
        elif edge.source in body and edge.target not in body and edge.target in workflow.nodes:
            hint = f"After the loop, write `{first.source} >> CONTINUE >> {edge.target}`."
            message = f"`{edge.source}` runs once for each `{first.argument}`, and leads out of the loop"
            findings.add("INVALID_LOOP", message, hint, at=edge.at)
    return Loop(first.source, first.argument, first.path, entries, body)


def is_continued(loop: Loop, edge: Edge) -> bool:
    """Whether the CONTINUE `edge` leaves the loop. One without an item leaves all loops of its source."""
    return loop.source == edge.source and edge.argument in ("", loop.item)


def _report_item(workflow: Workflow, edge: Edge, findings: Findings) -> None:
    item = edge.argument
    if item in workflow.nodes or _is_taken(item):
        findings.add("INVALID_LOOP", f"the item's name `{item}` is taken", "Give the item another name.", at=edge.at)
    index, items = index_of(item), [edge.argument for edge in workflow.edges if edge.spec.begins_loop]
    if index in workflow.nodes or index in items:
        message = f"`{index}` is a node or an item here, and hides the number of an element of `{item}`"
        findings.warn("INVALID_LOOP", message, f"Give `{index}` another name.", at=edge.at)


def _order(workflow: Workflow) -> tuple[str, ...]:
    parents: dict[str, dict[str, None]] = {name: {} for name in workflow.nodes}
    for edge in workflow.edges:
        if edge.target in parents and edge.source != INPUT:
            parents[edge.target][edge.source] = None
    return tuple(TopologicalSorter(parents).static_order())


def _find_settled(edges: Iterable[Edge], loops: Iterable[Loop], order: Iterable[str]) -> dict[str, frozenset[str]]:
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        incoming.setdefault(edge.target, []).append(edge)
    settled: dict[str, frozenset[str]] = {INPUT: frozenset()}
    for name in order:
        before: set[str] = set()
        for edge in incoming.get(name, ()):
            before |= settled[edge.source]
            before.add(edge.source)
            if edge.spec.ends_loop:
                before |= {results_of(loop) for loop in loops if is_continued(loop, edge)}
        settled[name] = frozenset(before)
    return settled
