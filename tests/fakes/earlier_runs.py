"""Writes runs into KV as the version before did, so that tests have its data: two writes and more for each batch."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from arcrun.engine.run_id import batch_of, build_batch_id, build_run_id, invert_run_id
from arcrun.errors import ArcrunError, RecordError
from arcrun.limits import MAX_BATCH_BYTES
from arcrun.ports import Background, Clock, KeyValue, Random
from executor.records.runs import AcceptedRun, EndedRun, UnwrittenRecords

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


class EarlierWriter:
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
        await self._verdicts.put(_VERDICT + invert_run_id(run_id), "", ttl_s=ttl_s, metadata=metadata)

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
        await self._verdicts.put(_VERDICT + invert_run_id(run.run_id), value, ttl_s=ACCEPTED_TTL_S, metadata=metadata)

    async def add_accepted(self, run: EndedRun) -> None:
        """Tried again where the platform has not taken a second write of the verdict's key yet."""
        run_id = run.record.run_id
        with self.unwritten.counting(1):
            if not run.is_kept:
                await self._verdicts.delete(_VERDICT + invert_run_id(run_id))
                return
            await self._write_records(_RUN + run_id, [run])
            try:
                await self._write_verdicts(run_id, [run.record.to_verdict()], [run])
            except ArcrunError:
                await self._clock.sleep(KEY_INTERVAL_MS)
                await self._write_verdicts(run_id, [run.record.to_verdict()], [run])


def _find_ttl_s(runs: Iterable[EndedRun], default_s: int) -> int:
    """What is kept under one key is kept for as long as any of it is to be."""
    days = [run.keeping.days for run in runs]
    return max(default_s if each is None else each * 24 * 3600 for each in days)


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
