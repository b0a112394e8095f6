"""Alarm over the storage of a Durable Object."""

from typing import Any

import js


class DurableAlarm:
    """`storage` is the object's `ctx.storage`."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def set(self, delay_ms: float) -> None:
        # Not awaited: what is written without a pause is kept together, and the answer waits for it.
        self._storage.setAlarm(js.Date.now() + delay_ms)
