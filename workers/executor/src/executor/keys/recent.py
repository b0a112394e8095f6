"""What was looked up a moment ago for what requests present, in the isolate."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from arcrun.caches import Cache

# What is revoked stops working after at most this, plus what the storage itself keeps.
FRESH_MS = 20_000
UNKNOWN_FRESH_MS = 5_000  # what is new may have been tried before it was visible here
MAX_KNOWN, MAX_UNKNOWN = 500, 1_000
Found = TypeVar("Found")


class Recent(Generic[Found]):
    """Look-ups by name, also those that found nothing."""

    def __init__(self) -> None:
        self._known: Cache[tuple[float, Found | None]] = Cache(MAX_KNOWN)
        self._unknown: Cache[tuple[float, Found | None]] = Cache(MAX_UNKNOWN)  # guesses evict none

    async def find(self, name: str, now_ms: float, look_up: Callable[[], Awaitable[Found | None]]) -> Found | None:
        for cached, fresh_ms in ((self._known, FRESH_MS), (self._unknown, UNKNOWN_FRESH_MS)):
            kept_ms, found = cached.get(name, (now_ms - fresh_ms, None))
            if now_ms - kept_ms < fresh_ms:
                return found
            cached.pop(name)
        found = await look_up()
        (self._unknown if found is None else self._known).put(name, (now_ms, found))
        return found
