"""Records of runs: a single account's in a RunLog (logged_runs.py), a tenant's in its KV (tenant_runs.py).

Runs that have ended are gathered and written together, after their answers. Records that could not be written are
counted, and reported in the log at most once a minute.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from arcrun.admissions import Admitted, Counted
from arcrun.caches import Cache
from arcrun.engine.record import RunRecord, StoredRecord, Verdict
from arcrun.engine.request import RequestSource
from arcrun.engine.run_id import time_of
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, NotFoundError, describe_fault
from arcrun.json_text import write_json
from arcrun.limits import (
    MAX_BATCH_BYTES,
    MAX_KNOWN_CLAIMS,
    MAX_ROW_BYTES,
    MAX_RUN_TIMEOUT_MS,
    MAX_UNDO_MS,
    MAX_UNWRITTEN_BYTES,
)
from arcrun.ports import Background, Clock
from arcrun.request_keys import Claim, Claimed
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.protocol import Measured
from arcrun.times import render_time
from arcrun.workflows.model import Keeping, Recording

if TYPE_CHECKING:
    from executor.records.occasions import Occasion

LOG_INTERVAL_MS = 60_000
ASK_AGAIN_MS = 250  # after which an isolate asks again whether another's run has ended
Verdicts = list[Verdict]
RunPage = tuple[Verdicts, str | None]
LONGEST_QUICK_RUN_MS = MAX_RUN_TIMEOUT_MS + MAX_UNDO_MS + 60_000  # until its record is stored, too
# Then the request that was to write a batch is assumed to be cancelled, and the next request writes it.
OVERDUE_GATHERING_MS = 500  # after the time that a batch waits for more runs
OVERDUE_WRITING_MS = 10_000

logger = logging.getLogger("arcrun")


class UnwrittenRecords:
    """The number of records that an isolate could not write since its start, and the last reason."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.count = 0
        self._last_ms, self._reason = 0.0, ""
        self._logged_ms: float | None = None

    @contextmanager
    def counting(self, count: int) -> Iterator[None]:
        """A context for writing `count` records: exceptions in it are counted, and suppressed."""
        try:
            yield
        except Exception as fault:
            reason = fault.message if isinstance(fault, ArcrunError) else "arcrun failed; the log has the cause."
            self.add(count, reason, cause="" if isinstance(fault, ArcrunError) else describe_fault(fault))

    def add(self, count: int, reason: str, *, cause: str = "") -> None:
        """Count records. `reason` is shown to callers, `cause` is only logged."""
        self.count += count
        self._last_ms, self._reason = self._clock.now_ms(), reason
        self._log(cause or reason)

    def to_json(self) -> dict[str, Any]:
        """{"count", "last_at", "reason"}; only meaningful if `count` is not 0."""
        return {"count": self.count, "last_at": render_time(self._last_ms), "reason": self._reason}

    def _log(self, cause: str) -> None:
        now_ms = self._clock.now_ms()
        if self._logged_ms is not None and now_ms - self._logged_ms < LOG_INTERVAL_MS:
            return
        self._logged_ms = now_ms
        logger.error("Records of runs could not be written, %d so far: %s", self.count, cause)


