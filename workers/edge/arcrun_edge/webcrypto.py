"""Cipher and Crypto over the platform's WebCrypto, which is native and does not slow down a Worker's start:
docs/adr/0003.
"""

from typing import Any

import js
from js import Object
from pyodide.ffi import JsException, to_js

from arcrun.errors import DecryptionError
from arcrun_edge.faults import build_fault, naming_faults
from arcrun_edge.javascript import lend_bytes, take_bytes

_HASHES = {"sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}


class WebCryptoCipher:
    """AES-256-GCM with the 32 bytes of `key`, which is imported at the first use."""

    def __init__(self, key: bytes) -> None:
        self._bytes = key
        self._imported: Any | None = None

    async def encrypt(self, plaintext: bytes, iv: bytes, associated_data: bytes) -> bytes:
        with naming_faults("WebCrypto", "CRYPTO_FAILED"), lend_bytes(plaintext) as lent:
            sealed = await js.crypto.subtle.encrypt(_options(iv, associated_data), await self._key(), lent)
        return take_bytes(sealed)

    async def decrypt(self, ciphertext: bytes, iv: bytes, associated_data: bytes) -> bytes:
        try:
            with lend_bytes(ciphertext) as lent:
                opened = await js.crypto.subtle.decrypt(_options(iv, associated_data), await self._key(), lent)
        except JsException as error:
            if error.name != "OperationError":  # WebCrypto's error for a tag that does not match
                raise build_fault("WebCrypto", error, "CRYPTO_FAILED") from None
            raise DecryptionError("The ciphertext does not match its tag.") from None
        return take_bytes(opened)

    async def _key(self) -> Any:
        if self._imported is None:
            usages = to_js(["encrypt", "decrypt"])
            self._imported = await js.crypto.subtle.importKey("raw", to_js(self._bytes), "AES-GCM", False, usages)
        return self._imported


class WebCrypto:
    """HMAC and Ed25519, with a key for each call."""

    async def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        options = Object.new()
        options.name, options.hash = "HMAC", _HASHES[algorithm]
        with naming_faults("WebCrypto", "CRYPTO_FAILED"):
            imported = await js.crypto.subtle.importKey("raw", to_js(key), options, False, to_js(["sign"]))
            signed = await js.crypto.subtle.sign("HMAC", imported, to_js(message))
        digest: bytes = signed.to_bytes()
        return digest

    async def verify_ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        with naming_faults("WebCrypto", "CRYPTO_FAILED"):
            usages = to_js(["verify"])
            imported = await js.crypto.subtle.importKey("raw", to_js(public_key), "Ed25519", False, usages)
            return bool(await js.crypto.subtle.verify("Ed25519", imported, to_js(signature), to_js(message)))


def _options(iv: bytes, associated_data: bytes) -> Any:
    """The algorithm's parameters, set field by field: `to_js` of a mapping takes three times as long."""
    options = Object.new()
    options.name, options.iv, options.additionalData = "AES-GCM", to_js(iv), to_js(associated_data)
    return options
