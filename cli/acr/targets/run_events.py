"""Follows a run by its events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from acr.errors import NoAnswerError
from acr.targets.executor_client import ExecutorClient

RETRY_S = 1.0  # before a stream that has ended is gone on with
SILENCE_S = 60.0  # of a platform that has answered before
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
    heard_s = time.monotonic()
    while True:
        try:
            for event in read_events(client.stream_follow(run_id, last_id)):
                last_id, heard_s = event.event_id or last_id, time.monotonic()
                yield event
                if event.name in ENDS:
                    return
            heard_s = time.monotonic()
        except NoAnswerError:  # the platform may be restarted
            if last_id is None or time.monotonic() - heard_s > SILENCE_S:
                raise
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
