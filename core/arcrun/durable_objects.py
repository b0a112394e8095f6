"""Communication between a Worker and a Durable Object, and migration of an object's tables.

A call is the name of an operation and its arguments as a JSON string; so is the result. For some minutes after a
deploy, Workers meet objects of the previous or next version. So operations are added, and never change their meaning;
an object ignores unknown arguments, a Worker unknown keys of a result. An object without the operation refuses it,
which the Worker sees as UpstreamError OBJECT_UNAVAILABLE, until the new code arrives there. The same holds for tables:
a migration only adds, and older code continues to work with its result; so statements name their columns.
"""

import inspect
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from types import MethodType
from typing import Any, Protocol

from arcrun.ports import Sql

LATE_ALARM_MS = 30_000  # an alarm that is so late is set again by any request to its object
Migration = Sequence[str]


class Channel(Protocol):
    """The connection to one object. Clients with a typed method for each operation are built on it."""

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Call an operation and return its result. Both are JSON. Raises UpstreamError OBJECT_UNAVAILABLE."""


class Operations:
    """The public methods of `target` that `protocol`, or one that it extends, declares."""

    def __init__(self, target: object, protocol: type) -> None:
        self._methods: dict[str, MethodType] = {
            name: getattr(target, name) for name in dir(protocol) if not name.startswith("_")
        }

    def answer(self, request: str) -> str:
        """Execute {"operation", "arguments"}. Raises LookupError for an operation that this code does not have."""
        return json.dumps(self._execute(request), ensure_ascii=False)

    async def answer_later(self, request: str) -> str:
        """As `answer`, of an object whose operations are asynchronous."""
        return json.dumps(await self._execute(request), ensure_ascii=False)

    def _execute(self, request: str) -> Any:
        asked = json.loads(request)
        name = asked["operation"]
        method = self._methods.get(name)
        if method is None:
            raise LookupError(f"no operation {name[:40]}")
        parameters = _parameters_of(method.__func__)
        known = {key: value for key, value in asked["arguments"].items() if key in parameters}
        return method(**known)


class LocalChannel:
    """A channel to the object that this code runs in."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        return json.loads(self._operations.answer(render_call(operation, arguments)))


@cache
def _parameters_of(method: Callable[..., Any]) -> Collection[str]:
    """The names of a method's parameters but `self`."""
    return tuple(inspect.signature(method).parameters)[1:]


def render_call(operation: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps({"operation": operation, "arguments": arguments})


def migrate(sql: Sql, migrations: Sequence[Migration]) -> None:
    """Migrate the tables to the schema of this code, whose number is the number of migrations done, kept in `schema`.

    Without new migrations nothing is written: an object must also start when its storage is full. Tables that the next
    version's code has already migrated are left as they are; for a later version RuntimeError is raised, because that
    is untested.
    """
    if not sql.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema'"):
        sql.execute("CREATE TABLE schema (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)")
        sql.execute("INSERT INTO schema (id, number) VALUES (1, 0)")
    [row] = sql.execute("SELECT number FROM schema")
    number = int(row["number"])
    if number > len(migrations) + 1:
        raise RuntimeError(f"The object's schema is {number}, but this code knows {len(migrations)}.")
    for migration in migrations[number:]:
        for statement in migration:
            sql.execute(statement)
    if number < len(migrations):
        sql.execute("UPDATE schema SET number = ?", len(migrations))
