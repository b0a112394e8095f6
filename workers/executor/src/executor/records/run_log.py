"""Implements a RunLog's operations in its Durable Object, over SQLite. Operations and shapes:
arcrun/run_log/protocol.py; tables: docs/storage-schema.md.

A quick run costs one row and its deletion. The columns that lists read come first in the row, so that they need not
read the rest. Failed runs are also in an index.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

from arcrun.admissions import Admitted, Counted
from arcrun.durable_objects import LATE_ALARM_MS, migrate
from arcrun.engine.record import Verdict
from arcrun.engine.run_id import first_id_at
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, RunReplacedError
from arcrun.limits import MAX_CANCEL_NOTES, MAX_PRUNED_RUNS, MAX_SCANNED_RUNS
from arcrun.ports import Alarm, BlobStore, Clock, Sql
from arcrun.request_keys import Claim, Claimed, Settlement
from arcrun.run_events import EventState, StoredEvent
from arcrun.run_log.cut_off_calls import CallDecision, CutOffCall
from arcrun.run_log.filter import LOST_AFTER_MS, NEEDS_DECISION, RunFilter
from arcrun.run_log.limited_runs import Admission, QueuedState, QueueingLimit
from arcrun.run_log.protocol import (
    Acceptance,
    AcceptedBatch,
    Blobs,
    Listed,
    Measured,
    Started,
    StoredRun,
    Unexported,
    Unsettled,
    blob_keys_of,
)
from arcrun.run_log.run_blobs import BlobRoom
from arcrun.run_log.settings import RunLogSettings
from arcrun.times import render_time
from executor.records import (
    admissions,
    closing,
    cut_off_calls,
    dead_letters,
    limited_runs,
    queued_runs,
    request_keys,
    run_blobs,
    run_events,
    untold_ends,
    untold_failures,
)
from executor.records.runs import LONGEST_QUICK_RUN_MS

MIGRATIONS = (
    (
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, workflow TEXT NOT NULL, version INTEGER NOT NULL, trigger TEXT NOT NULL,
            status TEXT NOT NULL, started_at TEXT NOT NULL, duration_ms REAL, deadline_ms REAL, error TEXT, node TEXT,
            keep_days INTEGER NOT NULL, blobs INTEGER NOT NULL, result TEXT NOT NULL, input TEXT) WITHOUT ROWID""",
        "CREATE INDEX runs_without_success ON runs (workflow, id) WHERE status <> 'success'",
        "CREATE TABLE periods (keep_days INTEGER PRIMARY KEY, pruned TEXT NOT NULL)",
        "CREATE TABLE late (id TEXT PRIMARY KEY) WITHOUT ROWID",
        """CREATE TABLE log (
            id INTEGER PRIMARY KEY CHECK (id = 1), exported TEXT NOT NULL, listed TEXT NOT NULL, prune_ms REAL NOT NULL,
            export_ms REAL NOT NULL, day TEXT NOT NULL, pruned INTEGER NOT NULL, exports INTEGER NOT NULL,
            unconfirmed TEXT NOT NULL)""",
        "CREATE TABLE data_keys (number INTEGER PRIMARY KEY, wrapped TEXT NOT NULL)",
        "INSERT INTO log (id, exported, listed, prune_ms, export_ms, day, pruned, exports, unconfirmed)"
        " VALUES (1, '', '', 0, 0, '', 0, 0, '')",
    ),
    (
        "ALTER TABLE runs ADD COLUMN blob_bytes INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX runs_with_blobs ON runs (blob_bytes) WHERE blobs > 0",
        "CREATE TABLE uploads (id TEXT PRIMARY KEY, begun_ms REAL NOT NULL) WITHOUT ROWID",
        "ALTER TABLE log ADD COLUMN rows INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE log ADD COLUMN requests INTEGER NOT NULL DEFAULT 0",
    ),
    (*request_keys.TABLES, *admissions.TABLES),
    (
        "CREATE TABLE starts (id TEXT PRIMARY KEY, start TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0)"
        " WITHOUT ROWID",
    ),
    run_events.TABLES,
    (*dead_letters.TABLES, *queued_runs.TABLES),
    # Of most runs both are null, and then reading them reads no more of a row than its beginning.
    ("ALTER TABLE runs ADD COLUMN replay_of TEXT", "ALTER TABLE runs ADD COLUMN retried_by TEXT"),
    (
        "CREATE TABLE cancels (id TEXT PRIMARY KEY, asked_ms REAL NOT NULL) WITHOUT ROWID",
        "CREATE INDEX cancels_by_time ON cancels (asked_ms)",
    ),
    cut_off_calls.TABLES,
    limited_runs.TABLES,
    ("ALTER TABLE starts ADD COLUMN answer TEXT",),
    closing.TABLES,
    untold_failures.TABLES,
    untold_ends.TABLES,
    untold_failures.DEPTHS,
    run_blobs.TABLES,
)
DAY_MS = 86_400_000
PRUNE_INTERVAL_MS = 3_600_000
PRUNE_PAUSE_MS = 200  # between two deletions: 2,500 runs a second, more than an object gets
MAX_PARAMETER_BYTES = 1024 * 1024  # the platform allows 2 MB
MAX_DELETED_BLOBS = 1_000  # at once, by the platform
UPLOAD_MS = 600_000  # by then a part in the bucket has a row, or never will have
CHECKED_BYTES = 1024 * 1024  # the size is checked after this many new bytes
ANSWERS_SHARE = 0.25  # of an object's size, for the answers that are kept under keys of requests
SPARE_SHARE = 1.25  # of an object's size: pruning keeps to that, so that a tenant with more has it in unfinished runs
LEFT_SHARE = 0.9  # an object that exceeded its limit is pruned to this share of it
EXPORT_LAG_MS = 5_000  # a younger run may not have ended; exporting it late costs two more rows
_WRITTEN = (
    *("id", "workflow", "version", "trigger", "status", "started_at"),
    *("duration_ms", "deadline_ms", "error", "node"),
)
_VERDICT = (*_WRITTEN, "replay_of", "retried_by")
_PARTS = ("keep_days", "blobs", "result", "input")
_STORED = (*_WRITTEN, *_PARTS)
_VALUES = (*(f"value ->> '{name}'" for name in (*_STORED, "replay_of")), "COALESCE(value ->> 'blob_bytes', 0)")
_INSERT = (  # takes a JSON array of rows: one statement for all
    f"INSERT INTO runs ({', '.join(_STORED)}, replay_of, blob_bytes) SELECT {', '.join(_VALUES)}"
    " FROM json_each(?) WHERE true"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _STORED[1:-3])},"
    " input = COALESCE(excluded.input, input), result = excluded.result,"
    f" blobs = excluded.blobs | (blobs & {Blobs.START.value | Blobs.ATTACHMENTS.value})"
    f" | CASE WHEN excluded.input IS NULL THEN blobs & {Blobs.INPUT.value} ELSE 0 END,"
    " blob_bytes = excluded.blob_bytes"
    f" + CASE WHEN excluded.input IS NULL AND blobs & {Blobs.INPUT.value | Blobs.ATTACHMENTS.value}"
    " THEN blob_bytes ELSE 0 END"
)
_ROW_BYTES = "octet_length(result) + COALESCE(octet_length(input), 0) + blob_bytes + 200"  # approximate
_EMPTIED = (
    "runs",
    "uploads",
    "request_keys",
    "admissions",
    "starts",
    "events",
    "questions",
    "dead_letters",
    "queued",
    "limited",
    "cancels",
    "cut_off_calls",
    "untold_ends",
    "run_blobs",
)
_HAS_ENDED = "id NOT IN (SELECT id FROM starts)"
_IS_DEAD = "id IN (SELECT id FROM dead_letters)"
_MAY_BE_DEAD = "id IN (SELECT id FROM dead_letters UNION SELECT id FROM starts)"
_IS_IN_USE = f"{' UNION ALL '.join(f'SELECT 1 FROM {table}' for table in _EMPTIED)} LIMIT 1"

