"""Responses of Server-Sent Events: their form, and that they come one by one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from arcrun_http.event_stream import KEEP_ALIVE, EventStream, render_event, render_retry

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("event", "rendered"),
    [
        (render_event("end", {"a": 1}), b'event: end\ndata: {"a": 1}\n\n'),
        (render_event("end", "two\nlines", "x.1"), b'event: end\ndata: "two\\nlines"\nid: x.1\n\n'),
        (render_event("end", "\ud800"), b'event: end\ndata: "\\ud800"\n\n'),
        (render_retry(500), b"retry: 500\n\n"),
    ],
)
def test_an_event(event: bytes, rendered: bytes) -> None:
    assert event == rendered


async def test_events_are_sent_as_they_come() -> None:
    sent: list[Any] = []

    async def tell() -> AsyncIterator[bytes]:
        yield b"event: a\n\n"
        yield KEEP_ALIVE

    async def receive() -> dict[str, Any]:
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append((message.get("body"), message.get("more_body")))

    response = EventStream(tell())
    await response({}, receive, send)
    assert sent == [(None, None), (b"event: a\n\n", True), (b":\n\n", True), (b"", False)]
    assert dict(response.headers) == {"content-type": "text/event-stream; charset=utf-8"}
