"""A queue of requests that wait for a resource of the isolate, in order of arrival.

On the platform no request can wake another, so waiting requests poll with a real timer. A request that the platform has
ended just stops polling, and is removed from the queue after a while.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from arcrun.ports import Clock

ASK_MS = 5.0
FORGOTTEN_MS = 1_000.0  # a request that has not polled for so long was ended


@dataclass(eq=False)
class _Ticket:
    asked_ms: float


class Turns:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: list[_Ticket] = []

    def __len__(self) -> int:
        return len(self._queue)

    async def wait(self, may_go: Callable[[], bool], *, in_order: bool = True) -> None:
        """Wait until `may_go` and no earlier request waits. Without `in_order`, others may overtake."""
        with self._queued() as ticket:
            while (in_order and self._first() is not ticket) or not may_go():
                await self._clock.sleep(ASK_MS)
                ticket.asked_ms = self._clock.now_ms()
                if ticket not in self._queue:  # it was considered ended: the isolate had computed for that long
                    self._queue.append(ticket)

    @contextmanager
    def _queued(self) -> Iterator[_Ticket]:
        ticket = _Ticket(self._clock.now_ms())
        self._queue.append(ticket)
        try:
            yield ticket
        finally:
            if ticket in self._queue:
                self._queue.remove(ticket)

    def _first(self) -> _Ticket:
        """The first request that still polls."""
        now_ms = self._clock.now_ms()
        while now_ms - self._queue[0].asked_ms > FORGOTTEN_MS:
            del self._queue[0]
        return self._queue[0]
