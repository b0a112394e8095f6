"""Decisions about calls that a crash cut off (`once`): an object's operations, and their wire formats. Tables:
docs/storage-schema.md.
"""

from typing import NotRequired, Protocol, TypedDict

from arcrun.durable_objects import Channel


class CallDecision(TypedDict):
    """`decision` is "retry" or "skip"; `data` is what the node answers then, sealed."""

    decision: str
    data: NotRequired[str | None]


class CutOffCall(TypedDict):
    """A call that nobody has decided about. `node` is its name in the run, with its place in the loops around."""

    node: str
    asked_at: str


class CutOffCallsObject(Protocol):
    async def ask_about_call(self, run_id: str, call: str, node: str) -> CallDecision | None:
        """The decision about a call of a run that has not ended. If there is none, it is noted that it must be made."""

    async def decide_call(self, run_id: str, node: str, decided: CallDecision) -> bool:
        """Decide about the calls of a node of which nobody has. False if there are none."""

    async def list_cut_off(self, run_id: str) -> list[CutOffCall]:
        """In the order of their nodes."""


class RemoteCutOffCalls:
    """CutOffCallsObject over a channel."""

    _channel: Channel

    async def ask_about_call(self, run_id: str, call: str, node: str) -> CallDecision | None:
        arguments = {"run_id": run_id, "call": call, "node": node}
        decided: CallDecision | None = await self._channel.call("ask_about_call", arguments)
        return decided

    async def decide_call(self, run_id: str, node: str, decided: CallDecision) -> bool:
        arguments = {"run_id": run_id, "node": node, "decided": dict(decided)}
        is_noted: bool = await self._channel.call("decide_call", arguments)
        return is_noted

    async def list_cut_off(self, run_id: str) -> list[CutOffCall]:
        calls: list[CutOffCall] = await self._channel.call("list_cut_off", {"run_id": run_id})
        return calls
