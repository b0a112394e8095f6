"""Runs one workflow in isolates that end at any moment, until it is done, and looks at what they did."""

import asyncio
import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.cases import COMPONENTS, REACHING, build_case
from simulation.world import Instance, Isolate, People, SealedBox

from arcrun.durable.journal import Journal, LostRunError
from arcrun.durable.purity import Purity
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError
from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, load_plan
from fakes.components import FakeComponents, Input
from fakes.engine import data, failure
from fakes.ports.system import START_MS, SeededRandom
from fakes.ports.virtual_time import VirtualClock, VirtualTimeLoop

RUN_ID = "01JD00000000000000000000AA"
INPUT = {"items": [1, 2, 3]}
MOST_ISOLATES = 12
MOST_STEPS = 2_000
_MARK = re.compile(r"(\[[\d, ]+\])?( #\d+| round \d+| again \d+)* begun$")  # what follows a node's name
_TOLD_LATE = re.compile(r" woke$| decided \d+$")
UNWINDING_TURNS = 50  # of the loop, for the tasks of a run to end


class InvalidCaseError(Exception):
    """The workflow is none that can be pushed."""


class BrokenPromiseError(AssertionError):
    pass


@functools.cache
def build_components() -> FakeComponents:
    contracts: dict[str, Any] = {name: {"capabilities": ["ai"]} for name in REACHING}
    contracts["wait"] = {"capabilities": ["sleep"]}
    return FakeComponents({name: {} for name in COMPONENTS}, contracts=contracts)


class Components(FakeComponents):
    """Those of one isolate. Their contracts are built once."""

    def __init__(self, behaviours: Mapping[str, Any]) -> None:
        super().__init__({})
        self._behaviours, self.contracts = behaviours, build_components().contracts


@dataclass
class Bench:
    """The ports of one isolate. What the components answer is never the same twice, as outside."""

    isolate: Isolate
    plans: Mapping[str, Plan]
    random: Random
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        behaviours: dict[str, Any] = {"pure": self._pure, "pure_wrong": self._pure_wrong, **dict.fromkeys(REACHING)}
        behaviours |= {name: self._reach(name) for name in REACHING}
        behaviours["wait"] = self._wait
        self.components = Components(behaviours)

    async def _pure(self, given: Input) -> Mapping[str, Any]:
        return data({"number": len(str(given)) % 7})

    async def _pure_wrong(self, given: Input) -> Mapping[str, Any]:
        return failure("PURE_WRONG")

    async def _wait(self, given: Input) -> Mapping[str, Any]:
        raise AssertionError("a durable run sleeps by itself")

    def _reach(self, name: str) -> Any:
        async def behave(given: Input) -> Mapping[str, Any]:
            self.calls.append(given.get("name", ""))
            self.isolate.instance.effects[given.get("name", "")] += 1
            await asyncio.sleep(self.random.random() * {"fast": 0.005, "slow": 0.3}.get(name, 0.03))
            drawn = self.random.randrange(10)
            if name == "wrong" or (name == "shaky" and drawn < 4):
                return failure("WRONG", retriable=True, drawn=drawn)
            return data({"number": drawn})

        return behave

    def build_engine(self, journal: Journal | None) -> Engine:
        clock = VirtualClock()
        return Engine(RunPorts(self.components, Found(self, journal), Found(self, journal), clock, SeededRandom()))


def compile_case(sources: Mapping[str, Any]) -> dict[str, Plan]:
    """The plans. Raises InvalidCaseError."""
    symbols = SymbolTable(build_components().contracts, workflows=sources)
    plans = {}
    for name, source in sources.items():
        try:
            plans[name] = load_plan(require_plan(compile_workflow(parse_workflow(source), symbols)).to_json())
        except ArcrunError as error:
            raise InvalidCaseError(str(error)) from None
    return plans


@dataclass
class Found:
    """The workflows, which an isolate finds after some time."""

    bench: Bench
    journal: Journal | None

    async def find_plan(self, name: str) -> Plan:
        async def find() -> Plan:
            await asyncio.sleep(self.bench.random.random() * 0.01)
            return self.bench.plans[name]

        return await (find() if self.journal is None else self.journal.outside(find()))

    async def reveal(self, name: str) -> str:
        raise AssertionError(name)


@dataclass
class Outcome:
    """The record of a run, and the isolates that it took."""

    record: dict[str, Any]
    isolates: list[Isolate]
    ended_ms: float


