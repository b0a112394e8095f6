"""The last run of each workflow that has failed, or is lost, in a Durable Object's SQLite: by the index of runs without
success, so that runs cost nothing more for it.
"""

import json

from arcrun.engine.trigger import TriggerKind
from arcrun.ports import Sql
from arcrun.run_log.filter import LOST_AFTER_MS

MAX_LOOKED_AT = 200  # of a workflow's runs without success, the newest: others among them are cancelled, or polls
UNCOUNTED = (TriggerKind.EXECUTE, TriggerKind.POLL)
_INDEXED = "runs INDEXED BY runs_without_success WHERE status <> 'success'"
_NAMES = (  # a step in the index for each, however many runs it has
    f"WITH RECURSIVE names(name) AS (SELECT MIN(workflow) FROM {_INDEXED} UNION ALL"
    f" SELECT (SELECT MIN(workflow) FROM {_INDEXED} AND workflow > name) FROM names WHERE name IS NOT NULL)"
    " SELECT name FROM names WHERE name IS NOT NULL"
)
_LAST = (
    "SELECT id FROM (SELECT id, status, trigger, deadline_ms"
    f" FROM {_INDEXED} AND workflow = ?1 ORDER BY id DESC LIMIT {MAX_LOOKED_AT})"
    " WHERE (status = 'failed' OR (status = 'running' AND deadline_ms > 0 AND deadline_ms < ?2))"
    " AND trigger NOT IN (SELECT value FROM json_each(?3)) ORDER BY id DESC LIMIT 1"
)


def list_last_failed(sql: Sql, now_ms: float) -> dict[str, str]:
    """The ids, by the workflows. Of polls only those that fail have a record, so none counts as a run."""
    found = {}
    for name in [row["name"] for row in sql.execute(_NAMES)]:
        for row in sql.execute(_LAST, name, now_ms - LOST_AFTER_MS, json.dumps(UNCOUNTED)):
            found[name] = row["id"]
    return found
