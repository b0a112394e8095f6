"""Implements StoreObject (arcrun/store/protocol.py) over a Durable Object's SQLite.

Whoever reads the database learns how many entries there are, how large they are and when they change: scopes and keys
are HMACs under a key of the object's own, and what they stand for is sealed together with the values. So are the
answers of what was done, by the name of the call.

Operations are done one after the other, for sealing takes time in which others would be let in. (An object's requests
share one context, so they may wait for each other.) What one has decided is written in one transaction, unless the
entry has changed meanwhile: an older instance of the object may be at work.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.durable_objects import migrate
from arcrun.errors import ArcrunError, HostFunctionError
from arcrun.json_text import write_json
from arcrun.limits import (
    MAX_STORE_BYTES,
    MAX_STORE_ENTRIES,
    MAX_STORE_PAGE,
    MAX_STORE_SCANNED,
    STORE_DONE_DAYS,
)
from arcrun.ports import Clock, Random, Sql
from arcrun.store.operations import Entry, Kind, apply, invalid_cursor, read_operation, render_end

MIGRATIONS = (
    (
        """CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1), name_key TEXT, entries INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0, changes INTEGER NOT NULL DEFAULT 0,
            is_closed INTEGER NOT NULL DEFAULT 0)""",
        "INSERT INTO store (id) VALUES (1)",
        """CREATE TABLE scopes (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, entries INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
        """CREATE TABLE entries (
            scope TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, sealed TEXT NOT NULL,
            bytes INTEGER NOT NULL, expires_ms REAL, PRIMARY KEY (scope, id)) WITHOUT ROWID""",
        "CREATE INDEX entries_by_expiry ON entries (expires_ms) WHERE expires_ms IS NOT NULL",
        "CREATE TABLE done (call TEXT PRIMARY KEY, answer TEXT NOT NULL, expires_ms REAL NOT NULL) WITHOUT ROWID",
        "CREATE INDEX done_by_expiry ON done (expires_ms)",
    ),
)
ROW_BYTES = 150  # of an entry, besides what is sealed in it
MOST_CLEANED = 20  # expired rows, with each operation that writes
TURN_S = 5.0  # for which an operation waits for those before it: one whose request the platform has ended never ends
KEY_BYTES = 32
_CURSOR = re.compile(r"(?:[0-9a-f]{64})?")  # the last row's id, or nothing
DAY_MS = 86_400_000


class Sealer(Protocol):
    """Seals under a key of the account's, which a change of the platform's key leaves readable."""

    def seal(self, purpose: str, content: bytes) -> Awaitable[bytes]: ...

    def open(self, purpose: str, sealed: bytes) -> Awaitable[bytes]:
        """Raises DecryptionError, NotConfiguredError."""


@dataclass(frozen=True)
class _Place:
    """An entry, by what the database knows it as."""

    scope: str
    id: str

    @property
    def purpose(self) -> str:
        return f"entry {self.scope} {self.id}"


