"""Any workflow that fails undoes what it has done, by the rules: each call of a node with an undo that has succeeded is
undone once, with its own output, and only after all that came after it has been undone; also in called workflows, which
are undone as soon as they fail.

What is expected is told by the calls that the components saw, not by the engine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.engine.record import RunRecord
from fakes.engine import EngineBench, data, failure
from fakes.ports.searches import examples
from fakes.ports.virtual_time import VirtualTimeLoop

Where = tuple[int, ...]  # the index in each loop around a call, the outermost first


@dataclass(frozen=True)
class Step:
    """A node. `parents` are the names of steps of its graph. A FOREACH over `count` elements leaves it if it has a
    `body`; `then` follows it. If it `calls` steps, it runs them as another workflow.
    """

    name: str
    parents: tuple[str, ...]
    duration_ms: int
    undo_ms: int = 0
    fails: bool = False
    is_handled: bool = False
    has_undo: bool = True
    undo_fails: bool = False
    body: "tuple[Step, ...]" = ()
    calls: "tuple[Step, ...]" = ()
    then: str = ""
    count: int = 0
    concurrency: int = 1
    goes_on: bool = False


@dataclass(frozen=True)
class Call:
    name: str
    where: Where
    start_ms: float
    end_ms: float
    given: Any = None


@dataclass
class Seen:
    """The calls that have succeeded, and the undos that have ended."""

    done: list[Call] = field(default_factory=list)
    undone: list[Call] = field(default_factory=list)


def all_steps(graph: tuple[Step, ...], loops: tuple[Step, ...] = ()) -> Iterator[tuple[Step, tuple[Step, ...]]]:
    """Each step with the loops around it, also those of called workflows, by the steps that they leave."""
    for step in graph:
        yield step, loops
        yield from all_steps(step.body, (*loops, step))
        yield from all_steps(step.calls, loops)


@st.composite
def graphs(draw: st.DrawFn, names: Iterator[str], depth: int = 0) -> tuple[Step, ...]:
    made: list[Step] = []
    for _ in range(draw(st.integers(2, 6) if depth == 0 else st.integers(1, 3))):
        kind = draw(st.sampled_from(["body", "calls", "", ""])) if depth < 2 else ""
        inner = draw(graphs(names, depth + 1)) if kind else ()
        body, calls = (inner, ()) if kind == "body" else ((), inner)
        parents = draw(st.sets(st.sampled_from([step.name for step in made]), max_size=2)) if made else ()
        is_followed: bool = draw(st.booleans())
        step = Step(
            next(names),
            tuple(sorted(parents)),
            draw(st.integers(0, 5)),
            draw(st.integers(0, 5)),
            fails=not inner and draw(st.integers(0, 5)) == 0,
            is_handled=draw(st.booleans()),
            has_undo=not calls and draw(st.integers(0, 3)) > 0,
            undo_fails=draw(st.integers(0, 5)) == 0,
            body=body,
            calls=calls,
            then=next(names) if body and is_followed else "",
            count=draw(st.integers(0, 3)),
            concurrency=draw(st.sampled_from([1, 7])),
            goes_on=draw(st.booleans()),
        )
        made.append(step)
        if step.then:
            made.append(Step(step.then, (), draw(st.integers(0, 5)), draw(st.integers(0, 5))))
    return tuple(made)


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[Step, ...], int]:
    """A graph in which a step fails at some time or after all others, and the run's concurrency."""
    made = draw(graphs(f"n{i}" for i in range(1_000)))
    parents = tuple(step.name for step in made) if draw(st.booleans()) else ()
    fatal = Step("fatal", parents, draw(st.integers(0, 30)), fails=True)
    return (*made, fatal), draw(st.sampled_from([1, 7]))


@dataclass
class Written:
    """A workflow, and those that it calls by name."""

    flow: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    workflows: dict[str, Any] = field(default_factory=dict)


def write(graph: tuple[Step, ...], into: Written, around: tuple[Step, ...] = (), outer: tuple[str, ...] = ()) -> None:
    """Write the lines and entries of a graph inside these loops. `outer` is what of `where` the workflow is given."""
    where = [*outer, *(f"{{{{i{loop.name}_index}}}}" for loop in around)]
    followers = {step.then for step in graph if step.then}
    loop = around[-1].name if around else ""
    begins = f"{loop} >> FOREACH i{loop} IN {loop}.data.list" if loop else "input >>"
    for step in graph:
        relation = "CALLS_SUBFLOW" if step.calls else "ON_SUCCESS"
        into.flow += [f"{parent} >> {relation} >> {step.name}" for parent in step.parents]
        if not step.parents and step.name not in followers:
            into.flow.append(f"{begins} >> {step.name}" if loop else f"{begins} {relation} >> {step.name}")
        if step.calls:
            inner = Written()
            write(step.calls, inner, (), ("{{input.where}}",))
            into.workflows |= {**inner.workflows, f"w{step.name}": {"flow": inner.flow, "config": inner.config}}
            entry = {"workflow": f"w{step.name}", "input": {"where": where}}
        else:
            entry = {"component": step.name, "where": where}
        into.config[step.name] = entry
        if step.has_undo:
            entry["undo"] = {"component": f"u{step.name}", "of": f"{{{{{step.name}.data}}}}", "where": where}
        if step.is_handled and (step.fails or step.calls):
            into.flow.append(f"{step.name} >> ON_FAIL >> h{step.name}")
            into.config[f"h{step.name}"] = {"component": "handler"}
        if step.body:
            entry["foreach"] = {"concurrency": step.concurrency, "on_error": "continue" if step.goes_on else "stop"}
            write(step.body, into, (*around, step), outer)
            into.flow += [f"{step.name} >> CONTINUE >> {step.then}"] if step.then else []


