"""What the registry's Durable Object keeps, and how the Worker asks it: an operation's name and its arguments, as JSON.

The object is one for the whole registry and does one thing at a time, so what it decides holds. It runs in the same
code as the Worker, behind `ask`; over sqlite3 it runs in tests.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from arcrun.ports import Sql
from registry.index import ComponentIndex


class State(Protocol):
    """The Worker's side of the Durable Object."""

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """The operation's result. Arguments and result are JSON."""


class RegistryState:
    """The object's side: all operations by their names."""

    def __init__(self, sql: Sql) -> None:
        index = ComponentIndex(sql)
        self._operations: Mapping[str, Callable[..., Any]] = {
            "add": index.add,
            "decide": index.decide,
            "find": index.find,
            "find_same": index.find_same,
            "find_submission": index.find_submission,
            "search": index.search,
            "list_versions": index.list_versions,
        }

    def answer(self, request: str) -> str:
        """`request` is {"operation", "arguments"} as JSON text; so is the result."""
        asked = json.loads(request)
        return json.dumps(self._operations[asked["operation"]](**asked["arguments"]), ensure_ascii=False)
