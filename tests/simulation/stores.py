"""Workflows that keep state, on the platform of acceptance.py: isolates end before and behind a store's commit, answers
are lost, the object begins anew while an older instance of it is at work, and nodes are tried again.

Each run counts in the same ways. So the totals tell whether an operation was done twice, or not at all.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.acceptance import Border, Platform, build_request, is_refusal, start_again, until_end
from simulation.simulation import require, run_in_virtual_time
from simulation.world import Mortal
from starlette.responses import Response

from arcrun.durable_objects import Operations, render_call
from arcrun.engine.record import StoredRecord
from arcrun.errors import UpstreamError
from arcrun.store.protocol import RemoteStore, StoreObject, scope_of_shared, scope_of_workflow
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import BundledComponent, Component, ComponentRunner
from arcrun.wasm.costs import SANDBOX_FUEL
from executor.run_handlers import trigger
from executor.stores.tables import MIGRATIONS, StoreTables
from fakes.components import exited
from fakes.ports.sql import SqliteSql
from fakes.ports.stores import STORE_CONTRACT, AskStore, DeskSealer
from fakes.ports.system import SeededRandom
from fakes.ports.virtual_time import VirtualClock
from fakes.workflows import ADA

NAME, INNER, STORE = "counting", "inner", "totals"
BUNDLE = {"store": BundledComponent(STORE_CONTRACT, "sha256-of-store")}
BY_RUN = scope_of_shared("runs")
ALL = "all"
ELEMENTS, ROUNDS = 3, 2
COUNTED = (
    2 + ELEMENTS + ROUNDS + 1
)  # by each run: two in one call, in a loop, in rounds, and in a workflow that it calls
LOST = 0.08  # of the answers of a store, and of the requests
FAILED = 0.1  # of the calls that have done their operations
RETRY = {"max_attempts": 10, "initial_ms": 5, "max_ms": 50, "jitter": 0}


@dataclass
class SlowSealer(DeskSealer):
    """Others get their turn while it seals."""

    random: Random

    def __post_init__(self) -> None:
        super().__init__()

    async def seal(self, purpose: str, content: bytes) -> bytes:
        await asyncio.sleep(self.random.random() * 0.02)
        return await super().seal(purpose, content)

    async def open(self, purpose: str, sealed: bytes) -> bytes:
        await asyncio.sleep(self.random.random() * 0.02)
        return await super().open(purpose, sealed)


@dataclass
class StoreChannel:
    border: Border
    platform: "StorePlatform"

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        await self.border.isolate.go_on()
        self._lose()
        answer = await self.platform.ask_store(render_call(operation, arguments))
        await self.border.isolate.go_on()
        self._lose()
        return json.loads(answer)

    def _lose(self) -> None:
        platform = self.platform
        if platform.crashes and platform.random.random() < LOST:
            raise UpstreamError("The store does not answer.", code="OBJECT_UNAVAILABLE")


@dataclass
class CountingRunner:
    """The component `store`, which now and then fails when all is done."""

    border: Border
    platform: "StorePlatform"
    asking: AskStore = field(default_factory=AskStore)

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        await self.border.isolate.happen()
        done = await self.asking.run(stdin, host)
        if self.platform.crashes and self.platform.random.random() < FAILED:
            return exited({"success": False, "error": {"code": "LATE", "message": "no", "retriable": True}})
        return done


class StorePlatform(Platform):
    bundle = BUNDLE

    def __init__(self, random: Random, *, crashes: bool) -> None:
        super().__init__(random, crashes=crashes)
        self.store_sql = SqliteSql(MIGRATIONS)
        self._sealer, self._asked = SlowSealer(random), set[asyncio.Task[str]]()
        self._loop = asyncio.get_running_loop()
        self.start_store()

    async def ask_store(self, request: str) -> str:
        """The object is in an isolate of its own: it goes on when the one that has asked is gone."""
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        work = self._loop.create_task(self.store.answer_later(request))
        self._asked.add(work)
        work.add_done_callback(lambda done: None if answered.done() else answered.set_result(done.result()))
        work.add_done_callback(self._asked.discard)
        return await answered

    def start_store(self) -> None:
        """A new instance of the object. The one before goes on with what it has under way."""
        self.tables = StoreTables(self.store_sql, VirtualClock(), SeededRandom(next(self.seeds)), self._sealer)
        self.store = Operations(self.tables, StoreObject)

    def restart_objects(self) -> None:
        super().restart_objects()
        self.start_store()

    def open_store(self, border: Border) -> StoreObject:
        return RemoteStore(StoreChannel(border, self))

    def build_runner(self, border: Border) -> ComponentRunner:
        return CountingRunner(border, self)

    async def read(self, scope: str, key: str) -> Any:
        return (await self.tables.do(scope, {"op": "get", "key": key}))["value"]["value"]


def count(key: str = ALL) -> dict[str, Any]:
    """Each call counts for all runs together, and for its own."""
    ops = [{"op": "increment", "key": key, "store": STORE}, {"op": "increment", "key": "{{run.id}}", "store": "runs"}]
    return {"component": "store", "ops": ops, "retry": RETRY}


def build_counting(*, is_durable: bool) -> dict[str, Any]:
    return {
        "name": NAME,
        "durable": is_durable,
        "triggers": {"webhook": {"idempotency": {"key": "{{input.key}}"}}},
        "flow": [
            "input >> PIPE >> first",
            "first >> FOREACH x IN input.list >> each",
            "first >> PIPE >> again",
            "first >> CALLS_SUBFLOW >> call",
            "again >> PIPE >> seen",
        ],
        "config": {
            "first": {**count(), "ops": [*count()["ops"], *count()["ops"]]},
            "each": count(),
            "again": {**count(), "repeat": {"until": f"again.rounds >= `{ROUNDS}`", "max": 5}},
            "call": {"workflow": INNER, "input": {}},
            "seen": {"component": "store", "op": "add_once", "key": "{{input.item}}", "retry": RETRY},
        },
    }


INNER_SOURCE = {"name": INNER, "flow": ["input >> PIPE >> one"], "config": {"one": count()}}


@dataclass
class Clients:
    platform: StorePlatform
    random: Random
    requests: int = 0

    async def push(self, source: Mapping[str, Any]) -> str:
        pushed = None
        while pushed is None:
            service = self.platform.start_isolate(isolate := self.start_isolate(), {})
            pushed = await until_end(isolate, service.push(source, ADA))
        return pushed.stored.token

    def start_isolate(self) -> Mortal:
        ends_at = self.random.randint(1, 250) if self.platform.crashes else None
        return self.platform.keep(Mortal(Random(self.random.random()), ends_at))

    async def act(self, token: str) -> None:
        for _ in range(self.random.randint(2, 5)):
            await asyncio.sleep(self.random.choice((0, 0.01, 0.5)) * self.random.random())
            if self.random.random() < 0.6:
                self.platform.restart_objects()
            self.requests += 1
            body = {"key": f"{self.requests}", "item": self.random.choice("ab"), "list": [*range(ELEMENTS)]}
            isolate = self.start_isolate()
            service = self.platform.start_isolate(isolate, {})
            answer = await until_end(isolate, trigger(service, build_request(token, body), shows_key=False))
            require(answer is None or answer.status_code == 202 or is_refusal(answer), f"answered {_show(answer)}")


def _show(answer: Response | None) -> str:
    return "" if answer is None else bytes(answer.body).decode()


def simulate_stores(seed: int, *, crashes: bool = True) -> int:
    """How many runs have counted. Raises BrokenPromiseError."""
    return run_in_virtual_time(_simulate(seed, crashes=crashes))


async def _simulate(seed: int, *, crashes: bool) -> int:
    random = Random(f"stores {seed}")
    platform = StorePlatform(random, crashes=crashes)
    clients = Clients(platform, random)
    await clients.push(INNER_SOURCE)
    token = await clients.push(build_counting(is_durable=random.random() < 0.6))
    await asyncio.gather(clients.act(token), clients.act(token))
    await start_again(platform)
    return await check(platform)


async def check(platform: StorePlatform) -> int:
    service = platform.start_isolate(Mortal(Random(0), None), {})
    runs = [await service.runs.find(run_id) for run_id in platform.instances]
    failed = [(run["id"], run["status"], run.get("error")) for run in runs if run["status"] != "success"]
    require(not failed, f"runs that have failed: {failed}")
    for run in runs:
        counted = await platform.read(BY_RUN, run["id"])
        require(counted == COUNTED, f"{run['id']} has counted {counted} times, not {COUNTED}")
    total = await platform.read(scope_of_shared(STORE), ALL)
    require(total == (len(runs) * COUNTED or None), f"{len(runs)} runs have counted {total} together")
    told = Counter(value for run in runs for value in _list_totals(run))
    require(not told or max(told.values()) == 1, f"totals that were answered more than once: {told}")
    new = Counter(run["item"] for run in map(_find_seen, runs) if run["is_new"])
    items = {_find_seen(run)["item"] for run in runs}
    require(new == Counter(items), f"first for {new}, of {items}")
    for item in items:
        require(await platform.read(scope_of_workflow(NAME), item) is True, f"{item} is not in the store")
    return len(runs)


def _list_totals(run: StoredRecord) -> list[int]:
    """What the calls outside of loops were answered."""
    trace = {entry["node"]: entry for entry in run["trace"]}
    [inner] = trace["call"]["trace"]
    first, *_ = trace["first"]["output"]["data"], None
    return [first[0]["value"], first[2]["value"], inner["output"]["data"][0]["value"]]


def _find_seen(run: StoredRecord) -> dict[str, Any]:
    [seen] = [entry for entry in run["trace"] if entry["node"] == "seen"]
    return {"item": seen["input"]["key"], "is_new": seen["output"]["data"]["is_new"]}