def flatten(where: Any) -> Where:
    return tuple(n for item in where for n in flatten(item)) if isinstance(where, list) else (where,)


def make_behaviours(graph: tuple[Step, ...], seen: Seen) -> Mapping[str, Any]:
    def behave(step: Step) -> Callable[[Any], Awaitable[Any]]:
        async def call(given: Any) -> Any:
            loop = asyncio.get_running_loop()
            start_ms = loop.time() * 1000
            await asyncio.sleep(step.duration_ms / 1000)
            if step.fails:
                return failure()
            where = flatten(given["where"])
            seen.done.append(Call(step.name, where, start_ms, loop.time() * 1000))
            return data({"list": [0] * step.count, "id": [step.name, [*where]]})

        return call

    def undo(step: Step) -> Callable[[Any], Awaitable[Any]]:
        async def call(given: Any) -> Any:
            loop = asyncio.get_running_loop()
            start_ms = loop.time() * 1000
            await asyncio.sleep(step.undo_ms / 1000)
            where = flatten(given["where"])
            seen.undone.append(Call(step.name, where, start_ms, loop.time() * 1000, given["of"]["id"]))
            return failure() if step.undo_fails else data(1)

        return call

    steps = [step for step, _ in all_steps(graph)]
    made: dict[str, Any] = {step.name: behave(step) for step in steps}
    return {**made, **{f"u{step.name}": undo(step) for step in steps}, "handler": data(1)}


def find_followers(graph: tuple[Step, ...]) -> Mapping[str, set[str]]:
    """The names of all that comes after each step: behind its lines, in its loop, and behind the loop around it."""
    after: dict[str, set[str]] = {step.name: set() for step, _ in all_steps(graph)}
    for step, loops in all_steps(graph):
        for parent in step.parents:
            after[parent].add(step.name)
        if loops:
            after[loops[-1].name].add(step.name)
        for loop in loops:
            after[step.name] |= {loop.then} if loop.then else set()
        if step.then:
            after[step.name].add(step.then)
    while any(not after[name] >= after[other] for name in after for other in after[name]):
        for name, found in after.items():
            after[name] = found.union(*(after[other] for other in after[name]))
    return after


def find_owners(graph: tuple[Step, ...], owner: str = "") -> Iterator[tuple[str, str]]:
    """The step that calls the workflow of each step."""
    for step in graph:
        yield step.name, owner
        yield from find_owners(step.body, owner)
        yield from find_owners(step.calls, step.name)


def comes_after(one: Call, other: Call, graph: tuple[Step, ...], followers: Mapping[str, set[str]]) -> bool:
    """Whether `other` must be undone before `one`. Nothing is said of two workflows: one may have failed earlier."""
    owners = dict(find_owners(graph))
    if owners[one.name] != owners[other.name]:
        return False
    loops = {step.name: around for step, around in all_steps(graph)}
    shared = [loop for loop, same in zip(loops[one.name], loops[other.name], strict=False) if loop is same]
    for i, loop in enumerate(shared):
        if one.where[i] != other.where[i]:
            return not owners[one.name] and loop.concurrency == 1 and one.where[i] < other.where[i]
    return other.name in followers[one.name]


async def run(graph: tuple[Step, ...], concurrency: int, seen: Seen) -> RunRecord:
    written = Written()
    write(graph, written)
    bench = EngineBench(make_behaviours(graph, seen), workflows=written.workflows)
    return await bench.run(written.flow, {}, concurrency=concurrency, config=written.config)


@settings(max_examples=examples(60), deadline=None)
@given(cases())
def test_a_failed_run_undoes_what_it_has_done(case: tuple[tuple[Step, ...], int]) -> None:
    graph, concurrency = case
    seen = Seen()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        record = runner.run(run(graph, concurrency, seen))
    steps = {step.name: step for step, _ in all_steps(graph)}
    if record.error is None:  # only workflows that have failed inside, and were handled, are undone
        owners = dict(find_owners(graph))
        assert all(owners[call.name] for call in seen.undone)
        assert len({(call.name, call.where) for call in seen.undone}) == len(seen.undone)
        return
    wanted = [call for call in seen.done if steps[call.name].has_undo]
    assert sorted((call.name, call.where) for call in seen.undone) == sorted((c.name, c.where) for c in wanted)
    assert all(call.given == [call.name, [*call.where]] for call in seen.undone)
    followers = find_followers(graph)
    for one in seen.undone:
        for other in seen.undone:
            if one is not other and comes_after(one, other, graph, followers):
                assert other.end_ms <= one.start_ms, (one, other)
                assert seen.undone.index(other) < seen.undone.index(one)
    failed = any(steps[call.name].undo_fails for call in wanted)
    assert record.undone == ("" if not wanted else "partial" if failed else "complete")
    folded = [entry for entry in record.undos if not entry.index]
    counts = {
        entry.node.rpartition(".")[2]: sum(entry.iterations.to_json().values()) if entry.iterations else 1
        for entry in folded
    }
    assert counts == {name: [c.name for c in wanted].count(name) for name in {call.name for call in wanted}}