class StoreTables:
    def __init__(
        self,
        sql: Sql,
        clock: Clock,
        random: Random,
        sealer: Sealer,
        *,
        most_bytes: float = MAX_STORE_BYTES,
        erase: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`erase` empties the database at once, and ends when that is durable."""
        self._sql, self._clock, self._random, self._sealer, self._most_bytes = sql, clock, random, sealer, most_bytes
        self._erase = erase
        migrate(sql, MIGRATIONS)
        self._turn = asyncio.Lock()
        self._key: bytes | None = None

    # The operations as the channel calls them

    async def do(self, scope: str, request: Mapping[str, Any], call: str = "") -> Mapping[str, Any]:
        try:
            kind, given = read_operation(request)
            async with self._take_turn():
                if kind is Kind.LIST:
                    return {"value": await self._list(scope, given)}
                return {"value": await self._do(scope, kind, given, call)}
        except ArcrunError as error:
            return {"error": error.to_json()}

    async def list_stores(self, after: str, limit: int) -> Mapping[str, Any]:
        try:
            return {"value": await self._list_stores(after, limit)}
        except ArcrunError as error:
            return {"error": error.to_json()}

    async def _list_stores(self, after: str, limit: int) -> Mapping[str, Any]:
        _check_cursor(after)
        rows = self._sql.execute(
            "SELECT id, name, entries, bytes FROM scopes WHERE id > ? AND entries > 0 ORDER BY id LIMIT ?", after, limit
        )
        stores = [
            {
                "scope": await self._open(f"scope {row['id']}", row["name"]),
                "entries": row["entries"],
                "bytes": row["bytes"],
            }
            for row in rows
        ]
        return {"stores": stores, "cursor": rows[-1]["id"] if len(rows) == limit else ""}

    async def purge(self, scope: str) -> Mapping[str, Any]:
        try:
            async with self._take_turn():
                return {"value": {"deleted": self._purge(await self._name(scope))}}
        except ArcrunError as error:
            return {"error": error.to_json()}

    def _purge(self, scope_id: str) -> int:
        [had] = self._sql.execute(
            "SELECT COUNT(*) AS entries, TOTAL(bytes) AS bytes FROM entries WHERE scope = ?", scope_id
        )
        self._sql.execute("DELETE FROM entries WHERE scope = ?", scope_id)
        self._sql.execute("DELETE FROM scopes WHERE id = ?", scope_id)
        self._count(scope_id, -had["entries"], -had["bytes"])
        return int(had["entries"])

    async def close(self) -> Mapping[str, Any]:
        if self._erase is not None:
            erased = self._erase()
            migrate(self._sql, MIGRATIONS)  # before anything waits: no operation finds the tables missing
            self._mark_closed()
            await erased
        self._mark_closed()
        return {"value": None}

    def _mark_closed(self) -> None:
        self._sql.execute("DELETE FROM entries")
        self._sql.execute("DELETE FROM scopes")
        self._sql.execute("DELETE FROM done")
        self._sql.execute("UPDATE store SET is_closed = 1, name_key = NULL, entries = 0, bytes = 0")
        self._key = None

    async def open_anew(self) -> Mapping[str, Any]:
        self._sql.execute("UPDATE store SET is_closed = 0")
        return {"value": None}

    # One operation

    async def _do(self, scope: str, kind: Kind, given: Mapping[str, Any], call: str) -> Mapping[str, Any]:
        place = _Place(await self._name(scope), await self._name(f"{scope}\n{given['key']}"))
        call_id = await self._name(f"call {call}") if call and kind.changes else ""
        while True:
            if call_id and (done := await self._find_done(call_id)) is not None:
                return done
            before = self._find(place)
            entry = None
            if before is not None:
                entry = Entry((await self._open(place.purpose, before["sealed"]))["value"], before["expires_ms"])
            applied = apply(kind, given, entry, self._clock.now_ms())
            if not kind.changes:
                return applied.answer
            after = None
            if applied.entry is not None and applied.is_changed:
                after = await self._seal(place.purpose, {"key": given["key"], "value": applied.entry.value})
            answer = await self._seal(f"done {call_id}", applied.answer) if call_id else ""
            if not self._sql.execute("SELECT 1 FROM scopes WHERE id = ?", place.scope):
                name = await self._seal(f"scope {place.scope}", scope)
                self._sql.execute("INSERT OR IGNORE INTO scopes (id, name) VALUES (?, ?)", place.scope, name)
            now = self._find(place)
            if (now and now["version"]) != (before and before["version"]) or self._is_done(call_id):
                continue  # an older instance of the object was faster
            if applied.is_changed:
                self._write(place, before, after, applied.entry.expires_ms if applied.entry is not None else None)
            if call_id:
                expires_ms = self._clock.now_ms() + STORE_DONE_DAYS * DAY_MS
                self._sql.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", call_id, answer, expires_ms)
            self._clean()
            return applied.answer

    def _find(self, place: "_Place") -> Mapping[str, Any] | None:
        rows = self._sql.execute(
            "SELECT version, sealed, bytes, expires_ms FROM entries WHERE scope = ? AND id = ?", place.scope, place.id
        )
        return rows[0] if rows else None

    def _write(
        self, place: "_Place", before: Mapping[str, Any] | None, sealed: str | None, expires_ms: float | None
    ) -> None:
        """Raises HostFunctionError STORE_FULL."""
        size = 0 if sealed is None else len(sealed) + ROW_BYTES
        grown = size - (0 if before is None else before["bytes"])
        more = int(sealed is not None) - int(before is not None)
        if grown > 0 or more > 0:
            self._require_room(more, grown)
        if sealed is None:
            self._sql.execute("DELETE FROM entries WHERE scope = ? AND id = ?", place.scope, place.id)
        else:
            [counted] = self._sql.execute("UPDATE store SET changes = changes + 1 RETURNING changes")
            self._sql.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)",
                *(place.scope, place.id, counted["changes"], sealed, size, expires_ms),
            )
        self._count(place.scope, more, grown)

    def _is_done(self, call_id: str) -> bool:
        now_ms = self._clock.now_ms()
        return bool(self._sql.execute("SELECT 1 FROM done WHERE call = ? AND expires_ms > ?", call_id, now_ms))

    async def _find_done(self, call_id: str) -> Mapping[str, Any] | None:
        now_ms = self._clock.now_ms()
        rows = self._sql.execute("SELECT answer FROM done WHERE call = ? AND expires_ms > ?", call_id, now_ms)
        return await self._open(f"done {call_id}", rows[0]["answer"]) if rows else None

    async def _list(self, scope: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """A page of keys, in no order that means anything."""
        scope_id, now_ms = await self._name(scope), self._clock.now_ms()
        prefix, limit, after = given.get("prefix", ""), given.get("limit", MAX_STORE_PAGE), given.get("cursor", "")
        _check_cursor(after)
        entries: list[dict[str, Any]] = []
        rows = self._sql.execute(
            "SELECT id, sealed, bytes, expires_ms FROM entries WHERE scope = ? AND id > ? ORDER BY id LIMIT ?",
            *(scope_id, after, MAX_STORE_SCANNED if prefix else limit),
        )
        last = ""
        for row in rows:
            last = row["id"]
            if row["expires_ms"] is None or row["expires_ms"] > now_ms:
                key = (await self._open(f"entry {scope_id} {row['id']}", row["sealed"]))["key"]
                if key.startswith(prefix):
                    expires_ms = render_end(row["expires_ms"])
                    entries.append({"key": key, "bytes": row["bytes"], "expires_ms": expires_ms})
            if len(entries) == limit:
                break
        has_more = bool(last) and bool(
            self._sql.execute("SELECT 1 FROM entries WHERE scope = ? AND id > ? LIMIT 1", scope_id, last)
        )
        return {"entries": entries, "cursor": last if has_more else ""}

    # What is kept of all

    def _require_room(self, more: int, grown: int) -> None:
        """Raises HostFunctionError STORE_FULL."""
        [kept] = self._sql.execute("SELECT entries, bytes FROM store")
        if kept["entries"] + more > MAX_STORE_ENTRIES or kept["bytes"] + grown > self._most_bytes:
            raise HostFunctionError(
                f"The stores hold {kept['entries']} entries of {kept['bytes'] >> 10} KiB together, and may hold "
                f"{MAX_STORE_ENTRIES} of {int(self._most_bytes) >> 10} KiB.",
                code="STORE_FULL",
                next_actions=["Delete what is not needed (acr store), or give entries a `ttl`."],
            )

    def _count(self, scope_id: str, entries: int, size: int) -> None:
        if not entries and not size:
            return
        counted = "SET entries = entries + ?1, bytes = bytes + ?2"
        self._sql.execute(f"UPDATE store {counted}", entries, size)
        self._sql.execute(f"UPDATE scopes {counted} WHERE id = ?3", entries, size, scope_id)

    def _clean(self) -> None:
        """Delete some of what has expired."""
        now_ms = self._clock.now_ms()
        for row in self._sql.execute(
            "SELECT scope, id, bytes FROM entries WHERE expires_ms <= ? LIMIT ?", now_ms, MOST_CLEANED
        ):
            self._sql.execute("DELETE FROM entries WHERE scope = ? AND id = ?", row["scope"], row["id"])
            self._count(row["scope"], -1, -row["bytes"])
        self._sql.execute(
            "DELETE FROM done WHERE call IN (SELECT call FROM done WHERE expires_ms <= ? LIMIT ?)", now_ms, MOST_CLEANED
        )

    @asynccontextmanager
    async def _take_turn(self) -> AsyncIterator[None]:
        [state] = self._sql.execute("SELECT is_closed FROM store")
        if state["is_closed"]:
            raise HostFunctionError("The account of this store has gone.", code="STORE_CLOSED")
        turn = self._turn
        try:
            if turn.locked():
                await asyncio.wait_for(turn.acquire(), TURN_S)
            else:
                await turn.acquire()  # at once: a timer is what takes time
        except TimeoutError:
            if self._turn is turn:
                self._turn = asyncio.Lock()
            yield
            return
        try:
            yield
        finally:
            turn.release()

    async def _name(self, text: str) -> str:
        """By which the database knows it."""
        if self._key is None:
            self._key = await self._load_key()
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()

    async def _load_key(self) -> bytes:
        [kept] = self._sql.execute("SELECT name_key FROM store")
        if kept["name_key"] is None:
            sealed = await self._seal("key of names", base64.b64encode(self._random.token_bytes(KEY_BYTES)).decode())
            self._sql.execute("UPDATE store SET name_key = COALESCE(name_key, ?)", sealed)
            [kept] = self._sql.execute("SELECT name_key FROM store")
        return base64.b64decode(await self._open("key of names", kept["name_key"]))

    async def _seal(self, purpose: str, value: Any) -> str:
        return base64.b64encode(await self._sealer.seal(f"store: {purpose}", write_json(value).encode())).decode()

    async def _open(self, purpose: str, sealed: str) -> Any:
        return json.loads(await self._sealer.open(f"store: {purpose}", base64.b64decode(sealed)))


def _check_cursor(cursor: str) -> None:
    """Raises HostFunctionError INVALID_REQUEST."""
    if not _CURSOR.fullmatch(cursor):
        raise invalid_cursor()
