"""What the access keys of requests may do, with a short-lived cache in the isolate, which has keys by SHA-256."""

from arcrun.accounts.api_keys import hash_api_key
from arcrun.caches import Cache
from arcrun.errors import UnauthorizedError
from arcrun.rights import Grant
from executor.service import ExecutorService

# A revoked key stops working after at most this, as a tenant's own key does.
FRESH_MS = 20_000
UNKNOWN_FRESH_MS = 5_000
MAX_KNOWN, MAX_UNKNOWN = 500, 1_000


class Grants:
    def __init__(self) -> None:
        self._known: Cache[tuple[float, Grant | None]] = Cache(MAX_KNOWN)
        self._unknown: Cache[tuple[float, Grant | None]] = Cache(MAX_UNKNOWN)  # guessed keys evict no others

    async def find(self, service: ExecutorService, key: str) -> Grant:
        """What `key`, an access key of the service's account, may do. Raises UnauthorizedError."""
        sha256, now_ms = hash_api_key(key), service.audit.clock.now_ms()
        for cached, fresh_ms in ((self._known, FRESH_MS), (self._unknown, UNKNOWN_FRESH_MS)):
            kept_ms, grant = cached.get(sha256, (now_ms - fresh_ms, None))
            if now_ms - kept_ms < fresh_ms:
                return _require(grant)
            cached.pop(sha256)
        grant = await service.keys.find(key)
        (self._unknown if grant is None else self._known).put(sha256, (now_ms, grant))
        return _require(grant)


def _require(grant: Grant | None) -> Grant:
    if grant is None:
        raise UnauthorizedError
    return grant
