"""Exports the statistics to one key of KV, for readers without the Durable Object, at a rate that KV allows.

The first change after a write sets the object's alarm. The mark and the alarm are committed together with the change,
so neither is lost in a restart.
"""

import json
import logging

from arcrun.ports import Alarm, KeyValue, Sql
from registry.counters import Counters

DEFAULT_INTERVAL_S = 120  # at most 720 writes a day, of the 1,000 on the free plan
MIN_INTERVAL_S = 1  # KV accepts one write per second to a key
EXPORT_KEY = "statistics"
TABLES = (
    """CREATE TABLE IF NOT EXISTS statistics_mirror (
        id INTEGER PRIMARY KEY CHECK (id = 1), is_due INTEGER, sequence INTEGER)""",
    "INSERT OR IGNORE INTO statistics_mirror (id, is_due, sequence) VALUES (1, 0, 0)",
)

logger = logging.getLogger("arcrun")


class StatisticsExport:
    def __init__(self, sql: Sql, counters: Counters, alarm: Alarm, interval_s: float) -> None:
        self._sql, self._counters, self._alarm = sql, counters, alarm
        self._interval_ms = max(interval_s, MIN_INTERVAL_S) * 1000

    def note_change(self) -> None:
        """Mark the export as due; call it in the same operation as the change."""
        if self._sql.execute("UPDATE statistics_mirror SET is_due = 1 WHERE is_due = 0 RETURNING id"):
            self._alarm.set(self._interval_ms)

    async def write(self, kv: KeyValue) -> None:
        """Write the export, on the alarm. A failed write is repeated by the next alarm, an interval later."""
        [row] = self._sql.execute("UPDATE statistics_mirror SET is_due = 0, sequence = sequence + 1 RETURNING sequence")
        try:
            await kv.put(EXPORT_KEY, json.dumps({"sequence": row["sequence"], "scopes": self._read_scopes()}))
        except Exception:  # the platform raises exceptions of any kind
            logger.exception("The statistics could not be exported")
            self.note_change()

    def _read_scopes(self) -> dict[str, dict[str, object]]:
        return {
            scope: {name: found.to_json() for name, found in self._counters.read(scope).items()}
            for scope in self._counters.list_scopes()
        }
