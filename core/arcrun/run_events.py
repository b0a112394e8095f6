"""The events that a run under way has got, and the questions that people are asked for it: a part of the RunLog."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict

from arcrun.durable_objects import Channel

# "added" or "known", one of that id having come before; "ended": no such run is under way; "full": it has too many;
# "settled": of a decision, nobody waits for it.
EventState = Literal["added", "known", "ended", "full", "settled"]


class StoredEvent(TypedDict):
    """`id` tells events of a type apart; `payload` is sealed; `received_ms` is in milliseconds since 1970. `taken_by`
    is the wait that it was given to, "" for none.
    """

    type: str
    id: str
    payload: str
    received_ms: float
    taken_by: NotRequired[str]


class RunEventsObject(Protocol):
    async def add_event(self, run_id: str, event: StoredEvent) -> EventState:
        """Keep an event for a run that has not ended. A decision needs its question (`ask`)."""

    async def list_events(self, run_id: str, event_type: str) -> Sequence[Mapping[str, str]]:
        """[{"id", "taken_by"}] of a type, in the order in which they came."""

    async def take_event(
        self, run_id: str, event_type: str, event_id: str, wait: str, before: Sequence[str]
    ) -> StoredEvent | None:
        """Give an event to a wait, unless it is taken by another than this one or one of `before`."""

    async def ask(self, run_id: str, event_type: str, question: str) -> None:
        """Keep a question, sealed, whose answer is an event of this type. One that is there already stays."""

    async def withdraw(self, run_id: str, event_type: str) -> None:
        """Forget a question."""

    async def find_question(self, run_id: str, event_type: str) -> Mapping[str, Any] | None:
        """{"question", "decided"}: whether an event of this type has come."""

    async def list_questions(self, run_id: str) -> Sequence[Mapping[str, str]]:
        """[{"type", "question"}]: those of a run that nobody has answered yet, sealed."""


class RemoteRunEvents:
    """RunEventsObject over a channel."""

    _channel: Channel

    async def add_event(self, run_id: str, event: StoredEvent) -> EventState:
        state: EventState = await self._channel.call("add_event", {"run_id": run_id, "event": dict(event)})
        return state

    async def list_events(self, run_id: str, event_type: str) -> Sequence[Mapping[str, str]]:
        asked = {"run_id": run_id, "event_type": event_type}
        listed: Sequence[Mapping[str, str]] = await self._channel.call("list_events", asked)
        return listed

    async def take_event(
        self, run_id: str, event_type: str, event_id: str, wait: str, before: Sequence[str]
    ) -> StoredEvent | None:
        asked = {"run_id": run_id, "event_type": event_type, "event_id": event_id}
        taken: StoredEvent | None = await self._channel.call(
            "take_event", {**asked, "wait": wait, "before": list(before)}
        )
        return taken

    async def ask(self, run_id: str, event_type: str, question: str) -> None:
        await self._channel.call("ask", {"run_id": run_id, "event_type": event_type, "question": question})

    async def withdraw(self, run_id: str, event_type: str) -> None:
        await self._channel.call("withdraw", {"run_id": run_id, "event_type": event_type})

    async def find_question(self, run_id: str, event_type: str) -> Mapping[str, Any] | None:
        asked = {"run_id": run_id, "event_type": event_type}
        found: Mapping[str, Any] | None = await self._channel.call("find_question", asked)
        return found

    async def list_questions(self, run_id: str) -> Sequence[Mapping[str, str]]:
        listed: Sequence[Mapping[str, str]] = await self._channel.call("list_questions", {"run_id": run_id})
        return listed
