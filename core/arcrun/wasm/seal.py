"""A metered module that is kept: under the hash of the module that it was made of, ending in a seal.

The seal is a custom section, which engines read over, with a SHA-256 of the source's hash and of all that stands before
it. So a module that is cut short, changed, or kept under another's name is told from a whole one without the source.
It is no signature: whoever may write there can seal what he likes.
"""

import hashlib

from arcrun.wasm.binary import CUSTOM, encode_name, encode_section
from arcrun.wasm.metering import METERING_VERSION

METERED_PREFIX = "metered/"
_SECTION = encode_name("arcrun.seal")


def metered_key(sha256: str) -> str:
    """Where the bucket keeps the metered module. `sha256` is that of the module as published, in hexadecimal."""
    return f"{METERED_PREFIX}{METERING_VERSION}/{sha256}.wasm"


def seal_module(metered: bytes, sha256: str) -> bytes:
    return metered + _build_seal(metered, sha256)


def is_sealed(content: bytes, sha256: str) -> bool:
    """Whether `content` is, whole, what was sealed as the metered module of the one with this hash."""
    size = len(_build_seal(b"", ""))
    return content[-size:] == _build_seal(content[:-size], sha256)


def _build_seal(metered: bytes, sha256: str) -> bytes:
    digest = hashlib.sha256(metered_key(sha256).encode())
    digest.update(metered)
    return encode_section(CUSTOM, _SECTION + digest.digest())
