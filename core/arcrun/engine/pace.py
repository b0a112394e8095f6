"""Lets everybody else of the isolate have a turn: a run works in short stretches, and pauses between them.

A stretch is counted in work, not timed: deployed, the clock stands still while code computes. Work is counted in bytes
that are read or written; a node counts as many as take the same time. A pause is a real timer, after which other
requests have run, the clock has moved, and a deadline ends the run whose time is over.
"""

import asyncio
from collections import deque

from arcrun.engine.work import WorkBudget
from arcrun.limits import KIB
from arcrun.ports import Clock
from arcrun.workflows.rendering import Rendering

NODE_WORK = 7 * KIB  # about 0.08 ms on Pyodide: benchmarks/run.py prints what a node takes
FUEL_A_BYTE = 50  # units that take as long as a byte
REFERENCE_WORK = 400  # of resolving one, with its steps
CONDITION_WORK = 64 * KIB  # of compiling one, the first time
STRETCH_WORK = 120 * NODE_WORK  # about 10 ms
FILTER_STEP_WORK = 160  # about 2 µs
EXPRESSION_STEP_WORK = 320


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
