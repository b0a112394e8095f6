"""The whole executor accepts runs of a workflow while it is pushed anew, in isolates that end at any moment.

RunLog and Workspace are the real ones, over SQLite, and begin anew at any time; what KV answers may be a minute old.
Isolates end at any call of what lies outside them: then their clients get no answer, and nothing that they had under
way goes on. The platform's Workflow engine is that of world.py.
"""

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from simulation.simulation import BrokenPromiseError, require, run_in_virtual_time
from simulation.world import Instance, Isolate, Mortal
from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import ArcrunError, UpstreamError
from arcrun.ports import Blob, KeyPage, RunInstance
from arcrun.run_log.objects import RunLogObjects
from arcrun.run_log.protocol import RemoteRunLog
from arcrun.store.protocol import StoreObject
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import BundledComponent, Component, ComponentRunner
from arcrun.wasm.costs import SANDBOX_FUEL
from arcrun.workspace.protocol import RemoteWorkspace
from executor.durable.acceptance import resume_runs
from executor.durable.run_workflow import run_workflow
from executor.durable.step_box import StepBox
from executor.heads import FRESH_MS
from executor.run_handlers import trigger
from executor.service import ExecutorService
from fakes.components import exited
from fakes.contracts import contract_source
from fakes.executor import Parts, build_service
from fakes.ports.background import FakeBackground
from fakes.ports.objects import FakeChannel, FakeRunLogs, FakeWorkspace
from fakes.ports.storage import InMemoryKV, InMemoryR2, PlatformLimitError
from fakes.ports.stores import FakeStore
from fakes.ports.system import SeededRandom
from fakes.ports.virtual_time import VirtualClock
from fakes.report import InMemoryReport
from fakes.workflows import ADA

Answer = TypeVar("Answer")
KeptIsolate = TypeVar("KeptIsolate", bound=Mortal)
NAME, REACH = "w", "reach"
LOCATIONS = 2
LAG_MS = 60_000  # how old an answer of KV is at most
MOST_CRASHES = 6  # of one instance
ONLY = "only "  # then follows the key of one request
CLIENT_KEYS = ("a", "b")  # that several requests have
CONTRACT = contract_source(
    canonical_id=REACH,
    capabilities=["ai"],
    input_schema={
        "type": "object",
        "properties": {name: {} for name in ("run", "key", "version", "node", "workflow", "told")},
    },
)

WAIT_CONTRACT = contract_source(
    canonical_id="wait", capabilities=["sleep"], input_schema={"type": "object", "properties": {"for": {}}}
)
BUNDLE = {
    REACH: BundledComponent(CONTRACT, "sha256-of-reach"),
    "wait": BundledComponent(WAIT_CONTRACT, "sha256-of-wait"),  # only durable runs wait, and these by themselves
}


@dataclass
class Effect:
    """A call that has reached outside, and what it was answered."""

    run: str
    key: str
    version: int
    node: str
    drawn: int


@dataclass(frozen=True)
class Request202:
    """A request whose run was accepted."""

    run_id: str
    key: str
    sent_ms: float


@dataclass
class History:
    """What clients know, and what has happened outside."""

    effects: list[Effect] = field(default_factory=list)
    accepted: list[Request202] = field(default_factory=list)
    pushed: list[tuple[float, int]] = field(default_factory=list)  # when each version was acknowledged

    def version_at(self, now_ms: float) -> int:
        """The newest that must be known everywhere."""
        return max((number for at_ms, number in self.pushed if at_ms <= now_ms), default=0)


