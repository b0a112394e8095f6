"""The hosted executor over fakes: two tenants with a KV namespace each, behind a stand-in of Cloudflare's API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from arcrun.accounts.limits import TenantLimits
from arcrun.accounts.model import Registration, Tenant
from arcrun.accounts.request_rate import RequestRate
from arcrun.accounts.store import AccountStore
from arcrun.accounts.webhook_tokens import WebhookTokens
from arcrun.analytics import UsageReporter
from arcrun.credentials.record import kv_key_of
from arcrun.ports import ComponentRegistry
from arcrun.wasm.component import BundledComponent
from arcrun.workspace.tenants import TenantWorkspaces
from executor.access import TenantAccess, TenantResolver
from executor.app import build_app
from executor.components import ComponentResolver
from executor.hosted.instances import HostedLasting, find_service
from executor.tenants import Platform, TenantServices
from fakes.auth import MASTER_KEY
from fakes.cloudflare_rest.api import BASE_URL, CloudflareApiStandIn
from fakes.components import ScriptedRunner
from fakes.executor import Script, build_bundle
from fakes.instances import FakeInstances
from fakes.ports.background import FakeBackground
from fakes.ports.cipher import DeskCipher, seal
from fakes.ports.crypto import DeskCrypto
from fakes.ports.objects import FakeChannel, FakeRunLogs, FakeWorkspace
from fakes.ports.rate_limiter import FakeRateLimiter
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.ports.stores import FakeStore
from fakes.ports.system import FixedClock, SeededRandom
from fakes.report import InMemoryReport

ADDRESS = "192.0.2.7"
MAIL_DOMAIN = "mail.test"


def registration_of(letter: str) -> Registration:
    """Of a tenant in an account of its own: `letter` is a hexadecimal digit."""
    token, data_key = f"canary-token-{letter}", f"canary-data-key-{letter}".encode().ljust(32, b"k")
    return Registration(f"{letter}@example.com", letter * 32, f"{letter}0" * 16, token, data_key)


@dataclass
class HostedBench:
    """`accounts` is ACCOUNTS_KV, `requests` the platform's count for a location. `keys` are the tenants', by letter,
    `logs` their objects of the RunLog, by their ids. Without `instances` accepted runs do not last. `contracts` are
    those of components that are not just any.
    """

    script: Script
    limits: TenantLimits = field(default_factory=lambda: TenantLimits(burst_requests=1_000))
    location_requests: int = 10**6
    master_key: str | None = MASTER_KEY
    registry: ComponentRegistry | None = None
    clock: FixedClock = field(default_factory=FixedClock)
    instances: FakeInstances | None = field(default_factory=FakeInstances)
    contracts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts, self.bucket, self.random = InMemoryKV(self.clock), InMemoryR2(self.clock), SeededRandom()
        self.cloudflare, self.background = CloudflareApiStandIn(self.clock), FakeBackground()
        self.runner, self.report = ScriptedRunner(self.script), InMemoryReport()
        self.store = AccountStore(self.accounts, MASTER_KEY, DeskCipher, self.clock, self.random)
        self.requests = FakeRateLimiter(self.clock, self.location_requests)
        self.keys: dict[str, str] = {}
        self.workspaces: dict[str, FakeWorkspace] = {}
        self.logs: dict[str, FakeRunLogs] = {}
        self.stores: dict[str, FakeStore] = {}
        self.access = self.start_isolate()

    def start_isolate(self) -> TenantAccess:
        """What another isolate of the same platform has."""
        clock, random = self.clock, self.random
        bundle = build_bundle(*self.script) | {
            name: BundledComponent(contract, f"sha256-of-{name}") for name, contract in self.contracts.items()
        }
        resolver = ComponentResolver(bundle, self.bucket, clock, self.background, self.registry, has_names=False)
        platform = Platform(
            resolver=resolver,
            runner=self.runner,
            http=self.cloudflare,
            ai=None,
            reaches_local=False,
            usage=UsageReporter(self.report, clock, self.background),
            clock=clock,
            random=random,
            background=self.background,
            build_cipher=DeskCipher,
            crypto=DeskCrypto(),
            cloudflare_api=BASE_URL,
            master_key=self.master_key,
            workspaces=TenantWorkspaces(self.workspace_of, self.master_key, DeskCipher, clock, random),
            limits=self.limits,
            lasting=self._build_lasting(),
            open_store=self.store_of,
        )
        accounts = AccountStore(self.accounts, self.master_key, DeskCipher, clock, random)
        tokens = WebhookTokens(self.master_key, DeskCipher, random)
        rate = RequestRate(
            self.requests,
            clock,
            self.background,
            a_minute=self.limits.requests_a_minute,
            burst=self.limits.burst_requests,
        )
        return TenantAccess(TenantResolver(accounts, clock), tokens, TenantServices(platform, tokens), rate)

    def _build_lasting(self) -> HostedLasting | None:
        if self.instances is None:
            return None
        return HostedLasting(self.instances, self.open_log, self.bucket, "https://executor.test")

    def store_of(self, tenant_id: str) -> FakeStore:
        return self.stores.setdefault(tenant_id, FakeStore(self.clock, tenant_id))

    def open_log(self, tenant_id: str) -> FakeChannel:
        return self.logs.setdefault(tenant_id, FakeRunLogs(self.clock, 1)).channel_of(0)

    async def run(self, run_id: str) -> None:
        """Run an instance to its end, as the platform would, if there is still anything to run."""
        assert self.instances is not None
        payload = self.instances.params[run_id]
        service = await find_service(self.access.find_service, self.open_log, self.clock, payload)
        if service is not None:
            await self.instances.run(service, run_id)

    async def register(self, letter: str) -> Tenant:
        registration = registration_of(letter)
        self.cloudflare.add_token(registration.token, registration.account_id)
        self.cloudflare.add_namespace(registration.account_id, registration.kv_namespace_id)
        tenant, self.keys[letter] = await self.store.register(registration)
        return tenant

    def workspace_of(self, tenant_id: str) -> FakeWorkspace:
        if tenant_id not in self.workspaces:
            self.workspaces[tenant_id] = FakeWorkspace(self.clock)
        return self.workspaces[tenant_id]

    def kv_of(self, letter: str) -> InMemoryKV:
        registration = registration_of(letter)
        return self.cloudflare.namespaces[registration.account_id, registration.kv_namespace_id]

    def store_credential(self, letter: str, name: str, secret: str) -> None:
        """As `acr creds push` does, with the tenant's own key."""
        self.kv_of(letter).upload(kv_key_of(name), seal(registration_of(letter).data_key, name, secret))

    def client(self, api_key: str | None = None, address: str = ADDRESS) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(
            build_app(self.access, "https://executor.test", MAIL_DOMAIN), raise_app_exceptions=False
        )
        headers = {"cf-connecting-ip": address, **({} if api_key is None else {"x-arcrun-api-key": api_key})}
        return httpx.AsyncClient(transport=transport, base_url="https://executor.test", headers=headers)

    async def ask(
        self, method: str, path: str, api_key: str | None, body: object = None, address: str = ADDRESS
    ) -> httpx.Response:
        async with self.client(api_key, address) as client:
            return await client.request(method, path, json=body)


async def build_hosted(script: Script, *letters: str, **options: object) -> HostedBench:
    bench = HostedBench(script, **options)  # type: ignore[arg-type]
    for letter in letters or ("a", "b"):
        await bench.register(letter)
    return bench
