"""`email` of a workflow's triggers: which messages start it. Imported only for workflows that have it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.limits import MAX_ALLOWED_SENDERS, MAX_MAILBOX_CHARACTERS, MAX_MESSAGE_BYTES
from arcrun.mail.addresses import is_mailbox_name
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader

_KEYS = ("from", "max_bytes")
_EXAMPLE = 'email: {from: ["ada@example.com", "*@example.org"]}'
_PATTERN = re.compile(r"(\*|[^\s@*<>]{1,64})@[a-z0-9.-]{1,253}")
_AT_NAME = ("name",)


@dataclass(frozen=True)
class MailTrigger:
    """`senders` are addresses in lower case, and *@DOMAIN for all of a domain; None if whoever knows the address may
    send.
    """

    senders: tuple[str, ...] | None = None
    max_bytes: int = MAX_MESSAGE_BYTES

    def to_json(self) -> dict[str, Any]:
        """What differs from the default."""
        return {
            **({"from": [*self.senders]} if self.senders is not None else {}),
            **({"max_bytes": self.max_bytes} if self.max_bytes != MAX_MESSAGE_BYTES else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "MailTrigger":
        senders = tuple(stored["from"]) if "from" in stored else None
        return cls(senders, stored.get("max_bytes", MAX_MESSAGE_BYTES))


def parse_mail(findings: Findings, value: Any, at: Path) -> MailTrigger:
    reader = Reader(findings, value, at, _KEYS)
    given = value if isinstance(value, Mapping) else {}
    return MailTrigger(
        _parse_senders(findings, given["from"], (*at, "from")) if "from" in given else None,
        reader.number("max_bytes", MAX_MESSAGE_BYTES, 1, MAX_MESSAGE_BYTES),
    )


def check_mailbox(findings: Findings, name: str) -> None:
    """Report a workflow's name that cannot be part of an address."""
    if not is_mailbox_name(name):
        message = f"`{name}` cannot be part of a mail address, which `email` gives the workflow"
        hint = f"Take a name of at most {MAX_MAILBOX_CHARACTERS} characters: a to z, digits, _ and -."
        findings.add("INVALID_SETTING", message, hint, at=_AT_NAME)


def _parse_senders(findings: Findings, value: Any, at: Path) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    senders = [each.lower() for each in listed if isinstance(each, str) and _PATTERN.fullmatch(each.lower())]
    if not isinstance(value, list) or not 1 <= len(listed) <= MAX_ALLOWED_SENDERS:
        message = f"`from` must be a list of 1 to {MAX_ALLOWED_SENDERS} senders"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
    elif len(senders) < len(listed):
        wrong = next(each for each in listed if not isinstance(each, str) or each.lower() not in senders)
        message = f"`from` has {wrong!r}, which is no address"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
    return tuple(dict.fromkeys(senders))
