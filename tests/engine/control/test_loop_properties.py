"""Any workflow of loops runs as an interpreter has it that works the times out beforehand: which elements begin, when
each call begins, ends or is cancelled, how a loop ends (`until`, `break`, `tolerate`, a failure), what it tells of its
elements (results, errors, states, their numbers), and what is answered. At concurrency 1 and 7, over batches too.

The interpreter has no tasks: it lets each part run as if nothing ended early, finds the first moment at which
something does, and cuts off what comes later. No two calls end at the same moment, so that there is one such moment.
"""

import asyncio
import heapq
import itertools
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arcrun.engine.record import RunRecord
from arcrun.limits import MAX_CONCURRENCY
from fakes.components import Input
from fakes.engine import EngineBench, data, failure
from fakes.ports.searches import examples
from fakes.ports.virtual_time import VirtualTimeLoop

INPUT, ENTRY = "input", "(entry)"
MOST_ITEMS = 14
APART_S = 1e-8  # any two ends; asyncio takes timers within 1e-9 s for the same moment
Path = tuple[int, ...]
Line = tuple[str, str]  # source, relation
Key = tuple[float, int]  # when, and the place in the order of the graph where several things happen at once


@dataclass(frozen=True)
class Fate:
    """The result of a call: how long it takes, and its data, or None for a failure."""

    duration_ms: int
    data: Mapping[str, Any] | None


@dataclass(frozen=True)
class Policy:
    """`foreach`, and the number of items. `until` is (node, n): its data's `n` is that, or ("", i): it is element i."""

    items: int = 0
    batch: int = 0
    on_error: str = "stop"
    tolerate: int | str | None = None
    until: tuple[str, int] | None = None

    @property
    def elements(self) -> list[Any]:
        items = [f"v{i}" for i in range(self.items)]
        if not self.batch:
            return items
        return [items[i : i + self.batch] for i in range(0, self.items, self.batch)]

    @property
    def tolerated(self) -> int | None:
        """How many elements may fail; None for any number."""
        if self.tolerate is None:
            return 0 if self.on_error == "stop" else None
        if isinstance(self.tolerate, int):
            return self.tolerate
        return math.floor(len(self.elements) * int(self.tolerate.rstrip("%")) / 100)


@dataclass
class Structure:
    """`lines` into each node; a FOREACH leaves each of `loops`, and its body is a structure with ENTRY lines.
    `outputs` are the lines to `output`; `ending` is one to `stop` or `break`. If a loop `tells`, what follows it reads
    the states of its elements.
    """

    lines: dict[str, list[Line]] = field(default_factory=dict)
    loops: dict[str, "Structure"] = field(default_factory=dict)
    outputs: list[Line] = field(default_factory=list)
    ending: tuple[Line, str] | None = None
    item: str = ""
    policy: Policy = Policy()
    tells: bool = False

    def all_nodes(self) -> Iterator[str]:
        yield from self.lines
        for body in self.loops.values():
            yield from body.all_nodes()

    def handles(self, name: str) -> bool:
        into_nodes = (line for lines in self.lines.values() for line in lines)
        return (name, "ON_FAIL") in [*into_nodes, *self.outputs, *([self.ending[0]] if self.ending else [])]

    def answers(self) -> list[Line]:
        of_bodies = [(name, "CONTINUE") for name, body in self.loops.items() if body.answers()]
        return list(dict.fromkeys([*self.outputs, *of_bodies]))


@dataclass(frozen=True)
class Case:
    root: Structure
    fates: dict[str, list[Fate]]

    def fate(self, name: str, path: Path) -> Fate:
        fates = self.fates[name]
        return fates[sum(path) % len(fates)]

    def duration_s(self, name: str, path: Path) -> float:
        jitter_ms = zlib.crc32(f"{name} {path}".encode()) / (1 << 33)
        return (self.fate(name, path).duration_ms + 0.1 + jitter_ms) / 1000


DATA = st.fixed_dictionaries({"result": st.booleans(), "branch": st.sampled_from(["x", "y"]), "n": st.integers(0, 2)})
SUCCESSES = st.builds(Fate, st.integers(0, 5), DATA)
FATES = st.builds(Fate, st.integers(0, 5), st.one_of(DATA, DATA, DATA, st.none()))
RELATIONS = ("ON_SUCCESS", "ON_SUCCESS", "ON_SUCCESS", "ON_FAIL", "ON_TRUE", "ON_FALSE", "ON_BRANCH(x)", "IF")


