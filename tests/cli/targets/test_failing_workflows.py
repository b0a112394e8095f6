"""Which workflows count as failing, those whose poll fails too, and that `acr list` has them first."""

from typing import Any

import httpx
import pytest

from acr.commands.list import _list_with_last_runs
from acr.targets.executor_client import ExecutorClient
from acr.targets.failing_workflows import describe_failing, find_failing_polls, find_last_runs
from acr.targets.settings import Target
from arcrun.engine.run_id import first_id_at
from fakes.ports.system import START_MS


def run(workflow: str, status: str = "success", **more: Any) -> dict[str, Any]:
    return {"workflow": workflow, "status": status, "trigger": "webhook", **more}


FAILED_ID = first_id_at(START_MS)
RUNS = [
    run("a", "failed", trigger="poll"),
    run("a"),
    run("b", "failed", error="HTTP_STATUS"),
    run("d", "lost"),
    run("e", "failed", trigger="execute"),
    run("a", "failed", error="OLDER"),
    run("c", "running"),
]
E_POLL = {"workflow": "e", "number": 1, "watch": {"error": "HTTP_STATUS"}}
ANSWERS: dict[str, Any] = {
    "/runs": {"runs": RUNS, "cursor": None},
    "/runs/unsettled": {"dead": {"c": 2, "b": 1}, "queued": {}},
    "/webhooks": {"workflows": [{"name": name} for name in "abcde"], "cursor": None},
    "/schedules": {
        "schedules": [{"workflow": "c", "number": 1}, {"workflow": "c", "number": 2}, E_POLL],
        "cursor": None,
    },
}


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "data": ANSWERS[request.url.path]})


@pytest.fixture
def client() -> ExecutorClient:
    return ExecutorClient(Target("http://127.0.0.1:1", "k"), httpx.MockTransport(answer))


def test_the_last_run_counts_and_dead_letters_do(client: ExecutorClient) -> None:
    dead, _, failed = client.count_unsettled()
    last_runs = find_last_runs(client, failed)
    assert {name: each["status"] for name, each in last_runs.items()} == {
        "a": "success",
        "b": "failed",
        "c": "running",
        "d": "lost",
    }
    assert describe_failing("abcde", last_runs, dead, find_failing_polls(client.list_schedules())) == {
        "b": "HTTP_STATUS, 1 dead letter",
        "c": "2 dead letters",
        "d": "lost",
        "e": "its poll: HTTP_STATUS",
    }


def test_the_list_has_them_first_with_their_schedules(client: ExecutorClient) -> None:
    listed: list[Any] = [*_list_with_last_runs(client)]
    assert [each["name"] for each in listed] == ["b", "c", "d", "e", "a"]
    assert [each["number"] for each in listed[1]["schedules"]] == [1, 2]
    assert listed[0]["schedules"] == []


def test_an_executor_of_the_release_before_has_no_schedules() -> None:
    error = {"code": "NOT_FOUND", "message": "There is no such route.", "next_actions": []}
    refusing = httpx.MockTransport(lambda _: httpx.Response(404, json={"success": False, "error": error}))
    assert ExecutorClient(Target("http://127.0.0.1:1", "k"), refusing).list_schedules() == []


def test_a_failure_counts_behind_a_hundred_other_runs_until_something_has_succeeded() -> None:
    since = {
        "pay": [run("pay", "failed", trigger="poll"), run("pay", "failed", error="HTTP_STATUS")],
        "ok": [run("ok")],
    }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        data: Any = {"dead": {}, "queued": {}, "failed": dict.fromkeys(("pay", "ok", "gone", "busy"), FAILED_ID)}
        if request.url.path == "/runs":
            workflow = request.url.params.get("workflow")
            asked.append(workflow)
            data = {"runs": [run("busy")] * 100 if workflow is None else since.get(workflow, []), "cursor": None}
        return httpx.Response(200, json={"success": True, "data": data})

    client = ExecutorClient(Target("http://127.0.0.1:1", "k"), httpx.MockTransport(answer))
    last_runs = find_last_runs(client, client.count_unsettled()[2])
    failing = describe_failing(("pay", "ok", "gone", "busy"), last_runs, {}, {})
    assert failing == {"pay": "HTTP_STATUS", "gone": "failed"}
    assert sorted(asked, key=str) == [None, "gone", "ok", "pay"]
