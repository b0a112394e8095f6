"""Durable Objects: the channel to one, which has `ask(str) -> str` (arcrun/durable_objects.py), and its storage."""

import json
from collections.abc import Mapping
from typing import Any

import js
from pyodide.ffi import jsnull

from arcrun.durable_objects import render_call
from arcrun_edge.faults import naming_faults

MAX_SAFE_INTEGER = 2**53 - 1


class DurableObjectChannel:
    """`namespace` is the binding, `name` the object's name in it; `service` names it in errors."""

    def __init__(self, namespace: Any, name: str, service: str) -> None:
        self._namespace, self._name, self._service = namespace, name, service

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        with naming_faults(self._service, "OBJECT_UNAVAILABLE"):
            answer: str = await self._namespace.getByName(self._name).ask(render_call(operation, arguments))
        return json.loads(answer)


class DurableSql:
    """Sql over an object's SQLite. `context` is the object's `ctx` in the SDK's wrapper, which converts every value."""

    def __init__(self, context: Any) -> None:
        self._sql = context._ctx.storage.sql
        self.rows_written = 0

    def execute(self, statement: str, *values: str | float | None) -> list[dict[str, Any]]:
        cursor = self._sql.exec(statement, *map(_bind, values))
        found = cursor.toArray()
        self.rows_written += cursor.rowsWritten
        if not found.length:
            return []
        rows: list[dict[str, Any]] = json.loads(js.JSON.stringify(found))
        return rows

    @property
    def size_bytes(self) -> int:
        size: int = self._sql.databaseSize
        return size


class DurableAlarm:
    """The object's alarm. `context` is its `ctx` in the SDK's wrapper, whose setAlarm must be awaited."""

    def __init__(self, context: Any) -> None:
        self._storage = context._ctx.storage

    def set(self, delay_ms: float) -> None:
        # Not awaited: writes without a pause are committed atomically, and the answer waits for them.
        self._storage.setAlarm(js.Date.now() + delay_ms)

    def clear(self) -> None:
        self._storage.deleteAlarm()  # as above


def _bind(value: str | float | None) -> Any:
    """A value as the binding takes it. It would turn a boolean into the string "true", which counts as false, and it
    refuses a BigInt, which an integer beyond JavaScript's safe integers would become.
    """
    if value is None:
        return jsnull
    if isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, int) and abs(value) >= MAX_SAFE_INTEGER else value
