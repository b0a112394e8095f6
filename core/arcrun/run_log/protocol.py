"""The operations of a RunLog, and their wire formats. Tables: docs/storage-schema.md."""

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Any, Literal, NotRequired, Protocol, TypedDict

from arcrun.admissions import AdmissionsObject, RemoteAdmissions
from arcrun.engine.record import Verdict
from arcrun.limits import MAX_STORED_ATTACHMENTS
from arcrun.request_keys import RemoteRequestKeys, RequestKeysObject, Settlement
from arcrun.run_events import RemoteRunEvents, RunEventsObject
from arcrun.run_log.cut_off_calls import CutOffCallsObject, RemoteCutOffCalls
from arcrun.run_log.dead_letters import DeadLettersObject, RemoteDeadLetters
from arcrun.run_log.limited_runs import LimitedRunsObject, RemoteLimitedRuns
from arcrun.run_log.queued_runs import QueuedRunsObject, RemoteQueuedRuns
from arcrun.run_log.run_blobs import RemoteRunBlobs, RunBlobsObject


class PassedOn(TypedDict):
    """What a run that others follow (`after`) hands on to them when it has succeeded. `answer` is its answer, sealed,
    in base64: "" of a large one, which lies in the bucket, and None of one that could not be stored. `depth` is that of
    the runs that it starts.
    """

    answer: str | None
    depth: int
    ended_ms: float


class StoredRun(TypedDict):
    """A stored run. `status` is "success", "failed", "cancelled" or "running". `error` is the error's code, `node` the
    node that failed. `deadline_ms`, of an unfinished run, is in milliseconds since 1970, 0 of a queued one, which has
    none yet; `queued_ms` is how long that may take once it has begun, `is_limited` whether it waits for its workflow's
    limits. `keep_days` is the workflow's own setting, 0 for the platform's. `replay_of` is the run that it replays,
    `retried_by` the one that retries it.

    `result` is a JSON string: {"data"} or {"error"}, and {"trace"}; or {"input"} for an unfinished run, {"trace"} if it
    waits, and {"waits_for"} if it is queued. `input` is the run's input, sealed (executor/records/run_inputs.py).
    `start` is what the run is started with, sealed, until it has ended (executor/durable/start.py). `blobs` says which
    of the three are stored in the bucket instead, and which attachments of a message (Blobs), and `blob_bytes` their
    size. `dead_until_ms` is told of a dead letter, never stored: until when it is kept as one. `tenant` is whose object
    it is, in the hosted mode; there `workflow`, `node`, `error` and `result` are sealed (arcrun/run_log/tenants.py,
    executor/hosted/sealed_results.py). `passed_on` is what the Workspace is told of a run that has succeeded and is
    followed; no row has it, nor `depth`: of a run that has failed, that of the runs which its failure starts, if it is
    not 1.
    """

    id: str
    workflow: str
    version: int
    trigger: str
    status: str
    started_at: str
    duration_ms: NotRequired[float | None]
    deadline_ms: NotRequired[float | None]
    error: NotRequired[str | None]
    node: NotRequired[str | None]
    keep_days: int
    blobs: int
    blob_bytes: NotRequired[int]
    result: str
    input: NotRequired[str | None]
    start: NotRequired[str | None]
    queued_ms: NotRequired[float]
    is_limited: NotRequired[bool]
    dead_until_ms: NotRequired[float]
    replay_of: NotRequired[str | None]
    retried_by: NotRequired[str | None]
    tenant: NotRequired[str]
    passed_on: NotRequired[PassedOn]
    depth: NotRequired[int]


# What became of a run that is to be accepted: "closed" of a tenant that has gone, "taken" if another has its key.
Acceptance = Literal["stored", "full", "closed", "taken"]


class AcceptedBatch(TypedDict):
    """What became of runs that were to be accepted together: `unfinished` are those that are stored and have not ended,
    `refused` those for which there was no room.
    """

    unfinished: list[str]
    refused: list[str]


class Started(TypedDict):
    """`start` is sealed, "" if it lies in the bucket; `cancelled` is whether the run is to end."""

    start: str
    cancelled: bool


