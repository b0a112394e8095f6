"""A tenant's records of runs, in its own KV over Cloudflare's REST API: one write in two seconds.

The runs that an isolate starts within two seconds, a slot, share a key, which follows from their ids. A run that ends
after the slot was written gets a key of its own, as does an accepted run, which is written before it begins and at its
end. Keys and values: docs/storage-schema.md.
"""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from arcrun.admissions import Admitted, Counted
from arcrun.caches import Cache
from arcrun.engine.record import StoredRecord
from arcrun.engine.run_id import batch_of, build_batch_id, build_run_id, first_id_at, invert_run_id, is_run_id, time_of
from arcrun.errors import ArcrunError, DecryptionError, NotConfiguredError, RecordError, UpstreamError
from arcrun.limits import MAX_PAGE, MAX_ROW_BYTES, MAX_SCANNED_PAGES
from arcrun.ports import Background, Clock, KeyEntry, KeyValue, Random
from arcrun.request_keys import Claimed, SettledStatus
from arcrun.run_log.filter import RunFilter, judge
from arcrun.run_log.protocol import Measured
from arcrun.workspace.protocol import WorkspaceObject
from arcrun.workspace.sealing import Sealing
from executor.records.earlier_runs import EarlierRuns, read_verdicts
from executor.records.runs import (
    AcceptedRun,
    EndedRun,
    Gathering,
    KeyedRequest,
    KnownClaims,
    RunPage,
    Verdicts,
    build_unknown_run_error,
)

if TYPE_CHECKING:
    from executor.records.occasions import Occasion

SLOT_MS = 2_000
KNOWN_SLOTS = 32  # the written slots that an isolate remembers; older runs get a key of their own
TTL_S = 7 * 24 * 3600
KEY_INTERVAL_MS = 1_000  # the platform's minimum between two writes to a key
MAX_METADATA_BYTES = 1_000  # the platform allows 1,024 per key
PAGE_KEYS = 10
FORMAT = 2
_PREFIX = "log:"
_EARLIER = "earlier:"  # prefix of a cursor among the runs in the earlier format


class Records(Protocol):
    """Stores runs that have ended: see Runs."""

    def add(self, run: EndedRun) -> None: ...

    async def add_now(self, run: EndedRun) -> None: ...


