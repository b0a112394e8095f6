"""A credential at rest: KV `cred:{name}` = {"encrypted": base64, "iv": base64}.

AES-256-GCM (NIST SP 800-38D) with a 96-bit IV and the 16-byte tag at the end of `encrypted`, the format of WebCrypto
and `cryptography`. The KV key is the associated data, so a value copied to another name does not decrypt.
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from arcrun.errors import CredentialError, NotConfiguredError
from arcrun.json_text import parse_json
from arcrun.limits import MAX_SECRET_BYTES

NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
KEY_PREFIX = "cred:"
KEY_BYTES = 32
IV_BYTES = 12
TAG_BYTES = 16
MAKE_KEY_COMMAND = 'export ARCRUN_ENCRYPTION_KEY="$(openssl rand -base64 32)"'

_FIELDS = {"encrypted", "iv"}


@dataclass(frozen=True)
class SealedCredential:
    """An encrypted credential. `ciphertext` ends with the tag."""

    ciphertext: bytes
    iv: bytes


def kv_key_of(name: str) -> str:
    return KEY_PREFIX + name


def associated_data_of(name: str) -> bytes:
    return kv_key_of(name).encode()


def render_record(sealed: SealedCredential) -> str:
    """The value that is stored in KV."""
    return json.dumps({"encrypted": _to_base64(sealed.ciphertext), "iv": _to_base64(sealed.iv)})


def parse_record(name: str, text: str) -> SealedCredential:
    """Parse the value stored under `cred:{name}`. Raises CredentialError CREDENTIAL_UNREADABLE for any other format."""
    try:
        return parse_sealed(text)
    except ValueError as error:
        raise build_unreadable_error(name, str(error)) from None


def parse_sealed(text: str) -> SealedCredential:
    """Parse {encrypted, iv}. Raises ValueError."""
    try:
        source = parse_json(text)
        if not isinstance(source, dict) or source.keys() != _FIELDS:
            raise ValueError
        sealed = SealedCredential(_from_base64(source["encrypted"]), _from_base64(source["iv"]))
    except ValueError:
        raise ValueError("its record is not of the form {encrypted, iv}") from None
    if len(sealed.iv) != IV_BYTES or len(sealed.ciphertext) < TAG_BYTES:
        raise ValueError("its record is too short")
    return sealed


def parse_encryption_key(text: str | None) -> bytes:
    """The 32 bytes of ARCRUN_ENCRYPTION_KEY. Raises NotConfiguredError, whose message does not contain the key."""
    if not text or not text.strip():
        raise NotConfiguredError(
            "ARCRUN_ENCRYPTION_KEY is not set, so credentials can be neither stored nor read.",
            code="ENCRYPTION_KEY_MISSING",
            next_actions=[MAKE_KEY_COMMAND, "Give the Workers the same key: acr deploy. `acr dev` does so on its own."],
        )
    try:
        return decode_key(text)
    except ValueError as error:
        raise _invalid_key(str(error)) from None


def fingerprint_of(key: bytes) -> str:
    """A value to compare two keys by. It reveals nothing else about their 256 random bits."""
    return hashlib.sha256(b"fingerprint of an encryption key" + key).hexdigest()[:16]


def decode_key(text: str) -> bytes:
    """32 bytes in base64. Raises ValueError, whose message does not contain the key."""
    try:
        key = _from_base64(text.strip())
    except ValueError:
        raise ValueError("it is not base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"it holds {len(key)} bytes, not {KEY_BYTES}")
    return key


def validate_name(name: str) -> None:
    """Raises CredentialError CREDENTIAL_NAME_INVALID."""
    if not NAME_PATTERN.fullmatch(name):
        raise CredentialError(
            f"`{name[:60]}` is not a valid credential name.",
            code="CREDENTIAL_NAME_INVALID",
            next_actions=["Use letters, digits, _ and -, at most 128, not starting with a digit or -."],
            details={"key": name[:200]},
        )


def validate_secret(name: str, secret: str) -> None:
    """Raises CredentialError SECRET_EMPTY, SECRET_TOO_LARGE, which do not quote the secret."""
    if not secret.strip():
        raise CredentialError(
            f"The secret `{name}` is empty; nothing was stored.",
            code="SECRET_EMPTY",
            next_actions=["Give it a value."],
        )
    if (size := len(secret.encode("utf-8", "surrogatepass"))) > MAX_SECRET_BYTES:
        raise CredentialError(
            f"The secret `{name}` has {size:,} bytes; the limit is {MAX_SECRET_BYTES:,}.",
            code="SECRET_TOO_LARGE",
            next_actions=["Store only the part that is secret."],
        )


def build_missing_error(name: str, node: str | None = None) -> CredentialError:
    """CREDENTIAL_MISSING, with the two commands that fix it."""
    return CredentialError(
        f"The credential `{name}` is not stored.",
        code="CREDENTIAL_MISSING",
        next_actions=[
            f'Add a line `{name}: "..."` to credentials.yaml: ${{EDITOR:-vi}} credentials.yaml',
            f"Then store it: acr creds push {name}",
        ],
        details={"key": name} if node is None else {"key": name, "node": node},
    )


def build_unreadable_error(name: str, reason: str) -> CredentialError:
    """CREDENTIAL_UNREADABLE: the key is wrong, or the record was not written with it."""
    return CredentialError(
        f"The credential `{name}` cannot be read: {reason}.",
        code="CREDENTIAL_UNREADABLE",
        next_actions=[
            "Check that ARCRUN_ENCRYPTION_KEY is the same here and in the Workers: acr doctor",
            f"Then store the credential again: acr creds push {name}",
        ],
        details={"key": name},
    )


def _invalid_key(reason: str) -> NotConfiguredError:
    return NotConfiguredError(
        f"ARCRUN_ENCRYPTION_KEY is not valid: {reason}. It must be 32 bytes in base64.",
        code="ENCRYPTION_KEY_INVALID",
        next_actions=[MAKE_KEY_COMMAND],
    )


def _to_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _from_base64(text: Any) -> bytes:
    """Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("not a string")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
