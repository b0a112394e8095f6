"""Runs that earlier versions of arcrun stored in KV: before the RunLog, and before tenants' runs were written in slots.

They are found and listed until they expire. Keys and values: docs/storage-schema.md.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from arcrun.engine.record import StoredRecord, Verdict
from arcrun.engine.run_id import batch_of, invert_run_id, is_run_id
from arcrun.limits import MAX_SCANNED_PAGES
from arcrun.ports import Clock, KeyValue
from arcrun.run_log.filter import RunFilter, judge
from executor.records.runs import RunPage, Verdicts, build_unknown_run_error

_BATCH, _RUN, _VERDICT = "runs:", "run:", "verdict:"
# For so long it is not asked again whether there are any: the free plan lists KV 1,000 times a day.
EMPTY_MS = 3_600_000
MAX_DURATION_MS = 86_400_000  # far more than any run may take
MAX_TIME_MS = 8_640_000_000_000_000  # the greatest time value of a JavaScript Date
MAX_VERSION = 2**53


class EarlierRuns:
    def __init__(self, records: KeyValue, verdicts: KeyValue, clock: Clock) -> None:
        self._records, self._verdicts, self._clock = records, verdicts, clock
        self._empty_until_ms = 0.0

    async def find(self, run_id: str) -> StoredRecord:
        """See Runs.find."""
        found = await self._read(run_id) if is_run_id(run_id) else None
        if found is None:
            raise build_unknown_run_error(run_id)
        return judge(found, self._clock.now_ms())

    async def _read(self, run_id: str) -> StoredRecord | None:
        for key in (_BATCH + batch_of(run_id), _RUN + run_id):
            if found := await self._read_record(key, run_id):
                return found
        text = await self._verdicts.get(_VERDICT + invert_run_id(run_id))
        if text == "":  # it may have ended since the record was looked up
            return await self._read_record(_RUN + run_id, run_id)
        return json.loads(text) if text else None

    async def _read_record(self, key: str, run_id: str) -> StoredRecord | None:
        text = await self._records.get(key)
        records: Mapping[str, StoredRecord] = json.loads(text) if text else {}
        return records.get(run_id)

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        """See Runs.list. A page may hold more than `limit` runs: a batch is never split."""
        found: Verdicts = []
        now_ms = self._clock.now_ms()
        if now_ms < self._empty_until_ms:
            return [], None
        for _ in range(MAX_SCANNED_PAGES):
            page = await self._verdicts.list(_VERDICT, limit=limit, cursor=cursor)
            if cursor is None and not page.entries and page.cursor is None:
                self._empty_until_ms = now_ms + EMPTY_MS
            verdicts = [verdict for entry in page.entries for verdict in read_verdicts(entry.metadata or {})]
            found += filter(asked.matches, (judge(verdict, now_ms) for verdict in verdicts))
            cursor = page.cursor
            if cursor is None or len(found) >= limit:
                break
        return sorted(found, key=lambda verdict: verdict["id"], reverse=True), cursor


def read_verdicts(metadata: Mapping[str, Any]) -> Verdicts:
    """The well-formed verdicts in a key's metadata: a tenant can write anything into its namespace."""
    verdicts = metadata.get("verdicts")
    if not isinstance(verdicts, list):
        return []
    known = [
        {name: verdict[name] for name in _VERDICT_FIELDS if name in verdict}
        for verdict in verdicts
        if isinstance(verdict, dict)
    ]
    return [cast(Verdict, verdict) for verdict in known if _is_verdict(verdict)]


def _is_verdict(known: Mapping[str, Any]) -> bool:
    has_needed = known.keys() >= _NEEDED_FIELDS and not known.keys().isdisjoint(_TIME_FIELDS)
    return has_needed and all(_VERDICT_FIELDS[name](value) for name, value in known.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    """Whether `value` is an ISO 8601 time with an offset, as render_time writes it."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


# The fields of a verdict: of RunRecord.to_verdict, and of `accept` for a run that has not ended.
_VERDICT_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "id": lambda value: isinstance(value, str) and is_run_id(value),
    "workflow": _is_text,
    "version": lambda value: isinstance(value, int) and _is_number(value, MAX_VERSION),
    "trigger": _is_text,
    "status": lambda value: value in ("success", "failed", "running"),
    "started_at": _is_moment,
    "duration_ms": lambda value: _is_number(value, MAX_DURATION_MS),
    "deadline_ms": lambda value: _is_number(value, MAX_TIME_MS),
    "error": _is_text,
    "node": _is_text,
    "replay_of": _is_text,
}
_TIME_FIELDS = frozenset({"duration_ms", "deadline_ms"})  # one of them is needed
_NEEDED_FIELDS = _VERDICT_FIELDS.keys() - _TIME_FIELDS - {"error", "node", "replay_of"}
