"""Records of runs in KV EXEC_CONTEXT, their verdicts in KV ANALYTICS_KV. Keys and values: docs/storage-schema.md.

KV writes cost far more than runs do, so what ends within a moment is written together: the records of a batch under one
key, their verdicts in the metadata of as few keys as hold them. A run that outlives its batch is written by itself.

A run that is accepted before it begins has a verdict from then on, "running", with its input as the value. Its end
takes that verdict's place; where the end leaves nothing, it is "lost".
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arcrun.engine.record import RunRecord, render_time
from arcrun.engine.run_id import batch_of, build_batch_id, build_run_id, is_run_id, mirror_run_id
from arcrun.errors import ArcrunError, NotFoundError, RequestError
from arcrun.limits import MAX_BATCH_BYTES, MAX_PAGE, MAX_SCANNED_PAGES
from arcrun.ports import Background, Clock, KeyValue, Random
from executor.unwritten import UnwrittenRecords

RECORD_TTL_S = 7 * 24 * 3600
VERDICT_TTL_S = 30 * 24 * 3600
ACCEPTED_TTL_S = RECORD_TTL_S  # of an accepted run's verdict and input; its end writes one of VERDICT_TTL_S
GATHER_MS = 100  # how long a batch waits for more runs to end
MAX_BATCH_RUNS = 100
# How long after its deadline a run that has left no record counts as lost: within a minute in all, for a run has 30 s.
# From elsewhere a run may look lost for a moment, until KV shows its record there.
LOST_AFTER_MS = 25_000
KEY_INTERVAL_MS = 1_000  # between two writes of one key, as the platform demands
MAX_VERDICTS_BYTES = 1_000  # of a key's metadata, which may have 1,024
_BATCH, _RUN, _VERDICT = "runs:", "run:", "verdict:"
MAX_DURATION_MS = 86_400_000  # far beyond what any run may take
MAX_TIME_MS = 8_640_000_000_000_000  # the last moment that a Date of JavaScript knows
MAX_VERSION = 2**53

RunPage = tuple[list[dict[str, Any]], str | None]


@dataclass(frozen=True)
class AcceptedRun:
    """A run that is accepted and not yet begun. `input` is what may be kept of it; `limit_ms` how long it may take."""

    run_id: str
    workflow: str
    version: int
    trigger: str
    limit_ms: float
    input: Any


@dataclass
class _Batch:
    """Runs that started together; `ended` are those that have ended while it was open, `bytes` what they take."""

    id: str
    opened_ms: float
    size: int = 0
    bytes: int = 0
    ended: list[RunRecord] = field(default_factory=list)


class RunStore:
    def __init__(
        self, records: KeyValue, verdicts: KeyValue, clock: Clock, random: Random, background: Background
    ) -> None:
        self._records, self._verdicts = records, verdicts
        self._clock, self._random, self._background = clock, random, background
        self._open: _Batch | None = None
        self.unwritten = UnwrittenRecords(clock)

    def new_run_id(self) -> str:
        batch = self._open
        if batch is None or batch.size == MAX_BATCH_RUNS or self._clock.now_ms() - batch.opened_ms > GATHER_MS:
            batch = self._open = _Batch(build_batch_id(self._random), self._clock.now_ms())
        batch.size += 1
        return build_run_id(self._clock, self._random, batch.id)

    def add(self, record: RunRecord) -> None:
        """Write the record after the answer, which it never delays."""
        batch = self._open
        record = record.shortened()
        is_open = batch is not None and batch.id == batch_of(record.run_id)
        if batch is None or not is_open or batch.bytes + record.bytes > MAX_BATCH_BYTES:
            self._background.start(self._write(_RUN + record.run_id, [record]))
            return
        batch.bytes += record.bytes
        batch.ended.append(record)
        if len(batch.ended) == 1:
            self._background.start(self._close(batch))

    async def _close(self, batch: _Batch) -> None:
        await self._clock.sleep(GATHER_MS)
        if self._open is batch:
            self._open = None
        await self._write(_BATCH + batch.id, batch.ended)

    async def _write(self, key: str, records: list[RunRecord]) -> None:
        with self.unwritten.counting(len(records)):
            await self._write_records(key, records)
            for verdicts in _chunk(record.to_verdict() for record in records):
                newest = max(verdict["id"] for verdict in verdicts)
                await self._write_verdicts(newest, verdicts)

    async def _write_records(self, key: str, records: list[RunRecord]) -> None:
        stored = {record.run_id: record.to_stored() for record in records}
        await self._records.put(key, json.dumps(stored), ttl_s=RECORD_TTL_S)

    async def _write_verdicts(self, run_id: str, verdicts: list[Mapping[str, Any]]) -> None:
        metadata = {"verdicts": verdicts}
        await self._verdicts.put(_VERDICT + mirror_run_id(run_id), "", ttl_s=VERDICT_TTL_S, metadata=metadata)

    async def accept(self, run: AcceptedRun) -> None:
        """List a run as running before it begins, and keep its input. Raises UpstreamError: then it must not begin."""
        started_ms = self._clock.now_ms()
        verdict = {
            "id": run.run_id,
            "workflow": run.workflow,
            "version": run.version,
            "trigger": run.trigger,
            "status": "running",
            "started_at": render_time(started_ms),
            "deadline_ms": started_ms + run.limit_ms,
        }
        value, metadata = json.dumps({**verdict, "input": run.input}), {"verdicts": [verdict]}
        await self._verdicts.put(_VERDICT + mirror_run_id(run.run_id), value, ttl_s=ACCEPTED_TTL_S, metadata=metadata)

    async def add_accepted(self, record: RunRecord) -> None:
        """Write the record of a run that was accepted, its verdict in the place of what `accept` has written: tried
        again where the platform has not taken a second write of that key yet.
        """
        with self.unwritten.counting(1):
            await self._write_records(_RUN + record.run_id, [record])
            try:
                await self._write_verdicts(record.run_id, [record.to_verdict()])
            except ArcrunError:
                await self._clock.sleep(KEY_INTERVAL_MS)
                await self._write_verdicts(record.run_id, [record.to_verdict()])

    async def find(self, run_id: str) -> dict[str, Any]:
        """The stored record; of an accepted run without one its verdict, "running" or "lost", and `input`.

        Raises NotFoundError RUN_NOT_FOUND.
        """
        found = await self._read(run_id) if is_run_id(run_id) else None
        if found is None:
            raise NotFoundError(
                f"There is no run `{run_id[:40]}`.",
                code="RUN_NOT_FOUND",
                next_actions=["See the runs: acr logs. Records are kept for 7 days."],
            )
        return self._judge(found)

    def _judge(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What is known now of a run whose record or verdict was found."""
        judged = dict(found)
        deadline_ms = judged.pop("deadline_ms", None)
        if deadline_ms is not None and self._clock.now_ms() > deadline_ms + LOST_AFTER_MS:
            judged["status"] = "lost"
        return judged

    async def _read(self, run_id: str) -> dict[str, Any] | None:
        for key in (_BATCH + batch_of(run_id), _RUN + run_id):
            if found := await self._read_record(key, run_id):
                return found
        text = await self._verdicts.get(_VERDICT + mirror_run_id(run_id))
        if text == "":  # it may have ended since its record was looked for
            return await self._read_record(_RUN + run_id, run_id)
        return json.loads(text) if text else None

    async def _read_record(self, key: str, run_id: str) -> dict[str, Any] | None:
        text = await self._records.get(key)
        records: Mapping[str, dict[str, Any]] = json.loads(text) if text else {}
        return records.get(run_id)

    async def list(self, workflow: str | None, limit: int, cursor: str | None) -> RunPage:
        """Verdicts, the newest first, at least `limit` if there are as many; and the cursor of the next page.

        With `workflow` a page is one of MAX_SCANNED_PAGES of all runs, and may hold fewer. Raises RequestError.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise RequestError(f"`limit` must be from 1 to {MAX_PAGE}.")
        found: list[dict[str, Any]] = []
        for _ in range(MAX_SCANNED_PAGES):
            page = await self._verdicts.list(_VERDICT, limit=limit, cursor=cursor)
            verdicts = [verdict for entry in page.entries for verdict in _read_verdicts(entry.metadata or {})]
            found += [self._judge(verdict) for verdict in verdicts if workflow in (None, verdict["workflow"])]
            cursor = page.cursor
            if cursor is None or len(found) >= limit:
                break
        return sorted(found, key=lambda verdict: verdict["id"], reverse=True), cursor


def _read_verdicts(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is as we write it: a tenant can write what it likes into its own namespace."""
    verdicts = metadata.get("verdicts")
    if not isinstance(verdicts, list):
        return []
    known = [
        {name: verdict[name] for name in _VERDICT_FIELDS if name in verdict}
        for verdict in verdicts
        if isinstance(verdict, dict)
    ]
    return [verdict for verdict in known if _is_verdict(verdict)]


def _is_verdict(known: Mapping[str, Any]) -> bool:
    has_needed = known.keys() >= _NEEDED_FIELDS and not known.keys().isdisjoint(_TIME_FIELDS)
    return has_needed and all(_VERDICT_FIELDS[name](value) for name, value in known.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    """As render_time writes it."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


# What a verdict may have: RunRecord.to_verdict, and `accept` of a run that has not ended.
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
}
_TIME_FIELDS = frozenset({"duration_ms", "deadline_ms"})  # one of them is needed
_NEEDED_FIELDS = _VERDICT_FIELDS.keys() - _TIME_FIELDS - {"error", "node"}


def _chunk(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Lists that fit into the metadata of a key."""
    chunk: list[Mapping[str, Any]] = []
    for verdict in verdicts:
        metadata = json.dumps({"verdicts": [*chunk, verdict]}, ensure_ascii=False)
        if chunk and len(metadata.encode()) > MAX_VERDICTS_BYTES:
            yield chunk
            chunk = []
        chunk.append(verdict)
    if chunk:
        yield chunk
