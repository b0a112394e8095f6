"""What the registry's Durable Object keeps, and how the Worker asks it: an operation's name and its arguments, as JSON.

The object is one for the whole registry and does one thing at a time, so what it decides holds. It runs in the same
code as the Worker, behind `ask`; over sqlite3 it runs in tests.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from arcrun.analytics.tally import TallyRow
from arcrun.ports import Alarm, KeyValue, Sql
from registry.counters import Counters
from registry.mirror import DEFAULT_INTERVAL_S, Mirror


class State(Protocol):
    """The Worker's side of the Durable Object."""

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """The operation's result. Arguments and result are JSON."""


class RegistryState:
    """The object's side: all operations by their names."""

    def __init__(self, sql: Sql, alarm: Alarm, mirror_interval_s: float = DEFAULT_INTERVAL_S) -> None:
        self._counters = Counters(sql)
        self._mirror = Mirror(sql, self._counters, alarm, mirror_interval_s)
        self._operations: Mapping[str, Callable[..., Any]] = {
            "count_runs": self._count_runs,
            "read_statistics": self._read_statistics,
        }

    def answer(self, request: str) -> str:
        """`request` is {"operation", "arguments"} as JSON text; so is the result."""
        asked = json.loads(request)
        return json.dumps(self._operations[asked["operation"]](**asked["arguments"]), ensure_ascii=False)

    async def on_alarm(self, statistics_kv: KeyValue) -> None:
        """What the object does when the alarm that it has set goes off."""
        await self._mirror.write(statistics_kv)

    def _count_runs(self, scope: str, rows: list[TallyRow]) -> None:
        self._counters.count(scope, rows)
        self._mirror.note_change()

    def _read_statistics(self, scope: str) -> list[dict[str, Any]]:
        return [{"canonical_id": name, **found.to_json()} for name, found in self._counters.read(scope).items()]
