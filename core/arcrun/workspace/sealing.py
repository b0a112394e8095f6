"""How a Workspace stores data: an account's own in plaintext, a tenant's sealed, because it is outside the tenant's KV.

A sealed value is a credential's record (arcrun/credentials/record.py): AES-256-GCM under a key that is derived from
MASTER_KEY for the tenant, with the value's kind as the associated data. Names are looked up by their HMAC-SHA256.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from arcrun.accounts.master_key import derive_key, parse_master_key
from arcrun.credentials.record import IV_BYTES, SealedCredential, parse_sealed, render_record
from arcrun.errors import DecryptionError
from arcrun.ports import Cipher, Random


class Sealing(Protocol):
    hides_names: bool

    def id_of(self, name: str) -> str:
        """The id of a workflow's name."""

    async def seal(self, kind: str, value: Any) -> str:
        """JSON in the form that the Workspace stores. A value only opens with the same `kind`."""

    async def open(self, kind: str, text: str) -> Any:
        """The value. Raises DecryptionError."""


class Unsealed:
    """No sealing, for an account with a platform of its own."""

    hides_names = False

    def id_of(self, name: str) -> str:
        return name

    async def seal(self, kind: str, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    async def open(self, kind: str, text: str) -> Any:
        return json.loads(text)


class TenantSealing:
    """Sealing for one tenant. `master_key` is MASTER_KEY as the Worker has it."""

    hides_names = True

    def __init__(
        self, master_key: str | None, tenant_id: str, build_cipher: Callable[[bytes], Cipher], random: Random
    ) -> None:
        self._master_key, self._tenant_id = master_key, tenant_id
        self._build_cipher, self._random = build_cipher, random

    def id_of(self, name: str) -> str:
        return hmac.new(self._name_key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    async def seal(self, kind: str, value: Any) -> str:
        iv = self._random.token_bytes(IV_BYTES)
        ciphertext = await self._cipher.encrypt(json.dumps(value).encode(), iv, kind.encode())
        return render_record(SealedCredential(ciphertext, iv))

    async def open(self, kind: str, text: str) -> Any:
        try:
            sealed = parse_sealed(text)
        except ValueError as error:
            raise DecryptionError(f"A sealed value of the workspace cannot be read: {error}.") from None
        return json.loads(await self._cipher.decrypt(sealed.ciphertext, sealed.iv, kind.encode()))

    @cached_property
    def _cipher(self) -> Cipher:
        return self._build_cipher(self._derive("workspace"))

    @cached_property
    def _name_key(self) -> bytes:
        return self._derive("names in the workspace")

    def _derive(self, purpose: str) -> bytes:
        return derive_key(parse_master_key(self._master_key), f"{purpose} of {self._tenant_id}")


def token_id_of(token: str) -> str:
    """The token's SHA-256. A token has too many bits to be found by search."""
    return hashlib.sha256(token.encode()).hexdigest()
