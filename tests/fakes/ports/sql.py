"""The Sql port over sqlite3 in memory, which is the engine that Durable Objects have."""

import sqlite3
from functools import cache
from typing import Any

from arcrun.durable_objects import Migration, migrate

MAX_BOUND_VALUES = 100  # of one statement, as the platform has it
MAX_VALUE_BYTES = 2 * 1024 * 1024


class SqliteSql:
    """Begins with the tables of `migrations`, copied from those that were made once."""

    def __init__(self, migrations: tuple[Migration, ...] = ()) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        if migrations:
            self._connection.deserialize(_tables_of(migrations))
        self._connection.row_factory = sqlite3.Row
        self._connection.create_function("octet_length", 1, _octet_length)  # which SQLite has from 3.43 on

    def execute(self, statement: str, *values: str | float | None) -> list[dict[str, Any]]:
        assert len(values) <= MAX_BOUND_VALUES, "too many bound values"
        assert all(len(value.encode()) <= MAX_VALUE_BYTES for value in values if isinstance(value, str)), "too long"
        return [dict(row) for row in self._connection.execute(statement, values)]

    @property
    def rows_written(self) -> int:
        """Without those of indexes, which sqlite3 does not tell."""
        return self._connection.total_changes

    @property
    def size_bytes(self) -> int:
        numbers = ("page_count", "freelist_count", "page_size")
        pages, free, page_bytes = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in numbers)
        return int((pages - free) * page_bytes)

    @property
    def content(self) -> bytes:
        """The database's file."""
        return self._connection.serialize()

    def close(self) -> None:
        self._connection.close()


@cache
def _tables_of(migrations: tuple[Migration, ...]) -> bytes:
    """Made once: most tests begin with these tables, and copying them takes a tenth of making them."""
    sql = SqliteSql()
    migrate(sql, migrations)
    return sql.content


def _octet_length(value: str | None) -> int | None:
    return None if value is None else len(value.encode())
