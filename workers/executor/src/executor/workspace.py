"""Implements a Workspace's operations in its Durable Object, over SQLite (in tests: sqlite3).

Operations and shapes: arcrun/workspace/protocol.py; tables: docs/storage-schema.md.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from arcrun.admissions import Admitted, Counted
from arcrun.durable_objects import migrate
from arcrun.limits import (
    MAX_AUDIT_LINES,
    MAX_KEPT_ANSWERS_BYTES,
    MAX_NAMES,
    MAX_PENDING,
    MAX_REFUSED_DAYS,
    MAX_TOLD_LINES,
    MAX_WAITING_ENDS,
    MAX_WORKFLOWS,
)
from arcrun.ports import Alarm, Clock, Sql
from arcrun.request_keys import Claim, Claimed, Settlement
from arcrun.workspace.protocol import (
    Commit,
    Committed,
    Looked,
    Note,
    Refused,
    Reserved,
    Rotation,
    State,
    StoredHead,
    StoredNote,
)
from executor.keys import tables as access_keys
from executor.records import admissions, request_keys
from executor.sessions import tables as sessions

if TYPE_CHECKING:
    from arcrun.authorization.protocol import NewToken, TokenAsk, TokenTurn
    from arcrun.workspace.access_keys import Added, StoredAccessKey
    from arcrun.workspace.chains import ToldEnd
    from arcrun.workspace.failures import ToldFailure
    from arcrun.workspace.schedules import StoredSchedule
    from arcrun.workspace.sessions import StoredLink, StoredSession
    from arcrun.workspace.watches import FoundItem, Poll, Seen, StoredWatch
    from executor.authorization.tables import AccessTokens
    from executor.schedules.chains import Chains
    from executor.schedules.failures import FailureHandlers
    from executor.schedules.tables import Schedules
    from executor.schedules.watches import Watches

MIGRATIONS = (
    (
        """CREATE TABLE heads (
            name_id TEXT PRIMARY KEY, token_id TEXT, identity TEXT, traits TEXT, version INTEGER NOT NULL,
            pushed INTEGER NOT NULL, latest INTEGER NOT NULL, floor INTEGER NOT NULL, format INTEGER NOT NULL,
            updated_at TEXT NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX heads_by_token ON heads (token_id)",
        """CREATE TABLE pending (
            name_id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (name_id, number)) WITHOUT ROWID""",
        """CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, line TEXT NOT NULL, is_told INTEGER NOT NULL)""",
        "CREATE INDEX audit_by_kind ON audit (is_told, id)",
        "CREATE TABLE workspace (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)",
        "INSERT INTO workspace (id, state) VALUES (1, 'new')",
    ),
    (
        """CREATE TABLE refused (
            name_id TEXT NOT NULL, day TEXT NOT NULL, code TEXT NOT NULL, count INTEGER NOT NULL,
            last_at TEXT NOT NULL, PRIMARY KEY (name_id, day, code)) WITHOUT ROWID""",
    ),
    (*request_keys.TABLES, *admissions.TABLES),
    ("ALTER TABLE heads ADD COLUMN paused TEXT", "ALTER TABLE workspace ADD COLUMN paused TEXT"),
    (
        """CREATE TABLE schedules (
            name_id TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, rules TEXT NOT NULL, due_ms REAL,
            fire_ms REAL, queue TEXT NOT NULL DEFAULT '[]', last_run TEXT, last_due_ms REAL,
            skipped INTEGER NOT NULL DEFAULT 0, missed INTEGER NOT NULL DEFAULT 0,
            is_paused INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name_id, key)) WITHOUT ROWID""",
        "CREATE INDEX schedules_to_look_at ON schedules (fire_ms) WHERE fire_ms IS NOT NULL",
        "ALTER TABLE workspace ADD COLUMN run_secret TEXT",
        """CREATE TABLE failure_handlers (
            name_id TEXT PRIMARY KEY, watched TEXT NOT NULL, pause_ms REAL NOT NULL, gathered TEXT, due TEXT,
            opens_ms REAL NOT NULL DEFAULT 0, fire_ms REAL) WITHOUT ROWID""",
        "CREATE INDEX failure_handlers_to_look_at ON failure_handlers (fire_ms) WHERE fire_ms IS NOT NULL",
        "CREATE TABLE told_failures (log_number INTEGER PRIMARY KEY, number INTEGER NOT NULL)",
    ),
    (
        "CREATE TABLE followers (followed TEXT NOT NULL, name_id TEXT NOT NULL, PRIMARY KEY (followed, name_id))"
        " WITHOUT ROWID",
        """CREATE TABLE followed_ends (
            run_id TEXT PRIMARY KEY, told TEXT NOT NULL, followers TEXT NOT NULL, fire_ms REAL NOT NULL)
            WITHOUT ROWID""",
        "CREATE INDEX followed_ends_to_look_at ON followed_ends (fire_ms)",
        "CREATE TABLE told_ends (log_number INTEGER PRIMARY KEY, number INTEGER NOT NULL)",
    ),
    (
        """CREATE TABLE watches (
            name_id TEXT PRIMARY KEY, watch TEXT NOT NULL, is_polled INTEGER NOT NULL DEFAULT 0, polled_ms REAL,
            error TEXT, listed INTEGER NOT NULL DEFAULT 0, started INTEGER NOT NULL DEFAULT 0,
            left_over INTEGER NOT NULL DEFAULT 0, forgotten INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
        """CREATE TABLE watched_keys (
            name_id TEXT NOT NULL, key TEXT NOT NULL, seen_ms REAL NOT NULL, PRIMARY KEY (name_id, key))
            WITHOUT ROWID""",
        """CREATE TABLE watched_items (
            number INTEGER PRIMARY KEY, name_id TEXT NOT NULL, key TEXT NOT NULL, item TEXT NOT NULL,
            seen_ms REAL NOT NULL, fire_ms REAL NOT NULL, UNIQUE (name_id, key))""",
        "CREATE INDEX watched_items_to_look_at ON watched_items (fire_ms)",
    ),
    ("ALTER TABLE workspace ADD COLUMN tenant_id TEXT", "ALTER TABLE workspace ADD COLUMN gone_ms REAL"),
    ("ALTER TABLE schedules ADD COLUMN waiting_ms REAL",),
    access_keys.TABLES,
    (
        """CREATE TABLE access_tokens (
            key TEXT PRIMARY KEY, credential_id TEXT NOT NULL, token TEXT, generation INTEGER NOT NULL DEFAULT 0,
            renew_ms REAL NOT NULL DEFAULT 0, expires_ms REAL NOT NULL DEFAULT 0,
            is_lasting INTEGER NOT NULL DEFAULT 0, holder TEXT, lease_ms REAL NOT NULL DEFAULT 0,
            used_ms REAL NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX access_tokens_by_credential ON access_tokens (credential_id)",
    ),
    sessions.TABLES,
)
_SHOWN = (
    "name_id, token_id, identity, traits, version, latest, floor, format, updated_at, paused,"
    " (SELECT paused FROM workspace) AS all_paused,"
    " EXISTS (SELECT 1 FROM followers WHERE followed = heads.name_id) AS is_followed,"
    " (SELECT tenant_id FROM workspace) IS NOT NULL AND EXISTS (SELECT 1 FROM failure_handlers, json_each(watched)"
    " WHERE value IN ('*', heads.name_id)) AS is_watched"
)
_EMPTIED = (
    *("heads", "pending", "refused", "audit", "schedules", "failure_handlers", "told_failures"),
    *("followers", "followed_ends", "told_ends"),
    *("watches", "watched_keys", "watched_items"),
    *("access_keys", "access_tokens", "sessions", "session_links"),
)


