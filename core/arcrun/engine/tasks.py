"""The tasks of a run: how many there are at once, how many of them call a component, for how long, and when all pause.

All tasks are ended in one stretch when the run is over. A loop of 64 elements at a time, in one of 64, in another,
would have 262,144; no more than a run's `concurrency` of them call components at once.

A run works in short stretches, and pauses between them, so that everybody else of the isolate has a turn. A stretch is
counted in work, not timed: deployed, the clock stands still while code computes. Work is counted in bytes that are read
or written; a node counts as many as take the same time. A pause is a real timer, after which other requests have run,
the clock has moved, and a deadline ends the run whose time is over.

There is no timer for what never waits: to set one takes as long as two nodes.
"""

import asyncio
import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from arcrun.engine.budget import WorkBudget
from arcrun.limits import KIB, MAX_RUN_TASKS
from arcrun.ports import Clock
from arcrun.templates.rendering import Rendering

NODE_WORK = 7 * KIB  # about 0.08 ms on Pyodide: benchmarks/run.py prints what a node takes
FUEL_A_BYTE = 50  # units that take as long as a byte
REFERENCE_WORK = 400  # of resolving one, with its steps
CONDITION_WORK = 64 * KIB  # of compiling one, the first time
STRETCH_WORK = 120 * NODE_WORK  # about 10 ms
FILTER_STEP_WORK = 160  # about 2 µs
EXPRESSION_STEP_WORK = 320
Result = TypeVar("Result")


class RunTasks:
    """Of a run, its loops and sub-workflows. Who gets no task does its work in its own, one piece after the other."""

    def __init__(self, limit: int = MAX_RUN_TASKS) -> None:
        self._left = limit

    def count(self, task: asyncio.Task[Any]) -> None:
        """Until it is done. Ask `has_room` before."""
        self._left -= 1
        task.add_done_callback(self._give_back)

    @property
    def has_room(self) -> bool:
        return self._left > 0

    def _give_back(self, _task: object) -> None:
        self._left += 1


class Slots:
    """For the calls that a run makes at once. Take one by `take_free`, or wait for one, and give it back.

    It is an asyncio.Semaphore for which most who come need not wait, nor pay for it.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_free(self) -> bool:
        """Whether there was one that nobody waits for."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """In the order of coming."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had got its slot in the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """To who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Pace:
    """Of one run, its loops and sub-workflows."""

    def __init__(self, clock: Clock, budget: WorkBudget | None = None) -> None:
        """`budget` is told of the steps of expressions."""
        self._clock, self._budget = clock, budget or WorkBudget()
        self._work = 0
        self.is_due = False  # the stretch has been long enough, or the run pauses
        self._pause: asyncio.Future[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()  # for their turn, in order

    def count(self, work: int) -> None:
        """Work that has been done, in bytes."""
        self._work += work
        if self._work >= STRETCH_WORK:
            self.is_due = True

    def count_rendering(self, rendering: Rendering) -> None:
        self.count(rendering.weight + FILTER_STEP_WORK * rendering.steps)

    def count_expression(self, steps: int) -> None:
        """Raises CpuBudgetError."""
        self.count(steps * EXPRESSION_STEP_WORK)
        self._budget.take_steps(steps)

    async def step(self) -> None:
        """Before each node."""
        if self.is_due:
            await self.rest()
        self.count(NODE_WORK)

    async def rest(self) -> None:
        """Pause if the stretch has been long enough. While the run pauses, none of its nodes goes on; after it, no more
        of them than a stretch takes.
        """
        if not self.is_due:
            return
        await self._wait()
        while self._work >= STRETCH_WORK:  # one of those that were let go with it has done as much
            await self._wait(is_first=True)

    async def _wait(self, *, is_first: bool = False) -> None:
        """For its turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if is_first:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self._begin_pause()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was this one's turn: the next one has it
                self._let_go(1)
            raise

    def _begin_pause(self) -> None:
        self.is_due = True
        if self._pause is None:
            self._pause = asyncio.ensure_future(self._clock.pause())
            self._pause.add_done_callback(self._go_on)

    def _go_on(self, _pause: object) -> None:
        self._pause, self._work, self.is_due = None, 0, False
        self._let_go(STRETCH_WORK // NODE_WORK)
        if self._waiting:
            self._begin_pause()

    def _let_go(self, count: int) -> None:
        while self._waiting and count:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                count -= 1


async def run_within(limit_s: float, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled once it has taken longer and waits. Raises TimeoutError.

    It begins here, in the same task. The timer is set when it waits for the first time.
    """
    ends_s = asyncio.get_running_loop().time() + limit_s
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    async with asyncio.timeout_at(ends_s):
        return await _go_on(work, awaited)


@types.coroutine
def _go_on(work: Coroutine[Any, Any, Result], awaited: Any) -> Generator[Any, Any, Result]:
    """Await `work`, which waits for `awaited` already."""
    while True:
        raised: BaseException | None = None
        try:
            sent = yield awaited
        except BaseException as error:
            raised = error
        try:
            awaited = work.send(sent) if raised is None else work.throw(raised)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
