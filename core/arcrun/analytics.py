"""Statistics of component calls: counting in a run, reporting, aggregation, rendering.

The executor reports all runs of a short period in one call, after the answers. The latest counts are lost if their
isolate ends, and a failed report is not repeated, because it may have been counted.

Durations are put into buckets of exponentially growing size, so that percentiles are within RELATIVE_ERROR at any size.
The mapping is that of DDSketch (Masson, Rim, Lee, 2019). Durations below SHORTEST_MS count as 0.
"""

import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from arcrun.contracts.parse import ID_PATTERN, VERSION_PATTERN
from arcrun.errors import RequestError
from arcrun.limits import MAX_USAGE_COUNT, MAX_USAGE_NAME_CHARACTERS, MAX_USAGE_RECORDS
from arcrun.ports import Background, Clock

RELATIVE_ERROR = 0.05  # of reported durations
SHORTEST_MS = 0.01
LONGEST_MS = 24 * 3600 * 1000.0
GATHER_MS = 100
OVERDUE_MS = 10 * GATHER_MS  # after this the sender is considered gone, as with a cancelled request
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH = math.log(_GROWTH)
_KEYS = ("canonical_id", "version", "success", "duration_ms")
_OPTIONAL_KEYS = ("count",)
_Key = tuple[str, str, bool, int]  # id, version, success, bucket
_NONE = (0, 0.0)
TallyRow = tuple[str, str, int, int, int, float]

logger = logging.getLogger("arcrun")


def bucket_of(duration_ms: float) -> int:
    """0 for the shortest; bucket i has durations up to SHORTEST_MS times _GROWTH to the power of i - 1."""
    if duration_ms < SHORTEST_MS:
        return 0
    return 1 + math.ceil(math.log(duration_ms / SHORTEST_MS) / _LOG_GROWTH)


LAST_BUCKET = bucket_of(LONGEST_MS)


def duration_of(bucket: int) -> float:
    """The duration in milliseconds that is within RELATIVE_ERROR of all durations in the bucket."""
    if bucket == 0:
        return 0.0
    upper_ms: float = SHORTEST_MS * _GROWTH ** (bucket - 1)
    return upper_ms * 2 / (1 + _GROWTH)


@dataclass(frozen=True)
class UsageRecord:
    """A call of a component, or `count` similar ones, of which `duration_ms` is the average."""

    canonical_id: str
    version: str
    success: bool
    duration_ms: float
    count: int = 1

    def to_json(self) -> dict[str, Any]:
        return {
            "canonical_id": self.canonical_id,
            "version": self.version,
            "success": self.success,
            "duration_ms": self.duration_ms,
            "count": self.count,
        }


class UsageReport(Protocol):
    """The registry, which counts component calls."""

    async def send(self, records: Sequence[UsageRecord]) -> None:
        """Send at most MAX_USAGE_RECORDS. Raises UpstreamError REGISTRY_UNAVAILABLE, RunError REPORT_REFUSED."""


def parse_report(body: Any) -> tuple[UsageRecord, ...]:
    """Parse one record, or {"records": [...]} with at most MAX_USAGE_RECORDS.

    Raises RequestError INVALID_RECORD, TOO_MANY_RECORDS. A report with an invalid record is rejected entirely.
    """
    if not isinstance(body, Mapping) or "records" not in body:
        return (_parse_record(body, "the record"),)
    records = body["records"]
    if not isinstance(records, list) or len(body) > 1:
        raise _invalid("`records` must be a list, and the only key")
    if len(records) > MAX_USAGE_RECORDS:
        raise RequestError(
            f"A report has at most {MAX_USAGE_RECORDS} records, but this one has {len(records)}.",
            code="TOO_MANY_RECORDS",
            next_actions=["Send them in several reports, or combine similar ones with `count`."],
            details={"limit": MAX_USAGE_RECORDS},
        )
    return tuple(_parse_record(record, f"records[{i}]") for i, record in enumerate(records))


