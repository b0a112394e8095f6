"""Any workflow gives the result of an interpreter that is too simple to be wrong: one node after the other, by the
generated structure, without plans, ports or concurrency.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.engine.record import RunRecord
from fakes.components import Input
from fakes.engine import EngineBench, data, failure
from fakes.ports.searches import examples
from fakes.ports.virtual_time import VirtualTimeLoop

ENTRY = "(entry)"
# Stands among the calls for an iteration that a failure ended: what else of it has run depends on the moment.
INTERRUPTED: "tuple[str, Path]" = ("(interrupted)", ())
Path = tuple[int, ...]
Parent = tuple[str, str]  # source, relation


@dataclass(frozen=True)
class Fate:
    """The result of a node's call: its duration, and its data, or None for a failure."""

    duration_ms: int
    data: Mapping[str, Any] | None


@dataclass
class Structure:
    """`parents` of each node; a FOREACH leaves each of `loops`, and its body is a structure with ENTRY parents."""

    parents: dict[str, list[Parent]] = field(default_factory=dict)
    loops: dict[str, "Structure"] = field(default_factory=dict)
    item: str = ""
    count: int = 0
    goes_on: bool = False

    def all_nodes(self) -> Iterator[str]:
        yield from self.parents
        for body in self.loops.values():
            yield from body.all_nodes()


@dataclass(frozen=True)
class Case:
    """`rounds` is the `max` of each node with `repeat`: it runs until its data's `n` is 0."""

    root: Structure
    fates: dict[str, list[Fate]]
    rounds: dict[str, int]

    def fate(self, name: str, path: Path, number: int = 0) -> Fate:
        fates = self.fates[name]
        return fates[(sum(path) + number) % len(fates)]


DATA = st.fixed_dictionaries({"result": st.booleans(), "branch": st.sampled_from(["x", "y"]), "n": st.integers(0, 2)})
SUCCESSES = st.builds(Fate, st.integers(0, 3), DATA)
FATES = st.builds(Fate, st.integers(0, 3), st.one_of(DATA, DATA, DATA, st.none()))
RELATIONS = ("ON_SUCCESS", "ON_SUCCESS", "ON_FAIL", "ON_TRUE", "ON_FALSE", "ON_BRANCH(x)", "IF")


@st.composite
def structures(draw: st.DrawFn, names: Iterator[str], depth: int) -> Structure:
    structure = Structure()
    is_root = depth == 0
    for _ in range(draw(st.integers(1, 4 if is_root else 2))):
        name = next(names)
        sources = ["input" if is_root else ENTRY, *structure.parents]
        chosen = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3, unique=True))
        structure.parents[name] = [(source, draw(relations(source, structure))) for source in chosen]
        if depth < 2 and draw(st.integers(0, 2)) == 0:
            body = draw(structures(names, depth + 1))
            body.item, body.count, body.goes_on = f"i{name}", draw(st.integers(0, 3)), draw(st.booleans())
            structure.loops[name] = body
    return structure


@st.composite
def relations(draw: st.DrawFn, source: str, structure: Structure) -> str:
    if source in ("input", ENTRY):
        return "ON_SUCCESS" if source == "input" else "FOREACH"
    return draw(st.sampled_from([*RELATIONS, *(["CONTINUE"] * 3 if source in structure.loops else [])]))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    root = draw(structures(iter(f"n{i}" for i in range(1000)), 0))
    fates = draw(st.sampled_from([SUCCESSES, FATES]))
    names = [*root.all_nodes()]
    rounds = {name: draw(st.integers(1, 4)) for name in names if draw(st.integers(0, 3)) == 0}
    return Case(root, {name: draw(st.lists(fates, min_size=1, max_size=3)) for name in names}, rounds)


