"""Follows a run by its events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from acr.targets.executor_client import ExecutorClient

RETRY_S = 1.0  # before a stream that has ended is gone on with
ENDS = ("end", "gone")  # the latter of a run that leaves no record


@dataclass(frozen=True)
class RunEvent:
    """`name` is "status", "node", "end" or "gone". `event_id` is set on the last one of those that came together."""

    name: str
    data: Any
    event_id: str | None = None


def follow_run(client: ExecutorClient, run_id: str) -> Iterator[RunEvent]:
    """What is new of a run, up to its end. Raises AnswerError, NoAnswerError."""
    last_id: str | None = None
    while True:
        for event in read_events(client.stream_follow(run_id, last_id)):
            last_id = event.event_id or last_id
            yield event
            if event.name in ENDS:
                return
        time.sleep(RETRY_S)


def read_events(lines: Iterable[str]) -> Iterator[RunEvent]:
    """The events of a stream's lines. What is no JSON, or does not come to its end, is left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if event := _build_event(fields):
            yield event
        fields = {}


def _build_event(fields: dict[str, str]) -> RunEvent | None:
    try:
        data = json.loads(fields["data"])
    except (KeyError, ValueError, RecursionError):
        return None
    return RunEvent(fields.get("event", ""), data, fields.get("id"))
