"""API keys of tenants: `ak_` and 256 random bits in base64url. Only the SHA-256 is stored.

A key has too many bits for a hash to be searched: a slow hash, as for passwords, would gain nothing.
"""

import base64
import hashlib
from dataclasses import dataclass

from arcrun.ports import Random

PREFIX = "ak_"
KEY_BYTES = 32
ID_DIGITS = 12


def make_api_key(random: Random) -> str:
    return PREFIX + base64.urlsafe_b64encode(random.token_bytes(KEY_BYTES)).decode().rstrip("=")


def hash_api_key(api_key: str) -> str:
    """The SHA-256 of any string that was sent as a key, as 64 hexadecimal digits."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogatepass")).hexdigest()


def api_key_id_of(sha256: str) -> str:
    """The public id of a key, for logs and people. It grants no access."""
    return sha256[:ID_DIGITS]


@dataclass(frozen=True)
class KeyRecord:
    """`expires_ms` is None for a key that is valid until it is replaced. Times are milliseconds since 1970."""

    sha256: str
    created_ms: int
    expires_ms: int | None = None

    def is_valid(self, now_ms: float) -> bool:
        return self.expires_ms is None or now_ms < self.expires_ms

    def ending(self, at_ms: int) -> "KeyRecord":
        """The same key, valid until `at_ms` at the latest."""
        ends_ms = at_ms if self.expires_ms is None else min(at_ms, self.expires_ms)
        return KeyRecord(self.sha256, self.created_ms, ends_ms)
