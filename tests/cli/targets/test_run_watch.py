"""Proves what a command says of a run when it stops waiting for it, and how it learns the run's id."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from acr.errors import CliError, NoAnswerError
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_watch import watching_run
from acr.targets.settings import Target

RUN_ID = "01J9ZC3VT0M4XKQW8R2E5H7N6P"
DEPLOYED, LOCAL = "https://executor.example.com", "http://127.0.0.1:8787"
BEGUN = json.dumps({"run_id": RUN_ID}).encode()
ENDED = {"success": True, "run_id": RUN_ID, "data": {"text": "a\u2028b"}, "duration_ms": 1.0, "trace": []}
LINES = {"content-type": "application/x-ndjson"}


def client_of(answer: httpx.Response) -> ExecutorClient:
    return ExecutorClient(Target(LOCAL, "k"), httpx.MockTransport(lambda _: answer))


def breaking(*parts: bytes, fault: BaseException) -> Iterator[bytes]:
    yield from parts
    raise fault


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_id_comes_first_and_then_the_answer(size: int) -> None:
    text = BEGUN + b"\n\n\n" + json.dumps(ENDED, ensure_ascii=False).encode() + b"\n"
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    begun: list[str] = []
    with client_of(httpx.Response(200, headers=LINES, content=iter(parts))) as client:
        assert client.execute("name: x", {}, None, begun.append) == ENDED
    assert begun == [RUN_ID]


def test_an_answer_in_one_piece_is_read_too() -> None:
    """As from an executor of an earlier release, or of a run that could not begin."""
    with client_of(httpx.Response(200, json=ENDED)) as client:
        assert client.trigger("x", {}) == ENDED


@pytest.mark.parametrize("text", [b"", b"\n", BEGUN, BEGUN + b"\n[]\n", b"{\n"])
def test_lines_without_an_answer_are_reported(text: bytes) -> None:
    client = client_of(httpx.Response(200, headers=LINES, content=iter([text])))
    with client, pytest.raises(CliError, match=r"but not with arcrun's JSON|ended its answer before the run's end"):
        client.trigger("x", {})


GOES_ON = f"Stopped waiting. The run {RUN_ID} goes on"
ITS_RECORD = f"To end it: acr cancel {RUN_ID}. Its record, when it has ended: acr logs {RUN_ID}"
ENDS = " for at most 30 s: then the platform ends it, without a record."
UNKNOWN = "Stopped before the executor had answered: whether a run has begun is not known."


@pytest.mark.parametrize(
    ("url", "parts", "message", "hint"),
    [
        pytest.param(LOCAL, [BEGUN + b"\n"], f"{GOES_ON}.", ITS_RECORD, id="acr dev"),
        pytest.param(DEPLOYED, [BEGUN + b"\n"], f"{GOES_ON}{ENDS}", ITS_RECORD, id="deployed"),
        pytest.param(LOCAL, [], UNKNOWN, "See the newest runs: acr logs", id="before the first line"),
    ],
)
def test_ctrl_c_ends_the_waiting_not_the_run(url: str, parts: list[bytes], message: str, hint: str) -> None:
    content = breaking(*parts, fault=KeyboardInterrupt())
    client = client_of(httpx.Response(200, headers=LINES, content=content))
    with client, pytest.raises(CliError) as caught, watching_run(url) as watch:
        client.trigger("x", {}, None, watch.begin)
    error: Any = caught.value
    assert (error.exit_code, error.code, error.message, error.hint) == (130, "INTERRUPTED", message, hint)


def test_a_broken_connection_tells_the_run_too() -> None:
    content = breaking(BEGUN + b"\n", fault=httpx.ReadError("reset"))
    client = client_of(httpx.Response(200, headers=LINES, content=content))
    with client, pytest.raises(NoAnswerError) as caught, watching_run(LOCAL) as watch:
        client.trigger("x", {}, None, watch.begin)
    assert caught.value.hint == f"The run may go on. Its record, when it has ended: acr logs {RUN_ID}"
