"""The registry's Durable Object: its operations, its tables, and the Worker's client (arcrun/durable_objects.py).

There is one object for the whole registry, and it does one thing at a time, so its decisions cannot conflict. In tests
it runs over sqlite3.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from arcrun.analytics import ComponentStatistics, TallyRow
from arcrun.durable_objects import Channel, migrate
from arcrun.ports import Alarm, KeyValue, Sql
from registry.counters import COUNTERS, Counters
from registry.index import INDEX, ComponentIndex
from registry.statistics_export import DEFAULT_INTERVAL_S, TABLES, StatisticsExport

NEVER_RUN = ComponentStatistics()
MIGRATIONS = ((*INDEX, *COUNTERS, *TABLES),)  # the first one changes nothing in an object that has all tables

Version = dict[str, Any]  # {"canonical_id", "version", "owner", "visibility", ...}: registry/index.py


class RegistryObject(Protocol):
    """The object's operations. `principal` is the caller's id; `sees_all` is true for a reviewer."""

    async def add(self, version: Mapping[str, Any]) -> dict[str, str]:
        """Add a version. {"outcome": "added" | "same" | "version_exists" | "id_taken", "submission_id"}."""

    async def count_runs(self, principal: str, rows: Sequence[TallyRow]) -> None:
        """Count runs for the component's owner; for the reporting principal if the registry does not know the id."""

    async def decide(self, submission_id: str, visibility: str, decision: Mapping[str, str]) -> str:
        """ "decided", or "id_taken" if another author's public component has the id."""

    async def find(self, principal: str, sees_all: bool, canonical_id: str, number: int | None) -> Version | None:
        """The version that an id refers to for the caller, the newest if `number` is None; with statistics."""

    async def find_same(self, owner: str, sha256: str, contract_sha256: str) -> str | None:
        """The submission's id if the owner has submitted these bytes before."""

    async def find_submission(self, principal: str, sees_all: bool, submission_id: str) -> Version | None:
        """The version with its "decisions"; None if it is another owner's."""

    async def list_versions(self, principal: str, sees_all: bool, canonical_id: str) -> list[Version]:
        """The versions of the component that an id refers to for the caller, newest first; each with its statistics."""

    async def read_statistics(self, scope: str) -> list[dict[str, Any]]:
        """A scope's [{"canonical_id", "total_runs", "success_rate", "avg_duration_ms", "p95_duration_ms"}]."""

    async def search(self, principal: str, sees_all: bool, query: Mapping[str, Any]) -> dict[str, Any]:
        """{"components": [...], "total"}. `query` has the fields of registry.catalogue.Query."""


class RemoteRegistry:
    """RegistryObject over a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def add(self, version: Mapping[str, Any]) -> dict[str, str]:
        answer: dict[str, str] = await self._call("add", version=version)
        return answer

    async def count_runs(self, principal: str, rows: Sequence[TallyRow]) -> None:
        await self._call("count_runs", principal=principal, rows=rows)

    async def decide(self, submission_id: str, visibility: str, decision: Mapping[str, str]) -> str:
        outcome: str = await self._call("decide", submission_id=submission_id, visibility=visibility, decision=decision)
        return outcome

    async def find(self, principal: str, sees_all: bool, canonical_id: str, number: int | None) -> Version | None:
        asked = {"principal": principal, "sees_all": sees_all, "canonical_id": canonical_id, "number": number}
        found: Version | None = await self._call("find", **asked)
        return found

    async def find_same(self, owner: str, sha256: str, contract_sha256: str) -> str | None:
        found: str | None = await self._call("find_same", owner=owner, sha256=sha256, contract_sha256=contract_sha256)
        return found

    async def find_submission(self, principal: str, sees_all: bool, submission_id: str) -> Version | None:
        asked = {"principal": principal, "sees_all": sees_all, "submission_id": submission_id}
        found: Version | None = await self._call("find_submission", **asked)
        return found

    async def list_versions(self, principal: str, sees_all: bool, canonical_id: str) -> list[Version]:
        asked = {"principal": principal, "sees_all": sees_all, "canonical_id": canonical_id}
        found: list[Version] = await self._call("list_versions", **asked)
        return found

    async def read_statistics(self, scope: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._call("read_statistics", scope=scope)
        return found

    async def search(self, principal: str, sees_all: bool, query: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = await self._call("search", principal=principal, sees_all=sees_all, query=query)
        return found

    async def _call(self, operation: str, **arguments: Any) -> Any:
        return await self._channel.call(operation, arguments)


class RegistryTables:
    """Implements RegistryObject in the object, over its SQLite."""

    def __init__(self, sql: Sql, alarm: Alarm, export_interval_s: float = DEFAULT_INTERVAL_S) -> None:
        migrate(sql, MIGRATIONS)
        self._index = index = ComponentIndex(sql)
        self._counters = Counters(sql)
        self._export = StatisticsExport(sql, self._counters, alarm, export_interval_s)
        self.add, self.decide = index.add, index.decide
        self.find_same, self.find_submission = index.find_same, index.find_submission

    async def on_alarm(self, statistics_kv: KeyValue) -> None:
        """Handle the object's alarm: export the statistics."""
        await self._export.write(statistics_kv)

    def count_runs(self, principal: str, rows: list[TallyRow]) -> None:
        """Count runs for the component's owner; for the reporting principal if the registry does not know the id."""
        owners = {name: self._index.find_owner(principal, name) or principal for name in {row[0] for row in rows}}
        by_scope: dict[str, list[TallyRow]] = defaultdict(list)
        for row in rows:
            by_scope[owners[row[0]]].append(row)
        for scope, counted in by_scope.items():
            self._counters.count(scope, counted)
        self._export.note_change()

    def find(self, principal: str, sees_all: bool, canonical_id: str, number: int | None) -> Version | None:
        found = self._index.find(principal, sees_all, canonical_id, number)
        return self._add_statistics([found])[0] if found else None

    def search(self, principal: str, sees_all: bool, query: Mapping[str, Any]) -> dict[str, Any]:
        found = self._index.search(principal, sees_all, query)
        return {**found, "components": self._add_statistics(found["components"])}

    def list_versions(self, principal: str, sees_all: bool, canonical_id: str) -> list[Version]:
        found = self._index.list_versions(principal, sees_all, canonical_id)
        if not found:
            return []
        statistics = self._counters.read_versions(found[0]["owner"], found[0]["canonical_id"])
        return [{**version, **statistics.get(version["version"], NEVER_RUN).to_json()} for version in found]

    def _add_statistics(self, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The versions, each with the statistics of its component, all versions together."""
        ids: dict[str, list[str]] = defaultdict(list)
        for version in versions:
            ids[version["owner"]].append(version["canonical_id"])
        read = {owner: self._counters.read(owner, names) for owner, names in ids.items()}
        return [
            {**version, **read[version["owner"]].get(version["canonical_id"], NEVER_RUN).to_json()}
            for version in versions
        ]

    def read_statistics(self, scope: str) -> list[dict[str, Any]]:
        return [{"canonical_id": name, **found.to_json()} for name, found in self._counters.read(scope).items()]
