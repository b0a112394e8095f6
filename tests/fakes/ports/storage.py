"""KeyValue and BlobStore in memory, with the limits of Workers KV and R2.

A broken limit raises PlatformLimitError, which is no ArcrunError: on the platform it would be a JavaScript exception,
and nothing in arcrun may rely on catching it.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.errors import build_cursor_error
from arcrun.ports import Blob, Clock, KeyEntry, KeyPage
from fakes.ports.system import FixedClock

MAX_KV_KEY_BYTES = 512
MAX_KV_VALUE_BYTES = 25 * 1024 * 1024
MIN_KV_TTL_S = 60
MAX_KV_METADATA_BYTES = 1024
MAX_KV_PAGE = 1000
MAX_R2_KEY_BYTES = 1024
MAX_R2_DELETED = 1000
R2_WRITE_INTERVAL_MS = 1_000


class PlatformLimitError(Exception):
    """What the platform refuses."""


@dataclass
class _Entry:
    value: str
    expires_ms: float | None
    metadata: Mapping[str, Any] | None = None


class InMemoryKV:
    """`reads` and `writes` list the keys asked for, in order."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._entries: dict[str, _Entry] = {}
        self.reads: list[str] = []
        self.writes: list[str] = []

    @property
    def keys(self) -> list[str]:
        return sorted(self._entries)

    async def get(self, key: str) -> str | None:
        _check_kv_key(key)
        self.reads.append(key)
        await asyncio.sleep(0)  # other tasks run while a real call is under way
        entry = self._entries.get(key)
        if entry is None or (entry.expires_ms is not None and entry.expires_ms <= self._clock.now_ms()):
            return None
        return entry.value

    async def put(
        self, key: str, value: str, *, ttl_s: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        _check_kv_key(key)
        size = len(value.encode())
        if size > MAX_KV_VALUE_BYTES:
            raise PlatformLimitError(f"413: a value of {size} bytes")
        if ttl_s is not None and ttl_s < MIN_KV_TTL_S:
            raise PlatformLimitError(f"400: expiration_ttl of {ttl_s} s, less than {MIN_KV_TTL_S}")
        metadata_size = (
            0
            if metadata is None
            else len(
                json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
            )
        )
        if metadata_size > MAX_KV_METADATA_BYTES:
            raise PlatformLimitError(f"413: metadata of {metadata_size} bytes")
        self.writes.append(key)
        await asyncio.sleep(0)
        expires_ms = None if ttl_s is None else self._clock.now_ms() + ttl_s * 1000
        self._entries[key] = _Entry(value, expires_ms, metadata)

    def upload(self, key: str, value: str) -> None:
        """What happens outside the Worker."""
        self._entries[key] = _Entry(value, None)

    async def delete(self, key: str) -> None:
        _check_kv_key(key)
        await asyncio.sleep(0)
        self._entries.pop(key, None)

    async def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        if not 1 <= limit <= MAX_KV_PAGE:
            raise PlatformLimitError(f"400: a limit of {limit}")
        await asyncio.sleep(0)
        now_ms = self._clock.now_ms()
        matching = [
            KeyEntry(key, entry.metadata)
            for key, entry in sorted(self._entries.items(), key=lambda item: item[0].encode())
            if key.startswith(prefix) and (entry.expires_ms is None or entry.expires_ms > now_ms)
        ]
        if cursor is not None and not cursor.isdecimal():
            raise build_cursor_error()
        start = int(cursor or 0)
        end = start + limit
        return KeyPage(tuple(matching[start:end]), str(end) if end < len(matching) else None)


class ShuffledKV(InMemoryKV):
    """Each call waits for as many turns of the loop as the seed says."""

    def __init__(self, clock: Clock, seed: int) -> None:
        super().__init__(clock)
        self._turns = random.Random(seed)

    async def get(self, key: str) -> str | None:
        await self._wait()
        return await super().get(key)

    async def put(self, key: str, value: str, **options: Any) -> None:
        await self._wait()
        await super().put(key, value, **options)

    async def _wait(self) -> None:
        for _ in range(self._turns.choice([0, 1, 4, 40])):
            await asyncio.sleep(0)


def _check_kv_key(key: str) -> None:
    if key in ("", ".", ".."):
        raise PlatformLimitError(f"400: the key {key!r} is not allowed")
    size = len(key.encode())
    if size > MAX_KV_KEY_BYTES:
        raise PlatformLimitError(f"414: a key of {size} bytes")


class InMemoryR2:
    """`reads` lists every call as "get KEY" or "head KEY". `upload` is what happens outside the Worker.

    `clock` is the time of the one write a second that R2 allows for each key from a Worker.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._objects: dict[str, bytes] = {}
        self._written_ms: dict[str, float] = {}
        self.reads: list[str] = []

    @property
    def objects(self) -> Mapping[str, bytes]:
        return self._objects

    @property
    def keys(self) -> list[str]:
        return sorted(self._objects)

    def upload(self, key: str, content: bytes) -> None:
        _check_r2_key(key)
        self._objects[key] = content

    def remove(self, key: str) -> None:
        del self._objects[key]

    async def get(self, key: str) -> Blob | None:
        content = await self._read("get", key)
        return None if content is None else Blob(content, _etag(content))

    async def etag(self, key: str) -> str | None:
        content = await self._read("head", key)
        return None if content is None else _etag(content)

    async def put(self, key: str, content: bytes) -> None:
        _check_r2_key(key)
        await asyncio.sleep(0)
        now_ms = self._clock.now_ms()
        if now_ms - self._written_ms.get(key, -R2_WRITE_INTERVAL_MS) < R2_WRITE_INTERVAL_MS:
            raise PlatformLimitError(f"429: a second write of {key} within a second")
        self._written_ms[key] = now_ms
        self._objects[key] = content

    async def delete(self, keys: Sequence[str]) -> None:
        if len(keys) > MAX_R2_DELETED:
            raise PlatformLimitError(f"400: {len(keys)} keys to delete")
        await asyncio.sleep(0)
        for key in keys:
            self._objects.pop(key, None)

    async def list(self, prefix: str) -> Sequence[str]:
        await asyncio.sleep(0)
        return [key for key in self.keys if key.startswith(prefix)][:MAX_R2_DELETED]

    async def _read(self, operation: str, key: str) -> bytes | None:
        _check_r2_key(key)
        self.reads.append(f"{operation} {key}")
        await asyncio.sleep(0)
        return self._objects.get(key)


def _check_r2_key(key: str) -> None:
    size = len(key.encode())
    if not 0 < size <= MAX_R2_KEY_BYTES:
        raise PlatformLimitError(f"400: a key of {size} bytes")


def _etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