@dataclass(frozen=True)
class AcceptedRun:
    """A run that was accepted and has not begun. `limit_ms` is its time limit, `input` its input as JSON, `shown` the
    redacted input that records show; `start` is what an instance starts it with (executor/durable/start.py). A queued
    one says what it `waits_for`: the end of its workflow's pause or, if it `is_limited`, room in its limits. `request`
    is None unless templates may read it; `replay_of` is the run that it replays. `attachments` are those of its message
    that are too large for its input.
    """

    run_id: str
    workflow: str
    version: int
    trigger: TriggerKind
    limit_ms: float
    shown: Any
    input: bytes
    keeping: Keeping
    start: bytes = b""
    waits_for: str = ""
    is_limited: bool = False
    request: RequestSource | None = None
    replay_of: str = ""
    attachments: Sequence[bytes] = ()

    def to_verdict(self, now_ms: float) -> Verdict:
        """The verdict of a run that begins now, or is queued."""
        verdict: Verdict = {
            "id": self.run_id,
            "workflow": self.workflow,
            "version": self.version,
            "trigger": self.trigger.value,
            "status": "running",
            "started_at": render_time(now_ms),
            "deadline_ms": 0 if self.is_queued else now_ms + self.limit_ms,
        }
        return {**verdict, "replay_of": self.replay_of} if self.replay_of else verdict

    @property
    def is_queued(self) -> bool:
        return bool(self.waits_for)

    @property
    def occasion(self) -> bytes:
        """What is sealed with its input for replays."""
        from executor.records.occasions import Occasion, keep_request  # noqa: PLC0415 - quick runs need none of it

        request = None if self.request is None else keep_request(self.request, time_of(self.run_id))
        return Occasion(is_accepted=True, request=request).to_bytes()


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended. `input` is its input as JSON, unredacted. `request` is None if no template may read it.
    `values_bytes` is the size of its values in the bucket, 0 if they are not kept. `answer` is its answer as JSON, for
    runs that follow it; None if none do, or if it has not succeeded. `depth` is that of the runs that it starts.
    `is_watched` is whether a failure of it starts others, of a tenant.
    """

    record: RunRecord
    keeping: Keeping
    input: bytes
    request: RequestSource | None = None
    values_bytes: int = 0
    answer: bytes | None = None
    depth: int = 1
    is_watched: bool = False

    @property
    def occasion(self) -> bytes:
        """What is sealed with its input for replays; empty for most."""
        if self.request is None:
            return b""
        from executor.records.occasions import Occasion, keep_request  # noqa: PLC0415 - most runs need none of it

        return Occasion(request=keep_request(self.request, self.record.started_ms)).to_bytes()

    @property
    def bytes(self) -> int:
        """The approximate size of its record and input when stored. A request has its input as text."""
        passed_on = 0 if self.answer is None else len(self.answer)
        return self.record.bytes + len(self.input) * (1 if self.request is None else 2) + passed_on

    @property
    def is_kept(self) -> bool:
        if self.keeping.recording is Recording.ERRORS:
            return self.record.error is not None
        return self.keeping.recording is not Recording.NONE

    @property
    def comes_first(self) -> bool:
        """Whether the record must be stored before the answer."""
        return self.keeping.recording is Recording.BEFORE_ANSWER


def render_passed_on(record: RunRecord) -> bytes | None:
    """What the runs that follow one get, as JSON; None if it has not succeeded."""
    return None if record.error is not None else write_json(record.data).encode()


@dataclass(frozen=True)
class KeyedRequest:
    """A request with a key: see Claim. Its run takes `lease_ms` at most."""

    key: str
    fingerprint: str
    lease_ms: float
    keep_ms: float
    retries_failed: bool

    def to_claim(self, run_id: str) -> Claim:
        return {
            "key": self.key,
            "fingerprint": self.fingerprint,
            "run_id": run_id,
            "lease_ms": self.lease_ms,
            "keep_ms": self.keep_ms,
            "retries_failed": self.retries_failed,
        }


class KnownClaims:
    """The keys that an isolate knows to be taken, so that of many repetitions at once few ask the object: by runs of
    its own until these end, by those of others for ASK_AGAIN_MS.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # The fingerprint, the run, and by the clock until when it is known and its lease lasts.
        self._taken: Cache[tuple[str, str, float, float]] = Cache(MAX_KNOWN_CLAIMS)

    def find(self, request: KeyedRequest) -> Claimed | None:
        """What a claim would find; None if the object must be asked."""
        fingerprint, run_id, known_ms, lease_ms = self._taken.get(request.key, ("", "", 0.0, 0.0))
        now_ms = self._clock.now_ms()
        if now_ms >= known_ms:
            return None
        if fingerprint != request.fingerprint:
            return {"state": "reused", "run_id": run_id}
        return {"state": "running", "run_id": run_id, "left_ms": lease_ms - now_ms}

    def note(self, request: KeyedRequest, claimed: Claimed, asked_ms: float) -> None:
        """Note the outcome of a claim, which was sent at `asked_ms`."""
        if claimed["state"] == "claimed":
            lease_ms = asked_ms + request.lease_ms
            self._taken.put(request.key, (request.fingerprint, claimed["run_id"], lease_ms, lease_ms))
        elif claimed["state"] == "running":
            now_ms = self._clock.now_ms()
            lease_ms = now_ms + claimed.get("left_ms", 0)
            known_ms = min(now_ms + ASK_AGAIN_MS, lease_ms)
            self._taken.put(request.key, (request.fingerprint, claimed["run_id"], known_ms, lease_ms))

    def forget(self, key: str) -> None:
        self._taken.pop(key)


