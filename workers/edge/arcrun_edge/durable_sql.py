"""Sql over the SQLite storage of a Durable Object."""

import json
from typing import Any

import js
from pyodide.ffi import jsnull


class DurableSql:
    """`context` is the object's `ctx` as the SDK hands it over: in a wrapper that converts each value by itself."""

    def __init__(self, context: Any) -> None:
        self._sql = context._ctx.storage.sql

    def execute(self, statement: str, *values: str | float | None) -> list[dict[str, Any]]:
        bound = [jsnull if value is None else _number(value) for value in values]
        rows: list[dict[str, Any]] = json.loads(js.JSON.stringify(self._sql.exec(statement, *bound).toArray()))
        return rows


def _number(value: str | float) -> str | float:
    """SQLite has no booleans: the platform would bind their names."""
    return int(value) if isinstance(value, bool) else value
