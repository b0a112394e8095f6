"""Clock and Random that a test controls."""

import asyncio
import random

START_MS = 1_790_000_000_000.0  # 2026-09-21T14:13:20Z


class FixedClock:
    """Stands still but for `sleep` and `advance`. `slept_ms` lists what was asked of `sleep`."""

    def __init__(self, now_ms: float = START_MS) -> None:
        self._now_ms = now_ms
        self.slept_ms: list[float] = []

    def now_ms(self) -> float:
        return self._now_ms

    async def sleep(self, duration_ms: float) -> None:
        self.slept_ms.append(duration_ms)
        self._now_ms += duration_ms
        await asyncio.sleep(0)

    async def pause(self) -> None:
        await asyncio.sleep(0)

    def advance(self, duration_ms: float) -> None:
        self._now_ms += duration_ms


class SeededRandom:
    """The same bytes in every test run."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)
