"""Runs of components added up: as many as there are, in as many numbers as there are buckets."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from arcrun.analytics.histogram import bucket_of
from arcrun.analytics.usage import UsageRecord
from arcrun.limits import MAX_USAGE_COUNT

_Key = tuple[str, str, bool, int]  # id, version, success, bucket
_NONE = (0, 0.0)
TallyRow = tuple[str, str, int, int, int, float]


@dataclass
class Tally:
    _sums: dict[_Key, tuple[int, float]] = field(default_factory=dict)  # runs, and milliseconds of all together

    def count(self, component_id: str, version: str, success: bool, duration_ms: float) -> None:
        """A run."""
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
        """The same, as it is reported: runs of one bucket have their average duration, which lies in it."""
        for (component_id, version, success, _), (runs, duration_ms) in self._sums.items():
            average_ms = duration_ms / runs
            for left in range(runs, 0, -MAX_USAGE_COUNT):
                yield UsageRecord(component_id, version, success, average_ms, min(left, MAX_USAGE_COUNT))

    def rows(self) -> list[TallyRow]:
        """The same, as it is counted: id, version, bucket, runs, successes, and milliseconds of all together."""
        return [
            (component_id, version, bucket, runs, runs if success else 0, duration_ms)
            for (component_id, version, success, bucket), (runs, duration_ms) in self._sums.items()
        ]


def tally(records: Iterable[UsageRecord]) -> Tally:
    added = Tally()
    for record in records:
        added.add(record)
    return added
