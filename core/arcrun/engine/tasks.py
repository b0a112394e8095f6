"""How many tasks of a run there are at once, and how many of them call a component.

All tasks are ended in one stretch when the run is over. A loop of 64 elements at a time, in one of 64, in another,
would have 262,144; no more than a run's `concurrency` of them call components at once.
"""

import asyncio
from collections import deque
from typing import Any

from arcrun.limits import MAX_RUN_TASKS


class RunTasks:
    """Of a run, its loops and sub-workflows. Who gets no task does its work in its own, one piece after the other."""

    def __init__(self, limit: int = MAX_RUN_TASKS) -> None:
        self._left = limit

    def count(self, task: asyncio.Task[Any]) -> None:
        """Until it is done. Ask `has_room` before."""
        self._left -= 1
        task.add_done_callback(self._give_back)

    @property
    def has_room(self) -> bool:
        return self._left > 0

    def _give_back(self, _task: object) -> None:
        self._left += 1


class Slots:
    """For the calls that a run makes at once. Take one by `take_free`, or wait for one, and give it back.

    It is an asyncio.Semaphore for which most who come need not wait, nor pay for it.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_free(self) -> bool:
        """Whether there was one that nobody waits for."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """In the order of coming."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had got its slot in the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """To who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
