"""A model of the platform's Workflow engine, and of isolates that end at any moment.

As documented (docs/adr/0031), and as the local engine does (tests/workerd/durable/test_local_engine.py): a step whose
result is stored is not done again; one that was under way is, from its beginning; a sleep ends at the time that was set
when it began first; the results of stored steps come in any order. An isolate that has ended may go on with what it was
doing, but nothing of it is stored.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from arcrun.durable.entries import Entry
from arcrun.durable.mailbox import Letter
from arcrun.durable.once import RETRY, SKIP, Decision

MOST_DELAY_S = 0.02


@dataclass
class Event:
    type: str
    id: str
    at_ms: float
    taken_by: str = ""


@dataclass
class Instance:
    """What is stored of one: the results of steps, and when its sleeps end, by name; and a wish in the RunLog."""

    results: dict[str, str] = field(default_factory=dict)
    sleeps: dict[str, float] = field(default_factory=dict)
    is_to_end: bool = False  # somebody wants to cancel it
    events: list["Event"] = field(default_factory=list)  # in the RunLog, in the order in which they came
    wakings: list[str] = field(default_factory=list)  # the platform's events that no wait has consumed, by type
    consumed: list[str] = field(default_factory=list)
    waiters: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)  # of the isolate, by type
    effects: Counter[str] = field(default_factory=Counter)  # by node
    questions: dict[str, Decision | None] = field(default_factory=dict)  # with their answers

    def wake(self, event_type: str) -> None:
        """The platform gets an event: a wait consumes it, or it is kept."""
        for waiter in self.waiters.get(event_type, ()):
            if not waiter.done():
                waiter.set_result(None)
                self.consumed.append(event_type)
                return
        self.wakings.append(event_type)

    def restart(self, random: Random) -> None:
        """A new isolate goes on. The platform may bring back what was consumed."""
        self.waiters = {}
        self.wakings += [event_type for event_type in self.consumed if random.random() < 0.3]


@dataclass
class Mortal:
    """An isolate, which ends with event number `ends_at`; None for never."""

    random: Random
    ends_at: int | None
    events: int = field(default=0, kw_only=True)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event, kw_only=True)
    left: asyncio.Future[Any] | None = field(default=None, kw_only=True)  # what was under way when it ended

    async def happen(self) -> None:
        """An event after some time, which may be the isolate's last."""
        await asyncio.sleep(self.random.random() * MOST_DELAY_S * self.random.choice((0, 0.01, 1)))
        self.events += 1
        if self.ends_at is not None and self.events >= self.ends_at:
            self.has_ended.set()

    async def go_on(self) -> None:
        """An event that must not come from an isolate that has ended."""
        await self.happen()
        if self.has_ended.is_set():
            await asyncio.Event().wait()


@dataclass
class Isolate(Mortal):
    """One isolate's part of a run. `asked` has the names of the steps that the run has come to, `done` those whose work
    was begun.
    """

    instance: Instance
    asked: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)  # those before the run's end
    again: list[str] = field(default_factory=list)  # done though their results were stored

    def count(self, name: str) -> str:
        number = Counter(self.asked)[name] + 1
        self.asked.append(name)
        return name if number == 1 else f"{name}-{number}"

    # WorkflowSteps

    async def do(self, name: str, work: Callable[[], Awaitable[str]], *, retries: int, timeout_ms: int) -> str:
        key, stored = self.count(name), self.instance.results
        await self.go_on()
        if key in stored:
            await self.go_on()
            return stored[key]
        self.done.append(key)
        result = await work()
        await self.go_on()
        if key in stored:
            self.again.append(key)
        stored[key] = result
        await self.go_on()
        return result

    async def sleep(self, name: str, duration_ms: int) -> None:
        key, sleeps = self.count(f"{name} {duration_ms}"), self.instance.sleeps
        await self.go_on()
        now_s = asyncio.get_running_loop().time()
        until_s = sleeps.setdefault(key, now_s + duration_ms / 1000)
        await asyncio.sleep(max(0.0, until_s - now_s))
        await self.go_on()

    async def wait_for_event(self, name: str, event_type: str, timeout_ms: int) -> Any:
        key, instance = self.count(name), self.instance
        await self.go_on()
        if key in instance.results:
            await self.go_on()
            return {}
        if event_type in instance.wakings:
            instance.wakings.remove(event_type)
            instance.consumed.append(event_type)
        else:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            instance.waiters.setdefault(event_type, []).append(waiter)
            await waiter
        await self.go_on()
        instance.results[key] = ""
        await self.go_on()
        return {}


@dataclass
class SimulatedInbox:
    """The events of the run in the RunLog, which answers after some time, and also to an isolate that has ended."""

    isolate: Isolate

    async def list(self, event_type: str) -> list[Letter]:
        await self.isolate.happen()
        letters = [Letter(it.id, it.taken_by) for it in self.isolate.instance.events if it.type == event_type]
        await self.isolate.happen()
        return letters

    async def take(self, event_type: str, letter_id: str, wait: str, *, before: Sequence[str]) -> Entry | None:
        await self.isolate.happen()
        [event] = [it for it in self.isolate.instance.events if (it.type, it.id) == (event_type, letter_id)]
        if event.taken_by not in (wait, *before):
            return None
        event.taken_by = wait
        await self.isolate.happen()
        return {"id": event.id, "payload": {"number": len(event.id)}, "received_at": "then"}

    async def ask(self, event_type: str, question: Mapping[str, Any]) -> None:
        await self.isolate.happen()

    async def withdraw(self, event_type: str) -> None:
        await self.isolate.happen()


@dataclass
class People:
    """Those who decide about calls that a crash cut off, after some time; mostly the isolate is then stopped and
    repeated.
    """

    isolate: Isolate
    are_there: bool
    answering: list[asyncio.Task[None]] = field(default_factory=list)

    async def ask(self, call: str, step: str) -> Decision | None:
        await self.isolate.happen()
        questions = self.isolate.instance.questions
        if questions.setdefault(call, None) is None:
            self.look()
        return questions[call]

    def look(self) -> None:
        if self.are_there and None in self.isolate.instance.questions.values():
            self.answering.append(asyncio.ensure_future(self._decide()))

    async def _decide(self) -> None:
        random, questions = self.isolate.random, self.isolate.instance.questions
        await asyncio.sleep(random.choice((0.001, 1, 3_600)))
        wakes = random.random() < 0.7
        for call, answer in questions.items():
            if answer is None:
                questions[call] = {"decision": random.choice((RETRY, SKIP)), "data": {"number": random.randrange(10)}}
        if wakes:
            self.isolate.has_ended.set()


@dataclass
class SealedBox:
    """Seals so that a test sees what is sealed, and under which name; it takes a moment, as WebCrypto does."""

    isolate: Isolate

    async def seal(self, name: str, content: bytes) -> str:
        await self.isolate.happen()
        return f"{name}:{base64.b64encode(content).decode()}"

    async def open(self, name: str, sealed: str) -> bytes:
        await self.isolate.happen()
        sealed_name, _, content = sealed.rpartition(":")
        assert sealed_name == name
        return base64.b64decode(content)
