"""The memory of components that are alive at once in one isolate: a call waits for room.

The platform gives an isolate 128 MB for everything. A component computes without a pause, so of those that do, one at a
time holds memory (`wait_for_room`). One that waits for a host function holds its own meanwhile (`hold`): those together
have less than the whole, so that there is always room for what computes on ordinary inputs.

What a call will take is not known before: it is estimated from its input, and corrected whenever it waits. A request
that the platform ends gives nothing back, so nothing counts for longer than it may.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from arcrun.limits import MAX_ALIVE_MEMORY_BYTES, MAX_MEMORY_PAGES, MAX_WAITING_MEMORY_BYTES, MIB
from arcrun.ports import Clock
from arcrun.wait_queue import Turns
from arcrun.wasm.abi import PAGE_BYTES

# Of what the built-in components take (benchmarks/components/fuel.py): at their start, and for a byte that they read.
START_BYTES, BYTES_A_BYTE = MIB, 8
SMALL_INPUT = 64 * 1024  # characters: what comes of them finds room beside anything
HELD_AT_MOST_MS = 120_000.0  # longer than any host function takes


def estimate_memory(characters: int) -> int:
    """The bytes that a call takes for an input, or for a reply, of so many characters."""
    return min(START_BYTES + BYTES_A_BYTE * characters, MAX_MEMORY_PAGES * PAGE_BYTES)


@dataclass(eq=False)
class Hold:
    """The memory of one component that waits or may wait."""

    name: str
    size: int
    until_ms: float


class MemoryQuota:
    """Of one isolate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: set[Hold] = set()
        self._turns = Turns(clock)
        self._seen: dict[str, int] = {}  # by component: there are as many as the isolate has code of

    @property
    def is_empty(self) -> bool:
        return not self._holds and not self._turns

    @property
    def held_bytes(self) -> int:
        return sum(hold.size for hold in self._holds)

    async def wait_for_room(self, size: int) -> None:
        """Until `size` bytes can be taken by something that computes without a pause. Who holds memory does not come
        before it; what is alone may take all that a component may have.
        """
        if self._has_room(size, MAX_ALIVE_MEMORY_BYTES):
            return
        await self._turns.wait(lambda: self._has_room(size, MAX_ALIVE_MEMORY_BYTES), in_order=False)

    @asynccontextmanager
    async def hold(self, name: str, characters: int) -> AsyncIterator[Hold]:
        """Around a call of the component `name` that may wait for the host, in the order of coming.

        It is taken for as large as its input says, or as the component was when it waited the last time.
        """
        size = max(estimate_memory(characters), self._seen.get(name, 0))
        if self._turns or not self._has_room(size, MAX_WAITING_MEMORY_BYTES):
            await self._turns.wait(lambda: self._has_room(size, MAX_WAITING_MEMORY_BYTES))
        hold = Hold(name, size, self._until_ms())
        self._holds.add(hold)
        try:
            yield hold
        finally:
            self._holds.discard(hold)

    def resize(self, hold: Hold, size: int, characters: int = 0) -> None:
        """A component waits with `size` bytes, or goes on with a reply of so many characters: it is counted with what
        that makes, and never waits for it.
        """
        if not characters:
            self._seen[hold.name] = size
        hold.size = size + (estimate_memory(characters) if characters else 0)
        hold.until_ms = self._until_ms()

    def _until_ms(self) -> float:
        return self._clock.now_ms() + HELD_AT_MOST_MS

    def _has_room(self, size: int, limit: int) -> bool:
        if not self._holds:
            return True
        if self.held_bytes + size <= limit:
            return True
        now_ms = self._clock.now_ms()
        self._holds = {hold for hold in self._holds if hold.until_ms > now_ms}
        return not self._holds or self.held_bytes + size <= limit
