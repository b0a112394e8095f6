"""KeyValue over a Workers KV binding."""

from typing import Any


class CloudflareKV:
    def __init__(self, binding: Any) -> None:
        self._kv = binding

    async def get(self, key: str) -> str | None:
        value = await self._kv.get(key)
        return value if isinstance(value, str) else None

    async def put(self, key: str, value: str, *, ttl_s: int | None = None) -> None:
        if ttl_s is None:
            await self._kv.put(key, value)
        else:
            await self._kv.put(key, value, expirationTtl=ttl_s)

    async def delete(self, key: str) -> None:
        await self._kv.delete(key)
