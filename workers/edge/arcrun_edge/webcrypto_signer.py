"""Signer over the platform's WebCrypto."""

import base64
from typing import Any

import js
from pyodide.ffi import to_js

from arcrun.registry.attestation import parse_signing_key

# The DER bytes before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7).
_PKCS8_PREFIX = bytes.fromhex("302e020100300506032b657004220420")


class WebCryptoSigner:
    """Ed25519 with ARCRUN_SIGNING_KEY, which is parsed and imported at first use; that raises NotConfiguredError."""

    def __init__(self, signing_key: str | None) -> None:
        self._text = signing_key
        self._imported: Any | None = None

    async def sign(self, message: bytes) -> bytes:
        signed = await js.crypto.subtle.sign("Ed25519", await self._key(), to_js(message))
        signature: bytes = signed.to_bytes()
        return signature

    async def public_key(self) -> bytes:
        exported = await js.crypto.subtle.exportKey("jwk", await self._key())
        return base64.urlsafe_b64decode(f"{exported.x}==")

    async def _key(self) -> Any:
        if self._imported is None:
            encoded = to_js(_PKCS8_PREFIX + parse_signing_key(self._text))
            usages = to_js(["sign"])
            self._imported = await js.crypto.subtle.importKey("pkcs8", encoded, "Ed25519", True, usages)
        return self._imported
