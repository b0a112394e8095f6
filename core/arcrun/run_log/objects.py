"""All objects of a RunLog together: a run is stored in the one that its id names; lists are merged from all."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from typing import Any

from arcrun.admissions import Admitted, Counted
from arcrun.engine.record import Verdict
from arcrun.engine.run_id import object_of
from arcrun.request_keys import Claim, Claimed, Settlement
from arcrun.run_log.cut_off_calls import CallDecision, CutOffCall
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.limited_runs import Admission, QueueingLimit
from arcrun.run_log.protocol import AcceptedBatch, Measured, RunLogObject, Started, StoredRun, Unexported, Unsettled

SOME_RUNS = 4  # requested from each object in addition to its share of a page


class _Source:
    """The runs that one object has returned for a list so far. `has_looked_enough` is whether it stopped scanning
    before it had found the requested number.
    """

    def __init__(self, log: RunLogObject, wanted: Mapping[str, Any], before: str) -> None:
        self._log, self._wanted = log, wanted
        self.runs: list[Verdict] = []
        self.reached = before
        self.has_looked_enough = False

    async def read(self, limit: int) -> None:
        page = await self._log.list_runs(self._wanted, self.reached, limit)
        self.runs += page["runs"]
        self.reached = page["reached"]
        self.has_looked_enough = bool(self.reached) and len(page["runs"]) < limit


class RunLogObjects:
    """The objects of a RunLog. `open_object` gets an object's number, less than `count`."""

    def __init__(self, open_object: Callable[[int], RunLogObject], count: int) -> None:
        self._open_object, self.count = open_object, count

    @property
    def first(self) -> RunLogObject:
        """The object that keeps the data key and writes to ANALYTICS_KV."""
        return self._open_object(0)

    async def add(self, number: int, runs: Sequence[StoredRun]) -> None:
        await self._open_object(number).add(runs)

    async def add_new(self, number: int, runs: Sequence[StoredRun]) -> Sequence[str]:
        return await self._open_object(number).add_new(runs)

    async def accept_new(self, runs: Sequence[StoredRun], most: int) -> AcceptedBatch:
        """Of a tenant, who has one object."""
        return await self.first.accept_new(runs, most)

    async def list_running(self, run_ids: Sequence[str]) -> list[str]:
        by_object: dict[int, list[str]] = {}
        for run_id in run_ids:
            by_object.setdefault(object_of(run_id), []).append(run_id)
        asked = (self._open_object(number).list_running(ids) for number, ids in by_object.items())
        return [run_id for found in await asyncio.gather(*asked) for run_id in found]

    async def expect_blobs(self, run_id: str) -> None:
        await self._open_object(object_of(run_id)).expect_blobs(run_id)

    async def drop(self, run_id: str) -> int:
        return await self._open_object(object_of(run_id)).drop(run_id)

    async def find(self, run_id: str) -> StoredRun | None:
        """Find a run, also if there used to be more objects: the id names its object."""
        return await self._open_object(object_of(run_id)).find(run_id)

    async def find_start(self, run_id: str) -> Started | None:
        return await self._open_object(object_of(run_id)).find_start(run_id)

    async def cancel_start(self, run_id: str) -> bool:
        return await self._open_object(object_of(run_id)).cancel_start(run_id)

    def of_run(self, run_id: str) -> RunLogObject:
        """The object that has a run."""
        return self._open_object(object_of(run_id))

    async def ask_to_end(self, run_id: str) -> None:
        await self._open_object(object_of(run_id)).ask_to_end(run_id)

    async def is_to_end(self, run_id: str) -> bool:
        return await self._open_object(object_of(run_id)).is_to_end(run_id)

    async def mark_retried(self, run_id: str, by: str, *, is_forced: bool) -> str:
        return await self._open_object(object_of(run_id)).mark_retried(run_id, by, is_forced)

    async def unmark_retried(self, run_id: str, by: str) -> None:
        await self._open_object(object_of(run_id)).unmark_retried(run_id, by)

    async def ask_about_call(self, run_id: str, call: str, node: str) -> CallDecision | None:
        return await self._open_object(object_of(run_id)).ask_about_call(run_id, call, node)

    async def decide_call(self, run_id: str, node: str, decided: CallDecision) -> bool:
        return await self._open_object(object_of(run_id)).decide_call(run_id, node, decided)

    async def list_cut_off(self, run_id: str) -> Sequence[CutOffCall]:
        return await self._open_object(object_of(run_id)).list_cut_off(run_id)

    async def list_starts(self, number: int, after: str, limit: int) -> Sequence[str]:
        return await self._open_object(number).list_starts(after, limit)

    async def settle_dead_letter(self, run_id: str) -> bool:
        return await self._open_object(object_of(run_id)).settle_dead_letter(run_id)

    async def has_queue_room(self, run_id: str) -> bool:
        return await self._open_object(object_of(run_id)).has_queue_room()

    async def leave_queue(self, run_id: str) -> None:
        await self._open_object(object_of(run_id)).leave_queue(run_id)

    async def release_queue(self, workflow: str | None, kept: Sequence[str]) -> int:
        objects = map(self._open_object, range(self.count))
        return sum(await asyncio.gather(*(each.release_queue(workflow, kept) for each in objects)))

    async def count_unsettled(self) -> Unsettled:
        objects = map(self._open_object, range(self.count))
        counts = await asyncio.gather(*(each.count_unsettled() for each in objects))
        return {
            "dead": sum((Counter(each["dead"]) for each in counts), Counter[str]()),
            "queued": sum((Counter(each["queued"]) for each in counts), Counter[str]()),
            "failed": _merge_newest([each.get("failed", {}) for each in counts]),
        }

    async def list_runs(self, asked: RunFilter, before: str, limit: int) -> tuple[list[Verdict], str]:
        """At most `limit` verdicts of runs with an id less than `before` ("" for all), newest first; and the next
        `before`, "" at the end. There may be fewer if objects have reached their limit of scanned runs.
        """
        wanted = asked.to_json()
        some = min(limit, 2 * limit // self.count + SOME_RUNS)  # most objects have no more of the newest runs
        sources = [_Source(self._open_object(number), wanted, before) for number in range(self.count)]
        await asyncio.gather(*(source.read(some) for source in sources))
        while True:
            reached = max(source.reached for source in sources)  # all runs from here on are known
            newest = merge(*(source.runs for source in sources), key=_id_of, reverse=True)
            runs = [run for run in newest if run["id"] >= reached]
            if len(runs) > limit:
                return runs[:limit], runs[limit - 1]["id"]
            ended = [source for source in sources if source.reached == reached]
            if not reached or len(runs) == limit or any(source.has_looked_enough for source in ended):
                return runs, reached
            await asyncio.gather(*(source.read(limit) for source in ended))

    async def claim(self, number: int, claim: Claim) -> Claimed:
        return await self._open_object(number).claim(claim)

    async def settle(self, settlement: Settlement, runs: Sequence[StoredRun]) -> None:
        await self._open_object(object_of(settlement["run_id"])).settle(settlement, runs)

    async def release(self, key: str, run_id: str) -> None:
        await self._open_object(object_of(run_id)).release(key, run_id)

    async def admit(self, ticket: str, counted: Sequence[Counted], lease_ms: float) -> Admitted:
        return await self._open_object(object_of(ticket)).admit(ticket, counted, lease_ms)

    async def leave(self, ticket: str) -> None:
        await self._open_object(object_of(ticket)).leave(ticket)

    async def admit_or_queue(
        self, ticket: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float
    ) -> Admission:
        return await self._open_object(object_of(ticket)).admit_or_queue(ticket, run_id, limits, lease_ms)

    async def measure(self) -> Sequence[Measured]:
        """The measurements of each object."""
        return await asyncio.gather(*(self._open_object(number).measure() for number in range(self.count)))

    async def list_unexported(self, limit: int) -> list[tuple[int, Unexported]]:
        """The unexported verdicts by object, at most `limit` in all."""
        found: list[tuple[int, Unexported]] = []
        for number in range(self.count):
            unexported = await self._open_object(number).list_unexported(limit)
            found.append((number, unexported))
            limit -= len(unexported["verdicts"])
        return found

    async def mark_exported(self, number: int, late: Sequence[str], upto: str) -> None:
        await self._open_object(number).mark_exported(late, upto)


def _id_of(verdict: Verdict) -> str:
    return verdict["id"]


def _merge_newest(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The greatest id of each workflow: that of the newest run."""
    newest: dict[str, str] = {}
    for each in found:
        for workflow, run_id in each.items():
            newest[workflow] = max(run_id, newest.get(workflow, ""))
    return newest