@dataclass
class Border:
    """What an isolate calls outside. Each call takes some time, and may be its last."""

    isolate: Mortal

    async def cross(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        await self.isolate.go_on()
        answer = await call()
        await self.isolate.go_on()
        return answer


@dataclass
class Channel:
    border: Border
    to: FakeChannel

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        return await self.border.cross(lambda: self.to.call(operation, arguments))


@dataclass
class LaggingKV:
    """KV as a location sees it: what it has read stays so for some time, also that there is nothing."""

    border: Border
    stored: InMemoryKV
    seen: dict[str, tuple[float, str | None]]  # until when, by key

    async def get(self, key: str) -> str | None:
        now_ms = VirtualClock().now_ms()
        until_ms, value = self.seen.get(key, (0, None))
        if now_ms >= until_ms:
            value = await self.border.cross(lambda: self.stored.get(key))
            self.seen[key] = now_ms + self.border.isolate.random.random() * LAG_MS, value
        return value

    async def put(self, key: str, value: str, **options: Any) -> None:
        await self.border.cross(lambda: self.stored.put(key, value, **options))

    async def delete(self, key: str) -> None:
        await self.border.cross(lambda: self.stored.delete(key))

    async def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        return await self.border.cross(lambda: self.stored.list(prefix, limit=limit, cursor=cursor))


@dataclass
class Bucket:
    border: Border
    stored: InMemoryR2

    async def get(self, key: str) -> Blob | None:
        return await self.border.cross(lambda: self.stored.get(key))

    async def etag(self, key: str) -> str | None:
        return await self.border.cross(lambda: self.stored.etag(key))

    async def put(self, key: str, content: bytes) -> None:
        async def write() -> None:
            try:
                await self.stored.put(key, content)
            except PlatformLimitError as error:  # twice within a second
                raise UpstreamError(str(error), code="STORAGE_FAILED") from error

        await self.border.cross(write)

    async def delete(self, keys: Sequence[str]) -> None:
        await self.border.cross(lambda: self.stored.delete(keys))

    async def list(self, prefix: str) -> Sequence[str]:
        return await self.border.cross(lambda: self.stored.list(prefix))


@dataclass
class Instances:
    """The platform's, as an isolate reaches them."""

    border: Border
    platform: "Platform"

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        return await self.border.cross(lambda: self.platform.create(instance_id, params))

    async def create_batch(self, instances: Mapping[str, Mapping[str, Any]]) -> Collection[str]:
        async def create_all() -> list[str]:
            return [each for each, params in instances.items() if await self.platform.create(each, params)]

        return await self.border.cross(create_all)

    async def status(self, instance_id: str) -> RunInstance | None:
        return await self.border.cross(lambda: self.platform.status(instance_id))

    async def send_event(self, instance_id: str, event_type: str, payload: Any) -> None:
        """Nothing: the platform goes on with its instances by itself here."""

    async def resume(self, instance_id: str) -> None:
        """Nothing, as above."""

    async def pause(self, instance_id: str) -> None:
        raise NotImplementedError

    async def terminate(self, instance_id: str) -> None:
        raise NotImplementedError

    async def delete(self, instance_id: str) -> None:
        await self.border.cross(lambda: self.platform.delete(instance_id))


@dataclass
class Runner:
    """Calls of the component, which are seen outside, and never answered in the same way twice."""

    border: Border
    history: History

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        effect = Effect(**json.loads(stdin), drawn=len(self.history.effects))
        self.history.effects.append(effect)
        await self.border.isolate.happen()
        return exited({"success": True, "data": {"drawn": effect.drawn}})


class Platform:
    """All that outlives isolates."""

    bundle: Mapping[str, BundledComponent] = BUNDLE

    def __init__(self, random: Random, *, crashes: bool) -> None:
        clock = VirtualClock()
        self.random, self.crashes, self.history = random, crashes, History()
        self.kv, self.bucket = InMemoryKV(clock), InMemoryR2(clock)
        self.logs, self.workspace = FakeRunLogs(clock, count=2), FakeWorkspace(clock)
        self.other = InMemoryKV(clock)  # of the bindings that hold nothing here
        self.instances: dict[str, Instance] = {}
        self.outputs: dict[str, str] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.seeds = itertools.count()
        self.isolates: list[Mortal] = []

    def start_isolate(self, isolate: Mortal, seen: dict[str, tuple[float, str | None]]) -> ExecutorService:
        border = Border(isolate)

        def open_log(number: int) -> RemoteRunLog:
            return RemoteRunLog(Channel(border, self.logs.channel_of(number)))

        parts = Parts(
            LaggingKV(border, self.kv, seen),
            RemoteWorkspace(Channel(border, self.workspace.channel)),
            RunLogObjects(open_log, self.logs.count),
            *(self.other, self.other, self.other),
            Bucket(border, self.bucket),
            VirtualClock(),
            FakeBackground(),
            SeededRandom(next(self.seeds)),
            InMemoryReport(),
            Instances(border, self),
            self.open_store(border),
        )
        return build_service(self.bundle, self.build_runner(border), parts)

    def open_store(self, _border: Border) -> StoreObject:
        return FakeStore(VirtualClock())

    def build_runner(self, border: Border) -> ComponentRunner:
        return Runner(border, self.history)

    def keep(self, isolate: KeptIsolate) -> KeptIsolate:
        """What isolates that have ended were doing is not collected, but waits for ever."""
        self.isolates.append(isolate)
        return isolate

    def restart_objects(self) -> None:
        for number in self.logs.channels:
            self.logs.start(number)
        self.workspace.start()

    # The Workflow engine

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        if instance_id in self.instances:
            return False
        self.instances[instance_id] = Instance()
        task = asyncio.ensure_future(self._run(instance_id, params))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return True

    async def delete(self, instance_id: str) -> None:
        """Its id can be used again. One that runs is left alone: only those are deleted that have ended."""
        if self.outputs.pop(instance_id, None) is not None:
            del self.instances[instance_id]

    async def status(self, instance_id: str) -> RunInstance | None:
        if instance_id not in self.instances:
            return None
        output = self.outputs.get(instance_id)
        return RunInstance("running") if output is None else RunInstance("complete", output)

    async def _run(self, instance_id: str, params: Mapping[str, Any]) -> None:
        instance = self.instances[instance_id]
        for number in itertools.count():
            await asyncio.sleep(self.random.random())
            ends_at = self.random.randint(1, 60) if self.crashes and number < MOST_CRASHES else None
            isolate = self.keep(Isolate(Random(self.random.random()), ends_at, instance))
            instance.restart(self.random)
            service = self.start_isolate(isolate, {})
            output = await until_end(isolate, run_workflow(service, params, isolate))
            require(not isolate.again, f"done again though stored: {isolate.again}")
            if output is not None:
                self.outputs[instance_id] = output
                return


async def until_end(isolate: Mortal, work: Awaitable[Answer]) -> Answer | None:
    """What `work` returns; None if the isolate has ended before."""
    running = asyncio.ensure_future(work)
    ending = asyncio.ensure_future(isolate.has_ended.wait())
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    if isolate.has_ended.is_set():
        isolate.left = running  # it waits for ever
        return None
    ending.cancel()
    return running.result()


@dataclass
class Location:
    """Where requests arrive: one isolate after the other, and KV as it is seen there."""

    platform: Platform
    random: Random
    seen: dict[str, tuple[float, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        ends_at = self.random.randint(1, 250) if self.platform.crashes else None
        self.isolate = self.platform.keep(Mortal(Random(self.random.random()), ends_at))
        self.service = self.platform.start_isolate(self.isolate, self.seen)

    def open(self) -> tuple[Mortal, ExecutorService]:
        if self.isolate.has_ended.is_set():
            self.start()
        return self.isolate, self.service


@dataclass
class Clients:
    """Those who push the workflow, and those who trigger it, some again and again with the same key."""

    platform: Platform
    random: Random
    is_durable: bool
    token: str = ""
    versions: int = 0
    requests: int = 0
    pushing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.locations = [Location(self.platform, Random(self.random.random())) for _ in range(LOCATIONS)]

    async def push(self) -> None:
        """Push the next version until that is acknowledged; one at a time, for of two any may win."""
        async with self.pushing:
            self.versions += 1
            pushed = None
            while pushed is None:
                isolate, service = self.random.choice(self.locations).open()
                source = build_source(Random(self.versions), self.versions, is_durable=self.is_durable)
                pushed = await until_end(isolate, service.push(source, ADA))
            self.token = pushed.stored.token
            self.platform.history.pushed.append((VirtualClock().now_ms() + FRESH_MS, self.versions))

    async def trigger(self, key: str) -> None:
        isolate, service = self.random.choice(self.locations).open()
        sent_ms = VirtualClock().now_ms()
        answer = await until_end(isolate, trigger(service, build_request(self.token, {"key": key}), shows_key=False))
        if answer is not None and answer.status_code == 202:
            self.platform.history.accepted.append(Request202(json.loads(bytes(answer.body))["run_id"], key, sent_ms))
        elif answer is not None:
            require(is_refusal(answer), f"answered {answer.status_code}: {bytes(answer.body)!r}")

    async def act(self) -> None:
        for _ in range(self.random.randint(3, 10)):
            await asyncio.sleep(self.random.choice((0, 0.01, 1, 20, 45)) * self.random.random())
            drawn = self.random.random()
            if drawn < 0.2:
                await self.push()
            elif drawn < 0.3:
                self.platform.restart_objects()
            else:
                self.requests += 1
                await self.trigger(self.random.choice((*CLIENT_KEYS, f"{ONLY}{self.requests}")))


def is_refusal(answer: Response) -> bool:
    """Whether it is one that a client with a key repeats its request after."""
    code: str = json.loads(bytes(answer.body))["error"]["code"]
    return code == "REQUEST_RUNNING"


def build_request(token: str, value: Mapping[str, Any]) -> Request:
    body = json.dumps(value).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    path = f"/webhooks/{token}/trigger"
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "path_params": {"token": token},
        "query_string": b"async=1",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        "client": ("192.0.2.1", 1),
        "server": ("executor.test", 443),
    }
    return Request(scope, receive)


def build_source(random: Random, version: int, *, is_durable: bool) -> dict[str, Any]:
    """A workflow whose calls say of which version it is: some behind each other, some side by side."""
    nodes = [f"n{number}" for number in range(random.randint(1, 3))]
    settings = {"component": REACH, "run": "{{run.id}}", "key": "{{input.key}}", "version": version}
    flow = [f"{random.choice(['input', *nodes[:number]])} >> PIPE >> {node}" for number, node in enumerate(nodes)]
    return {
        "name": NAME,
        "durable": is_durable,
        "triggers": {"webhook": {"idempotency": {"key": "{{input.key}}"}}},
        "flow": flow,
        "config": {node: {**settings, "node": node} for node in nodes},
    }


def simulate_platform(seed: int, *, crashes: bool = True) -> History:
    """Raises BrokenPromiseError."""
    return run_in_virtual_time(_simulate(seed, crashes=crashes))


async def _simulate(seed: int, *, crashes: bool) -> History:
    random = Random(f"platform {seed}")
    platform = Platform(random, crashes=crashes)
    clients = Clients(platform, random, is_durable=random.random() < 0.6)
    await clients.push()
    await asyncio.gather(clients.act(), clients.act())
    await start_again(platform)
    await check(platform, is_durable=clients.is_durable)
    return platform.history


async def start_again(platform: Platform) -> None:
    """What the local platform does at its start: it goes on with all that was accepted. Then everything ends."""
    platform.crashes = False
    platform.restart_objects()
    service = platform.start_isolate(Mortal(Random(0), None), {})
    assert service.lasting is not None
    await resume_runs(service.lasting)
    while platform.running:
        await asyncio.wait(platform.running)


async def check(platform: Platform, *, is_durable: bool) -> None:
    history = platform.history
    service = platform.start_isolate(Mortal(Random(0), None), {})
    assert service.lasting is not None
    unfinished, _ = await service.lasting.runs.list_unfinished(100, None)
    require(not unfinished, f"not ended: {unfinished}")
    by_run, by_key = defaultdict[str, list[Effect]](list), defaultdict[str, set[str]](set)
    for effect in history.effects:
        by_run[effect.run].append(effect)
        by_key[effect.key].add(effect.run)
    several = {key: runs for key, runs in by_key.items() if len(runs) > 1}
    require(not several, f"keys with several runs: {several}")
    for accepted in history.accepted:
        require(accepted.run_id in by_run, f"accepted, and never run: {accepted}")
        newest = history.version_at(accepted.sent_ms)
        version = by_run[accepted.run_id][0].version
        is_its_first = accepted.key.startswith(ONLY)
        require(version >= newest or not is_its_first, f"{accepted} ran {version}, long after {newest} was pushed")
    for run_id, effects in by_run.items():
        await check_record(platform, service, run_id, effects, is_durable=is_durable)


async def check_record(
    platform: Platform, service: ExecutorService, run_id: str, effects: Sequence[Effect], *, is_durable: bool
) -> None:
    """The record of a run agrees with what happened outside, and with what its journal has stored."""
    assert service.lasting is not None
    try:
        record = await service.runs.find(run_id)
    except ArcrunError as error:
        raise BrokenPromiseError(f"{run_id} has called something, and has no record: {error.code}") from None
    require(record["status"] == "success", f"{run_id} has ended as {record['status']}: {record.get('error')}")
    versions = {effect.version for effect in effects}
    require(len(versions) == 1, f"{run_id} is of several versions: {versions}")
    drawn = {(effect.node, effect.drawn) for effect in effects}
    told = {(entry["node"], entry["output"]["data"]["drawn"]) for entry in record["trace"]}
    require(told <= drawn, f"the record of {run_id} tells of {told}; what happened was {drawn}")
    if not is_durable:
        return  # it is one step, which may be lost behind its record
    box, results = StepBox(service.lasting, VirtualClock(), run_id), platform.instances[run_id].results
    entries = [json.loads(await box.open(name, sealed)) for name, sealed in results.items()]
    stored = {entry["outcome"]["envelope"]["data"]["drawn"] for entry in entries if "outcome" in entry}
    require({number for _, number in told} == stored, f"the record of {run_id} tells {told}, its journal has {stored}")
