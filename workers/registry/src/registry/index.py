"""The index of accepted components: each version's owner, bytes and visibility, and the reviewer's decisions.

It runs in the Durable Object, so a version cannot be taken twice, however many submit it at the same time.
"""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.ports import Sql

AUTHOR_ONLY, PUBLIC = "author_only", "public"
SORTS = {
    "name": "canonical_id",
    "newest": "submitted_at DESC, canonical_id",
    "runs": "total_runs DESC, canonical_id",
    "success_rate": "success_rate DESC, total_runs DESC, canonical_id",
    "duration": "avg_duration_ms IS NULL, avg_duration_ms, canonical_id",
}
INDEX = (
    """CREATE TABLE IF NOT EXISTS versions (
        submission_id TEXT PRIMARY KEY, owner TEXT NOT NULL, canonical_id TEXT NOT NULL, number INTEGER NOT NULL,
        sha256 TEXT NOT NULL, contract_sha256 TEXT NOT NULL, visibility TEXT NOT NULL, submitted_at TEXT NOT NULL,
        category TEXT NOT NULL, words TEXT NOT NULL, summary TEXT NOT NULL,
        UNIQUE (owner, canonical_id, number))""",
    "CREATE INDEX IF NOT EXISTS versions_by_id ON versions (canonical_id, visibility)",
    """CREATE TABLE IF NOT EXISTS decisions (
        submission_id TEXT NOT NULL, decision TEXT NOT NULL, reason TEXT NOT NULL, key_id TEXT NOT NULL,
        decided_at TEXT NOT NULL)""",
)
# Of components with the same id, the caller's own comes before the public one; newer versions come first.
_VISIBLE = "(owner = ?1 OR visibility = 'public' OR ?2)"
_FIRST = "owner = ?1 DESC, number DESC"


