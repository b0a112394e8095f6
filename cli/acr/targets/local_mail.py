"""Delivers messages to the executor of a running `acr dev`, as Email Routing would to a deployed one."""

import hashlib
import re
from dataclasses import dataclass, field
from email.utils import parseaddr

import httpx

from acr.config.folders import local_records
from acr.errors import CliError
from acr.targets.local_record import list_local_records
from acr.targets.service_client import TIMEOUT_S
from arcrun.limits import MAX_MESSAGE_HEADER_BYTES, MAX_MESSAGE_HEADERS
from arcrun.mail.authentication import AUTHORITY, domain_of

_EXPLORER = "/cdn-cgi/local/explorer/api"  # where the local REST API is, and beside it
_EMAIL = "/cdn-cgi/local/email"  # Miniflare's way to deliver a message
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:", re.IGNORECASE | re.MULTILINE)
_RESULTS = re.compile(rb"^authentication-results[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FROM = re.compile(rb"^from[ \t]*:(?P<value>[^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_HEADERS = re.compile(rb"^[!-9;-~]+[ \t]*:", re.MULTILINE)
_REFUSALS = {  # by a word of the reason
    "at the moment": "Resume it: acr resume NAME, or acr resume --all",
    "from this sender": "Say that it is genuine: --dmarc pass; and allow it in `from` of the workflow's `email`.",
    "bytes": "Send a smaller one, or raise `max_bytes` of the workflow's `email`.",
    "parts": "Send it with fewer parts: docs/mail.md has the limits.",
    "too complex": "Send a simpler one: docs/mail.md has the limits.",
    "does not have what": "Compare it with the workflow's `input_schema`; the log of `acr dev` says what does not fit.",
}
_HEADERS_END = re.compile(rb"\r?\n\r?\n|\Z")


class UndeliverableError(CliError):
    """The local runtime reads a message before it delivers it, by a parser of its own."""

    def __init__(self, said: str, hint: str = "Cloudflare may all the same. Try it without what that says.") -> None:
        message = f"The local runtime cannot deliver it: {said.partition(chr(10))[0]}"
        super().__init__(message, hint, "UNDELIVERABLE")


_OTHER_FAULTS = "Cloudflare may all the same. Usual causes are odd headers, or names of attachments: quote those."
_SAVE_IT = "Save it from a mail program (.eml): headers, From among them, an empty line, the text."


def check_message(message: bytes) -> None:
    """What the local runtime would refuse without a word. Raises UndeliverableError."""
    end = _HEADERS_END.search(message)
    head = message[: end.start()] if end else message
    if not message.strip():
        raise UndeliverableError("the file is empty.", _SAVE_IT)
    if head.startswith(b"From "):
        raise UndeliverableError("it begins with the line of a mailbox file, `From ...`.", "Remove its first line.")
    if not _HEADER.match(head):
        raise UndeliverableError("it does not begin with a header, such as `Subject: hello`.", _SAVE_IT)
    if not _FROM.search(head):
        raise UndeliverableError("it has no header `From`.", _SAVE_IT)
    if len(head) > MAX_MESSAGE_HEADER_BYTES or len(_HEADERS.findall(head)) > MAX_MESSAGE_HEADERS:
        raise UndeliverableError(
            f"its headers are too many: {MAX_MESSAGE_HEADERS} of {MAX_MESSAGE_HEADER_BYTES} bytes in all are taken.",
            "Remove some of them: however often it is tried again, it is refused.",
        )


def explain_refusal(reason: str) -> str:
    """What the owner of the workflow may do about a reason that is told to the sender."""
    return next((hint for word, hint in _REFUSALS.items() if word in reason), "acr list shows the addresses.")


@dataclass(frozen=True)
class LocalMail:
    api_url: str = field(repr=False)

    def deliver(self, sender: str, recipient: str, message: bytes) -> str | None:
        """Returns why it was refused; None if it was taken. Raises CliError."""
        url = f"{self.api_url.removesuffix(_EXPLORER)}{_EMAIL}"
        query = {"from": sender, "to": recipient, "format": "json"}
        try:
            answer = httpx.post(url, params=query, content=message, timeout=TIMEOUT_S)
            if answer.status_code == httpx.codes.BAD_REQUEST:
                raise UndeliverableError(answer.text)
            told = answer.json()
        except httpx.HTTPError:
            raise _build_error() from None
        except ValueError:  # what the executor raises is told in JSON
            raise UndeliverableError("its own parser fails.", _OTHER_FAULTS) from None
        if not isinstance(told, dict):
            raise _build_error()
        if told.get("rejectReason") is not None:
            return str(told["rejectReason"])
        if told.get("outcome") != "ok":
            raise _build_error()
        return None


def require_local_mail(url: str) -> LocalMail:
    """Of the `acr dev` at this address. Raises CliError MAIL_ONLY."""
    for record in list_local_records(local_records()):
        if record.url.rstrip("/") == url.rstrip("/"):
            return LocalMail(record.api_url)
    raise CliError(
        f"{url} is no `acr dev` of this machine: a deployed platform gets messages by mail only.",
        "Send a mail to the workflow's address: acr show NAME",
        "MAIL_ONLY",
    )


def prepare_message(message: bytes, dmarc: str | None) -> bytes:
    """The message with what Cloudflare would have added at its top, and with an id. What it brings itself of that is
    never Cloudflare's.
    """
    end = _HEADERS_END.search(message)
    head = message[: end.start()] if end else message
    added = []
    if dmarc is not None:
        sender = _FROM.search(head)
        domain = domain_of(parseaddr(sender["value"].decode("utf-8", "replace"))[1]) if sender else ""
        added.append(f"Authentication-Results: {AUTHORITY}; dmarc={dmarc} header.from={domain}")
    elif _RESULTS.search(head):
        added.append(f"Authentication-Results: {AUTHORITY}; none")
    if not _MESSAGE_ID.search(head):
        added.append(f"Message-ID: <{hashlib.sha256(message).hexdigest()[:32]}@arcrun.localhost>")
    return b"".join(f"{line}\r\n".encode() for line in added) + message


def _build_error() -> CliError:
    return CliError(
        "The message could not be taken now.", "Its cause is in the log of `acr dev`. Try again.", "MESSAGE_DELAYED"
    )
