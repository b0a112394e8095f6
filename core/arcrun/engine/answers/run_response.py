"""The response of a run: what its webhook answers if the workflow has a `response`."""

import base64
from dataclasses import dataclass, field, replace
from typing import Any

from arcrun.credentials.redaction import Redactor, is_small
from arcrun.engine.truncation import truncate
from arcrun.errors import ArcrunError
from arcrun.interruptible import Steps
from arcrun.workflows.responses.files import decode_base64
from arcrun.workflows.responses.headers import SET_COOKIE
from arcrun.workflows.responses.model import FILE

Header = tuple[str, str]


@dataclass(frozen=True)
class RunResponse:
    """What a run's webhook answers. `headers` are the workflow's own, names in lower case. `kind` and `content` are
    those of Response, rendered; `kind` is empty for arcrun's own JSON. `weight` is that of all (arcrun/json_size.py).

    `error` is why the workflow's response could not be made, and this is arcrun's own instead.
    """

    status: int
    headers: tuple[Header, ...] = ()
    kind: str = ""
    content: Any = None
    weight: int = 0
    error: ArcrunError | None = field(default=None, compare=False)

    def scrubbed(self, redactor: Redactor) -> "Steps[RunResponse]":
        """A copy without the secrets that the redactor knows."""
        values = [value for _, value in self.headers]
        file = {"base64": self.content["base64"]} if self.kind == FILE else {}
        content = {key: text for key, text in self.content.items() if key not in file} if file else self.content
        shown, content = yield from redactor.scrub_in_steps([values, content], is_small=is_small(self.weight))
        if file:
            content = {**content, "base64": (yield from _scrub_base64(file["base64"], redactor))}
        return replace(
            self,
            headers=tuple((name, value) for (name, _), value in zip(self.headers, shown, strict=True)),
            content=content,
            error=(yield from self.error.scrubbed(redactor.scrub_in_steps)) if self.error else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As the workflow's file has it: {"status", "headers", "html"}. Of several cookies there is a list."""
        listed: dict[str, Any] = {name: value for name, value in self.headers if name != SET_COOKIE}
        if cookies := [value for name, value in self.headers if name == SET_COOKIE]:
            listed[SET_COOKIE] = cookies if len(cookies) > 1 else cookies[0]
        return {
            "status": self.status,
            **({"headers": listed} if listed else {}),
            **({self.kind: self.content} if self.kind else {}),
            **({"error": self.error.to_json()} if self.error else {}),
        }

    def to_stored(self) -> dict[str, Any]:
        """The part that is recorded: what it is made of is in the trace."""
        return {"status": self.status, **({"error": truncate(self.error.to_json())} if self.error else {})}


def _scrub_base64(content: str, redactor: Redactor) -> Steps[str]:
    """The content of a file, searched as text."""
    whole = decode_base64(content) or b""
    try:
        text, encoding = whole.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = whole.decode("latin-1"), "latin-1"
    scrubbed = yield from redactor.scrub_text_in_steps(text)
    return content if scrubbed == text else base64.b64encode(scrubbed.encode(encoding)).decode()