class TenantRuns:
    """Implements Runs over a tenant's KV. `workspace` is the tenant's, for which `sealing` seals: it keeps the keys
    of requests, and counts runs with limits.
    """

    def __init__(
        self,
        kv: KeyValue,
        clock: Clock,
        random: Random,
        background: Background,
        *,
        workspace: WorkspaceObject,
        sealing: Sealing,
    ) -> None:
        self._kv, self._clock, self._random = kv, clock, random
        self._workspace, self._sealing = workspace, sealing
        self._earlier = EarlierRuns(kv, kv, clock)
        self._batch_id: str | None = None  # of this isolate; with a slot it makes a key
        self._written: Cache[None] = Cache(KNOWN_SLOTS)  # the keys of slots
        self._gathering = Gathering(self._write, _until_slot_ends, clock, background)
        self._claims = KnownClaims(clock)
        self.unwritten = self._gathering.unwritten

    def new_run_id(self) -> str:
        if self._batch_id is None:
            self._batch_id = build_batch_id(self._random)
        return build_run_id(self._clock, self._random, self._batch_id)

    def add(self, run: EndedRun) -> None:
        if run.is_kept:
            self._gathering.add(run)

    async def add_now(self, run: EndedRun) -> None:
        if not run.is_kept:
            return
        try:
            await self._put(_key_of_run(run.record.run_id), [run])
        except ArcrunError as error:
            raise RecordError(run.record.run_id) from error

    async def accept(self, run: AcceptedRun) -> None:
        verdict = run.to_verdict(self._clock.now_ms())
        await self._put_records(
            _key_of_run(run.run_id), [verdict], {run.run_id: {**verdict, "input": run.shown}}, TTL_S
        )

    async def add_accepted(self, run: EndedRun) -> None:
        """See Runs.add_accepted. Tries again if the platform has refused a second write to the key within a second."""
        key = _key_of_run(run.record.run_id)
        with self.unwritten.counting(1):
            if not run.is_kept:
                await self._kv.delete(key)
                return
            try:
                await self._put(key, [run])
            except ArcrunError:
                await self._clock.sleep(KEY_INTERVAL_MS)
                await self._put(key, [run])

    async def admit(self, _workflow_id: str, counted: Sequence[Counted], lease_ms: float) -> tuple[str, Admitted]:
        ticket = self.new_run_id()
        named: list[Counted] = [{**limit, "name": self._sealing.id_of(limit["name"])} for limit in counted]
        return ticket, await self._workspace.admit(ticket, named, lease_ms)

    async def leave(self, ticket: str) -> None:
        with suppress(UpstreamError):
            await self._workspace.leave(ticket)

    @property
    def messages(self) -> "TenantRuns":
        return self

    async def claim(self, request: KeyedRequest) -> Claimed:
        if (known := self._claims.find(request)) is not None:
            return known
        claim, asked_ms = request.to_claim(self.new_run_id()), self._clock.now_ms()
        key, fingerprint = self._sealing.id_of(request.key), self._sealing.id_of(request.fingerprint)
        claimed = await self._workspace.claim({**claim, "key": key, "fingerprint": fingerprint})
        self._claims.note(request, claimed, asked_ms)
        return claimed

    async def release(self, key: str, run_id: str) -> None:
        with suppress(UpstreamError):
            await self._workspace.release(self._sealing.id_of(key), run_id)
        self._claims.forget(key)

    async def settle(self, key: str, run: EndedRun, answer: bytes | None, records: Records | None = None) -> None:
        """See Runs.settle. The record is stored in KV, or by `records`, so that the two writes are not one."""
        records = records or self
        if run.comes_first:
            await records.add_now(run)
        try:
            await self._settle(key, run.record.run_id, "failed" if run.record.error else "success", answer)
        except ArcrunError as error:
            raise RecordError(run.record.run_id) from error
        if not run.comes_first:
            records.add(run)

    async def accept_keyed(self, key: str, run: AcceptedRun, answer: bytes) -> None:
        await self.accept(run)
        await self.settle_accepted(key, run.run_id, answer)

    async def settle_accepted(self, key: str, run_id: str, answer: bytes) -> None:
        """Store the answer of a run that has a key and is accepted. Raises UpstreamError."""
        await self._settle(key, run_id, "accepted", answer)

    async def open_answer(self, claimed: Claimed) -> bytes | None:
        text = claimed.get("answer")
        if text is None:
            return None
        try:
            return base64.b64decode(await self._sealing.open(_answer_of(claimed["run_id"]), text))
        except (DecryptionError, NotConfiguredError):
            return None

    async def _settle(self, key: str, run_id: str, status: SettledStatus, answer: bytes | None) -> None:
        text = answer and await self._sealing.seal(_answer_of(run_id), base64.b64encode(answer).decode())
        key_id = self._sealing.id_of(key)
        try:
            await self._workspace.settle({"key": key_id, "run_id": run_id, "status": status, "answer": text or None})
        finally:
            self._claims.forget(key)

    async def find(self, run_id: str) -> StoredRecord:
        if not is_run_id(run_id):
            raise build_unknown_run_error(run_id)
        for key in (_key_of_slot(run_id), _key_of_run(run_id)):
            if (found := (await self._read(key)).get(run_id)) is not None:
                return judge(found, self._clock.now_ms())
        return await self._earlier.find(run_id)

    async def find_input(self, run_id: str) -> Any:
        """Raises NotFoundError: inputs are not stored in a tenant's KV."""
        raise build_unknown_run_error(run_id)

    async def find_beginning(self, run_id: str) -> "tuple[Any, Occasion]":
        """Raises the same."""
        raise build_unknown_run_error(run_id)

    watch = None

    async def ask_to_end(self, run_id: str) -> bool:
        return False

    async def mark_retried(self, run_id: str, _by: str, *, is_forced: bool) -> str:
        """Raises the same: without an input nothing is retried."""
        raise build_unknown_run_error(run_id)

    async def unmark_retried(self, run_id: str, by: str) -> None:
        """Nothing is marked."""

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        """See Runs.list. A page may exceed `limit` by a slot; runs of a slot and single runs may be out of order."""
        found: Verdicts = []
        limit, now_ms = min(limit, MAX_PAGE), self._clock.now_ms()  # each slot is a request to Cloudflare's API
        if cursor is None or not cursor.startswith(_EARLIER):
            for _ in range(MAX_SCANNED_PAGES):
                page = await self._kv.list(_PREFIX, limit=min(limit, PAGE_KEYS), cursor=cursor)
                verdicts = await asyncio.gather(*map(self._read_verdicts, page.entries))
                found += filter(asked.matches, (judge(verdict, now_ms) for each in verdicts for verdict in each))
                cursor = page.cursor
                if cursor is None or len(found) >= limit:
                    break
            found.sort(key=lambda verdict: str(verdict["id"]), reverse=True)
            if cursor is not None or len(found) >= limit:
                return found, cursor or _EARLIER
        earlier, cursor = await self._earlier.list(
            asked, limit - len(found), (cursor or "").removeprefix(_EARLIER) or None
        )
        return [*found, *earlier], None if cursor is None else _EARLIER + cursor

    async def renew_keys(self) -> None:
        return None

    async def measure(self) -> Sequence[Measured]:
        return ()

    async def _write(self, runs: Sequence[EndedRun]) -> None:
        batches: defaultdict[str, list[EndedRun]] = defaultdict(list)
        for run in runs:
            run_id = run.record.run_id
            slot = _key_of_slot(run_id)
            is_late = slot in self._written or time_of(run_id) < self._clock.now_ms() - KNOWN_SLOTS * SLOT_MS
            is_alone = is_late or run.bytes > MAX_ROW_BYTES
            batches[_key_of_run(run_id) if is_alone else slot].append(run)
        for key, batch in batches.items():
            await self._put(key, batch)
            if key == _key_of_slot(batch[0].record.run_id):
                self._note_written(key)

    def _note_written(self, slot: str) -> None:
        self._written.put(slot, None)
        self._batch_id = None  # another run that starts in the slot gets another key

    async def _put(self, key: str, runs: Sequence[EndedRun]) -> None:
        """Write runs under one key, with the longest of their retentions."""
        ttl_s = max(run.keeping.days * 24 * 3600 if run.keeping.days else TTL_S for run in runs)
        records = {run.record.run_id: run.record.to_stored() for run in runs}
        await self._put_records(key, [run.record.to_verdict() for run in runs], records, ttl_s)

    async def _put_records(self, key: str, verdicts: Verdicts, records: Mapping[str, Any], ttl_s: int) -> None:
        metadata = {"verdicts": verdicts}
        size = len(json.dumps(metadata, ensure_ascii=False).encode("utf-8", "backslashreplace"))
        value = json.dumps({"format": FORMAT, **metadata, "records": records})
        await self._kv.put(key, value, ttl_s=ttl_s, metadata=metadata if size <= MAX_METADATA_BYTES else {})

    async def _read(self, key: str) -> dict[str, StoredRecord]:
        """The records under a key."""
        text = await self._kv.get(key)
        records: dict[str, StoredRecord] = json.loads(text)["records"] if text else {}
        return records

    async def _read_verdicts(self, entry: KeyEntry) -> Verdicts:
        """The verdicts of a key: from its metadata if they fit into it, otherwise from its value."""
        if entry.metadata and (verdicts := read_verdicts(entry.metadata)):
            return verdicts
        text = await self._kv.get(entry.key)
        return read_verdicts(json.loads(text)) if text else []


def _answer_of(run_id: str) -> str:
    return f"answer of run {run_id}"


def _until_slot_ends(now_ms: float) -> float:
    return SLOT_MS - now_ms % SLOT_MS


def _slot_of(run_id: str) -> str:
    """The key part of a run's slot; newer slots sort first."""
    started_ms = time_of(run_id)
    return invert_run_id(first_id_at(started_ms - started_ms % SLOT_MS))


def _key_of_slot(run_id: str) -> str:
    return f"{_PREFIX}{_slot_of(run_id)}{batch_of(run_id)}"


def _key_of_run(run_id: str) -> str:
    return f"{_PREFIX}{_slot_of(run_id)}{run_id[-16:]}"
