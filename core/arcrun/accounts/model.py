"""A tenant of the hosted mode, and its record. All of it is secret, so it is stored as one sealed value."""

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field

from arcrun.accounts.api_keys import KeyRecord
from arcrun.credentials.record import decode_key
from arcrun.errors import RequestError
from arcrun.json_text import parse_json
from arcrun.limits import MAX_EMAIL_CHARACTERS

_CLOUDFLARE_ID = re.compile(r"[0-9a-f]{32}")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def derive_tenant_id(text: str) -> str:
    """`tn_` and 32 hexadecimal digits."""
    return f"tn_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


@dataclass(frozen=True)
class Registration:
    """A tenant's registration: where its KV is, the token for it, and the key that decrypts its credentials."""

    email: str
    account_id: str
    kv_namespace_id: str
    token: str = field(repr=False)
    data_key: bytes = field(repr=False)

    @property
    def tenant_id(self) -> str:
        """It depends only on the namespace, so that concurrent or repeated registrations are one tenant."""
        return derive_tenant_id(f"{self.account_id}/{self.kv_namespace_id}")


@dataclass(frozen=True)
class Tenant:
    """A registered account with its API keys."""

    registration: Registration
    created_ms: int
    keys: tuple[KeyRecord, ...]

    @property
    def tenant_id(self) -> str:
        return self.registration.tenant_id

    def find_key(self, sha256: str) -> KeyRecord | None:
        return next((key for key in self.keys if key.sha256 == sha256), None)


def parse_registration(
    *, email: object, account_id: object, kv_namespace_id: object, token: str | None, data_key: str | None
) -> Registration:
    """Validate a registration. Raises RequestError, whose message contains neither the token nor the key."""
    if not isinstance(email, str) or len(email) > MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(email):
        raise RequestError(
            "`email` must be an e-mail address.", next_actions=['Send {"email": "ada@example.com", ...}.']
        )
    ids = {"account_id": account_id, "kv_namespace_id": kv_namespace_id}
    for name, value in ids.items():
        if not isinstance(value, str) or not _CLOUDFLARE_ID.fullmatch(value):
            raise RequestError(f"`{name}` must be Cloudflare's id of 32 hexadecimal digits.")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise RequestError(
            "The header CF-Api-Token is missing or is not a token.",
            next_actions=["Send a Cloudflare API token that may only edit Workers KV of the account."],
        )
    return Registration(email, str(account_id), str(kv_namespace_id), token, _parse_data_key(data_key))


def _parse_data_key(text: str | None) -> bytes:
    try:
        return decode_key(text or "")
    except ValueError as error:
        raise RequestError(
            f"The header X-Arcrun-Data-Key is not valid: {error}.",
            next_actions=["Send ARCRUN_ENCRYPTION_KEY: 32 bytes in base64."],
        ) from None


def render_tenant(tenant: Tenant) -> bytes:
    """The plaintext of the record: {"email", "account_id", "kv_namespace_id", "token", "data_key", "created_ms",
    "keys"}.
    """
    fields = {**asdict(tenant.registration), "data_key": base64.b64encode(tenant.registration.data_key).decode()}
    keys = [asdict(key) for key in tenant.keys]
    return json.dumps({**fields, "created_ms": tenant.created_ms, "keys": keys}).encode()


def parse_tenant(content: bytes) -> Tenant:
    """Parse what `render_tenant` wrote. AES-GCM has authenticated it."""
    source = parse_json(content.decode())
    keys = tuple(KeyRecord(**key) for key in source.pop("keys"))
    created_ms = source.pop("created_ms")
    return Tenant(Registration(**{**source, "data_key": decode_key(source["data_key"])}), created_ms, keys)
