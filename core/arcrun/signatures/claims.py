"""What a request claims, by its scheme, and whether a secret bears it out.

A signature is compared as the text in which it was sent: there is one text for each signature, and nothing of the
caller's is decoded. Comparisons take the same time whatever differs.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from arcrun.errors import SignatureError
from arcrun.limits import MAX_SIGNATURES
from arcrun.ports import Crypto
from arcrun.signatures.policy import FORMATS, PAYLOAD_FIELD, Scheme, SignatureFormat, VerifyPolicy
from arcrun.signatures.received import (
    SECONDS_OR_MS,
    ReceivedRequest,
    build_malformed_error,
    read_time,
    to_bytes,
)
from arcrun.signatures.twilio import build_twilio_payloads

_ED25519_HEX = re.compile(r"[0-9a-fA-F]{128}", re.ASCII)
_PUBLIC_KEY_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_ED25519_BASE64 = re.compile(r"[A-Za-z0-9+/]{86}==", re.ASCII)
_SECRET_PREFIX, _PUBLIC_PREFIX = "whsec_", "whpk_"


class UnusableSecretError(Exception):
    """A stored secret that the scheme cannot use. The message says what it must be, and nothing of what it is."""


class Claim(Protocol):
    """`time_ms` is when the request says that it was sent; None if its scheme has no time."""

    @property
    def time_ms(self) -> int | None: ...

    async def holds(self, secret: str, crypto: Crypto) -> bool:
        """Whether it was made with the secret. Raises UnusableSecretError."""


@dataclass(frozen=True)
class HmacClaim:
    """One of `signatures` is the HMAC of one of `payloads`."""

    algorithm: str
    encoding: str
    payloads: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    time_ms: int | None = None

    async def holds(self, secret: str, crypto: Crypto) -> bool:
        key = _require_text(secret).encode()
        expected = [
            _encode(await crypto.hmac(self.algorithm, key, payload), self.encoding) for payload in self.payloads
        ]
        return _is_any(self.signatures, expected)


@dataclass(frozen=True)
class StandardWebhooksClaim:
    """Signatures of both kinds over one payload: HMAC (v1), as base64, and Ed25519 (v1a)."""

    payload: bytes
    symmetric: tuple[bytes, ...]
    asymmetric: tuple[bytes, ...]
    time_ms: int

    async def holds(self, secret: str, crypto: Crypto) -> bool:
        if secret.startswith(_PUBLIC_PREFIX):
            key = _decode_base64(secret.removeprefix(_PUBLIC_PREFIX))
            if len(key) != 32:
                raise UnusableSecretError("it must be whpk_ and the base64 of 32 bytes")
            checked = [await crypto.verify_ed25519(key, given, self.payload) for given in self.asymmetric]
            return any(checked)
        key = _decode_base64(secret.removeprefix(_SECRET_PREFIX))
        expected = _encode(await crypto.hmac("sha256", key, self.payload), "base64")
        return _is_any(self.symmetric, [expected])


@dataclass(frozen=True)
class Ed25519Claim:
    """The secret is the public key, in hexadecimal."""

    payload: bytes
    signature: bytes
    time_ms: int

    async def holds(self, secret: str, crypto: Crypto) -> bool:
        if not _PUBLIC_KEY_HEX.fullmatch(secret.strip()):
            raise UnusableSecretError("it must be a public key of 64 hexadecimal digits")
        return await crypto.verify_ed25519(bytes.fromhex(secret.strip()), self.signature, self.payload)


@dataclass(frozen=True)
class TokenClaim:
    """The secret itself, or what `derive` makes of it."""

    token: bytes
    derive: Callable[[str], bytes]
    time_ms: None = None

    async def holds(self, secret: str, _crypto: Crypto) -> bool:
        expected = self.derive(_require_text(secret))
        return hmac.compare_digest(hashlib.sha256(self.token).digest(), hashlib.sha256(expected).digest())


def read_claim(policy: VerifyPolicy, request: ReceivedRequest) -> Claim:
    """What the request claims. Raises SignatureError SIGNATURE_MISSING, SIGNATURE_MALFORMED."""
    match policy.scheme:
        case Scheme.STRIPE:
            return _read_stripe(request)
        case Scheme.STANDARD_WEBHOOKS:
            return _read_standard_webhooks(request)
        case Scheme.DISCORD:
            return _read_discord(request)
        case Scheme.TWILIO:
            given = to_bytes(request.find_one("x-twilio-signature"))
            return HmacClaim("sha1", "base64", build_twilio_payloads(policy.url, request), (given,))
        case Scheme.BASIC:
            return _read_basic(request)
    form = policy.format or FORMATS[policy.scheme]
    if policy.scheme in (Scheme.TELEGRAM, Scheme.HEADER):
        return TokenClaim(_strip_prefix(request.find_one(form.header), form.prefix), str.encode)
    return _read_hmac(form, request)


def _read_hmac(form: SignatureFormat, request: ReceivedRequest) -> HmacClaim:
    given = _normalize(_strip_prefix(request.find_one(form.header), form.prefix), form.encoding)
    sent = request.find_one(form.timestamp_header) if form.timestamp_header else ""
    time_ms = read_time(sent, SECONDS_OR_MS) if form.timestamp_header else None
    return HmacClaim(form.algorithm, form.encoding, (_render_payload(form.payload, sent, request),), (given,), time_ms)


def _render_payload(payload: str, time: str, request: ReceivedRequest) -> bytes:
    fields = {
        "body": request.body,
        "timestamp": time.encode(),
        "method": request.method.encode(),
        "path": to_bytes(request.path),
        "query": to_bytes(request.query),
    }
    pieces = PAYLOAD_FIELD.split(payload)  # text and names of fields in turn
    return b"".join(fields[piece] if i % 2 else piece.encode() for i, piece in enumerate(pieces))


def _read_stripe(request: ReceivedRequest) -> HmacClaim:
    """`t=SECONDS,v1=HEX`, with several v1 while a secret is rolled; other versions are ignored."""
    items = [item.strip().partition("=") for item in ",".join(request.find_all("stripe-signature")).split(",")]
    times = [value for key, _, value in items if key == "t"]
    given = [_normalize(to_bytes(value), "hex") for key, _, value in items if key == "v1"]
    if len(times) != 1:
        raise build_malformed_error("`stripe-signature` must have one `t=`")
    payload = b"%s.%s" % (to_bytes(times[0]), request.body)
    return HmacClaim("sha256", "hex", (payload,), _require_some(given, "v1="), read_time(times[0]))


def _read_standard_webhooks(request: ReceivedRequest) -> StandardWebhooksClaim:
    """The headers webhook-id, webhook-timestamp and webhook-signature; Svix's begin with svix-.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    names = {name.lower() for name, _ in request.headers}
    family = "svix" if "webhook-id" not in names and "svix-id" in names else "webhook"
    message, time = (request.find_one(f"{family}-{part}") for part in ("id", "timestamp"))
    listed = " ".join(request.find_all(f"{family}-signature")).replace(", ", " ").split()
    items = [item.partition(",") for item in listed]
    symmetric = [to_bytes(value) for version, _, value in items if version == "v1"]
    encoded = [value for version, _, value in items if version == "v1a" and _ED25519_BASE64.fullmatch(value)]
    _require_some([*symmetric, *map(to_bytes, encoded)], "v1,")
    payload = b"%s.%s.%s" % (to_bytes(message), to_bytes(time), request.body)
    asymmetric = tuple(map(base64.b64decode, encoded))
    return StandardWebhooksClaim(payload, tuple(symmetric), asymmetric, read_time(time))


