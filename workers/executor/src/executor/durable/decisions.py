"""What is decided for runs that ask people (`approve`): by these, with their links, or by the owner."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.durable.links import Ticket
from arcrun.durable.waits import type_of_decision
from arcrun.engine.run_id import is_run_id
from arcrun.errors import ConflictError, DecryptionError, NotFoundError, RequestError, WorkflowError
from arcrun.json_text import parse_json, write_json
from arcrun.limits import MAX_COMMENT_CHARACTERS
from executor.durable.events import put_event
from executor.durable.inbox import purpose_of_question
from executor.durable.lasting import Lasting
from executor.durable.start import load_start
from executor.service import ExecutorService

DECISION_ID = "decision"  # of the event: there is one for a question
LINK, OWNER = "link", "owner"  # by what somebody has decided


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
    asked = await _open_question(lasting, run_id, ticket.event_type, kept["question"])
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
        "decided_by": LINK,
    }
    key = (question.ticket.event_type, DECISION_ID)
    try:
        return await put_event(lasting, service, question.run_id, key, write_json(decision).encode()) == "added"
    except (ConflictError, NotFoundError):
        return False


async def _open_question(lasting: Lasting, run_id: str, event_type: str, sealed: str) -> Mapping[str, Any]:
    """{"node", "title", "text", "choices", "approvers"}."""
    content = await lasting.runs.open_part(purpose_of_question(run_id, event_type), base64.b64decode(sealed))
    asked: Mapping[str, Any] = parse_json(content.decode())
    return asked


async def list_questions(service: ExecutorService, run_id: str) -> list[Mapping[str, Any]]:
    """What a run asks now, by its nodes. Raises NotFoundError RUN_NOT_FOUND, UpstreamError."""
    listed: Sequence[Mapping[str, str]] = ()
    if service.lasting is not None and is_run_id(run_id):
        listed = await service.lasting.runs.open_events(run_id).list_questions(run_id)
    if service.lasting is None or not listed:
        await service.runs.find(run_id)
        return []
    asked = [await _open_question(service.lasting, run_id, row["type"], row["question"]) for row in listed]
    return sorted(asked, key=lambda question: str(question["node"]))


async def decide_as_owner(service: ExecutorService, run_id: str, node: str, choice: str, comment: str) -> None:
    """Raises NotFoundError RUN_NOT_FOUND; ConflictError DECISION_NOT_ASKED, RUN_ENDED; RequestError; UpstreamError."""
    asked = await list_questions(service, run_id)
    question = next((each for each in asked if each["node"] == node), None)
    if question is None or service.lasting is None:
        nodes = [each["node"] for each in asked]
        said = f"It asks by {', '.join(nodes)}." if nodes else "It asks nothing now."
        raise ConflictError(
            f"The run asks nobody by `{node[:200]}`. {said}",
            code="DECISION_NOT_ASKED",
            details={"nodes": nodes},
            next_actions=[f"Look at it: acr logs {run_id}"],
        )
    if choice not in question["choices"]:
        choices = ", ".join(question["choices"])
        raise RequestError(
            f"`choice` must be one of: {choices}.", next_actions=["Send one of these, as it is written."]
        )
    decision = {
        "choice": choice,
        "approver": OWNER,
        "comment": comment[:MAX_COMMENT_CHARACTERS],
        "decided_by": OWNER,
    }
    key = (type_of_decision(node), DECISION_ID)
    if await put_event(service.lasting, service, run_id, key, write_json(decision).encode()) != "added":
        raise ConflictError("Somebody has decided already.", code="DECISION_NOT_ASKED")
