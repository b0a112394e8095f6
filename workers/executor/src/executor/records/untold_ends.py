"""Runs of followed workflows (`after`) that have succeeded, of which the Workspace is still to be told, in a Durable
Object's SQLite. Each is a row and its deletion.
"""

import logging
from collections.abc import Awaitable, Callable

from arcrun.limits import MAX_TOLD_ENDS, MAX_UNTOLD_ENDS
from arcrun.ports import Clock, Sql
from arcrun.run_log.protocol import PassedOn
from arcrun.workspace.chains import ToldEnd

TABLES = (
    """CREATE TABLE untold_ends (
        number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, answer TEXT,
        depth INTEGER NOT NULL, ended_ms REAL NOT NULL)""",
)
TELL_MS = 500  # for runs to be told together
RETRY_MS = 20_000  # until it is tried again

TellEnds = Callable[[list[ToldEnd]], Awaitable[object]]

logger = logging.getLogger("arcrun")


class UntoldEnds:
    """The table `untold_ends`. `tell_ms` is when the Workspace is to be told; 0 for never, as far as is known."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql, self._clock = sql, clock
        self.tell_ms = clock.now_ms() if self._has_any else 0.0

    def note(self, run_id: str, workflow: str, passed: PassedOn) -> bool:
        """A run has succeeded. Returns whether an alarm is needed for it."""
        self._sql.execute(
            "INSERT OR IGNORE INTO untold_ends (run_id, workflow, answer, depth, ended_ms) VALUES (?, ?, ?, ?, ?)",
            *(run_id, workflow, passed["answer"], passed["depth"], passed["ended_ms"]),
        )
        if self.tell_ms:
            return False
        self.tell_ms = self._clock.now_ms() + TELL_MS
        return True

    async def tell(self, tell: TellEnds | None) -> None:
        """Tell of a batch, and set `tell_ms` for the rest. Raises UpstreamError: then it is tried again."""
        self.tell_ms = self._clock.now_ms() + RETRY_MS
        self._drop_oldest()
        told = self._list()
        if told and tell is not None:
            await tell(told)
        if told:
            self._sql.execute("DELETE FROM untold_ends WHERE number <= ?", told[-1]["number"])
        self.tell_ms = self._clock.now_ms() if self._has_any else 0

    @property
    def _has_any(self) -> bool:
        return bool(self._sql.execute("SELECT 1 FROM untold_ends LIMIT 1"))

    def _drop_oldest(self) -> None:
        dropped = self._sql.execute(
            "DELETE FROM untold_ends WHERE number IN"
            " (SELECT number FROM untold_ends ORDER BY number DESC LIMIT -1 OFFSET ?) RETURNING number",
            MAX_UNTOLD_ENDS,
        )
        if dropped:
            logger.error("%d runs start nothing of what follows them: too many wait for the Workspace", len(dropped))

    def _list(self) -> list[ToldEnd]:
        rows = self._sql.execute(
            "SELECT number, run_id, workflow, answer, depth, ended_ms FROM untold_ends ORDER BY number LIMIT ?",
            MAX_TOLD_ENDS,
        )
        return [
            {
                "number": row["number"],
                "workflow": row["workflow"],
                "run_id": row["run_id"],
                "answer": row["answer"],
                "depth": row["depth"],
                "ended_ms": row["ended_ms"],
            }
            for row in rows
        ]
