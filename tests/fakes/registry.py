"""The whole registry over fakes: SQLite and KV in memory, reviews under wasmtime."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acr.bench.bench import build_bench, build_javascript_runner
from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.durable_objects import Operations
from arcrun.registry.review import Bench
from arcrun.wasm.component import Component
from arcrun.wasm.javascript import JavaScriptRunner
from fakes.ports.alarm import FakeAlarm
from fakes.ports.objects import FakeChannel
from fakes.ports.sql import SqliteSql
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom
from registry.app import Registry, build_app
from registry.callers import Keyring
from registry.catalogue import Catalogue
from registry.decisions import Decisions
from registry.registry_object import MIGRATIONS, RegistryObject, RegistryTables, RemoteRegistry
from registry.submissions import Submissions

OWNER_KEY, REVIEWER_KEY, MIA_KEY = "k1", "k2", "k3"
MIRROR_INTERVAL_S = 120
_HOME = Path(__file__).resolve().parents[2]
VALIDATOR = build_bench(_HOME).validator


@cache
def get_javascript_runner() -> JavaScriptRunner:
    return build_javascript_runner(_HOME)


class DeskSigner:
    """Signer over `cryptography`."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

    async def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    async def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()


@dataclass(frozen=True)
class FixedColdStarts:
    measured_ms: Sequence[float] = (1.0,)

    async def measure_ms(self, component: Component, count: int) -> Sequence[float]:
        return self.measured_ms


@dataclass
class RegistryBench:
    """The registry over an object in this process. `remote` is the Worker's side of it."""

    sql: SqliteSql = field(default_factory=lambda: SqliteSql(MIGRATIONS))
    alarm: FakeAlarm = field(default_factory=FakeAlarm)
    clock: FixedClock = field(default_factory=FixedClock)
    random: SeededRandom = field(default_factory=SeededRandom)
    statistics: InMemoryKV = field(default_factory=InMemoryKV)
    records: InMemoryKV = field(default_factory=InMemoryKV)
    bucket: InMemoryR2 = field(default_factory=InMemoryR2)
    keyring: Keyring = field(default_factory=lambda: Keyring(OWNER_KEY, REVIEWER_KEY, json.dumps({"mia": MIA_KEY})))

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new object on the same storage."""
        self.state = RegistryTables(self.sql, self.alarm, MIRROR_INTERVAL_S)
        self.channel = FakeChannel(Operations(self.state, RegistryObject))
        self.remote = RemoteRegistry(self.channel)

    def client(self, key: str = OWNER_KEY) -> httpx.AsyncClient:
        ground = Bench(
            WasmtimeRunner(fuel=50_000_000), FixedColdStarts(), VALIDATOR, get_javascript_runner, self.clock.pause
        )
        submissions = Submissions(
            *(self.remote, self.records, self.bucket, ground, DeskSigner(), self.clock),
            self.random,
        )
        decisions = Decisions(self.remote, submissions, self.clock)
        catalogue = Catalogue(self.remote, self.records, self.bucket)
        app = build_app(Registry(self.keyring, self.remote, submissions, decisions, catalogue))
        headers = {"x-arcrun-api-key": key}
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://registry.test", headers=headers)

    def close(self) -> None:
        self.sql.close()
