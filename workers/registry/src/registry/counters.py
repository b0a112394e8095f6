"""Counts components' runs in SQLite: totals, and a histogram of durations. Tables: docs/storage-schema.md.

A scope is the principal whose runs are counted. A count takes two statements, however many records it has: they are
passed as one JSON array, because a statement binds at most 100 values.
"""

import json
from collections.abc import Collection

from arcrun.analytics import ComponentStatistics, TallyRow
from arcrun.ports import Sql

COUNTERS = (
    """CREATE TABLE IF NOT EXISTS run_totals (
        scope TEXT, canonical_id TEXT, version TEXT, runs INTEGER, successes INTEGER, duration_sum_ms REAL,
        PRIMARY KEY (scope, canonical_id, version)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS run_durations (
        scope TEXT, canonical_id TEXT, version TEXT, bucket INTEGER, runs INTEGER,
        PRIMARY KEY (scope, canonical_id, version, bucket)) WITHOUT ROWID""",
    # All versions of a component together, to join and to sort by.
    """CREATE VIEW IF NOT EXISTS component_totals AS
        SELECT scope, canonical_id, SUM(runs) AS total_runs, SUM(successes) AS successes,
            SUM(duration_sum_ms) AS duration_sum_ms,
            SUM(successes) * 1.0 / SUM(runs) AS success_rate, SUM(duration_sum_ms) / SUM(runs) AS avg_duration_ms
        FROM run_totals GROUP BY scope, canonical_id""",
)

# A row of a tally is [id, version, bucket, runs, successes, duration_ms].
_COUNT_TOTALS = """
    INSERT INTO run_totals (scope, canonical_id, version, runs, successes, duration_sum_ms)
    SELECT ?1, value ->> 0, value ->> 1, SUM(value ->> 3), SUM(value ->> 4), SUM(value ->> 5)
    FROM json_each(?2) WHERE true GROUP BY 2, 3
    ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, successes = successes + excluded.successes,
        duration_sum_ms = duration_sum_ms + excluded.duration_sum_ms"""

_COUNT_DURATIONS = """
    INSERT INTO run_durations (scope, canonical_id, version, bucket, runs)
    SELECT ?1, value ->> 0, value ->> 1, value ->> 2, SUM(value ->> 3)
    FROM json_each(?2) WHERE true GROUP BY 2, 3, 4
    ON CONFLICT DO UPDATE SET runs = runs + excluded.runs"""

# For each value of {key}: the totals, and the bucket at which the runs so far reach 95 % of all.
_READ_TOTALS = """
    SELECT {key} AS name, SUM(runs) AS runs, SUM(successes) AS successes, SUM(duration_sum_ms) AS duration_sum_ms
    FROM run_totals WHERE {where} GROUP BY {key} ORDER BY {key}"""

_READ_P95 = """
    SELECT name, MIN(bucket) AS bucket FROM (
        SELECT {key} AS name, bucket,
            SUM(SUM(runs)) OVER (PARTITION BY {key} ORDER BY bucket) AS runs_so_far,
            SUM(SUM(runs)) OVER (PARTITION BY {key}) AS all_runs
        FROM run_durations WHERE {where} GROUP BY {key}, bucket)
    WHERE runs_so_far * 100 >= all_runs * 95 GROUP BY name"""


class Counters:
    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def count(self, scope: str, rows: Collection[TallyRow]) -> None:
        """Add a tally's rows."""
        text = json.dumps(rows)
        self._sql.execute(_COUNT_TOTALS, scope, text)
        self._sql.execute(_COUNT_DURATIONS, scope, text)

    def list_scopes(self) -> list[str]:
        return [row["scope"] for row in self._sql.execute("SELECT DISTINCT scope FROM run_totals ORDER BY scope")]

    def read(self, scope: str, component_ids: Collection[str] | None = None) -> dict[str, ComponentStatistics]:
        """Statistics by component id, all versions together; None means all. Components without runs are missing."""
        if component_ids is None:
            return self._read("canonical_id", "scope = ?", scope)
        where = "scope = ? AND canonical_id IN (SELECT value FROM json_each(?))"
        return self._read("canonical_id", where, scope, json.dumps(list(component_ids)))

    def read_versions(self, scope: str, component_id: str) -> dict[str, ComponentStatistics]:
        """Statistics of one component, by version."""
        return self._read("version", "scope = ? AND canonical_id = ?", scope, component_id)

    def _read(self, key: str, where: str, *values: str) -> dict[str, ComponentStatistics]:
        totals = self._sql.execute(_READ_TOTALS.format(key=key, where=where), *values)
        p95 = {row["name"]: row["bucket"] for row in self._sql.execute(_READ_P95.format(key=key, where=where), *values)}
        return {
            row["name"]: ComponentStatistics(row["runs"], row["successes"], row["duration_sum_ms"], p95[row["name"]])
            for row in totals
        }
