"""The request that started a run, as templates see it: `request`. It is read only for plans that name it."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from arcrun.json_text import write_json
from arcrun.times import render_time


class RequestSource(Protocol):
    """A request. Its fields are those of arcrun/templates/request.py, except `received_at`."""

    @property
    def received_ms(self) -> float | None:
        """When it was received, in milliseconds since 1970; None for the start of the run."""

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        """The values of these fields, and maybe of others."""

    def list_secrets(self) -> Mapping[str, str]:
        """The secrets in its headers by a label of each; no credential has such a name."""


class PlainRequest:
    """The request of a run that none started: a POST of the input."""

    received_ms = None

    def __init__(self, input_value: Any) -> None:
        self._input = input_value

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        described: dict[str, Any] = {
            "method": "POST",
            "path": "/",
            "query": {},
            "query_all": {},
            "headers": {},
            "content_type": "application/json",
            "ip": None,
        }
        return {**described, "text": write_json(self._input)} if "text" in fields else described

    def list_secrets(self) -> Mapping[str, str]:
        return {}


class RunRequest:
    """The request of one run and its sub-workflows. It reads each field once, when a plan first names it. `kind` is the
    TriggerKind of the run.
    """

    def __init__(self, source: RequestSource, started_ms: float, kind: str) -> None:
        self._source, self._kind = source, kind
        self.known: dict[str, Any] = {"received_at": render_time(source.received_ms or started_ms)}

    def read(self, fields: Collection[str]) -> Mapping[str, Any]:
        """Read those of `fields` that are not `known` yet. Returns what is new in `known`."""
        missing = [name for name in fields if name not in self.known]
        if not missing:
            return {}
        found = {name: value for name, value in self._source.describe(missing).items() if name not in self.known}
        if "trigger" in missing:
            found.setdefault("trigger", {"kind": self._kind})
        self.known |= found
        return found

    def list_secrets(self) -> Mapping[str, str]:
        return self._source.list_secrets()
