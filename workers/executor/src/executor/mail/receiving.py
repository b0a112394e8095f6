"""Takes a message that the platform delivers: it starts an accepted run, or is refused.

A message that is delivered again, since the platform does not know whether it was taken, starts no second run: its run
has a key (docs/adr/0030), made of the workflow, the message's id and a hash of its body. Its headers do not count, for
each server on the way adds some. What goes wrong for a while is raised: the sender's server tries again.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from arcrun.admissions import Counted
from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import (
    ArcrunError,
    InputError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitedError,
    RecordError,
    WorkflowPausedError,
    describe_fault,
)
from arcrun.interruptible import run_steps_pausing
from arcrun.limits import (
    MAX_INLINE_ATTACHMENT_BYTES,
    MAX_INLINE_ATTACHMENTS_BYTES,
    MAX_MESSAGE_TEXT_CHARACTERS,
    MAX_STORED_ATTACHMENTS,
    MESSAGE_KEEP_DAYS,
)
from arcrun.mail.addresses import hide_tag, is_same_tag, parse_address
from arcrun.mail.authentication import PASS, find_dmarc, is_allowed
from arcrun.mail.model import Attachment, Message, render_inline
from arcrun.mail.parse import parse_message
from arcrun.run_log.protocol import Blobs, blob_key
from arcrun.workflows.triggers.mail import MailTrigger
from executor.mail.request import MailRequest
from executor.records.runs import AcceptedRun, KeyedRequest
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow

ACCEPTING_MS = 30_000  # for what precedes a run that is accepted, with the storing of its attachments
DAY_MS = 86_400_000
NO_ADDRESS = "There is no such address."
PAUSED = "This address takes no messages at the moment."
NOT_ALLOWED = "This address takes no messages from this sender."
UNFIT = "The message does not have what this address takes."
_MAILS = hashlib.sha256(b"messages of an account").hexdigest()
_BODY = re.compile(rb"\r?\n\r?\n")

logger = logging.getLogger("arcrun")


class Delivery(Protocol):
    """A message as the platform delivers it. `sender` and `recipient` are those of its envelope."""

    @property
    def sender(self) -> str: ...

    @property
    def recipient(self) -> str: ...

    @property
    def size_bytes(self) -> int:
        """Of its source."""

    async def read(self) -> bytes:
        """Raises UpstreamError."""


@dataclass(frozen=True)
class Taken:
    """`is_new` is whether the message has started the run now, and not when it was delivered before."""

    run_id: str
    is_new: bool


@dataclass(frozen=True)
class Refused:
    """`reason` is for the sender: it tells nothing that he does not know."""

    reason: str


class MessageDelayedError(ArcrunError):
    """The message cannot be taken now."""

    code = "MESSAGE_DELAYED"
    http_status = 503
    retriable = True


async def receive(service: ExecutorService, delivery: Delivery) -> Taken | Refused:
    """Raises ArcrunError if the message is to be delivered again later."""
    try:
        return await _receive(service, delivery)
    except NotFoundError:
        return Refused(NO_ADDRESS)
    except WorkflowPausedError:
        return Refused(PAUSED)
    except PayloadTooLargeError as error:
        return Refused(error.message)
    except RateLimitedError:
        raise MessageDelayedError("The workflow's limits have no room for the run of a message.") from None
    except InputError as error:
        if error.code == "MESSAGE_TOO_COMPLEX":
            return Refused(error.message)
        logger.warning("A message was refused: %s", error.code)
        return Refused(UNFIT)
    except ArcrunError:
        raise
    except Exception as fault:  # whose message may quote the sender's
        logger.error("A message could not be taken: %s", describe_fault(fault))
        raise MessageDelayedError("The message could not be taken; the log has the cause.") from None


async def _receive(service: ExecutorService, delivery: Delivery) -> Taken | Refused:
    stored, tag = await _find_workflow(service, delivery.recipient)
    mail = stored.plan.triggers.mail
    if mail is None:
        return Refused(NO_ADDRESS)
    _require_size(delivery.size_bytes, mail)
    await _admit(service)
    raw = await delivery.read()
    _require_size(len(raw), mail)
    message, results = await run_steps_pausing(parse_message(raw), service.engine.ports.clock.pause)
    dmarc = find_dmarc(results, message.senders)
    if mail.senders is not None and not (dmarc == PASS and is_allowed(message.senders[0].address, mail.senders)):
        return Refused(NOT_ALLOWED)
    keyed = _build_key(stored.name, message.message_id, raw)
    shown = _shorten(message.rewritten(lambda text: hide_tag(text, tag)))
    return await _Start(service, stored, keyed).start(shown, hide_tag(delivery.sender, tag), dmarc)


async def _find_workflow(service: ExecutorService, recipient: str) -> tuple[StoredWorkflow, str]:
    """The workflow of an address and the address's tag. Raises NotFoundError, WorkflowError PLAN_OUTDATED."""
    parsed = parse_address(recipient)
    if parsed is None:
        raise NotFoundError(NO_ADDRESS)
    name, tag = parsed
    stored = await service.workflows.find_current(name)
    if not is_same_tag(tag, service.workflows.build_mail_tag(name, stored.token)):
        raise NotFoundError(NO_ADDRESS)
    return stored, tag


