"""Sql over the SQLite storage of a Durable Object."""

import json
from typing import Any

import js


class DurableSql:
    """`storage` is the object's `ctx.storage.sql`."""

    def __init__(self, storage: Any) -> None:
        self._sql = storage

    def execute(self, statement: str, *values: str | float | None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(js.JSON.stringify(self._sql.exec(statement, *values).toArray()))
        return rows
