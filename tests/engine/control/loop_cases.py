"""Workflows of loops, generated, and how they are written. What each call does follows from its node and its path."""

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

INPUT, ENTRY = "input", "(entry)"
MOST_ITEMS = 14
Path = tuple[int, ...]
Line = tuple[str, str]  # source, relation


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
            body.item, body.tells = f"i{name}", draw(st.integers(0, 3)) > 0
            body.policy = draw(policies([*body.lines], MOST_ITEMS if depth == 0 else 4))
            made.loops[name] = body
            if draw(st.integers(0, 3)):
                made.lines[next(names)] = [(name, "CONTINUE")]
    if draw(st.integers(0, 1)) == 0:
        line = draw(lines_out_of(made))
        if leads_on_without(made, line):
            made.ending = line, draw(st.sampled_from(["break", "break", "stop"])) if depth else "stop"
    if draw(st.integers(0, 3)) < (3 if made.ending else 1):  # they decide what an early end answers
        made.outputs = draw(st.lists(lines_out_of(made), min_size=1, max_size=3, unique=True))
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
