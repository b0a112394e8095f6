"""Records of runs that could not be written: counted, and said in the log once a minute at most."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from arcrun.errors import ArcrunError, describe_fault
from arcrun.ports import Clock
from arcrun.times import render_time

LOG_INTERVAL_MS = 60_000

logger = logging.getLogger("arcrun")


class UnwrittenRecords:
    """Those of one isolate, since it began. `count` is how many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.count = 0
        self._last_ms, self._reason = 0.0, ""
        self._logged_ms: float | None = None

    @contextmanager
    def counting(self, count: int) -> Iterator[None]:
        """Around the writing of `count` records: what fails within is counted, and ends here."""
        try:
            yield
        except Exception as fault:
            reason = fault.message if isinstance(fault, ArcrunError) else "arcrun failed; the log has the cause."
            self.add(count, reason, cause="" if isinstance(fault, ArcrunError) else describe_fault(fault))

    def add(self, count: int, reason: str, *, cause: str = "") -> None:
        """`reason` is told to whoever asks, `cause` to the log alone."""
        self.count += count
        self._last_ms, self._reason = self._clock.now_ms(), reason
        self._log(cause or reason)

    def to_json(self) -> dict[str, Any]:
        """{"count", "last_at", "reason"}, once there is one."""
        return {"count": self.count, "last_at": render_time(self._last_ms), "reason": self._reason}

    def _log(self, cause: str) -> None:
        now_ms = self._clock.now_ms()
        if self._logged_ms is not None and now_ms - self._logged_ms < LOG_INTERVAL_MS:
            return
        self._logged_ms = now_ms
        logger.error("Records of runs could not be written, %d so far: %s", self.count, cause)
