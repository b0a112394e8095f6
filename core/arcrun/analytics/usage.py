"""What is reported of a component's runs, and its JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.analytics.histogram import LONGEST_MS
from arcrun.contracts.parse import ID_PATTERN, VERSION_PATTERN
from arcrun.errors import RequestError
from arcrun.limits import MAX_USAGE_COUNT, MAX_USAGE_NAME_CHARACTERS, MAX_USAGE_RECORDS

_KEYS = ("canonical_id", "version", "success", "duration_ms")
_OPTIONAL_KEYS = ("count",)


@dataclass(frozen=True)
class UsageRecord:
    """A run of a component, or `count` of them that are alike: `duration_ms` is then their average."""

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
    """The registry, which counts what components have run."""

    async def send(self, records: Sequence[UsageRecord]) -> None:
        """At most MAX_USAGE_RECORDS. Raises UpstreamError REGISTRY_UNAVAILABLE, RunError REPORT_REFUSED."""


def parse_report(body: Any) -> tuple[UsageRecord, ...]:
    """One record, or {"records": [...]} with at most MAX_USAGE_RECORDS.

    Raises RequestError INVALID_RECORD, TOO_MANY_RECORDS. Nothing of a report with a bad record is taken.
    """
    if not isinstance(body, Mapping) or "records" not in body:
        return (_parse_record(body, "the record"),)
    records = body["records"]
    if not isinstance(records, list) or len(body) > 1:
        raise _invalid("`records` must be a list, and stand alone")
    if len(records) > MAX_USAGE_RECORDS:
        raise RequestError(
            f"A report has at most {MAX_USAGE_RECORDS} records, and this one has {len(records)}.",
            code="TOO_MANY_RECORDS",
            next_actions=["Send them in several reports, or join like ones with `count`."],
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
        raise _invalid(f"`count` of {place} must be a whole number from 1 to {MAX_USAGE_COUNT}")
    return record


def _is_name(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and len(value) <= MAX_USAGE_NAME_CHARACTERS and pattern.fullmatch(value) is not None


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= LONGEST_MS  # which NaN is not


def _invalid(reason: str) -> RequestError:
    return RequestError(
        f"This is no record of a component's runs: {reason}.",
        code="INVALID_RECORD",
        next_actions=[
            'Send {"canonical_id", "version", "success", "duration_ms"}, with "count" for several alike, '
            'or {"records": [...]} of these.'
        ],
    )
