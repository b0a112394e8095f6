"""Measure lists of runs when very many runs are stored.

.venv/bin/python benchmarks/run_lists.py [--runs 100000]

The runs are inserted into the objects' SQLite files while the platform is stopped, evenly distributed, one in a hundred
failed. The figures cover HTTP, the Worker, eight objects and their tables.
"""

import argparse
import asyncio
import json
import os
import sqlite3
from pathlib import Path

import httpx
from http_load import prepare, time_requests
from run import fresh_state, report, started_platform

from arcrun.engine.run_id import first_id_at
from arcrun.times import render_time

REPEATS, WARM_UP = 100, 10
WORKFLOWS, FAILED_SHARE = 20, 100
LIMIT_MS = 30
BEGAN_MS, BETWEEN_MS = 1_790_000_000_000.0, 40.0
LISTS = {
    "newest": "",
    "failed_of_a_workflow": "&workflow=w7&status=failed",
    "failed": "&status=failed",
    "of_a_workflow": "&workflow=w7",
    "of_an_hour": "&since=2026-09-21T14:30:00Z&until=2026-09-21T15:30:00Z",
    "with_a_text": "&q=nothing-has-this",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    print(json.dumps({"name": "load_average", "one_minute": os.getloadavg()[0], "processors": os.cpu_count()}))
    with fresh_state(RUN_LOG_KEEP_DAYS="365") as (folder, key, environment):
        with started_platform(folder, environment) as started:
            _list(started.urls["executor"], key)  # makes each object create its tables
        fill(folder, options.runs)
        with started_platform(folder, environment) as started:
            asyncio.run(measure(started.urls["executor"], key, options.runs))


def fill(folder: Path, runs: int) -> None:
    files = [path for path in (folder / "state").rglob("*.sqlite") if _has_runs(path)]
    for number, path in enumerate(files):
        rows = []
        for i in range(runs // len(files)):
            began_ms = BEGAN_MS + (i * len(files) + number) * BETWEEN_MS
            failed = i % FAILED_SHARE == 0
            rows.append(
                (
                    *(
                        first_id_at(began_ms) + f"{number:02}{i:014}",
                        f"w{i % WORKFLOWS if not failed else 7}",
                        1,
                        "webhook",
                    ),
                    *("failed" if failed else "success", render_time(began_ms), 1.5, "E" if failed else None),
                    *(0, 0, json.dumps({"data": None, "trace": ["x" * 1_200]})),
                )
            )
        with sqlite3.connect(path) as connection:
            columns = "id, workflow, version, trigger, status, started_at, duration_ms, error, keep_days, blobs, result"
            connection.executemany(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.close()


def _has_runs(path: Path) -> bool:
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone()
    connection.close()
    return found is not None


async def measure(url: str, key: str, runs: int) -> None:
    headers = {"X-Arcrun-API-Key": key}
    for name, query in LISTS.items():
        data = _list(url, key, query)
        request = prepare("GET", f"{url}/runs?limit=50{query}", headers)
        await time_requests(request, WARM_UP)
        report(f"list_{name}", "ms", await time_requests(request, REPEATS), LIMIT_MS, runs=runs, found=len(data))


def _list(url: str, key: str, query: str = "") -> list[object]:
    answer = httpx.get(f"{url}/runs?limit=50{query}", headers={"X-Arcrun-API-Key": key}, timeout=60)
    runs: list[object] = answer.raise_for_status().json()["data"]["runs"]
    return runs


if __name__ == "__main__":
    main()
