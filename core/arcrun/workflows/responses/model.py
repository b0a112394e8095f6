"""What a workflow's webhook answers, as its file says: `response`. Its strings are templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from arcrun.templates.template import Template, compile_value
from arcrun.workflows.responses.redirects import find_literal_host

BODY, JSON, HTML, REDIRECT, FILE = "body", "json", "html", "redirect", "file"
KINDS = (BODY, JSON, HTML, REDIRECT, FILE)
SEE_OTHER = 303  # RFC 9110, section 15.4.4: what a form that was posted is answered with
REDIRECT_STATUSES = (302, SEE_OTHER, 307, 308)
NOT_MODIFIED = 304
BODILESS_STATUSES = (204, 205, NOT_MODIFIED)
FAILED_STATUS = 500


def is_status(status: int, kind: str) -> bool:
    """Whether a response of this kind may have the status: a final one, and one that redirects only if it does."""
    if kind == REDIRECT:
        return status in REDIRECT_STATUSES
    return 200 <= status <= 299 or status == NOT_MODIFIED or 400 <= status <= 599


def parse_status(value: Any) -> int | None:
    """A number as a status; None for anything else."""
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return int(value) if is_whole else None


@dataclass(frozen=True)
class Response:
    """`kind` is one of KINDS, and `content` its value; empty for arcrun's own JSON. `status` is an integer or a
    template, None for the default. `redirect_hosts` are the hosts that a redirect may take from data. `on_failure` is
    the response of a run that has failed, None for arcrun's own.
    """

    status: int | str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    content: Any = None
    redirect_hosts: tuple[str, ...] = ()
    on_failure: "Response | None" = None

    @property
    def default_status(self) -> int:
        return SEE_OTHER if self.kind == REDIRECT else 200

    @cached_property
    def parts(self) -> tuple[tuple[str, Template], ...]:
        """The templates of its parts by their names in messages. Raises TemplateError."""
        return tuple((name, compile_value(value)) for name, value in self._list_parts())

    def _list_parts(self) -> Iterator[tuple[str, Any]]:
        if self.status is not None:
            yield "status", self.status
        yield from ((f"headers.{name}", value) for name, value in self.headers.items())
        if self.kind:
            yield self.kind, self.content

    @cached_property
    def redirect_host(self) -> str:
        """The host that the workflow itself writes; empty if there is none, or if it comes from data."""
        return find_literal_host(self.content) if self.kind == REDIRECT else ""

    def to_json(self) -> dict[str, Any]:
        """As in the workflow's file."""
        return {
            **({"status": self.status} if self.status is not None else {}),
            **({"headers": dict(self.headers)} if self.headers else {}),
            **({self.kind: self.content} if self.kind else {}),
            **({"redirect_hosts": list(self.redirect_hosts)} if self.redirect_hosts else {}),
            **({"on_failure": self.on_failure.to_json()} if self.on_failure is not None else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Response":
        kind = next((kind for kind in KINDS if kind in stored), "")
        return cls(
            stored.get("status"),
            stored.get("headers", {}),
            kind,
            stored.get(kind),
            tuple(stored.get("redirect_hosts", ())),
            cls.load(stored["on_failure"]) if "on_failure" in stored else None,
        )


def list_responses(response: Response | None) -> tuple[Response, ...]:
    """The response and that of a failed run, as far as there are any."""
    if response is None:
        return ()
    return (response,) if response.on_failure is None else (response, response.on_failure)
