"""Runs one workflow in isolates that end at any moment, until it is done, and looks at what they did."""

import asyncio
import functools
import json
import re
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from simulation.cases import COMPONENTS, EVENTS, REACHING, add_responses, build_case
from simulation.world import Event, Instance, Isolate, People, SealedBox, SimulatedInbox

from arcrun.durable.journal import Journal, LostRunError
from arcrun.durable.purity import Purity
from arcrun.durable.waits import type_of_event
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

Result = TypeVar("Result")

RUN_ID = "01JD00000000000000000000AA"
INPUT = {"items": [1, 2, 3]}
MOST_ISOLATES = 12
MOST_STEPS = 2_000
_BESIDE = re.compile(r".*/|\[[\d, ]*\]|( again | #)\d+$")  # what is beside a unit in a step's name
_MARK = re.compile(r"(\[[\d, ]+\])?( #\d+| round \d+| again \d+)* begun$")  # what follows a node's name
_TOLD_LATE = re.compile(r" woke$| decided \d+$")
A_WHILE_MS = 1_000  # enough for an event to reach the run
UNWINDING_TURNS = 50  # of the loop, for the tasks of a run to end


class InvalidCaseError(Exception):
    """The workflow is none that can be pushed."""


class BrokenPromiseError(AssertionError):
    pass


@functools.cache
def build_components() -> FakeComponents:
    contracts: dict[str, Any] = {name: {"capabilities": ["ai"]} for name in REACHING}
    contracts["wait"] = {"capabilities": ["sleep"]}
    contracts["wait_for"] = {"capabilities": ["sleep"]}
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
        behaviours |= {"wait": self._wait, "wait_for": self._wait}
        self.components = Components(behaviours)

    async def _pure(self, given: Input) -> Mapping[str, Any]:
        return data({"number": len(str(given)) % 7})

    async def _pure_wrong(self, given: Input) -> Mapping[str, Any]:
        return failure("PURE_WRONG")

    async def _wait(self, given: Input) -> Mapping[str, Any]:
        raise AssertionError("a durable run waits by itself")

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
        instance.restart(random)
        isolate = Isolate(Random(random.random()), ends_at, instance)
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
        SimulatedInbox(isolate),
        clock,
        started_ms=START_MS,
        purity=purity,
        most_steps=MOST_STEPS,
        decisions=people,
    )
    engine = bench.build_engine(journal)
    interrupt = journal.interrupt if isolate.instance.is_to_end else None
    trigger = Trigger(
        TriggerKind.WEBHOOK,
        INPUT,
        interrupt=interrupt,
        answer_early=lambda record: isolate.answers.append(tell(record)),
    )
    work = engine.run(plan, trigger, RUN_ID, journal=journal)
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
    case = build_case(Random(seed), Random(f"once {seed}") if once else None)
    plans = compile_case({**case, "main": add_responses(case["main"], Random(f"respond {seed}"))})
    return run_in_virtual_time(_simulate(seed, plans))


