"""RateLimiter in memory: a window that begins anew every `period_s`, as Miniflare's does."""

import asyncio
from collections import Counter

from fakes.ports.system import FixedClock


class FakeRateLimiter:
    """`taken` lists the keys asked for."""

    def __init__(self, clock: FixedClock, limit: int, period_s: int = 60) -> None:
        self._clock, self._limit, self.period_s = clock, limit, period_s
        self._counts: Counter[tuple[int, str]] = Counter()
        self.taken: list[str] = []

    async def take(self, key: str) -> bool:
        await asyncio.sleep(0)
        self.taken.append(key)
        window = int(self._clock.now_ms() // (self.period_s * 1000))
        self._counts[window, key] += 1
        return self._counts[window, key] <= self._limit
