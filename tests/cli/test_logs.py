"""acr logs and acr run against the local platform: lists, timelines, loops, sub-workflows, asynchronous runs."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workerd.local_platform import ACR, LocalPlatform

pytestmark = pytest.mark.workerd

INNER = {
    "name": "logs_inner",
    "flow": ["input >> PIPE >> shout"],
    "config": {"shout": {"component": "set", "values": {"text": "HELLO"}}},
}
DIVIDE_BY_ZERO = {"component": "number_ops", "operation": "divide", "input": 1, "value": 0}
PARTY = {
    "name": "logs_party",
    "flow": [
        "input >> FOREACH guest IN input.guests >> greet",
        "input >> CALLS_SUBFLOW >> logs_inner",
        "input >> PIPE >> fails",
        "fails >> ON_FAIL >> sorry",
    ],
    "config": {
        "greet": {"component": "set", "values": {"text": "{{guest}}"}},
        "fails": {**DIVIDE_BY_ZERO, "retry": {"max_attempts": 2, "initial_ms": 1, "on": ["DIVISION_BY_ZERO"]}},
        "sorry": {"component": "set", "values": {}},
    },
}
FAILING = {
    "name": "logs_failing",
    "flow": ["input >> PIPE >> greet"],
    "config": {"greet": {"component": "set", "values": {"text": "{{input.missing}}"}}},
}
WAITING = {
    "name": "logs_waiting",
    "flow": ["input >> PIPE >> pause"],
    "config": {"pause": {"component": "wait", "ms": 4_000}},
}
VERDICT = {"run_id", "workflow", "version", "trigger", "status", "started_at", "duration_ms"}


@pytest.fixture(scope="module", autouse=True)
def stored(platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("logs")
    for workflow in (INNER, PARTY, FAILING, WAITING):
        path = folder / f"{workflow['name']}.json"
        path.write_text(json.dumps(workflow))
        result = platform.acr("push", str(path))
        assert result.returncode == 0, result.stderr


def run_to_the_log(platform: LocalPlatform, name: str, input_value: Any = None) -> str:
    """Run a stored workflow and wait for its record. Returns the run's id."""
    options = ["--input", json.dumps(input_value or {})]
    run_id = platform.acr("run", name, "--async", *options).stdout.strip()
    assert platform.acr("logs", run_id, "--follow").returncode == 0
    return run_id