def _parse_record(source: Any, place: str) -> UsageRecord:
    if not isinstance(source, Mapping):
        raise _invalid(f"{place} must be an object")
    missing = [key for key in _KEYS if key not in source]
    unknown = [key for key in source if key not in _KEYS + _OPTIONAL_KEYS]
    if missing or unknown:
        wrong = f"lacks `{missing[0]}`" if missing else f"has an unknown key `{unknown[0]}`"
        raise _invalid(f"{place} {wrong}")
    record = UsageRecord(**{"count": 1, **source})
    if not _is_name(record.canonical_id, ID_PATTERN):
        raise _invalid(f"`canonical_id` of {place} must be a component's id")
    if not _is_name(record.version, VERSION_PATTERN):
        raise _invalid(f"`version` of {place} must be of the form v1")
    if not isinstance(record.success, bool):
        raise _invalid(f"`success` of {place} must be true or false")
    if not _is_duration(record.duration_ms):
        raise _invalid(f"`duration_ms` of {place} must be a number from 0 to {LONGEST_MS:.0f}")
    if type(record.count) is not int or not 1 <= record.count <= MAX_USAGE_COUNT:
        raise _invalid(f"`count` of {place} must be an integer from 1 to {MAX_USAGE_COUNT}")
    return record


def _is_name(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and len(value) <= MAX_USAGE_NAME_CHARACTERS and pattern.fullmatch(value) is not None


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= LONGEST_MS  # False for NaN


def _invalid(reason: str) -> RequestError:
    return RequestError(
        f"This is not a record of component calls: {reason}.",
        code="INVALID_RECORD",
        next_actions=[
            'Send {"canonical_id", "version", "success", "duration_ms"}, with "count" for several similar ones, '
            'or {"records": [...]} of these.'
        ],
    )


@dataclass
class Tally:
    _sums: dict[_Key, tuple[int, float]] = field(default_factory=dict)  # runs, and their total milliseconds

    def count(self, component_id: str, version: str, success: bool, duration_ms: float) -> None:
        """Count a call."""
        key = component_id, version, success, bucket_of(duration_ms)
        runs, known_ms = self._sums.get(key, _NONE)
        self._sums[key] = runs + 1, known_ms + duration_ms

    def add(self, record: UsageRecord) -> None:
        key = (record.canonical_id, record.version, record.success, bucket_of(record.duration_ms))
        self._add(key, record.count, record.count * record.duration_ms)

    def merge(self, other: "Tally") -> None:
        for key, (runs, duration_ms) in other._sums.items():
            self._add(key, runs, duration_ms)

    def _add(self, key: _Key, runs: int, duration_ms: float) -> None:
        known_runs, known_ms = self._sums.get(key, _NONE)
        self._sums[key] = (known_runs + runs, known_ms + duration_ms)

    def __bool__(self) -> bool:
        return bool(self._sums)

    def records(self) -> Iterable[UsageRecord]:
        """The counts as reported: calls in one bucket have their average duration, which is in that bucket."""
        for (component_id, version, success, _), (runs, duration_ms) in self._sums.items():
            average_ms = duration_ms / runs
            for left in range(runs, 0, -MAX_USAGE_COUNT):
                yield UsageRecord(component_id, version, success, average_ms, min(left, MAX_USAGE_COUNT))

    def rows(self) -> list[TallyRow]:
        """The counts as stored: id, version, bucket, runs, successes, and total milliseconds."""
        return [
            (component_id, version, bucket, runs, runs if success else 0, duration_ms)
            for (component_id, version, success, bucket), (runs, duration_ms) in self._sums.items()
        ]


def tally(records: Iterable[UsageRecord]) -> Tally:
    added = Tally()
    for record in records:
        added.add(record)
    return added


@dataclass(frozen=True)
class ComponentStatistics:
    """`p95_bucket` is the bucket of the shortest duration that 95 % of the runs do not exceed; None without runs."""

    total_runs: int = 0
    successes: int = 0
    duration_sum_ms: float = 0
    p95_bucket: int | None = None

    def to_json(self) -> dict[str, Any]:
        """{"total_runs", "success_rate" (0 to 1), "avg_duration_ms", "p95_duration_ms"}; null if nothing has run."""
        runs = self.total_runs
        return {
            "total_runs": runs,
            "success_rate": round(self.successes / runs, 4) if runs else None,
            "avg_duration_ms": round(self.duration_sum_ms / runs, 3) if runs else None,
            "p95_duration_ms": None if self.p95_bucket is None else round(duration_of(self.p95_bucket), 3),
        }


class UsageReporter:
    """Gathers and sends usage. `report` is None if there is no registry to report to."""

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
    except Exception as error:  # failures here do not affect runs
        logger.warning("%d records of components' runs were not reported: %s", len(records), type(error).__name__)
