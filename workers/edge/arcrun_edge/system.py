"""Clock and Random over the platform's own. Time advances across I/O only, as the platform has it."""

import asyncio
import secrets
import time

import js


class SystemClock:
    def now_ms(self) -> float:
        return time.time() * 1000

    async def sleep(self, duration_ms: float) -> None:
        await asyncio.sleep(duration_ms / 1000)

    async def pause(self) -> None:
        # Not asyncio's: its shortest sleeps are messages, which come before other requests.
        await js.scheduler.wait(1)


class SystemRandom:
    """Draws from the platform 4 KiB at a time: each draw crosses to JavaScript."""

    def __init__(self) -> None:
        self._drawn = b""

    def token_bytes(self, count: int) -> bytes:
        if len(self._drawn) < count:
            self._drawn = secrets.token_bytes(max(count, 4096))
        taken, self._drawn = self._drawn[:count], self._drawn[count:]
        return taken
