"""Runs of workflows whose `limits` queue: an object counts those that have begun and keeps the others in their order.
The operations of a RunLog's object on them.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, Protocol, TypedDict

from arcrun.admissions import Counted
from arcrun.durable_objects import Channel

QueuedState = Literal["queued", "begun", "unknown"]


class QueueingLimit(Counted):
    """`on_limit` is a value of OnLimit."""

    on_limit: str


class Admission(TypedDict):
    """`state` is that of the run, which has `ticket`. `number` is the limit without room, -1 that of the object; None
    if it begins. `retry_ms` is when a refused one may come again; it is missing if a run must end first.
    """

    state: Literal["admitted", "queued", "refused"]
    ticket: str
    number: int | None
    retry_ms: NotRequired[float]


class LimitedRunsObject(Protocol):
    async def admit_or_queue(
        self, ticket: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float
    ) -> Admission:
        """Admit a run if all limits have room for it and nobody was there before; else queue it, unless one of those
        without room refuses it. A run that is queued already stays where it is. The object begins it, once the RunLog
        has its row, when there is room; it takes `lease_ms` at most from then on.
        """

    async def find_queued(self, run_id: str) -> QueuedState:
        """Whether a run that has not ended is queued or has begun."""

    async def replace_queued(self, run_id: str, by: str) -> QueuedState:
        """End a queued run that the run `by` has replaced. Returns what it was."""


class RemoteLimitedRuns:
    """LimitedRunsObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def admit_or_queue(
        self, ticket: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float
    ) -> Admission:
        arguments = {"ticket": ticket, "run_id": run_id, "limits": list(limits), "lease_ms": lease_ms}
        admission: Admission = await self._channel.call("admit_or_queue", arguments)
        return admission

    async def find_queued(self, run_id: str) -> QueuedState:
        state: QueuedState = await self._channel.call("find_queued", {"run_id": run_id})
        return state

    async def replace_queued(self, run_id: str, by: str) -> QueuedState:
        state: QueuedState = await self._channel.call("replace_queued", {"run_id": run_id, "by": by})
        return state
