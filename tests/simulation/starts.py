"""Workflows that start by themselves, on the platform of acceptance.py: one by its schedule, one by the failures of
that, one after its successes. Meanwhile it is pushed anew and its schedule is paused.

Alarms of the objects come at least once: late while the platform is down, doubled, or in an isolate that ends at any
call; sometimes the platform gives one up.
"""

import asyncio
import itertools
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.acceptance import REACH, Border, Channel, Location, Platform, until_end
from simulation.simulation import BrokenPromiseError, require, run_in_virtual_time
from simulation.world import Mortal

from arcrun.engine.run_id import time_of
from arcrun.times import render_time
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import Component, ComponentRunner
from arcrun.wasm.costs import SANDBOX_FUEL
from arcrun.workspace.protocol import RemoteWorkspace
from arcrun.workspace.schedules import StoredSchedule
from executor.durable.acceptance import resume_runs
from executor.durable.lasting import Lasting
from executor.heads import FRESH_MS
from executor.schedules.alarm import ScheduleAlarm
from executor.schedules.control import pause_schedules, resume_schedules
from executor.schedules.firing import AcceptedStarter
from executor.schedules.times import build_times
from executor.service import ExecutorService
from fakes.components import exited
from fakes.ports.objects import FakeAlarm
from fakes.ports.virtual_time import VirtualClock
from fakes.workflows import ADA

CLOCK, HANDLER, FOLLOWER = "clock", "handler", "follower"
MINUTE_S = 60
RETRIED_MS = 2_000  # until an alarm comes again that has failed
LOOK_S, MOST_LOOKS = 600, 200  # until everything rests
FIRST, LAST = "first", "last"


@dataclass(frozen=True)
class Effect:
    """A call that has reached outside. `told` is what the run was given by what has started it."""

    run: str
    workflow: str
    node: str
    version: int
    at_ms: float
    told: Any


@dataclass
class Past:
    """What has happened outside, and what those who manage the workflow know."""

    effects: list[Effect] = field(default_factory=list)
    pushed: list[tuple[float, int]] = field(default_factory=list)  # when each version was acknowledged
    paused: list[tuple[float, float]] = field(default_factory=list)  # while it surely was
    resumed: set[str] = field(default_factory=set)  # runs that nothing but the last resume_runs began
    rings: int = 0

    def version_at(self, now_ms: float) -> int:
        return max((number for at_ms, number in self.pushed if at_ms <= now_ms), default=0)


def is_to_fail(run_id: str) -> bool:
    return zlib.crc32(run_id.encode()) % 3 == 0


@dataclass
class Runner:
    border: Border
    past: Past

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        asked = json.loads(stdin)
        self.past.effects.append(Effect(**asked, at_ms=VirtualClock().now_ms()))
        await self.border.isolate.happen()
        if asked["workflow"] == CLOCK and asked["node"] == LAST and is_to_fail(asked["run"]):
            return exited({"success": False, "error": {"code": "BROKEN", "message": "no", "retriable": False}})
        return exited({"success": True, "data": {"drawn": len(self.past.effects), "run": asked["run"]}})


