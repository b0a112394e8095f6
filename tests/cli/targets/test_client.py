"""The executor's client: pages, how far it looks back, how long it waits, how it handles unexpected answers."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from acr.errors import AnswerError, CliError, NotLoggedInError
from acr.targets.executor_client import GRACE_S, MAX_REQUESTS, ExecutorClient
from acr.targets.service_client import TIMEOUT_S
from acr.targets.settings import Target
from arcrun.engine.run_id import first_id_at

Answering = Callable[[httpx.Request], httpx.Response]


class Executor:
    """Answers with `answering`, and records the requests."""

    def __init__(self, answering: Answering) -> None:
        self.requests: list[httpx.Request] = []
        self._answering = answering
        self.client = ExecutorClient(Target("http://executor", "key"), httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answering(request)


def paged(key: str, pages: list[list[dict[str, Any]]], *, endless: bool = False) -> Answering:
    """Answer page by page; the cursor is the next page's number. `endless`: the last page links to itself."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("cursor", 0))
        following = min(number + 1, len(pages) - 1) if endless else number + 1
        cursor = str(following) if following < len(pages) else None
        return httpx.Response(200, json={"success": True, "data": {key: pages[number], "cursor": cursor}})

    return answer


def test_all_pages_of_workflows_are_listed() -> None:
    pages = [[{"name": "a", "token": "1"}], [], [{"name": "b", "token": "2"}]]
    executor = Executor(paged("workflows", pages))
    assert [workflow["name"] for workflow in executor.client.list_workflows()] == ["a", "b"]


def test_a_workflow_is_requested_by_its_name() -> None:
    executor = Executor(lambda _: httpx.Response(200, json={"success": True, "data": {"token": "2"}}))
    assert executor.client.find_token("a/b c") == "2"
    assert executor.requests[0].url.raw_path == b"/webhooks/named/a%2Fb%20c"


def test_a_lone_surrogate_is_sent_as_an_escape() -> None:
    executor = Executor(lambda request: httpx.Response(200, json={"success": True, "data": None}))
    executor.client.trigger("echo", {"text": "\ud800"}, None)
    (request,) = executor.requests
    assert b"\\ud800" in request.content
    assert request.headers["Content-Type"] == "application/json"


def test_an_unknown_name_is_refused_like_by_the_executor() -> None:
    error = {"code": "WORKFLOW_NOT_FOUND", "message": "There is no workflow `b`."}
    executor = Executor(lambda _: httpx.Response(404, json={"success": False, "error": error}))
    with pytest.raises(AnswerError) as refused:
        executor.client.find_token("b")
    assert refused.value.answer["error"] == error


def test_the_audit_log_is_read_page_by_page_until_there_is_enough() -> None:
    executor = Executor(paged("lines", [[{"id": i} for i in range(100)], [{"id": 100}, {"id": 101}]]))
    assert [line["id"] for line in executor.client.list_audit(101)] == [*range(101), 101][:102]
    assert [request.url.params["limit"] for request in executor.requests] == ["100", "1"]


@pytest.mark.parametrize(
    ("limit", "ids", "requests"),
    [
        pytest.param(1, ["3"], 1, id="a page has more than enough"),
        pytest.param(3, ["3", "2", "1"], 2, id="over two pages"),
        pytest.param(9, ["3", "2", "1"], 2, id="there are no more"),
    ],
)
def test_runs_are_listed_until_there_are_enough(limit: int, ids: list[str], requests: int) -> None:
    executor = Executor(paged("runs", [[{"run_id": "3"}, {"run_id": "2"}], [{"run_id": "1"}]]))
    assert [run["run_id"] for run in executor.client.list_runs({}, limit)] == ids
    assert len(executor.requests) == requests


def test_the_search_for_a_rare_workflow_s_runs_ends() -> None:
    executor = Executor(paged("runs", [[]], endless=True))
    assert executor.client.list_runs({"workflow": "rare"}, 5) == []
    assert len(executor.requests) == MAX_REQUESTS
    assert executor.client.list_runs({"workflow": "rare"}, 5, 1) == []
    assert len(executor.requests) == MAX_REQUESTS + 1


@pytest.mark.parametrize(
    ("timeout_ms", "expected_s"),
    [
        pytest.param(None, TIMEOUT_S, id="as ever"),
        pytest.param(50, TIMEOUT_S, id="a short run"),
        pytest.param(900_000, 900 + GRACE_S, id="a long run"),
    ],
)
def test_the_wait_for_an_answer_is_longer_than_the_run_s_timeout(timeout_ms: int | None, expected_s: float) -> None:
    executor = Executor(lambda _: httpx.Response(200, json={"success": True}))
    executor.client.trigger("greet", {}, timeout_ms)
    [request] = executor.requests
    assert request.extensions["timeout"]["read"] == expected_s
    assert request.url.params.get("timeout_ms") == (None if timeout_ms is None else str(timeout_ms))


def test_a_name_cannot_escape_its_path_segment() -> None:
    executor = Executor(lambda _: httpx.Response(200, json={"success": True}))
    executor.client.trigger("../../execute?", {})
    assert executor.requests[0].url.raw_path == b"/webhooks/named/..%2F..%2Fexecute%3F/trigger?trace=1"


@pytest.mark.parametrize(
    ("response", "error", "message"),
    [
        pytest.param(httpx.Response(401), NotLoggedInError, "refused the API key", id="a wrong key"),
        pytest.param(httpx.Response(502, text="<html>"), CliError, "502, but not with arcrun's JSON", id="no JSON"),
        pytest.param(
            httpx.Response(404, json={"detail": "x"}), CliError, "404, but not with", id="somebody else's JSON"
        ),
    ],
)
def test_unexpected_answers_are_reported(response: httpx.Response, error: type[CliError], message: str) -> None:
    with pytest.raises(error, match=message):
        Executor(lambda _: response).client.show_run("R")


NO_RUN = {"success": False, "error": {"code": "RUN_NOT_FOUND", "message": "There is no run.", "next_actions": []}}


@pytest.mark.parametrize(("age_s", "asked"), [(1, 3), (3_600, 1)], ids=["new", "old"])
def test_the_record_of_a_new_run_may_be_on_its_way(monkeypatch: pytest.MonkeyPatch, age_s: int, asked: int) -> None:
    monkeypatch.setattr("acr.targets.executor_client.LOOK_AGAIN_S", 0)
    found: dict[str, Any] = {"success": True, "data": {"status": "success"}}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=found) if len(executor.requests) == 3 else httpx.Response(404, json=NO_RUN)

    executor = Executor(answer)
    run_id = first_id_at((time.time() - age_s) * 1000).ljust(26, "0")
    assert executor.client.show_run(run_id)["success"] is (asked == 3)
    assert len(executor.requests) == asked
