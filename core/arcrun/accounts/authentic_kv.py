"""KeyValue in a tenant's own namespace that accepts only values written by the platform.

The tenant, and anyone with a token of its account, can write there. A compiled plan is trusted when it runs, so each
value starts with a MAC of its key and itself: HMAC-SHA256 in 64 hexadecimal digits. A value without a valid MAC counts
as missing. Metadata, which only the tenant's lists show, has none.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from arcrun.ports import KeyPage, KeyValue

MAC_DIGITS = 64


class AuthenticKV:
    """`mac_key` is specific to the tenant, derived from MASTER_KEY."""

    def __init__(self, kv: KeyValue, mac_key: bytes) -> None:
        self._kv, self._mac_key = kv, mac_key

    async def get(self, key: str) -> str | None:
        stored = await self._kv.get(key)
        if stored is None:
            return None
        mac, value = stored[:MAC_DIGITS], stored[MAC_DIGITS:]
        return value if hmac.compare_digest(mac.encode(), self._mac_of(key, value).encode()) else None

    async def put(
        self, key: str, value: str, *, ttl_s: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        await self._kv.put(key, self._mac_of(key, value) + value, ttl_s=ttl_s, metadata=metadata)

    async def delete(self, key: str) -> None:
        await self._kv.delete(key)

    async def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        return await self._kv.list(prefix, limit=limit, cursor=cursor)

    def _mac_of(self, key: str, value: str) -> str:
        content = f"{key}\0{value}".encode("utf-8", "replace")
        return hmac.new(self._mac_key, content, hashlib.sha256).hexdigest()