class ComponentIndex:
    """The index's tables. `principal` is the caller's id; `sees_all` is true for a reviewer."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def add(self, version: Mapping[str, Any]) -> dict[str, str]:
        """{"outcome": "added" | "same" | "version_exists" | "id_taken", "submission_id"}.

        `version` has the table's columns except `visibility`; lists show `summary`. "same" means the same bytes.
        """
        owner, canonical_id = version["owner"], version["canonical_id"]
        if self._public_owner(canonical_id) not in (None, owner):
            return {"outcome": "id_taken", "submission_id": ""}
        found = self._sql.execute(
            "SELECT submission_id, sha256, contract_sha256 FROM versions"
            " WHERE owner = ? AND canonical_id = ? AND number = ?",
            *(owner, canonical_id, version["number"]),
        )
        if found:
            same = all(found[0][name] == version[name] for name in ("sha256", "contract_sha256"))
            return {"outcome": "same" if same else "version_exists", "submission_id": found[0]["submission_id"]}
        row = {**version, "visibility": AUTHOR_ONLY, "summary": json.dumps(version["summary"])}
        marks = ", ".join("?" * len(row))
        self._sql.execute(f"INSERT INTO versions ({', '.join(row)}) VALUES ({marks})", *row.values())
        return {"outcome": "added", "submission_id": version["submission_id"]}

    def find_same(self, owner: str, sha256: str, contract_sha256: str) -> str | None:
        """The submission's id if the owner has submitted these bytes before."""
        found = self._sql.execute(
            "SELECT submission_id FROM versions WHERE owner = ? AND sha256 = ? AND contract_sha256 = ?",
            *(owner, sha256, contract_sha256),
        )
        return found[0]["submission_id"] if found else None

    def find_submission(self, principal: str, sees_all: bool, submission_id: str) -> dict[str, Any] | None:
        """The version with its "decisions"; None if it is another owner's."""
        found = self._sql.execute(
            "SELECT * FROM versions WHERE submission_id = ?3 AND (owner = ?1 OR ?2)",
            *(principal, sees_all, submission_id),
        )
        return {**_read(found[0]), "decisions": self._decisions(submission_id)} if found else None

    def find(self, principal: str, sees_all: bool, canonical_id: str, number: int | None) -> dict[str, Any] | None:
        """The version that an id refers to for the caller; the newest if `number` is None."""
        found = self._sql.execute(
            f"SELECT * FROM versions WHERE {_VISIBLE} AND canonical_id = ?3 AND (?4 IS NULL OR number = ?4)"
            f" ORDER BY {_FIRST} LIMIT 1",
            *(principal, sees_all, canonical_id, number),
        )
        return _read(found[0]) if found else None

    def find_owner(self, principal: str, canonical_id: str) -> str | None:
        """The owner of the component that an id refers to for the caller."""
        found = self.find(principal, False, canonical_id, None)
        return found["owner"] if found else None

    def list_versions(self, principal: str, sees_all: bool, canonical_id: str) -> list[dict[str, Any]]:
        """The versions of the component that an id refers to for the caller, newest first."""
        first = self.find(principal, sees_all, canonical_id, None)
        if first is None:
            return []
        found = self._sql.execute(
            f"SELECT * FROM versions WHERE {_VISIBLE} AND canonical_id = ?3 AND owner = ?4 ORDER BY number DESC",
            *(principal, sees_all, canonical_id, first["owner"]),
        )
        return [_read(row) for row in found]

    def search(self, principal: str, sees_all: bool, query: Mapping[str, Any]) -> dict[str, Any]:
        """{"components": [...], "total"}: the version that each matching id refers to for the caller.

        `query` is {"words", "category", "visibility", "sort", "limit", "offset"} (registry/catalogue.py).
        """
        words = query["words"]
        matching = " AND ".join(["1", *(f"instr(words, ?{number}) > 0" for number in range(5, 5 + len(words)))])
        source = (
            f"FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY canonical_id ORDER BY {_FIRST}) AS place"
            f" FROM versions WHERE {_VISIBLE})"
            " LEFT JOIN (SELECT scope, canonical_id AS counted_id, total_runs, success_rate, avg_duration_ms"
            " FROM component_totals) ON scope = owner AND counted_id = canonical_id"
            " WHERE place = 1 AND (?3 IS NULL OR category = ?3)"
            f" AND (?4 IS NULL OR visibility = ?4) AND {matching}"
        )
        values = (principal, sees_all, query["category"], query["visibility"], *words)
        page = f"ORDER BY {SORTS[query['sort']]} LIMIT {query['limit']} OFFSET {query['offset']}"
        found = self._sql.execute(f"SELECT * {source} {page}", *values)
        [counted] = self._sql.execute(f"SELECT COUNT(*) AS total {source}", *values)
        return {"components": [_read(row) for row in found], "total": counted["total"]}

    def decide(self, submission_id: str, visibility: str, decision: Mapping[str, str]) -> str:
        """ "decided", or "id_taken" if another author's public component has the id. `decision` is the table's row."""
        [version] = self._sql.execute("SELECT owner, canonical_id FROM versions WHERE submission_id = ?", submission_id)
        if visibility == PUBLIC and self._public_owner(version["canonical_id"]) not in (None, version["owner"]):
            return "id_taken"
        self._sql.execute("UPDATE versions SET visibility = ? WHERE submission_id = ?", visibility, submission_id)
        self._sql.execute(
            "INSERT INTO decisions (submission_id, decision, reason, key_id, decided_at) VALUES (?, ?, ?, ?, ?)",
            *(submission_id, *(decision[name] for name in ("decision", "reason", "key_id", "decided_at"))),
        )
        return "decided"

    def _decisions(self, submission_id: str) -> list[dict[str, Any]]:
        return self._sql.execute(
            "SELECT decision, reason, key_id, decided_at FROM decisions WHERE submission_id = ? ORDER BY rowid",
            submission_id,
        )

    def _public_owner(self, canonical_id: str) -> str | None:
        found = self._sql.execute(
            "SELECT owner FROM versions WHERE canonical_id = ? AND visibility = 'public' LIMIT 1", canonical_id
        )
        return found[0]["owner"] if found else None


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as {"canonical_id", "version", "visibility", ...}, the form of answers."""
    shown = (
        "canonical_id",
        "owner",
        "visibility",
        "category",
        "sha256",
        "contract_sha256",
        "submission_id",
        "submitted_at",
    )
    return {**{name: row[name] for name in shown}, "version": f"v{row['number']}", **json.loads(row["summary"])}
