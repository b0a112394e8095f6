"""Alarm over the storage of a Durable Object."""

from typing import Any

import js


class DurableAlarm:
    """`context` is the object's `ctx` as the SDK hands it over, in a wrapper whose setAlarm wants to be awaited."""

    def __init__(self, context: Any) -> None:
        self._storage = context._ctx.storage

    def set(self, delay_ms: float) -> None:
        # Not awaited: what is written without a pause is kept together, and the answer waits for it.
        self._storage.setAlarm(js.Date.now() + delay_ms)
