"""Sql over the SQLite storage of a Durable Object."""

import json
from typing import Any

import js
from pyodide.ffi import jsnull

MAX_SAFE_INTEGER = 2**53 - 1


class DurableSql:
    """`context` is the object's `ctx` as the SDK hands it over: in a wrapper that converts each value by itself."""

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


def _bind(value: str | float | None) -> Any:
    """SQLite has no booleans; the binding would make a text of one, "true", which counts as false. And it takes no
    BigInt, which is what an integer becomes that JavaScript's numbers do not hold for certain.
    """
    if value is None:
        return jsnull
    if isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, int) and abs(value) >= MAX_SAFE_INTEGER else value
