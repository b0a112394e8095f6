"""The events of one type that a durable run gets, and the waits of the run that they are given to.

An event lies in the run's inbox, which outlives every isolate; the platform's own event only wakes the run, so it does
no harm if that comes twice, or is lost and a later one wakes it. Which wait an event was given to is noted in the inbox
before the wait's step is stored: so a replay knows of every wait whether it can have ended, and gives each its own.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.durable.entries import Entry
from arcrun.errors import UpstreamError
from arcrun.limits import MAX_WAIT_MS
from arcrun.ports import WorkflowSteps


@dataclass(frozen=True)
class Letter:
    """An event in the inbox. `taken_by` names the wait that it was given to; "" for none."""

    id: str
    taken_by: str = ""


class Inbox(Protocol):
    """The events of a run, and the questions that people are asked. Its methods raise UpstreamError."""

    async def list(self, event_type: str) -> Sequence[Letter]:
        """Those of a type, in the order in which they came."""

    async def take(self, event_type: str, letter_id: str, wait: str, *, before: Sequence[str]) -> Entry | None:
        """Give an event to a wait: {"id", "payload", "received_at"}. None if it is now taken by another than this one
        or one of `before`.
        """

    async def ask(self, event_type: str, question: Mapping[str, Any]) -> None:
        """Let people decide: what they decide comes as an event of this type. Asking again changes nothing."""

    async def withdraw(self, event_type: str) -> None:
        """Nobody waits for the decision any more."""


@dataclass(eq=False)
class Wait:
    """A wait of the run. `letter` is the event that it is to get."""

    name: str
    coming: asyncio.Future[None]
    letter: Letter | None = None
    is_known: bool = False  # whether an event is there for it, or none is


class Mailbox:
    """Gives the events of one type to the waits. `wake` is called when a wait knows more; `is_replay` is whether the
    run has not been told yet of all that is stored.
    """

    def __init__(
        self,
        event_type: str,
        platform: WorkflowSteps,
        inbox: Inbox,
        wake: Callable[[], None],
        is_replay: Callable[[], bool],
    ) -> None:
        self._type, self._platform, self._inbox = event_type, platform, inbox
        self._wake, self._is_replay = wake, is_replay
        self._waits: dict[str, Wait] = {}
        self._used: set[str] = set()  # the ids of events of which the run was told
        self._given: dict[str, list[str]] = {}  # the waits that this isolate has given an event to, by its id
        self._letters: Sequence[Letter] = ()
        self._has_looked = False

    async def run(self) -> None:
        """Look into the inbox whenever the platform says that something has come. Raises UpstreamError, TimeoutError,
        InstanceStoppedError.
        """
        number = 0
        while True:
            await self._look()
            with suppress(TimeoutError):  # waits have timeouts of their own
                await self._platform.wait_for_event(f"event {self._type} {number}", self._type, MAX_WAIT_MS)
            number += 1

    async def _look(self) -> None:
        self._letters, self._has_looked = await self._inbox.list(self._type), True
        self.deliver()

    def join(self, wait: Wait) -> None:
        self._waits[wait.name] = wait
        self.deliver()

    async def take(self, wait: Wait) -> Entry:
        """The event of a wait; an entry without `id` if it has none after all."""
        letter = wait.letter
        assert letter is not None
        before = self._given.setdefault(letter.id, [])
        entry: Entry | None = None
        with suppress(UpstreamError):
            entry = await self._inbox.take(self._type, letter.id, wait.name, before=[letter.taken_by, *before])
            before.append(wait.name)
            if entry is None:
                await self._look()
        return entry or {}

    def leave(self, wait: Wait, *, is_used: bool) -> None:
        """The wait has ended; if its event was not used, it is another's."""
        self._waits.pop(wait.name, None)
        if wait.letter is not None and is_used:
            self._used.add(wait.letter.id)
        elif wait.letter is not None:
            self.deliver()

    def deliver(self) -> None:
        """Give the events that are there to those who wait."""
        if not self._has_looked:
            return
        held = {wait.letter.id for wait in self._waits.values() if wait.letter is not None}
        for letter in self._letters:
            if letter.id not in self._used and letter.id not in held and (wait := self._find_wait(letter)):
                wait.letter = letter
                wait.coming.set_result(None)
        for wait in self._waits.values():
            wait.is_known = True
        self._wake()

    def _find_wait(self, letter: Letter) -> Wait | None:
        """The wait that is to get an event. In a replay one that was given away already is kept for that wait."""
        named = self._waits.get(letter.taken_by)
        if named is not None and not named.coming.done():
            return named
        if letter.taken_by and self._is_replay():
            return None
        return next((wait for wait in self._waits.values() if not wait.coming.done()), None)
