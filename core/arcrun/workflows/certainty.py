"""Determines what must have happened when a node runs: which references may find nothing, which answers are unclear.

A fact is a bit: a node has run, succeeded or failed; a conditional edge has fired. A node runs if one edge into it
fires, so the facts that are certain for it are those that all its edges have in common, and their consequences; with a
`join`, those that hold whichever edges it runs for. A consequence is certain only for what has settled before.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cached_property, reduce
from operator import and_
from typing import NamedTuple

from arcrun.interruptible import Steps
from arcrun.workflows.graph import ENDED, HAS_FAILED, RESPONDED, Loop, Shape, reachable
from arcrun.workflows.joins import hold_whichever
from arcrun.workflows.model import INPUT, OUTPUT, STOP, Edge, Workflow
from arcrun.workflows.relations import SPECS, Fires, Relation

MAX_COMPARED = 64
_STEPS_AN_EDGE = 0.3  # of arcrun/interruptible.py, for examining an edge or a condition
_COMPARISON = re.compile(r"([^=!<>&|]+)(?:==|!=|<=?|>=?)([^=!<>&|]+)")


class Outcome(StrEnum):
    """The possible outcomes of a settled node."""

    RAN = "ran"
    OK = "ok"
    FAILED = "failed"


Condition = tuple[str, Relation, str]  # source, relation, argument: edges with equal conditions fire together
_Opposites = list[tuple[int, int]]  # the bit of a condition, and the bits of conditions that exclude it


class Certainty:
    def __init__(self, workflow: Workflow, shape: Shape) -> None:
        self._workflow, self._shape = workflow, shape
        self._into: dict[str, list[Edge]] = {name: [] for name in workflow.nodes}
        self._leaving: dict[str, list[Edge]] = {name: [] for name in (INPUT, *workflow.nodes)}
        for edge in workflow.edges:
            self._into.setdefault(edge.target, []).append(edge)
            self._leaving[edge.source].append(edge)
        self._edges = len(workflow.edges)
        self._looked_at = 0
        self._bits: dict[object, int] = {}
        self._closed: dict[int, int] = {}
        self._stops = [edge for edge in workflow.edges if workflow.ending_of(edge) == STOP]
        self._handled = {edge.source for edge in workflow.edges if edge.spec.handles_failure}

    def take_steps(self) -> int:
        """The steps taken since the last call."""
        done, self._looked_at = self._looked_at, 0
        return int(done * _STEPS_AN_EDGE)

    def is_certain(self, outcome: Outcome, head: str, node: str) -> bool:
        """Whether `head`, which is among what settles before `node`, has this outcome whenever `node` runs."""
        wanted, certain = self._bit((head, outcome)), self._facts[node]
        if not certain & wanted and not self._shape.is_assured(head, node):
            return False
        return bool(certain & wanted or self._always & wanted or self._close(certain) & wanted)

    def is_impossible(self, outcome: Outcome, head: str, node: str) -> bool:
        """Whether `head` cannot have this outcome when `node` runs."""
        return {Outcome.OK: Outcome.FAILED, Outcome.FAILED: Outcome.OK}.get(outcome) in [
            other for other in (Outcome.OK, Outcome.FAILED) if self.is_certain(other, head, node)
        ]

    def count_together(self, lines: Sequence[Edge]) -> Steps[tuple[int, tuple[Edge, Edge] | None]]:
        """How many of the lines into a node can fire in one run at most, and two of them that exclude each other. Of a
        group in which each excludes each other, one fires. Only MAX_COMPARED of those that exclude any are compared.
        """
        fired = self._fired[lines[0].target]
        held = [self._facts[edge.source] | facts for edge, facts in zip(lines, fired, strict=True)]
        yield len(lines) // 4
        contrary = self._contraries
        everything = 0
        for facts in held:
            everything |= facts
        near = [(bit, others) for bit, others in contrary if everything & bit and everything & others]
        if not near:
            return len(lines), None
        barred = [self._opposites_of(facts, near) for facts in held]
        barred = [0 if bits & facts else bits for bits, facts in zip(barred, held, strict=True)]  # reported before it
        yield int(len(lines) * len(near) * _STEPS_AN_EDGE)
        compared = [i for i, bits in enumerate(barred) if bits & everything][:MAX_COMPARED]
        groups: list[list[int]] = []
        for i in compared:
            group = next((group for group in groups if all(held[i] & barred[j] for j in group)), None)
            groups.append([i]) if group is None else group.append(i)
        pair = next((group for group in groups if len(group) > 1), None)
        yield len(compared) ** 2 // 8
        return len(lines) - len(compared) + len(groups), None if pair is None else (lines[pair[0]], lines[pair[1]])

    @cached_property
    def _contraries(self) -> _Opposites:
        """The facts that certainly exclude each other: a node's success and its failure, one branch and another, true
        and false, a condition and its negation.
        """
        found = []
        for source, edges in self._leaving.items():
            if source in self._handled:
                ok, failed = self._bit((source, Outcome.OK)), self._bit((source, Outcome.FAILED))
                found += [(ok, failed), (failed, ok)]
            conditions = list({_condition_of(edge): None for edge in edges if edge.spec.is_conditional})[:MAX_COMPARED]
            for condition in conditions:
                others = sum(self._bit(other) for other in conditions if _exclude(condition, other))
                if others:
                    found.append((self._bit(condition), others))
        return found

    def find_unclear_answers(self) -> Steps[list[tuple[str, ...]]]:
        """For the flow and for each loop's body: the possible answers, if one run answers one of them alone and another
        run several. Failures and their handlers are ignored.
        """
        found = []
        opposites = yield from self._find_opposites()
        for around in (None, *self._shape.loops):
            yield self.take_steps() + len(self._shape.order) // 4
            names = [name for name in self._shape.order if self._shape.loop_around(name) == around]
            last = self._find_named(names, around) or [
                (name, self._facts[name] | self._bit((name, Outcome.OK))) for name in names if self._may_be_last(name)
            ]
            if not self._is_always(last, around) and (yield from self._may_be_together(last, opposites)):
                found.append(tuple(dict.fromkeys(name for name, _ in last)))
        return found

    def _is_always(self, answers: list[tuple[str, int]], around: Loop | None) -> bool:
        """Whether all of them are answered by every run, or by every iteration."""
        base = 0
        if around is not None and around.source != INPUT:
            base = self._facts[around.source] | self._bit((around.source, Outcome.OK))
        certain = self._close(base) | sum(self._bit((name, Outcome.OK)) for name in self._handled if name != INPUT)
        names = {name for name, _ in answers}
        follows = any(
            edge.spec.is_conditional and edge.target != OUTPUT for name in names for edge in self._leaving[name]
        )
        is_named = any(edge.target == OUTPUT for name in names for edge in self._leaving[name])
        return (is_named or not follows) and all(facts & certain == facts for _, facts in answers)

    def _find_named(self, names: list[str], around: Loop | None) -> list[tuple[str, int]]:
        """The sources of the edges to `output`, each with the facts that are certain when its edge fires."""
        edges = [edge for name in names for edge in self._leaving[name] if edge.target == OUTPUT]
        if around is None:
            edges += [edge for edge in self._leaving[INPUT] if edge.target == OUTPUT]
        return [
            (edge.source, self._facts[edge.source] | self._of_edge(edge))
            for edge in edges
            if not edge.spec.handles_failure and edge.source not in self._after_failure
        ]

    def _bit(self, fact: object) -> int:
        return self._bits.setdefault(fact, 1 << len(self._bits))

    def _of_edge(self, edge: Edge) -> int:
        """The facts that follow from an edge that has fired."""
        if edge.source == INPUT:
            return self._bit(_condition_of(edge)) if edge.spec.is_conditional else 0
        outcome = Outcome.FAILED if edge.spec.handles_failure else Outcome.OK
        bits = self._bit((edge.source, Outcome.RAN)) | self._bit((edge.source, outcome))
        return bits | self._bit(_condition_of(edge)) if edge.spec.is_conditional else bits

    @cached_property
    def _facts(self) -> Mapping[str, int]:
        facts: dict[str, int] = {INPUT: 0}
        for name in self._shape.order:
            lines, join = self._workflow.lines_into[name], self._shape.joins.get(name)
            held = [facts[edge.source] | fired for edge, fired in zip(lines, self._fired[name], strict=True)]
            if join is None:
                facts[name] = reduce(and_, held)
            else:
                facts[name] = hold_whichever(held, join.needed(len(held)))
        end = self._find_end(facts)
        return {**facts, ENDED: end, HAS_FAILED: 0, RESPONDED: self._find_respond(facts, end)}

    def _find_end(self, facts: Mapping[str, int]) -> int:
        """The facts that are certain at the end of every run that does not fail, if lines to `stop` may end it."""
        common = self._close(0) if self._stops else 0
        for edge in self._stops:
            common &= facts[edge.source] | self._of_edge(edge)
        return common

    def _find_respond(self, facts: Mapping[str, int], end: int) -> int:
        """The facts that are certain whenever a response is made that is no failure's, if lines lead to `respond`."""
        common = self._close(end) if (responds := self._workflow.responds) else 0
        for edge in responds:
            common &= facts[edge.source] | self._of_edge(edge)
        return common

    @cached_property
    def _always(self) -> int:
        """The facts that are certain in every run that does not fail."""
        return self._close(0)

    @cached_property
    def _after_failure(self) -> frozenset[str]:
        """The nodes that run only if something has failed."""
        after: set[str] = set()
        for name in self._shape.order:
            if all(edge.spec.handles_failure or edge.source in after for edge in self._into[name]):
                after.add(name)
        return frozenset(after)

    def _close(self, facts: int) -> int:
        """The facts and their consequences: an edge that fires runs its node, which succeeds unless a handler leaves
        it.
        """
        if facts not in self._closed:
            closed = facts
            self._looked_at += self._edges
            for name in self._shape.order:
                if self._has_run(name, closed):
                    closed |= self._bit((name, Outcome.RAN))
                    closed |= 0 if name in self._handled else self._bit((name, Outcome.OK))
            self._closed[facts] = closed
        return self._closed[facts]

    def _has_run(self, name: str, facts: int) -> bool:
        """Whether enough edges into the node have fired. ON_TRUE or ON_FALSE fires if its source has succeeded."""
        fired, decided = self._ways_into[name]
        if (join := self._shape.joins.get(name)) is not None:
            return sum(bits & facts == bits for bits in fired) >= join.needed(len(fired))
        return any(bits & facts == bits for bits in fired) or bool(decided & facts)

    @cached_property
    def _ways_into(self) -> Mapping[str, tuple[list[int], int]]:
        """For each node, the facts of each edge into it, and the success of each source that leads to it by both
        ON_TRUE and ON_FALSE.
        """
        ways = {}
        for name in self._shape.order:
            into = self._into[name]
            true, false = (
                {edge.source for edge in into if edge.spec.result is wanted and edge.source != INPUT}
                for wanted in (True, False)
            )
            decided = 0
            for source in true & false:
                decided |= self._bit((source, Outcome.OK))
            ways[name] = self._fired[name], decided
        return ways

    @cached_property
    def _fired(self) -> Mapping[str, list[int]]:
        """For each node, the facts of each line into it."""
        return {name: [self._of_edge(edge) for edge in self._workflow.lines_into[name]] for name in self._shape.order}

    def _may_be_last(self, name: str) -> bool:
        """Whether, in a run without failures, the node may succeed without a successor that runs. For a node with a
        loop that nothing continues, this is about the loop.
        """
        if name in self._after_failure:
            return False
        leaving = [edge for edge in self._leaving[name] if not edge.spec.handles_failure]
        if any(edge.spec.begins_loop for edge in leaving):
            return not any(edge.spec.ends_loop for edge in leaving)
        return all(edge.spec.is_conditional or self._may_be_unmet(edge) for edge in leaving)

    def _may_be_unmet(self, edge: Edge) -> bool:
        """Whether two edges may fire, this one and another, without running the node that they lead to."""
        join, lines = self._shape.joins.get(edge.target), len(self._workflow.lines_into[edge.target])
        return join is not None and 2 < join.needed(lines) <= lines

    def _may_be_together(self, answers: list[tuple[str, int]], opposites: _Opposites) -> Steps[bool]:
        """Whether two of the answers may occur in one run. Only MAX_COMPARED are compared: this only decides on a
        warning.
        """
        compared, barred, behind = [], [], {}
        for name, facts in answers[:MAX_COMPARED]:
            held = self._close(facts)
            compared.append((name, held))
            barred.append(self._opposites_of(held, opposites))
            behind[name] = self._only_behind(name)
            yield int((len(opposites) + 2 * self._edges) * _STEPS_AN_EDGE) + self.take_steps()
        return any(
            a != b and not held & barred[j] and b not in behind[a] and a not in behind[b]
            for i, (a, held) in enumerate(compared)
            for j, (b, _) in enumerate(compared[i + 1 :], i + 1)
        )

    def _only_behind(self, name: str) -> set[str]:
        """The nodes that are only reachable through this one: if one of them runs, this node has a successor
        that ran.
        """
        others = [edge for source, edges in self._leaving.items() if source != name for edge in edges]
        return self._leaving.keys() - reachable([INPUT], others)

    def _opposites_of(self, facts: int, opposites: _Opposites) -> int:
        """The conditions that contradict the facts: false against true, another branch, the negation of a condition."""
        barred = 0
        for bit, others in opposites:
            if facts & bit:
                barred |= others
        return barred

    def _find_opposites(self) -> Steps[_Opposites]:
        """For each condition, the others of its source that exclude it. Of more than MAX_COMPARED that leave one node,
        only some are compared.
        """
        found = []
        for edges in self._leaving.values():
            conditions = list({_condition_of(edge): None for edge in edges if edge.spec.is_conditional})
            read = [(condition, _read(condition)) for condition in conditions[:MAX_COMPARED]]
            for condition, one in read:
                others = 0
                for other_condition, other in read:
                    if _are_opposite(one, other):
                        others |= self._bit(other_condition)
                found.append((self._bit(condition), others))
                yield int(len(read) * _STEPS_AN_EDGE) + len(condition[2]) // 100
        return found