class Unsettled(TypedDict):
    """The numbers of dead letters and of queued runs, and the id of the last run that has failed, or is lost: by
    workflow. An object of the release before tells of no failed ones.
    """

    dead: dict[str, int]
    queued: dict[str, int]
    failed: NotRequired[dict[str, str]]


class Listed(TypedDict):
    """`runs` are verdicts, newest first. They include all matching runs with an id of at least `reached`; "" means all
    matching runs.
    """

    runs: list[Verdict]
    reached: str


class Unexported(TypedDict):
    """`late` are the ids among `verdicts` that are older than the previous export; `upto` is the newest of the others.
    `has_more` is whether there are, or will soon be, more.
    """

    verdicts: list[Verdict]
    late: list[str]
    upto: str
    has_more: bool


class DataKey(TypedDict):
    """The key that seals inputs, wrapped with the platform's key (executor/records/run_inputs.py)."""

    number: int
    wrapped: str


class Measured(TypedDict):
    """Measurements of one object. `bytes` is the size of the database and of its blobs in the bucket, limited to
    `most_bytes`.

    For the current day in UTC: `runs` that have begun and are stored, `indexed`: those with an entry in the index of
    runs without success, `pruned`: deleted runs, `exports`: writes to ANALYTICS_KV, `rows` written and `requests`, both
    without counts that an object had not saved when the platform evicted it.

    Since this instance of the object started: calls of `add` (`batches`), and their wall-clock time in `busy_ms`.
    """

    bytes: int
    most_bytes: int
    runs: int
    indexed: int
    pruned: int
    exports: int
    rows: int
    requests: int
    batches: int
    busy_ms: float


class RunLogObject(
    RequestKeysObject,
    AdmissionsObject,
    RunEventsObject,
    DeadLettersObject,
    QueuedRunsObject,
    LimitedRunsObject,
    CutOffCallsObject,
    RunBlobsObject,
    Protocol,
):
    async def add(self, runs: Sequence[StoredRun]) -> None:
        """Store runs. An existing one is replaced, except for its input if the new one has none."""

    async def add_new(self, runs: Sequence[StoredRun]) -> Sequence[str]:
        """Store accepted runs that are not stored yet. Returns the ids of those that have not ended."""

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Those of the runs that have not ended, and are not lost."""

    async def accept(self, run: StoredRun, most: int) -> Acceptance:
        """Store a tenant's run with a start, if it is then one of `most` at most that have one, and there is room."""

    async def accept_new(self, runs: Sequence[StoredRun], most: int) -> AcceptedBatch:
        """As `accept`, of several of a tenant's runs; those that are stored stay as they are."""

    async def accept_keyed(self, settlement: Settlement, run: StoredRun, most: int) -> Acceptance:
        """As `accept`, of a tenant's run that has a key, together with its answer. Nothing is stored of a run that no
        longer has the key: another one is accepted, or will be.
        """

    async def open_anew(self) -> None:
        """Take runs again, for a tenant that registers anew."""

    async def close(self) -> None:
        """Delete everything permanently, for a tenant that goes: a closed object stores nothing. Instances, and what
        lies in the bucket, are deleted at the next alarms.
        """

    async def expect_blobs(self, run_id: str) -> None:
        """Note that parts of the run are about to be put into the bucket, before its row."""

    async def drop(self, run_id: str) -> int:
        """Delete a run that is stored as running. Returns which parts of it are in the bucket (Blobs)."""

    async def find(self, run_id: str) -> StoredRun | None: ...

    async def find_start(self, run_id: str) -> Started | None:
        """The start of a run that has not ended."""

    async def cancel_start(self, run_id: str) -> bool:
        """Note that a run is to end. False if it has ended, or has no start."""

    async def note_early_answer(self, run_id: str, answer: str) -> None:
        """Keep what a run that has not ended has answered early, sealed, unless it has one."""

    async def find_early_answer(self, run_id: str) -> str | None:
        """It, of a run that has not ended."""

    async def note_trace(self, run_id: str, trace: str) -> None:
        """Put a trace, as JSON, into the result of a run that has not ended."""

    async def ask_to_end(self, run_id: str) -> None:
        """Note that a run, which may be under way and then has no row, is to end."""

    async def is_to_end(self, run_id: str) -> bool: ...

    async def mark_retried(self, run_id: str, by: str, is_forced: bool) -> str:
        """Note that the run `by` retries another, unless one does already; if it is forced, in any case. Returns the id
        of the one that counts, "" if there is no such run.
        """

    async def unmark_retried(self, run_id: str, by: str) -> None:
        """The run `by` has not begun after all."""

    async def list_starts(self, after: str, limit: int) -> Sequence[str]:
        """The ids of runs with a start that are not queued, greater than `after`, in order."""

    async def count_unsettled(self) -> Unsettled:
        """How many runs wait for their owner."""

    async def list_runs(self, asked: Mapping[str, Any], before: str, limit: int) -> Listed:
        """At most `limit` runs with ids less than `before`, or any if that is "". `asked` is RunFilter.to_json."""

    async def expect_export(self) -> None:
        """Write the verdicts to KV soon, because one of the objects has some. Only object 0 gets this call."""

    async def list_unexported(self, limit: int) -> Unexported:
        """The verdicts of runs that have ended and are not marked as exported."""

    async def mark_exported(self, late: Sequence[str], upto: str) -> None:
        """Mark verdicts as exported to KV."""

    async def list_data_keys(self) -> Sequence[DataKey]:
        """The data keys. Only object 0 gets this call and the next two."""

    async def add_data_key(self, number: int, wrapped: str) -> str:
        """Add a data key. Returns the key stored under that number: the first that was ever added."""

    async def rewrap_data_key(self, number: int, old: str, new: str) -> None:
        """Replace a wrapped key by the same key wrapped anew, if `old` is the stored one."""

    async def settle(self, settlement: Settlement, runs: Sequence[StoredRun] = ()) -> None:
        """Store the answer of a run that has a key, together with `runs`, as `add` does."""

    async def measure(self) -> Measured: ...


