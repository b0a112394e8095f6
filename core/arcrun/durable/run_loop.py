"""The event loop of one durable run, inside the isolate's own.

A run that goes on after a crash is run again from its beginning, with the stored results of its steps. Its tasks must
then do the same as before, in the same order. So they are run by a loop of their own, in the order in which they became
ready, and nothing else is in it: when it is idle, all tasks of the run wait for something outside. What comes from
outside comes one thing at a time (journal.py).
"""

import asyncio
import logging
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from arcrun.errors import describe_fault

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

MOST_CANCELLATIONS, TURNS_TO_END = 20, 10

logger = logging.getLogger("arcrun")


class RunLoop(asyncio.AbstractEventLoop):
    """Runs in the loop that was running when it was made. `on_idle` is called each time that no task is ready."""

    def __init__(self, on_idle: Callable[[], None]) -> None:
        self.outer = asyncio.get_running_loop()
        self._on_idle = on_idle
        self._ready: deque[asyncio.Handle] = deque()
        self._is_due = self._is_held = False
        self._tasks: dict[asyncio.Task[Any], None] = {}  # a set would have another order in each isolate

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        if not self._is_due:
            self._is_due = True
            self.outer.call_soon(self._run_ready)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.outer.call_at(when, self._fire, handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _fire(self, handle: asyncio.TimerHandle) -> None:
        if not handle.cancelled():
            self.call_soon(handle._run)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Its time comes all the same, and nothing happens then."""

    def _run_ready(self) -> None:
        _set_running_loop(self)
        try:
            while self._ready and not self._is_held:
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            self._is_due = False
            _set_running_loop(self.outer)
        if not self._is_held:
            self._on_idle()

    def wake(self) -> None:
        """Become idle again, after what is ready."""
        self.call_soon(_do_nothing)

    async def breathe(self, pause: Callable[[], Awaitable[None]]) -> None:
        """Let other work of the isolate have its turn, by `pause` (Clock.pause). No task of the run goes on meanwhile,
        and this one is the first after that: so it does not matter when that happens.
        """
        woken = self.create_future()
        self._is_held = True
        pausing = self.outer.create_task(self._wake_after(pause, woken))
        await woken
        del pausing

    async def _wake_after(self, pause: Callable[[], Awaitable[None]], woken: asyncio.Future[None]) -> None:
        try:
            await pause()
        finally:
            self._is_held = False
            others, self._ready = self._ready, deque()
            if not woken.done():
                woken.set_result(None)
            self._ready.extend(others)
            self.wake()

    def time(self) -> float:
        return self.outer.time()

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, **options)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        logger.error("A task of a durable run failed: %s", describe_fault(error) if error else context.get("message"))

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`, which is run by this loop. Await it in the loop around."""
        ended: asyncio.Future[Result] = self.outer.create_future()
        task: asyncio.Task[Result] = self.create_task(work)

        def tell(task: asyncio.Task[Result]) -> None:
            if ended.done():
                return
            if task.cancelled():
                ended.cancel()
            elif (error := task.exception()) is not None:
                ended.set_exception(error)
            else:
                ended.set_result(task.result())

        task.add_done_callback(tell)
        try:
            return await ended
        finally:
            await self._end_tasks()

    async def _end_tasks(self) -> None:
        for _ in range(MOST_CANCELLATIONS):  # a task may begin others while it ends
            if not self._tasks:
                return
            for task in tuple(self._tasks):
                task.cancel()
            for _ in range(TURNS_TO_END):
                await asyncio.sleep(0)


def _do_nothing() -> None:
    """See RunLoop.wake."""
