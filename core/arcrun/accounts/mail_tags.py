"""The tags of tenants' mail addresses: each says whose it is, which only the platform can read.

A tag is that which the workflow has on a platform of one's own (arcrun/mail/addresses.py), shortened, and behind it the
16 bytes of the tenant's id, in base32. The id is combined by XOR with an HMAC of all that stands before it, under a key
that is derived from MASTER_KEY: of one workflow and token there is one tag, so no two ids are hidden by the same bytes.
Whoever changes a tag has another tenant's id, or none; the workflow's token decides whether it is right.
"""

import base64
import hashlib
import hmac
from contextlib import suppress
from functools import cached_property

from arcrun.accounts.master_key import derive_key, parse_master_key
from arcrun.mail.addresses import build_tag

OWN_CHARACTERS = 12  # 60 bits: with an earlier tag nobody can make the next one, for its id is hidden by other bytes
ID_BYTES, ID_CHARACTERS = 16, 26
_ID_PREFIX = "tn_"


class MailTags:
    """`master_key` is MASTER_KEY as the Worker has it. The methods raise NotConfiguredError."""

    def __init__(self, master_key: str | None) -> None:
        self._master_key = master_key

    def build(self, name: str, token: str, tenant_id: str) -> str:
        own = build_tag(token)[:OWN_CHARACTERS]
        plain_id = bytes.fromhex(tenant_id.removeprefix(_ID_PREFIX))
        return own + _encode(_combine(plain_id, self._find_mask(name, own)))

    def read_tenant(self, name: str, tag: str) -> str | None:
        """The id of the tenant whose workflow it would be a tag of; None if it has not the form of one."""
        own, hidden = tag[:OWN_CHARACTERS], _decode(tag[OWN_CHARACTERS:])
        if hidden is None:
            return None
        return _ID_PREFIX + _combine(hidden, self._find_mask(name, own)).hex()

    def _find_mask(self, name: str, own: str) -> bytes:
        return hmac.digest(self._key, f"{name}+{own}".encode(), hashlib.sha256)[:ID_BYTES]

    @cached_property
    def _key(self) -> bytes:
        return derive_key(parse_master_key(self._master_key), "mail addresses")


def _combine(content: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(content, mask, strict=True))


def _encode(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()


def _decode(text: str) -> bytes | None:
    """None of what `_encode` has not made."""
    if len(text) != ID_CHARACTERS or not text.isascii():
        return None
    with suppress(ValueError):
        content = base64.b32decode(f"{text.upper()}======")
        return content if _encode(content) == text else None
    return None
