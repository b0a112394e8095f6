"""The auth service over fakes, and its HTTP face."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from arcrun.accounts.model import Registration
from arcrun.accounts.store import AccountStore
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.cloudflare.rest_client import CloudflareRestClient
from arcrun.run_log.protocol import RunLogObject
from arcrun.workspace.tenants import TenantWorkspaces
from auth.app import build_app
from auth.service import AccountService, Limits
from auth.token_check import TokenCheck
from fakes.cloudflare_rest.api import BASE_URL, CloudflareApiStandIn
from fakes.ports.cipher import DeskCipher
from fakes.ports.objects import FakeRunLogs, FakeWorkspace
from fakes.ports.rate_limiter import FakeRateLimiter
from fakes.ports.storage import InMemoryKV
from fakes.ports.stores import FakeStore
from fakes.ports.system import FixedClock, SeededRandom

ACCOUNT, OTHER_ACCOUNT = "a" * 32, "c" * 32
NAMESPACE, OTHER_NAMESPACE = "b" * 32, "d" * 32
TOKEN, DATA_KEY = "canary-cf-token-0123456789", base64.b64encode(b"canary-data-key-".ljust(32, b"k")).decode()
EMAIL = "canary.ada@example.com"
MASTER_KEY = base64.b64encode(b"m" * 32).decode()
BODY = {"email": EMAIL, "account_id": ACCOUNT, "kv_namespace_id": NAMESPACE}
HEADERS = {"CF-Api-Token": TOKEN, "X-Arcrun-Data-Key": DATA_KEY}


@dataclass
class Bench:
    """`kv` is ACCOUNTS_KV. One account with one namespace and a token that may edit KV is there."""

    clock: FixedClock = field(default_factory=FixedClock)
    master_key: str | None = MASTER_KEY
    registrations_a_minute: int = 10
    requests_a_minute: int = 120

    def __post_init__(self) -> None:
        self.kv, self.random = InMemoryKV(self.clock), SeededRandom()
        self.cloudflare = CloudflareApiStandIn(self.clock)
        self.cloudflare.add_token(TOKEN, ACCOUNT)
        self.tenant_kv = self.cloudflare.add_namespace(ACCOUNT, NAMESPACE)
        self.registrations = FakeRateLimiter(self.clock, self.registrations_a_minute)
        self.requests = FakeRateLimiter(self.clock, self.requests_a_minute)
        accounts = AccountStore(self.kv, self.master_key, DeskCipher, self.clock, self.random)
        self.workspaces: dict[str, FakeWorkspace] = {}
        workspaces = TenantWorkspaces(self.workspace_of, self.master_key, DeskCipher, self.clock, self.random)
        limits = Limits(self.registrations, self.requests)
        self.logs: dict[str, FakeRunLogs] = {}
        self.stores: dict[str, FakeStore] = {}
        service = AccountService(
            *(accounts, workspaces, self._build_check, limits), open_log=self.log_of, open_store=self.store_of
        )
        self.app = build_app(service)

    def log_of(self, tenant_id: str) -> RunLogObject:
        return self.logs.setdefault(tenant_id, FakeRunLogs(self.clock, 1)).first

    def store_of(self, tenant_id: str) -> FakeStore:
        return self.stores.setdefault(tenant_id, FakeStore(self.clock, tenant_id))

    def workspace_of(self, tenant_id: str) -> FakeWorkspace:
        return self.workspaces.setdefault(tenant_id, FakeWorkspace())

    def _build_check(self, registration: Registration) -> TokenCheck:
        access = ApiAccess(BASE_URL, registration.account_id, registration.token)
        client = CloudflareRestClient(self.cloudflare, self.clock, self.random, access)
        return TokenCheck(client, registration.kv_namespace_id, self.random)

    def client(self, api_key: str | None = None, address: str = "192.0.2.1") -> httpx.AsyncClient:
        headers = {"CF-Connecting-IP": address, **({} if api_key is None else {"X-Arcrun-API-Key": api_key})}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="https://auth.test", headers=headers)

    async def register(
        self, body: Mapping[str, object] = BODY, headers: Mapping[str, str] = HEADERS, address: str = "192.0.2.1"
    ) -> httpx.Response:
        async with self.client(address=address) as client:
            return await client.post("/register", json=body, headers=headers)

    async def ask(self, method: str, path: str, api_key: str | None) -> httpx.Response:
        async with self.client(api_key) as client:
            return await client.request(method, path)

    async def register_key(self) -> str:
        """The API key of a new registration."""
        key: str = (await self.register()).json()["data"]["api_key"]
        return key
