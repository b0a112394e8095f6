"""AES-256-GCM on this machine, with `cryptography`. Formats and keys: arcrun.credentials.record."""

import base64
import secrets
from dataclasses import dataclass, field

from acr.errors import CliError
from arcrun.credentials.record import (
    IV_BYTES,
    KEY_BYTES,
    SealedCredential,
    associated_data_of,
    build_unreadable_error,
    parse_encryption_key,
    parse_record,
    render_record,
)
from arcrun.errors import ArcrunError


def make_encryption_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_encryption_key(text: str | None) -> bytes:
    """Decode a base64 key. Raises CliError, whose hint is the command that makes a key."""
    try:
        return parse_encryption_key(text)
    except ArcrunError as error:
        raise CliError(error.message, error.next_actions[0]) from None


@dataclass(frozen=True)
class KeyRing:
    """The current key, which encrypts, and the previous one, which decrypts records not yet re-encrypted."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)


def read_key_ring(current: str | None, previous: str | None) -> KeyRing:
    """Decode both keys from base64. Raises CliError, whose hint is the command that makes a key."""
    return KeyRing(read_encryption_key(current), read_encryption_key(previous) if previous else None)


def seal_credential(key: bytes, name: str, secret: str) -> str:
    """The KV record for `cred:{name}`, with a new IV each time."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - slow to import

    iv = secrets.token_bytes(IV_BYTES)
    return render_record(SealedCredential(AESGCM(key).encrypt(iv, secret.encode(), associated_data_of(name)), iv))


def open_credential(key: bytes, name: str, record: str) -> str:
    """The secret in a KV record. Raises CredentialError CREDENTIAL_UNREADABLE."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    sealed = parse_record(name, record)
    try:
        return AESGCM(key).decrypt(sealed.iv, sealed.ciphertext, associated_data_of(name)).decode()
    except (InvalidTag, UnicodeDecodeError):
        raise build_unreadable_error(name, "it was encrypted with another key, or has been changed") from None
