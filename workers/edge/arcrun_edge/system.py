"""Clock and Random over the platform's own. Time advances across I/O only, as the platform has it."""

import asyncio
import secrets
import time

import js


class _Stretches:
    """Of the isolate: how many have begun after a pause."""

    begun = 0


class SystemClock:
    def now_ms(self) -> float:
        return time.time() * 1000

    async def sleep(self, duration_ms: float) -> None:
        await asyncio.sleep(duration_ms / 1000)

    async def pause(self) -> None:
        """One stretch of work between two timers, whosever it is: where others have worked meanwhile, it waits again.

        Else ten requests that do 100 ms each would all have their turn before one that has just come. Each waits for
        timers of its own, for no request can wake another; who has waited longest is the first.
        """
        while True:
            before = _Stretches.begun
            await js.scheduler.wait(1)  # not asyncio's: its shortest sleeps are messages, which come before requests
            if _Stretches.begun == before:
                _Stretches.begun += 1
                return


class SystemRandom:
    """Draws from the platform 4 KiB at a time: each draw crosses to JavaScript."""

    def __init__(self) -> None:
        self._drawn = b""

    def token_bytes(self, count: int) -> bytes:
        if len(self._drawn) < count:
            self._drawn = secrets.token_bytes(max(count, 4096))
        taken, self._drawn = self._drawn[:count], self._drawn[count:]
        return taken
