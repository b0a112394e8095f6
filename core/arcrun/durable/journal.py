"""The journal of a durable run: what it has done, one step after the other, so that a later isolate can go on with it.

A run that goes on is run again from its beginning. Whatever is not the same each time is a step of the platform's
Workflow: its result is stored, and is read instead of doing the work again.

*Order.* What depends on which of two steps ended first must be decided as before. So each stored result has a number,
in the order in which the run was told of them, and the run is told of one at a time: while it goes on, of those stored,
by their numbers, each when all tasks of the run wait and it is known of every step that they wait for whether it is
stored; after that, of the others, as they get their numbers. No step is done before the run has been told of all that
is stored.

*Events.* The run waits for them at its mailboxes (mailbox.py). That a wait gets one has no number either; the step that
takes it has.

*Time.* The run's clock shows when the step of which it was last told ended. A sleep is a step of the platform's too,
but has no result: a step behind it gives it a number.
"""

import asyncio
import hashlib
import json
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from arcrun.durable.entries import Entry
from arcrun.durable.mailbox import Inbox, Mailbox, Wait
from arcrun.durable.purity import Purity
from arcrun.durable.races import run_unless
from arcrun.durable.run_loop import RunLoop
from arcrun.errors import ArcrunError, RunError
from arcrun.limits import MAX_STEP_NAME
from arcrun.ports import Clock, InstanceStoppedError, Random, WorkflowSteps

if TYPE_CHECKING:
    from arcrun.durable.once import Decisions

Result = TypeVar("Result")
RETRIES = 3  # the platform's, of steps that are lost with their isolate
# Of a step. Its work has its own limit, and may have to wait before it begins: for a slot, or the end of a replay.
STEP_TIMEOUT_MS = 30 * 60_000
VOID: Entry = {"void": True}  # of a step whose task was cancelled before it ended
NUMBER, TIME, ENTRIES = "number", "at_ms", "entries"


class LostRunError(Exception):
    """The platform has ended this isolate's part of the run; another one goes on, or nobody."""


class Box(Protocol):
    """Seals the results of one run's steps. Both methods raise UpstreamError."""

    async def seal(self, name: str, content: bytes) -> str:
        """What a step's result is stored as, at most 1 MiB."""

    async def open(self, name: str, sealed: str) -> bytes:
        """The content again. Raises DecryptionError, NotConfiguredError."""


@dataclass(eq=False)
class _Step:
    """A step of which the run has not been told yet. `turn` is the run's: it is told None to do the work, or the stored
    entry. `ended` is the platform's: what to store.
    """

    name: str
    turn: asyncio.Future[Entry | None]
    ended: asyncio.Future[Entry]
    is_known: bool = False  # whether it is stored or has to be done
    is_live: bool = False
    is_told: bool = False  # that it has to be done
    has_come: bool = False  # its result is stored
    entry: Entry = field(default_factory=dict)

    @property
    def number(self) -> int:
        return int(self.entry[NUMBER])


