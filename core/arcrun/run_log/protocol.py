"""The operations of a RunLog, and its shapes on the wire. Its tables: docs/storage-schema.md."""

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Any, NotRequired, Protocol, TypedDict

from arcrun.engine.record import Verdict
from arcrun.objects import Channel


class StoredRun(TypedDict):
    """A run as it is kept. `status` is "success", "failed" or "running". `error` is the error's code, `node` the node
    that failed. `deadline_ms`, of a run that has not ended, is milliseconds since 1970. `keep_days` is the workflow's
    own, 0 for the platform's.

    `result` is JSON text: {"data"} or {"error"}, and {"trace"}; or {"input"} of a run that has not ended. `input` is
    what the run was started with, sealed (executor/records/run_inputs.py). `blobs` says which of the two lie in the
    bucket instead (Blobs), and `blob_bytes` how large they are.
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


class Listed(TypedDict):
    """`runs` are verdicts, the newest first. All that match with an id of at least `reached` are among them; "" if all
    do.
    """

    runs: list[Verdict]
    reached: str


class Unexported(TypedDict):
    """`late` are the ids among `verdicts` that are older than what was exported before; `upto` is the newest of the
    others. `has_more` is whether there are, or will soon be, others.
    """

    verdicts: list[Verdict]
    late: list[str]
    upto: str
    has_more: bool


class DataKey(TypedDict):
    """The key that inputs are sealed under, wrapped under the platform's (executor/records/run_inputs.py)."""

    number: int
    wrapped: str


class Measured(TypedDict):
    """`bytes` of the database and of what lies in the bucket for it, of which an object may have `most_bytes`. Of this
    day, in UTC: `runs` that have begun and are kept, how many of them have an entry in the index of those without
    success, `pruned` runs that were deleted, and `exports`, writes to ANALYTICS_KV; `rows` that were written and
    `requests`, both without what an object had not written down when the platform put it away. Since this instance of
    the object began: calls of `add` (`batches`), which took `busy_ms` of the clock.
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


class RunLogObject(Protocol):
    async def add(self, runs: Sequence[StoredRun]) -> None:
        """Keep them; one that is there already is replaced, but for its input where the new one has none."""

    async def expect_blobs(self, run_id: str) -> None:
        """Parts of the run are about to be put into the bucket, and its row comes after them."""

    async def drop(self, run_id: str) -> int:
        """Keep nothing of a run that was there as running. Returns which parts of it lie in the bucket (Blobs)."""

    async def find(self, run_id: str) -> StoredRun | None: ...

    async def list_runs(self, asked: Mapping[str, Any], before: str, limit: int) -> Listed:
        """At most `limit` runs with ids less than `before`, or any if that is "". `asked`: RunFilter.to_json."""

    async def expect_export(self) -> None:
        """There are verdicts in one of the objects: write them to KV soon. Asked of object 0 alone."""

    async def list_unexported(self, limit: int) -> Unexported:
        """The verdicts of runs that have ended and are not marked."""

    async def mark_exported(self, late: Sequence[str], upto: str) -> None:
        """They are in KV."""

    async def list_data_keys(self) -> Sequence[DataKey]:
        """Asked of object 0 alone, as the next two."""

    async def add_data_key(self, number: int, wrapped: str) -> str:
        """What is kept under that number then: the first that was ever added."""

    async def rewrap_data_key(self, number: int, old: str, new: str) -> None:
        """The same key wrapped anew, if `old` is what is kept."""

    async def measure(self) -> Measured: ...


class RemoteRunLog:
    """RunLogObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def add(self, runs: Sequence[StoredRun]) -> None:
        await self._channel.call("add", {"runs": list(runs)})

    async def expect_blobs(self, run_id: str) -> None:
        await self._channel.call("expect_blobs", {"run_id": run_id})

    async def drop(self, run_id: str) -> int:
        blobs: int = await self._channel.call("drop", {"run_id": run_id})
        return blobs

    async def find(self, run_id: str) -> StoredRun | None:
        found: StoredRun | None = await self._channel.call("find", {"run_id": run_id})
        return found

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

    async def measure(self) -> Measured:
        measured: Measured = await self._channel.call("measure", {})
        return measured


class Blobs(IntFlag):
    """Which parts of a run are too large for a row of a RunLog, and lie in the bucket, under the run's id."""

    RESULT = 1
    INPUT = 2


_NAMES = {Blobs.RESULT: "result", Blobs.INPUT: "input"}


def blob_key(run_id: str, part: Blobs) -> str:
    return f"runs/{run_id}/{_NAMES[part]}"


def blob_keys_of(run_id: str, parts: int) -> list[str]:
    return [blob_key(run_id, part) for part in _NAMES if part & parts]