def render(structure: Structure, source: str = "input") -> Iterator[str]:
    """The flow lines. `source` is the source of the FOREACH for a body."""
    for name, parents in structure.parents.items():
        for parent, relation in parents:
            if parent == ENTRY:
                yield f"{source} >> FOREACH {structure.item} IN input.counts[{structure.count}] >> {name}"
            elif relation == "IF":
                yield f"{parent} >> IF({parent}.data.n > `0`) >> {name}"
            else:
                yield f"{parent} >> {relation} >> {name}"
    for loop_source, body in structure.loops.items():
        yield from render(body, loop_source)


def render_config(
    case: Case, structure: Structure, concurrency: int, items: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any]]:
    for name in structure.parents:
        config: dict[str, Any] = {"component": "any", "name": name, "path": [f"{{{{{item}}}}}" for item in items]}
        if name in case.rounds:
            config["number"] = "{{previous.next | default(0)}}"
            config["repeat"] = {"until": f"{name}.data.n == `0`", "max": case.rounds[name], "collect": f"{name}.data.n"}
        if name in structure.loops:
            body = structure.loops[name]
            config["foreach"] = {"concurrency": concurrency, "on_error": "continue" if body.goes_on else "stop"}
            yield from render_config(case, body, concurrency, (*items, body.item))
        yield name, config


class UnhandledError(Exception):
    pass


def interpret(case: Case, structure: Structure, path: Path, calls: list[tuple[str, Path]]) -> Any:
    """The answer; `calls` gets every call. Raises UnhandledError."""
    outcomes: dict[str, Fate] = {}
    finished: dict[str, list[Any]] = {}
    handled = {s for parents in structure.parents.values() for s, relation in parents if relation == "ON_FAIL"}
    followed: set[tuple[str, bool]] = set()  # a node, or the loop that leaves it, after which something has run
    for name, parents in structure.parents.items():
        fired = [(source, relation) for source, relation in parents if fires(source, relation, outcomes, finished)]
        if not fired:
            continue
        followed |= {(source, relation == "CONTINUE") for source, relation in fired}
        outcomes[name] = interpret_node(case, name, path, calls)
        if outcomes[name].data is None and name not in handled:
            raise UnhandledError
        if name in structure.loops and outcomes[name].data is not None:
            finished[name] = list(interpret_loop(case, structure.loops[name], path, calls))
    answers: dict[str, Any] = {
        name: outcome.data
        for name, outcome in outcomes.items()
        if outcome.data is not None and name not in finished and (name, False) not in followed
    }
    answers |= {name: results for name, results in finished.items() if (name, True) not in followed}
    return next(iter(answers.values()), None) if len(answers) < 2 else answers


def interpret_node(case: Case, name: str, path: Path, calls: list[tuple[str, Path]]) -> Fate:
    if name not in case.rounds:
        calls.append((name, path))
        return case.fate(name, path)
    for number in range(case.rounds[name]):
        calls.append((name_round(name, number), path))
        fate = case.fate(name, path, number)
        if fate.data is None or fate.data["n"] == 0:
            return fate if fate.data is None else Fate(0, {**fate.data, "next": number + 1})
    return Fate(0, None)  # the rounds are used up


def name_round(name: str, number: int) -> str:
    """What stands for a round among the calls; the first is the node's own."""
    return f"{name}#{number}" if number else name


def interpret_loop(case: Case, body: Structure, path: Path, calls: list[tuple[str, Path]]) -> Iterator[Any]:
    for i in range(body.count):
        try:
            yield interpret(case, body, (*path, i), calls)
        except UnhandledError:
            if not body.goes_on:
                raise
            calls.append(INTERRUPTED)
            yield None


def fires(source: str, relation: str, outcomes: Mapping[str, Fate], finished: Mapping[str, Any]) -> bool:
    if source in ("input", ENTRY):
        return True
    if relation == "CONTINUE":
        return source in finished
    if source not in outcomes:
        return False
    answered = outcomes[source].data
    if relation == "ON_FAIL" or answered is None:
        return relation == "ON_FAIL" and answered is None
    return bool(
        {
            "ON_SUCCESS": True,
            "ON_TRUE": answered["result"] is True,
            "ON_FALSE": answered["result"] is False,
            "ON_BRANCH(x)": answered["branch"] == "x",
            "IF": answered["n"] > 0,
        }[relation]
    )


