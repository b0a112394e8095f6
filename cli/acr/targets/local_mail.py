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
from arcrun.mail.authentication import AUTHORITY, domain_of

_EXPLORER = "/cdn-cgi/local/explorer/api"  # where the local REST API is, and beside it
_EMAIL = "/cdn-cgi/local/email"  # Miniflare's way to deliver a message
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FROM = re.compile(rb"^from[ \t]*:(?P<value>[^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_HEADERS_END = re.compile(rb"\r?\n\r?\n|\Z")


class UndeliverableError(CliError):
    """The local runtime reads a message before it delivers it, by a parser of its own."""

    def __init__(self, said: str) -> None:
        message = f"The local runtime cannot deliver it: {said.partition(chr(10))[0]}"
        super().__init__(message, "Cloudflare may all the same. Try it without what that says.", "UNDELIVERABLE")


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
            raise UndeliverableError("its own parser fails.") from None
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
    """The message with what Cloudflare would have added at its top, and with an id."""
    end = _HEADERS_END.search(message)
    head = message[: end.start()] if end else message
    added = []
    if dmarc is not None:
        sender = _FROM.search(head)
        domain = domain_of(parseaddr(sender["value"].decode("utf-8", "replace"))[1]) if sender else ""
        added.append(f"Authentication-Results: {AUTHORITY}; dmarc={dmarc} header.from={domain}")
    if not _MESSAGE_ID.search(head):
        added.append(f"Message-ID: <{hashlib.sha256(message).hexdigest()[:32]}@arcrun.localhost>")
    return b"".join(f"{line}\r\n".encode() for line in added) + message


def _build_error() -> CliError:
    return CliError(
        "The message could not be taken now.", "Its cause is in the log of `acr dev`. Try again.", "MESSAGE_DELAYED"
    )
