"""Limits the large bodies that an isolate holds at once: a request waits for room before its body is read.

Large bodies are read, parsed and run one after the other, which bounds memory and lets other requests in between. Small
bodies never wait. A body counts until its request is answered, for HELD_AT_MOST_MS at most: others do not wait for a
run that waits for a service, or for a slow upload.
"""

from arcrun.errors import RateLimitedError
from arcrun.limits import MAX_LARGE_BODIES_BYTES, MAX_WAITING_BODIES, SMALL_BODY_BYTES
from arcrun.ports import Clock
from arcrun.wait_queue import Turns

HELD_AT_MOST_MS = 5_000.0
RETRY_AFTER_S = 5


class BodyHold:
    """The share of the quota that one request holds: `size` bytes. `is_lasting` if it outlives the adapter's call,
    because the answer is still coming.
    """

    def __init__(self, quota: "BodyQuota") -> None:
        self._quota = quota
        self.size = 0
        self.until_ms = 0.0
        self.is_lasting = False

    async def take(self, size: int) -> None:
        """Wait for room for a body of at most `size` bytes. Raises RateLimitedError TOO_MANY_BODIES."""
        if size > SMALL_BODY_BYTES and not self.size:
            await self._quota.admit(self, size)

    def give_back(self) -> None:
        if self.size:
            self._quota.dismiss(self)


class BodyQuota:
    """The quota of one isolate: MAX_LARGE_BODIES_BYTES in all holds."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._turns = clock, Turns(clock)
        self._holds: set[BodyHold] = set()

    @property
    def held_bytes(self) -> int:
        return sum(hold.size for hold in self._holds)

    async def admit(self, hold: BodyHold, size: int) -> None:
        if len(self._turns) >= MAX_WAITING_BODIES:
            message = "Too many requests with large bodies are waiting."
            raise RateLimitedError(RETRY_AFTER_S, message, code="TOO_MANY_BODIES")
        if self._turns or not self._has_room(size):
            await self._turns.wait(lambda: self._has_room(size))
        hold.size, hold.until_ms = size, self._clock.now_ms() + HELD_AT_MOST_MS
        self._holds.add(hold)

    def dismiss(self, hold: BodyHold) -> None:
        self._holds.discard(hold)

    def _has_room(self, size: int) -> bool:
        """Whether a body of `size` bytes fits. A single body may exceed the quota."""
        if self._holds and self.held_bytes + size > MAX_LARGE_BODIES_BYTES:
            now_ms = self._clock.now_ms()
            self._holds = {hold for hold in self._holds if hold.until_ms > now_ms}
        return not self._holds or self.held_bytes + size <= MAX_LARGE_BODIES_BYTES
