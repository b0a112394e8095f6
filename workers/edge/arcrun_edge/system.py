"""Clock and Random over the platform's. As on the platform, time advances only across I/O."""

import asyncio
import secrets
import time

import js


class _Stretches:
    """The number of stretches of work that have begun after a pause, in this isolate."""

    begun = 0


class SystemClock:
    def now_ms(self) -> float:
        return time.time() * 1000

    async def sleep(self, duration_ms: float) -> None:
        await asyncio.sleep(duration_ms / 1000)

    async def pause(self) -> None:
        """Wait until no other stretch of work has begun between two timers, so that only one begins after each timer.

        Otherwise ten requests that work for 100 ms each would all run before one that has just arrived. Each waits for
        its own timers, because no request can wake another; the one that has waited longest is first.
        """
        while True:
            before = _Stretches.begun
            await js.scheduler.wait(1)  # asyncio's shortest sleeps are messages, which are handled before requests
            await js.scheduler.wait(0)  # the first may be due just when a request has begun: let its answer leave
            if _Stretches.begun == before:
                _Stretches.begun += 1
                return


class SystemRandom:
    """Draws 4 KiB at a time, because each draw crosses into JavaScript."""

    def __init__(self) -> None:
        self._drawn = b""

    def token_bytes(self, count: int) -> bytes:
        if len(self._drawn) < count:
            self._drawn = secrets.token_bytes(max(count, 4096))
        taken, self._drawn = self._drawn[:count], self._drawn[count:]
        return taken
