"""Background over the platform's waitUntil: the Worker stays alive until the work is done, or 30 s after the answer."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import js

from workers import import_from_javascript

logger = logging.getLogger("arcrun")


class WaitUntil:
    def start(self, work: Coroutine[Any, Any, None]) -> None:
        done = js.Promise.withResolvers()
        import_from_javascript("cloudflare:workers").waitUntil(done.promise)
        task = asyncio.ensure_future(_logging_faults(work))
        task.add_done_callback(lambda _task: done.resolve())


async def _logging_faults(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        logger.exception("Work after the answer failed")