class WorkspaceTables:
    """The object's tables. A row of `heads` without a token is a name whose workflow was deleted, or is being pushed
    for the first time. `pushed` is the highest version number that a push made current. `alarm` is None of an object
    that has no schedules.
    """

    def __init__(self, sql: Sql, clock: Clock, alarm: Alarm | None = None) -> None:
        self._sql, self._clock, self._alarm = sql, clock, alarm
        migrate(sql, MIGRATIONS)
        self._has_schedules = alarm is not None and bool(sql.execute("SELECT 1 FROM schedules LIMIT 1"))
        self._has_handlers = alarm is not None and bool(sql.execute("SELECT 1 FROM failure_handlers LIMIT 1"))
        self._has_followers = alarm is not None and bool(
            sql.execute("SELECT 1 FROM followers UNION ALL SELECT 1 FROM followed_ends LIMIT 1")
        )
        self._has_watches = alarm is not None and bool(sql.execute("SELECT 1 FROM watches LIMIT 1"))
        self._admissions = admissions.Admissions(sql, clock)
        self._access_keys = access_keys.AccessKeyTable(sql, clock)
        self._sessions = sessions.SessionTable(sql, clock)
        # It knows nothing of a tenant's runs: one that was accepted counts as done.
        self._keys = request_keys.RequestKeys(sql, clock, lambda _run_id: False, MAX_KEPT_ANSWERS_BYTES)

    def belong_to(self, tenant_id: str) -> None:
        if self._state != "closed" and tenant_id != self.tenant_id:
            self._sql.execute("UPDATE workspace SET tenant_id = ?", tenant_id)

    def forget_reports(self) -> None:
        self._sql.execute("DELETE FROM told_failures")
        self._sql.execute("DELETE FROM told_ends")

    def look(self, name_id: str) -> Looked:
        known = self._sql.execute("SELECT floor FROM heads WHERE name_id = ?", name_id)
        return {"head": self._find(name_id), "state": self._state, "floor": known[0]["floor"] if known else 0}

    def look_for_token(self, token_id: str) -> StoredHead | None:
        return self._find_where("token_id = ?", token_id)

    def list_heads(self, after: str, limit: int) -> list[StoredHead]:
        statement = f"SELECT {_SHOWN} FROM heads WHERE token_id IS NOT NULL AND name_id > ? ORDER BY name_id LIMIT ?"
        return [self._complete(row) for row in self._sql.execute(statement, after, limit)]

    def import_heads(self, heads: Sequence[StoredHead], is_complete: bool, note: Note) -> State:
        if self._state != "new":
            return self._state
        columns = "name_id, token_id, identity, traits, version, pushed, latest, floor, format, updated_at"
        for head in heads:
            self._sql.execute(
                f"INSERT OR IGNORE INTO heads ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(head["name_id"], head["token_id"], head["identity"], head["traits"], head["version"]),
                *(head["latest"], head["latest"], head["floor"], head["format"], head["updated_at"]),
            )
        if is_complete:
            self._sql.execute("UPDATE workspace SET state = 'open'")
            if self._sql.execute("SELECT 1 FROM heads LIMIT 1"):
                self._add_line(note)
        return self._state

    def reserve(self, name_id: str, at_least: int) -> Reserved:
        if self._state == "closed":
            return {"number": 0, "full": ""}
        if full := self._find_full(name_id):
            return {"number": 0, "full": full}
        self._sql.execute(
            "INSERT OR IGNORE INTO heads (name_id, version, pushed, latest, floor, format, updated_at)"
            " VALUES (?1, 0, 0, ?2, ?2, 0, '')",
            *(name_id, at_least),
        )
        statement = "UPDATE heads SET latest = MAX(latest, ?) + 1 WHERE name_id = ? RETURNING latest"
        number = int(self._sql.execute(statement, at_least, name_id)[0]["latest"])
        self._sql.execute("INSERT INTO pending (name_id, number) VALUES (?, ?)", name_id, number)
        self._sql.execute("DELETE FROM pending WHERE name_id = ? AND number <= ?", name_id, number - MAX_PENDING)
        return {"number": number}

    def commit(self, version: Commit, note: Note) -> Committed:
        number, name_id = version["number"], version["name_id"]
        if self._has_too_many_schedules(version):
            return {"head": None, "full": "schedules"}
        if not self._sql.execute("SELECT 1 FROM heads WHERE name_id = ? AND floor < ?", name_id, number):
            return {"head": None}
        self._sql.execute("DELETE FROM pending WHERE name_id = ? AND number = ?", name_id, number)
        self._sql.execute(
            "UPDATE heads SET token_id = COALESCE(token_id, ?2), identity = COALESCE(identity, ?3) WHERE name_id = ?1",
            *(name_id, version["token_id"], version["identity"]),
        )
        is_current = self._sql.execute(
            "UPDATE heads SET version = ?2, pushed = ?2, traits = ?3, format = ?4, updated_at = ?5"
            " WHERE name_id = ?1 AND pushed < ?2 RETURNING name_id",
            *(name_id, number, version["traits"], version["format"], version["updated_at"]),
        )
        if is_current:
            self._replace_starts(version)
        self._add_line(note)
        return {"head": self._find(name_id)}

    def roll_back(self, version: Commit, note: Note) -> Committed:
        if self._has_too_many_schedules(version):
            return {"head": None, "full": "schedules"}
        changed = self._sql.execute(
            "UPDATE heads SET version = ?2, traits = ?3, format = ?4, updated_at = ?5"
            " WHERE name_id = ?1 AND token_id IS NOT NULL AND floor < ?2 AND latest >= ?2"
            " AND NOT EXISTS (SELECT 1 FROM pending WHERE pending.name_id = ?1 AND number = ?2) RETURNING name_id",
            *(version["name_id"], version["number"], version["traits"], version["format"], version["updated_at"]),
        )
        if not changed:
            return {"head": None}
        self._replace_starts(version)
        self._add_line(note)
        return {"head": self._find(version["name_id"])}

    def describe(self, version: Commit, note: Note) -> Committed:
        changed = self._sql.execute(
            "UPDATE heads SET traits = ?3 WHERE name_id = ?1 AND token_id IS NOT NULL AND version = ?2"
            " RETURNING name_id",
            *(version["name_id"], version["number"], version["traits"]),
        )
        if changed:
            self._add_line(note)
        return {"head": self._find(version["name_id"])}

    def rotate(self, rotation: Rotation, note: Note) -> Committed:
        changed = self._sql.execute(
            "UPDATE heads SET token_id = ?3, identity = ?4 WHERE name_id = ?1 AND token_id = ?2"
            " AND NOT EXISTS (SELECT 1 FROM heads WHERE token_id = ?3) RETURNING name_id",
            *(rotation[key] for key in ("name_id", "token_id", "new_token_id", "identity")),
        )
        if not changed:
            return {"head": None}
        self._add_line(note)
        return {"head": self._find(rotation["name_id"])}

    def pause(self, name_id: str, on_trigger: str | None, note: Note) -> Committed:
        statement = "UPDATE heads SET paused = ? WHERE name_id = ? AND token_id IS NOT NULL RETURNING name_id"
        if self._sql.execute(statement, on_trigger, name_id):
            self._add_line(note)
        return {"head": self._find(name_id)}

    def pause_all(self, on_trigger: str | None, note: Note) -> None:
        if self._state != "closed":
            self._sql.execute("UPDATE workspace SET paused = ?", on_trigger)
            self._add_line(note)

    def delete(self, name_id: str, token_id: str, note: Note) -> bool:
        deleted = self._sql.execute(
            "UPDATE heads SET token_id = NULL, identity = NULL, traits = NULL, version = 0, floor = latest,"
            " pushed = latest, paused = NULL, updated_at = ?3 WHERE name_id = ?1 AND token_id = ?2 RETURNING name_id",
            *(name_id, token_id, note["at"]),
        )
        if deleted:
            self._sql.execute("DELETE FROM pending WHERE name_id = ?", name_id)
            self._sql.execute("DELETE FROM refused WHERE name_id = ?", name_id)
            self._sql.execute("DELETE FROM schedules WHERE name_id = ?", name_id)
            self._sql.execute("DELETE FROM failure_handlers WHERE name_id = ?", name_id)
            self._sql.execute("DELETE FROM followers WHERE name_id = ?", name_id)
            if self._has_watches:
                self.watches.forget(name_id)
            self._add_line(note)
        return bool(deleted)

    def note(self, note: Note, is_told: bool) -> None:
        if self._state != "closed":
            self._add_line(note, is_told=is_told)

    def list_notes(self, before: int | None, limit: int) -> list[StoredNote]:
        statement = "SELECT id, at, line FROM audit WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2"
        notes: list[Any] = self._sql.execute(statement, before, limit)
        return notes

    def add_refused(self, refused: Sequence[Refused]) -> None:
        for each in refused:
            self._sql.execute(
                "INSERT INTO refused (name_id, day, code, count, last_at) SELECT ?1, ?2, ?3, ?4, ?5"
                " WHERE EXISTS (SELECT 1 FROM heads WHERE name_id = ?1 AND token_id IS NOT NULL)"
                " ON CONFLICT (name_id, day, code) DO UPDATE SET count = count + ?4, last_at = MAX(last_at, ?5)",
                *(each["name_id"], each["day"], each["code"], each["count"], each["last_at"]),
            )
        for name_id in {each["name_id"] for each in refused}:
            days = self._sql.execute("SELECT DISTINCT day FROM refused WHERE name_id = ? ORDER BY day DESC", name_id)
            for dropped in days[MAX_REFUSED_DAYS:]:
                self._sql.execute("DELETE FROM refused WHERE name_id = ? AND day = ?", name_id, dropped["day"])

    def list_refused(self, name_id: str) -> list[Refused]:
        statement = "SELECT name_id, day, code, count, last_at FROM refused WHERE name_id = ? ORDER BY day, code"
        found: list[Any] = self._sql.execute(statement, name_id)
        return found

    def add_access_key(self, key: "StoredAccessKey", note: Note) -> "Added":
        if self._state == "closed":
            return "full"
        added = self._access_keys.add(key)
        if added == "added":
            self._add_line(note)
        return added

    def list_access_keys(self) -> "list[StoredAccessKey]":
        return self._access_keys.list()

    def find_access_key(self, sha256: str) -> "StoredAccessKey | None":
        return self._access_keys.find(sha256)

    def delete_access_key(self, name_id: str, note: Note) -> bool:
        self._sessions.delete_of_key(name_id)
        is_done = self._access_keys.delete(name_id)
        if is_done:
            self._add_line(note)
        return is_done

    def add_session(self, session: "StoredSession", note: Note) -> float | None:
        expires_ms = None if self._state == "closed" else self._sessions.add(session)
        if expires_ms is not None:
            self._add_line(note)
        return expires_ms

    def find_session(self, sha256: str) -> "StoredSession | None":
        return self._sessions.find(sha256)

    def list_sessions(self) -> "list[StoredSession]":
        return self._sessions.list()

    def delete_sessions(self, session_id: str, note: Note) -> int:
        count = self._sessions.delete(session_id)
        if count:
            self._add_line(note)
        return count

    def add_session_link(self, link: "StoredLink") -> bool:
        if self._state != "closed":
            self._sessions.add_link(link)
        return self._state != "closed"

    def take_session_link(self, sha256: str) -> "StoredLink | None":
        return self._sessions.take_link(sha256)

    def claim(self, claim: Claim) -> Claimed:
        if self._state == "closed":
            return {"state": "claimed", "run_id": claim["run_id"]}
        self._keys.prune()
        return self._keys.claim(claim)

    def settle(self, settlement: Settlement) -> None:
        self._keys.settle(settlement)

    def release(self, key: str, run_id: str) -> None:
        self._keys.release(key, run_id)

    def admit(self, ticket: str, counted: Sequence[Counted], lease_ms: float) -> Admitted:
        return self._admissions.admit(ticket, counted, lease_ms) if self._state != "closed" else {"refused": None}

    def leave(self, ticket: str) -> None:
        self._admissions.leave(ticket)

    @cached_property
    def schedules(self) -> "Schedules":
        """Only an object of which workflows start by themselves needs them."""
        from executor.schedules.tables import Schedules  # noqa: PLC0415 - other objects need none of it

        assert self._alarm is not None  # a platform that has none refuses schedules
        self._has_schedules = True
        return Schedules(self._sql, self._alarm, self._clock)

    @cached_property
    def failures(self) -> "FailureHandlers":
        """As `schedules`, whose alarm it shares."""
        from executor.schedules.failures import FailureHandlers  # noqa: PLC0415 - as above

        self._has_handlers = True
        return FailureHandlers(self._sql, self.schedules, self._clock)

    @cached_property
    def chains(self) -> "Chains":
        """As `schedules`, whose alarm it shares."""
        from executor.schedules.chains import Chains  # noqa: PLC0415 - as above

        self._has_followers = True
        return Chains(self._sql, self.schedules, self._clock)

    @cached_property
    def watches(self) -> "Watches":
        """As `schedules`, whose alarm it shares."""
        from executor.schedules.watches import Watches  # noqa: PLC0415 - as above

        self._has_watches = True
        return Watches(self._sql, self.schedules, self._clock)

    @cached_property
    def access_tokens(self) -> "AccessTokens":
        """Only an object of which workflows fetch tokens needs them."""
        from executor.authorization.tables import AccessTokens  # noqa: PLC0415 - as above

        return AccessTokens(self._sql, self._clock)

    def take_token(self, asked: "TokenAsk") -> "TokenTurn":
        if self._state == "closed":
            return {"state": "turn", "token": None, "generation": 0, "is_valid": False}
        return self.access_tokens.take(asked)

    def keep_token(self, token: "NewToken") -> bool:
        return self._state != "closed" and self.access_tokens.keep(token)

    def leave_token(self, key: str, holder: str) -> None:
        self.access_tokens.leave(key, holder)

    def forget_tokens(self, credential_ids: Sequence[str]) -> None:
        self.access_tokens.forget(credential_ids)

    def _has_too_many_schedules(self, version: Commit) -> bool:
        most, added = version.get("most_schedules"), version.get("schedules")
        if most is None or not added:
            return False
        [others] = self._sql.execute("SELECT COUNT(*) AS count FROM schedules WHERE name_id <> ?", version["name_id"])
        return int(others["count"]) + len(added) > most

    def _replace_starts(self, version: Commit) -> None:
        """What starts a version by itself. A Worker of the release before tells of nothing, and leaves all as it is."""
        schedules = version.get("schedules")
        if schedules or (schedules is not None and self._has_schedules):
            self.schedules.replace(version["name_id"], schedules)
        if version.get("failure_of") or ("failure_of" in version and self._has_handlers):
            self.failures.replace(version["name_id"], version.get("failure_of"))
        after = version.get("after")
        if after or (after is not None and self._has_followers):
            self.chains.replace(version["name_id"], after)
        if version.get("watch") or ("watch" in version and self._has_watches):
            self.watches.replace(version["name_id"], version.get("watch"))

    def report_failures(self, log_number: int, failures: "list[ToldFailure]") -> bool:
        return self._has_handlers and self.failures.report(log_number, failures)

    def list_handled(self) -> list[tuple[str, str]]:
        return self.failures.list_handled() if self._has_handlers else []

    def report_ends(self, log_number: int, ends: "list[ToldEnd]") -> bool | None:
        if not self._has_followers:
            return None
        if self.tenant_id and self.chains.count_waiting() >= MAX_WAITING_ENDS:
            return False
        self.chains.report(log_number, ends)
        return True

    def list_follows(self) -> list[tuple[str, str]]:
        return self.chains.list_follows() if self._has_followers else []

    def note_poll(self, poll: "Poll") -> list[str]:
        return self.watches.note_poll(poll) if self._has_watches else []

    def add_items(self, name_id: str, watch: str, items: "Sequence[FoundItem]") -> None:
        if self._has_watches:
            self.watches.add_items(name_id, watch, items)

    def note_failed_poll(self, name_id: str, watch: str, at_ms: float, error: str) -> None:
        if self._has_watches:
            self.watches.note_failed_poll(name_id, watch, at_ms, error)

    def find_watches(self, name_ids: Sequence[str]) -> "list[StoredWatch]":
        return self.watches.find_watches(name_ids) if self._has_watches else []

    def find_seen(self, name_id: str) -> "Seen | None":
        return self.watches.find_seen(name_id) if self._has_watches else None

    def add_seen(self, name_id: str, seen: "Seen") -> bool:
        return self._has_watches and self.watches.add_seen(name_id, seen)

    def list_schedules(self, after: str, limit: int) -> "list[StoredSchedule]":
        return self.schedules.list_page(after, limit) if self._has_schedules else []

    def find_schedules(self, name_id: str) -> "list[StoredSchedule]":
        return self.schedules.find(name_id) if self._has_schedules else []

    def pause_schedules(self, name_id: str, note: Note) -> bool:
        is_done = self._has_schedules and self.schedules.pause(name_id)
        if is_done:
            self._add_line(note)
        return is_done

    def resume_schedules(
        self, name_id: str, due_ms: Mapping[str, float | None], note: Note, running: Sequence[str] = ()
    ) -> bool:
        is_done = self._has_schedules and self.schedules.resume(name_id, due_ms, running)
        if is_done:
            self._add_line(note)
        return is_done

    def watch_alarm(self) -> None:
        """At each request to the object: set an alarm again that was lost."""
        if self._has_schedules or self._has_handlers or self._has_followers:
            self.schedules.watch_alarm()

    @property
    def tenant_id(self) -> str:
        """Whose object it is, of a tenant of which something starts by itself; else empty."""
        return self._sql.execute("SELECT tenant_id FROM workspace")[0]["tenant_id"] or ""

    @property
    def gone_ms(self) -> float | None:
        """Since when the tenant is not to be found."""
        since_ms: float | None = self._sql.execute("SELECT gone_ms FROM workspace")[0]["gone_ms"]
        return since_ms

    @gone_ms.setter
    def gone_ms(self, since_ms: float | None) -> None:
        if since_ms != self.gone_ms:
            self._sql.execute("UPDATE workspace SET gone_ms = ?", since_ms)

    def find_start_room(self, kind: str, most: int) -> tuple[int, float]:
        """How many runs of a kind may start by themselves now, of `most` within a minute; and in how many milliseconds
        one may, if none does.
        """
        return self._admissions.find_room(_count_starts(kind, most))

    def count_starts(self, kind: str, run_ids: Sequence[str], most: int) -> None:
        """These runs have started by themselves."""
        for run_id in run_ids:
            self._admissions.admit(run_id, [_count_starts(kind, most)], 0)

    def open_anew(self) -> None:
        self._empty("open")

    def close(self) -> None:
        self._empty("closed")
        if self._alarm is not None:  # at which the database is deleted
            self._alarm.set(0)

    def stay_closed(self) -> None:
        """Be closed in an empty database."""
        self._empty("closed")

    @property
    def is_closed(self) -> bool:
        return self._state == "closed"

    @property
    def _state(self) -> State:
        state: State = self._sql.execute("SELECT state FROM workspace")[0]["state"]
        return state

    def _find(self, name_id: str) -> StoredHead | None:
        return self._find_where("name_id = ?", name_id)

    def _find_where(self, condition: str, value: str) -> StoredHead | None:
        found = self._sql.execute(f"SELECT {_SHOWN} FROM heads WHERE {condition} AND token_id IS NOT NULL", value)
        return self._complete(found[0]) if found else None

    def _complete(self, row: Any) -> StoredHead:
        pending = self._sql.execute("SELECT number FROM pending WHERE name_id = ? ORDER BY number", row["name_id"])
        row["pending"] = [each["number"] for each in pending]
        head: StoredHead = row
        return head

    def _add_line(self, note: Note, *, is_told: bool = False) -> None:
        self._sql.execute(
            "INSERT INTO audit (at, line, is_told) VALUES (?, ?, ?)", note["at"], note["line"], int(is_told)
        )
        self._sql.execute(
            "DELETE FROM audit WHERE is_told = ?1 AND id <="
            " (SELECT id FROM audit WHERE is_told = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            *(int(is_told), MAX_TOLD_LINES if is_told else MAX_AUDIT_LINES),
        )

    def _find_full(self, name_id: str) -> Any:
        """The limit that a new workflow of this name would exceed: "workflows" or "names"; "" if none."""
        known = self._sql.execute("SELECT token_id FROM heads WHERE name_id = ?", name_id)
        if known and known[0]["token_id"] is not None:
            return ""
        [counted] = self._sql.execute("SELECT COUNT(*) AS names, COUNT(token_id) AS workflows FROM heads")
        if counted["workflows"] >= MAX_WORKFLOWS:
            return "workflows"
        return "names" if not known and counted["names"] >= MAX_NAMES else ""

    def _empty(self, state: State) -> None:
        for table in _EMPTIED:
            self._sql.execute(f"DELETE FROM {table}")
        self._keys.clear()
        self._admissions.clear()
        self._sql.execute(
            "UPDATE workspace SET state = ?, paused = NULL, run_secret = NULL, tenant_id = NULL, gone_ms = NULL", state
        )


def _count_starts(kind: str, most: int) -> Counted:
    return {"name": kind, "per_minute": most, "concurrent": None}