@dataclass
class Observed:
    record: RunRecord
    begun: list[tuple[str, Path]]
    ended: list[tuple[str, Path]]
    order: list[tuple[str, str, Path]]


def run_engine(case: Case, concurrency: int) -> Observed:
    order: list[tuple[str, str, Path]] = []

    async def behave(given: Input) -> Mapping[str, Any]:
        name, path, number = given["name"], tuple(given["path"]), given.get("number")
        fate = case.fate(name, path, number or 0)
        order.append(("begin", name_round(name, number or 0), path))
        await asyncio.sleep(fate.duration_ms / 1000)
        order.append(("end", name, path))  # of the last round, where there are several
        if fate.data is None:
            return failure()
        return data(fate.data if number is None else {**fate.data, "next": number + 1})

    bench = EngineBench({"any": behave})
    config = dict(render_config(case, case.root, concurrency))
    counts = {"counts": [list(range(count)) for count in range(4)]}
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        record = runner.run(bench.run(list(render(case.root)), counts, config=config, concurrency=concurrency))
    begun = [(name, path) for kind, name, path in order if kind == "begin"]
    ended = [(name, path) for kind, name, path in order if kind == "end"]
    return Observed(record, begun, ended, order)


@settings(max_examples=examples(40), deadline=None)
@given(cases())
def test_any_workflow_runs_as_the_interpreter_has_it(case: Case) -> None:
    calls: list[tuple[str, Path]] = []
    try:
        answer, fails = interpret(case, case.root, (), calls), False
    except UnhandledError:
        answer, fails = None, True
    for concurrency in (1, 7):
        observed = run_engine(case, concurrency)
        assert (observed.record.error is not None) == fails
        assert sorted(entry.node for entry in observed.record.trace) == sorted(case.root.all_nodes())
        assert len(observed.begun) == len(set(observed.begun))
        check_order(case.root, (), observed)
        if not fails:
            assert observed.record.data == answer
        if not fails and INTERRUPTED not in calls:
            assert sorted(observed.begun) == sorted(calls)
            check_counts(observed.record, calls)


def check_order(structure: Structure, path: Path, observed: Observed) -> None:
    """No node begins before its parents have ended, nor a loop's successor before the whole loop has."""
    at = {event: i for i, event in enumerate(observed.order)}
    for begun, begun_path in observed.begun:
        for source, relation in parents_of(structure, begun):
            before = begun_path if relation != "FOREACH" else begun_path[:-1]
            if source in ("input", ENTRY) or (source, before) not in observed.begun:
                continue
            assert at["end", source, before] < at["begin", begun, begun_path]
            if relation == "CONTINUE":
                inner = set(body_of(structure, source).all_nodes())
                ends = [at["end", n, p] for n, p in observed.ended if n in inner and p[: len(before)] == before]
                assert all(end < at["begin", begun, begun_path] for end in ends)


def parents_of(structure: Structure, name: str) -> list[Parent]:
    if name in structure.parents:
        return structure.parents[name]
    return next((found for body in structure.loops.values() if (found := parents_of(body, name))), [])


def body_of(structure: Structure, source: str) -> Structure:
    if source in structure.loops:
        return structure.loops[source]
    return next(body_of(body, source) for body in structure.loops.values() if source in set(body.all_nodes()))


def check_counts(record: RunRecord, calls: list[tuple[str, Path]]) -> None:
    for entry in record.trace:
        called = sum(name == entry.node for name, _ in calls)
        rounds = sum(name.partition("#")[0] == entry.node for name, _ in calls)
        if entry.iterations is not None:
            assert entry.iterations.success + entry.iterations.failed == called
        else:
            assert (entry.status != "skipped") == (called == 1)
        assert entry.attempts == rounds
