"""Runs that have ended and wait to be written together, after their answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from arcrun.limits import MAX_BATCH_BYTES, MAX_ROW_BYTES, MAX_UNWRITTEN_BYTES
from arcrun.ports import Background, Clock
from executor.runs import EndedRun
from executor.unwritten import UnwrittenRecords

# After which whoever was to write a batch is taken to be gone, as with a request that was cancelled: the next one does.
OVERDUE_GATHERING_MS = 500  # beyond the time that it waits for more
OVERDUE_WRITING_MS = 10_000

Write = Callable[[Sequence[EndedRun]], Awaitable[None]]


@dataclass(eq=False)
class _Batch:
    runs: list[EndedRun]
    bytes: int
    due_ms: float


class Gathering:
    """`write` writes a batch, and raises if it cannot: then its runs are counted in `unwritten`. `wait_ms` says, at the
    time it gets, how long the first run of a batch waits for others.
    """

    def __init__(self, write: Write, wait_ms: Callable[[float], float], clock: Clock, background: Background) -> None:
        self._write, self._wait_ms, self._clock, self._background = write, wait_ms, clock, background
        self._gathered = _Batch([], 0, 0.0)
        self._under_way: list[_Batch] = []
        self.unwritten = UnwrittenRecords(clock)

    def add(self, run: EndedRun) -> None:
        now_ms, size_bytes = self._clock.now_ms(), run.bytes
        self._take_over_overdue(now_ms)
        run = replace(run, record=run.record.shortened())
        if size_bytes + self._gathered.bytes + sum(batch.bytes for batch in self._under_way) > MAX_UNWRITTEN_BYTES:
            self.unwritten.add(1, "More records wait to be written than an isolate holds.")
            return
        if size_bytes > MAX_ROW_BYTES:  # it may take requests of its own, which count as those of the run
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
        """What somebody began to write and has not ended is written again, with what comes now: it replaces itself."""
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
