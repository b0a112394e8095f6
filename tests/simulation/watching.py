"""A workflow that watches a list, on the platform of starts.py: items come and go while isolates end, objects begin
anew, alarms are late, lost or doubled, the list itself fails, and the workflow is pushed with other intervals.
"""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.acceptance import Border
from simulation.simulation import require, run_in_virtual_time
from simulation.starts import LAST, LOOK_S, MINUTE_S, Clockwork, Owner, Past, Runner, build_listener, call
from simulation.world import Mortal

from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import Component, ComponentRunner
from arcrun.wasm.costs import SANDBOX_FUEL
from executor.durable.acceptance import resume_runs
from executor.schedules.control import run_schedule
from fakes.components import exited
from fakes.ports.virtual_time import VirtualClock

WATCHER, POLL = "watcher", "poll"
BROKEN = {"success": False, "error": {"code": "BROKEN", "message": "no", "retriable": False}}


@dataclass
class Source:
    """What the list has at the moment; `known` has been in it before anybody asked."""

    random: Random
    listed: list[int] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    count: int = 0
    polls: int = 0

    def add(self) -> None:
        self.count += 1
        self.listed.insert(0, self.count)

    def answer(self) -> dict[str, Any]:
        self.polls += 1
        if self.random.random() < 0.1:
            return BROKEN
        return {"success": True, "data": {"items": [{"id": each} for each in self.listed]}}


@dataclass
class WatchingRunner(Runner):
    source: Source

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        if json.loads(stdin)["node"] != POLL:
            return await super().run(component, stdin, host, fuel)
        await self.border.isolate.happen()
        answer = self.source.answer()
        await self.border.isolate.happen()
        return exited(answer)


class Watching(Clockwork):
    def __init__(self, random: Random, *, crashes: bool) -> None:
        super().__init__(random, crashes=crashes)
        self.source = Source(Random(random.random()))

    def build_runner(self, border: Border) -> ComponentRunner:
        return WatchingRunner(border, self.past, self.source)


@dataclass
class WatchOwner(Owner):
    platform: Watching
    first: str = "none"

    async def push_watcher(self) -> None:
        self.versions += 1
        every = f"{self.random.choice((1, 2, 5))}m"
        asked = call(WATCHER, POLL, "")
        watch = {**asked, "run": "a poll", "every": every, "first": self.first, "items": "{{data.items}}"}
        await self.push(build_listener(WATCHER, {"watch": {**watch, "key": "{{item.id}}"}}, "{{input.id}}"))
        self.platform.past.pushed.append((VirtualClock().now_ms(), self.versions))

    async def watch(self) -> None:
        for _ in range(self.random.randint(8, 16)):
            await asyncio.sleep(self.random.choice((1, MINUTE_S, 5 * MINUTE_S)) * self.random.random())
            self.platform.ask_something()
            drawn, source = self.random.random(), self.platform.source
            if drawn < 0.5:
                for _ in range(self.random.randint(1, 4)):
                    source.add()
                del source.listed[self.random.randint(3, 9) :]
            elif drawn < 0.6:
                await self.push_watcher()
            elif drawn < 0.75:
                self.platform.restart_objects()
            elif drawn < 0.85:
                self.platform.is_down = True
                await asyncio.sleep(20 * MINUTE_S * self.random.random())
                self.platform.is_down = False
            else:
                await self.until_done(lambda service: run_schedule(service, WATCHER, 1))

    @property
    def is_polled(self) -> bool:
        [row] = self.platform.workspace.sql.execute("SELECT is_polled FROM watches")
        return bool(row["is_polled"])


def simulate_watching(seed: int, *, crashes: bool = True) -> Past:
    """Raises BrokenPromiseError."""
    return run_in_virtual_time(_simulate(seed, crashes=crashes))


async def _simulate(seed: int, *, crashes: bool) -> Past:
    random = Random(f"watching {seed}")
    platform = Watching(random, crashes=crashes)
    ringing = asyncio.ensure_future(platform.ring_for_ever())
    owner = WatchOwner(platform, random, pauses=False, first=random.choice(("none", "all")))
    source = platform.source
    for _ in range(3):
        source.add()
    if owner.first == "none":
        source.known = {*source.listed}
    await owner.push_watcher()
    while owner.first == "none" and not owner.is_polled:
        await asyncio.sleep(MINUTE_S)
        platform.ask_something()
    await owner.watch()
    await come_to_rest(platform)
    if ringing.done():
        ringing.result()
    ringing.cancel()
    check_items(platform)
    return platform.past


async def come_to_rest(platform: Watching) -> None:
    """Nothing breaks any more, and nothing new comes: some polls more find what there is."""
    platform.crashes, platform.source.random = False, Random(0)
    platform.restart_objects()
    service = platform.start_isolate(Mortal(Random(0), None), {})
    assert service.lasting is not None
    await resume_runs(service.lasting)
    for _ in range(6):
        await asyncio.sleep(LOOK_S)
        platform.ask_something()


def check_items(platform: Watching) -> None:
    """Each item has started one run at most, and one if it is still listed; none that was there at the first poll."""
    runs = defaultdict[int, set[str]](set)
    for effect in platform.past.effects:
        require(effect.node == LAST, f"an effect of {effect.node}")
        runs[effect.told].add(effect.run)
    several = {item: found for item, found in runs.items() if len(found) > 1}
    require(not several, f"items with several runs: {several}")
    source = platform.source
    require(not runs.keys() & source.known, f"runs of what was known: {runs.keys() & source.known}")
    missing = {*source.listed} - runs.keys() - source.known
    require(not missing, f"no run of {missing}; listed {source.listed}")
    require(runs.keys() <= {*range(1, source.count + 1)}, "runs of no item")
    [watch] = platform.workspace.tables.find_watches([WATCHER])
    require((watch["waiting"], watch["left_over"]) == (0, 0), f"what is left: {watch}")
