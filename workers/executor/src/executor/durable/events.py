"""Sends events to runs that wait for them: an event is kept for the run, and then the run is woken.

If the run could not be woken, the sender gets an error, and sends the event again under its id.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.durable.waits import type_of_event
from arcrun.errors import (
    ArcrunError,
    ConflictError,
    InputError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitedError,
    RequestError,
)
from arcrun.json_text import write_json
from arcrun.limits import MAX_EVENT_BYTES, MAX_EVENT_ID_CHARACTERS, MAX_RUN_EVENTS
from arcrun.run_events import EventState
from arcrun.workflows.plan import Plan
from arcrun.workflows.waiting import list_awaited
from executor.durable.inbox import purpose_of_event
from executor.durable.lasting import Lasting
from executor.durable.plans import find_plan
from executor.durable.start import RunStart, load_start
from executor.service import ExecutorService

RETRY_AFTER_S = 60


@dataclass(frozen=True)
class SentEvent:
    """`id` tells it apart from others of its name: a second one of the same id changes nothing."""

    name: str
    id: str
    payload: Any


async def send_event(service: ExecutorService, lasting: Lasting, run_id: str, event: SentEvent) -> EventState:
    """Returns "added" or "known". Raises NotFoundError RUN_NOT_FOUND, EVENT_NOT_AWAITED; ConflictError RUN_ENDED;
    InputError, PayloadTooLargeError, RateLimitedError, RequestError, UpstreamError.
    """
    if not 1 <= len(event.id) <= MAX_EVENT_ID_CHARACTERS or not event.id.isascii() or not event.id.isprintable():
        raise RequestError(f"An event's id has 1 to {MAX_EVENT_ID_CHARACTERS} printable characters of ASCII.")
    content = write_json(event.payload).encode()
    if len(content) > MAX_EVENT_BYTES:
        raise PayloadTooLargeError(
            f"An event's payload has {MAX_EVENT_BYTES} bytes at most, not {len(content)}.",
            code="EVENT_TOO_LARGE",
            next_actions=["Send a reference to it, such as a URL."],
        )
    start = await find_start(service, lasting, run_id)
    await _require_awaited(service, start, event)
    return await put_event(lasting, service, run_id, (type_of_event(event.name), event.id), content)


async def find_start(service: ExecutorService, lasting: Lasting, run_id: str) -> RunStart:
    """What a run under way was started with. Raises NotFoundError RUN_NOT_FOUND, ConflictError RUN_ENDED."""
    if (found := await lasting.runs.find_start(run_id)) is None:
        raise await _build_ended_error(service, run_id)
    return load_start(found[0])


async def _build_ended_error(service: ExecutorService, run_id: str) -> ConflictError:
    """Raises NotFoundError RUN_NOT_FOUND."""
    status = (await service.runs.find(run_id))["status"]
    said = "Only accepted runs get events." if status == "running" else f"The run has ended: {status}."
    return ConflictError(said, code="RUN_ENDED", next_actions=[f"Look at it: acr logs {run_id}"])


async def put_event(
    lasting: Lasting, service: ExecutorService, run_id: str, key: tuple[str, str], content: bytes
) -> EventState:
    """Keep an event with this (type, id), and wake the run. Raises ConflictError RUN_ENDED, DECISION_NOT_ASKED;
    RateLimitedError TOO_MANY_EVENTS; UpstreamError.
    """
    event_type, event_id = key
    sealed = await lasting.runs.seal_part(purpose_of_event(run_id, event_type, event_id), content)
    state = await lasting.runs.open_events(run_id).add_event(
        run_id,
        {
            "type": event_type,
            "id": event_id,
            "payload": base64.b64encode(sealed).decode(),
            "received_ms": service.engine.ports.clock.now_ms(),
        },
    )
    if state == "ended":
        raise await _build_ended_error(service, run_id)
    if state == "settled":
        raise ConflictError("Nobody waits for this decision any more.", code="DECISION_NOT_ASKED")
    if state == "full":
        raise RateLimitedError(RETRY_AFTER_S, f"A run keeps {MAX_RUN_EVENTS} events at most.", "TOO_MANY_EVENTS")
    try:
        await lasting.instances.send_event(run_id, event_type, {})
    except ArcrunError as error:
        if error.retriable:
            raise  # else it has ended meanwhile
    return state


async def _require_awaited(service: ExecutorService, start: RunStart, event: SentEvent) -> None:
    """Raises NotFoundError EVENT_NOT_AWAITED, InputError, ComponentError."""
    awaited: dict[str, list[Mapping[str, Any]]] = {}
    for plan in await _find_plans(service, start):
        for name, nodes in list_awaited(plan).items():
            awaited.setdefault(name, []).extend(node.config for node in nodes)
    if event.name not in awaited:
        known = ", ".join(sorted(awaited)) or "none"
        raise NotFoundError(
            f"`{start.workflow}` waits for no event `{event.name[:64]}`.",
            code="EVENT_NOT_AWAITED",
            next_actions=[f"Events that it waits for: {known}."],
        )
    for config in awaited[event.name]:
        if (schema := config.get("schema")) is not None:
            await _require_fit(service, event, schema)


async def _find_plans(service: ExecutorService, start: RunStart) -> list[Plan]:
    return [await find_plan(service, start, name) for name in start.pins]


async def _require_fit(service: ExecutorService, event: SentEvent, schema: Mapping[str, Any]) -> None:
    budget = service.engine.limits.open_budget()
    found = await service.components.find_mismatches(schema, event.payload, budget)
    if not found:
        return
    field, message = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise InputError(
        f"The event does not fit `{event.name}`: {field} {message}{more}.",
        next_actions=["Correct what details.findings lists, and send it again."],
        details={"findings": [{"field": field, "message": message} for field, message in found]},
    )
