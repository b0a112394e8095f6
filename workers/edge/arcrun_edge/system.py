"""Clock and Random over the platform's own. Time advances across I/O only, as the platform has it."""

import asyncio
import secrets
import time


class SystemClock:
    def now_ms(self) -> float:
        return time.time() * 1000

    async def sleep(self, duration_ms: float) -> None:
        await asyncio.sleep(duration_ms / 1000)


class SystemRandom:
    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
