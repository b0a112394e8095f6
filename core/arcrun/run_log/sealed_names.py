"""Sealing of names that a RunLog compares: of workflows, nodes, events, codes of errors.

A name is always sealed to the same text: base64url of 12 bytes of its HMAC-SHA-256, which are the IV, and of the
ciphertext (AES-256-GCM). Whoever has no key sees which are equal, and no more. Both keys are derived from the tenant's.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress

from arcrun.accounts.master_key import derive_key
from arcrun.caches import Cache
from arcrun.credentials.record import IV_BYTES, TAG_BYTES
from arcrun.errors import DecryptionError
from arcrun.limits import MAX_KNOWN_NAMES
from arcrun.ports import Cipher

_PURPOSE = b"name in a RunLog"


class SealedNames:
    """`data_key` is the tenant's. The empty name is not sealed."""

    def __init__(self, data_key: bytes, build_cipher: Callable[[bytes], Cipher]) -> None:
        self._cipher = build_cipher(derive_key(data_key, "names in the RunLog"))
        self._iv_key = derive_key(data_key, "which names in the RunLog")
        self._sealed, self._opened = Cache[str](MAX_KNOWN_NAMES), Cache[str](MAX_KNOWN_NAMES)

    async def seal(self, name: str) -> str:
        if not name:
            return name
        if (known := self._sealed.get(name, None)) is None:
            content = name.encode("utf-8", "surrogatepass")
            iv = hmac.digest(self._iv_key, content, hashlib.sha256)[:IV_BYTES]
            known = base64.urlsafe_b64encode(iv + await self._cipher.encrypt(content, iv, _PURPOSE)).decode()
            self._sealed.put(name, known)
        return known

    async def open(self, sealed: str) -> str:
        """Raises DecryptionError."""
        if not sealed:
            return sealed
        if (known := self._opened.get(sealed, None)) is None:
            content = _decode(sealed)
            opened = await self._cipher.decrypt(content[IV_BYTES:], content[:IV_BYTES], _PURPOSE)
            known = opened.decode("utf-8", "surrogatepass")
            self._opened.put(sealed, known)
        return known


def _decode(sealed: str) -> bytes:
    """Raises DecryptionError."""
    with suppress(ValueError):
        content = base64.urlsafe_b64decode(sealed)
        if len(content) > IV_BYTES + TAG_BYTES:
            return content
    raise DecryptionError("A sealed name of the RunLog cannot be read.")