@dataclass(frozen=True)
class RenewedKeys:
    """`data_keys` is the number of data keys, `lost` how many of them no key of this executor opens. `key` is the
    fingerprint of the encryption key that wraps the others.
    """

    data_keys: int
    lost: int
    key: str


class KeyedRuns(Protocol):
    """Runs of requests with a key, or of messages."""

    async def claim(self, request: KeyedRequest) -> Claimed:
        """Give the request's key to a new run, if no other has it. Raises UpstreamError."""

    async def release(self, key: str, run_id: str) -> None:
        """Give up a claim whose run has not begun. A failure is of no consequence: its lease ends."""

    async def accept_keyed(self, key: str, run: AcceptedRun, answer: bytes) -> None:
        """Like `accept`, of a run that has a key, together with its answer. Raises UpstreamError."""


class Runs(KeyedRuns, Protocol):
    unwritten: UnwrittenRecords

    @property
    def messages(self) -> KeyedRuns:
        """Those that messages start."""

    def new_run_id(self) -> str: ...

    def add(self, run: EndedRun) -> None:
        """Store a run after the answer, which this never delays. Failures are counted in `unwritten`."""

    async def add_now(self, run: EndedRun) -> None:
        """Store a run before the answer. Raises RecordError."""

    async def accept(self, run: AcceptedRun) -> None:
        """Store a run as running before it begins, with its shown input. Raises UpstreamError; the run must then not
        begin.
        """

    async def add_accepted(self, run: EndedRun) -> None:
        """Replace the record that `accept` stored; failures are counted in `unwritten`."""

    async def settle(self, key: str, run: EndedRun, answer: bytes | None) -> None:
        """Store the record of a run that has a key together with its answer; None if that is not kept. Raises
        RecordError.
        """

    async def open_answer(self, claimed: Claimed) -> bytes | None:
        """The answer that is kept; None if it is not stored, or can no longer be opened. Raises UpstreamError."""

    async def admit(self, workflow_id: str, counted: Sequence[Counted], lease_ms: float) -> tuple[str, Admitted]:
        """Admit a run within its workflow's limits; returns the ticket with which it leaves. `workflow_id` is a SHA-256
        in hexadecimal. Raises UpstreamError.
        """

    async def leave(self, ticket: str) -> None:
        """An admitted run has ended. A failure is of no consequence: its lease ends."""

    async def find(self, run_id: str) -> StoredRecord:
        """The stored record; for an accepted run without one its verdict, "running" or "lost", and `input`.

        Raises NotFoundError RUN_NOT_FOUND.
        """

    async def find_input(self, run_id: str) -> Any:
        """What a run was started with, unredacted. Raises NotFoundError RUN_NOT_FOUND, also if it is not stored;
        DecryptionError, NotConfiguredError.
        """

    async def find_beginning(self, run_id: str) -> "tuple[Any, Occasion]":
        """What a run was started with, and its occasion; an empty one if none is stored. Raises the same."""

    @property
    def watch(self) -> Callable[[str], Awaitable[bool]] | None:
        """Tells whether somebody has asked that a run ends; None if nobody can."""

    async def ask_to_end(self, run_id: str) -> bool:
        """Ask that a run that may be under way ends. False if it cannot be. Raises UpstreamError."""

    async def mark_retried(self, run_id: str, by: str, *, is_forced: bool) -> str:
        """Note that the run `by` retries another, unless one does already; if it is forced, in any case. Returns the id
        of the one that counts. Raises NotFoundError RUN_NOT_FOUND, UpstreamError.
        """

    async def unmark_retried(self, run_id: str, by: str) -> None:
        """The run `by` has not begun after all. Raises UpstreamError."""

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        """Verdicts, newest first, and the cursor of the next page. A page may have fewer than `limit`, or none, if
        many runs had to be scanned. Raises RequestError.
        """

    async def renew_keys(self) -> RenewedKeys | None:
        """Wrap the data keys of inputs under the current encryption key. None if no inputs are stored. Raises
        NotConfiguredError.
        """

    async def measure(self) -> Sequence[Measured]:
        """The platform usage of each object of the RunLog; empty if runs are in a tenant's KV."""


