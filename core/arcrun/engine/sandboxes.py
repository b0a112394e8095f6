"""How many sandboxes a run has work in at once: the platform ends what goes beyond.

It counts the distinct Workers of the Worker Loader that have a call under way for one request; several calls of one
Worker count as one. https://developers.cloudflare.com/dynamic-workers/platform/limits/

Locally all isolates share one thread, so calls of a run that are made beside each other begin one after the other, with
a pause before each: they would compute in one stretch.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arcrun.limits import MAX_RUN_SANDBOXES
from arcrun.ports import Clock


class SandboxTurns:
    """Of a run, its loops and sub-workflows. Who finds no place waits, and gets one in the order of coming."""

    def __init__(self, limit: int = MAX_RUN_SANDBOXES) -> None:
        self._limit = limit
        self._calls: Counter[str] = Counter()  # under way, by sandbox
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._beginning = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, sandbox: str, clock: Clock) -> AsyncIterator[None]:
        """Around a call in `sandbox`. All of this is one request's, so one of its tasks may wake another."""
        if self._may_enter(sandbox):
            self._calls[sandbox] += 1
        else:
            await self._wait(sandbox)
        try:
            if self._calls.total() > 1:
                async with self._beginning:
                    await clock.pause()
            yield
        finally:
            self._leave(sandbox)

    def _may_enter(self, sandbox: str) -> bool:
        return sandbox in self._calls or len(self._calls) < self._limit

    async def _wait(self, sandbox: str) -> None:
        entry = sandbox, asyncio.get_running_loop().create_future()
        self._waiting.append(entry)
        try:
            await entry[1]
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            else:  # it had got its place in the same moment
                self._leave(sandbox)
            raise

    def _leave(self, sandbox: str) -> None:
        self._calls[sandbox] -= 1
        if not self._calls[sandbox]:
            del self._calls[sandbox]
        while self._waiting and self._may_enter(self._waiting[0][0]):
            name, place = self._waiting.popleft()
            self._calls[name] += 1
            place.set_result(None)
