"""Any workflow with joins and lines to `stop`, `break` and `respond` runs by the rules: an interpreter that has no
plans, tasks or ports of its own follows what the components see, call by call, and says at each moment what may run,
what must have begun, what has been cancelled, and in the end what is answered.

No two calls end at the same moment, so that each race has one winner.
"""

import asyncio
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import WorkflowError
from fakes.components import Input
from fakes.engine import RUN_ID, EngineBench, data, failure
from fakes.ports.searches import examples
from fakes.ports.virtual_time import VirtualTimeLoop

INPUT, ENTRY = "input", "(entry)"
Path = tuple[int, ...]
Line = tuple[str, str]  # source, relation


@dataclass(frozen=True)
class Join:
    needed: int  # of its lines
    is_early: bool
    cancels: bool
    written: Any


@dataclass(frozen=True)
class Fate:
    """The result of a call: how long it takes, and its data, or None for a failure."""

    duration_ms: int
    data: Mapping[str, Any] | None


@dataclass
class Structure:
    """`lines` into each node; a FOREACH leaves each of `loops`, and its body is a structure with ENTRY lines.
    `outputs` and `endings` are the lines to `output`, and to `stop` and `break`.
    """

    lines: dict[str, list[Line]] = field(default_factory=dict)
    joins: dict[str, Join] = field(default_factory=dict)
    loops: dict[str, "Structure"] = field(default_factory=dict)
    outputs: list[Line] = field(default_factory=list)
    endings: list[tuple[Line, str]] = field(default_factory=list)
    item: str = ""
    count: int = 0
    goes_on: bool = False

    def all_nodes(self) -> Iterator[str]:
        yield from self.lines
        for body in self.loops.values():
            yield from body.all_nodes()

    def sources_of(self, name: str) -> set[str]:
        return {source for source, _ in self.lines[name] if source not in (INPUT, ENTRY)}

    def handles(self, name: str) -> bool:
        into_nodes = (line for lines in self.lines.values() for line in lines)
        return (name, "ON_FAIL") in [*into_nodes, *self.outputs, *(line for line, _ in self.endings)]

    def answers(self) -> list[Line]:
        of_bodies = [(name, "CONTINUE") for name, body in self.loops.items() if body.answers()]
        return list(dict.fromkeys([*self.outputs, *of_bodies]))

    def stops(self) -> bool:
        return any(to == "stop" for _, to in self.endings) or any(body.stops() for body in self.loops.values())

    def only_leads_to(self, join: str, name: str, *, from_loop: bool = False) -> bool:
        """Whether every path from a node, or from the loop that leaves it, leads to the join."""
        if from_loop and self.loops[name].stops():
            return False
        led = [*self.answers(), *(line for line, _ in self.endings)]
        if any(source == name and (relation == "CONTINUE") == from_loop for source, relation in led):
            return False
        ways = [
            to == join or self.only_leads_to(join, to)
            for to, lines in self.lines.items()
            for source, relation in lines
            if source == name and (relation == "CONTINUE") == from_loop
        ]
        if not from_loop and name in self.loops:
            ways.append(self.only_leads_to(join, name, from_loop=True))
        return bool(ways) and all(ways)


@dataclass(frozen=True)
class Case:
    root: Structure
    fates: dict[str, list[Fate]]

    def fate(self, name: str, path: Path) -> Fate:
        fates = self.fates[name]
        return fates[sum(path) % len(fates)]

    def duration_ms(self, name: str, path: Path) -> float:
        return self.fate(name, path).duration_ms + 0.1 + zlib.crc32(f"{name} {path}".encode()) / (1 << 33)


DATA = st.fixed_dictionaries({"result": st.booleans(), "branch": st.sampled_from(["x", "y"]), "n": st.integers(0, 2)})
SUCCESSES = st.builds(Fate, st.integers(0, 5), DATA)
FATES = st.builds(Fate, st.integers(0, 5), st.one_of(DATA, DATA, DATA, st.none()))
CONDITIONS = ("ON_TRUE", "ON_FALSE", "ON_BRANCH(x)", "IF")
RELATIONS = ("ON_SUCCESS", "ON_SUCCESS", "ON_SUCCESS", "ON_FAIL", *CONDITIONS)