def _condition_of(edge: Edge) -> Condition:
    return edge.source, edge.relation, edge.argument


class _Read(NamedTuple):
    """A condition: its branch; for an IF, the whole and the operands of `&&`, the inside of `!(...)`, what it
    compares.
    """

    relation: Relation
    branch: str
    conjuncts: frozenset[str] = frozenset()
    negated: str = ""
    compared: str = ""


def _read(condition: Condition) -> _Read:
    _, relation, argument = condition
    if SPECS[relation].fires is not Fires.ON_CONDITION:
        return _Read(relation, _branch_of(relation, argument))
    return _Read(relation, "", frozenset(_conjuncts(argument)), _negate(argument), _compared(argument))


def _are_opposite(one: _Read, other: _Read) -> bool:
    """Whether two conditions of one source exclude each other. Comparisons of one value with two others are assumed to:
    they are usually meant so.
    """
    a, b = SPECS[one.relation].fires, SPECS[other.relation].fires
    if a is not b and Fires.ON_CONDITION in (a, b):
        return Fires.ON_RESULT in (a, b)
    if a is Fires.ON_CONDITION:
        is_negation = one.negated in other.conjuncts or other.negated in one.conjuncts
        return is_negation or one.compared == other.compared != ""
    return one.branch != other.branch