def _read_discord(request: ReceivedRequest) -> Ed25519Claim:
    given, time = request.find_one("x-signature-ed25519"), request.find_one("x-signature-timestamp")
    if not _ED25519_HEX.fullmatch(given):
        raise build_malformed_error("`x-signature-ed25519` must have 128 hexadecimal digits")
    return Ed25519Claim(to_bytes(time) + request.body, bytes.fromhex(given), read_time(time))


def _read_basic(request: ReceivedRequest) -> TokenClaim:
    """RFC 7617. The secret is `user:password`."""
    kind, _, token = request.find_one("authorization").partition(" ")
    if kind.lower() != "basic":
        raise SignatureError("The request has no user and password (HTTP Basic).", code="SIGNATURE_MISSING")
    return TokenClaim(to_bytes(token.strip()), _derive_basic)


def _derive_basic(secret: str) -> bytes:
    if ":" not in secret:
        raise UnusableSecretError("it must be user:password")
    return base64.b64encode(secret.encode())


def _strip_prefix(value: str, prefix: str) -> bytes:
    if not value.startswith(prefix):
        raise build_malformed_error(f"it does not begin with `{prefix}`")
    return to_bytes(value.removeprefix(prefix))


def _require_some(given: list[bytes], version: str) -> tuple[bytes, ...]:
    if not given:
        raise SignatureError(f"The request has no signature `{version}`.", code="SIGNATURE_MISSING")
    if len(given) > MAX_SIGNATURES:
        raise build_malformed_error(f"it has more than {MAX_SIGNATURES} signatures")
    return tuple(given)


def _require_text(secret: str) -> str:
    if not secret:
        raise UnusableSecretError("it must not be empty")
    return secret


def _decode_base64(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise UnusableSecretError("it must be base64, perhaps after whsec_")
    return key


def _encode(digest: bytes, encoding: str) -> bytes:
    return base64.b64encode(digest) if encoding == "base64" else digest.hex().encode()


def _normalize(given: bytes, encoding: str) -> bytes:
    """Hexadecimal digits may be in either case."""
    return given.lower() if encoding == "hex" else given


def _is_any(given: tuple[bytes, ...], expected: list[bytes]) -> bool:
    """Whether one of both is in common; all are compared."""
    return sum(hmac.compare_digest(one, other) for one in given for other in expected) > 0
