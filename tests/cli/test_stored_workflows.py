"""The commands for stored workflows against the local platform: validate, push, list, rollback, rotate, delete."""

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import ACR, LocalPlatform

pytestmark = pytest.mark.workerd

WARNED = """name: warned
flow: ["input >> PIPE >> tell"]
config:
  tell: {component: telegram, chat_id: "42", text: hello, credentials: {telegram_bot_token: nobody_has_it}}
"""
BROKEN = """name: broken
flow: ["input >> ON_SUCCES >> greet"]
config:
  greet: {component: set, values: {}}
"""


def write_workflow(folder: Path, name: str, text: str = "one", *, extra: str = "") -> str:
    """Write a workflow that answers `text`, with an additional node `extra`. Returns the file's path."""
    path = folder / f"{name}.yaml"
    flow = ["input >> PIPE >> greet", *([f"greet >> PIPE >> {extra}"] if extra else [])]
    node = {"component": "set", "values": {"text": text}}
    config = {"greet": node, **({extra: node} if extra else {})}
    path.write_text(json.dumps({"name": name, "flow": flow, "config": config}))
    return str(path)


def read_json(platform: LocalPlatform, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = platform.acr(*arguments, "--json")
    assert result.returncode == code, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_validate_reports_each_finding_with_its_place_and_hint(platform: LocalPlatform, tmp_path: Path) -> None:
    good, broken = write_workflow(tmp_path, "good"), tmp_path / "broken.yaml"
    broken.write_text(BROKEN)
    result = platform.acr("validate", good, str(broken))
    assert (result.returncode, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert lines[0] == f"{good}: ok"
    assert lines[1].startswith(f"{broken}:2:8: error UNKNOWN_RELATION ")
    assert lines[2].startswith("    ")
    assert "ON_SUCCESS" in lines[2]
    assert lines[3:] == [f"{broken}: 1 error", "2 files: 1 ok, 1 with errors (1 error)"]


def test_validate_passes_with_only_warnings(platform: LocalPlatform, tmp_path: Path) -> None:
    file = tmp_path / "warned.yaml"
    file.write_text(WARNED)
    result = platform.acr("validate", str(file))
    assert (result.returncode, result.stdout) == (0, "")
    assert "warning MISSING_CREDENTIAL" in result.stderr
    assert result.stderr.splitlines()[-1] == f"{file}: 1 warning"


def test_validate_as_json_lists_what_the_route_lists(platform: LocalPlatform, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(BROKEN)
    data = read_json(platform, "validate", str(broken), write_workflow(tmp_path, "good"), code=1)["data"]
    assert data["valid"] is False
    assert {finding["file"] for finding in data["diagnostics"]} == {str(broken)}
    assert set(data["diagnostics"][0]) == {"code", "severity", "message", "hint", "file", "line", "column"}
    good = write_workflow(tmp_path, "good")
    assert read_json(platform, "validate", good)["data"] == {
        "valid": True,
        "files": [{"file": good, "valid": True}],
        "diagnostics": [],
    }


def test_push_prints_the_version_and_the_changes(platform: LocalPlatform, tmp_path: Path) -> None:
    first = platform.acr("push", write_workflow(tmp_path, "pushed"))
    again = platform.acr("push", write_workflow(tmp_path, "pushed"))
    changed = platform.acr("push", write_workflow(tmp_path, "pushed", "two", extra="tell"))
    shrunk = platform.acr("push", write_workflow(tmp_path, "pushed", "two"))
    assert [result.returncode for result in (first, again, changed, shrunk)] == [0] * 4
    assert [result.stderr.splitlines()[0] for result in (first, again, changed, shrunk)] == [
        "Pushed pushed, version 1: +greet",
        "pushed has not changed, version 1.",
        "Pushed pushed, version 2: +tell ~greet",
        "Pushed pushed, version 3: -tell",
    ]
    assert len({result.stdout for result in (first, again, changed, shrunk)}) == 1


@pytest.mark.parametrize("command", ["validate", "push", "run"])
def test_a_file_that_is_not_utf8_is_refused(platform: LocalPlatform, tmp_path: Path, command: str) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"name: caf\xe9")
    result = platform.acr(command, str(file))
    told = [f"Error NOT_UTF8: {file} is not UTF-8 (byte 9).", "Next: Save it as UTF-8."]
    if command == "validate":  # which goes on with the next
        told.append(f"{file}: 1 error")
    assert (result.returncode, result.stdout, result.stderr.splitlines()) == (1, "", told)


def test_push_shows_warnings(platform: LocalPlatform, tmp_path: Path) -> None:
    file = tmp_path / "warned.yaml"
    file.write_text(WARNED)
    result = platform.acr("push", str(file))
    assert result.returncode == 0
    assert f"{file}:4:" in result.stderr
    assert "warning MISSING_CREDENTIAL" in result.stderr


def test_list_shows_versions_and_the_last_verdict(platform: LocalPlatform, tmp_path: Path) -> None:
    platform.acr("push", write_workflow(tmp_path, "listed"))
    url = platform.acr("push", write_workflow(tmp_path, "listed", "two")).stdout.strip()
    before = {item["name"]: item for item in read_json(platform, "list")["data"]["workflows"]}["listed"]
    keys = {"name", "version", "latest", "updated_at", "format", "calls", "file", "token", "webhook_url", "last_run"}
    keys |= {"paused", "dead_letters", "queued", "schedules"}
    assert set(before) == keys
    assert (before["version"], before["latest"], before["webhook_url"], before["last_run"]) == (2, 2, url, None)
    run_id = read_json(platform, "run", "listed")["run_id"]
    platform.acr("rollback", "listed", "1")
    wait_for_run(platform, run_id)
    after = {item["name"]: item for item in read_json(platform, "list")["data"]["workflows"]}["listed"]
    assert (after["version"], after["latest"], after["last_run"]["status"]) == (1, 2, "success")
    row = next(line for line in platform.acr("list").stdout.splitlines() if line.startswith("listed "))
    assert ("1 (latest 2)" in row, "success" in row, row.rstrip().endswith(url)) == (True, True, True)


def wait_for_run(platform: LocalPlatform, run_id: str) -> None:
    for _ in range(100):
        listed = read_json(platform, "logs", "--limit", "100")["data"]["runs"]
        if any(run["run_id"] == run_id for run in listed):
            return
    raise AssertionError(f"{run_id} is not listed")


def test_list_of_a_name_shows_its_versions(platform: LocalPlatform, tmp_path: Path) -> None:
    for text in ("one", "two"):
        platform.acr("push", write_workflow(tmp_path, "versioned", text))
    data = read_json(platform, "list", "versioned")["data"]
    assert [version["version"] for version in data["versions"]] == [1, 2]
    titles, newest, oldest = platform.acr("list", "versioned").stdout.splitlines()
    assert titles.split()[0] == "version"
    assert (newest.split()[0], newest.split()[-1]) == ("2", "current")
    assert (oldest.split()[0], "current" in oldest) == ("1", False)


def test_rollback_makes_a_version_current_again(platform: LocalPlatform, tmp_path: Path) -> None:
    for text in ("one", "two"):
        platform.acr("push", write_workflow(tmp_path, "rolled", text))
    result = platform.acr("rollback", "rolled", "1")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "rolled is at version 1.\n")
    assert json.loads(platform.acr("run", "rolled").stdout) == {"text": "one"}
    data = read_json(platform, "rollback", "rolled", "2")["data"]
    assert set(data) == {"name", "version", "token", "webhook_url", "updated_at"}
    assert data["version"] == 2


def test_rotate_gives_another_url_and_the_old_one_stops(platform: LocalPlatform, tmp_path: Path) -> None:
    old = platform.acr("push", write_workflow(tmp_path, "rotated")).stdout.strip()
    result = platform.acr("rotate", "rotated")
    new = result.stdout.strip()
    assert (result.returncode, new == old) == (0, False)
    assert [httpx.post(url, json={}, timeout=60).status_code for url in (old, new)] == [404, 200]
    assert read_json(platform, "rotate", "rotated")["data"]["webhook_url"] != new


def test_delete_needs_confirmation(platform: LocalPlatform, tmp_path: Path) -> None:
    url = platform.acr("push", write_workflow(tmp_path, "doomed")).stdout.strip()
    for options in ([], ["--no-input"]):
        refused = platform.acr("delete", "doomed", *options)
        assert (refused.returncode, refused.stdout, "acr delete doomed --yes" in refused.stderr) == (2, "", True)
    assert httpx.post(url, json={}, timeout=60).status_code == 200
    assert read_json(platform, "delete", "doomed", "--yes") == {
        "success": True,
        "data": {"name": "doomed", "deleted": True, "called_by": []},
    }
    assert httpx.post(url, json={}, timeout=60).status_code == 404


def test_delete_lists_the_callers_first(platform: LocalPlatform, tmp_path: Path) -> None:
    platform.acr("push", write_workflow(tmp_path, "callee"))
    caller = tmp_path / "caller.yaml"
    caller.write_text("name: caller\nflow: [input >> SUBFLOW >> callee]\n")
    assert platform.acr("push", str(caller)).returncode == 0
    deleted = platform.acr("delete", "callee", "--yes")
    assert deleted.stderr.splitlines() == [
        "callee is called by caller, whose runs will fail without it.",
        "Deleted callee.",
    ]


@pytest.mark.parametrize(
    ("typed", "code", "said", "status"),
    [
        pytest.param("y\n", 0, "Deleted asked.", 404, id="yes"),
        pytest.param("n\n", 1, "Nothing was deleted.", 200, id="no"),
    ],
)
def test_delete_asks_at_a_terminal(
    platform: LocalPlatform, tmp_path: Path, typed: str, code: int, said: str, status: int
) -> None:
    url = platform.acr("push", write_workflow(tmp_path, "asked")).stdout.strip()
    master, terminal = pty.openpty()
    os.write(master, typed.encode())
    command = [str(ACR), "delete", "asked"]
    result = subprocess.run(
        command, env=platform.environment, stdin=terminal, capture_output=True, text=True, check=False, timeout=60
    )
    os.close(master)
    os.close(terminal)
    assert (result.returncode, result.stdout) == (code, "")
    assert ("Delete asked with all its versions?" in result.stderr, said in result.stderr) == (True, True)
    assert httpx.post(url, json={}, timeout=60).status_code == status


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param(["list", "nowhere"], "WORKFLOW_NOT_FOUND", id="list"),
        pytest.param(["rollback", "nowhere", "1"], "WORKFLOW_NOT_FOUND", id="rollback"),
        pytest.param(["rotate", "nowhere"], "WORKFLOW_NOT_FOUND", id="rotate"),
        pytest.param(["delete", "nowhere", "--yes"], "WORKFLOW_NOT_FOUND", id="delete"),
        pytest.param(["rollback", "greet", "999"], "VERSION_NOT_FOUND", id="rollback to no version"),
    ],
)
def test_missing_things_are_reported_as_text_and_json(
    platform: LocalPlatform, tmp_path: Path, arguments: list[str], error: str
) -> None:
    platform.acr("push", write_workflow(tmp_path, "greet"))
    result = platform.acr(*arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert (f"Error {error}" in result.stderr, "Next: " in result.stderr) == (True, True)
    answer = read_json(platform, *arguments, code=1)
    assert (answer["success"], answer["error"]["code"]) == (False, error)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["validate"], id="validate nothing"),
        pytest.param(["validate", "/no/file"], id="validate no file"),
        pytest.param(["rollback", "greet"], id="rollback to what"),
        pytest.param(["rollback", "greet", "0"], id="rollback to version 0"),
        pytest.param(["rotate"], id="rotate what"),
        pytest.param(["delete"], id="delete what"),
        pytest.param(["logs", "--limit", "101"], id="more than a page"),
        pytest.param(["completion", "csh"], id="completion of another shell"),
    ],
)
def test_wrong_usage_exits_with_2(platform: LocalPlatform, arguments: list[str]) -> None:
    result = platform.acr(*arguments)
    assert (result.returncode, result.stdout, "Traceback" in result.stderr) == (2, "", False)


@pytest.mark.parametrize("arguments", [["list"], ["logs"], ["rotate", "greet"], ["rollback", "greet", "1"]], ids=str)
def test_a_wrong_key_exits_with_4(platform: LocalPlatform, arguments: list[str]) -> None:
    result = platform.acr(*arguments, ARCRUN_API_KEY="wrong")
    assert (result.returncode, "refused the API key" in result.stderr) == (4, True)
