"""How a Worker talks to a Durable Object, and how an object keeps its tables.

A call is the name of an operation and its arguments as JSON text; so is the result. After a deploy code of one version
meets objects of the version before and after it for some minutes. So operations are added, never changed in meaning; an
object leaves out arguments that it does not know, a Worker keys of a result that it does not know; and an object whose
code lacks an operation refuses it, which the Worker sees as UpstreamError OBJECT_UNAVAILABLE: soon it will be there.
Tables are changed in the same way: a migration adds, and the code before it goes on working on what it has made; so
statements name their columns.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from arcrun.ports import Sql

Migration = Sequence[str]


class Channel(Protocol):
    """The way to one object. Clients with a typed method for each operation stand on it."""

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """The operation's result. Arguments and result are JSON. Raises UpstreamError OBJECT_UNAVAILABLE."""


class Operations:
    """The public methods of `target` that `protocol` names."""

    def __init__(self, target: object, protocol: type) -> None:
        names = [name for name in vars(protocol) if not name.startswith("_")]
        self._methods = {name: getattr(target, name) for name in names}
        self._parameters = {name: inspect.signature(method).parameters for name, method in self._methods.items()}

    def answer(self, request: str) -> str:
        """`request` is {"operation", "arguments"}. Raises LookupError for an operation that this code does not have."""
        asked = json.loads(request)
        name = asked["operation"]
        if name not in self._methods:
            raise LookupError(f"no operation {name[:40]}")
        known = {key: value for key, value in asked["arguments"].items() if key in self._parameters[name]}
        return json.dumps(self._methods[name](**known), ensure_ascii=False)


def render_call(operation: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps({"operation": operation, "arguments": arguments})


def migrate(sql: Sql, migrations: Sequence[Migration]) -> None:
    """Bring the tables to the schema of this code: its number is that of the migrations done, kept in `schema`.

    Where nothing is new nothing is written: an object must start on a full disk, too.
    Tables that code of the next version has migrated already are left as they are; of a later one they are refused with
    RuntimeError, for nobody has tried that.
    """
    if not sql.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema'"):
        sql.execute("CREATE TABLE schema (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)")
        sql.execute("INSERT INTO schema (id, number) VALUES (1, 0)")
    [row] = sql.execute("SELECT number FROM schema")
    number = int(row["number"])
    if number > len(migrations) + 1:
        raise RuntimeError(f"The object's schema is {number}, and this code knows {len(migrations)}.")
    for migration in migrations[number:]:
        for statement in migration:
            sql.execute(statement)
    if number < len(migrations):
        sql.execute("UPDATE schema SET number = ?", len(migrations))
