"""Tokens of sessions (`acrs_`) and of one-time links (`acrl_`), and how one proves which key it came from."""

import hashlib
import hmac
from collections.abc import Iterable

SESSION_PREFIX, LINK_PREFIX = "acrs_", "acrl_"


def prove_key(token: str, key_sha256: str) -> str:
    """What is stored beside a token's hash, so that it ends with its key. Whoever has what is stored cannot try keys:
    the HMAC is keyed by the token, which is stored nowhere.
    """
    return hmac.new(token.encode("utf-8", "surrogatepass"), key_sha256.encode(), hashlib.sha256).hexdigest()


def find_proven(token: str, proof: str, key_sha256s: Iterable[str]) -> str | None:
    """The SHA-256 of the key from which the token came, if it is among those."""
    return next((each for each in key_sha256s if hmac.compare_digest(prove_key(token, each), proof)), None)
