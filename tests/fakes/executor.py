"""The executor over fakes, and its HTTP face."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from arcrun.analytics import UsageReporter
from arcrun.credentials.record import kv_key_of
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun.ports import RunInstances
from arcrun.wasm.abi import Execution
from arcrun.wasm.component import BundledComponent
from arcrun.workspace.audit import AuditLog
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
from fakes.components import ScriptedRunner
from fakes.contracts import contract_source
from fakes.ports.background import FakeBackground
from fakes.ports.cipher import DeskCipher, seal
from fakes.ports.crypto import DeskCrypto
from fakes.ports.http_client import FakeHttpClient
from fakes.ports.objects import FakeRunLogs, FakeWorkspace
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom
from fakes.ports.text_decoder import FakeTextDecoder
from fakes.report import InMemoryReport
from fakes.workflows import build_workflows, listing_schedules

API_KEY = "test-key-1"
PUBLIC_URL = "https://executor.test"
ENCRYPTION_KEY = b"k" * 32
Script = Mapping[str, Execution | Callable[[str], Execution]]


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

    def store_credential(self, name: str, secret: str) -> None:
        self.credentials.upload(kv_key_of(name), seal(ENCRYPTION_KEY, name, secret))


def build_bench(
    script: Script, instances: RunInstances | None = None, contracts: Mapping[str, Any] | None = None
) -> Bench:
    """An executor whose bundle holds a component for each name in `script`; `contracts` has those that are not just
    any. Accepted runs are run by `instances`.
    """
    clock, random = FixedClock(), SeededRandom()
    kv, bucket, runner = InMemoryKV(clock), InMemoryR2(clock), ScriptedRunner(script)
    records, verdicts, credentials = InMemoryKV(clock), InMemoryKV(clock), InMemoryKV(clock)
    background, encryption_key = FakeBackground(), base64.b64encode(ENCRYPTION_KEY).decode()
    bundle = build_bundle(*script) | {
        name: BundledComponent(contract, f"sha256-of-{name}") for name, contract in (contracts or {}).items()
    }
    resolver = ComponentResolver(bundle, bucket, clock, background)
    components = ComponentCaller(resolver, runner, FakeHttpClient(), clock, random, decoder=FakeTextDecoder())
    workspace = FakeWorkspace(clock)
    workflows = build_workflows(kv, workspace, clock, random, list_schedules=listing_schedules(components))
    vault = CredentialVault(credentials, encryption_key, DeskCipher, clock)
    engine = Engine(RunPorts(components, workflows, vault, clock, random))
    logs = FakeRunLogs(clock)
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
    report = InMemoryReport()
    usage, audit = UsageReporter(report, clock, background), AuditLog(workspace, Unsealed(), clock)
    refusals = RefusalLog(workspace, Unsealed(), clock, background)
    service = ExecutorService(
        *(components, workflows, runs, vault, engine, background, usage, audit),
        crypto=DeskCrypto(),
        refusals=refusals,
        lasting=None if instances is None else Lasting(instances, runs, bucket, "https://arcrun.example"),
    )
    return Bench(
        service, runner, kv, workspace, logs, records, verdicts, credentials, bucket, clock, background, report
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
