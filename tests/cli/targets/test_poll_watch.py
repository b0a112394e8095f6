"""What `acr schedule run` waits for of a watch: the end of the poll, for a bounded time."""

from typing import Any

import httpx
import pytest

from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient
from acr.targets.poll_watch import WAIT_S, wait_for_poll
from acr.targets.settings import Target

RUN_ID = "01J9ZC3VT0M4XKQW8R2E5H7N6P"
FOUND = {"last_polled_at": "2026-11-28T00:00:00Z", "error": None, "listed": 3, "started": 1}
GONE = {"success": False, "error": {"code": "RUN_NOT_FOUND", "message": "There is no such run.", "next_actions": []}}
RUNNING = {"success": True, "data": {"status": "running"}}
FAILED = {
    "success": True,
    "data": {"status": "failed", "error": {"code": "HTTP_STATUS", "message": "It answered 404."}},
}


def wait(*looks: dict[str, Any]) -> tuple[Any, list[float]]:
    """`looks` are what is stored of the run, one after the other; the last stays."""
    left, slept = [*looks], list[float]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/schedules"):
            return httpx.Response(200, json={"success": True, "data": {"schedules": [{"watch": FOUND}]}})
        return httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    client = ExecutorClient(Target("http://127.0.0.1:1", "k"), httpx.MockTransport(answer))
    return wait_for_poll(client, "feed", RUN_ID, slept.append), slept


def test_what_it_has_found_is_told_once_it_has_ended() -> None:
    assert wait(RUNNING, RUNNING, GONE) == (FOUND, [0.1, 0.2])


@pytest.mark.parametrize(("last", "code"), [(FAILED, "HTTP_STATUS"), (RUNNING, "POLL_NOT_ENDED")])
def test_a_poll_that_has_failed_or_takes_too_long(last: dict[str, Any], code: str) -> None:
    with pytest.raises(CliError) as raised:
        wait(RUNNING, last)
    assert raised.value.code == code


def test_the_wait_is_bounded() -> None:
    with pytest.raises(CliError, match=f"within {WAIT_S} s"):
        wait(RUNNING)
