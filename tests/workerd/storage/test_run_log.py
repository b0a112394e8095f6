"""Proves a RunLog in the platform's own SQLite: room for new records, large numbers."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from executor.records.run_log import CHECKED_BYTES
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

MOST_BYTES = 1_000_000
FLOW = """name: {name}
flow: ["input >> ON_SUCCESS >> keep", "keep >> ON_SUCCESS >> output"]
config:
  keep: {{component: set, values: {{text: "{{{{input.text}}}}"}}}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform whose only object is limited to one megabyte."""
    with running_platform(tmp_path_factory.mktemp("log"), RUN_LOG_OBJECTS="1", RUN_LOG_BYTES=str(MOST_BYTES)) as own:
        yield own


def ask(platform: LocalPlatform, method: str, path: str, **request: Any) -> Any:
    headers = {"X-Arcrun-API-Key": platform.environment["ARCRUN_API_KEY"]}
    answer = httpx.request(method, platform.urls["executor"] + path, headers=headers, timeout=60, **request)
    return answer.raise_for_status().json()["data"]


def run(platform: LocalPlatform, size: int) -> None:
    body = {"workflow": FLOW.format(name="w"), "input": {"text": "x" * size}}
    ask(platform, "POST", "/execute", json=body)


def measure(platform: LocalPlatform) -> Any:
    [measured] = ask(platform, "GET", "/usage")["objects"]
    return measured


@pytest.mark.parametrize("size", [20_000, 100_000], ids=["in rows", "in the bucket"])
def test_the_oldest_records_make_room_for_the_new(small: LocalPlatform, size: int) -> None:
    pruned = measure(small)["pruned"]
    deadline = time.monotonic() + 60
    while measure(small)["pruned"] < pruned + 3:
        assert time.monotonic() < deadline
        run(small, size)
    time.sleep(0.5)
    measured = measure(small)
    assert measured["bytes"] < MOST_BYTES + CHECKED_BYTES + 3 * size
    assert measured["rows"] >= 2 * measured["pruned"]
    ids = [each["run_id"] for each in ask(small, "GET", "/runs")["runs"]]
    assert ids
    assert ask(small, "GET", f"/runs/{ids[0]}")["status"] == "success"


@pytest.mark.parametrize("version", [2**53, 2**53 - 1, 2**31, 0])
def test_a_version_may_be_as_large_as_a_number(small: LocalPlatform, version: int) -> None:
    run(small, 10)
    time.sleep(0.2)
    assert bool(ask(small, "GET", f"/runs?version={version}")["runs"]) is (version == 0)
