"""Which tenant an API key or a webhook's token leads to, remembered for a moment by the isolate."""

from collections.abc import Awaitable, Callable

from arcrun.accounts.api_keys import hash_api_key
from arcrun.accounts.model import Tenant
from arcrun.accounts.store import AccountStore
from arcrun.caches import Cache
from arcrun.ports import Clock

# A revoked key opens nothing after at most this and the KV binding's own cache (KV_CACHE_S): 50 s together.
FRESH_MS = 20_000
KV_CACHE_S = 30  # the platform's shortest
UNKNOWN_FRESH_MS = 5_000  # a key that has just been made may have been tried before it could be seen here
MAX_KNOWN, MAX_UNKNOWN = 500, 1_000

Cached = Cache[tuple[float, Tenant | None]]


class TenantDirectory:
    """Keys are remembered by their SHA-256. Its methods raise NotConfiguredError, DecryptionError."""

    def __init__(self, accounts: AccountStore, clock: Clock) -> None:
        self._accounts, self._clock = accounts, clock
        self._known: Cached = Cache(MAX_KNOWN)
        self._unknown: Cached = Cache(MAX_UNKNOWN)  # by itself, so that nobody pushes the tenants out by guessing

    async def find_by_key(self, api_key: str) -> Tenant | None:
        sha256 = hash_api_key(api_key)
        tenant = await self._find(f"key:{sha256}", lambda: self._accounts.find_by_key(api_key))
        key = tenant.find_key(sha256) if tenant is not None else None
        return tenant if key is not None and key.is_valid(self._clock.now_ms()) else None

    async def find(self, tenant_id: str) -> Tenant | None:
        return await self._find(f"tenant:{tenant_id}", lambda: self._accounts.find(tenant_id))

    async def _find(self, name: str, look_up: Callable[[], Awaitable[Tenant | None]]) -> Tenant | None:
        now_ms = self._clock.now_ms()
        for cached, fresh_ms in ((self._known, FRESH_MS), (self._unknown, UNKNOWN_FRESH_MS)):
            kept_ms, tenant = cached.get(name, (now_ms - fresh_ms, None))
            if now_ms - kept_ms < fresh_ms:
                return tenant
            cached.pop(name)
        tenant = await look_up()
        cached = self._unknown if tenant is None else self._known
        cached.put(name, (now_ms, tenant))
        return tenant
