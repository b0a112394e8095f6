"""Webhook tokens of tenants. Only the platform can tell from a token whose it is.

A token is 96 hexadecimal digits: 16 random bytes, then the 16 bytes of the tenant's id in AES-256-GCM with its tag.
The key is derived from MASTER_KEY, the IV is the first 12 random bytes, the other 4 are associated data.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from arcrun.accounts.master_key import derive_key, parse_master_key
from arcrun.credentials.record import IV_BYTES, TAG_BYTES
from arcrun.errors import DecryptionError
from arcrun.ports import Cipher, Random

if TYPE_CHECKING:
    from arcrun.accounts.mail_tags import MailTags

RANDOM_BYTES, ID_BYTES = 16, 16
TOKEN_BYTES = RANDOM_BYTES + ID_BYTES + TAG_BYTES
_PATTERN = re.compile(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}")
_ID_PREFIX = "tn_"


class WebhookTokens:
    """`master_key` is MASTER_KEY as the Worker has it. The methods raise NotConfiguredError."""

    def __init__(self, master_key: str | None, build_cipher: Callable[[bytes], Cipher], random: Random) -> None:
        self._master_key, self._build_cipher, self._random = master_key, build_cipher, random

    async def make(self, tenant_id: str) -> str:
        nonce = self._random.token_bytes(RANDOM_BYTES)
        plain_id = bytes.fromhex(tenant_id.removeprefix(_ID_PREFIX))
        return (nonce + await self._cipher.encrypt(plain_id, nonce[:IV_BYTES], nonce[IV_BYTES:])).hex()

    async def read_tenant(self, token: str) -> str | None:
        """The id of the token's tenant; None if the token was not made here. A malformed token takes the same time."""
        content = bytes.fromhex(token) if _PATTERN.fullmatch(token) else bytes(TOKEN_BYTES)
        nonce, sealed = content[:RANDOM_BYTES], content[RANDOM_BYTES:]
        try:
            return _ID_PREFIX + (await self._cipher.decrypt(sealed, nonce[:IV_BYTES], nonce[IV_BYTES:])).hex()
        except DecryptionError:
            return None

    @cached_property
    def mail_tags(self) -> "MailTags":
        from arcrun.accounts.mail_tags import MailTags  # noqa: PLC0415 - few workflows have an address

        return MailTags(self._master_key)

    @cached_property
    def _cipher(self) -> Cipher:
        return self._build_cipher(derive_key(parse_master_key(self._master_key), "webhook tokens"))


class TenantTokens:
    """Tokens for the workflows of one tenant, and what is made of them: tags of mail addresses."""

    def __init__(self, tokens: WebhookTokens, tenant_id: str) -> None:
        self._tokens, self._tenant_id = tokens, tenant_id

    def build_mail_tag(self, name: str, token: str) -> str:
        """Raises NotConfiguredError."""
        return self._tokens.mail_tags.build(name, token, self._tenant_id)

    async def make(self) -> str:
        return await self._tokens.make(self._tenant_id)

    def is_token(self, text: str) -> bool:
        return _PATTERN.fullmatch(text) is not None

    async def is_own(self, text: str) -> bool:
        return await self._tokens.read_tenant(text) == self._tenant_id
