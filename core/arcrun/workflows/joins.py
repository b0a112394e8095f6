"""Checks the joins of a flow and its lines to `stop` and `break`; finds what has settled for certain behind a join."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from arcrun.contracts.model import Contract
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.graph import Shape, is_continued, reachable, results_of
from arcrun.workflows.model import BREAK, INPUT, OUTPUT, Edge, Join, Node, SymbolTable, Workflow
from arcrun.workflows.relations import Fires

Facts = TypeVar("Facts", int, frozenset[str])
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_BODIES = ("body", "body_json", "body_base64", "form", "multipart")


def find_lines(edges: Iterable[Edge]) -> list[Edge]:
    """The edges into a node, each once however often it is written: the lines that a join counts."""
    return list({(edge.source, edge.relation, edge.argument): edge for edge in edges}.values())


def hold_whichever(sets: list[Facts], count: int) -> Facts:
    """What holds whichever `count` of the sets hold: what so many of them have that each choice has one of those."""
    count = min(count, len(sets))  # reported as an error
    levels: list[Facts] = []  # what at least 1, 2 ... of the sets so far have
    for facts in sets:
        levels.append(facts if not levels else levels[-1] & facts)
        for i in reversed(range(1, len(levels) - 1)):
            levels[i] |= levels[i - 1] & facts
        levels[0] |= facts
    return levels[len(sets) - count]


def add_joins(workflow: Workflow, shape: Shape, joins: Mapping[str, Join]) -> Shape:
    """The shape with its joins. Behind one that is early, less has settled for certain."""
    assured = _find_assured(workflow, shape, joins) if any(join.is_early for join in joins.values()) else None
    return replace(shape, joins=joins, assured=assured) if joins else shape


def _find_assured(workflow: Workflow, shape: Shape, joins: Mapping[str, Join]) -> Mapping[str, frozenset[str]]:
    into: dict[str, list[Edge]] = {name: [] for name in shape.order}
    for edge in workflow.edges:
        into.setdefault(edge.target, []).append(edge)
    assured: dict[str, frozenset[str]] = {INPUT: frozenset()}
    for name in shape.order:
        before = []
        for edge in find_lines(into[name]):
            loops = [results_of(loop) for loop in shape.loops if edge.spec.ends_loop and is_continued(loop, edge)]
            before.append(assured[edge.source] | {edge.source, *loops})
        join, deciding = joins.get(name), len(before)
        if join is not None and join.at_least is not None:  # N that fire decide it, or so many that N no longer can
            deciding = min(join.at_least, max(1, len(before) - join.at_least + 1))
        assured[name] = hold_whichever(before, deciding)
    return assured


class ShapeChecker:
    """Checks the joins, and the lines to `stop` and `break`, of a flow whose shape is known."""

    def __init__(self, workflow: Workflow, shape: Shape, symbols: SymbolTable, findings: Findings) -> None:
        self._workflow, self._shape, self._symbols, self._findings = workflow, shape, symbols, findings

    def check(self) -> None:
        for name, join in self._shape.joins.items():
            lines = find_lines(edge for edge in self._workflow.edges if edge.target == name)
            self._check_join(self._workflow.nodes[name], join, lines)
        endings = [edge for edge in self._workflow.edges if self._workflow.ending_of(edge)]
        for edge in endings:
            if edge.target == BREAK and self._shape.loop_around(edge.source) is None:
                message = f"`{edge.source}` is in no loop that `break` could end"
                self._findings.add("BREAK_OUTSIDE_LOOP", message, at=edge.at)
        self._report_unreachable(endings)

    def _check_join(self, node: Node, join: Join, lines: list[Edge]) -> None:
        at = (*node.at, "join")
        if join.at_least is not None and join.at_least > len(lines):
            message = f"`{node.name}` waits for {join.at_least} lines, but {len(lines)} lead to it"
            self._findings.add("INVALID_JOIN", message, f"Write at_least: {len(lines)} at most.", at=at)
        elif len(lines) == 1:
            message = f"one line leads to `{node.name}`, so that each `join` means the same"
            self._findings.warn("INVALID_JOIN", message, "Add the other lines, or omit `join`.", at=at)
        if not join.is_early:
            self._report_opposites(node, lines)
            return
        for edge in lines:
            loops = [loop.item for loop in self._shape.loops_of(edge.source)]
            if edge.spec.ends_loop and not edge.argument and len(loops) > 1:
                message = f"CONTINUE follows {len(loops)} loops of `{edge.source}`, and `{node.name}` counts lines"
                hint = f"Write {' or '.join(f'CONTINUE({item})' for item in loops)}, or a line for each."
                self._findings.add("INVALID_JOIN", message, hint, at=edge.at)
        self._warn_of_effects(node, join, lines)

    def _report_opposites(self, node: Node, lines: list[Edge]) -> None:
        """Report a `join: all` of two lines of one node that exclude each other."""
        for i, one in enumerate(lines):
            for other in lines[i + 1 :]:
                if one.source == other.source and _are_opposite(one, other):
                    message = f"`{node.name}` waits for {one.relation} and {other.relation} of `{one.source}`"
                    hint = "They never fire both: write join: any, or lead only one of them here."
                    self._findings.add("INVALID_JOIN", message, hint, at=other.at)
                    return

    def _warn_of_effects(self, node: Node, join: Join, lines: list[Edge]) -> None:
        for name in self._find_racers(node.name, lines):
            racer = self._workflow.nodes[name]
            contract = self._symbols.contracts.get(racer.component or "")
            if contract is None or not _has_effects(contract, racer):
                continue
            how = "be cancelled after it has had its effect" if join.cancels_rest else "have its effect all the same"
            message = f"`{name}` may lose the race to `{node.name}`, and {how}"
            hint = f"Let `{name}` only read, and have the effect after `{node.name}`."
            self._findings.warn("RACE_WITH_EFFECTS", message, hint, at=racer.at)

    def _find_racers(self, join: str, lines: list[Edge]) -> list[str]:
        """The nodes that only lead to the join, and that not all of its lines depend on."""
        edges, nodes = self._workflow.edges, self._workflow.nodes
        leading = [self._shape.settled[edge.source] | {edge.source} for edge in lines]
        found = frozenset.union(*leading) - frozenset.intersection(*leading)
        while strays := {e.source for e in edges if e.source in found and e.target not in found and e.target != join}:
            found -= strays
        return [name for name in nodes if name in found]

    def _report_unreachable(self, endings: list[Edge]) -> None:
        """Report nodes behind lines that only fire together with a line to `stop` or `break`."""
        ends = {(edge.source, edge.relation, edge.argument): edge for edge in endings}
        succeeded = {e.source: e for e in endings if e.spec.fires is Fires.ON_SUCCESS}
        never = []
        for edge in self._workflow.edges:
            if edge.target == OUTPUT or edge in endings:
                continue
            end = ends.get((edge.source, edge.relation, edge.argument))
            if end is None and not edge.spec.handles_failure:
                end = succeeded.get(edge.source)
            if end is not None:
                never.append((edge, end))
        reached = reachable([INPUT], [e for e in self._workflow.edges if e not in [edge for edge, _ in never]])
        for edge, end in never:
            if edge.target not in reached:
                message = f"`{edge.target}` never runs: `{end.source} >> {end.relation} >> {end.target}` comes first"
                hint = f"Lead to `{end.target}` on a condition, or remove one of the two lines."
                self._findings.add("UNREACHABLE_NODE", message, hint, at=edge.at)


def _are_opposite(one: Edge, other: Edge) -> bool:
    """Whether two lines of one node can never fire both."""
    if one.spec.handles_failure != other.spec.handles_failure:
        return True
    branches = [edge.argument if edge.spec.result is None else str(edge.spec.result).lower() for edge in (one, other)]
    return all(e.spec.fires in (Fires.ON_RESULT, Fires.ON_BRANCH) for e in (one, other)) and branches[0] != branches[1]


def _has_effects(contract: Contract, node: Node) -> bool:
    """Whether a call may change something outside: it reaches the network, and is no request that only reads."""
    if "network" not in contract.capabilities:
        return False
    if "method" not in contract.input_keys:
        return True
    has_body = any(key in node.config for key in _BODIES)
    return node.config.get("method", "POST" if has_body or "take" in node.config else "GET") not in _SAFE_METHODS
