"""Reports to the registry which components have run: all of a moment in one call, after the answer.

Counts of the last moment are lost with their isolate, and those of a report that fails are not sent again: it may have
been counted.
"""

import logging
from collections.abc import Sequence
from itertools import islice

from arcrun.analytics.tally import Tally
from arcrun.analytics.usage import UsageRecord, UsageReport
from arcrun.limits import MAX_USAGE_RECORDS
from arcrun.ports import Background, Clock

GATHER_MS = 100
OVERDUE_MS = 10 * GATHER_MS  # after which whoever was to send is taken to be gone, as with a request that was cancelled

logger = logging.getLogger("arcrun")


class UsageReporter:
    """`report` is None where there is no registry to report to."""

    def __init__(self, report: UsageReport | None, clock: Clock, background: Background) -> None:
        self._report, self._clock, self._background = report, clock, background
        self._gathered = Tally()
        self._overdue_ms = 0.0

    def add(self, usage: Tally) -> None:
        if self._report is None or not usage:
            return
        is_waited_for = bool(self._gathered) and self._clock.now_ms() < self._overdue_ms
        self._gathered.merge(usage)
        if not is_waited_for:
            self._overdue_ms = self._clock.now_ms() + OVERDUE_MS
            self._background.start(self._send_gathered(self._report))

    async def _send_gathered(self, report: UsageReport) -> None:
        await self._clock.sleep(GATHER_MS)
        gathered, self._gathered = self._gathered, Tally()
        records = iter(gathered.records())
        while some := list(islice(records, MAX_USAGE_RECORDS)):
            await _send(report, some)


async def _send(report: UsageReport, records: Sequence[UsageRecord]) -> None:
    try:
        await report.send(records)
    except Exception as error:  # a run is not hurt by what goes wrong here
        logger.warning("%d records of components' runs were not reported: %s", len(records), type(error).__name__)