def build_unknown_run_error(run_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no run `{run_id[:40]}`.",
        code="RUN_NOT_FOUND",
        next_actions=["List the runs: acr logs. Records are kept for 7 days, or as long as the workflow says."],
    )


Write = Callable[[Sequence[EndedRun]], Awaitable[None]]


@dataclass(eq=False)
class _Batch:
    runs: list[EndedRun]
    bytes: int
    due_ms: float


class Gathering:
    """Gathers runs into batches. `write` writes a batch; if it raises, its runs are counted in `unwritten`. `wait_ms`
    returns how long, from the time it gets, the first run of a batch waits for others.
    """

    def __init__(self, write: Write, wait_ms: Callable[[float], float], clock: Clock, background: Background) -> None:
        self._write, self._wait_ms, self._clock, self._background = write, wait_ms, clock, background
        self._gathered = _Batch([], 0, 0.0)
        self._under_way: list[_Batch] = []
        self.unwritten = UnwrittenRecords(clock)

    def add(self, run: EndedRun) -> None:
        now_ms, size_bytes = self._clock.now_ms(), run.bytes
        self._take_over_overdue(now_ms)
        shortened = run.record.shortened()
        if shortened is not run.record:
            run = replace(run, record=shortened)
        if size_bytes + self._gathered.bytes + sum(batch.bytes for batch in self._under_way) > MAX_UNWRITTEN_BYTES:
            self.unwritten.add(1, "More records wait to be written than an isolate can hold.")
            return
        if size_bytes > MAX_ROW_BYTES:  # it may need requests of its own, which count towards the run
            self._background.start(self._write_batch(self._begin(_Batch([run], size_bytes, now_ms))))
            return
        is_first = not self._gathered.runs or now_ms > self._gathered.due_ms + OVERDUE_GATHERING_MS
        self._gathered.runs.append(run)
        self._gathered.bytes += size_bytes
        if self._gathered.bytes > MAX_BATCH_BYTES:
            self._background.start(self._write_batch(self._begin(self._take_gathered())))
        elif is_first:
            wait_ms = self._wait_ms(now_ms)
            self._gathered.due_ms = now_ms + wait_ms
            self._background.start(self._write_gathered(wait_ms))

    def _take_over_overdue(self, now_ms: float) -> None:
        """Gather batches again whose write has not ended in time; a second write replaces the same records."""
        while self._under_way and now_ms - self._under_way[0].due_ms > OVERDUE_WRITING_MS:
            overdue = self._under_way.pop(0)
            self._gathered.runs += overdue.runs
            self._gathered.bytes += overdue.bytes

    def _take_gathered(self) -> _Batch:
        gathered, self._gathered = self._gathered, _Batch([], 0, 0.0)
        return gathered

    def _begin(self, batch: _Batch) -> _Batch:
        batch.due_ms = self._clock.now_ms()
        self._under_way.append(batch)
        return batch

    async def _write_gathered(self, wait_ms: float) -> None:
        await self._clock.sleep(wait_ms)
        if self._gathered.runs:
            await self._write_batch(self._begin(self._take_gathered()))

    async def _write_batch(self, batch: _Batch) -> None:
        with self.unwritten.counting(len(batch.runs)):
            await self._write(batch.runs)
        if batch in self._under_way:
            self._under_way.remove(batch)
