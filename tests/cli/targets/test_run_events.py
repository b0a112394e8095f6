"""Following a run from the command line: events in any parts, streams that end or break off, and what has none."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from acr.errors import AnswerError, NoAnswerError
from acr.output.runs import RunNews
from acr.targets import run_events
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_events import RunEvent, follow_run
from acr.targets.settings import Target

RUN_ID = "01J9ZC3VT0M4XKQW8R2E5H7N6P"
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
BEGUN = b'retry: 1000\n\nevent: status\ndata: {"status": "running"}\nid: running.\n\n'
NODE = 'event: node\ndata: {"node": "a\u2028b"}\n\n'.encode()
END = b'event: end\ndata: {"status": "success"}\nid: success.ab\n\n'
TOLD = [
    RunEvent("status", {"status": "running"}, "running."),
    RunEvent("node", {"node": "a\u2028b"}),
    RunEvent("end", {"status": "success"}, "success.ab"),
]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> ExecutorClient:
    return ExecutorClient(Target("http://127.0.0.1:8787", "k"), httpx.MockTransport(answer))


def follow(*answers: httpx.Response) -> tuple[list[RunEvent], list[str | None]]:
    """The events, and the ids that were sent with each request."""
    left, asked = [*answers], list[str | None]()

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.url.path, request.headers["accept"]) == (f"/runs/{RUN_ID}/follow", "text/event-stream")
        asked.append(request.headers.get("last-event-id"))
        return left.pop(0)

    with client_of(answer) as client:
        return list(follow_run(client, RUN_ID)), asked


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_come_in_any_parts(size: int) -> None:
    text = BEGUN + b":\n\n" + NODE + END
    parts = iter([text[start : start + size] for start in range(0, len(text), size)])
    assert follow(httpx.Response(200, headers=EVENTS, content=parts)) == (TOLD, [None])


def test_a_stream_that_ends_is_gone_on_with(pauses: list[float]) -> None:
    first, second = (httpx.Response(200, headers=EVENTS, content=text) for text in (BEGUN, NODE + END))
    assert follow(first, second) == (TOLD, [None, "running."])
    assert pauses == [run_events.RETRY_S]


def test_a_stream_that_breaks_off_is_gone_on_with() -> None:
    def breaking() -> Iterator[bytes]:
        yield BEGUN + NODE[:20]
        raise httpx.ReadError("reset")

    first = httpx.Response(200, headers=EVENTS, content=breaking())
    assert follow(first, httpx.Response(200, headers=EVENTS, content=NODE + END)) == (TOLD, [None, "running."])


def test_it_ends_with_a_run_that_leaves_no_record() -> None:
    gone = b'event: gone\ndata: {"run_id": "x"}\n\n'
    events, _ = follow(httpx.Response(200, headers=EVENTS, content=gone))
    assert events == [RunEvent("gone", {"run_id": "x"})]


@pytest.mark.parametrize("text", [b"event: node\n\n", b"data: {\n\n", b"data\n\n", b"\n\n\n", b"id: x\n\n"])
def test_what_is_no_event_is_left_out(text: bytes) -> None:
    assert follow(httpx.Response(200, headers=EVENTS, content=text + END))[0] == TOLD[-1:]


def test_a_refusal_is_raised() -> None:
    error = {"code": "RUN_NOT_FOUND", "message": "There is no run.", "next_actions": []}
    with pytest.raises(AnswerError, match="There is no run"):
        follow(httpx.Response(404, json={"success": False, "error": error}))


def test_an_executor_that_does_not_answer_is_reported() -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with client_of(fail) as client, pytest.raises(NoAnswerError):
        list(follow_run(client, RUN_ID))


WAITING: Any = ("node", {"node": "a", "status": "waiting", "duration_ms": 0.0}, True)
NODES: list[Any] = [("node", {"node": name, "status": "success", "duration_ms": 1.25}, name == "b") for name in "ab"]
STATUS: Any = ("status", {"status": "running"}, True)


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        pytest.param([STATUS], [f"{RUN_ID} is running."], id="status"),
        pytest.param(
            [("status", {"status": "needs_decision"}, True)],
            [f"{RUN_ID} needs a decision: acr logs {RUN_ID}"],
            id="somebody must decide",
        ),
        pytest.param(NODES, ["a: success, 1.2 ms", "b: success, 1.2 ms"], id="nodes"),
        pytest.param([WAITING], ["a: waiting"], id="a node that waits"),
        pytest.param([NODES[0], ("end", {}, True)], [], id="what comes with the end"),
        pytest.param([("gone", {}, False)], [], id="gone"),
    ],
)
def test_what_is_new_is_printed(events: list[Any], lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    news = RunNews(RUN_ID)
    for name, data, is_last in events:
        news.render(name, data, is_last=is_last)
    printed = capsys.readouterr()
    assert (printed.out, printed.err.splitlines()) == ("", lines)
