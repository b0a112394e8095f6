"""The tasks of a run: how many there are at once, how many of them call a component, and when all of them pause.

All tasks are ended in one stretch when the run is over. Three nested loops of 64 concurrent elements each would need
262,144 tasks; at most a run's `concurrency` of them call components at once.

A run works in short stretches and pauses between them, to yield to the isolate's other requests. A stretch is counted
in work, not timed: on the platform, the clock stands still while code computes. Work is counted in bytes read or
written; a node counts as many bytes as take the same time. A pause is a real timer: during it other requests run, the
clock advances, and a run that is past its deadline is ended.

Work that never waits gets no timer: setting one takes as long as two nodes.
"""

import asyncio
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from arcrun.engine.budget import WorkBudget
from arcrun.errors import RunCancelledError
from arcrun.limits import KIB, MAX_RUN_TASKS
from arcrun.ports import Clock
from arcrun.templates.rendering import Rendering

if TYPE_CHECKING:
    from arcrun.durable.journal import Journal

NODE_WORK = 7 * KIB  # about 0.08 ms on Pyodide: benchmarks/run.py prints the time of a node
FUEL_A_BYTE = 50  # units of fuel that take as long as a byte
REFERENCE_WORK = 400  # resolving one, with its path
CONDITION_WORK = 64 * KIB  # compiling one, the first time
STRETCH_WORK = 120 * NODE_WORK  # about 10 ms
FILTER_STEP_WORK = 160  # about 2 µs
EXPRESSION_STEP_WORK = 320
WATCH_S = 2.0  # between two looks whether work is to end, and before the first
Result = TypeVar("Result")
Watch = Callable[[], Awaitable[bool]]  # whether somebody has asked that it ends


class RunTasks:
    """Limits the tasks of a run, its loops and sub-workflows. Work without a task runs in its caller's,
    sequentially.
    """

    def __init__(self, limit: int = MAX_RUN_TASKS) -> None:
        self._left = limit

    def count(self, task: asyncio.Task[Any]) -> None:
        """Count a task until it is done. Check `has_room` first."""
        self._left -= 1
        task.add_done_callback(self._give_back)

    @property
    def has_room(self) -> bool:
        return self._left > 0

    def _give_back(self, _task: object) -> None:
        self._left += 1


class Slots:
    """Slots for the concurrent calls of a run. Take one with `take_free`, or wait for one, and give it back.

    Like asyncio.Semaphore, but cheaper for the common case of a free slot.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_free(self) -> bool:
        """Take a free slot. Returns False if there is none."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a slot and take it, in order of arrival."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it got its slot at the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a slot to the longest waiting task, or free it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Pace:
    """Counts the work of a run, its loops and sub-workflows, and pauses it between stretches."""

    def __init__(self, clock: Clock, budget: WorkBudget | None = None) -> None:
        """`budget` is charged for the steps of expressions."""
        self._clock, self._budget = clock, budget or WorkBudget()
        self._work = 0
        self.is_due = False  # the stretch is over, or the run is paused
        self._pause: asyncio.Future[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()  # in order of arrival

    def count(self, work: int) -> None:
        """Count work that has been done, in bytes."""
        self._work += work
        if self._work >= STRETCH_WORK:
            self.is_due = True

    def count_rendering(self, rendering: Rendering) -> None:
        self.count(rendering.weight + FILTER_STEP_WORK * rendering.steps)

    def count_expression(self, steps: int) -> None:
        """Count the steps of an expression. Raises CpuBudgetError."""
        self.count(steps * EXPRESSION_STEP_WORK)
        self._budget.take_steps(steps)

    async def step(self) -> None:
        """Pause if due, then count a node. Call it before each node."""
        if self.is_due:
            await self.rest()
        self.count(NODE_WORK)

    async def rest(self) -> None:
        """Pause if the stretch is over. During a pause none of the run's nodes continues; after it, at most as many as
        fit into one stretch.
        """
        if not self.is_due:
            return
        await self._wait()
        while self._work >= STRETCH_WORK:  # others released with it have filled the stretch
            await self._wait(is_first=True)

    async def _wait(self, *, is_first: bool = False) -> None:
        """Wait to be released after a pause."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if is_first:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self._begin_pause()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was already released: release the next one instead
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


class DurablePace(Pace):
    """Of a durable run: all of it pauses, so that it does not matter when. A replay does less than what it repeats."""

    def __init__(self, journal: "Journal", clock: Clock, budget: WorkBudget) -> None:
        super().__init__(clock, budget)
        self._journal = journal

    async def rest(self) -> None:
        if self.is_due:
            self._work, self.is_due = 0, False
            await self._journal.breathe()


async def run_within(limit_s: float, work: Coroutine[Any, Any, Result], watch: Watch | None = None) -> Result:
    """The result of `work`, which is cancelled if it is still waiting after `limit_s`. Raises TimeoutError, and
    RunCancelledError if `watch`, which is asked every two seconds, says that it is to end.

    It starts in the current task. The timer is set only when it waits for the first time.
    """
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + limit_s
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    if watch is not None and ends_s - loop.time() > WATCH_S:
        return await _go_on_watched(work, awaited, ends_s, watch)
    async with asyncio.timeout_at(ends_s):
        return await _go_on(work, awaited)


async def _go_on_watched(work: Coroutine[Any, Any, Result], awaited: Any, ends_s: float, watch: Watch) -> Result:
    """One timer does for both until the work is old enough to be watched: then it is set anew for its end."""
    loop = asyncio.get_running_loop()
    watching: asyncio.Task[None] | None = None
    is_to_end = False

    async def look() -> None:
        nonlocal is_to_end
        while not await watch():
            await asyncio.sleep(WATCH_S)
        is_to_end = True
        deadline.reschedule(loop.time())

    def begin() -> None:
        nonlocal watching
        deadline.reschedule(ends_s)
        watching = loop.create_task(look())

    timer = loop.call_later(WATCH_S, begin)
    try:
        async with asyncio.timeout(None) as deadline:
            return await _go_on(work, awaited)
    except TimeoutError:
        if is_to_end:
            raise RunCancelledError from None
        raise
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()


@types.coroutine
def _go_on(work: Coroutine[Any, Any, Result], awaited: Any) -> Generator[Any, Any, Result]:
    """Await `work`, which already waits for `awaited`."""
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


async def run_together(
    work: Callable[[Callable[[], None]], Coroutine[Any, Any, None]], most: int, tasks: RunTasks
) -> None:
    """Run `work` up to `most` times concurrently, as far as there are tasks for it. `work` gets a function that starts
    more of them if there are tasks now. The first that raises cancels the others.
    """
    if most < 2:
        await work(lambda: None)
        return
    begun = 1
    try:
        async with asyncio.TaskGroup() as group:

            def begin_more() -> None:
                nonlocal begun
                while begun < most and tasks.has_room:
                    begun += 1
                    tasks.count(group.create_task(work(begin_more)))

            await work(begin_more)
    except BaseExceptionGroup as raised:
        raise raised.exceptions[0] from None
