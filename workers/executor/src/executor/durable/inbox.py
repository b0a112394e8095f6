"""The inbox of a durable run (arcrun/durable/mailbox.py), in the RunLog: payloads and questions are sealed."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from arcrun.durable.entries import Entry
from arcrun.durable.mailbox import Letter
from arcrun.json_text import parse_json, write_json
from arcrun.ports import Clock
from arcrun.times import render_time
from executor.durable.lasting import Lasting
from executor.durable.patience import patiently


class RunInbox:
    def __init__(self, lasting: Lasting, clock: Clock, run_id: str) -> None:
        self._runs, self._clock, self._run_id = lasting.runs, clock, run_id
        self._events = lasting.runs.open_events(run_id)

    async def list(self, event_type: str) -> Sequence[Letter]:
        listed = await patiently(self._clock, lambda: self._events.list_events(self._run_id, event_type))
        return [Letter(row["id"], row["taken_by"]) for row in listed]

    async def take(self, event_type: str, letter_id: str, wait: str, *, before: Sequence[str]) -> Entry | None:
        stored = await patiently(
            self._clock, lambda: self._events.take_event(self._run_id, event_type, letter_id, wait, before)
        )
        if stored is None:
            return None
        sealed = base64.b64decode(stored["payload"])
        payload = await self._runs.open_part(purpose_of_event(self._run_id, event_type, letter_id), sealed)
        return {
            "id": letter_id,
            "payload": parse_json(payload.decode()),
            "received_at": render_time(stored["received_ms"]),
        }

    async def ask(self, event_type: str, question: Mapping[str, Any]) -> None:
        content = write_json(question).encode()
        sealed = await self._runs.seal_part(purpose_of_question(self._run_id, event_type), content)
        text = base64.b64encode(sealed).decode()
        await patiently(self._clock, lambda: self._events.ask(self._run_id, event_type, text))

    async def withdraw(self, event_type: str) -> None:
        await patiently(self._clock, lambda: self._events.withdraw(self._run_id, event_type))


def purpose_of_event(run_id: str, event_type: str, event_id: str) -> str:
    return json.dumps(["event", run_id, event_type, event_id])


def purpose_of_question(run_id: str, event_type: str) -> str:
    return json.dumps(["question", run_id, event_type])
