"""MASTER_KEY, which seals the accounts of the hosted mode, and keys derived from it for other purposes."""

import hashlib
import hmac

from arcrun.credentials.record import decode_key
from arcrun.errors import NotConfiguredError

MAKE_KEY_COMMAND = "openssl rand -base64 32 | wrangler secret put MASTER_KEY"


def parse_master_key(text: str | None) -> bytes:
    """The 32 bytes of MASTER_KEY. Raises NotConfiguredError, whose message does not contain the key."""
    if not text or not text.strip():
        message = "MASTER_KEY is not set, so accounts can be neither stored nor read."
        raise NotConfiguredError(message, code="MASTER_KEY_MISSING", next_actions=[MAKE_KEY_COMMAND])
    try:
        return decode_key(text)
    except ValueError as error:
        message = f"MASTER_KEY is not valid: {error}. It must be 32 bytes in base64."
        raise NotConfiguredError(message, code="MASTER_KEY_INVALID", next_actions=[MAKE_KEY_COMMAND]) from None


def derive_key(master_key: bytes, purpose: str) -> bytes:
    """A 32-byte key, different for each purpose. HMAC-SHA256 (RFC 2104) as a pseudorandom function."""
    return hmac.new(master_key, b"arcrun/" + purpose.encode(), hashlib.sha256).digest()
