"""Alarm over the storage of a Durable Object."""

from typing import Any

import js


class DurableAlarm:
    """`context` is the object's `ctx` which the SDK wraps so that setAlarm would wait for `await`."""

    def __init__(self, context: Any) -> None:
        self._storage = context._ctx.storage

    def set(self, delay_ms: float) -> None:
        # Not awaited: what is written without a pause is kept together, and the answer waits for it.
        self._storage.setAlarm(js.Date.now() + delay_ms)
