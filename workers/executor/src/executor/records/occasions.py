"""What a replay needs of a run's beginning besides its input; sealed with it (run_inputs.py).

As JSON: {"accepted", "request"}: whether the run was accepted, and {"fields", "secrets", "received_ms"} of a request
that templates may read, else null.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.engine.request import RequestSource
from arcrun.json_text import write_json
from arcrun.templates.request import REQUEST_FIELDS


@dataclass(frozen=True)
class KeptRequest:
    """A RequestSource that was described when its run began."""

    fields: Mapping[str, Any]
    secrets: Mapping[str, str]
    received_ms: float | None = None

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return self.fields

    def list_secrets(self) -> Mapping[str, str]:
        return self.secrets

    def to_json(self) -> dict[str, Any]:
        told = {"fields": self.fields, "secrets": self.secrets}
        return told if self.received_ms is None else {**told, "received_ms": self.received_ms}

    @classmethod
    def load(cls, told: Mapping[str, Any]) -> "KeptRequest":
        return cls(told["fields"], told["secrets"], told.get("received_ms"))


def keep_request(request: RequestSource, received_ms: float | None = None) -> KeptRequest:
    """`received_ms` is when it was received, if it does not say that itself."""
    fields = {name: value for name, value in request.describe(REQUEST_FIELDS).items() if name in REQUEST_FIELDS}
    return KeptRequest(fields, request.list_secrets(), request.received_ms or received_ms)


@dataclass(frozen=True)
class Occasion:
    is_accepted: bool = False
    request: KeptRequest | None = None

    def to_bytes(self) -> bytes:
        request = None if self.request is None else self.request.to_json()
        return write_json({"accepted": self.is_accepted, "request": request}).encode()

    @classmethod
    def load(cls, told: Mapping[str, Any]) -> "Occasion":
        request = told.get("request")
        return cls(told.get("accepted", False), None if request is None else KeptRequest.load(request))
