"""An interpreter of loops that works the times out beforehand. It has no tasks: it lets each part run as if nothing
ended early, finds the first moment at which something does, and cuts off what comes later.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.control.loop_cases import ENTRY, INPUT, Case, Fate, Line, Path, Policy, Structure, told_to

Key = tuple[float, int]  # when, and the place in the order of the graph where several things happen at once


@dataclass(frozen=True)
class Call:
    """`end_s` is when it ends, or when it is cancelled. One that `may_begin` would do so at the very moment at which it
    is cancelled.
    """

    name: str
    path: Path
    items: tuple[Any, ...]
    seen: Mapping[str, Any]
    begin_s: float
    end_s: float
    is_cancelled: bool = False
    may_begin: bool = False


@dataclass(frozen=True)
class Failure:
    code: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a graph, or a loop, has ended: `done`, `failed`, `break` or `stop`. `value` is the answer, the loop's outcome
    or the Failure. `outcomes` are those of a graph's nodes.
    """

    how: str
    at_s: float
    value: Any
    calls: list[Call]
    outcomes: Mapping[str, Fate | None] = field(default_factory=dict)


@dataclass(frozen=True)
class LoopValue:
    results: list[Any]
    errors: list[dict[str, Any]]
    states: list[str]


class AnError:
    """Equals the error that a line carries, or a loop tells of."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __eq__(self, other: object) -> bool:
        told = other.get("error", other) if isinstance(other, Mapping) else {}
        return bool(told.get("code") == self.code)

    def __repr__(self) -> str:
        return f"<{self.code}>"

    __hash__ = None  # type: ignore[assignment]


def cut(calls: Iterable[Call], at_s: float) -> list[Call]:
    """What is left of the calls if everything ends at a moment."""
    kept = []
    for call in calls:
        if call.begin_s < at_s:
            is_late = call.end_s > at_s
            kept.append(replace(call, end_s=min(call.end_s, at_s), is_cancelled=call.is_cancelled or is_late))
        elif call.begin_s == at_s:
            kept.append(replace(call, end_s=at_s, is_cancelled=True, may_begin=True))
    return kept


@dataclass
class Interpreter:
    case: Case
    concurrency: int
    ends_s: list[float] = field(default_factory=list)  # of all calls, if nothing ended early

    def run(self) -> Ended:
        return GraphRun(self, self.case.root, (), (), 0.0).run()

    def run_loop(self, body: Structure, path: Path, items: tuple[Any, ...], begin_s: float) -> Ended:
        """Each of so many workers takes the next element as soon as it is free, until something ends the loop."""
        elements, policy = body.policy.elements, body.policy
        free = [begin_s] * min(self.concurrency, len(elements))
        ended: list[Ended] = []
        at_s, last = math.inf, -1
        for i, element in enumerate(elements):
            if free[0] >= at_s:
                break
            one = GraphRun(self, body, (*path, i), (*items, element), heapq.heappop(free)).run()
            if one.how == "done" and is_met(policy, one, i):
                one = replace(one, how="break")
            ended.append(one)
            heapq.heappush(free, one.at_s)
            at_s, last = find_end(policy, ended)
        calls = [call for one in ended for call in one.calls]
        if last < 0:
            at_s = max((one.at_s for one in ended), default=begin_s)
        elif ended[last].how == "stop":
            return Ended("stop", at_s, ended[last].value, cut(calls, at_s))
        elif ended[last].how == "failed":
            return Ended("failed", at_s, tell_failure(policy, ended[last].value, last), cut(calls, at_s))
        in_time = {i: one for i, one in enumerate(ended) if one.at_s <= at_s}
        states = {i: "failed" if one.how == "failed" else "success" for i, one in in_time.items()}
        results = {i: one.value for i, one in in_time.items() if states[i] == "success"}
        value = LoopValue(
            [results.get(i) for i in range(len(elements))],
            [
                {"index": i, "item": elements[i], "error": AnError(ended[i].value.code)}
                for i in sorted(states)
                if states[i] == "failed"
            ],
            [states.get(i, "skipped") for i in range(len(elements))],
        )
        return Ended("done", at_s, value, cut(calls, at_s))


def is_met(policy: Policy, one: Ended, index: int) -> bool:
    if policy.until is None:
        return False
    node, value = policy.until
    fate = one.outcomes.get(node)
    return index == value if not node else fate is not None and fate.data is not None and fate.data["n"] == value


def find_end(policy: Policy, ended: Sequence[Ended]) -> tuple[float, int]:
    """When a loop ends early, and which element ends it; (inf, -1) if none does."""
    ends = [(one.at_s, i) for i, one in enumerate(ended) if one.how in ("break", "stop")]
    failures = sorted((one.at_s, i) for i, one in enumerate(ended) if one.how == "failed")
    if policy.tolerated is not None:
        ends += failures[policy.tolerated :][:1]
    return min(ends, default=(math.inf, -1))


def tell_failure(policy: Policy, failed: Failure, index: int) -> Failure:
    if policy.on_error == "stop":
        return Failure(failed.code, {"index": index, **failed.details})
    counts = {"failed": (policy.tolerated or 0) + 1, "elements": len(policy.elements), "tolerated": policy.tolerated}
    return Failure("TOO_MANY_FAILURES", counts)


class GraphRun:
    """One run of a structure: of the root, or of a body for one element. A unit is a node, (name, ""), or the loop that
    leaves it, (name, "CONTINUE").
    """

    def __init__(
        self, interpreter: Interpreter, structure: Structure, path: Path, items: tuple[Any, ...], begin_s: float
    ) -> None:
        self.interpreter, self.case, self.structure = interpreter, interpreter.case, structure
        self.path, self.items, self.begin_s = path, items, begin_s
        self.settled: dict[Line, Key] = {}
        self.outcomes: dict[str, Fate | None] = {}  # None: skipped
        self.finished: dict[str, LoopValue] = {}
        self.followed: set[Line] = set()
        self.calls: list[Call] = []
        self.events: list[tuple[Key, str, Any]] = []  # what ends the graph: when, how, with what

    def run(self) -> Ended:
        for name in self.structure.lines:
            self._run_node(name)
            self._look_for_end((name, ""))
            if name in self.structure.loops:
                self._run_loop(name)
                self._look_for_end((name, "CONTINUE"))
        if not self.events:
            key = max(self.settled.values())
            return Ended("done", key[0], self._answer(key), self.calls, self.outcomes)
        key, how, value = min(self.events, key=lambda event: event[0])
        if how == "break" or (how == "stop" and not self.path):
            is_answered = any(self._fires(line, key) for line in self.structure.answers())
            value = self._answer(key) if is_answered else value
        return Ended(how, key[0], value, cut(self.calls, key[0]))

    def _settle(self, unit: Line, at_s: float) -> Key:
        self.settled[unit] = (at_s, len(self.settled))
        return self.settled[unit]

    def _run_node(self, name: str) -> None:
        lines = self.structure.lines[name]
        at_s = max((self.settled[left_by(line)][0] for line in lines if line[0] in self.outcomes), default=self.begin_s)
        fired = [line for line in lines if self._fires(line)]
        if not fired:
            self.outcomes[name] = None
            self._settle((name, ""), at_s)
            return
        self.followed |= set(map(left_by, fired))
        fate = self.outcomes[name] = self.case.fate(name, self.path)
        end_s = at_s + self.case.duration_s(name, self.path)
        self.interpreter.ends_s.append(end_s)
        self.calls.append(Call(name, self.path, self.items, self._told_to(lines), at_s, end_s))
        key = self._settle((name, ""), end_s)
        if fate.data is None and not self.structure.handles(name):
            self.events.append((key, "failed", Failure("BAD")))

    def _told_to(self, lines: Iterable[Line]) -> Mapping[str, Any]:
        return {
            source: {part: getattr(self.finished.get(source), part, None) for part in parts}
            for source, parts in told_to(self.structure, lines)
        }

    def _run_loop(self, name: str) -> None:
        fate, begin_s = self.outcomes[name], self.settled[name, ""][0]
        if fate is None or fate.data is None:
            self._settle((name, "CONTINUE"), begin_s)
            return
        self.followed.add((name, ""))
        ended = self.interpreter.run_loop(self.structure.loops[name], self.path, self.items, begin_s)
        self.calls += ended.calls
        key = self._settle((name, "CONTINUE"), ended.at_s)
        if ended.how == "done":
            self.finished[name] = ended.value
        else:
            self.events.append((key, ended.how, ended.value))

    def _look_for_end(self, unit: Line) -> None:
        """A line to `stop` or `break` may leave a unit that has settled."""
        if self.structure.ending is None:
            return
        line, how = self.structure.ending
        if left_by(line) == unit and self._fires(line):
            self.events.append((self.settled[unit], how, self._data_of(line)))

    def _fires(self, line: Line, by: Key = (math.inf, 0)) -> bool:
        """Whether a line has fired by a moment."""
        source, relation = line
        if source in (INPUT, ENTRY):
            return True
        if self.settled[left_by(line)] > by:
            return False
        if relation == "CONTINUE":
            return source in self.finished
        fate = self.outcomes[source]
        if fate is None:
            return False
        if relation == "ON_FAIL" or fate.data is None:
            return relation == "ON_FAIL" and fate.data is None
        return bool(
            {
                "ON_SUCCESS": True,
                "ON_TRUE": fate.data["result"] is True,
                "ON_FALSE": fate.data["result"] is False,
                "ON_BRANCH(x)": fate.data["branch"] == "x",
                "IF": fate.data["n"] > 0,
            }[relation]
        )

    def _data_of(self, line: Line) -> Any:
        source, relation = line
        if relation == "CONTINUE":
            return self.finished[source].results
        fate = self.outcomes[source]
        return AnError("BAD") if relation == "ON_FAIL" else fate and fate.data

    def _answer(self, by: Key) -> Any:
        if self.structure.answers():
            found = {line[0]: self._data_of(line) for line in self.structure.answers() if self._fires(line, by)}
        else:
            found = {
                name: fate.data
                for name, fate in self.outcomes.items()
                if fate is not None and fate.data is not None and (name, "") not in self.followed
            }
            found |= {
                name: value.results for name, value in self.finished.items() if (name, "CONTINUE") not in self.followed
            }
        return next(iter(found.values()), None) if len(found) < 2 else found


def left_by(line: Line) -> Line:
    """The unit that a line leaves."""
    return line if line[1] == "CONTINUE" else (line[0], "")
