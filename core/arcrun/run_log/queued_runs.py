"""Queued runs: accepted while their workflow is paused, they begin when it is resumed. The operations of a RunLog's
object on them.
"""

from collections.abc import Sequence
from typing import Protocol

from arcrun.durable_objects import Channel


class QueuedRunsObject(Protocol):
    async def has_queue_room(self) -> bool:
        """Whether the object can hold another queued run."""

    async def leave_queue(self, run_id: str) -> None:
        """Note that a queued run has an instance: its time begins to count."""

    async def release_queue(self, workflow: str | None, kept: Sequence[str]) -> int:
        """Let queued runs of the workflow begin, by and by; None for those of all workflows but `kept`. Returns how
        many.
        """


class RemoteQueuedRuns:
    """QueuedRunsObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def has_queue_room(self) -> bool:
        has_room: bool = await self._channel.call("has_queue_room", {})
        return has_room

    async def leave_queue(self, run_id: str) -> None:
        await self._channel.call("leave_queue", {"run_id": run_id})

    async def release_queue(self, workflow: str | None, kept: Sequence[str]) -> int:
        count: int = await self._channel.call("release_queue", {"workflow": workflow, "kept": list(kept)})
        return count
