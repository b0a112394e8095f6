"""KeyValue over a Workers KV binding."""

import json
from collections.abc import Mapping
from typing import Any

import js
from pyodide.ffi import JsException

from arcrun.errors import build_cursor_error
from arcrun.ports import KeyPage, read_entry
from arcrun_edge.faults import build_fault, naming_faults
from arcrun_edge.javascript import to_object


class CloudflareKV:
    """`cache_s` is how long a location may answer reads from its cache, in seconds: at least 30, by default 60."""

    def __init__(self, binding: Any, cache_s: int | None = None) -> None:
        self._kv, self._cache_s = binding, cache_s

    async def get(self, key: str) -> str | None:
        options = () if self._cache_s is None else (to_object({"cacheTtl": self._cache_s}),)
        with naming_faults("Workers KV"):
            value = await self._kv.get(key, *options)
        return value if isinstance(value, str) else None

    async def put(
        self, key: str, value: str, *, ttl_s: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        options: dict[str, Any] = {} if ttl_s is None else {"expirationTtl": ttl_s}
        if metadata is not None:
            options["metadata"] = metadata
        with naming_faults("Workers KV"):
            await self._kv.put(key, value, to_object(options))

    async def delete(self, key: str) -> None:
        with naming_faults("Workers KV"):
            await self._kv.delete(key)

    async def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        options: dict[str, Any] = {"prefix": prefix, "limit": limit}
        if cursor is not None:
            options["cursor"] = cursor
        try:
            listed = await self._kv.list(to_object(options))
        except JsException as error:
            if cursor is not None:
                raise build_cursor_error() from None
            raise build_fault("Workers KV", error, "STORAGE_FAILED") from None
        found = json.loads(js.JSON.stringify(listed))
        entries = tuple(read_entry(item) for item in found["keys"])
        return KeyPage(entries, None if found["list_complete"] else found["cursor"])
