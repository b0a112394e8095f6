"""Crypto over CPython's hmac and `cryptography`."""

import asyncio
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class DeskCrypto:
    """`calls` counts what it was asked for."""

    def __init__(self) -> None:
        self.calls = 0

    async def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        self.calls += 1
        await asyncio.sleep(0)
        assert key, "WebCrypto refuses an empty key"
        return hmac.digest(key, message, algorithm)

    async def verify_ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        self.calls += 1
        await asyncio.sleep(0)
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True
