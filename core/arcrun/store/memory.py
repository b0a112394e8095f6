"""Stores in memory, for a component's scenarios and for tests of workflows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.json_size import size_of
from arcrun.limits import MAX_STORE_PAGE
from arcrun.ports import Clock
from arcrun.store.operations import Entry, Kind, apply, invalid_cursor, read_operation, render_end


@dataclass
class MemoryStores:
    """Stores by their scopes. They do what the object on the platform does (executor/stores/tables.py), without its
    bounds of all entries, and never wait.
    """

    clock: Clock
    stores: dict[str, dict[str, Entry]] = field(default_factory=dict)
    _done: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False)

    def read(self, scope: str) -> dict[str, Any]:
        """The values of a store, by key."""
        now_ms = self.clock.now_ms()
        entries = self.stores.get(scope, {})
        return {key: entry.value for key, entry in entries.items() if not entry.has_expired(now_ms)}

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        """As StoreObject has it (protocol.py). Raises HostFunctionError."""
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
        prefix, after = given.get("prefix", ""), _read_cursor(given.get("cursor", ""))
        keys = sorted(key for key in self.read(scope) if key.startswith(prefix) and key > after)
        page = keys[: given.get("limit", MAX_STORE_PAGE)]
        entries = self.stores.get(scope, {})
        listed = [
            {"key": key, "bytes": size_of(entries[key].value).bytes, "expires_ms": render_end(entries[key].expires_ms)}
            for key in page
        ]
        return {
            "entries": listed,
            "cursor": page[-1].encode("utf-8", "surrogatepass").hex() if len(page) < len(keys) else "",
        }


def _read_cursor(cursor: str) -> str:
    """The last key of the page before. Raises HostFunctionError INVALID_REQUEST."""
    try:
        return bytes.fromhex(cursor).decode("utf-8", "surrogatepass")
    except ValueError:
        raise invalid_cursor() from None
