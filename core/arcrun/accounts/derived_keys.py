"""Keys for other purposes than sealing accounts, derived from MASTER_KEY."""

import hashlib
import hmac


def derive_key(master_key: bytes, purpose: str) -> bytes:
    """32 bytes, another key for each purpose. HMAC-SHA256 (RFC 2104) as a pseudorandom function."""
    return hmac.new(master_key, b"arcrun/" + purpose.encode(), hashlib.sha256).digest()
