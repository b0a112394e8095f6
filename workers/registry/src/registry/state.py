"""What the registry's Durable Object keeps, and how the Worker asks it: an operation's name and its arguments, as JSON.

The object is one for the whole registry and does one thing at a time, so what it decides holds. It runs in the same
code as the Worker, behind `ask`; over sqlite3 it runs in tests.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from arcrun.ports import Sql


class State(Protocol):
    """The Worker's side of the Durable Object."""

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """The operation's result. Arguments and result are JSON."""


class RegistryState:
    """The object's side: all operations by their names."""

    def __init__(self, sql: Sql) -> None:
        self._operations: Mapping[str, Callable[..., Any]] = {}

    def answer(self, request: str) -> str:
        """`request` is {"operation", "arguments"} as JSON text; so is the result."""
        asked = json.loads(request)
        return json.dumps(self._operations[asked["operation"]](**asked["arguments"]), ensure_ascii=False)