@st.composite
def structures(draw: st.DrawFn, names: Iterator[str], depth: int) -> Structure:
    made = Structure()
    for i in range(draw(st.integers(1, 2 if depth == 0 else 3))):
        name = next(names)
        sources = [INPUT if depth == 0 else ENTRY, *made.lines]
        chosen = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=2, unique=True))
        made.lines[name] = [(source, draw(relations(source, made))) for source in chosen]
        if depth < 2 and (depth == i == 0 or draw(st.integers(0, 1 + 2 * depth)) == 0):
            body = draw(structures(names, depth + 1))
            body.item, body.tells = f"i{name}", draw(st.booleans())
            body.policy = draw(policies([*body.lines], MOST_ITEMS if depth == 0 else 4))
            made.loops[name] = body
            if draw(st.integers(0, 3)):
                made.lines[next(names)] = [(name, "CONTINUE")]
    if draw(st.integers(0, 2)) == 0:
        line = draw(lines_out_of(made))
        if leads_on_without(made, line):
            made.ending = line, draw(st.sampled_from(["break", "break", "stop"])) if depth else "stop"
    if draw(st.integers(0, 1 if made.ending else 3)) == 0:
        made.outputs = draw(st.lists(lines_out_of(made), min_size=1, max_size=2, unique=True))
    return made


@st.composite
def policies(draw: st.DrawFn, nodes: list[str], most: int) -> Policy:
    tolerances = st.one_of(st.integers(0, 3), st.sampled_from(["0%", "20%", "25%", "34%", "50%", "99%"]))
    tolerate = draw(st.one_of(st.none(), tolerances))
    of_nodes = st.tuples(st.sampled_from(nodes), st.integers(0, 2))
    until = st.one_of(of_nodes, st.tuples(st.just(""), st.integers(0, 6)))
    return Policy(
        items=most - draw(st.integers(0, most)),
        batch=draw(st.sampled_from([0, 0, 0, 1, 2, 3])),
        on_error="continue" if tolerate is not None else draw(st.sampled_from(["stop", "continue"])),
        tolerate=tolerate,
        until=draw(st.one_of(st.none(), st.none(), until)),
    )


@st.composite
def relations(draw: st.DrawFn, source: str, structure: Structure) -> str:
    if source in (INPUT, ENTRY):
        return "ON_SUCCESS" if source == INPUT else "FOREACH"
    return draw(st.sampled_from([*RELATIONS, *(["CONTINUE"] * 6 if source in structure.loops else [])]))


@st.composite
def lines_out_of(draw: st.DrawFn, structure: Structure) -> Line:
    source = draw(st.sampled_from([*structure.lines]))
    return source, draw(relations(source, structure))


def leads_on_without(structure: Structure, line: Line) -> bool:
    """Whether nothing but `output` is led to when this line fires: otherwise it could never run."""
    source, relation = line
    beside = [other for lines in structure.lines.values() for start, other in lines if start == source]
    beside += ["FOREACH"] if source in structure.loops else []
    return relation not in beside and (relation != "ON_SUCCESS" or set(beside) <= {"ON_FAIL"})


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """What is in no loop mostly succeeds: with its failure the run is over."""
    root = draw(structures(iter(f"n{i}" for i in range(1000)), 0))
    fates = {name: SUCCESSES if name in root.lines and draw(st.integers(0, 7)) else FATES for name in root.all_nodes()}
    return Case(root, {name: draw(st.lists(fates[name], min_size=1, max_size=5)) for name in fates})


def render(structure: Structure, source: str = INPUT) -> Iterator[str]:
    """The flow lines. `source` is the source of the FOREACH for a body."""
    into = [(to, line) for to, lines in structure.lines.items() for line in lines]
    into += [("output", line) for line in structure.outputs]
    into += [(structure.ending[1], structure.ending[0])] if structure.ending else []
    for to, (start, relation) in into:
        if start == ENTRY:
            yield f"{source} >> FOREACH {structure.item} IN input.lists[{structure.policy.items}] >> {to}"
        elif relation == "IF":
            yield f"{start} >> IF({start}.data.n > `0`) >> {to}"
        else:
            yield f"{start} >> {relation} >> {to}"
    for name, body in structure.loops.items():
        yield from render(body, name)


