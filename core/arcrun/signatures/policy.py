"""A webhook's `verify`: the scheme by which its callers prove who they are, and the credentials that it needs."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

DEFAULT_TOLERANCE_S = 300
PAYLOAD_FIELD = re.compile(r"\{([a-z_]+)\}")  # in `payload`


class Scheme(StrEnum):
    """The values of `scheme`. What each signs: docs/signatures.md."""

    GITHUB = "github"
    STRIPE = "stripe"
    SLACK = "slack"
    SHOPIFY = "shopify"
    TWILIO = "twilio"
    DISCORD = "discord"
    META = "meta"
    STANDARD_WEBHOOKS = "standard_webhooks"
    TELEGRAM = "telegram"
    LINE = "line"
    HMAC = "hmac"
    BASIC = "basic"
    HEADER = "header"


@dataclass(frozen=True)
class SignatureFormat:
    """A signature, or a shared secret, in a header of its own: `prefix`, then the HMAC of `payload`.

    `payload` is text with the fields {body}, {timestamp}, {method}, {path} and {query}; path and query as they were
    sent. With `timestamp_header` the request has a time.
    """

    header: str
    prefix: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    timestamp_header: str = ""
    payload: str = "{body}"


FORMATS: Mapping[Scheme, SignatureFormat] = {
    Scheme.GITHUB: SignatureFormat("x-hub-signature-256", "sha256="),
    Scheme.META: SignatureFormat("x-hub-signature-256", "sha256="),
    Scheme.SLACK: SignatureFormat(
        "x-slack-signature",
        "v0=",
        timestamp_header="x-slack-request-timestamp",
        payload="v0:{timestamp}:{body}",
    ),
    Scheme.SHOPIFY: SignatureFormat("x-shopify-hmac-sha256", encoding="base64"),
    Scheme.LINE: SignatureFormat("x-line-signature", encoding="base64"),
    Scheme.TELEGRAM: SignatureFormat("x-telegram-bot-api-secret-token"),
}


@dataclass(frozen=True)
class VerifyPolicy:
    """Of two `credentials`, either will do: one is being replaced by the other.

    `tolerance_s` is how far the time of a request may be from now. `format` is that of the schemes `hmac` and `header`;
    `url` is the address that was configured at Twilio; `verify_token` names the credential with Meta's verify token.
    """

    scheme: Scheme
    credentials: tuple[str, ...]
    tolerance_s: int = DEFAULT_TOLERANCE_S
    format: SignatureFormat | None = None
    url: str = ""
    verify_token: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all credentials that it refers to."""
        return tuple(dict.fromkeys((*self.credentials, *([self.verify_token] if self.verify_token else []))))

    @property
    def leaves_query(self) -> bool:
        """Whether it signs something, but not the query."""
        if self.scheme in (Scheme.TWILIO, Scheme.TELEGRAM, Scheme.BASIC, Scheme.HEADER):
            return False
        return self.format is None or "{query}" not in self.format.payload

    @property
    def secret_headers(self) -> Mapping[str, str]:
        """The headers that have the secret itself, each with what stands before it."""
        if self.scheme is Scheme.BASIC:
            return {"authorization": "Basic "}
        form = self.format or FORMATS.get(self.scheme)
        is_secret = form is not None and self.scheme in (Scheme.HEADER, Scheme.TELEGRAM)
        return {form.header: form.prefix} if form is not None and is_secret else {}

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults."""
        rendered: dict[str, Any] = {"scheme": self.scheme.value, "credentials": list(self.credentials)}
        if self.format is not None:
            rendered["format"] = asdict(self.format)
        others = ("tolerance_s", "url", "verify_token")
        defaults = {field.name: field.default for field in fields(self)}
        return rendered | {name: getattr(self, name) for name in others if getattr(self, name) != defaults[name]}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "VerifyPolicy":
        """Load it from a stored plan."""
        found = stored.get("format")
        return cls(
            **{
                **stored,
                "scheme": Scheme(stored["scheme"]),
                "credentials": tuple(stored["credentials"]),
                "format": None if found is None else SignatureFormat(**found),
            }
        )