def run_in_virtual_time(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` returns, on a loop of its own. What it has left under way ends with it."""
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(leave_tasks())
        loop.close()


async def leave_tasks() -> None:
    """End what isolates that have ended were doing."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        for _ in range(UNWINDING_TURNS):
            await asyncio.sleep(0)


async def send_events(random: Random, instance: Instance) -> None:
    """Send the run some events: early, late, doubled, and some whose waking is lost with who has sent them."""
    for number in range(random.randrange(8)):
        await asyncio.sleep(random.choice((0, 0.01, 0.1, 3, 20_000)) * random.random())
        event_type = type_of_event(random.choice(EVENTS))
        instance.events.append(Event(event_type, f"{number}", VirtualClock().now_ms()))
        for _ in range(random.choice((1, 1, 1, 2))):
            await asyncio.sleep(random.random() * 0.01)
            instance.wake(event_type)


async def _simulate(seed: int, plans: Mapping[str, Plan]) -> Outcome:
    instance = Instance()
    sending = asyncio.ensure_future(send_events(Random(f"events {seed}"), instance))
    outcome = await run_to_end(seed, plans, instance, crashes=True)
    sending.cancel()
    check_events(outcome, instance, plans["main"])
    check_answers(outcome, outcome)
    stored = dict(instance.results)
    check_waits(outcome)
    check_once(plans, instance)
    for isolate in outcome.isolates:
        require(not isolate.again, f"done again though stored: {isolate.again}")
    last = steps_of(outcome.isolates[-1], plans)
    begun = {name for isolate in outcome.isolates for name in steps_of(isolate, plans) & {*isolate.done}}
    require(begun <= last, f"begun, and never come to in the end: {sorted(begun - last)}")
    for again in range(2):
        repeated = await run_to_end(seed * 7 + again, plans, instance, crashes=False)
        done = [name for name in repeated.isolates[0].done if name in stored]
        require(not done, f"done in a replay: {done}")
        come_to = steps_of(repeated.isolates[0], plans)
        told = f"a replay came to {sorted(come_to - last)} too, and not to {sorted(last - come_to)}"
        require(come_to == last, told)
        check_answers(outcome, repeated)
        told, first = (untimed(each.record) for each in (repeated, outcome))
        require(told == first, f"a replay told\n{told}\nnot\n{first}")
    return outcome


def check_answers(outcome: Outcome, repeated: Outcome) -> None:
    """What an isolate answers early is answered once, by each that comes after it, and always the same; but which other
    steps have ended by then may differ: the first answer is the one that is kept.
    """
    last = untraced(outcome.isolates[-1].answers)
    require(len(last) <= 1, f"answered twice: {last}")
    for isolate in repeated.isolates:
        require(untraced(isolate.answers) in ([], last), f"answered\n{isolate.answers}\nnot\n{last}")
    require(untraced(repeated.isolates[-1].answers) == last, "a replay has not answered")


def untimed(told: Any) -> Any:
    """Without how long nodes had run that were stopped: a replay may see that the time of one was over as well."""
    if isinstance(told, list):
        return [untimed(each) for each in told]
    if not isinstance(told, dict):
        return told
    error = told.get("error")
    was_stopped = "node" in told and isinstance(error, dict) and error["code"] == "CANCELLED"
    return {key: untimed(value) for key, value in told.items() if not (was_stopped and key == "duration_ms")}


def untraced(answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: told for name, told in answer.items() if name != "trace"} for answer in answers]


def check_events(outcome: Outcome, instance: Instance, plan: Plan) -> None:
    """No event was given to two waits, and none was there for a wait whose time was over."""
    events = {node.name: node.config["event"] for node in plan.nodes if node.component == "wait_for"}
    waits = [it for it in outcome.record["trace"] if it["node"] in events and "iterations" not in it]
    ids = [entry["output"]["data"]["id"] for entry in waits if entry["status"] == "success"]
    require(len(ids) == len({*ids}), f"an event was given twice: {sorted(ids)}")
    for entry in waits:
        is_patient = "input" in entry and entry["input"]["timeout"] in ("2s", "1d")
        if is_patient and entry.get("error", {}).get("code") == "WAIT_TIMED_OUT":
            over_ms = START_MS + entry["start_ms"] + entry["duration_ms"] - A_WHILE_MS
            kept = [it for it in instance.events if it.type == type_of_event(events[entry["node"]]) and not it.taken_by]
            missed = [it.id for it in kept if it.at_ms < over_ms]
            require(not missed, f"{entry['node']} has waited in vain for {missed}")


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


def steps_of(isolate: Isolate, plans: Mapping[str, Plan]) -> set[str]:
    """The steps that it came to, but for some: that a sleep is over, or what was decided, may be told before the end of
    the run, or not any more; the platform wakes a run as often as it likes; a wait that is cancelled may have come to
    its event or not.
    """
    waits = {node.name for plan in plans.values() for node in plan.nodes if node.component == "wait_for"}
    named = {name for name in isolate.asked if not _TOLD_LATE.search(name) and not name.startswith("event ")}
    return {name for name in named if _BESIDE.sub("", name) not in waits}


def require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenPromiseError(what)
