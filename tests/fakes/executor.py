"""The executor over fakes, and its HTTP face."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from arcrun.analytics import UsageReporter
from arcrun.credentials.record import kv_key_of
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun.limits import MAX_BLOBS_BYTES
from arcrun.ports import Background, BlobStore, Clock, KeyValue, Random, RunInstances
from arcrun.run_log.objects import RunLogObjects
from arcrun.store.protocol import StoreObject
from arcrun.wasm.component import BundledComponent, ComponentRunner
from arcrun.workspace.audit import AuditLog
from arcrun.workspace.protocol import WorkspaceObject
from arcrun.workspace.sealing import Unsealed
from executor.access import OwnerAccess
from executor.app import build_app
from executor.components import ComponentCaller, ComponentResolver
from executor.credentials import CredentialVault
from executor.durable.lasting import Lasting
from executor.records.earlier_runs import EarlierRuns
from executor.records.logged_runs import LoggedRuns
from executor.records.run_inputs import RunInputs
from executor.service import ExecutorService
from executor.signatures.refusals import RefusalLog
from fakes.components import Scripted, ScriptedRunner
from fakes.contracts import contract_source
from fakes.ports.background import FakeBackground
from fakes.ports.cipher import DeskCipher, seal
from fakes.ports.crypto import DeskCrypto
from fakes.ports.http_client import FakeHttpClient
from fakes.ports.objects import FakeRunLogs, FakeWorkspace
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.ports.stores import FakeStore
from fakes.ports.system import FixedClock, SeededRandom
from fakes.ports.text_decoder import FakeTextDecoder
from fakes.report import InMemoryReport
from fakes.workflows import build_workflows, listing_schedules

API_KEY = "test-key-1"
PUBLIC_URL = "https://executor.test"
ENCRYPTION_KEY = b"k" * 32
Script = Mapping[str, Scripted]


@dataclass(frozen=True)
class Bench:
    """A service and the fakes below it."""

    service: ExecutorService
    runner: ScriptedRunner
    kv: InMemoryKV
    workspace: FakeWorkspace
    logs: FakeRunLogs
    records: InMemoryKV
    verdicts: InMemoryKV
    credentials: InMemoryKV
    bucket: InMemoryR2
    clock: FixedClock
    background: FakeBackground
    report: InMemoryReport
    store: FakeStore = field(default_factory=FakeStore)

    def store_credential(self, name: str, secret: str) -> None:
        self.credentials.upload(kv_key_of(name), seal(ENCRYPTION_KEY, name, secret))


@dataclass(frozen=True)
class Parts:
    """What lies outside an isolate, as it reaches it."""

    kv: KeyValue
    workspace: WorkspaceObject
    logs: RunLogObjects
    records: KeyValue
    verdicts: KeyValue
    credentials: KeyValue
    bucket: BlobStore
    clock: Clock
    background: Background
    random: Random
    report: InMemoryReport
    instances: RunInstances | None
    store: StoreObject = field(default_factory=FakeStore)


def build_bench(
    script: Script, instances: RunInstances | None = None, contracts: Mapping[str, Any] | None = None
) -> Bench:
    """An executor whose bundle holds a component for each name in `script`; `contracts` has those that are not just
    any. Accepted runs are run by `instances`.
    """
    clock, runner = FixedClock(), ScriptedRunner(script)
    kv, bucket = InMemoryKV(clock), InMemoryR2(clock)
    records, verdicts, credentials = InMemoryKV(clock), InMemoryKV(clock), InMemoryKV(clock)
    workspace, logs, background, report = FakeWorkspace(clock), FakeRunLogs(clock), FakeBackground(), InMemoryReport()
    stored = (kv, workspace, logs, records, verdicts, credentials, bucket)
    store = FakeStore(clock)
    parts = Parts(*stored, clock, background, SeededRandom(), report, instances, store)
    bundle = build_bundle(*script) | {
        name: BundledComponent(contract, f"sha256-of-{name}") for name, contract in (contracts or {}).items()
    }
    return Bench(build_service(bundle, runner, parts), runner, *stored, clock, background, report, store)


def build_service(bundle: Mapping[str, BundledComponent], runner: ComponentRunner, parts: Parts) -> ExecutorService:
    """One isolate's."""
    clock, random, background = parts.clock, parts.random, parts.background
    encryption_key = base64.b64encode(ENCRYPTION_KEY).decode()
    resolver = ComponentResolver(bundle, parts.bucket, clock, background)
    components = ComponentCaller(
        *(resolver, runner, FakeHttpClient(), clock, random),
        decoder=FakeTextDecoder(),
        open_store=lambda: parts.store,
        open_blobs=lambda: runs.open_blobs(MAX_BLOBS_BYTES),
    )
    lists = listing_schedules(components)
    workflows = build_workflows(parts.kv, parts.workspace, clock, random, list_schedules=lists)
    vault = CredentialVault(parts.credentials, encryption_key, DeskCipher, clock)
    engine = Engine(RunPorts(components, workflows, vault, clock, random))
    runs = LoggedRuns(
        *(parts.logs, RunInputs(parts.logs.first, encryption_key, None, DeskCipher, random), parts.bucket),
        earlier=EarlierRuns(parts.records, parts.verdicts, clock),
        clock=clock,
        random=random,
        background=background,
        export_interval_ms=60_000,
    )
    usage, audit = UsageReporter(parts.report, clock, background), AuditLog(parts.workspace, Unsealed(), clock)
    return ExecutorService(
        *(components, workflows, runs, vault, engine, background, usage, audit),
        crypto=DeskCrypto(),
        refusals=RefusalLog(parts.workspace, Unsealed(), clock, background),
        lasting=None
        if parts.instances is None
        else Lasting(parts.instances, runs, parts.bucket, "https://arcrun.example"),
    )


def build_bundle(*component_ids: str) -> dict[str, BundledComponent]:
    return {name: BundledComponent(contract_source(canonical_id=name), f"sha256-of-{name}") for name in component_ids}


def upload_component(bucket: InMemoryR2, reference: str, module: bytes, **overrides: Any) -> None:
    """Put a component and its contract into the bucket, as `acr deploy` would."""
    overrides.setdefault("canonical_id", reference.partition("@")[0])
    bucket.upload(f"{reference}.wasm", module)
    bucket.upload(f"{reference}.contract.yaml", json.dumps(contract_source(**overrides)).encode())


def build_client(
    service: ExecutorService,
    *,
    api_key: str | None = API_KEY,
    headers: Mapping[str, str] | None = None,
    public_url: str | None = PUBLIC_URL,
) -> httpx.AsyncClient:
    """A client of the app. It sends the right key unless `headers` says otherwise; a fault shows as a 500."""
    transport = httpx.ASGITransport(build_app(OwnerAccess(service, api_key), public_url), raise_app_exceptions=False)
    sent = {"x-arcrun-api-key": API_KEY} if headers is None else headers
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=sent)
