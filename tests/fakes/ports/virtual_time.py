"""Time that passes only while everything waits: a test of an hour's delay ends at once, and exactly an hour later."""

import asyncio
import selectors
from typing import Any

from fakes.ports.system import START_MS


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer as soon as nothing else is left to do."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        super().__init__(_SkippingSelector(self))

    def time(self) -> float:
        return self._elapsed_s

    def skip(self, duration_s: float) -> None:
        self._elapsed_s += duration_s


class _SkippingSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everything waits for something that never comes")
        if timeout <= 0:
            return []  # there is more to do at once: what happens outside is looked for when all wait
        events = super().select(0)
        if not events:
            self._loop.skip(timeout)
        return events


class VirtualClock:
    """The Clock of a VirtualTimeLoop."""

    def now_ms(self) -> float:
        return START_MS + round(asyncio.get_running_loop().time() * 1000, 6)

    async def sleep(self, duration_ms: float) -> None:
        await asyncio.sleep(duration_ms / 1000)

    async def pause(self) -> None:
        await asyncio.sleep(0)
