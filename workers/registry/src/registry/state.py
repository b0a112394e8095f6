"""What the registry's Durable Object keeps, and how the Worker asks it: an operation's name and its arguments, as JSON.

The object is one for the whole registry and does one thing at a time, so what it decides holds. It runs in the same
code as the Worker, behind `ask`; over sqlite3 it runs in tests.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from arcrun.analytics.statistics import ComponentStatistics
from arcrun.analytics.tally import TallyRow
from arcrun.ports import Alarm, KeyValue, Sql
from registry.counters import Counters
from registry.index import ComponentIndex
from registry.mirror import DEFAULT_INTERVAL_S, Mirror

NEVER_RUN = ComponentStatistics()


class State(Protocol):
    """The Worker's side of the Durable Object."""

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """The operation's result. Arguments and result are JSON."""


class RegistryState:
    """The object's side: all operations by their names."""

    def __init__(self, sql: Sql, alarm: Alarm, mirror_interval_s: float = DEFAULT_INTERVAL_S) -> None:
        self._index = index = ComponentIndex(sql)
        self._counters = Counters(sql)
        self._mirror = Mirror(sql, self._counters, alarm, mirror_interval_s)
        self._operations: Mapping[str, Callable[..., Any]] = {
            "add": index.add,
            "count_runs": self._count_runs,
            "decide": index.decide,
            "find": self._find,
            "find_same": index.find_same,
            "find_submission": index.find_submission,
            "list_versions": self._list_versions,
            "read_statistics": self._read_statistics,
            "search": self._search,
        }

    def answer(self, request: str) -> str:
        """`request` is {"operation", "arguments"} as JSON text; so is the result."""
        asked = json.loads(request)
        return json.dumps(self._operations[asked["operation"]](**asked["arguments"]), ensure_ascii=False)

    async def on_alarm(self, statistics_kv: KeyValue) -> None:
        """What the object does when the alarm that it has set goes off."""
        await self._mirror.write(statistics_kv)

    def _count_runs(self, principal: str, rows: list[TallyRow]) -> None:
        """A run counts for the owner of the component; for whoever reports it where the registry has no such one."""
        owners = {name: self._index.find_owner(principal, name) or principal for name in {row[0] for row in rows}}
        by_scope: dict[str, list[TallyRow]] = defaultdict(list)
        for row in rows:
            by_scope[owners[row[0]]].append(row)
        for scope, counted in by_scope.items():
            self._counters.count(scope, counted)
        self._mirror.note_change()

    def _find(self, **asked: Any) -> dict[str, Any] | None:
        found = self._index.find(**asked)
        return self._add_statistics([found])[0] if found else None

    def _search(self, **asked: Any) -> dict[str, Any]:
        found = self._index.search(**asked)
        return {**found, "components": self._add_statistics(found["components"])}

    def _list_versions(self, **asked: Any) -> list[dict[str, Any]]:
        found = self._index.list_versions(**asked)
        if not found:
            return []
        statistics = self._counters.read_versions(found[0]["owner"], found[0]["canonical_id"])
        return [{**version, **statistics.get(version["version"], NEVER_RUN).to_json()} for version in found]

    def _add_statistics(self, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the whole component, all its versions together."""
        ids: dict[str, list[str]] = defaultdict(list)
        for version in versions:
            ids[version["owner"]].append(version["canonical_id"])
        read = {owner: self._counters.read(owner, names) for owner, names in ids.items()}
        return [
            {**version, **read[version["owner"]].get(version["canonical_id"], NEVER_RUN).to_json()}
            for version in versions
        ]

    def _read_statistics(self, scope: str) -> list[dict[str, Any]]:
        return [{"canonical_id": name, **found.to_json()} for name, found in self._counters.read(scope).items()]
