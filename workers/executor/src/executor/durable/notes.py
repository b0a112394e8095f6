"""Notes in the RunLog what a durable run shows while it waits."""

import asyncio
from contextlib import suppress

from arcrun.engine.progress import Progress
from arcrun.errors import UpstreamError
from arcrun.json_text import write_json
from arcrun.limits import MAX_ROW_BYTES
from arcrun.ports import Clock
from executor.durable.lasting import Lasting

AFTER_MS = 500  # a shorter wait is not noted


class Notes:
    """Call `rest` when all of the run waits, and `stop` at its end."""

    def __init__(self, lasting: Lasting, clock: Clock, run_id: str, progress: Progress) -> None:
        self._runs, self._clock, self._run_id, self._progress = lasting.runs, clock, run_id, progress
        self._noted = 0  # the version
        self._noting: asyncio.Future[None] | None = None

    def rest(self) -> None:
        is_due = self._progress.is_waiting and self._progress.version != self._noted
        if is_due and (self._noting is None or self._noting.done()):
            self._noting = asyncio.ensure_future(self._note())

    async def _note(self) -> None:
        await self._clock.sleep(AFTER_MS)
        if not self._progress.is_waiting:
            return
        self._noted = self._progress.version
        trace = write_json(await self._progress.render())
        if len(trace) <= MAX_ROW_BYTES:
            with suppress(UpstreamError):  # the next rest, or a replay, notes it
                await self._runs.note_trace(self._run_id, trace)

    def stop(self) -> None:
        if self._noting is not None:
            self._noting.cancel()