def _exclude(one: Condition, other: Condition) -> bool:
    """Whether two conditions of one source can never both hold."""
    (_, relation, argument), (_, other_relation, other_argument) = one, other
    fires = SPECS[relation].fires
    if fires is not SPECS[other_relation].fires:
        return False
    if fires is Fires.ON_CONDITION:
        return _is_negation(argument, other_argument) or _is_negation(other_argument, argument)
    return _branch_of(relation, argument) != _branch_of(other_relation, other_argument)


def _is_negation(expression: str, other: str) -> bool:
    """Whether it is `!(...)` of the other one."""
    return expression.startswith("!(") and expression.endswith(")") and expression[2:-1].strip() == other.strip()


def _branch_of(relation: Relation, argument: str) -> str:
    """ON_TRUE and ON_FALSE are equivalent to the branches that if_control names."""
    result = SPECS[relation].result
    return argument if result is None else str(result).lower()


def _compared(expression: str) -> str:
    """The left side of a comparison; empty for anything else."""
    match = _COMPARISON.fullmatch(expression)
    return _bare(match[1]) if match else ""


def _conjuncts(expression: str) -> list[str]:
    """The whole expression, and the operands of `&&` in it."""
    bare = _bare(expression)
    return [bare, *bare.split("&&")]


def _bare(expression: str) -> str:
    return expression.replace(" ", "")


def _negate(expression: str) -> str:
    """The inside of `!(...)`; empty for anything else."""
    bare = _bare(expression)
    return bare[2:-1] if bare.startswith("!(") and bare.endswith(")") else ""
