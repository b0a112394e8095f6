"""Checks the joins of a flow and its lines to ENDINGS; finds what has settled for certain behind a join."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Protocol

from arcrun.contracts.model import Contract
from arcrun.interruptible import Steps
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.graph import Assured, Loop, Shape, is_continued, reachable, results_of
from arcrun.workflows.model import BREAK, INPUT, OUTPUT, RESPOND, STOP, Edge, Join, Node, SymbolTable, Workflow
from arcrun.workflows.relations import Fires

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_BODIES = ("body", "body_json", "body_base64", "form", "multipart")


def hold_whichever(sets: Sequence[int], count: int) -> int:
    """What holds whichever `count` of the sets hold: what so many of them have that each choice has one of those. A set
    is one of bits.
    """
    needed = len(sets) - min(count, len(sets)) + 1  # more than there are is reported as an error
    counters: list[int] = []  # of how many sets have each bit: its ones, its twos, its fours
    for facts in sets:
        carry = facts
        for i, counter in enumerate(counters):
            counters[i], carry = counter ^ carry, counter & carry
        if carry:
            counters.append(carry)
    more, equal = 0, 0
    for counter in counters:
        equal |= counter
    for i in reversed(range(max(len(counters), needed.bit_length()))):
        counter = counters[i] if i < len(counters) else 0
        if needed >> i & 1:
            equal &= counter
        else:
            more, equal = more | equal & counter, equal & ~counter
    return more | equal


def add_joins(workflow: Workflow, shape: Shape, joins: Mapping[str, Join]) -> Shape:
    """The shape with its joins. Behind one that is early, less has settled for certain."""
    assured = _find_assured(workflow, shape, joins) if any(join.is_early for join in joins.values()) else None
    return replace(shape, joins=joins, assured=assured) if joins else shape


def _find_assured(workflow: Workflow, shape: Shape, joins: Mapping[str, Join]) -> Assured:
    bits: dict[str, int] = {}
    loops: dict[str, list[Loop]] = {}
    for loop in shape.loops:
        loops.setdefault(loop.source, []).append(loop)

    def bit_of(name: str) -> int:
        return bits.setdefault(name, 1 << len(bits))

    assured: dict[str, int] = {INPUT: 0}
    for name in shape.order:
        before = []
        for edge in workflow.lines_into[name]:
            settled = assured[edge.source] | bit_of(edge.source)
            for loop in loops.get(edge.source, ()) if edge.spec.ends_loop else ():
                settled |= bit_of(results_of(loop)) if is_continued(loop, edge) else 0
            before.append(settled)
        join, deciding = joins.get(name), len(before)
        if join is not None and join.at_least is not None:  # N that fire decide it, or so many that N no longer can
            deciding = min(join.at_least, max(1, len(before) - join.at_least + 1))
        assured[name] = hold_whichever(before, deciding)
    return Assured(bits, assured)


class Bound(Protocol):
    def __call__(self, lines: Sequence[Edge]) -> Steps[tuple[int, tuple[Edge, Edge] | None]]:
        """How many of these lines can fire in one run at most, and two of them that exclude each other."""


class ShapeChecker:
    """Checks the joins, and the lines to ENDINGS, of a flow whose shape is known."""

    def __init__(
        self, workflow: Workflow, shape: Shape, symbols: SymbolTable, findings: Findings, count_together: Bound
    ) -> None:
        self._workflow, self._shape, self._symbols, self._findings = workflow, shape, symbols, findings
        self._count_together = count_together

    def check(self) -> Steps[None]:
        for name, join in self._shape.joins.items():
            yield from self._check_join(self._workflow.nodes[name], join, self._workflow.lines_into[name])
        endings = [edge for edge in self._workflow.edges if self._workflow.ending_of(edge)]
        for edge in endings:
            if edge.target == BREAK and self._shape.loop_around(edge.source) is None:
                message = f"`{edge.source}` is in no loop that `break` could end"
                self._findings.add("BREAK_OUTSIDE_LOOP", message, at=edge.at)
            if edge.target == RESPOND and (loop := self._shape.loop_around(edge.source)) is not None:
                message = f"`{edge.source}` runs once for each `{loop.item}`, and the caller gets one answer"
                hint = f"Answer after the loop: `{loop.source} >> CONTINUE({loop.item}) >> {RESPOND}`."
                self._findings.add("RESPOND_IN_LOOP", message, hint, at=edge.at)
        self._report_unreachable([edge for edge in endings if edge.target != RESPOND])

    def _check_join(self, node: Node, join: Join, lines: list[Edge]) -> Steps[None]:
        at = (*node.at, "join")
        if join.at_least is not None and join.at_least > len(lines):
            message = f"`{node.name}` waits for {join.at_least} lines, but {len(lines)} lead to it"
            self._findings.add("INVALID_JOIN", message, f"Write at_least: {len(lines)} at most.", at=at)
        elif len(lines) == 1:
            message = f"one line leads to `{node.name}`, so that each `join` means the same"
            self._findings.warn("INVALID_JOIN", message, "Add the other lines, or omit `join`.", at=at)
        else:
            yield from self._report_opposites(node, join.needed(len(lines)), lines)
        if not join.is_early:
            return
        for edge in lines:
            loops = [loop.item for loop in self._shape.loops_of(edge.source)]
            if edge.spec.ends_loop and not edge.argument and len(loops) > 1:
                message = f"CONTINUE follows {len(loops)} loops of `{edge.source}`, and `{node.name}` counts lines"
                hint = f"Write {' or '.join(f'CONTINUE({item})' for item in loops)}, or a line for each."
                self._findings.add("INVALID_JOIN", message, hint, at=edge.at)
        self._warn_of_effects(node, join, lines)

    def _report_opposites(self, node: Node, needed: int, lines: list[Edge]) -> Steps[None]:
        """Report a join that can never have enough lines, because some exclude each other."""
        most, pair = yield from self._count_together(lines)
        if most >= needed or pair is None:
            return
        one, other = (f"`{edge.source} >> {edge.relation}`" for edge in pair)
        message = f"`{node.name}` waits for {needed} of {len(lines)} lines, and {most} can fire in one run"
        hint = f"{one} and {other} never fire both: write join: any, or lead only one of them here."
        self._findings.add("INVALID_JOIN", message, hint, at=pair[1].at)

    def _warn_of_effects(self, node: Node, join: Join, lines: list[Edge]) -> None:
        for name in self._find_racers(node.name, lines):
            racer = self._workflow.nodes[name]
            contract = self._symbols.contracts.get(racer.component or "")
            if racer.component and (contract is None or not _has_effects(contract, racer)):
                continue
            how = "be cancelled after it has had its effect" if join.cancels_rest else "have its effect all the same"
            perhaps = "" if racer.component else f", if `{racer.workflow}` has any"
            message = f"`{name}` may lose the race to `{node.name}`, and {how}{perhaps}"
            hint = f"Let `{name}` only read, and have the effect after `{node.name}`."
            self._findings.warn("RACE_WITH_EFFECTS", message, hint, at=racer.at)

    def _find_racers(self, join: str, lines: list[Edge]) -> list[str]:
        """The nodes that only lead to the join, themselves or in a loop that does, and that not all of its lines depend
        on.
        """
        leading = []
        for edge in lines:
            loops = {results_of(loop) for loop in self._shape.loops if edge.spec.ends_loop and is_continued(loop, edge)}
            leading.append(self._shape.settled[edge.source] | {edge.source, *loops})
        found = frozenset.union(*leading) - frozenset.intersection(*leading) - {INPUT}
        while strays := {name for name in found if not self._targets[name] <= found | {join}}:
            found -= strays
        bodies = [loop.body for loop in self._shape.loops if results_of(loop) in found]
        racing = found.union(*bodies)
        return [name for name in self._workflow.nodes if name in racing]

    @cached_property
    def _targets(self) -> Mapping[str, set[str]]:
        """What each node and each loop leads to. A loop stands between its source and what continues it; what its body
        leads to `output` or `stop` is led there by the loop.
        """
        shape = self._shape
        targets: dict[str, set[str]] = {name: set() for name in (*shape.order, *map(results_of, shape.loops), INPUT)}
        for edge in self._workflow.edges:
            loops = shape.loops_of(edge.source) if edge.spec.begins_loop or edge.spec.ends_loop else []
            if edge.spec.begins_loop:
                targets[edge.source] |= {results_of(loop) for loop in loops if loop.item == edge.argument}
            elif edge.spec.ends_loop:
                for loop in loops:
                    targets[results_of(loop)] |= {edge.target} if is_continued(loop, edge) else set()
            else:
                targets[edge.source].add(edge.target)
            if edge.target == OUTPUT or self._workflow.ending_of(edge) == STOP:
                for loop in shape.loops_around(edge.source):
                    targets[results_of(loop)].add(edge.target)
        return targets

    def _report_unreachable(self, endings: list[Edge]) -> None:
        """Report nodes behind lines that only fire together with a line to `stop` or `break`."""
        if not endings:
            return
        ends = {(edge.source, edge.relation, edge.argument): edge for edge in endings}
        succeeded = {e.source: e for e in endings if e.spec.fires is Fires.ON_SUCCESS}
        never = []
        for edge in self._workflow.edges:
            if edge.target == OUTPUT or self._workflow.ending_of(edge):
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


def _has_effects(contract: Contract, node: Node) -> bool:
    """Whether a call may change something outside: it reaches the network, and is no request that only reads."""
    if "network" not in contract.capabilities or not contract.can_reach(node.config):
        return False
    if "method" not in contract.input_keys:
        return True
    has_body = any(key in node.config for key in _BODIES)
    return node.config.get("method", "POST" if has_body or "take" in node.config else "GET") not in _SAFE_METHODS
