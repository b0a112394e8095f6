"""Records of runs in a RunLog: written in batches after the answer, one call per batch.

An isolate writes all runs that begin within an hour to one object, whose number is part of their ids; runs that end
within GATHER_MS share a call. Runs that an earlier arcrun stored in KV are found and listed until they expire there.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from arcrun.admissions import Admitted, Counted
from arcrun.engine.record import StoredRecord, Verdict
from arcrun.engine.run_id import build_run_id_in, is_run_id, object_of, time_of
from arcrun.errors import (
    ArcrunError,
    DecryptionError,
    NotConfiguredError,
    RecordError,
    UpstreamError,
    build_cursor_error,
)
from arcrun.limits import MAX_CHAINED_CHARACTERS, MAX_ROW_BYTES, MAX_STEP_RESULT_BYTES
from arcrun.ports import Background, BlobStore, Clock, Random
from arcrun.request_keys import Claimed, SettledStatus, Settlement
from arcrun.run_events import RunEventsObject
from arcrun.run_log.cut_off_calls import CutOffCall
from arcrun.run_log.filter import NEEDS_DECISION, RunFilter, judge
from arcrun.run_log.limited_runs import Admission, QueueingLimit
from arcrun.run_log.objects import RunLogObjects
from arcrun.run_log.protocol import (
    AcceptedBatch,
    Blobs,
    Measured,
    PassedOn,
    StoredRun,
    Unsettled,
    blob_key,
    blob_keys_of,
)
from arcrun.times import render_time
from arcrun.workflows.model import Keeping, Recording
from executor.records.run_inputs import (
    NONE,
    RunInputs,
    answer_of,
    attachment_of,
    decision_of,
    end_of,
    holder_of,
    passed_on_of,
    start_of,
    values_of,
)
from executor.records.runs import (
    LONGEST_QUICK_RUN_MS,
    AcceptedRun,
    EndedRun,
    Gathering,
    KeyedRequest,
    KnownClaims,
    RenewedKeys,
    RunPage,
    Verdicts,
    build_unknown_run_error,
)

if TYPE_CHECKING:
    from arcrun.durable.once import Decision
    from executor.hosted.sealed_results import SealedResults
    from executor.records.blob_vault import StoredBlobs
    from executor.records.occasions import Occasion

GATHER_MS = 36  # how long a batch waits for more runs; with the write, a crash loses 50 ms at most
MOVE_MS = 3_600_000  # then an isolate moves to another object, so that a few isolates fill all evenly
RETRY_MS = 200  # before a batch is retried once
EARLIEST = "0" * 26  # the cursor of a list that continues in KV: no run has a smaller id
MAX_SEALED_TOGETHER = 128 * 1024  # bytes of inputs; sealed and in base64 they still fit into a row
_EARLIER = "kv."  # prefix of a cursor among the runs in KV
_KEY_DIGITS = 8  # of a hash, which choose an object
LARGE_BYTES = 64 * 1024  # a larger record is rendered in a stretch of work of its own
NO_PARTS: Mapping[Blobs, bytes] = {}
_UNSHOWN = ("keep_days", "blobs", "result", "input", "dead_until_ms")


class OtherRuns(Protocol):
    """Runs that are not in the RunLog."""

    async def find(self, run_id: str) -> StoredRecord:
        """Raises NotFoundError RUN_NOT_FOUND."""

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage: ...


class LoggedRuns:
    """Implements Runs over a RunLog. `inputs` seals runs' inputs; `earlier` has the runs in KV. `export_interval_ms` is
    the interval at which the RunLog is notified of new verdicts for ANALYTICS_KV. `results` seals a tenant's records.
    """

    def __init__(
        self,
        objects: RunLogObjects,
        inputs: RunInputs,
        blobs: BlobStore,
        *,
        earlier: OtherRuns,
        clock: Clock,
        random: Random,
        background: Background,
        export_interval_ms: float,
        results: "SealedResults | None" = None,
    ) -> None:
        self._objects, self._inputs, self._blobs, self._earlier = objects, inputs, blobs, earlier
        self._results = results
        self._clock, self._random = clock, random
        self._export_interval_ms = export_interval_ms
        self._number: int | None = None  # of the object that this isolate currently writes to
        self._chosen_ms = 0.0
        self._notified_ms = float("-inf")
        self._gathering = Gathering(self._write, lambda _now_ms: GATHER_MS, clock, background)
        self._claims = KnownClaims(clock)
        self.unwritten = self._gathering.unwritten

    def open_blobs(self, most_bytes: int) -> "StoredBlobs":
        """The blobs of these runs, of which each object of the RunLog has `most_bytes` at most."""
        from executor.records.blob_vault import StoredBlobs  # noqa: PLC0415 - few runs have any

        return StoredBlobs(self._objects, self._inputs, self._blobs, most_bytes)

    def new_run_id(self) -> str:
        if self._number is None:
            self._number = int.from_bytes(self._random.token_bytes(2)) % self._objects.count
            self._chosen_ms = self._clock.now_ms()
        return build_run_id_in(self._clock, self._random, self._number)

    def add(self, run: EndedRun) -> None:
        if run.is_kept:
            self._gathering.add(run)

    async def add_now(self, run: EndedRun) -> None:
        if not run.is_kept:
            return
        try:
            await self._write([run])
        except ArcrunError as error:
            raise RecordError(run.record.run_id) from error

    async def accept(self, run: AcceptedRun) -> None:
        await self._send([await self._render_accepted(run)])

    async def accept_new(self, runs: Sequence[AcceptedRun]) -> AcceptedBatch:
        by_object = _group_by_object([await self._render_accepted(run) for run in runs])
        added = await asyncio.gather(*(self._objects.add_new(number, rows) for number, rows in by_object.items()))
        await self._notify()
        return {"unfinished": [run_id for run_ids in added for run_id in run_ids], "refused": []}

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        return await self._objects.list_running(run_ids)

    async def admit(self, workflow_id: str, counted: Sequence[Counted], lease_ms: float) -> tuple[str, Admitted]:
        ticket = build_run_id_in(self._clock, self._random, self._choose_object(workflow_id))
        return ticket, await self._objects.admit(ticket, counted, lease_ms)

    async def leave(self, ticket: str) -> None:
        with suppress(UpstreamError):
            await self._objects.leave(ticket)

    async def admit_or_queue(
        self, workflow_id: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float
    ) -> Admission:
        ticket = build_run_id_in(self._clock, self._random, self._choose_object(workflow_id))
        return await self._objects.admit_or_queue(ticket, run_id, limits, lease_ms)

    def _choose_object(self, hashed: str) -> int:
        return int(hashed[:_KEY_DIGITS], 16) % self._objects.count

    @property
    def messages(self) -> "LoggedRuns":
        return self

    async def claim(self, request: KeyedRequest) -> Claimed:
        if (known := self._claims.find(request)) is not None:
            return known
        number, asked_ms = self._choose_object(request.key), self._clock.now_ms()
        run_id = build_run_id_in(self._clock, self._random, number)
        claimed = await self._objects.claim(number, request.to_claim(run_id))
        self._claims.note(request, claimed, asked_ms)
        return claimed

    async def release(self, key: str, run_id: str) -> None:
        with suppress(UpstreamError):
            await self._objects.release(key, run_id)
        self._claims.forget(key)

    async def settle(self, key: str, run: EndedRun, answer: bytes | None) -> None:
        try:
            rows = await self._render_all([run]) if run.is_kept else []
            await self._settle(key, run.record.run_id, "failed" if run.record.error else "success", answer, rows)
        except ArcrunError as error:
            raise RecordError(run.record.run_id) from error

    async def accept_keyed(self, key: str, run: AcceptedRun, answer: bytes) -> None:
        await self._settle(key, run.run_id, "accepted", answer, [await self._render_accepted(run)])

    async def open_answer(self, claimed: Claimed) -> bytes | None:
        text = claimed.get("answer")
        if text is None:
            return None
        try:
            return await self._inputs.open_part(answer_of(claimed["run_id"]), base64.b64decode(text))
        except (DecryptionError, NotConfiguredError):
            return None

    async def _settle(
        self, key: str, run_id: str, status: SettledStatus, answer: bytes | None, rows: Sequence[StoredRun]
    ) -> None:
        sealed = None if answer is None else await self._inputs.seal_part(answer_of(run_id), answer)
        text = None if sealed is None else base64.b64encode(sealed).decode()
        settlement: Settlement = {"key": key, "run_id": run_id, "status": status, "answer": text}
        try:
            await self._try_twice(lambda: self._objects.settle(settlement, rows))
        finally:
            self._claims.forget(key)
        await self._notify()

    async def add_accepted(self, run: EndedRun) -> None:
        with self.unwritten.counting(1):
            await self.end_accepted(run)

    async def find(self, run_id: str) -> StoredRecord:
        found = await self._objects.find(run_id) if is_run_id(run_id) else None
        if found is None:
            return await self._earlier.find(run_id)
        text: str | bytes | None = found["result"]
        if found["blobs"] & Blobs.RESULT:
            text = await self._read_blob(run_id, Blobs.RESULT)
        if text is None:  # it is being deleted
            raise build_unknown_run_error(run_id)
        verdict = {name: value for name, value in found.items() if name not in _UNSHOWN}
        if (until_ms := found.get("dead_until_ms")) is not None:
            verdict["dead_until"] = render_time(until_ms)
        if verdict["status"] == NEEDS_DECISION:
            verdict["decisions"] = [*await self._objects.list_cut_off(run_id)]
        result = json.loads(text) if self._results is None else await self._results.open(run_id, text)
        return judge(cast(StoredRecord, {**verdict, **result}), self._clock.now_ms())

    async def find_input(self, run_id: str) -> Any:
        """A run's input. Raises NotFoundError RUN_NOT_FOUND, also if the input is not stored; DecryptionError,
        NotConfiguredError.
        """
        return await self._inputs.open(run_id, *await self._find_holder(run_id))

    async def find_beginning(self, run_id: str) -> "tuple[Any, Occasion]":
        from executor.records.occasions import Occasion  # noqa: PLC0415 - only replays need it

        found, occasion = await self._inputs.open_beginning(run_id, *await self._find_holder(run_id))
        return found, Occasion.load(occasion)

    async def _find_holder(self, run_id: str) -> tuple[str, bytes]:
        """The id of the run that stores an input, and the input, sealed. Raises NotFoundError RUN_NOT_FOUND."""
        holder, sealed = run_id, await self._find_sealed(run_id)
        if sealed is not None and (named := holder_of(sealed)) is not None:
            holder, sealed = named, await self._find_sealed(named)
        if sealed is None:
            raise build_unknown_run_error(run_id)
        return holder, sealed

    async def watch(self, run_id: str) -> bool:
        try:
            return await self._objects.is_to_end(run_id)
        except UpstreamError:
            return False

    async def ask_to_end(self, run_id: str) -> bool:
        if not is_run_id(run_id) or self._clock.now_ms() - time_of(run_id) > LONGEST_QUICK_RUN_MS:
            return False
        await self._objects.ask_to_end(run_id)
        return True

    async def mark_retried(self, run_id: str, by: str, *, is_forced: bool) -> str:
        counted = await self._objects.mark_retried(run_id, by, is_forced=is_forced) if is_run_id(run_id) else ""
        if not counted:
            raise build_unknown_run_error(run_id)
        return counted

    async def unmark_retried(self, run_id: str, by: str) -> None:
        await self._objects.unmark_retried(run_id, by)

    async def _find_sealed(self, run_id: str) -> bytes | None:
        found = await self._objects.find(run_id) if is_run_id(run_id) else None
        if found and found["blobs"] & Blobs.INPUT:
            return await self._read_blob(run_id, Blobs.INPUT)
        text = found.get("input") if found else None
        return base64.b64decode(text) if text else None

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        verdicts: Sequence[Verdict] = ()
        if cursor is not None and not is_run_id(cursor) and not cursor.startswith(_EARLIER):
            raise build_cursor_error()
        if cursor is None or is_run_id(cursor):
            verdicts, reached = await self._objects.list_runs(asked, cursor or "", limit)
            if reached:
                return self._judge(verdicts), reached
            cursor = None
        if asked.is_dead:  # there are none among earlier runs
            return self._judge(verdicts), None
        if len(verdicts) == limit:  # earlier runs follow on the next page
            return self._judge(verdicts), EARLIEST
        after = cursor and cursor.removeprefix(_EARLIER)
        earlier, after = await self._earlier.list(asked, limit - len(verdicts), after)
        return [*self._judge(verdicts), *earlier], after and _EARLIER + after

    async def measure(self) -> Sequence[Measured]:
        return await self._objects.measure()

    async def renew_keys(self) -> RenewedKeys:
        return await self._inputs.renew()

    def _judge(self, verdicts: Sequence[Verdict]) -> Verdicts:
        now_ms = self._clock.now_ms()
        return [judge(verdict, now_ms) for verdict in verdicts]

    async def _write(self, runs: Sequence[EndedRun]) -> None:
        await self._send(await self._render_all(runs))

    async def _render_all(self, runs: Sequence[EndedRun]) -> Sequence[StoredRun]:
        sealed: dict[str, bytes] = {}
        occasions = {run.record.run_id: run.occasion for run in runs if run.request is not None}
        for inputs in _group_inputs(runs, occasions):
            its_own = {run_id: occasions[run_id] for run_id in inputs if run_id in occasions} if occasions else NONE
            sealed |= await self._inputs.seal(inputs, its_own)
        return [await self._render(run, sealed.get(run.record.run_id)) for run in runs]

    async def _render_accepted(self, run: AcceptedRun) -> StoredRun:
        verdict = run.to_verdict(self._clock.now_ms())
        shown: dict[str, Any] = {"waits_for": run.waits_for} if run.waits_for else {}
        sealed = None
        if run.keeping.recording is not Recording.NONE:
            shown["input"] = run.shown
            occasion = {run.run_id: run.occasion}
            sealed = (await self._inputs.seal({run.run_id: run.input}, occasion)).get(run.run_id)
        start = await self.seal_part(start_of(run.run_id), run.start) if run.start else None
        attachments = {
            Blobs.of_attachment(number): await self.seal_part(attachment_of(run.run_id, number), content)
            for number, content in enumerate(run.attachments, start=1)
        }
        row = await self._complete(
            verdict, run.keeping, json.dumps(shown), sealed, start=start, attachments=attachments
        )
        return {**row, "queued_ms": run.limit_ms, "is_limited": run.is_limited} if run.is_queued else row

    async def seal_part(self, purpose: str, content: bytes) -> bytes:
        sealed = await self._inputs.seal_part(purpose, content)
        if sealed is None:
            raise NotConfiguredError(
                "A run that goes on after a crash is stored, sealed, and there is no key for that.",
                next_actions=["Set the executor's ARCRUN_ENCRYPTION_KEY: acr init, acr deploy."],
            )
        return sealed

    async def open_part(self, purpose: str, sealed: bytes) -> bytes:
        return await self._inputs.open_part(purpose, sealed)

    async def open_attachment(self, run_id: str, number: int) -> bytes | None:
        sealed = await self._read_blob(run_id, Blobs.of_attachment(number)) if is_run_id(run_id) else None
        return None if sealed is None else await self._inputs.open_part(attachment_of(run_id, number), sealed)

    async def find_start(self, run_id: str) -> tuple[bytes, bool] | None:
        found = await self._objects.find_start(run_id) if is_run_id(run_id) else None
        if found is None:
            return None
        sealed = base64.b64decode(found["start"]) or await self._read_blob(run_id, Blobs.START)
        if sealed is None:
            return None
        return await self._inputs.open_part(start_of(run_id), sealed), found["cancelled"]

    async def ask_to_cancel(self, run_id: str) -> bool:
        return is_run_id(run_id) and await self._objects.cancel_start(run_id)

    async def is_to_cancel(self, run_id: str) -> bool:
        found = await self._objects.find_start(run_id)
        return found is not None and found["cancelled"]

    def open_events(self, run_id: str) -> RunEventsObject:
        return self._objects.of_run(run_id)

    async def note_trace(self, run_id: str, trace: str) -> None:
        if self._results is not None:
            trace = await self._results.seal_trace(run_id, trace)
        await self._objects.of_run(run_id).note_trace(run_id, trace)

    async def ask_about_call(self, run_id: str, call: str, node: str) -> "Decision | None":
        if (found := await self._objects.ask_about_call(run_id, call, node)) is None:
            return None
        sealed = found.get("data")
        data = None
        if sealed is not None:
            data = json.loads(await self._inputs.open_part(decision_of(run_id, node), base64.b64decode(sealed)))
        return {"decision": found["decision"], "data": data}

    async def decide_call(self, run_id: str, node: str, decision: "Decision") -> bool:
        sealed = None
        if decision["data"] is not None:
            sealed = await self.seal_part(decision_of(run_id, node), json.dumps(decision["data"]).encode())
        data = None if sealed is None else base64.b64encode(sealed).decode()
        return await self._objects.decide_call(run_id, node, {"decision": decision["decision"], "data": data})

    async def list_cut_off(self, run_id: str) -> Sequence[CutOffCall]:
        return await self._objects.list_cut_off(run_id)

    async def keep_answer(self, run_id: str, answer: bytes) -> str:
        return await self._keep(run_id, answer, Blobs.ANSWER)

    async def open_kept_answer(self, run_id: str, kept: str) -> bytes | None:
        return await self._open_kept(run_id, kept, Blobs.ANSWER)

    async def note_early_answer(self, run_id: str, answer: bytes) -> None:
        kept = await self._keep(run_id, answer, Blobs.EARLY_ANSWER)
        await self._objects.of_run(run_id).note_early_answer(run_id, kept)

    async def find_early_answer(self, run_id: str) -> bytes | None:
        kept = await self._objects.of_run(run_id).find_early_answer(run_id)
        return None if kept is None else await self._open_kept(run_id, kept, Blobs.EARLY_ANSWER)

    async def _keep(self, run_id: str, answer: bytes, part: Blobs) -> str:
        """The answer, sealed, in base64; "" of a large one, which lies in the bucket as `part`."""
        sealed = await self.seal_part(end_of(run_id), answer)
        if len(sealed) * 4 / 3 <= MAX_STEP_RESULT_BYTES:
            return base64.b64encode(sealed).decode()
        await self._objects.expect_blobs(run_id)
        await self._blobs.put(blob_key(run_id, part), sealed)
        return ""

    async def _open_kept(self, run_id: str, kept: str, part: Blobs) -> bytes | None:
        sealed = base64.b64decode(kept) or await self._read_blob(run_id, part)
        return None if sealed is None else await self._inputs.open_part(end_of(run_id), sealed)

    async def list_unfinished(self, limit: int, cursor: str | None) -> tuple[Sequence[str], str | None]:
        number, _, after = (cursor or "0:").partition(":")
        found = await self._objects.list_starts(int(number), after, limit)
        if len(found) == limit:
            return found, f"{number}:{found[-1]}"
        following = int(number) + 1
        return found, f"{following}:" if following < self._objects.count else None

    async def drop_accepted(self, run_id: str) -> None:
        if keys := blob_keys_of(run_id, await self._objects.drop(run_id)):
            await self._blobs.delete(keys)

    async def settle_dead_letter(self, run_id: str) -> bool:
        return is_run_id(run_id) and await self._objects.settle_dead_letter(run_id)

    async def has_queue_room(self, run_id: str) -> bool:
        return await self._objects.has_queue_room(run_id)

    async def leave_queue(self, run_id: str) -> None:
        await self._objects.leave_queue(run_id)

    async def release_queue(self, workflow: str | None, kept: Sequence[str] = ()) -> int:
        return await self._objects.release_queue(workflow, kept)

    async def count_unsettled(self) -> Unsettled:
        return await self._objects.count_unsettled()

    async def end_accepted(self, run: EndedRun) -> None:
        if run.is_kept:
            await self._send([await self._render(run, None)])
        else:
            await self.drop_accepted(run.record.run_id)

    async def keep_values(self, run_id: str, values: bytes) -> int:
        sealed = await self.seal_part(values_of(run_id), values)
        await self._objects.expect_blobs(run_id)
        await self._blobs.put(blob_key(run_id, Blobs.VALUES), sealed)
        return len(sealed)

    async def find_values(self, run_id: str) -> bytes | None:
        found = await self._objects.find(run_id) if is_run_id(run_id) else None
        if found is None or not found["blobs"] & Blobs.VALUES:
            return None
        sealed = await self._read_blob(run_id, Blobs.VALUES)
        return None if sealed is None else await self.open_part(values_of(run_id), sealed)

    async def _send(self, rows: Sequence[StoredRun]) -> None:
        for number, its_rows in _group_by_object(rows).items():
            await self._try_twice(partial(self._objects.add, number, its_rows))
        await self._notify()

    async def _try_twice(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except UpstreamError:
            await self._clock.sleep(RETRY_MS)
            await write()

    async def _notify(self) -> None:
        """After a write: tell the RunLog of new verdicts, and move to another object, as due."""
        now_ms = self._clock.now_ms()
        if now_ms - self._chosen_ms >= MOVE_MS:
            self._number = None
        if now_ms - self._notified_ms >= self._export_interval_ms:
            with suppress(UpstreamError):  # the next batch tries again
                await self._objects.first.expect_export()
                self._notified_ms = now_ms

    async def _render(self, run: EndedRun, sealed: bytes | None) -> StoredRun:
        if run.bytes > LARGE_BYTES:
            await self._clock.pause()
        result = json.dumps(run.record.to_result())
        passed_on, large = (None, NO_PARTS) if run.answer is None else await self._pass_on(run, run.answer)
        row = await self._complete(run.record.to_verdict(), run.keeping, result, sealed, attachments=large)
        if passed_on is not None:
            row["passed_on"] = passed_on
        if run.record.status == "failed" and run.depth > 1:
            row["depth"] = run.depth
        if run.values_bytes:
            row["blobs"] |= Blobs.VALUES.value
            row["blob_bytes"] = row.get("blob_bytes", 0) + run.values_bytes
        return row

    async def _pass_on(self, run: EndedRun, answer: bytes) -> "tuple[PassedOn, Mapping[Blobs, bytes]]":
        """What is told of a run that others follow, and its answer, sealed, if that is too large for a row."""
        record, text, large = run.record, None, NO_PARTS
        sealed = await self._inputs.seal_part(passed_on_of(record.run_id), answer)
        if sealed is not None:
            text = base64.b64encode(sealed).decode()
            if len(text) > MAX_CHAINED_CHARACTERS:
                text, large = "", {Blobs.PASSED_ON: sealed}
        return {"answer": text, "depth": run.depth, "ended_ms": record.started_ms + record.duration_ms}, large

    async def open_passed_on(self, run_id: str, answer: str) -> bytes | None:
        sealed = base64.b64decode(answer) or await self._read_blob(run_id, Blobs.PASSED_ON)
        return None if sealed is None else await self._inputs.open_part(passed_on_of(run_id), sealed)

    async def _complete(
        self,
        verdict: Verdict,
        keeping: Keeping,
        result: str,
        sealed: bytes | None,
        *,
        start: bytes | None = None,
        attachments: Mapping[Blobs, bytes] = NO_PARTS,
    ) -> StoredRun:
        """The row of a run. Parts that are too large for it, and attachments, are stored in the bucket first. Before
        that the object is notified, so that it can delete parts that never get a row. Without `sealed` the stored input
        stays unchanged.
        """
        run_id, large = verdict["id"], dict(attachments)
        if self._results is not None:
            result = await self._results.seal(run_id, result)
        if len(result) > MAX_ROW_BYTES:
            large[Blobs.RESULT] = result.encode()
            result = ""
        if sealed is not None and len(sealed) > MAX_ROW_BYTES:
            large[Blobs.INPUT] = sealed
            sealed = None
        if start is not None and len(start) > MAX_ROW_BYTES:
            large[Blobs.START] = start
        if large:
            await self._objects.expect_blobs(run_id)
        for part, content in large.items():
            await self._blobs.put(blob_key(run_id, part), content)
        row = {
            **verdict,
            "keep_days": keeping.days or 0,
            "blobs": sum(part.value for part in large),
            "blob_bytes": sum(map(len, large.values())),
            "result": result,
            "input": None if sealed is None else base64.b64encode(sealed).decode(),
        }
        if start is not None:
            row["start"] = "" if Blobs.START in large else base64.b64encode(start).decode()
        return cast(StoredRun, row)

    async def _read_blob(self, run_id: str, part: Blobs) -> bytes | None:
        blob = await self._blobs.get(blob_key(run_id, part))
        return None if blob is None else blob.content


def _group_by_object(rows: Sequence[StoredRun]) -> dict[int, list[StoredRun]]:
    by_object: dict[int, list[StoredRun]] = {}
    for row in rows:
        by_object.setdefault(object_of(row["id"]), []).append(row)
    return by_object


def _group_inputs(runs: Sequence[EndedRun], occasions: Mapping[str, bytes]) -> list[dict[str, bytes]]:
    """Groups of inputs by run id: runs of the same object and retention, as many as fit into a row with their
    occasions.
    """
    groups: list[dict[str, bytes]] = []
    open_groups: dict[tuple[int, int | None], tuple[dict[str, bytes], int]] = {}  # with their sizes in bytes
    for run in runs:
        if not run.input:
            continue
        kind = (object_of(run.record.run_id), run.keeping.days)
        inputs, size = open_groups.get(kind, ({}, 0))
        added = len(run.input) + len(occasions.get(run.record.run_id, b""))
        if not inputs or size + added > MAX_SEALED_TOGETHER:
            inputs, size = {}, 0
            groups.append(inputs)
        inputs[run.record.run_id] = run.input
        open_groups[kind] = (inputs, size + added)
    return groups
