"""Which workflows count as failing, those whose poll fails too, and that `acr list` has them first."""

from typing import Any

import httpx
import pytest

from acr.commands.list import _list_with_last_runs
from acr.targets.executor_client import ExecutorClient
from acr.targets.failing_workflows import describe_failing, find_failing_polls, find_last_runs
from acr.targets.settings import Target


def run(workflow: str, status: str = "success", **more: Any) -> dict[str, Any]:
    return {"workflow": workflow, "status": status, "trigger": "webhook", **more}


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
    last_runs, (dead, _) = find_last_runs(client), client.count_unsettled()
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