class RemoteRunLog(
    RemoteRequestKeys,
    RemoteAdmissions,
    RemoteRunEvents,
    RemoteDeadLetters,
    RemoteQueuedRuns,
    RemoteLimitedRuns,
    RemoteCutOffCalls,
    RemoteRunBlobs,
):
    """RunLogObject over a channel."""

    async def add(self, runs: Sequence[StoredRun]) -> None:
        await self._channel.call("add", {"runs": list(runs)})

    async def add_new(self, runs: Sequence[StoredRun]) -> Sequence[str]:
        unfinished: Sequence[str] = await self._channel.call("add_new", {"runs": list(runs)})
        return unfinished

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        running: Sequence[str] = await self._channel.call("list_running", {"run_ids": list(run_ids)})
        return running

    async def accept(self, run: StoredRun, most: int) -> Acceptance:
        accepted: Acceptance = await self._channel.call("accept", {"run": dict(run), "most": most})
        return accepted

    async def accept_new(self, runs: Sequence[StoredRun], most: int) -> AcceptedBatch:
        batch: AcceptedBatch = await self._channel.call("accept_new", {"runs": list(runs), "most": most})
        return batch

    async def accept_keyed(self, settlement: Settlement, run: StoredRun, most: int) -> Acceptance:
        arguments = {"settlement": dict(settlement), "run": dict(run), "most": most}
        accepted: Acceptance = await self._channel.call("accept_keyed", arguments)
        return accepted

    async def open_anew(self) -> None:
        await self._channel.call("open_anew", {})

    async def close(self) -> None:
        await self._channel.call("close", {})

    async def expect_blobs(self, run_id: str) -> None:
        await self._channel.call("expect_blobs", {"run_id": run_id})

    async def drop(self, run_id: str) -> int:
        blobs: int = await self._channel.call("drop", {"run_id": run_id})
        return blobs

    async def find(self, run_id: str) -> StoredRun | None:
        found: StoredRun | None = await self._channel.call("find", {"run_id": run_id})
        return found

    async def cancel_start(self, run_id: str) -> bool:
        is_noted: bool = await self._channel.call("cancel_start", {"run_id": run_id})
        return is_noted

    async def find_start(self, run_id: str) -> Started | None:
        start: Started | None = await self._channel.call("find_start", {"run_id": run_id})
        return start

    async def note_early_answer(self, run_id: str, answer: str) -> None:
        await self._channel.call("note_early_answer", {"run_id": run_id, "answer": answer})

    async def find_early_answer(self, run_id: str) -> str | None:
        answer: str | None = await self._channel.call("find_early_answer", {"run_id": run_id})
        return answer

    async def note_trace(self, run_id: str, trace: str) -> None:
        await self._channel.call("note_trace", {"run_id": run_id, "trace": trace})

    async def ask_to_end(self, run_id: str) -> None:
        await self._channel.call("ask_to_end", {"run_id": run_id})

    async def is_to_end(self, run_id: str) -> bool:
        is_asked: bool = await self._channel.call("is_to_end", {"run_id": run_id})
        return is_asked

    async def mark_retried(self, run_id: str, by: str, is_forced: bool) -> str:
        asked = {"run_id": run_id, "by": by, "is_forced": is_forced}
        counted: str = await self._channel.call("mark_retried", asked)
        return counted

    async def unmark_retried(self, run_id: str, by: str) -> None:
        await self._channel.call("unmark_retried", {"run_id": run_id, "by": by})

    async def list_starts(self, after: str, limit: int) -> Sequence[str]:
        ids: Sequence[str] = await self._channel.call("list_starts", {"after": after, "limit": limit})
        return ids

    async def count_unsettled(self) -> Unsettled:
        counts: Unsettled = await self._channel.call("count_unsettled", {})
        return counts

    async def list_runs(self, asked: Mapping[str, Any], before: str, limit: int) -> Listed:
        listed: Listed = await self._channel.call("list_runs", {"asked": dict(asked), "before": before, "limit": limit})
        return listed

    async def expect_export(self) -> None:
        await self._channel.call("expect_export", {})

    async def list_unexported(self, limit: int) -> Unexported:
        unexported: Unexported = await self._channel.call("list_unexported", {"limit": limit})
        return unexported

    async def mark_exported(self, late: Sequence[str], upto: str) -> None:
        await self._channel.call("mark_exported", {"late": list(late), "upto": upto})

    async def list_data_keys(self) -> Sequence[DataKey]:
        keys: Sequence[DataKey] = await self._channel.call("list_data_keys", {})
        return keys

    async def add_data_key(self, number: int, wrapped: str) -> str:
        kept: str = await self._channel.call("add_data_key", {"number": number, "wrapped": wrapped})
        return kept

    async def rewrap_data_key(self, number: int, old: str, new: str) -> None:
        await self._channel.call("rewrap_data_key", {"number": number, "old": old, "new": new})

    async def settle(self, settlement: Settlement, runs: Sequence[StoredRun] = ()) -> None:
        await self._channel.call("settle", {"settlement": dict(settlement), "runs": list(runs)})

    async def measure(self) -> Measured:
        measured: Measured = await self._channel.call("measure", {})
        return measured


