"""Responses of Server-Sent Events: https://html.spec.whatwg.org/multipage/server-sent-events.html

The platform ends a request whose client has gone when something is written to it, and runs no `finally` of it. So
whoever has nothing to tell writes KEEP_ALIVE now and then.
"""

from typing import Any

from arcrun.json_text import write_json
from arcrun_http.responses import EVENTS, StreamedResponse

KEEP_ALIVE = b":\n\n"  # a comment, which clients leave out


class EventStream(StreamedResponse):
    """A response of events, as `render_event` makes them."""

    media_type = EVENTS


def render_event(name: str, data: Any, event_id: str | None = None) -> bytes:
    """An event. A client that is interrupted sends the last `event_id` that it got as Last-Event-ID."""
    ending = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {name}\ndata: {write_json(data)}\n{ending}\n".encode("utf-8", "backslashreplace")


def render_retry(retry_ms: int) -> bytes:
    """How long an interrupted client is to wait before it comes back."""
    return f"retry: {retry_ms}\n\n".encode()
