"""What must have happened when a node runs: from it, which references may find nothing, and which answers are unclear.

A fact is a bit: that a node has succeeded or failed, that a conditional edge has fired. A node runs if one edge into it
fires, so what is certain of it is what all its edges have in common, and what follows from that.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from arcrun.workflows.graph import Shape, reachable
from arcrun.workflows.model import INPUT, OUTPUT, Edge, Workflow
from arcrun.workflows.relations import Relation

MAX_COMPARED = 64
CONDITIONAL = (Relation.ON_TRUE, Relation.ON_FALSE, Relation.ON_BRANCH, Relation.IF)
Condition = tuple[str, Relation, str]  # source, relation, argument: edges with the same fire together


class Certainty:
    def __init__(self, workflow: Workflow, shape: Shape) -> None:
        self._shape = shape
        self._into: dict[str, list[Edge]] = {name: [] for name in workflow.nodes}
        self._leaving: dict[str, list[Edge]] = {name: [] for name in (INPUT, *workflow.nodes)}
        for edge in workflow.edges:
            self._into.setdefault(edge.target, []).append(edge)
            self._leaving[edge.source].append(edge)
        self._bits: dict[object, int] = {}
        self._closed: dict[int, int] = {}
        self._handled = {edge.source for edge in workflow.edges if edge.relation is Relation.ON_FAIL}

    def may_be_missing(self, head: str, node: str, *, after: bool) -> bool:
        """Whether `head`, which settles before `node`, may have been skipped or have failed when `node` runs; `after`
        it has succeeded itself.
        """
        if head == node:
            return False
        wanted = self._ok(head)
        certain = self._facts[node]
        return not (certain & wanted or self._always & wanted or self._close(certain) & wanted)

    def find_unclear_answers(self) -> list[tuple[str, ...]]:
        """For the flow and for each loop's body that names no answer: what may be the last to run, each alone or some
        together. Failures and their handlers are left aside. Empty where it is always the same.
        """
        found = []
        for around in (None, *self._shape.loops):
            names = [name for name in self._shape.order if self._shape.loop_around(name) == around]
            sources = [INPUT, *names] if around is None else names
            if self._find_answer_edges(sources):
                continue
            last = [name for name in names if self._may_be_last(name)]
            if not all(self._is_always_last(name) for name in last) and self._may_be_together(last):
                found.append(tuple(last))
        return found

    def _find_answer_edges(self, sources: Iterable[str]) -> bool:
        bodies = [name for loop in self._shape.loops if loop.source in sources for name in loop.body]
        return any(edge.target == OUTPUT for name in (*sources, *bodies) for edge in self._leaving[name])

    def _bit(self, fact: object) -> int:
        return self._bits.setdefault(fact, 1 << len(self._bits))

    def _ok(self, node: str) -> int:
        return 0 if node == INPUT else self._bit(node)

    def _failed(self, node: str) -> int:
        return self._bit((node, Relation.ON_FAIL, ""))

    def _of_edge(self, edge: Edge) -> int:
        """What an edge that has fired says of its source."""
        if edge.relation is Relation.ON_FAIL:
            return self._failed(edge.source)
        ok = self._ok(edge.source)
        return ok | self._bit(_condition_of(edge)) if edge.relation in CONDITIONAL else ok

    @cached_property
    def _facts(self) -> Mapping[str, int]:
        facts: dict[str, int] = {INPUT: 0}
        for name in self._shape.order:
            common = -1
            for edge in self._into[name]:
                common &= facts[edge.source] | self._of_edge(edge)
            facts[name] = common if common != -1 else 0
        return facts

    @cached_property
    def _always(self) -> int:
        """What is certain of every run that does not fail."""
        return self._close(0)

    def _close(self, facts: int) -> int:
        """The facts, and what follows: an edge that fires runs its node, which succeeds unless a handler leaves it."""
        if facts not in self._closed:
            closed = facts
            for name in self._shape.order:
                if name not in self._handled and any(self._has_fired(edge, closed) for edge in self._into[name]):
                    closed |= self._ok(name)
            self._closed[facts] = closed
        return self._closed[facts]

    def _has_fired(self, edge: Edge, facts: int) -> bool:
        wanted = self._of_edge(edge)
        return wanted & facts == wanted

    def _may_be_last(self, name: str) -> bool:
        """Whether the node may succeed, in a run without failures, and nothing follow it; for a node with a loop that
        nothing continues, the loop is meant.
        """
        if any(self._facts[name] & self._failed(source) for source in self._handled):
            return False
        leaving = [edge for edge in self._leaving[name] if edge.relation is not Relation.ON_FAIL]
        if any(edge.relation is Relation.FOREACH for edge in leaving):
            return not any(edge.relation is Relation.CONTINUE for edge in leaving)
        return all(edge.relation in CONDITIONAL for edge in leaving)

    def _is_always_last(self, name: str) -> bool:
        follows = any(edge.relation in CONDITIONAL for edge in self._leaving[name])
        around = self._shape.loop_around(name)
        certain = self._always if around is None else self._close(self._facts[around.source] | self._ok(around.source))
        return not follows and (name in self._handled or bool(certain & self._ok(name)))

    def _may_be_together(self, names: list[str]) -> bool:
        """Of more than MAX_COMPARED, some are looked at: what is at stake is a warning."""
        compared = names[:MAX_COMPARED]
        held = {name: self._close(self._facts[name] | self._ok(name)) for name in compared}
        barred = {name: self._opposites_of(facts) for name, facts in held.items()}
        behind = {name: self._only_behind(name) for name in compared}
        return any(
            not held[a] & barred[b] and b not in behind[a] and a not in behind[b]
            for i, a in enumerate(compared)
            for b in compared[i + 1 :]
        )

    def _only_behind(self, name: str) -> set[str]:
        """The nodes that no path reaches but through this one: if one of them runs, something has followed it."""
        others = [edge for source, edges in self._leaving.items() if source != name for edge in edges]
        return self._leaving.keys() - reachable([INPUT], others)

    def _opposites_of(self, facts: int) -> int:
        """What cannot be beside the facts: false beside true, another branch, the negation of a condition."""
        opposite = 0
        for condition, others in self._opposites.items():
            if facts & self._bit(condition):
                for other in others:
                    opposite |= self._bit(other)
        return opposite

    @cached_property
    def _opposites(self) -> Mapping[Condition, list[Condition]]:
        by_source: dict[str, dict[Condition, None]] = {}
        for source, edges in self._leaving.items():
            by_source[source] = {_condition_of(edge): None for edge in edges if edge.relation in CONDITIONAL}
        return {
            one: [other for other in conditions if _are_opposite(one, other)]
            for conditions in by_source.values()
            for one in conditions
        }


def _condition_of(edge: Edge) -> Condition:
    return edge.source, edge.relation, edge.argument


def _are_opposite(one: Condition, other: Condition) -> bool:
    relations = {one[1], other[1]}
    if relations == {Relation.ON_TRUE, Relation.ON_FALSE}:
        return True
    if relations == {Relation.ON_BRANCH}:
        return one[2] != other[2]
    return relations == {Relation.IF} and (_negate(one[2]) == _bare(other[2]) or _negate(other[2]) == _bare(one[2]))


def _bare(expression: str) -> str:
    return expression.replace(" ", "")


def _negate(expression: str) -> str:
    """The inside of `!(...)`; of anything else no expression."""
    bare = _bare(expression)
    return bare[2:-1] if bare.startswith("!(") and bare.endswith(")") else ""
