"""Measure operations of stores, on a platform of their own. Prints one JSON line per figure, as run.py does.

.venv/bin/python benchmarks/stores.py
... --requests 1000     of each figure (300)
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from run import ROOT, report

sys.path.insert(0, str(ROOT / "tests"))
from workerd.local_platform import running_platform

WARM_UP, CROWD, CROWDED = 300, 32, 1_000
INCREMENT = {"component": "store", "op": "increment", "key": "n"}
STEPS: Mapping[str, Mapping[str, Any]] = {
    "without_a_store": {"component": "set", "values": {"n": 1}},
    "store_increment": INCREMENT,
    "store_get": {"component": "store", "op": "get", "key": "n"},
    "store_add_once": {"component": "store", "op": "add_once", "key": "{{input.number}}"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300, help="of each figure")
    options = parser.parse_args()
    print(json.dumps({"name": "load_average", "one_minute": os.getloadavg()[0], "processors": os.cpu_count()}))
    with (
        tempfile.TemporaryDirectory(prefix="arcrun-benchmark-") as folder,
        running_platform(Path(folder) / "one", "--no-reload") as platform,
        platform.executor as client,
    ):
        urls = {name: push(client, name, step) for name, step in STEPS.items()}
        for name, url in urls.items():
            time_requests(client, url, WARM_UP)
            report(f"webhook_{name}", "ms", time_requests(client, url, options.requests))
        measure_crowd(client, urls["store_increment"])


def push(client: httpx.Client, name: str, step: Mapping[str, Any]) -> str:
    """The path of a webhook that does one step, and stores nothing of its runs."""
    workflow = {"name": name, "flow": ["input >> PIPE >> a"], "config": {"a": dict(step)}, "record": "none"}
    answer = client.post("/webhooks", json={"workflow": workflow})
    assert answer.status_code == 201, answer.text
    return f"/webhooks/{answer.json()['data']['token']}/trigger"


def time_requests(client: httpx.Client, url: str, count: int) -> list[float]:
    """The milliseconds of requests that follow each other."""
    taken_ms = []
    for number in range(count):
        began_s = time.perf_counter()
        answer = client.post(url, json={"number": f"{url} {count} {number}"})
        taken_ms.append((time.perf_counter() - began_s) * 1_000)
        assert answer.status_code == 200, answer.text
    return taken_ms


def measure_crowd(client: httpx.Client, url: str) -> None:
    """Increments of one key by many at once: how many a second."""
    with ThreadPoolExecutor(CROWD) as pool:
        began_s = time.perf_counter()
        values = [
            each.json()["data"]["value"] for each in pool.map(lambda _: client.post(url, json={}), range(CROWDED))
        ]
        taken_s = time.perf_counter() - began_s
    assert len({*values}) == CROWDED
    report("store_increments_together", "1/s", [CROWDED / taken_s])


if __name__ == "__main__":
    main()
