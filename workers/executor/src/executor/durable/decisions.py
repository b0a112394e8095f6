"""What people decide for runs that ask them (`approve`), by their links."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.durable.links import Ticket
from arcrun.engine.run_id import is_run_id
from arcrun.errors import ConflictError, DecryptionError, NotFoundError, WorkflowError
from arcrun.json_text import parse_json, write_json
from arcrun.limits import MAX_COMMENT_CHARACTERS
from executor.durable.events import put_event
from executor.durable.inbox import purpose_of_question
from executor.durable.lasting import Lasting
from executor.durable.start import load_start
from executor.service import ExecutorService

DECISION_ID = "decision"  # of the event: there is one for a question


@dataclass(frozen=True)
class Question:
    """What a link asks. `is_decided` is whether somebody has decided already."""

    run_id: str
    workflow: str
    ticket: Ticket
    title: str
    text: str
    choices: list[str]
    is_decided: bool


async def find_question(lasting: Lasting, run_id: str, ticket_text: str) -> Question | None:
    """What a link asks; None if it is no link, or good for nothing any more. Raises UpstreamError."""
    if not is_run_id(run_id):
        return None
    try:
        found = await lasting.runs.find_start(run_id)
        start = None if found is None else load_start(found[0])
    except (DecryptionError, WorkflowError):
        return None
    links = None if start is None else start.open_links(run_id)
    ticket = None if links is None else links.open(ticket_text)
    if start is None or ticket is None:
        return None
    kept = await lasting.runs.open_events(run_id).find_question(run_id, ticket.event_type)
    if kept is None:
        return None
    sealed = base64.b64decode(kept["question"])
    content = await lasting.runs.open_part(purpose_of_question(run_id, ticket.event_type), sealed)
    asked: Mapping[str, Any] = parse_json(content.decode())
    if ticket.approver not in asked["approvers"]:
        return None
    return Question(
        run_id,
        start.workflow,
        ticket,
        asked["title"],
        asked["text"],
        asked["choices"],
        is_decided=bool(kept["decided"]),
    )


async def decide(service: ExecutorService, lasting: Lasting, question: Question, choice: str, comment: str) -> bool:
    """Whether it counts; False if another decision, or the run's end, came first. Raises UpstreamError."""
    decision = {
        "choice": choice,
        "approver": question.ticket.approver,
        "comment": comment[:MAX_COMMENT_CHARACTERS],
    }
    key = (question.ticket.event_type, DECISION_ID)
    try:
        return await put_event(lasting, service, question.run_id, key, write_json(decision).encode()) == "added"
    except (ConflictError, NotFoundError):
        return False
