"""Background whose work a test waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class FakeBackground:
    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def finish(self) -> None:
        """Until all work that was started has ended."""
        while self._tasks:
            await self._tasks.pop(0)

    @property
    def is_idle(self) -> bool:
        return not self._tasks

    def drop(self) -> None:
        """End all work as the platform does when a request is cancelled."""
        while self._tasks:
            self._tasks.pop().cancel()