class Clockwork(Platform):
    """The platform, and its alarms. While it `is_down` none comes."""

    def __init__(self, random: Random, *, crashes: bool) -> None:
        super().__init__(random, crashes=crashes)
        # SQLite would draw it, so that a seed would be another case each time.
        self.workspace.sql.execute("UPDATE workspace SET run_secret = ?", f"{random.random()}")
        self.past, self.is_down = Past(), False
        self.seen: dict[str, tuple[float, str | None]] = {}
        for number in range(self.logs.count):
            self.logs.channel_of(number)

    def build_runner(self, border: Border) -> ComponentRunner:
        return Runner(border, self.past)

    async def ring_for_ever(self) -> None:
        woken = asyncio.Event()
        alarms: list[tuple[int | None, FakeAlarm]] = [(None, self.workspace.alarm), *self.logs.alarms.items()]
        for _, alarm in alarms:
            alarm.on_set = woken.set
        while True:
            now_ms = VirtualClock().now_ms()
            due_ms = [alarm.due_ms for _, alarm in alarms if alarm.due_ms is not None]
            if self.is_down or not due_ms or min(due_ms) > now_ms:
                wait_s = 1.0 if self.is_down or not due_ms else (min(due_ms) - now_ms) / 1_000
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), wait_s)
                woken.clear()
                continue
            for number, alarm in alarms:
                if alarm.due_ms is not None and alarm.due_ms <= now_ms:
                    await self._go_off(number, alarm)

    async def _go_off(self, number: int | None, alarm: FakeAlarm) -> None:
        alarm.due_ms = None
        self.past.rings += 1
        if self.crashes and self.random.random() < 0.03:
            return  # it is given up
        times = 2 if self.crashes and self.random.random() < 0.1 else 1
        ring = self._ring_workspace if number is None else lambda: self._ring_log(number)
        ended = await asyncio.gather(*(ring() for _ in range(times)))
        if not all(ended) and alarm.due_ms is None and self.random.random() < 0.8:
            alarm.set(RETRIED_MS)

    async def _ring_workspace(self) -> bool:
        """Returns whether the isolate has outlived it."""
        isolate, service = self._start_object()
        assert service.lasting is not None
        tables, times = self.workspace.tables, build_times(service.components, service.engine.limits)
        starter, others = AcceptedStarter(service, service.lasting), (tables.chains, tables.watches)
        most, clock = (100, self.logs.count), VirtualClock()
        alarm = ScheduleAlarm(tables.schedules, tables.failures, times, starter, clock, *most, *others)
        await until_end(isolate, alarm.ring())
        if isolate.has_ended.is_set():
            self.workspace.start()
        return not isolate.has_ended.is_set()

    async def _ring_log(self, number: int) -> bool:
        isolate, _ = self._start_object()
        tables = self.logs.tables[number]
        workspace = RemoteWorkspace(Channel(Border(isolate), self.workspace.channel))

        async def export() -> bool:
            return False

        await until_end(
            isolate,
            tables.on_alarm(
                self.bucket,
                export,
                tell=lambda failures: workspace.report_failures(number, failures),
                tell_ends=lambda ends: workspace.report_ends(number, ends),
            ),
        )
        if isolate.has_ended.is_set():
            self.logs.start(number)
        return not isolate.has_ended.is_set()

    def _start_object(self) -> tuple[Mortal, ExecutorService]:
        ends_at = self.random.randint(1, 60) if self.crashes and self.random.random() < 0.3 else None
        isolate = self.keep(Mortal(Random(self.random.random()), ends_at))
        return isolate, self.start_isolate(isolate, self.seen)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is left to be told, or to begin: then the Workspace has no alarm."""
        untold = [
            sql.execute("SELECT 1 FROM untold_failures UNION SELECT 1 FROM untold_ends")
            for sql in self.logs.sql.values()
        ]
        return self.workspace.alarm.due_ms is None and not any(untold)

    def ask_something(self) -> None:
        """A request to each object, which sets an alarm again that has not come."""
        self.workspace.tables.watch_alarm()
        for log in self.logs.tables.values():
            log.count_request()


@dataclass
class Owner:
    """Pushes the workflow, pauses its schedule, and lets the platform go down and objects begin anew."""

    platform: Clockwork
    random: Random
    pauses: bool
    versions: int = 0

    def __post_init__(self) -> None:
        self.location = Location(self.platform, Random(self.random.random()))
        self.minutes = self.random.choice((1, 2, 5))
        self.catch_up = self.random.choice(("none", "one", "all"))
        self.overlap = self.random.choice(("skip", "queue", "allow"))
        self.wait_s = self.random.choice((0, 0, 40, 100, 400))

    async def until_done(self, ask: Callable[[ExecutorService], Awaitable[Any]]) -> None:
        done = None
        while done is None:
            isolate, service = self.location.open()

            async def tell(service: ExecutorService = service) -> bool:
                await ask(service)
                return True

            done = await until_end(isolate, tell())

    async def push(self, source: dict[str, Any]) -> None:
        await self.until_done(lambda service: service.push(source, ADA))

    async def push_clock(self) -> None:
        self.versions += 1
        schedule = {"every": f"{self.minutes}m", "catch_up": self.catch_up, "overlap": self.overlap}
        await self.push(build_clock(schedule, self.versions, self.wait_s))
        self.platform.past.pushed.append((VirtualClock().now_ms() + FRESH_MS, self.versions))

    async def act(self) -> None:
        for _ in range(self.random.randint(4, 10)):
            await asyncio.sleep(self.random.choice((1, MINUTE_S, 10 * MINUTE_S)) * self.random.random())
            self.platform.ask_something()
            drawn = self.random.random()
            if drawn < 0.3:
                await self.push_clock()
            elif drawn < 0.5:
                self.platform.restart_objects()
            elif drawn < 0.7:
                self.platform.is_down = True
                await asyncio.sleep(self.random.choice((MINUTE_S, 40 * MINUTE_S)) * self.random.random())
                self.platform.is_down = False
            elif self.pauses:
                await self.pause()

    async def pause(self) -> None:
        await self.until_done(lambda service: pause_schedules(service, CLOCK, ADA))
        from_ms = VirtualClock().now_ms()
        await asyncio.sleep(20 * MINUTE_S * self.random.random())
        self.platform.past.paused.append((from_ms, VirtualClock().now_ms()))
        await self.until_done(lambda service: resume_schedules(service, CLOCK, ADA))


def build_clock(schedule: dict[str, Any], version: int, wait_s: int) -> dict[str, Any]:
    due = "{{request.trigger.due_at}}"
    config = {node: call(CLOCK, node, due, version) for node in (FIRST, LAST)}
    flow = [f"input >> PIPE >> {FIRST}", f"{FIRST} >> PIPE >> {LAST}"]
    if wait_s:
        config["pause"] = {"component": "wait", "for": f"{wait_s}s"}
        flow[1:] = [f"{FIRST} >> PIPE >> pause", f"pause >> PIPE >> {LAST}"]
    triggers = {"schedule": [schedule]}
    return {"name": CLOCK, "durable": bool(wait_s), "triggers": triggers, "flow": flow, "config": config}


def build_listener(name: str, triggers: dict[str, Any], told: str) -> dict[str, Any]:
    return {
        "name": name,
        "triggers": triggers,
        "flow": [f"input >> PIPE >> {LAST}"],
        "config": {LAST: call(name, LAST, told)},
    }


def call(workflow: str, node: str, told: str, version: int = 1) -> dict[str, Any]:
    return {
        "component": REACH,
        "run": "{{run.id}}",
        "workflow": workflow,
        "node": node,
        "version": version,
        "told": told,
    }


def simulate_starts(seed: int, *, crashes: bool = True) -> Past:
    """Raises BrokenPromiseError."""
    return run_in_virtual_time(_simulate(seed, crashes=crashes))


async def _simulate(seed: int, *, crashes: bool) -> Past:
    random = Random(f"starts {seed}")
    platform = Clockwork(random, crashes=crashes)
    ringing = asyncio.ensure_future(platform.ring_for_ever())
    owner = Owner(platform, random, pauses=random.random() < 0.3)
    await owner.push(build_listener(HANDLER, {"failure_of": [CLOCK]}, "{{input.count}}"))
    await owner.push(build_listener(FOLLOWER, {"after": [CLOCK]}, "{{input.run}}"))
    await owner.push_clock()
    [pushed] = platform.workspace.tables.schedules.find(CLOCK)
    first_ms = pushed["due_ms"]
    assert first_ms is not None
    await owner.act()
    next_ms = await come_to_rest(platform)
    if ringing.done():
        ringing.result()
    ringing.cancel()
    past, [row] = platform.past, platform.workspace.tables.schedules.find(CLOCK)
    by_run, step_ms = group(past, CLOCK), owner.minutes * MINUTE_S * 1_000
    check_times(
        owner, row, by_run, [first_ms + number * step_ms for number in range(round((next_ms - first_ms) / step_ms))]
    )
    check_overlap(owner, by_run)
    for run_id, effects in by_run.items():
        due_ms = time_of(run_id)
        require(not any(begin < due_ms < end for begin, end in past.paused), f"{run_id} was due while paused")
        newest, versions = past.version_at(due_ms), {each.version for each in effects}
        require(len(versions) == 1 and min(versions) >= newest, f"{run_id} ran {versions}, when {newest} was pushed")
    await check_listeners(platform, by_run)
    return past


async def come_to_rest(platform: Clockwork) -> float:
    """Nothing breaks any more, and nothing more is due: all that is under way ends. Returns the time that would have
    been the next.
    """
    platform.crashes = False
    platform.restart_objects()
    service = platform.start_isolate(Mortal(Random(0), None), {})
    assert service.lasting is not None
    begun = {effect.run for effect in platform.past.effects}
    platform.past.resumed = {run_id async for run_id in list_unfinished(service.lasting) if run_id not in begun}
    await resume_runs(service.lasting)
    [row] = platform.workspace.tables.schedules.find(CLOCK)
    platform.workspace.sql.execute("UPDATE schedules SET due_ms = NULL")
    for _ in range(MOST_LOOKS):
        await asyncio.sleep(LOOK_S)
        platform.ask_something()
        unfinished, _ = await service.lasting.runs.list_unfinished(1, None)
        [queued] = platform.workspace.tables.schedules.find(CLOCK)
        if not platform.running and not unfinished and platform.is_at_rest:
            assert row["due_ms"] is not None
            return row["due_ms"]
    raise BrokenPromiseError(
        f"{unfinished} under way, {queued} waiting, the alarm at {platform.workspace.alarm.due_ms}"
    )


async def list_unfinished(lasting: Lasting) -> AsyncIterator[str]:
    cursor: str | None = ""
    while cursor is not None:
        found, cursor = await lasting.runs.list_unfinished(100, cursor)
        for run_id in found:
            yield run_id


def group(past: Past, workflow: str) -> dict[str, list[Effect]]:
    by_run = defaultdict[str, list[Effect]](list)
    for effect in past.effects:
        if effect.workflow == workflow:
            by_run[effect.run].append(effect)
    return by_run


def check_times(owner: Owner, row: StoredSchedule, by_run: dict[str, list[Effect]], times: list[float]) -> None:
    """Each time has started one run, or is counted among those that were left out by the rules."""
    due = Counter(effects[0].told for effects in by_run.values())
    require(set(due.values()) <= {1}, f"times with several runs: {due}")
    rendered = [render_time(each, "seconds") for each in times]
    require({*due} <= {*rendered}, f"runs of no time: {due.keys() - {*rendered}}")
    if owner.platform.past.paused:
        return
    left_out = row["skipped"] + row["missed"]
    require(len(due) + left_out == len(times), f"{len(times)} times: {len(due)} runs, {left_out} left out")
    if owner.catch_up == "all" and owner.overlap == "allow":
        require(left_out == 0, f"left out: {left_out}")
    if owner.overlap != "skip":
        require(row["skipped"] == 0, f"skipped: {row['skipped']}")


def check_overlap(owner: Owner, by_run: dict[str, list[Effect]]) -> None:
    if owner.overlap == "allow":
        return
    by_run = {run_id: effects for run_id, effects in by_run.items() if run_id not in owner.platform.past.resumed}
    spans = sorted((effects[0].at_ms, effects[-1].at_ms, run_id) for run_id, effects in by_run.items())
    for (_, end_ms, earlier), (begin_ms, _, later) in itertools.pairwise(spans):
        require(end_ms <= begin_ms, f"{later} has begun before the end of {earlier}")
    require([run_id for *_, run_id in spans] == sorted(by_run), "not in the order of their times")


async def check_listeners(platform: Clockwork, by_run: dict[str, list[Effect]]) -> None:
    """Each failure was counted once, and each success followed once."""
    failed = [run_id for run_id in by_run if is_to_fail(run_id)]
    counted = sum(effects[0].told for effects in group(platform.past, HANDLER).values())
    require(counted == len(failed), f"{len(failed)} failures, {counted} told")
    followed = sorted(effects[0].told for effects in group(platform.past, FOLLOWER).values())
    succeeded = sorted(by_run.keys() - failed)
    require(followed == succeeded, f"followed: {followed}; succeeded: {succeeded}")
