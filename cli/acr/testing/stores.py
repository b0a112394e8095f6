"""The stores of a workflow test: they begin with what the test gives, and are in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acr.testing.comparison import Difference, compare_values
from acr.testing.model import Expectation
from arcrun.json_size import size_of
from arcrun.limits import MAX_STORE_PAGE
from arcrun.ports import Clock
from arcrun.store.operations import Entry, Kind, apply, read_operation
from arcrun.store.protocol import scope_of_shared, scope_of_workflow


@dataclass
class TestStores:
    """Stores by their scopes. They do as executor/stores/tables.py does, without its bounds, and answer at once."""

    __test__ = False  # for pytest

    clock: Clock
    stores: dict[str, dict[str, Entry]] = field(default_factory=dict)
    _done: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def fill(self, workflow: str, own: Mapping[str, Any], shared: Mapping[str, Mapping[str, Any]]) -> None:
        """Put values into the store of a workflow, and into shared ones."""
        self._fill(scope_of_workflow(workflow), own)
        for name, values in shared.items():
            self._fill(scope_of_shared(name), values)

    def _fill(self, scope: str, values: Mapping[str, Any]) -> None:
        self.stores[scope] = {key: Entry(value) for key, value in values.items()}

    def read(self, scope: str) -> dict[str, Any]:
        """The values of a store, by key."""
        now_ms = self.clock.now_ms()
        entries = self.stores.get(scope, {})
        return {key: entry.value for key, entry in entries.items() if not entry.has_expired(now_ms)}

    def compare(self, workflow: str, expected: Expectation) -> Iterator[Difference]:
        """How what the stores have at the end differs from what is expected of them."""
        if expected.store is not None:
            yield from compare_values(expected.store, self.read(scope_of_workflow(workflow)), "store")
        for name, values in expected.shared.items():
            yield from compare_values(values, self.read(scope_of_shared(name)), f"shared_stores.{name}")

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        kind, given = read_operation(request)
        if kind is Kind.LIST:
            return self._list(scope, given)
        if kind.changes and call in self._done:
            return self._done[call]
        entries = self.stores.setdefault(scope, {})
        applied = apply(kind, given, entries.get(given["key"]), self.clock.now_ms())
        if applied.entry is None:
            entries.pop(given["key"], None)
        else:
            entries[given["key"]] = applied.entry
        if kind.changes and call:
            self._done[call] = applied.answer
        return applied.answer

    def _list(self, scope: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        prefix, after = given.get("prefix", ""), given.get("cursor", "")
        keys = sorted(key for key in self.read(scope) if key.startswith(prefix) and key > after)
        page = keys[: given.get("limit", MAX_STORE_PAGE)]
        entries = self.stores.get(scope, {})
        listed = [
            {"key": key, "bytes": size_of(entries[key].value).bytes, "expires_ms": entries[key].expires_ms}
            for key in page
        ]
        return {"entries": listed, "cursor": page[-1] if len(page) < len(keys) else ""}