_DEADLINES = {
    **dict.fromkeys(("running", NEEDS_DECISION), "deadline_ms >= ?"),
    "lost": "deadline_ms > 0 AND deadline_ms < ?",
    "queued": "deadline_ms = 0",
}
_RANGE = "id < ? AND id >= ?"
_BEYOND = "~"  # sorts behind every id

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class _Day:
    """An object's counts for one day, `date`: runs deleted, writes of verdicts to KV, rows written, requests answered.

    They are stored when the next alarm is set, so that counting costs no row; counts since then are lost if the
    platform evicts the object.
    """

    date: str
    pruned: int = 0
    exports: int = 0
    rows: int = 0
    requests: int = 0

    def at(self, now_ms: float) -> "_Day":
        """This day if `now_ms` is in it, otherwise a new one."""
        date = render_time(now_ms)[:10]
        return self if date == self.date else _Day(date)

    def plus(self, pruned: int = 0, exports: int = 0, rows: int = 0, requests: int = 0) -> "_Day":
        done = (self.pruned + pruned, self.exports + exports, self.rows + rows, self.requests + requests)
        return _Day(self.date, *done)


Export = Callable[[], Awaitable[bool]]
Begin = Callable[[str], Awaitable[object]]
_KEPT = ("schema", "log", "tenant", "closing")  # of an object that is closed


