"""A message as a workflow gets it."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Mailbox:
    """Somebody's address, in the spelling of the message, with the name that is shown for it."""

    address: str
    name: str = ""

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "address": self.address}


@dataclass(frozen=True)
class Attachment:
    filename: str
    content_type: str
    content: bytes
    content_id: str = ""

    def describe(self) -> dict[str, Any]:
        """Without its content."""
        told = {"filename": self.filename, "content_type": self.content_type, "size": len(self.content)}
        return {**told, "content_id": self.content_id} if self.content_id else told


@dataclass(frozen=True)
class Message:
    """`headers` has their values by name in lower case; those of one name are joined with a line break. `date` is in
    ISO 8601; None if the message has none that can be read. `text` and `html` are its bodies, None if it has none.
    """

    senders: Sequence[Mailbox]
    to: Sequence[Mailbox]
    cc: Sequence[Mailbox]
    reply_to: Sequence[Mailbox]
    subject: str
    date: str | None
    message_id: str
    text: str | None
    html: str | None
    headers: Mapping[str, str]
    attachments: Sequence[Attachment]

    def to_input(self, attachments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The input of a run, with what it says of the attachments."""
        return {
            "from": self.senders[0].to_json() if self.senders else None,
            "to": [each.to_json() for each in self.to],
            "cc": [each.to_json() for each in self.cc],
            "reply_to": [each.to_json() for each in self.reply_to],
            "subject": self.subject,
            "date": self.date,
            "message_id": self.message_id,
            "text": self.text,
            "html": self.html,
            "headers": dict(self.headers),
            "attachments": [*attachments],
        }

    def rewritten(self, rewrite: Callable[[str], str]) -> "Message":
        """With every text passed through `rewrite`, but the contents of attachments."""

        def rewrite_all(mailboxes: Sequence[Mailbox]) -> tuple[Mailbox, ...]:
            return tuple(Mailbox(rewrite(each.address), rewrite(each.name)) for each in mailboxes)

        return Message(
            senders=rewrite_all(self.senders),
            to=rewrite_all(self.to),
            cc=rewrite_all(self.cc),
            reply_to=rewrite_all(self.reply_to),
            subject=rewrite(self.subject),
            date=self.date,
            message_id=rewrite(self.message_id),
            text=None if self.text is None else rewrite(self.text),
            html=None if self.html is None else rewrite(self.html),
            headers={rewrite(name): rewrite(value) for name, value in self.headers.items()},
            attachments=tuple(replace(each, filename=rewrite(each.filename)) for each in self.attachments),
        )


def render_inline(attachment: Attachment) -> dict[str, Any]:
    """An attachment within the input, as a file of a form is."""
    return {**attachment.describe(), "base64": base64.b64encode(attachment.content).decode()}
