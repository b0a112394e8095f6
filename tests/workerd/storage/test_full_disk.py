"""Proves the real runtime on a full or read-only disk: refusals are explained, and triggers continue to work."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acr.local.platform import find_free_ports
from workerd.local_platform import LOG, ROOT, LocalPlatform, run_dev, running_platform
from workerd.small_disk import filled, make_read_only, small_disk

pytestmark = pytest.mark.workerd

FLOW: dict[str, Any] = {
    "name": "upper",
    "flow": ["input >> PIPE >> up"],
    "config": {"up": {"component": "string_ops", "operation": "upper", "input": "{{input.text}}"}},
}
NEXT = "Next: Free some space on its disk, then run the same command again.\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "60m") as folder:
        yield folder


@pytest.fixture
def platform(tmp_path: Path, disk: Path) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path / "home", "--persist", str(disk / ".arcrun")) as running:
        yield running


def store(platform: LocalPlatform, name: str) -> httpx.Response:
    with platform.executor as client:
        return client.post("/webhooks", json={"workflow": {**FLOW, "name": name}})


def names_of(platform: LocalPlatform) -> list[str]:
    with platform.executor as client:
        return [workflow["name"] for workflow in client.get("/webhooks").json()["data"]["workflows"]]


def runs_of(platform: LocalPlatform) -> dict[str, Any]:
    """The listed runs, or the error of the list."""
    with platform.executor as client:
        answer = client.get("/runs").json()
    data: dict[str, Any] = answer["data"] if answer["success"] else answer["error"].get("details", {})
    return data


def test_a_full_disk_refuses_what_must_be_kept_and_stops_no_run(
    platform: LocalPlatform, disk: Path, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials.yaml"
    credentials.touch(mode=0o600)
    credentials.write_text("token: hello-secret\n")
    webhook = store(platform, "before").json()["data"]["webhook_url"]
    assert httpx.post(webhook, json={"text": "a"}, timeout=30).json()["data"] == {"result": "A"}
    until(lambda: len(runs_of(platform)["runs"]) == 1)

    with filled(disk):
        quick = [httpx.post(webhook, json={"text": "b"}, timeout=30) for _ in range(5)]
        pushed, accepted = store(platform, "after"), httpx.post(f"{webhook}?async=1", json={"text": "c"}, timeout=30)
        credential = platform.acr("creds", "push", "--file", str(credentials))
        submitted = platform.acr("parts", "publish", str(ROOT / "components/string_ops"))
        until(lambda: runs_of(platform).get("unwritten", {}).get("count") == 5)
        with platform.executor as client:
            listed = client.get("/webhooks")  # SQLite opens no database on a full disk, so cache what triggers need
        doctor = platform.acr("doctor")
        stored = platform.acr("creds", "list", "--json")
    assert [(answer.status_code, answer.json()["data"]) for answer in quick] == [(200, {"result": "B"})] * 5
    codes = {pushed: "OBJECT_UNAVAILABLE", listed: "OBJECT_UNAVAILABLE", accepted: "OBJECT_UNAVAILABLE"}
    for refused, code in codes.items():
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["retriable"]) == (503, code, True)
        assert error["next_actions"][0] == "Check whether the disk is full: df -h"
        assert "Cloudflare" not in error["message"] + str(error["next_actions"])
    assert (credential.returncode, "answered 500" in credential.stderr, "df -h" in credential.stderr) == (1, True, True)
    assert "  at " not in credential.stderr
    assert (submitted.returncode, "OBJECT_UNAVAILABLE" in submitted.stderr) == (1, True), submitted.stderr
    assert json.loads(stored.stdout)["data"] == {"credentials": []}, stored.stdout
    assert (doctor.returncode, "5 run records could not be written" in doctor.stdout) == (1, True)
    log = (tmp_path / "home" / LOG).read_text()
    assert log.count("Records of runs could not be written") == 1

    with platform.executor as client:  # with some space everything works again
        assert client.post(webhook, json={"text": "d"}).json()["data"] == {"result": "D"}
    assert store(platform, "after").status_code == 201
    assert platform.acr("creds", "push", "--file", str(credentials)).returncode == 0
    assert platform.acr("parts", "publish", str(ROOT / "components/string_ops")).returncode == 0
    assert sorted(names_of(platform)) == ["after", "before"]
    until(lambda: len(runs_of(platform)["runs"]) == 2)
    assert {run["status"] for run in runs_of(platform)["runs"]} == {"success"}


def test_a_start_on_a_full_disk_says_one_sentence(disk: Path, tmp_path: Path) -> None:
    folder = disk / ".arcrun"
    folder.mkdir()
    with filled(disk):
        result = run_dev(tmp_path, "--persist", str(folder), "--port", str(find_free_ports(4)))
    sentence = f"Error: {folder} cannot be written: No space left on device.\n{NEXT}"
    assert (result.returncode, result.stderr) == (1, sentence)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        pytest.param("32k", "/.arcrun cannot be written: No space left on device.", id="for nothing"),
        pytest.param("1m", "Error: The Workers could not be staged: ", id="for the keys, and not for the Workers"),
    ],
)
def test_a_start_on_too_small_a_disk(tmp_path: Path, size: str, said: str) -> None:
    with small_disk(tmp_path / "disk", size) as folder:
        result = run_dev(tmp_path, "--persist", str(folder / ".arcrun"), "--port", str(find_free_ports(4)))
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert (result.returncode, len(errors), said in errors[0]) == (1, 1, True), result.stderr
    assert ("No space left on device" in errors[0], "Traceback" in result.stderr) == (True, False)


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        pytest.param("--persist", "--persist", id="the state"),
        pytest.param("ACR_CONFIG_DIR", "ACR_CONFIG_DIR", id="the configuration"),
        pytest.param("ACR_CACHE_DIR", "ACR_CACHE_DIR", id="the cache"),
    ],
)
def test_a_start_that_may_not_write(disk: Path, tmp_path: Path, place: str, advice: str) -> None:
    make_read_only(disk)
    options = ("--persist", str(disk / "x")) if place == "--persist" else ()
    environment = {} if options else {place: str(disk / "x")}
    result = run_dev(tmp_path, *options, "--port", str(find_free_ports(4)), **environment)
    where = disk / "x/snapshots" if place == "ACR_CACHE_DIR" else disk / "x"
    *_, error, hint = result.stderr.splitlines()
    assert (result.returncode, error) == (1, f"Error: {where} cannot be written: Read-only file system.")
    assert hint == f"Next: Name another folder: {advice}"


def until(holds: Any, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
