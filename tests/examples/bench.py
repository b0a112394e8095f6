"""The executor with its real components, under wasmtime, and stubs where the network and the model would be."""

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from acr.bench.wasmtime_runner import WasmtimeRunner
from acr.testing.stores import TestStores
from arcrun.analytics import UsageReporter
from arcrun.credentials.record import kv_key_of
from arcrun.engine.budget import DEPTH_HEADER
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun.errors import HostFunctionError
from arcrun.ports import HttpRequest, HttpResponse
from arcrun.store.protocol import StoreObject
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import BundledComponent, Component
from arcrun.wasm.metering import meter_module
from arcrun.workspace.audit import AuditLog
from arcrun.workspace.sealing import Unsealed
from executor.components import ComponentCaller, ComponentResolver
from executor.credentials import CredentialVault
from executor.durable.lasting import Lasting
from executor.records.earlier_runs import EarlierRuns
from executor.records.logged_runs import LoggedRuns
from executor.records.run_inputs import RunInputs
from executor.service import ExecutorService
from executor.signatures.refusals import RefusalLog
from fakes.instances import FakeInstances
from fakes.ports.background import FakeBackground
from fakes.ports.cipher import DeskCipher, seal
from fakes.ports.crypto import DeskCrypto
from fakes.ports.objects import FakeRunLogs, FakeWorkspace
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom
from fakes.workflows import build_workflows, listing_schedules

ROOT = Path(__file__).parents[2]
ENCRYPTION_KEY = b"e" * 32


@dataclass(frozen=True)
class Exchange:
    """A request that must come, whole, and what the service answers: JSON, or the bytes that it is. `body` is the JSON
    sent, or a text.
    """

    method: str
    url: str
    answer: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)

    def matches(self, request: HttpRequest) -> bool:
        return (request.method, request.url, request.headers, _read_body(request)) == (
            self.method,
            self.url,
            {**self.headers, DEPTH_HEADER: "1"},
            self.body,
        )

    @property
    def response(self) -> HttpResponse:
        headers = {"content-type": "application/json; charset=utf-8", **self.answer_headers}
        answer = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return HttpResponse(self.status, headers, answer)


class StubServices:
    """HttpClient that answers each exchange once, in any order. It never waits, as wasmtime's host functions must not.

    `unexpected` are the requests that no exchange is left for; they fail, as a name without an address does.
    """

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self.left = list(exchanges)
        self.unexpected: list[tuple[str, str, Mapping[str, str], Any]] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        for exchange in self.left:
            if exchange.matches(request):
                self.left.remove(exchange)
                return exchange.response
        self.unexpected.append((request.method, request.url, request.headers, _read_body(request)))
        raise HostFunctionError("No exchange is left for this request.", code="HTTP_FAILED")


class StubModel:
    """AiModel with one reply; `asked` has the model and the last message of each question."""

    def __init__(self, reply: Any) -> None:
        self._reply = reply
        self.asked: list[tuple[str, str]] = []

    async def run(self, model: str, inputs: Mapping[str, Any]) -> Any:
        self.asked.append((model, inputs["messages"][-1]["content"]))
        if isinstance(self._reply, HostFunctionError):
            raise self._reply
        return {"response": self._reply}


class BundleRunner:
    """ComponentRunner for the components of the bundle, which come without their code, from components/."""

    def __init__(self) -> None:
        self._runner = WasmtimeRunner()

    async def run(self, component: Component, stdin: str, host: HostFunctions, _fuel: int = 0) -> Execution:
        return self._runner.call(load_module(component.id), stdin.encode(), host)


@dataclass(frozen=True)
class ExampleBench:
    """A service, and what lies below it that a test looks at."""

    service: ExecutorService
    logs: FakeRunLogs
    credentials: InMemoryKV
    clock: FixedClock
    background: FakeBackground
    workspace: FakeWorkspace
    bucket: InMemoryR2
    instances: FakeInstances

    def store_credential(self, name: str, secret: str) -> None:
        self.credentials.upload(kv_key_of(name), seal(ENCRYPTION_KEY, name, secret))

    async def run_instances(self) -> None:
        """Let the accepted runs that have begun end."""
        for run_id in [each for each in self.instances.params if each not in self.instances.outputs]:
            await self.instances.run(self.service, run_id)


def build_example_bench(services: StubServices, model: StubModel) -> ExampleBench:
    clock, random, background = FixedClock(), SeededRandom(), FakeBackground()
    kv, records, verdicts, credentials = (InMemoryKV(clock) for _ in range(4))
    bucket, logs, encryption_key = InMemoryR2(clock), FakeRunLogs(clock), base64.b64encode(ENCRYPTION_KEY).decode()
    resolver = ComponentResolver(load_bundle(), bucket, clock, background)
    stores = TestStores(clock)  # they answer at once, as the runner needs it
    components = ComponentCaller(
        *(resolver, BundleRunner(), services, clock, random, model), open_store=lambda: cast(StoreObject, stores)
    )
    workspace, instances = FakeWorkspace(clock), FakeInstances()
    workflows = build_workflows(kv, workspace, clock, random, list_schedules=listing_schedules(components))
    vault = CredentialVault(credentials, encryption_key, DeskCipher, clock)
    engine = Engine(RunPorts(components, workflows, vault, clock, random))
    inputs = RunInputs(logs.first, encryption_key, None, DeskCipher, random)
    earlier = EarlierRuns(records, verdicts, clock)
    runs = LoggedRuns(
        *(logs, inputs, bucket),
        earlier=earlier,
        clock=clock,
        random=random,
        background=background,
        export_interval_ms=60_000,
    )
    usage, audit = UsageReporter(None, clock, background), AuditLog(workspace, Unsealed(), clock)
    refusals = RefusalLog(workspace, Unsealed(), clock, background)
    service = ExecutorService(
        *(components, workflows, runs, vault, engine, background, usage, audit),
        crypto=DeskCrypto(),
        refusals=refusals,
        lasting=Lasting(instances, runs, bucket, "https://arcrun.example"),
    )
    return ExampleBench(service, logs, credentials, clock, background, workspace, bucket, instances)


@functools.cache
def load_bundle() -> Mapping[str, BundledComponent]:
    """As scripts/stage.py puts it together."""
    return {
        path.parent.name: BundledComponent(
            yaml.safe_load(path.read_text("utf-8")),
            hashlib.sha256((path.parent / f"{path.parent.name}.wasm").read_bytes()).hexdigest(),
        )
        for path in sorted(ROOT.glob("components/*/contract.yaml"))
    }


@functools.cache
def load_module(component_id: str) -> bytes:
    return meter_module((ROOT / "components" / component_id / f"{component_id}.wasm").read_bytes())


def _read_body(request: HttpRequest) -> Any:
    text = request.body.decode()
    if request.headers.get("content-type") == "application/json":
        return json.loads(text)
    return text or None
