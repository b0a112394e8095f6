"""The requests that `verify` has refused, counted for the owner.

They are gathered in the isolate and written together, so that a flood of them costs the Workspace a call every
GATHER_MS.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.errors import describe_fault
from arcrun.limits import MAX_GATHERED_REFUSALS
from arcrun.ports import Background, Clock
from arcrun.times import render_time
from arcrun.workspace.protocol import Refused, WorkspaceObject
from arcrun.workspace.sealing import Sealing

GATHER_MS = 5_000
OVERDUE_MS = 2 * GATHER_MS  # after this the writer is considered gone, as with a cancelled request

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class Refusals:
    """How many requests of a workflow's webhook were refused, by the error's code, since the day `since`."""

    codes: dict[str, int]
    since: str
    last_at: str

    def to_json(self) -> dict[str, Any]:
        return {"count": sum(self.codes.values()), **vars(self)}


class RefusalLog:
    """Counts refused requests in the Workspace, by day and code. A count that cannot be written is logged and lost."""

    def __init__(self, workspace: WorkspaceObject, sealing: Sealing, clock: Clock, background: Background) -> None:
        self._workspace, self._sealing, self._clock, self._background = workspace, sealing, clock, background
        self._gathered: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._overdue_ms = 0.0

    def add(self, workflow: str, code: str) -> None:
        now_ms = self._clock.now_ms()
        at = render_time(now_ms)
        is_waited_for = bool(self._gathered) and now_ms < self._overdue_ms
        key = (workflow, at[:10], code)
        count, _ = self._gathered.get(key, (0, ""))
        if count or len(self._gathered) < MAX_GATHERED_REFUSALS:
            self._gathered[key] = (count + 1, at)
        if not is_waited_for:
            self._overdue_ms = now_ms + OVERDUE_MS
            self._background.start(self._write())

    async def find(self, workflow: str) -> Refusals | None:
        """What is stored of a workflow; None if nothing was refused. Raises UpstreamError OBJECT_UNAVAILABLE."""
        stored = await self._workspace.list_refused(self._sealing.id_of(workflow))
        if not stored:
            return None
        codes: dict[str, int] = {}
        for each in stored:
            codes[each["code"]] = codes.get(each["code"], 0) + each["count"]
        return Refusals(codes, min(each["day"] for each in stored), max(each["last_at"] for each in stored))

    async def _write(self) -> None:
        await self._clock.sleep(GATHER_MS)
        gathered, self._gathered = self._gathered, {}
        refused: Sequence[Refused] = [
            {"name_id": self._sealing.id_of(workflow), "day": day, "code": code, "count": count, "last_at": at}
            for (workflow, day, code), (count, at) in gathered.items()
        ]
        try:
            await self._workspace.add_refused(refused)
        except Exception as fault:  # counting must not affect requests
            logger.warning("%d counts of refused requests were not stored: %s", len(refused), describe_fault(fault))