def render_config(structure: Structure, concurrency: int, items: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, lines in structure.lines.items():
        yield (
            name,
            {
                "component": "any",
                "name": name,
                "path": [f"{{{{{item}_index}}}}" for item in items],
                "items": [f"{{{{{item}}}}}" for item in items],
                "seen": {
                    source: {part: f"{{{{{structure.loops[source].item}.{part}?}}}}" for part in parts}
                    for source, parts in told_to(structure, lines)
                },
                **render_foreach(structure.loops.get(name), concurrency),
            },
        )
        if name in structure.loops:
            yield from render_config(structure.loops[name], concurrency, (*items, structure.loops[name].item))


def told_to(structure: Structure, lines: Iterable[Line]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a node reads of the loops that it follows."""
    for source, relation in lines:
        if relation == "CONTINUE":
            yield source, ("results", "errors", "states") if structure.loops[source].tells else ("results", "errors")


def render_foreach(body: Structure | None, concurrency: int) -> dict[str, Any]:
    if body is None:
        return {}
    policy = body.policy
    foreach: dict[str, Any] = {"concurrency": concurrency, "on_error": policy.on_error}
    if policy.batch:
        foreach["batch"] = policy.batch
    if policy.tolerate is not None:
        foreach["tolerate"] = policy.tolerate
    if policy.until is not None:
        node, value = policy.until
        foreach["until"] = f"{node}.data.n == `{value}`" if node else f"{body.item}_index == `{value}`"
    return {"foreach": foreach}


# The interpreter


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


# What is compared


@dataclass(frozen=True)
class Observed:
    record: RunRecord
    calls: Mapping[tuple[str, Path], Call]
    at_s: float  # the end


def run_engine(case: Case, concurrency: int) -> Observed:
    calls: dict[tuple[str, Path], Call] = {}

    async def behave(given: Input) -> Mapping[str, Any]:
        name, path, loop = given["name"], tuple(given["path"]), asyncio.get_running_loop()
        fate, begin_s = case.fate(name, path), loop.time()
        is_cancelled = False
        try:
            await asyncio.sleep(case.duration_s(name, path))
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        finally:
            assert (name, path) not in calls
            calls[name, path] = Call(
                name, path, tuple(given["items"]), given["seen"], begin_s, loop.time(), is_cancelled
            )
        return failure() if fate.data is None else data(fate.data)

    bench = EngineBench({"any": behave})
    config = dict(render_config(case.root, concurrency))
    lists = {"lists": [[f"v{i}" for i in range(count)] for count in range(MOST_ITEMS + 1)]}
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        record = runner.run(bench.run(list(render(case.root)), lists, config=config, concurrency=MAX_CONCURRENCY))
        at_s = runner.get_loop().time()
    return Observed(record, calls, at_s)


def is_definite(ends_s: list[float], calls: Iterable[Call]) -> bool:
    """Whether no two calls end at once, and none waits for a slot."""
    times = sorted(ends_s)
    changes = sorted([(call.begin_s, 1) for call in calls] + [(call.end_s, -1) for call in calls])
    running = itertools.accumulate(change for _, change in changes)
    are_apart = all(later - earlier > APART_S for earlier, later in itertools.pairwise(times))
    return are_apart and max(running, default=0) <= MAX_CONCURRENCY


def check_calls(expected: Iterable[Call], observed: Mapping[tuple[str, Path], Call]) -> None:
    left = dict(observed)
    for call in expected:
        got = left.pop((call.name, call.path), None)
        if got is None:
            assert call.may_begin, call
            continue
        assert (got.begin_s, got.end_s) == pytest.approx((call.begin_s, call.end_s), abs=APART_S / 10)
        assert got.is_cancelled == call.is_cancelled
        assert (got.items, call.seen) == (call.items, got.seen)
    assert left == {}


def check_counts(record: RunRecord, expected: list[Call], case: Case) -> None:
    """The records of nodes in loops, where nothing was cancelled."""
    for entry in record.trace:
        fates = [case.fate(call.name, call.path).data for call in expected if call.name == entry.node]
        if entry.iterations is not None:
            counts = entry.iterations.success, entry.iterations.failed
            assert counts == (len(fates) - fates.count(None), fates.count(None))


@settings(max_examples=examples(150), deadline=None)
@given(cases())
def test_any_workflow_of_loops_runs_as_the_interpreter_has_it(case: Case) -> None:
    for concurrency in (1, 7):
        interpreter = Interpreter(case, concurrency)
        expected = interpreter.run()
        assume(is_definite(interpreter.ends_s, expected.calls))
        observed = run_engine(case, concurrency)
        record = observed.record
        assert observed.at_s == pytest.approx(expected.at_s, abs=APART_S / 10)
        check_calls(expected.calls, observed.calls)
        if expected.how == "failed":
            assert record.error is not None
            assert record.error.code == expected.value.code
            assert expected.value.details.items() <= record.error.details.items()
        else:
            assert record.error is None
            assert expected.value == record.data
        if not any(call.is_cancelled for call in expected.calls):
            check_counts(record, expected.calls, case)
