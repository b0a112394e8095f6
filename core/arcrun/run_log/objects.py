"""The objects of a RunLog together: a run lies in the one that its id names; lists are merged from all."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from arcrun.engine.run_id import object_of
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.protocol import Measured, RunLogObject, StoredRun, Unexported


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

    async def drop(self, run_id: str) -> int:
        return await self._open_object(object_of(run_id)).drop(run_id)

    async def find(self, run_id: str) -> StoredRun | None:
        """Also where there were more objects once: the id says where it lies."""
        return await self._open_object(object_of(run_id)).find(run_id)

    async def list_runs(self, asked: RunFilter, before: str, limit: int) -> tuple[list[dict[str, Any]], str]:
        """Verdicts of runs with an id less than `before` ("" for all), the newest first, `limit` at most; and what to
        go on before, "" at the end. Where objects have looked through as much as they may there may be fewer.
        """
        wanted = asked.to_json()
        pages = await asyncio.gather(
            *(self._open_object(number).list_runs(wanted, before, limit) for number in range(self.count))
        )
        reached = max(page["reached"] for page in pages)  # from here on all are known
        newest = merge(*(page["runs"] for page in pages), key=_id_of, reverse=True)
        runs = list(islice((run for run in newest if run["id"] >= reached), limit))
        if len(runs) == limit and sum(len(page["runs"]) for page in pages) > limit:
            return runs, runs[-1]["id"]
        return runs, reached

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


def _id_of(verdict: Mapping[str, Any]) -> str:
    run_id: str = verdict["id"]
    return run_id
