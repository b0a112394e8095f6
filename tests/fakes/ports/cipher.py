"""Cipher over `cryptography`, which is what the command line encrypts with."""

import asyncio

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from arcrun.credentials.record import SealedCredential, associated_data_of, render_record
from arcrun.errors import DecryptionError


class DeskCipher:
    """`opened` counts the decryptions."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)
        self.opened = 0

    async def encrypt(self, plaintext: bytes, iv: bytes, associated_data: bytes) -> bytes:
        await asyncio.sleep(0)
        return self._aes.encrypt(iv, plaintext, associated_data)

    async def decrypt(self, ciphertext: bytes, iv: bytes, associated_data: bytes) -> bytes:
        self.opened += 1
        await asyncio.sleep(0)
        try:
            return self._aes.decrypt(iv, ciphertext, associated_data)
        except InvalidTag:
            raise DecryptionError("The ciphertext does not match its tag.") from None


def seal(key: bytes, name: str, secret: str, iv: bytes = bytes(12)) -> str:
    """What `acr creds push` puts into KV, with an IV that tests can foresee."""
    return render_record(SealedCredential(AESGCM(key).encrypt(iv, secret.encode(), associated_data_of(name)), iv))
