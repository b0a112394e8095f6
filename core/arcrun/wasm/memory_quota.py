"""Limits the memory of components that are alive at once in one isolate: calls wait for room.

The platform gives an isolate 128 MB for everything. A component computes without a pause, so only one computing
component at a time holds memory (`wait_for_room`). One that waits for a host function holds its own meanwhile (`hold`);
those together have less than the whole, so that there is always room to compute on ordinary inputs.

The memory of a call is not known before: it is estimated from its input, and corrected whenever it waits. A request
that the platform ends gives nothing back, so nothing counts longer than its limit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from arcrun.limits import MAX_ALIVE_MEMORY_BYTES, MAX_MEMORY_PAGES, MAX_WAITING_MEMORY_BYTES, MIB
from arcrun.ports import Clock
from arcrun.wait_queue import Turns
from arcrun.wasm.abi import PAGE_BYTES

# Measured for the built-in components (benchmarks/components/fuel.py): at their start, and per byte of input.
START_BYTES, BYTES_A_BYTE = MIB, 8
SMALL_INPUT = 64 * 1024  # characters: inputs up to this size always find room
HELD_AT_MOST_MS = 120_000.0  # longer than any host function takes


def estimate_memory(characters: int) -> int:
    """The bytes that a call takes for an input or a reply of `characters` characters."""
    return min(START_BYTES + BYTES_A_BYTE * characters, MAX_MEMORY_PAGES * PAGE_BYTES)


@dataclass(eq=False)
class Hold:
    """The memory of one component that waits or may wait."""

    name: str
    size: int
    until_ms: float


class MemoryQuota:
    """The memory of components in one isolate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: set[Hold] = set()
        self._turns = Turns(clock)
        self._seen: dict[str, int] = {}  # by component, for those whose code the isolate has

    @property
    def is_empty(self) -> bool:
        return not self._holds and not self._turns

    @property
    def held_bytes(self) -> int:
        return sum(hold.size for hold in self._holds)

    async def wait_for_room(self, size: int) -> None:
        """Wait until a component that computes without a pause may take `size` bytes. It takes precedence over `hold`;
        alone it may take the maximum of a component.
        """
        if self._has_room(size, MAX_ALIVE_MEMORY_BYTES):
            return
        await self._turns.wait(lambda: self._has_room(size, MAX_ALIVE_MEMORY_BYTES), in_order=False)

    @asynccontextmanager
    async def hold(self, name: str, characters: int) -> AsyncIterator[Hold]:
        """Surround a call of the component `name` that may wait for the host, in order of arrival.

        Its size is estimated from its input, or is the component's size when it last waited.
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
        """Count a component that waits with `size` bytes, or continues with a reply of `characters` characters. It
        never waits for room.
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
