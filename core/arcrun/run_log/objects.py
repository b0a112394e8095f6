"""The objects of a RunLog together: a run lies in the one that its id names; lists are merged from all."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from typing import Any

from arcrun.engine.record import Verdict
from arcrun.engine.run_id import object_of
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.protocol import Measured, RunLogObject, StoredRun, Unexported

SOME_RUNS = 4  # that each object is asked for beside its part of a page


class _Source:
    """What one object has told of a list so far. `has_looked_enough` is whether it stopped before it had found as many
    as it was asked for.
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
    """`open_object` gets an object's number, less than `count`."""

    def __init__(self, open_object: Callable[[int], RunLogObject], count: int) -> None:
        self._open_object, self.count = open_object, count

    @property
    def first(self) -> RunLogObject:
        """The one that keeps the data key and writes to ANALYTICS_KV."""
        return self._open_object(0)

    async def add(self, number: int, runs: Sequence[StoredRun]) -> None:
        await self._open_object(number).add(runs)

    async def expect_blobs(self, run_id: str) -> None:
        await self._open_object(object_of(run_id)).expect_blobs(run_id)

    async def drop(self, run_id: str) -> int:
        return await self._open_object(object_of(run_id)).drop(run_id)

    async def find(self, run_id: str) -> StoredRun | None:
        """Also where there were more objects once: the id says where it lies."""
        return await self._open_object(object_of(run_id)).find(run_id)

    async def list_runs(self, asked: RunFilter, before: str, limit: int) -> tuple[list[Verdict], str]:
        """Verdicts of runs with an id less than `before` ("" for all), the newest first, `limit` at most; and what to
        go on before, "" at the end. Where objects have looked through as much as they may there may be fewer.
        """
        wanted = asked.to_json()
        some = min(limit, 2 * limit // self.count + SOME_RUNS)  # most have no more among the newest
        sources = [_Source(self._open_object(number), wanted, before) for number in range(self.count)]
        await asyncio.gather(*(source.read(some) for source in sources))
        while True:
            reached = max(source.reached for source in sources)  # from here on all are known
            newest = merge(*(source.runs for source in sources), key=_id_of, reverse=True)
            runs = [run for run in newest if run["id"] >= reached]
            if len(runs) > limit:
                return runs[:limit], runs[limit - 1]["id"]
            ended = [source for source in sources if source.reached == reached]
            if not reached or len(runs) == limit or any(source.has_looked_enough for source in ended):
                return runs, reached
            await asyncio.gather(*(source.read(limit) for source in ended))

    async def measure(self) -> Sequence[Measured]:
        """Of each object."""
        return await asyncio.gather(*(self._open_object(number).measure() for number in range(self.count)))

    async def list_unexported(self, limit: int) -> list[tuple[int, Unexported]]:
        """By object, `limit` verdicts at most in all."""
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