class Blobs(IntFlag):
    """The parts of a run that are too large for a row of a RunLog, and are stored in the bucket under the run's id. No
    row says that it has an answer, or an early one: so those are deleted after a while. VALUES are stored there
    whatever their size.
    """

    RESULT = 1
    INPUT = 2
    START = 4
    ANSWER = 8
    EARLY_ANSWER = 16
    VALUES = 32
    PASSED_ON = 1 << 48  # beyond all attachments
    ATTACHMENTS = ((1 << MAX_STORED_ATTACHMENTS) - 1) * 64  # a bit for each

    @classmethod
    def of_attachment(cls, number: int) -> "Blobs":
        """The part that is the attachment `number`, from 1 on, of the message that has started the run."""
        return cls(64 << number - 1)


_NAMES = {
    Blobs.RESULT: "result",
    Blobs.INPUT: "input",
    Blobs.START: "start",
    Blobs.ANSWER: "answer",
    Blobs.EARLY_ANSWER: "early-answer",
    Blobs.VALUES: "values",
    Blobs.PASSED_ON: "passed-on",
    **{Blobs.of_attachment(number): f"attachment-{number}" for number in range(1, MAX_STORED_ATTACHMENTS + 1)},
}


def blob_key(run_id: str, part: Blobs) -> str:
    return f"runs/{run_id}/{_NAMES[part]}"


def blob_prefix(run_id: str) -> str:
    """What all keys of a run in the bucket begin with, those of its steps included."""
    return f"runs/{run_id}/"


def blob_keys_of(run_id: str, parts: int) -> list[str]:
    return [blob_key(run_id, part) for part in _NAMES if part & parts]
