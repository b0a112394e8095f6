"""The isolate's event loop, with shorter turns.

Pyodide posts a message for each step of each task, which takes 40 to 80 µs. Here ready callbacks run in a microtask of
the event that made them ready: 6 to 20 µs a step, in the same order. Neither lets another request in between: code that
must yield to other requests waits for a timer or for I/O (Clock.pause), as before.

Importing from JavaScript needs stack switching, which a microtask cannot do: `import_module` runs the import in a turn
of Pyodide's own kind. Figures: docs/adr/0023.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

import js
from pyodide.ffi import create_proxy

from workers import import_from_javascript

_modules: dict[str, Any] = {}


class _Turns:
    """The ready callbacks of one loop. Each turn runs those that were ready when it began."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._ready: deque[asyncio.Handle] = deque()
        self._is_queued = False
        self._queue, self._turn = js.queueMicrotask, create_proxy(self._run)

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self._loop, context=context)
        self._ready.append(handle)
        if not self._is_queued:
            self._is_queued = True
            self._queue(self._turn)
        return handle

    def _run(self) -> None:
        self._loop._install_running_loop()
        self._loop._install_asyncgen_hooks()
        ready = self._ready
        try:
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            self._is_queued = bool(ready)
            if ready:
                self._queue(self._turn)


def shorten_turns() -> None:
    """Install _Turns on the running loop, once. Call it within a request only: the deploy's memory snapshot cannot hold
    JavaScript objects.
    """
    loop: Any = asyncio.get_running_loop()
    if "call_soon" not in vars(loop):
        loop.call_soon = _Turns(loop).call_soon


async def import_module(name: str) -> Any:
    """A JavaScript module of the upload; cached. Raises ImportError."""
    if name not in _modules:
        loop = asyncio.get_running_loop()
        imported: asyncio.Future[None] = loop.create_future()
        isolate = getattr(loop, "outer", loop)  # a durable run's loop is inside the isolate's
        isolate.call_later(0, _import, name, imported)
        await imported
    return _modules[name]


def _import(name: str, imported: asyncio.Future[None]) -> None:
    try:
        _modules[name] = import_from_javascript(name)
    except ImportError as error:
        if not imported.done():
            imported.set_exception(error)
    else:
        if not imported.done():
            imported.set_result(None)