def list_runs(platform: LocalPlatform, *arguments: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(platform.acr("logs", *arguments, "--json").stdout)["data"]["runs"]
    return runs


def test_the_trace_shows_loops_and_sub_workflows(platform: LocalPlatform) -> None:
    result = platform.acr("run", "logs_party", "--input", '{"guests": ["a", "b", "c"]}')
    lines = result.stderr.splitlines()
    assert "runs" in lines[0].split()
    assert "3x" in next(line for line in lines if line.startswith("greet ")).split()
    assert "2 attempts" in next(line for line in lines if line.startswith("fails "))
    outer = next(number for number, line in enumerate(lines) if line.startswith("logs_inner "))
    assert lines[outer + 1].startswith("  shout ")


def test_async_prints_the_id_of_a_run_that_is_then_in_the_logs(platform: LocalPlatform) -> None:
    started = platform.acr("run", "logs_waiting", "--async")
    run_id = started.stdout.strip()
    assert (started.returncode, len(run_id), started.stderr) == (0, 26, "")
    running = platform.acr("logs", run_id)
    assert (running.returncode, "running" in running.stdout) == (0, True)
    ended = json.loads(platform.acr("logs", run_id, "--follow", "--json").stdout)["data"]
    assert (ended["run_id"], ended["status"], ended["trace"][0]["node"]) == (run_id, "success", "pause")


def test_async_as_json_is_the_whole_answer(platform: LocalPlatform) -> None:
    answer = json.loads(platform.acr("run", "logs_inner", "--async", "--json").stdout)
    assert (set(answer), answer["data"]) == ({"success", "run_id", "data"}, {"status": "running"})


def test_a_run_ends_after_timeout_ms(platform: LocalPlatform) -> None:
    result = platform.acr("run", "logs_waiting", "--timeout-ms", "50", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "RUN_TIMEOUT"


def test_logs_lists_the_newest_first_with_its_error(platform: LocalPlatform) -> None:
    older, newer = run_to_the_log(platform, "logs_failing"), run_to_the_log(platform, "logs_failing")
    runs = list_runs(platform, "logs_failing")
    assert [run["run_id"] for run in runs[:2]] == [newer, older]
    assert set(runs[0]) == {*VERDICT, "error", "node"}
    assert [run["run_id"] for run in list_runs(platform, "logs_failing", "--limit", "1")] == [newer]
    titles, first, *_ = platform.acr("logs", "logs_failing").stdout.splitlines()
    assert titles.split()[0] == "run"
    assert first.split()[0] == newer
    assert first.rstrip().endswith("UNRESOLVED_REFERENCE in greet")


def test_logs_of_all_workflows(platform: LocalPlatform) -> None:
    run_id = run_to_the_log(platform, "logs_inner")
    found = next(run for run in list_runs(platform, "--limit", "100") if run["run_id"] == run_id)
    assert (set(found), found["workflow"], found["trigger"]) == (VERDICT, "logs_inner", "name")


def test_a_run_is_a_timeline(platform: LocalPlatform) -> None:
    run_id = run_to_the_log(platform, "logs_party", {"guests": ["a", "b"]})
    result = platform.acr("logs", run_id)
    lines = result.stdout.splitlines()
    assert (result.returncode, lines[0].split()[:3]) == (0, ["run", run_id, "logs_party"])
    rows = {line.split()[0]: line for line in lines[3:]}
    assert {"greet", "logs_inner", "shout", "fails", "sorry"} <= set(rows)
    assert ("2x" in rows["greet"], "█" in rows["greet"], "failed" in rows["fails"]) == (True, True, True)
    assert ("2 attempts" in rows["fails"], "DIVISION_BY_ZERO" in rows["fails"]) == (True, True)


def test_logs_of_an_unknown_workflow_fail(platform: LocalPlatform) -> None:
    for options in ([], ["--follow"]):
        result = platform.acr("logs", "nowhere", *options)
        assert (result.returncode, result.stdout, "WORKFLOW_NOT_FOUND" in result.stderr) == (1, "", True)
    answer = json.loads(platform.acr("logs", "nowhere", "--json").stdout)
    assert answer["error"]["code"] == "WORKFLOW_NOT_FOUND"


def test_logs_of_a_workflow_without_such_runs_are_empty(platform: LocalPlatform) -> None:
    result = platform.acr("logs", "logs_inner", "--status", "lost")
    assert (result.returncode, result.stdout, "no such run" in result.stderr) == (0, "", True)
    assert list_runs(platform, "logs_inner", "--status", "lost") == []


def test_the_beginning_of_an_id_names_the_run(platform: LocalPlatform) -> None:
    first, second = run_to_the_log(platform, "logs_inner"), run_to_the_log(platform, "logs_inner")
    shared = first[: next(at for at in range(26) if first[at] != second[at])]
    for run_id in (first, second):
        shown = json.loads(platform.acr("logs", run_id[:14], "--json").stdout)["data"]
        assert shown["run_id"] == run_id
    both = platform.acr("logs", shared, "--json")
    assert (both.returncode, json.loads(both.stdout)["error"]["code"]) == (1, "RUN_ID_AMBIGUOUS")
    assert f"begins with {shared}: 0" in both.stderr
    none = platform.acr("logs", "0000000000000", "--json")
    assert json.loads(none.stdout)["error"]["code"] == "RUN_NOT_FOUND"


def test_an_unknown_run_is_reported(platform: LocalPlatform) -> None:
    unknown = "0" * 26
    result = platform.acr("logs", unknown)
    assert (result.returncode, result.stdout, "RUN_NOT_FOUND" in result.stderr) == (1, "", True)
    answer = json.loads(platform.acr("logs", unknown, "--json").stdout)
    assert answer["error"]["code"] == "RUN_NOT_FOUND"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["for people", "as JSON"])
def test_follow_prints_each_new_run_until_ctrl_c(platform: LocalPlatform, tmp_path: Path, options: list[str]) -> None:
    there = run_to_the_log(platform, "logs_inner")
    command = [str(ACR), "logs", "logs_inner", "--follow", "--limit", "1", *options]
    environment = {**platform.environment, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        new = run_to_the_log(platform, "logs_inner")
        seen = process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert (there in first, process.returncode, "Traceback" in told) == (True, 130, False)
    assert new in seen
    assert not options or json.loads(seen)["run_id"] == new