async def _admit(service: ExecutorService) -> None:
    """Count a message among those that may come within a minute. Raises MessageDelayedError."""
    most = service.quota.mails_a_minute
    if most is None:
        return
    counted: Counted = {"name": _MAILS, "per_minute": most, "concurrent": None}
    _, admitted = await service.runs.admit(_MAILS, [counted], 0)
    if admitted["refused"] is not None:
        raise MessageDelayedError(f"The account takes {most} messages a minute.")


def _require_size(size_bytes: int, mail: MailTrigger) -> None:
    if size_bytes > mail.max_bytes:
        raise PayloadTooLargeError(f"The message has {size_bytes} bytes; this address takes {mail.max_bytes} at most.")


def _build_key(workflow: str, message_id: str, raw: bytes) -> KeyedRequest:
    end = _BODY.search(raw)
    body = hashlib.sha256(memoryview(raw)[end.end() if end else 0 :]).hexdigest()
    key = hashlib.sha256(json.dumps([TriggerKind.EMAIL, workflow, message_id, body]).encode()).hexdigest()
    return KeyedRequest(key, body, ACCEPTING_MS, MESSAGE_KEEP_DAYS * DAY_MS, retries_failed=False)


def _shorten(message: Message) -> Message:
    """With bodies that fit into an input; one that was cut off is among the attachments as a whole."""
    whole = []
    for body, filename, content_type in (
        (message.text, "message.txt", "text/plain; charset=utf-8"),
        (message.html, "message.html", "text/html; charset=utf-8"),
    ):
        if body is not None and len(body) > MAX_MESSAGE_TEXT_CHARACTERS:
            whole.append(Attachment(filename, content_type, body.encode()))
    return replace(
        message,
        text=message.text and message.text[:MAX_MESSAGE_TEXT_CHARACTERS],
        html=message.html and message.html[:MAX_MESSAGE_TEXT_CHARACTERS],
        attachments=(*message.attachments, *whole),
    )


@dataclass(frozen=True)
class _Start:
    """Starts the run of a message, unless it was started before."""

    service: ExecutorService
    stored: StoredWorkflow
    keyed: KeyedRequest

    async def start(self, message: Message, sender: str, dmarc: str) -> Taken:
        """Raises MessageDelayedError, and what ExecutorService.start does."""
        claimed = await self.service.runs.messages.claim(self.keyed)
        run_id = claimed["run_id"]
        if claimed["state"] == "running":
            raise MessageDelayedError("The message is being taken, as it was delivered before.")
        if claimed["state"] != "claimed":
            return Taken(run_id, is_new=False)
        try:
            shown, large = _place_attachments(run_id, message.attachments)
            value = message.to_input(shown)
            request = MailRequest(value, envelope_from=sender, message_id=message.message_id, dmarc=dmarc)
            trigger = Trigger(TriggerKind.EMAIL, value, request=request, gets_response=False)
            await self._accept(trigger, run_id, large)
        except ArcrunError as error:
            if not isinstance(error, RecordError):  # it has not begun
                await self.service.runs.messages.release(self.keyed.key, run_id)
            raise
        return Taken(run_id, is_new=True)

    async def _accept(self, trigger: Trigger, run_id: str, attachments: Sequence[bytes]) -> None:
        async def accept(run: AcceptedRun) -> None:
            await self.service.runs.messages.accept_keyed(self.keyed.key, replace(run, attachments=attachments), b"")

        await self.service.start(self.stored, trigger, is_owner=True, run_id=run_id, accept=accept)


def _place_attachments(run_id: str, attachments: Sequence[Attachment]) -> tuple[list[Mapping[str, Any]], list[bytes]]:
    """What the input says of each, and the contents of those that it names only. Raises InputError."""
    shown, large, room = list[Mapping[str, Any]](), list[bytes](), MAX_INLINE_ATTACHMENTS_BYTES
    for each in attachments:
        if len(each.content) <= min(MAX_INLINE_ATTACHMENT_BYTES, room):
            room -= len(each.content)
            shown.append(render_inline(each))
            continue
        large.append(each.content)
        if len(large) > MAX_STORED_ATTACHMENTS:
            raise InputError(
                f"The message cannot be read: it has more than {MAX_STORED_ATTACHMENTS} large attachments.",
                code="MESSAGE_TOO_COMPLEX",
            )
        shown.append({**each.describe(), "blob": blob_key(run_id, Blobs.of_attachment(len(large)))})
    return shown, large
