"""What starts a workflow besides its name: the `triggers` of its file. The default is a webhook that takes POST."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.signatures.policy import VerifyPolicy

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Webhook:
    """`methods` are those that run the workflow. `record_headers` are the names, in lower case, of headers that are
    recorded although their names say that they carry secrets. `verify` is how callers prove who they are; None if
    whoever knows the URL may call.
    """

    methods: tuple[str, ...] = ("POST",)
    record_headers: tuple[str, ...] = ()
    verify: VerifyPolicy | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that are answered, in the order of an Allow header."""
        return (*self.methods, *(("HEAD",) if "GET" in self.methods else ()), "OPTIONS")

    def to_json(self) -> dict[str, Any]:
        """What differs from the default."""
        default = Webhook()
        return {
            **({"methods": list(self.methods)} if self.methods != default.methods else {}),
            **({"record_headers": list(self.record_headers)} if self.record_headers else {}),
            **({"verify": self.verify.to_json()} if self.verify is not None else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Webhook":
        lists = {key: tuple(value) for key, value in stored.items() if key != "verify"}
        return cls(**lists, verify=VerifyPolicy.load(stored["verify"]) if "verify" in stored else None)


@dataclass(frozen=True)
class Triggers:
    webhook: Webhook = field(default_factory=Webhook)

    def to_json(self) -> dict[str, Any]:
        """What differs from the default; empty if nothing does."""
        webhook = self.webhook.to_json()
        return {"webhook": webhook} if webhook else {}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Triggers":
        return cls(Webhook.load(stored.get("webhook", {}))) if stored else DEFAULT_TRIGGERS


DEFAULT_TRIGGERS = Triggers()