@st.composite
def structures(draw: st.DrawFn, names: Iterator[str], depth: int) -> Structure:
    made = Structure()
    roots = draw(st.integers(1, 2))
    for i in range(draw(st.integers(3, 7) if depth == 0 else st.integers(1, 4))):
        name = next(names)
        sources = [INPUT if depth == 0 else ENTRY] if i < roots else [*made.lines]  # rarely all hang on one
        if i > 3:
            sources.append(INPUT if depth == 0 else ENTRY)
        chosen = draw(st.lists(st.sampled_from(sources), min_size=min(2, len(sources)), max_size=3, unique=True))
        chosen = chosen[: draw(st.sampled_from([1, 3, 3]))]
        made.lines[name] = [(source, draw(relations(source, made))) for source in chosen]
        if len(chosen) > 1 and draw(st.integers(0, 4)):
            made.joins[name] = draw(joins(len(chosen)))
        if depth < 2 and draw(st.integers(0, 5)) == 0:
            body = draw(structures(names, depth + 1))
            body.item, body.count, body.goes_on = f"i{name}", draw(st.integers(0, 3)), draw(st.booleans())
            made.loops[name] = body
    if draw(st.integers(0, 2)) == 0:
        leaves_loop: bool = draw(st.booleans())
        line = (next(iter(made.loops)), "CONTINUE") if made.loops and leaves_loop else draw(lines_out_of(made))
        if leads_on_without(made, line):
            made.endings = [(line, draw(st.sampled_from(["stop", "break"])) if depth else "stop")]
    if draw(st.integers(0, 1 if made.endings else 3)) == 0:
        made.outputs = draw(st.lists(lines_out_of(made), min_size=1, max_size=2, unique=True))
    return made


@st.composite
def relations(draw: st.DrawFn, source: str, structure: Structure) -> str:
    if source in (INPUT, ENTRY):
        return "ON_SUCCESS" if source == INPUT else "FOREACH"
    return draw(st.sampled_from([*RELATIONS, *(["CONTINUE"] * 4 if source in structure.loops else [])]))


@st.composite
def joins(draw: st.DrawFn, lines: int) -> Join:
    if draw(st.integers(0, 4)) == 0:
        return Join(lines, False, False, "all")
    needed, cancels = draw(st.integers(1, lines)), draw(st.sampled_from([True, True, False]))
    return Join(needed, True, cancels, "first" if needed == 1 else {"at_least": needed})


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
    root = draw(structures(iter(f"n{i}" for i in range(1000)), 0))
    fates = draw(st.sampled_from([SUCCESSES, FATES]))
    return Case(root, {name: draw(st.lists(fates, min_size=1, max_size=3)) for name in root.all_nodes()})


def render(structure: Structure, source: str = INPUT) -> Iterator[str]:
    """The flow lines. `source` is the source of the FOREACH for a body."""
    into = [(to, line) for to, lines in structure.lines.items() for line in lines]
    into += [("output", line) for line in structure.outputs]
    into += [(to, line) for line, to in structure.endings]
    for to, (start, relation) in into:
        if start == ENTRY:
            yield f"{source} >> FOREACH {structure.item} IN input.counts[{structure.count}] >> {to}"
        elif relation == "IF":
            yield f"{start} >> IF({start}.data.n > `0`) >> {to}"
        else:
            yield f"{start} >> {relation} >> {to}"
    for name, body in structure.loops.items():
        yield from render(body, name)


