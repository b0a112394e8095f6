"""Decisions about calls that a crash cut off (`once`): an object's operations, and their wire formats. Tables:
docs/storage-schema.md.
"""

from typing import NotRequired, Protocol, TypedDict

from arcrun.durable_objects import Channel


class Decided(TypedDict):
    """`decision` is "retry" or "skip"; `data` is what the node answers then, sealed."""

    decision: str
    data: NotRequired[str | None]


class Question(TypedDict):
    """A call that nobody has decided about. `node` is its name in the run, with its place in the loops around."""

    node: str
    asked_at: str


class DecisionsObject(Protocol):
    async def ask_decision(self, run_id: str, call: str, node: str) -> Decided | None:
        """The decision about a call of a run that has not ended. If there is none, it is noted that it must be made."""

    async def decide(self, run_id: str, node: str, decided: Decided) -> bool:
        """Decide about the calls of a node of which nobody has. False if there are none."""

    async def list_questions(self, run_id: str) -> list[Question]:
        """In the order of their nodes."""


class RemoteDecisions:
    """DecisionsObject over a channel."""

    _channel: Channel

    async def ask_decision(self, run_id: str, call: str, node: str) -> Decided | None:
        arguments = {"run_id": run_id, "call": call, "node": node}
        decided: Decided | None = await self._channel.call("ask_decision", arguments)
        return decided

    async def decide(self, run_id: str, node: str, decided: Decided) -> bool:
        arguments = {"run_id": run_id, "node": node, "decided": dict(decided)}
        is_noted: bool = await self._channel.call("decide", arguments)
        return is_noted

    async def list_questions(self, run_id: str) -> list[Question]:
        questions: list[Question] = await self._channel.call("list_questions", {"run_id": run_id})
        return questions
