"""Limits the memory of components that are alive at once in one isolate: calls wait for room.

The platform gives an isolate 128 MB for everything. A component computes without a pause, so besides those that wait
for a host function only one is alive, the one that computes (`wait_for_room`). What waits is counted (`hold`) by the
size that its memory has, exactly. Two kinds are apart, of MAX_WAITING_MEMORY_BYTES each: those of at most SMALL_BYTES,
and larger ones. So a large one that waits for a slow host keeps no small one out, and many small ones leave room to
compute on the largest input.

What a call takes is not known before it waits: it is estimated from its input, and by what calls of its kind had
before. One that has grown too large for what else is alive, or that leaves small ones too little, may not wait at all,
as only its end gives the memory back. A request that the platform ends gives nothing back, so nothing counts longer
than its limit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from arcrun.limits import (
    MAX_ALIVE_MEMORY_BYTES,
    MAX_LARGE_WAITING_BYTES,
    MAX_MEMORY_PAGES,
    MAX_WAITING_MEMORY_BYTES,
    MIB,
)
from arcrun.ports import Clock
from arcrun.wait_queue import Turns
from arcrun.wasm.abi import PAGE_BYTES

# Measured for the built-in components (benchmarks/components/fuel.py): at their start, and per byte of input, at most
# while they compute, and mostly while they wait.
START_BYTES, BYTES_A_BYTE, WAITING_BYTES_A_BYTE = MIB, 8, 3
SMALL_INPUT = 64 * 1024  # characters: inputs up to this size always find room
SMALL_BYTES = 2 * MIB  # the memory of a small call of any built-in component
HELD_AT_MOST_MS = 120_000.0  # longer than any host function takes
MAX_KINDS = 500  # of which the size is remembered


def estimate_memory(characters: int) -> int:
    """The bytes that a call takes at most for an input or a reply of `characters` characters."""
    return min(START_BYTES + BYTES_A_BYTE * characters, MAX_MEMORY_PAGES * PAGE_BYTES)


@dataclass(eq=False)
class Hold:
    """The memory of one component that waits or may wait. `expected` is what its input alone makes it take."""

    kind: str
    expected: int
    size: int
    until_ms: float


class MemoryQuota:
    """The memory of components in one isolate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: set[Hold] = set()
        self._turns = {True: Turns(clock), False: Turns(clock)}  # of small ones and of large ones
        self._grown: dict[str, int] = {}  # beyond what was expected, by kind of call, when one last waited

    @property
    def is_empty(self) -> bool:
        return not self._holds and not any(self._turns.values())

    @property
    def held_bytes(self) -> int:
        return sum(hold.size for hold in self._holds)

    async def wait_for_room(self, size: int) -> None:
        """Wait until a component that computes without a pause may take `size` bytes. It takes precedence over `hold`;
        alone it may take the maximum of a component.
        """
        if self._has_room(size):
            return
        await self._turns[False].wait(lambda: self._has_room(size), in_order=False)

    @asynccontextmanager
    async def hold(self, kind: str, characters: int) -> AsyncIterator[Hold]:
        """Surround a call that may wait for the host, in order of arrival among small ones or among large ones.

        Its size is estimated from its input, and by how much more a call of its `kind` had when that last waited.
        """
        expected = START_BYTES + WAITING_BYTES_A_BYTE * characters
        size = expected + self._grown.get(kind, 0)
        most = min(max(estimate_memory(characters), size), MAX_ALIVE_MEMORY_BYTES - MAX_WAITING_MEMORY_BYTES)
        turns = self._turns[size <= SMALL_BYTES]
        if turns or not self._may_start(size, most):
            await turns.wait(lambda: self._may_start(size, most))
        hold = Hold(kind, expected, size, self._until_ms())
        self._holds.add(hold)
        try:
            yield hold
        finally:
            self._holds.discard(hold)

    def wait(self, hold: Hold, size: int) -> bool:
        """Count a component that waits with `size` bytes. Returns whether it may: False if the isolate is full."""
        self._grown.pop(hold.kind, None)
        if size > hold.expected:
            self._grown[hold.kind] = size - hold.expected
        if len(self._grown) > MAX_KINDS:
            del self._grown[next(iter(self._grown))]
        hold.size, hold.until_ms = size, self._until_ms()
        if size > SMALL_BYTES and self._sum(is_small=False) > MAX_LARGE_WAITING_BYTES and not self._forget_ended():
            return False
        return self._has_room(0)

    def go_on(self, hold: Hold, characters: int) -> None:
        """Count a component that goes on with a reply of `characters` characters. It never waits for room."""
        hold.size += estimate_memory(characters)
        hold.until_ms = self._until_ms()

    def _until_ms(self) -> float:
        return self._clock.now_ms() + HELD_AT_MOST_MS

    def _may_start(self, size: int, most: int) -> bool:
        """Whether a call that will wait with some `size` bytes, and computes with `most`, finds room."""
        return self._has_room(most) and (self._fits_kind(size) or (self._forget_ended() and self._fits_kind(size)))

    def _fits_kind(self, size: int) -> bool:
        alike = self._sum(is_small=size <= SMALL_BYTES)
        return not alike or alike + size <= MAX_WAITING_MEMORY_BYTES

    def _sum(self, *, is_small: bool) -> int:
        return sum(hold.size for hold in self._holds if (hold.size <= SMALL_BYTES) is is_small)

    def _has_room(self, size: int) -> bool:
        return self._fits(size) or (self._forget_ended() and self._fits(size))

    def _fits(self, size: int) -> bool:
        return not self._holds or self.held_bytes + size <= MAX_ALIVE_MEMORY_BYTES

    def _forget_ended(self) -> bool:
        """Drop what counts for longer than anything waits. Returns whether there was such."""
        now_ms, count = self._clock.now_ms(), len(self._holds)
        self._holds = {hold for hold in self._holds if hold.until_ms > now_ms}
        return len(self._holds) < count