class RunLogTables:
    def __init__(self, sql: Sql, alarm: Alarm, clock: Clock, settings: RunLogSettings) -> None:
        self._sql, self._alarm, self._clock, self._settings = sql, alarm, clock, settings
        migrate(sql, MIGRATIONS)
        self._counted_rows = 0  # of the rows that the database has written, those counted in the day
        self._closing = closing.Closing(sql, clock)
        self._load()

    def _load(self) -> None:
        """Begin with what is stored."""
        sql, clock, settings = self._sql, self._clock, self._settings
        periods = sql.execute("SELECT keep_days, pruned FROM periods")
        self._pruned: dict[int, str] = {row["keep_days"]: row["pruned"] for row in periods}
        [log] = sql.execute(
            "SELECT exported, listed, prune_ms, export_ms, day, pruned, exports, rows, requests FROM log"
        )
        self._exported: str = log["exported"]  # the last exported id
        self._listed: str = log["listed"]  # the last id listed for an export that is not marked yet
        self._prune_ms, self._export_ms = log["prune_ms"], log["export_ms"]  # when it is due; 0 for never
        self._day = _Day(log["day"], log["pruned"], log["exports"], log["rows"], log["requests"])
        self._unchecked_bytes = 0
        self._is_full = False
        self._batches, self._busy_ms = 0, 0.0
        self._keys = request_keys.RequestKeys(sql, clock, self._has_failed, ANSWERS_SHARE * settings.bytes)
        self._admissions = admissions.Admissions(sql, clock)
        self._events = run_events.RunEvents(sql, self._is_under_way)
        self._cut_off = cut_off_calls.CutOffCalls(sql, clock)
        self._has_starts = bool(sql.execute("SELECT 1 FROM starts LIMIT 1"))
        self._dead = dead_letters.DeadLetters(sql, clock)
        self._queue = queued_runs.QueuedRuns(sql, settings.bytes)
        self._limited = limited_runs.LimitedRuns(sql, clock, self._admissions)
        self._release_ms = clock.now_ms() if self._queue.has_released else 0.0  # as _prune_ms
        self._failures = untold_failures.UntoldFailures(sql, clock)
        self._ends = untold_ends.UntoldEnds(sql, clock)
        self._run_blobs = run_blobs.RunBlobs(sql, clock)
        self._next_ms = self._find_next()

    def count_request(self) -> None:
        """Count a request to the object. An alarm that should have gone off is set again."""
        self._count(requests=1)
        if self._next_ms and self._clock.now_ms() > self._next_ms + LATE_ALARM_MS:
            self._set_alarm()

    @property
    def tenant_id(self) -> str:
        """Whose object it is; empty of an account's own."""
        return self._closing.tenant_id

    def accept(self, run: StoredRun, most: int) -> Acceptance:
        if self._closing.is_closed:
            return "closed"
        if self._count_other_starts(run["id"]) >= most or self._has_no_room:
            return "full"
        self.add([run])
        return "stored"

    def accept_new(self, runs: Sequence[StoredRun], most: int) -> AcceptedBatch:
        if self._closing.is_closed:
            return {"unfinished": [], "refused": [run["id"] for run in runs]}
        known = self._find_statuses(runs)
        room = 0 if self._has_no_room else max(0, most - self._count_other_starts(""))
        new = [run for run in runs if run["id"] not in known]
        self.add(new[:room])
        refused = [run["id"] for run in new[room:]]
        unfinished = [run["id"] for run in runs if known.get(run["id"], "running") == "running"]
        return {"unfinished": [each for each in unfinished if each not in refused], "refused": refused}

    def accept_keyed(self, settlement: Settlement, run: StoredRun, most: int) -> Acceptance:
        if not self._closing.is_closed and not self._keys.has(settlement["key"], settlement["run_id"]):
            return "taken"
        accepted = self.accept(run, most)
        if accepted == "stored":
            self._keys.settle(settlement)
        return accepted

    def _count_other_starts(self, run_id: str) -> int:
        return int(self._sql.execute("SELECT COUNT(*) AS count FROM starts WHERE id <> ?", run_id)[0]["count"])

    @property
    def is_closing(self) -> bool:
        """Whether something is left to be deleted of a tenant that has gone."""
        return self.is_closed and bool(self._closing.due_ms or self._sql.execute("SELECT 1 FROM uploads LIMIT 1"))

    @property
    def is_closed(self) -> bool:
        return self._closing.is_closed

    def stay_closed(self, tenant_id: str) -> None:
        self._closing.stay_closed(tenant_id)

    def open_anew(self) -> None:
        self._closing.open_anew()

    def close(self) -> None:
        elsewhere = self._sql.execute(
            "SELECT id FROM runs UNION SELECT id FROM starts UNION SELECT id FROM uploads"
            " UNION SELECT id FROM run_blobs"
        )
        self._closing.close([row["id"] for row in elsewhere])
        tables = self._sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for table in {row["name"] for row in tables} - {*_KEPT}:
            if not table.startswith(("sqlite_", "_cf_")):
                self._sql.execute(f"DELETE FROM {table}")
        self._load()
        self._set_alarm()

    def add(self, runs: Sequence[StoredRun]) -> None:
        if self._closing.is_closed or not runs:
            return
        self._closing.belong_to(runs[0].get("tenant", ""))
        began_ms = self._clock.now_ms()
        followed = [run for run in runs if run.get("passed_on") is not None]
        if followed:
            followed = self._without_ended(followed)
        for rows in _render_rows(runs):
            self._sql.execute(_INSERT, rows)
        for run in runs:
            self._note(run)
        for run in followed:
            self._note_followed(run)
        now_ms = self._clock.now_ms()
        if self._unchecked_bytes > CHECKED_BYTES:
            self._unchecked_bytes = 0
            if self._measure_bytes() > self._settings.bytes and self._prune_ms > now_ms + PRUNE_PAUSE_MS:
                self._set_alarm(prune_ms=now_ms)
        self._expect_pruning(now_ms)
        self._batches += 1
        self._busy_ms += self._clock.now_ms() - began_ms

    def add_new(self, runs: Sequence[StoredRun]) -> Sequence[str]:
        known = self._find_statuses(runs)
        self.add([run for run in runs if run["id"] not in known])
        return [run["id"] for run in runs if known.get(run["id"], "running") == "running"]

    def _find_statuses(self, runs: Sequence[StoredRun]) -> dict[str, str]:
        """Of those that are stored, by their ids."""
        ids = json.dumps([run["id"] for run in runs])
        stored = self._sql.execute("SELECT id, status FROM runs WHERE id IN (SELECT value FROM json_each(?))", ids)
        return {row["id"]: row["status"] for row in stored}

    def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        rows = self._sql.execute(
            "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?)) AND status = 'running'"
            " AND (deadline_ms = 0 OR deadline_ms >= ?)",
            *(json.dumps(list(run_ids)), self._clock.now_ms() - LOST_AFTER_MS),
        )
        return [row["id"] for row in rows]

    def _without_ended(self, runs: Sequence[StoredRun]) -> list[StoredRun]:
        """Those that are not stored as having succeeded: what has is told of once, however often it is written."""
        ids = json.dumps([run["id"] for run in runs])
        statement = "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?)) AND status = 'success'"
        ended = {row["id"] for row in self._sql.execute(statement, ids)}
        return [run for run in runs if run["id"] not in ended]

    def _note_followed(self, run: StoredRun) -> None:
        passed_on = run["passed_on"]
        self._unchecked_bytes += len(passed_on["answer"] or "")
        if self._ends.note(run["id"], run["workflow"], passed_on):
            self._set_alarm()

    def _note(self, run: StoredRun) -> None:
        """Update the other tables for a run that is now stored."""
        run_id, keep_days = run["id"], run["keep_days"]
        if run["blobs"]:
            self._sql.execute("DELETE FROM uploads WHERE id = ?", run_id)
        size_bytes = len(run["result"]) + len(run.get("input") or "") + run.get("blob_bytes", 0)
        if (start := run.get("start")) is not None:
            self._sql.execute("INSERT OR REPLACE INTO starts (id, start) VALUES (?, ?)", run_id, start)
            size_bytes += len(start)
            self._has_starts = True
            if (deadline_ms := run.get("deadline_ms")) and self._failures.expect_end(deadline_ms):
                self._set_alarm()
            if (limit_ms := run.get("queued_ms")) is not None:
                is_limited = run.get("is_limited", False)
                self._queue.add(run_id, run["workflow"], limit_ms, size_bytes, is_limited=is_limited)
        elif run["status"] != "running":
            self._note_end(run)
        self._unchecked_bytes += size_bytes
        if keep_days not in self._pruned or run_id <= self._pruned[keep_days]:
            self._mark_pruned(keep_days, "")
        if run_id <= self._listed and run["status"] != "running":
            self._sql.execute("INSERT OR IGNORE INTO late (id) VALUES (?)", run_id)

    def _note_end(self, run: StoredRun) -> None:
        run_id, has_failed, lasted = run["id"], run["status"] == "failed", list[dict[str, Any]]()
        if self._has_starts:
            lasted = self._sql.execute("DELETE FROM starts WHERE id = ? RETURNING is_told, answer", run_id)
            if run["status"] != "success" and any(row["answer"] is not None for row in lasted):
                self._keys.keep_answered(run_id)
            self._queue.remove(run_id)
            self._events.forget(run_id)
            self._cut_off.forget(run_id)
        if not has_failed:
            return
        is_known = lasted[0]["is_told"] if lasted else self._dead.find_until(run_id)
        if not is_known and self._failures.note(run_id, run.get("depth", 1)):
            self._set_alarm()
        if lasted and run["trigger"] != TriggerKind.POLL:  # the next poll does what this one has not
            self._prune_again(self._dead.add(run_id, run["workflow"]))

    def expect_blobs(self, run_id: str) -> None:
        now_ms = self._clock.now_ms()
        self._sql.execute("INSERT OR REPLACE INTO uploads (id, begun_ms) VALUES (?, ?)", run_id, now_ms)
        self._expect_pruning(now_ms)

    def expect_blob(self, run_id: str, most_bytes: int, tenant: str = "") -> BlobRoom:
        if self._closing.is_closed:
            return "closed"
        self._closing.belong_to(tenant)
        room = self._run_blobs.expect(run_id, most_bytes)
        self._expect_pruning(self._clock.now_ms())
        return room

    def count_blob(self, run_id: str, size_bytes: int) -> None:
        self._run_blobs.count(run_id, size_bytes)

    def drop(self, run_id: str) -> int:
        self._sql.execute("DELETE FROM starts WHERE id = ?", run_id)
        self._queue.remove(run_id)
        self._events.forget(run_id)
        self._cut_off.forget(run_id)
        gone = self._sql.execute("DELETE FROM runs WHERE id = ? AND status = 'running' RETURNING blobs", run_id)
        if gone and self._run_blobs.expire([run_id]):
            self._set_alarm(prune_ms=self._clock.now_ms())
        return gone[0]["blobs"] if gone else 0

    def find(self, run_id: str) -> StoredRun | None:
        found = self._sql.execute(f"SELECT {', '.join((*_VERDICT, *_PARTS))} FROM runs WHERE id = ?", run_id)
        if not found:
            return None
        until_ms = self._dead.find_until(run_id) if found[0]["status"] == "failed" else None
        return cast(StoredRun, _without_none({**self._judge(found)[0], "dead_until_ms": until_ms}))

    def ask_to_end(self, run_id: str) -> None:
        now_ms = self._clock.now_ms()
        self._sql.execute("INSERT OR REPLACE INTO cancels (id, asked_ms) VALUES (?, ?)", run_id, now_ms)
        oldest = "SELECT id FROM cancels ORDER BY asked_ms DESC LIMIT -1 OFFSET ?"
        self._sql.execute(f"DELETE FROM cancels WHERE id IN ({oldest})", MAX_CANCEL_NOTES)
        self._expect_pruning(now_ms)

    def is_to_end(self, run_id: str) -> bool:
        return bool(self._sql.execute("SELECT 1 FROM cancels WHERE id = ?", run_id))

    def mark_retried(self, run_id: str, by: str, is_forced: bool) -> str:
        condition = "" if is_forced else " AND retried_by IS NULL"
        self._sql.execute(f"UPDATE runs SET retried_by = ? WHERE id = ?{condition}", by, run_id)
        found = self._sql.execute("SELECT retried_by FROM runs WHERE id = ?", run_id)
        return (found[0]["retried_by"] or "") if found else ""

    def unmark_retried(self, run_id: str, by: str) -> None:
        self._sql.execute("UPDATE runs SET retried_by = NULL WHERE id = ? AND retried_by = ?", run_id, by)

    def _judge(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """The rows, with the status of those runs that need a decision."""
        if any(row["status"] == "running" for row in rows):
            undecided = self._cut_off.find_undecided()
            for row in rows:
                if row["status"] == "running" and row["id"] in undecided:
                    row["status"] = NEEDS_DECISION
        return rows

    def ask_about_call(self, run_id: str, call: str, node: str) -> CallDecision | None:
        return self._cut_off.ask(run_id, call, node)

    def decide_call(self, run_id: str, node: str, decided: CallDecision) -> bool:
        return self._cut_off.decide(run_id, node, decided)

    def list_cut_off(self, run_id: str) -> list[CutOffCall]:
        return self._cut_off.list_open(run_id)

    def find_start(self, run_id: str) -> Started | None:
        found = self._sql.execute("SELECT start, cancelled FROM starts WHERE id = ?", run_id)
        return {"start": found[0]["start"], "cancelled": bool(found[0]["cancelled"])} if found else None

    def cancel_start(self, run_id: str) -> bool:
        return bool(self._sql.execute("UPDATE starts SET cancelled = 1 WHERE id = ? RETURNING id", run_id))

    def note_early_answer(self, run_id: str, answer: str) -> None:
        self._sql.execute("UPDATE starts SET answer = ? WHERE id = ? AND answer IS NULL", answer, run_id)
        self._unchecked_bytes += len(answer)

    def find_early_answer(self, run_id: str) -> str | None:
        found = self._sql.execute("SELECT answer FROM starts WHERE id = ?", run_id)
        return cast(str | None, found[0]["answer"]) if found else None

    def note_trace(self, run_id: str, trace: str) -> None:
        self._sql.execute(
            "UPDATE runs SET result = json_set(result, '$.trace', json(?))"
            f" WHERE id = ? AND status = 'running' AND blobs & {Blobs.RESULT.value} = 0",
            *(trace, run_id),
        )
        self._unchecked_bytes += len(trace)

    def list_starts(self, after: str, limit: int) -> list[str]:
        rows = self._sql.execute(
            "SELECT id FROM starts WHERE id > ? AND id NOT IN (SELECT id FROM queued) ORDER BY id LIMIT ?", after, limit
        )
        return [row["id"] for row in rows]

    def list_runs(self, asked: Mapping[str, Any], before: str, limit: int) -> Listed:
        wanted = RunFilter.load(asked)
        upper = min(before or _BEYOND, _BEYOND if wanted.until_ms is None else first_id_at(wanted.until_ms))
        lower = "" if wanted.since_ms is None else first_id_at(wanted.since_ms)
        conditions, values = _render(wanted, self._clock.now_ms())
        if wanted.is_dead:
            where = " AND ".join((_MAY_BE_DEAD, _RANGE, *conditions))
            verdicts = self._select(f"runs WHERE {where}", upper, lower, *values, limit)
        elif not conditions:
            verdicts = self._select(f"runs WHERE {_RANGE}", upper, lower, limit)
        elif wanted.status not in (None, "success"):
            where = " AND ".join(("status <> 'success'", _RANGE, *conditions))
            source = f"runs INDEXED BY runs_without_success WHERE {where}"
            verdicts = self._select(source, upper, lower, *values, limit)
        else:
            newest = f"(SELECT * FROM runs WHERE {_RANGE} ORDER BY id DESC LIMIT {MAX_SCANNED_RUNS})"
            verdicts = self._select(f"{newest} WHERE {' AND '.join(conditions)}", upper, lower, *values, limit)
            if len(verdicts) < limit:
                return {"runs": verdicts, "reached": self._find_last_scanned(upper, lower)}
        return {"runs": verdicts, "reached": verdicts[-1]["id"] if len(verdicts) == limit else ""}

    def _select(self, source: str, *values: str | float) -> list[Verdict]:
        """Verdicts, newest first. Their ids are found first, in an index where possible."""
        rows = self._sql.execute(
            f"SELECT {', '.join(_VERDICT)} FROM runs"
            f" WHERE id IN (SELECT id FROM {source} ORDER BY id DESC LIMIT ?) ORDER BY id DESC",
            *values,
        )
        return [_to_verdict(row) for row in self._judge(rows)]

    def _find_last_scanned(self, upper: str, lower: str) -> str:
        """The id of the last run that one call may scan; "" if there are no more."""
        statement = f"SELECT id FROM runs WHERE {_RANGE} ORDER BY id DESC LIMIT 1 OFFSET ?"
        last = self._sql.execute(statement, upper, lower, MAX_SCANNED_RUNS - 1)
        return last[0]["id"] if last else ""

    def claim(self, claim: Claim) -> Claimed:
        if self._closing.is_closed:
            return {"state": "claimed", "run_id": claim["run_id"]}
        self._expect_pruning(self._clock.now_ms())
        return self._keys.claim(claim)

    def settle(self, settlement: Settlement, runs: Sequence[StoredRun] = ()) -> None:
        self._keys.settle(settlement)
        self._unchecked_bytes += len(settlement["answer"] or "")
        self.add(runs)

    def release(self, key: str, run_id: str) -> None:
        self._keys.release(key, run_id)

    def admit(self, ticket: str, counted: Sequence[Counted], lease_ms: float) -> Admitted:
        self._expect_pruning(self._clock.now_ms())
        with self._setting_alarm():
            self._limited.let_in([limit["name"] for limit in counted])
        return self._admissions.admit(ticket, counted, lease_ms)

    def admit_or_queue(self, ticket: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float) -> Admission:
        self._expect_pruning(self._clock.now_ms())
        with self._setting_alarm():
            return self._limited.admit_or_queue(ticket, run_id, limits, lease_ms)

    def leave(self, ticket: str) -> None:
        with self._setting_alarm():
            self._limited.leave(ticket)

    @contextmanager
    def _setting_alarm(self) -> Iterator[None]:
        """A context after which the alarm is set, if there is something to do for queued runs before it goes off."""
        due_ms = self._limited.due_ms
        yield
        if self._limited.due_ms != due_ms:
            self._set_alarm()

    def find_queued(self, run_id: str) -> QueuedState:
        if not self._is_under_way(run_id):
            return "unknown"
        return "queued" if self._queue.has(run_id) else "begun"

    def replace_queued(self, run_id: str, by: str) -> QueuedState:
        state = self.find_queued(run_id)
        found = self.find(run_id) if state == "queued" else None
        if found is not None:
            error = RunReplacedError(by)
            result = json.dumps({"error": error.to_json(), "trace": []})
            ended = {"status": "cancelled", "duration_ms": 0, "deadline_ms": None, "error": error.code}
            self.add([cast(StoredRun, {**found, **ended, "node": "", "input": None, "result": result})])
        return state

    def settle_dead_letter(self, run_id: str) -> bool:
        settled = self._dead.remove([run_id])
        self._prune_again(settled)
        return bool(settled)

    def has_queue_room(self) -> bool:
        return self._queue.has_room

    def leave_queue(self, run_id: str) -> None:
        if (limit_ms := self._queue.remove(run_id)) is not None:
            self._sql.execute(
                "UPDATE runs SET deadline_ms = ?, result = CASE WHEN json_valid(result)"
                " THEN json_remove(result, '$.waits_for') ELSE result END WHERE id = ? AND status = 'running'",
                *(self._clock.now_ms() + limit_ms, run_id),
            )

    def release_queue(self, workflow: str | None, kept: Sequence[str]) -> int:
        count = self._queue.release(workflow, kept)
        if count:
            self._release_ms = self._clock.now_ms()
            self._set_alarm()
        return count

    def count_unsettled(self) -> Unsettled:
        from executor.records import failing_workflows  # noqa: PLC0415 - runs need none of it

        return {
            "dead": self._dead.count_by_workflow(),
            "queued": self._queue.count_by_workflow(),
            "failed": failing_workflows.list_last_failed(self._sql, self._clock.now_ms()),
        }

    @property
    def _has_no_room(self) -> bool:
        """Whether a tenant's unfinished runs take too much."""
        return bool(self.tenant_id) and self._measure_bytes() > SPARE_SHARE * self._settings.bytes

    def add_event(self, run_id: str, event: StoredEvent) -> EventState:
        if self._has_no_room:
            return "full"
        self._unchecked_bytes += len(event["payload"])
        return self._events.add_event(run_id, event)

    def list_events(self, run_id: str, event_type: str) -> Sequence[Mapping[str, str]]:
        return self._events.list_events(run_id, event_type)

    def take_event(
        self, run_id: str, event_type: str, event_id: str, wait: str, before: Sequence[str]
    ) -> StoredEvent | None:
        return self._events.take_event(run_id, event_type, event_id, wait, before)

    def ask(self, run_id: str, event_type: str, question: str) -> None:
        self._events.ask(run_id, event_type, question)

    def withdraw(self, run_id: str, event_type: str) -> None:
        self._events.withdraw(run_id, event_type)

    def find_question(self, run_id: str, event_type: str) -> Mapping[str, Any] | None:
        return self._events.find_question(run_id, event_type)

    def list_questions(self, run_id: str) -> Sequence[Mapping[str, str]]:
        return self._events.list_questions(run_id)

    def _is_under_way(self, run_id: str) -> bool:
        return self._has_starts and bool(self._sql.execute("SELECT 1 FROM starts WHERE id = ?", run_id))

    def _has_failed(self, run_id: str) -> bool:
        """Whether an accepted run is stored as failed, or is lost, and has answered nothing before."""
        if self._sql.execute("SELECT 1 FROM starts WHERE id = ? AND answer IS NOT NULL", run_id):
            return False
        found = self._sql.execute("SELECT status, deadline_ms FROM runs WHERE id = ?", run_id)
        if not found or found[0]["status"] == "success" or found[0]["deadline_ms"] == 0:
            return False
        lost_ms: float = (found[0]["deadline_ms"] or 0) + LOST_AFTER_MS
        return found[0]["status"] in ("failed", "cancelled") or self._clock.now_ms() > lost_ms

    def measure(self) -> Measured:
        now_ms = self._clock.now_ms()
        self._count()
        today, first = self._day, first_id_at(now_ms - now_ms % DAY_MS)
        [begun] = self._sql.execute("SELECT COUNT(*) AS runs FROM runs WHERE id >= ?", first)
        [indexed] = self._sql.execute(
            "SELECT COUNT(*) AS runs FROM runs INDEXED BY runs_without_success WHERE status <> 'success' AND id >= ?",
            first,
        )
        return {
            "bytes": self._measure_bytes(),
            "most_bytes": self._settings.bytes,
            "runs": begun["runs"],
            "indexed": indexed["runs"],
            "pruned": today.pruned,
            "exports": today.exports,
            "rows": today.rows,
            "requests": today.requests,
            "batches": self._batches,
            "busy_ms": self._busy_ms,
        }

    def expect_export(self) -> None:
        if not self._export_ms:
            self._set_alarm(export_ms=self._clock.now_ms() + self._settings.export_ms)

    def list_unexported(self, limit: int) -> Unexported:
        columns = ", ".join(_VERDICT)
        upper = first_id_at(self._clock.now_ms() - EXPORT_LAG_MS)
        late = self._sql.execute(f"SELECT {columns} FROM runs WHERE id IN (SELECT id FROM late LIMIT ?)", limit)
        others = self._sql.execute(
            f"SELECT {columns} FROM runs WHERE id > ? AND id < ? AND status <> 'running' ORDER BY id LIMIT ?",
            *(self._exported, upper, limit - len(late)),
        )
        late_ids = [row["id"] for row in late]
        known = set(late_ids)
        upto = others[-1]["id"] if others else self._exported
        newer = self._sql.execute("SELECT 1 FROM runs WHERE id > ? AND status <> 'running' LIMIT 1", upto)
        if upto > self._listed:
            self._listed = upto
            self._sql.execute("UPDATE log SET listed = ?", upto)
        return {
            "verdicts": [_to_verdict(row) for row in (*late, *(row for row in others if row["id"] not in known))],
            "late": late_ids,
            "upto": upto,
            "has_more": bool(newer) or len(late) == limit,
        }

    def mark_exported(self, late: Sequence[str], upto: str) -> None:
        for run_id in late:
            self._sql.execute("DELETE FROM late WHERE id = ?", run_id)
        if upto > self._exported:
            self._exported = upto
            self._sql.execute("UPDATE log SET exported = ?", upto)

    @property
    def unconfirmed(self) -> str:
        """JSON about the last write of verdicts to KV (executor/records/verdict_export.py)."""
        text: str = self._sql.execute("SELECT unconfirmed FROM log")[0]["unconfirmed"]
        return text

    @unconfirmed.setter
    def unconfirmed(self, text: str) -> None:
        self._sql.execute("UPDATE log SET unconfirmed = ?", text)

    def list_data_keys(self) -> list[dict[str, Any]]:
        return self._sql.execute("SELECT number, wrapped FROM data_keys ORDER BY number")

    def add_data_key(self, number: int, wrapped: str) -> str:
        if self._closing.is_closed:
            return wrapped
        self._sql.execute("INSERT OR IGNORE INTO data_keys (number, wrapped) VALUES (?, ?)", number, wrapped)
        kept: str = self._sql.execute("SELECT wrapped FROM data_keys WHERE number = ?", number)[0]["wrapped"]
        return kept

    def rewrap_data_key(self, number: int, old: str, new: str) -> None:
        self._sql.execute("UPDATE data_keys SET wrapped = ? WHERE number = ? AND wrapped = ?", new, number, old)

    async def on_alarm(
        self,
        blobs: BlobStore,
        export: Export,
        outside: limited_runs.Outside | None = None,
        forget: closing.Forget | None = None,
        tell: untold_failures.Tell | None = None,
        *,
        tell_ends: untold_ends.TellEnds | None = None,
    ) -> None:
        """Prune, export, begin queued runs, tell of failures and forget runs of a tenant that has gone, as due.
        `export` writes all objects' new verdicts to KV, and returns whether more remain; `outside` is where runs begin;
        `forget` deletes what lies elsewhere of a run; `tell` tells the Workspace of failures, and returns whether it
        wants to hear of more; `tell_ends` tells it of followed runs.
        """
        now_ms = self._clock.now_ms()
        if forget is not None and self._closing.due_ms and now_ms >= self._closing.due_ms:
            self._closing.due_ms = now_ms + closing.PAUSE_MS  # and set first, in case of a failure
            self._set_alarm()
            await self._closing.forget_runs(forget)
        if outside is None:  # the platform has no instances any more
            self._release_ms = 0
            self._limited.rest()
        elif self._release_ms and now_ms >= self._release_ms:
            self._release_ms = now_ms + queued_runs.RELEASE_PAUSE_MS  # and set first, in case of a failure
            self._set_alarm()
            await self._begin_released(outside.begin)
        if outside is not None and self._limited.due_ms and now_ms >= self._limited.due_ms:
            self._alarm.set(limited_runs.RETRY_MS)  # as above
            await self._limited.settle(outside)
        if self._prune_ms and now_ms >= self._prune_ms:
            self._set_alarm(prune_ms=now_ms + PRUNE_INTERVAL_MS)  # set first, in case of a failure
            await self._prune(blobs)
        await self._tell_failures(tell, now_ms)
        await self._tell_ends(tell_ends, now_ms)
        if self._export_ms and now_ms >= self._export_ms:
            self._set_alarm(export_ms=now_ms + self._settings.export_ms)
            self._count(exports=1)
            if not await export():
                self._export_ms = 0
        self._set_alarm()

    async def _tell_failures(self, tell: untold_failures.Tell | None, now_ms: float) -> None:
        failures = self._failures
        if failures.lost_ms and now_ms >= failures.lost_ms:
            failures.note_lost()
        if failures.tell_ms and now_ms >= failures.tell_ms:
            try:
                await failures.tell(tell)
            except ArcrunError as error:
                logger.warning("The Workspace could not be told of failures, and will be: %s", error.message)

    async def _tell_ends(self, tell: untold_ends.TellEnds | None, now_ms: float) -> None:
        if self._ends.tell_ms and now_ms >= self._ends.tell_ms:
            try:
                await self._ends.tell(tell)
            except ArcrunError as error:
                logger.warning("The Workspace could not be told of followed runs, and will be: %s", error.message)

    async def _begin_released(self, begin: Begin) -> None:
        """Begin a batch of queued runs that may begin."""
        for run_id in self._queue.list_released():
            try:
                await begin(run_id)
            except ArcrunError as error:
                logger.warning("The queued run %s could not begin: %s", run_id, error.message)
                if error.retriable:  # at the next alarm
                    return
            self.leave_queue(run_id)
        if not self._queue.has_released:
            self._release_ms = 0

    async def _prune(self, blobs: BlobStore) -> None:
        """Delete a batch of expired runs and, if the object is full, of the oldest runs."""
        await self._delete_lost_uploads(blobs)
        now_ms = self._clock.now_ms()
        has_more = self._keys.prune()
        self._admissions.clean(now_ms)
        self._limited.clean()
        self._failures.note_lost()
        self._give_up_lost(now_ms)
        self._prune_again(self._dead.expire())
        self._sql.execute("DELETE FROM cancels WHERE asked_ms < ?", now_ms - LONGEST_QUICK_RUN_MS)
        for keep_days, pruned in tuple(self._pruned.items()):
            upper = first_id_at(now_ms - (keep_days or self._settings.keep_days) * DAY_MS)
            ids = await self._delete(blobs, "id > ? AND id < ? AND keep_days = ?", pruned, upper, keep_days)
            if ids:
                self._mark_pruned(keep_days, ids[-1])
            has_more = has_more or len(ids) == MAX_PRUNED_RUNS
        size_bytes, left_bytes = self._measure_bytes(), LEFT_SHARE * self._settings.bytes
        self._is_full = size_bytes > (left_bytes if self._is_full else self._settings.bytes)
        if self._is_full:
            has_more = bool(await self._delete_oldest(blobs, size_bytes - left_bytes))
        has_more = await self._run_blobs.delete_due(blobs) or has_more
        if has_more:
            self._prune_ms = self._clock.now_ms() + PRUNE_PAUSE_MS
        elif not self._sql.execute(_IS_IN_USE):
            self._prune_ms = 0

    def _give_up_lost(self, now_ms: float) -> None:
        """Let runs be pruned that were lost so long ago that a dead letter would be, too."""
        lost = self._sql.execute(
            "DELETE FROM starts WHERE id IN (SELECT id FROM runs WHERE id IN (SELECT id FROM starts)"
            f" AND {_DEADLINES['lost']} LIMIT ?) RETURNING id",
            *(now_ms - dead_letters.KEPT_MS, MAX_PRUNED_RUNS),
        )
        for row in lost:
            self._events.forget(row["id"])
            self._cut_off.forget(row["id"])

    async def _delete_oldest(self, blobs: BlobStore, most_bytes: float) -> list[str]:
        """Delete the oldest runs, dead letters only if there are no others. Returns their ids."""
        gone = await self._delete(blobs, "id > ''", most_bytes=most_bytes)
        if gone or not self._dead.count:
            return gone
        gone = await self._delete(blobs, _IS_DEAD, most_bytes=most_bytes, spares_dead=False)
        self._dead.remove(gone)
        return gone

    def _prune_again(self, run_ids: Sequence[str]) -> None:
        """Let the next pruning come by runs that it had to leave until now."""
        for run_id in run_ids:
            for kept in self._sql.execute("SELECT keep_days FROM runs WHERE id = ?", run_id):
                if run_id <= self._pruned.get(kept["keep_days"], ""):
                    self._mark_pruned(kept["keep_days"], "")

    async def _delete_lost_uploads(self, blobs: BlobStore) -> None:
        """Delete parts in the bucket that have no row and will not get one."""
        lost = self._sql.execute(
            "SELECT uploads.id, COALESCE(runs.blobs, 0) AS blobs FROM uploads LEFT JOIN runs ON runs.id = uploads.id"
            " WHERE begun_ms < ? LIMIT ?",
            *(self._clock.now_ms() - UPLOAD_MS, MAX_PRUNED_RUNS),
        )
        if keys := [key for row in lost for key in blob_keys_of(row["id"], ~row["blobs"])]:
            await _delete_all(blobs, keys)
        for row in lost:
            self._sql.execute("DELETE FROM uploads WHERE id = ?", row["id"])

    async def _delete(
        self,
        blobs: BlobStore,
        condition: str,
        *values: str | float,
        most_bytes: float = float("inf"),
        spares_dead: bool = True,
    ) -> list[str]:
        """Delete the oldest runs that match the condition, at most MAX_PRUNED_RUNS, and no more than needed to free
        `most_bytes`; none that is yet to end and, if it `spares_dead`, no dead letter. Returns their ids.
        """
        if self._has_starts:
            condition = f"{condition} AND {_HAS_ENDED}"
        if spares_dead and self._dead.count:
            condition = f"{condition} AND NOT {_IS_DEAD}"
        rows = self._sql.execute(
            f"SELECT id, blobs, {_ROW_BYTES} AS bytes FROM runs WHERE {condition} ORDER BY id LIMIT ?",
            *(*values, MAX_PRUNED_RUNS),
        )
        before = accumulate((row["bytes"] for row in rows), initial=0)
        rows = [row for row, bytes_before in zip(rows, before, strict=False) if bytes_before < most_bytes]
        if keys := [key for row in rows for key in blob_keys_of(row["id"], row["blobs"])]:
            await _delete_all(blobs, keys)
        if rows:
            self._sql.execute(f"DELETE FROM runs WHERE {condition} AND id <= ?", *values, rows[-1]["id"])
            self._count(pruned=len(rows))
            self._run_blobs.expire([row["id"] for row in rows])
        return [row["id"] for row in rows]

    def _measure_bytes(self) -> int:
        """The size of the database and of its parts in the bucket, in bytes."""
        [row] = self._sql.execute(
            "SELECT COALESCE(SUM(blob_bytes), 0) AS bytes FROM runs INDEXED BY runs_with_blobs WHERE blobs > 0"
        )
        return self._sql.size_bytes + int(row["bytes"])

    def _count(self, *, pruned: int = 0, exports: int = 0, requests: int = 0) -> None:
        """Add to today's counts, with the rows written since the last call."""
        rows = self._sql.rows_written - self._counted_rows
        self._counted_rows += rows
        self._day = self._day.at(self._clock.now_ms()).plus(pruned, exports, rows, requests)

    def _mark_pruned(self, keep_days: int, run_id: str) -> None:
        """Store that all runs with this retention up to `run_id` are deleted."""
        self._pruned[keep_days] = run_id
        self._sql.execute("INSERT OR REPLACE INTO periods (keep_days, pruned) VALUES (?, ?)", keep_days, run_id)

    def _expect_pruning(self, now_ms: float) -> None:
        """Set an alarm for the next pruning, unless one is set already."""
        if not self._prune_ms:
            self._set_alarm(prune_ms=now_ms + PRUNE_INTERVAL_MS)

    def _set_alarm(self, *, prune_ms: float | None = None, export_ms: float | None = None) -> None:
        """Set the alarm to the earliest of the due times, if any, and store those of pruning and exporting."""
        self._prune_ms = self._prune_ms if prune_ms is None else prune_ms
        self._export_ms = self._export_ms if export_ms is None else export_ms
        self._sql.execute(
            "UPDATE log SET prune_ms = ?, export_ms = ?, day = ?, pruned = ?, exports = ?, rows = ?, requests = ?",
            *(self._prune_ms, self._export_ms),
            *(self._day.date, self._day.pruned, self._day.exports, self._day.rows, self._day.requests),
        )
        self._next_ms = self._find_next()
        if self._next_ms:
            now_ms = self._clock.now_ms()
            self._next_ms = max(now_ms, self._next_ms)
            self._alarm.set(self._next_ms - now_ms)

    def _find_next(self) -> float:
        """The earliest of the due times; 0 for never."""
        times = [self._prune_ms, self._export_ms, self._release_ms, self._limited.due_ms, self._closing.due_ms]
        times += [self._failures.tell_ms, self._failures.lost_ms, self._ends.tell_ms]
        return min((ms for ms in times if ms), default=0)


def _render_rows(runs: Sequence[StoredRun]) -> Iterator[str]:
    """The runs as JSON arrays, each small enough for a statement's parameter."""
    rows: list[str] = []
    size = 0
    for run in runs:
        row = json.dumps(run)
        if size + len(row) > MAX_PARAMETER_BYTES and rows:
            yield f"[{','.join(rows)}]"
            rows, size = [], 0
        rows.append(row)
        size += len(row) + 1
    if rows:
        yield f"[{','.join(rows)}]"


def _render(wanted: RunFilter, now_ms: float) -> tuple[list[str], list[str | float]]:
    """The SQL conditions of a filter, and their parameters. Conditions on times are ranges of ids, and not included."""
    conditions: list[str] = []
    values: list[str | float] = []
    for name, value in (("workflow", wanted.workflow), ("version", wanted.version), ("trigger", wanted.trigger)):
        if value is not None:
            conditions.append(f"{name} = ?")
            values.append(value)
    if wanted.status in ("success", "failed", "cancelled"):
        conditions.append("status = ?")
        values.append(wanted.status)
    elif wanted.status is not None:
        conditions.append(f"status = 'running' AND {_DEADLINES[wanted.status]}")
        if wanted.status != "queued":
            values.append(now_ms - LOST_AFTER_MS)
        if wanted.status in ("running", NEEDS_DECISION):
            needs = "" if wanted.status == NEEDS_DECISION else "NOT "
            conditions.append(f"id {needs}IN ({cut_off_calls.UNDECIDED})")
    if wanted.is_dead:
        conditions.append(f"(status = 'failed' OR {_DEADLINES['lost']})")
        values.append(now_ms - LOST_AFTER_MS)
    if wanted.text is not None:
        matches = " OR ".join(f"instr(lower({name}), lower(?))" for name in ("workflow", "id", "COALESCE(error, '')"))
        conditions.append(f"({matches})")
        values += [wanted.text] * 3
    return conditions, values


def _to_verdict(row: Mapping[str, Any]) -> Verdict:
    return cast(Verdict, _without_none(row))


def _without_none(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


async def _delete_all(blobs: BlobStore, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), MAX_DELETED_BLOBS):
        await blobs.delete(keys[start : start + MAX_DELETED_BLOBS])