class _Trial:
    """Calls that are tried, to be recorded in one step. The first of them opens it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: dict[str, Entry] = {}
        self.opening: asyncio.Future[None] | None = None
        self.step: _Step | None = None  # if it is not stored


class _StoredError(Exception):
    """Nothing of a trial need be tried: an earlier isolate has."""


_trial: ContextVar[_Trial | None] = ContextVar("trial", default=None)
_given: ContextVar[Mapping[str, Entry] | None] = ContextVar("given", default=None)
_is_in_step: ContextVar[bool] = ContextVar("is_in_step", default=False)


class Journal:
    """`started_ms` is when the run was accepted; `most_steps` is how many steps it may have. `on_rest` is called when
    all of the run waits, and it was told of all that is stored. `decisions` are about calls that are done once
    (once.py).
    """

    def __init__(
        self,
        run_id: str,
        steps: WorkflowSteps,
        box: Box,
        inbox: Inbox,
        clock: Clock,
        *,
        started_ms: float,
        purity: Purity,
        most_steps: int,
        on_rest: Callable[[], None] | None = None,
        decisions: "Decisions | None" = None,
    ) -> None:
        self.run_id, self.purity, self.decisions = run_id, purity, decisions
        self._most_steps, self._on_rest = most_steps, on_rest
        self._platform, self._box, self.inbox, self._clock = steps, box, inbox, clock
        self._now_ms = started_ms
        self._steps: dict[str, _Step] = {}  # of which the run has not been told
        self._closing: list[_Step] = []  # their work is done, and they have no number
        self._numbered: deque[_Step] = deque()
        self._mailboxes: dict[str, Mailbox] = {}
        self._waits: dict[str, Wait] = {}
        self._number = 0
        self._count = 0
        self._outside = 0
        self._is_replay = True
        self._is_over = False
        self._work: set[asyncio.Task[None]] = set()

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of the run `work`. Raises LostRunError."""
        self._loop = RunLoop(self._go_on)  # type: ignore[abstract]  # what tasks use of one
        self._lost: asyncio.Future[BaseException] = self._loop.outer.create_future()
        running = asyncio.ensure_future(self._loop.run(work))
        try:
            waited: list[asyncio.Future[Any]] = [running, self._lost]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done():
                raise LostRunError from self._lost.result()
            return running.result()
        finally:
            self._is_over = True
            running.cancel()
            await asyncio.wait([running])
            for task in self._work:
                task.cancel()

    # What the run calls

    def now_ms(self) -> float:
        return self._now_ms

    def draw(self, name: str) -> Random:
        """Randomness that is the same whenever the run asks for it under this name."""
        return _Drawn(f"{self.run_id} {name}".encode())

    async def outside(self, work: Awaitable[Result]) -> Result:
        """Wait for something that is no step, and the same each time."""
        if _is_in_step.get():
            return await work
        self._outside += 1
        try:
            return await work
        finally:
            self._outside -= 1

    async def record(self, name: str, work: Callable[[], Awaitable[Entry]]) -> Entry:
        """What `work` returns, or has returned in an earlier isolate: a step of its own, or a part of the stretch
        around. Raises RunError TOO_MANY_STEPS.
        """
        if (given := _given.get()) is not None:
            if name not in given:  # it was cancelled before it ended, and will be so again
                await self._loop.create_future()
            return given[name]
        trial = _trial.get()
        if trial is None:
            return await self._step(name, work)
        if trial.opening is None:
            trial.opening = asyncio.ensure_future(self._open(trial))
        await asyncio.shield(trial.opening)
        if trial.step is None:
            raise _StoredError
        with _in_step():
            entry = trial.entries[name] = await work()
        return entry

    async def stretch(
        self, name: str, attempt: Callable[[], Awaitable[None]], work: Callable[[], Awaitable[None]]
    ) -> None:
        """Do `work`, with all its calls recorded in one step, if it makes any. They are made by `attempt`, which does
        the same without a trace: nothing that may be cancelled is seen before it is stored.
        """
        if _trial.get() is not None or _given.get() is not None:
            return await work()
        entries = await self._try(_Trial(name), attempt)
        token = _given.set(entries)
        try:
            await work()
        finally:
            _given.reset(token)
        return None

    async def _try(self, trial: _Trial, attempt: Callable[[], Awaitable[None]]) -> Mapping[str, Entry]:
        token = _trial.set(trial)
        try:
            with suppress(_StoredError):
                await attempt()
            if trial.step is not None:
                await self._end(trial.step, {ENTRIES: trial.entries})
            return trial.entries
        except asyncio.CancelledError:
            if trial.opening is not None:
                trial.opening.cancel()
            if trial.step is not None:
                self._drop(trial.step)
            raise
        finally:
            _trial.reset(token)

    async def _open(self, trial: _Trial) -> None:
        self.require_room(1, f"`{trial.name}`")
        self._count += 1
        step = trial.step = self._add(trial.name)
        self._start(self._do(step))
        stored = await step.turn
        if stored is not None:
            trial.entries, trial.step = stored[ENTRIES], None

    async def sleep(self, name: str, duration_ms: float) -> None:
        if duration_ms <= 0 or _given.get() is not None:
            return None
        if _trial.get() is not None:
            return await self._clock.sleep(duration_ms)
        due_ms = self._now_ms + duration_ms
        step = self._add(name)
        step.is_known = self._clock.now_ms() < due_ms  # one that is past will soon have come
        self._start(self._sleep(step, duration_ms))
        try:
            await step.turn
        finally:
            self._steps.pop(step.name, None)
        await self._step(f"{name} woke", _nothing)
        return None

    async def receive(self, name: str, event_type: str) -> Entry:
        """The next event of a type: {"id", "payload", "received_at"}."""
        mailbox, tries = self._open_mailbox(event_type), 1
        while not (entry := await self._receive(name, name if tries == 1 else f"{name} again {tries}", mailbox)):
            tries += 1
        return entry

    async def _receive(self, name: str, step: str, mailbox: Mailbox) -> Entry:
        """An event, or nothing if it went to another wait. `name` is the wait's, whichever step it is."""
        wait = self._waits[name] = Wait(name, self._loop.create_future())
        entry: Entry = {}
        mailbox.join(wait)
        try:
            await wait.coming
            del self._waits[name]
            told = await self._step(step, lambda: mailbox.take(wait))
            entry = told if "id" in told else {}
            return entry
        finally:
            self._waits.pop(name, None)
            mailbox.leave(wait, is_used=bool(entry))

    def _open_mailbox(self, event_type: str) -> Mailbox:
        mailbox = self._mailboxes.get(event_type)
        if mailbox is None:
            mailbox = Mailbox(event_type, self._platform, self.inbox, self._loop.wake, lambda: self._is_replay)
            self._mailboxes[event_type] = mailbox
            self._start(self._empty(mailbox))
        return mailbox

    async def _empty(self, mailbox: Mailbox) -> None:
        async with self._losing():
            await mailbox.run()

    def leave_behind(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something outside that the run does not wait for, and that may be done several times. What an isolate does
        while it ends is not the run's.
        """
        if self._is_over:
            work.close()
        else:
            self._start(_without_errors(work))

    async def within(self, name: str, limit_ms: float, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`. Raises TimeoutError, and then it is cancelled."""
        return await run_unless(work, self.sleep(name, limit_ms), TimeoutError)

    async def breathe(self) -> None:
        """Let other work of the isolate have its turn."""
        await self._loop.breathe(self._clock.pause)

    async def interrupt(self) -> None:
        """Return when the run, which is to be cancelled, ends: where it did in an earlier isolate, or now."""
        await self._step("cancelled", _nothing)

    def require_room(self, count: int, what: str) -> None:
        """Raises RunError TOO_MANY_STEPS if `count` more steps would be too many."""
        if self._count + count > self._most_steps:
            raise RunError(
                f"{what} would take {count} steps more; a durable run has {self._most_steps} at most.",
                code="TOO_MANY_STEPS",
                next_actions=[
                    "Let each step do more: FOREACH with `batch`, and one request for many elements.",
                    "Or run parts as runs of their own: a webhook that starts another workflow.",
                ],
                details={"limit": self._most_steps, "used": self._count, "needed": count},
            )

    # Steps

    async def _step(self, name: str, work: Callable[[], Awaitable[Entry]]) -> Entry:
        self.require_room(1, f"`{name}`")
        self._count += 1
        step = self._add(name)
        self._start(self._do(step))
        try:
            stored = await step.turn
            if stored is not None:
                return stored
            with _in_step():
                entry = await work()
            return await self._end(step, entry)
        except asyncio.CancelledError:
            self._drop(step)
            raise

    def _add(self, name: str) -> _Step:
        step = _Step(name, self._loop.create_future(), self._loop.outer.create_future())
        assert name not in self._steps, name
        self._steps[name] = step
        return step

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.outer.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _end(self, step: _Step, entry: Entry) -> Entry:
        """Store the entry of a step, and wait for its turn."""
        step.entry = entry
        step.turn = self._loop.create_future()
        self._closing.append(step)
        await step.turn
        return entry

    def _drop(self, step: _Step) -> None:
        """Nobody waits for it any more."""
        self._steps.pop(step.name, None)
        if step in self._closing:
            self._closing.remove(step)
        if not step.ended.done():
            step.ended.set_result(VOID)

    # The platform

    async def _do(self, step: _Step) -> None:
        async def work() -> str:
            self._begin(step)
            entry = await asyncio.shield(step.ended)
            return await self._box.seal(step.name, json.dumps(entry).encode())

        async with self._losing():
            stored = await self._platform.do(_shorten(step.name), work, retries=RETRIES, timeout_ms=STEP_TIMEOUT_MS)
            if not step.is_live:
                step.entry = json.loads(await self._box.open(step.name, stored))
            step.is_known = step.has_come = True
            self._loop.wake()

    async def _sleep(self, step: _Step, duration_ms: float) -> None:
        async with self._losing():
            await self._platform.sleep(_shorten(step.name), math.ceil(duration_ms))
            if not step.turn.done():
                step.turn.set_result(None)
            self._loop.wake()

    @asynccontextmanager
    async def _losing(self) -> AsyncIterator[None]:
        try:
            yield
        except (Exception, InstanceStoppedError) as error:
            if not self._lost.done():
                self._lost.set_result(error)

    def _begin(self, step: _Step) -> None:
        """The platform asks for the work, perhaps not for the first time."""
        step.is_known = step.is_live = True
        if self._steps.get(step.name) is not step and not step.ended.done():
            step.ended.set_result(VOID)
        self._loop.wake()

    def _go_on(self) -> None:
        """All tasks of the run wait: tell it the next thing."""
        if self._outside or (self._is_replay and not self._is_all_known()):
            return
        stored = [step for step in self._steps.values() if step.has_come and not step.is_live and NUMBER in step.entry]
        if stored:
            self._tell(min(stored, key=lambda step: step.number))
            return
        if self._is_replay:
            self._is_replay = False
            for mailbox in self._mailboxes.values():
                mailbox.deliver()
        begun = [step for step in self._steps.values() if step.is_live and not step.is_told]
        for step in begun:
            step.is_told = True
            step.turn.set_result(None)
        if begun:
            return
        for step in self._closing:
            self._number += 1
            step.entry |= {NUMBER: self._number, TIME: self._clock.now_ms()}
            self._numbered.append(step)
            step.ended.set_result(step.entry)
        self._closing.clear()
        while self._numbered and self._numbered[0].name not in self._steps:  # cancelled meanwhile
            self._numbered.popleft()
        if self._numbered and self._numbered[0].has_come:
            self._tell(self._numbered.popleft())
        elif self._on_rest is not None:
            self._on_rest()

    def _is_all_known(self) -> bool:
        return all(it.is_known for them in (self._steps, self._waits) for it in them.values())

    def _tell(self, step: _Step) -> None:
        del self._steps[step.name]
        self._number = max(self._number, step.number)
        self._now_ms = max(self._now_ms, step.entry[TIME])
        step.turn.set_result(step.entry)


class _Drawn:
    def __init__(self, seed: bytes) -> None:
        self._seed, self._drawn = seed, 0

    def token_bytes(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            self._drawn += 1
            found += hashlib.sha256(self._seed + self._drawn.to_bytes(4)).digest()
        return found[:count]


class _in_step:  # noqa: N801 - a context manager
    def __enter__(self) -> None:
        self._token = _is_in_step.set(True)

    def __exit__(self, *_: object) -> None:
        _is_in_step.reset(self._token)


def _shorten(name: str) -> str:
    """A name that the platform takes: long ones end in their hash."""
    if len(name) <= MAX_STEP_NAME:
        return name
    return f"{name[: MAX_STEP_NAME - 17]} {hashlib.sha256(name.encode()).hexdigest()[:16]}"


async def _nothing() -> Entry:
    return {}


async def _without_errors(work: Coroutine[Any, Any, None]) -> None:
    with suppress(ArcrunError):
        await work
