"""What the access keys of requests may do, with a short-lived cache in the isolate, which has keys by SHA-256."""

from arcrun.accounts.api_keys import hash_api_key
from arcrun.errors import UnauthorizedError
from arcrun.rights import Grant
from executor.keys.recent import Recent
from executor.service import ExecutorService


class Grants:
    def __init__(self) -> None:
        self._recent: Recent[Grant] = Recent()

    async def find(self, service: ExecutorService, key: str) -> Grant:
        """What `key`, an access key of the service's account, may do. Raises UnauthorizedError."""
        now_ms = service.audit.clock.now_ms()
        grant = await self._recent.find(hash_api_key(key), now_ms, lambda: service.keys.find(key))
        if grant is None:
            raise UnauthorizedError
        return grant