def render_config(structure: Structure, concurrency: int, items: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name in structure.lines:
        config: dict[str, Any] = {"component": "any", "name": name, "path": [f"{{{{{item}}}}}" for item in items]}
        if (join := structure.joins.get(name)) is not None:
            config |= {"join": join.written, "cancel_rest": join.cancels} if join.is_early else {"join": join.written}
            config["seen"] = {source: f"{{{{{source}.data?}}}}" for source in structure.sources_of(name)}
        if name in structure.loops:
            body = structure.loops[name]
            config["foreach"] = {"concurrency": concurrency, "on_error": "continue" if body.goes_on else "stop"}
            yield from render_config(body, concurrency, (*items, body.item))
        yield name, config


@dataclass(frozen=True)
class Event:
    """A call begins, ends, or is cancelled."""

    kind: str
    name: str
    path: Path
    at_s: float
    seen: Mapping[str, Any] | None = None  # by a join, of its parents


@dataclass
class Observed:
    record: RunRecord
    events: list[Event]
    at_s: float  # the end
    early: list[RunRecord]


def run_engine(case: Case, concurrency: int, responds: list[Line] | None = None) -> Observed:
    """`responds` are lines to `respond`."""
    events: list[Event] = []
    early: list[RunRecord] = []

    async def behave(given: Input) -> Mapping[str, Any]:
        name, path = given["name"], tuple(given["path"])
        fate, loop = case.fate(name, path), asyncio.get_running_loop()
        events.append(Event("begin", name, path, loop.time(), given.get("seen")))
        try:
            await asyncio.sleep(case.duration_ms(name, path) / 1000)
        except asyncio.CancelledError:
            events.append(Event("cancel", name, path, loop.time()))
            raise
        events.append(Event("end", name, path, loop.time()))
        return failure() if fate.data is None else data(fate.data)

    bench = EngineBench({"any": behave})
    config = dict(render_config(case.root, concurrency))
    counts = {"counts": [list(range(count)) for count in range(4)]}
    flow = [*render(case.root), *(f"{source} >> {relation} >> respond" for source, relation in responds or ())]
    plan = bench.plan({"name": "w", "flow": flow, "config": config, "concurrency": concurrency})
    trigger = Trigger(TriggerKind.WEBHOOK, counts, answer_early=early.append)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        record = runner.run(bench.engine.run(plan, trigger, RUN_ID))
        at_s = runner.get_loop().time()
    return Observed(record, events, at_s, early)


class AnError:
    """Equals what an edge out of a failed node carries."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and other["error"]["code"] == "BAD"

    __hash__ = None  # type: ignore[assignment]


class GraphState:
    """One run of a structure: of the root, or of the body for one element."""

    def __init__(
        self, case: Case, structure: Structure, path: Path, parent: "tuple[GraphState, str] | None" = None
    ) -> None:
        self.case, self.structure, self.path, self.parent = case, structure, path, parent
        self.may_begin: dict[str, float] = {}  # since when
        self.seen: dict[str, Mapping[str, Any]] = {}  # by each join that may begin
        self.begun: set[str] = set()
        self.followed: set[Line] = set()  # (node, "") or (node, "CONTINUE")
        self.outcomes: dict[str, Fate | None] = {}  # None: skipped, or cancelled
        self.cancelled: dict[str, tuple[float, str]] = {}  # when, and by which join
        self.cancelled_loops: set[str] = set()
        self.elements: dict[str, list[GraphState]] = {}  # of the loops that have begun
        self.finished: dict[str, list[Any]] = {}  # their results
        self.ended_s: float | None = None
        self.how, self.answer = "", None  # done, failed, stop, break

    # What happens

    def begin(self, name: str) -> None:
        self.begun.add(name)

    def end(self, name: str, at_s: float) -> None:
        """A call has ended."""
        fate = self.case.fate(name, self.path)
        self.outcomes[name] = fate
        if fate.data is None and not self.structure.handles(name):
            self._fail(at_s)
        elif not self._end_early(name, at_s, after_loop=False):
            if fate.data is not None and name in self.structure.loops and name not in self.cancelled_loops:
                self._begin_loop(name, at_s)
            self.go_on(at_s)

    def go_on(self, at_s: float) -> None:
        """Decide all that can be decided."""
        for name in self.structure.lines:
            if name not in self.may_begin and name not in self.outcomes and (runs := self._decide(name)) is not None:
                if runs:
                    self.may_begin[name] = at_s
                    fates = {source: self.outcomes.get(source) for source in self.structure.sources_of(name)}
                    self.seen[name] = {source: fate and fate.data for source, fate in fates.items()}
                    self.followed |= {_left_by(line) for line in self.structure.lines[name] if self._fires(line)}
                else:
                    self.outcomes[name] = None
                self._cancel_rest(name, at_s)
                return self.go_on(at_s)
        if self.ended_s is None and self._is_done():
            self._finish("done", self._answer(), at_s)
        return None

    def _decide(self, name: str) -> bool | None:
        lines, join = self.structure.lines[name], self.structure.joins.get(name)
        needed = join.needed if join else 1
        fired = sum(self._fires(line) for line in lines)
        still = sum(not self._has_settled(line) for line in lines)
        if join is not None and join.is_early and fired >= needed:
            return True
        if join is not None and join.is_early and fired + still < needed:
            return False
        return None if still else fired >= needed

    def _cancel_rest(self, join: str, at_s: float) -> None:
        if join not in self.structure.joins or not self.structure.joins[join].cancels:
            return
        for name in self.structure.lines:
            if name not in self.outcomes and self.structure.only_leads_to(join, name):
                self.cancelled[name], self.outcomes[name] = (at_s, join), None
            is_open = name in self.structure.loops and name not in self.finished and name not in self.cancelled_loops
            if is_open and self.structure.only_leads_to(join, name, from_loop=True):
                self.cancelled_loops.add(name)
                self.followed.add((name, ""))
                if name in self.elements:
                    self._abort_loop(name, at_s)
                    del self.elements[name]

    def _begin_loop(self, name: str, at_s: float) -> None:
        body = self.structure.loops[name]
        states = [GraphState(self.case, body, (*self.path, i), (self, name)) for i in range(body.count)]
        self.elements[name] = states
        self.followed.add((name, ""))
        for state in states:
            state.go_on(at_s)
        self._look_at_loop(name, at_s)

    def _look_at_loop(self, name: str, at_s: float) -> None:
        """An element of a loop may have been the last."""
        states = self.elements.get(name, [])
        if self.ended_s is not None or name in self.finished or name not in self.elements:
            return
        if any(state.how == "failed" for state in states) and not self.structure.loops[name].goes_on:
            self._abort_loop(name, at_s)
            self._fail(at_s)
        elif any(state.how == "break" for state in states) or all(state.ended_s is not None for state in states):
            self.finished[name] = [state.answer for state in states]
            self._abort_loop(name, at_s)
            if not self._end_early(name, at_s, after_loop=True):
                self.go_on(at_s)

    def _end_early(self, name: str, at_s: float, *, after_loop: bool) -> bool:
        for line, to in self.structure.endings:
            source, relation = line
            if source == name and (relation == "CONTINUE") == after_loop and self._fires(line):
                answer = self._data_of(line)
                if to == "stop":
                    root = self
                    while root.parent is not None:
                        root = root.parent[0]
                    root._finish("stop", root._answer_or(answer), at_s)
                else:
                    self._finish("break", self._answer_or(answer), at_s)
                return True
        return False

    def _fail(self, at_s: float) -> None:
        self._finish("failed", None, at_s)

    def _finish(self, how: str, answer: Any, at_s: float) -> None:
        if self.ended_s is not None:
            return
        self.how, self.answer = how, answer
        self.abort(at_s)
        if self.parent is not None:
            state, name = self.parent
            state._look_at_loop(name, at_s)

    def abort(self, at_s: float) -> None:
        if self.ended_s is None:
            self.ended_s = at_s
            for name in self.elements:
                self._abort_loop(name, at_s)

    def _abort_loop(self, name: str, at_s: float) -> None:
        for state in self.elements[name]:
            state.abort(at_s)

    # What is so

    def _is_done(self) -> bool:
        loops = [name for name in self.elements if name not in self.finished]
        return self.outcomes.keys() == self.structure.lines.keys() and not loops

    def _has_settled(self, line: Line) -> bool:
        source, relation = line
        if source in (INPUT, ENTRY):
            return True
        if source not in self.outcomes:
            return False
        return relation != "CONTINUE" or source in self.finished or source not in self.elements

    def _fires(self, line: Line) -> bool:
        source, relation = line
        if source in (INPUT, ENTRY):
            return True
        if relation == "CONTINUE":
            return source in self.finished
        fate = self.outcomes.get(source)
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

    def _was_cancelled(self, line: Line) -> bool:
        source, relation = line
        return source in (self.cancelled_loops if relation == "CONTINUE" else self.cancelled)

    def _data_of(self, line: Line) -> Any:
        source, relation = line
        if relation == "CONTINUE":
            return self.finished[source]
        fate = self.outcomes[source]
        return AnError() if relation == "ON_FAIL" else fate and fate.data

    def _answer_or(self, otherwise: Any) -> Any:
        return self._answer() if any(map(self._fires, self.structure.answers())) else otherwise

    def _answer(self) -> Any:
        if self.structure.answers():
            found = {line[0]: self._data_of(line) for line in self.structure.answers() if self._fires(line)}
        else:
            early = {name for name, join in self.structure.joins.items() if join.is_early and name in self.begun}
            for name in early | self.cancelled.keys():
                lines, join = self.structure.lines[name], self.structure.joins.get(name)
                fired = {line for line in lines if self._fires(line)}
                if len(fired | {line for line in lines if self._was_cancelled(line)}) >= (join.needed if join else 1):
                    self.followed |= set(map(_left_by, fired))
            found = {
                name: fate.data
                for name, fate in self.outcomes.items()
                if fate is not None and fate.data is not None and (name, "") not in self.followed
            }
            found |= {name: results for name, results in self.finished.items() if _loop(name) not in self.followed}
        return next(iter(found.values()), None) if len(found) < 2 else found


def _loop(name: str) -> Line:
    return name, "CONTINUE"


def _left_by(line: Line) -> Line:
    return line if line[1] == "CONTINUE" else (line[0], "")


def find_state(root: GraphState, name: str, path: Path) -> GraphState | None:
    """The graph in which a call stands; None if its loop has not begun."""
    if name in root.structure.lines:
        return root if root.path == path else None
    for source, body in root.structure.loops.items():
        if name in set(body.all_nodes()):
            states = root.elements.get(source, [])
            i = path[len(root.path)]
            return find_state(states[i], name, path) if i < len(states) else None
    return None


def all_states(root: GraphState) -> Iterator[GraphState]:
    yield root
    for states in root.elements.values():
        for state in states:
            yield from all_states(state)


def follow(case: Case, observed: Observed, concurrency: int) -> GraphState:
    """Follow the calls, and check each of them."""
    root, running, now_s = GraphState(case, case.root, ()), 0, 0.0
    aborted: dict[tuple[str, Path], float] = {}
    root.go_on(0)
    for event in observed.events:
        if event.at_s > now_s:
            check_nothing_waits(root, running, concurrency)
        now_s = event.at_s
        state = find_state(root, event.name, event.path)
        if event.kind == "begin":
            running += 1
            assert running <= concurrency
            if state is None:  # its loop has been cancelled at this very moment
                aborted[event.name, event.path] = now_s
                continue
            assert event.name in state.may_begin
            assert event.name not in state.begun
            assert event.seen in (None, state.seen[event.name])
            assert state.ended_s in (None, now_s)
            assert event.name not in state.cancelled or state.cancelled[event.name][0] == now_s
            state.begin(event.name)
        else:
            running -= 1
            if event.kind == "end":
                assert state is not None
                assert state.ended_s is None
                assert event.name not in state.cancelled
                state.end(event.name, now_s)
            else:
                assert state is None or state.ended_s == now_s or state.cancelled[event.name][0] == now_s
    assert all(at_s in [event.at_s for event in observed.events if event.kind == "end"] for at_s in aborted.values())
    return root


def check_nothing_waits(root: GraphState, running: int, concurrency: int) -> None:
    """Time passes: all that may run runs, as far as there are slots. One element after the other is no loop's fault."""
    if running >= concurrency:
        return
    for state in all_states(root) if concurrency > 3 else [root]:
        if state.ended_s is None:
            assert state.may_begin.keys() - state.begun <= state.cancelled.keys()


def check_records(root: GraphState, record: RunRecord) -> None:
    """The records of the nodes that are in no loop."""
    entries = {entry.node: entry for entry in record.trace}
    for name in root.structure.lines:
        entry, fate = entries[name], root.outcomes.get(name)
        if name in root.cancelled:
            assert entry.error is not None
            assert (entry.error.code, f"`{root.cancelled[name][1]}`" in entry.error.message) == ("CANCELLED", True)
            assert entry.status == ("failed" if name in root.begun else entry.status)
        elif fate is not None:
            assert entry.status == ("success" if fate.data is not None else "failed")
        elif name in root.outcomes:
            assert entry.status == "skipped"
            behind = [join for join in root.structure.joins if root.structure.only_leads_to(join, name)]
            assert entry.error is None or behind  # perhaps it was cancelled at the moment when it would be skipped


def reject_impossible_join(refused: WorkflowError) -> NoReturn:
    """Leave out a workflow with a join that no run can meet, which is all that may be wrong with a generated one."""
    assert {it["code"] for it in refused.details["diagnostics"] if it["severity"] == "error"} == {"INVALID_JOIN"}
    reject()


@settings(max_examples=examples(60), deadline=None)
@given(cases())
def test_any_workflow_with_joins_and_endings_runs_by_the_rules(case: Case) -> None:
    for concurrency in (1, 7):
        try:
            observed = run_engine(case, concurrency)
        except WorkflowError as refused:
            reject_impossible_join(refused)
        root = follow(case, observed, concurrency)
        record = observed.record
        assert (root.how == "failed", root.how in ("done", "stop")) == (record.error is not None, record.error is None)
        assert root.ended_s == observed.at_s
        assert record.error is None or record.error.code == "BAD"
        assert record.data == root.answer
        assert sorted(entry.node for entry in record.trace) == sorted(case.root.all_nodes())
        check_records(root, record)


@settings(max_examples=examples(60), deadline=None)
@given(cases(), st.data())
def test_lines_to_respond_answer_when_the_first_of_them_fires_and_change_nothing_else(
    case: Case, drawing: st.DataObject
) -> None:
    root = case.root
    joins = [name for name, join in root.joins.items() if join.cancels]  # what leads elsewhere too goes on
    names = [name for name in root.lines if not any(root.only_leads_to(join, name) for join in joins)]
    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    responds = [(name, "ON_SUCCESS") for name in drawing.draw(chosen)]
    for concurrency in (1, 7):
        try:
            plain, observed = run_engine(case, concurrency), run_engine(case, concurrency, responds)
        except WorkflowError as refused:
            reject_impossible_join(refused)
        followed = follow(case, observed, concurrency)
        ends_s = {event.name: event.at_s for event in observed.events if event.kind == "end"}
        succeeded = [name for name, _ in responds if (fate := followed.outcomes.get(name)) and fate.data is not None]
        first = min(succeeded, key=ends_s.__getitem__, default="")
        assert [early.data for early in observed.early] == ([case.fate(first, ()).data] if first else [])
        assert all(early.duration_ms == pytest.approx(ends_s[first] * 1000, abs=0.01) for early in observed.early)
        assert (put_in_order(observed.events), observed.at_s) == (put_in_order(plain.events), plain.at_s)
        assert describe(observed.record) == describe(plain.record)


def put_in_order(events: list[Event]) -> list[Event]:
    """What is cancelled together is cancelled in any order."""
    return sorted(events, key=lambda event: (event.at_s, event.kind, event.name, event.path))


def describe(record: RunRecord) -> tuple[Any, ...]:
    statuses = [(entry.node, entry.status, entry.start_ms, entry.duration_ms) for entry in record.trace]
    return record.data, record.error and record.error.code, record.duration_ms, statuses