async def run_to_end(seed: int, plans: Mapping[str, Plan], instance: Instance, *, crashes: bool) -> Outcome:
    random = Random(f"world {seed}")
    isolates: list[Isolate] = []
    wished_in = random.choice((*[MOST_ISOLATES + 1] * 4, 0, 1, 2)) if crashes else MOST_ISOLATES + 1
    while True:
        instance.is_to_end = instance.is_to_end or len(isolates) >= wished_in
        ends_at = random.randint(1, 60) if crashes and len(isolates) < MOST_ISOLATES else None
        isolate = Isolate(instance, Random(random.random()), ends_at)
        isolates.append(isolate)
        people = People(isolate, are_there=crashes)
        people.look()
        record = await run_isolate(isolate, Bench(isolate, plans, Random(random.random())), people)
        if record is not None:
            return Outcome(tell(record), isolates, VirtualClock().now_ms())


async def run_isolate(isolate: Isolate, bench: Bench, people: People) -> RunRecord | None:
    """The record; None if the isolate has ended before the run."""
    purity, plan = Purity({"pure", "pure_wrong"}), bench.plans["main"]
    clock, box = VirtualClock(), SealedBox(isolate)
    journal = Journal(
        RUN_ID,
        isolate,
        box,
        clock,
        started_ms=START_MS,
        purity=purity,
        most_steps=MOST_STEPS,
        decisions=people,
    )
    engine = bench.build_engine(journal)
    interrupt = journal.interrupt if isolate.instance.is_to_end else None
    work = engine.run(plan, Trigger(TriggerKind.EXECUTE, INPUT, interrupt=interrupt), RUN_ID, journal=journal)
    running = asyncio.ensure_future(journal.run(work))
    ending = asyncio.ensure_future(isolate.has_ended.wait())
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        isolate.left = running  # it may go on, but nothing of that is stored
        return None
    ending.cancel()
    try:
        return running.result()
    except LostRunError as lost:
        raise BrokenPromiseError("lost") from lost.__cause__


def tell(record: RunRecord) -> dict[str, Any]:
    """What a record says that must be the same however often the run was repeated."""
    told: dict[str, Any] = json.loads(json.dumps(record.to_result()))
    return told


def simulate(seed: int, *, once: bool = False) -> Outcome:
    """With `once` some nodes are done once. Raises BrokenPromiseError, InvalidCaseError."""
    plans = compile_case(build_case(Random(seed), Random(f"once {seed}") if once else None))
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(_simulate(seed, plans))
    finally:
        loop.run_until_complete(_leave())
        loop.close()


async def _leave() -> None:
    """End what isolates that have ended were doing."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        for _ in range(UNWINDING_TURNS):
            await asyncio.sleep(0)


async def _simulate(seed: int, plans: Mapping[str, Plan]) -> Outcome:
    instance = Instance()
    outcome = await run_to_end(seed, plans, instance, crashes=True)
    stored = dict(instance.results)
    check_waits(outcome)
    check_once(plans, instance)
    for isolate in outcome.isolates:
        require(not isolate.again, f"done again though stored: {isolate.again}")
    last = steps_of(outcome.isolates[-1])
    begun = {name for isolate in outcome.isolates for name in isolate.done}
    begun = {name for name in begun if not _TOLD_LATE.search(name)}
    require(begun <= last, f"begun, and never come to in the end: {sorted(begun - last)}")
    for again in range(2):
        repeated = await run_to_end(seed * 7 + again, plans, instance, crashes=False)
        done = [name for name in repeated.isolates[0].done if name in stored]
        require(not done, f"done in a replay: {done}")
        asked = steps_of(repeated.isolates[0])
        require(asked == last, f"a replay came to {sorted(asked - last)} too, and not to {sorted(last - asked)}")
        require(repeated.record == outcome.record, f"a replay told\n{repeated.record}\nnot\n{outcome.record}")
    return outcome


def check_waits(outcome: Outcome) -> None:
    """Nothing that has waited was over before its time."""
    for entry in outcome.record["trace"]:
        if entry["component"] == "wait" and entry["status"] == "success" and "iterations" not in entry:
            due_ms = START_MS + entry["start_ms"] + entry["output"]["data"]["waited_ms"]
            require(outcome.ended_ms >= due_ms - 1, f"{entry['node']} did not wait until its time")


def check_once(plans: Mapping[str, Plan], instance: Instance) -> None:
    """What is done once was done at most as often as it was marked: again only where somebody has decided that."""
    marked = Counter(_MARK.sub("", name).rpartition("/")[2] for name in instance.results if _MARK.search(name))
    for node in (node for plan in plans.values() for node in plan.nodes if node.is_once):
        done = instance.effects[node.name]
        require(done <= marked[node.name], f"{node.name} was done {done} times, and marked {marked[node.name]} times")


def steps_of(isolate: Isolate) -> set[str]:
    """The steps that it came to. That a sleep is over may be told before the end of the run, or not any more; and so a
    decision.
    """
    return {name for name in isolate.asked if not _TOLD_LATE.search(name)}


def require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenPromiseError(what)
