"""A stored metered module: under the hash of its source module, with a seal at its end.

The seal is a custom section, which engines ignore, with a SHA-256 of the source's hash and of everything before it. So
a module that is truncated, modified, or stored under another's name is detected without the source. It is not a
signature: anyone with write access can forge it.
"""

import hashlib

from arcrun.wasm.binary import CUSTOM, encode_name, encode_section
from arcrun.wasm.metering import METERING_VERSION

METERED_PREFIX = "metered/"
_SECTION = encode_name("arcrun.seal")


def metered_key(sha256: str) -> str:
    """The key of the metered module in the bucket. `sha256` is the published module's, in hexadecimal."""
    return f"{METERED_PREFIX}{METERING_VERSION}/{sha256}.wasm"


def seal_module(metered: bytes, sha256: str) -> bytes:
    return metered + _build_seal(metered, sha256)


def is_sealed(content: bytes, sha256: str) -> bool:
    """Whether `content` is the complete sealed metered module for the module with this hash."""
    size = len(_build_seal(b"", ""))
    return content[-size:] == _build_seal(content[:-size], sha256)


def _build_seal(metered: bytes, sha256: str) -> bytes:
    digest = hashlib.sha256(metered_key(sha256).encode())
    digest.update(metered)
    return encode_section(CUSTOM, _SECTION + digest.digest())
