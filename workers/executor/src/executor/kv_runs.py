"""A tenant's records of runs, in its own KV; and those that an account's platform kept in KV before there was a RunLog.
Keys and values: docs/storage-schema.md.

KV writes cost far more than runs do, so what ends within a moment is written together: the records of a batch under one
key, their verdicts in the metadata of as few keys as hold them. A run that outlives its batch is written by itself.

A run that is accepted before it begins has a verdict from then on, "running", with its input as the value. Its end
takes that verdict's place; where the end leaves nothing, it is "lost".
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from arcrun.engine.run_id import batch_of, build_batch_id, build_run_id, is_run_id, mirror_run_id
from arcrun.errors import ArcrunError, RecordError
from arcrun.limits import MAX_BATCH_BYTES, MAX_SCANNED_PAGES
from arcrun.ports import Background, Clock, KeyValue, Random
from arcrun.run_log.filter import RunFilter, judge
from arcrun.run_log.protocol import Measured
from executor.runs import AcceptedRun, EndedRun, RunPage, build_unknown_run_error, check_page
from executor.unwritten import UnwrittenRecords

RECORD_TTL_S = 7 * 24 * 3600
VERDICT_TTL_S = 30 * 24 * 3600
ACCEPTED_TTL_S = RECORD_TTL_S  # of an accepted run's verdict and input; its end writes one of VERDICT_TTL_S
GATHER_MS = 100  # how long a batch waits for more runs to end
MAX_BATCH_RUNS = 100
KEY_INTERVAL_MS = 1_000  # between two writes of one key, as the platform demands
MAX_VERDICTS_BYTES = 1_000  # of a key's metadata, which may have 1,024
_BATCH, _RUN, _VERDICT = "runs:", "run:", "verdict:"
MAX_DURATION_MS = 86_400_000  # far beyond what any run may take
MAX_TIME_MS = 8_640_000_000_000_000  # the last moment that a Date of JavaScript knows
MAX_VERSION = 2**53


@dataclass
class _Batch:
    """Runs that started together; `ended` are those that have ended while it was open, `bytes` what they take."""

    id: str
    opened_ms: float
    size: int = 0
    bytes: int = 0
    ended: list[EndedRun] = field(default_factory=list)


class KvRuns:
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

    def add(self, run: EndedRun) -> None:
        if not run.is_kept:
            return
        batch = self._open
        record = run.record.shortened()
        ended = replace(run, record=record, input=b"")
        is_open = batch is not None and batch.id == batch_of(record.run_id)
        if batch is None or not is_open or batch.bytes + record.bytes > MAX_BATCH_BYTES:
            self._background.start(self._write_counted(_RUN + record.run_id, [ended]))
            return
        batch.bytes += record.bytes
        batch.ended.append(ended)
        if len(batch.ended) == 1:
            self._background.start(self._close(batch))

    async def _close(self, batch: _Batch) -> None:
        await self._clock.sleep(GATHER_MS)
        if self._open is batch:
            self._open = None
        await self._write_counted(_BATCH + batch.id, batch.ended)

    async def _write_counted(self, key: str, runs: Sequence[EndedRun]) -> None:
        with self.unwritten.counting(len(runs)):
            await self._write(key, runs)

    async def _write(self, key: str, runs: Sequence[EndedRun]) -> None:
        await self._write_records(key, runs)
        for verdicts in _chunk(run.record.to_verdict() for run in runs):
            newest = max(verdict["id"] for verdict in verdicts)
            await self._write_verdicts(newest, verdicts, runs)

    async def _write_records(self, key: str, runs: Sequence[EndedRun]) -> None:
        stored = {run.record.run_id: run.record.to_stored() for run in runs}
        await self._records.put(key, json.dumps(stored), ttl_s=_find_ttl_s(runs, RECORD_TTL_S))

    async def _write_verdicts(self, run_id: str, verdicts: list[Mapping[str, Any]], runs: Sequence[EndedRun]) -> None:
        metadata, ttl_s = {"verdicts": verdicts}, _find_ttl_s(runs, VERDICT_TTL_S)
        await self._verdicts.put(_VERDICT + mirror_run_id(run_id), "", ttl_s=ttl_s, metadata=metadata)

    async def add_now(self, run: EndedRun) -> None:
        if not run.is_kept:
            return
        try:
            await self._write(_RUN + run.record.run_id, [run])
        except ArcrunError as error:
            raise RecordError(run.record.run_id) from error

    async def accept(self, run: AcceptedRun) -> None:
        verdict = run.to_verdict(self._clock.now_ms())
        value, metadata = json.dumps({**verdict, "input": run.shown}), {"verdicts": [verdict]}
        await self._verdicts.put(_VERDICT + mirror_run_id(run.run_id), value, ttl_s=ACCEPTED_TTL_S, metadata=metadata)

    async def add_accepted(self, run: EndedRun) -> None:
        """Tried again where the platform has not taken a second write of the verdict's key yet."""
        run_id = run.record.run_id
        with self.unwritten.counting(1):
            if not run.is_kept:
                await self._verdicts.delete(_VERDICT + mirror_run_id(run_id))
                return
            await self._write_records(_RUN + run_id, [run])
            try:
                await self._write_verdicts(run_id, [run.record.to_verdict()], [run])
            except ArcrunError:
                await self._clock.sleep(KEY_INTERVAL_MS)
                await self._write_verdicts(run_id, [run.record.to_verdict()], [run])

    async def find(self, run_id: str) -> dict[str, Any]:
        found = await self._read(run_id) if is_run_id(run_id) else None
        if found is None:
            raise build_unknown_run_error(run_id)
        return judge(found, self._clock.now_ms())

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

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        """More than `limit` where runs that are not asked for separate them from those before."""
        check_page(limit)
        found: list[dict[str, Any]] = []
        now_ms = self._clock.now_ms()
        for _ in range(MAX_SCANNED_PAGES):
            page = await self._verdicts.list(_VERDICT, limit=limit, cursor=cursor)
            verdicts = [verdict for entry in page.entries for verdict in _read_verdicts(entry.metadata or {})]
            found += filter(asked.matches, (judge(verdict, now_ms) for verdict in verdicts))
            cursor = page.cursor
            if cursor is None or len(found) >= limit:
                break
        return sorted(found, key=lambda verdict: verdict["id"], reverse=True), cursor

    async def measure(self) -> Sequence[Measured]:
        return ()


def _find_ttl_s(runs: Iterable[EndedRun], default_s: int) -> int:
    """What is kept under one key is kept for as long as any of it is to be."""
    days = [run.keeping.days for run in runs]
    return max(default_s if each is None else each * 24 * 3600 for each in days)


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
