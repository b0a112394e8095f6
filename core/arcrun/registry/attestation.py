"""The registry's signed attestation that a version has passed its review.

An in-toto Statement v1 in a DSSE envelope, signed with Ed25519, so that other tools can verify it too. Sources: in-toto
Attestation Framework 1.0 (Statement), Dead Simple Signing Envelope 1.0 (envelope and pre-authentication encoding).
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcrun.contracts.model import JAVASCRIPT
from arcrun.credentials.record import KEY_BYTES, decode_key
from arcrun.errors import ArcrunError, NotConfiguredError
from arcrun.ports import Signer
from arcrun.registry.step import Step
from arcrun.wasm.metering import METERING_VERSION

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:arcrun:review:v1"


class AttestationError(ArcrunError):
    """An attestation with wrong contents, or without a valid signature."""

    code = "ATTESTATION_INVALID"
    http_status = 422


def parse_signing_key(text: str | None) -> bytes:
    """The 32 bytes of ARCRUN_SIGNING_KEY, given in base64. Raises NotConfiguredError, whose message lacks the key."""
    try:
        return decode_key(text or "")
    except ValueError:
        raise NotConfiguredError(
            f"ARCRUN_SIGNING_KEY is not {KEY_BYTES} bytes in base64, so no component can be accepted.",
            code="SIGNING_KEY_MISSING",
            next_actions=[
                "Make one and give it to the registry: acr init, then acr deploy. `acr dev` does so on its own."
            ],
        ) from None


@dataclass(frozen=True)
class Attested:
    """The subject of an attestation: a component's version, and the hashes of its module, or main.js, and its
    contract.
    """

    canonical_id: str
    version: str
    sha256: str
    contract_sha256: str
    is_javascript: bool = False

    def to_json(self) -> dict[str, str]:
        """{"canonical_id", "version", "sha256", "contract_sha256"}, and for JavaScript {"runtime"}."""
        names = ("canonical_id", "version", "sha256", "contract_sha256")
        runtime = {"runtime": JAVASCRIPT} if self.is_javascript else {}
        return {**{name: getattr(self, name) for name in names}, **runtime}


def signing_key_id_of(public_key: bytes) -> str:
    """An id of an Ed25519 key: 16 hexadecimal digits."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def build_statement(attested: Attested, steps: Sequence[Step], accepted_at: str) -> bytes:
    """The payload as JSON. `accepted_at` is ISO 8601."""
    name = f"{attested.canonical_id}@{attested.version}"
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": f"{name}.{'js' if attested.is_javascript else 'wasm'}", "digest": {"sha256": attested.sha256}},
            {"name": f"{name}.contract.json", "digest": {"sha256": attested.contract_sha256}},
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "accepted_at": accepted_at,
            "metering_version": METERING_VERSION,
            "steps": [step.to_json() for step in steps],
        },
    }
    return json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode()


async def sign_statement(statement: bytes, signer: Signer) -> dict[str, Any]:
    """The envelope: {"payloadType", "payload", "signatures": [{"keyid", "sig"}]}, bytes in base64."""
    signature = await signer.sign(encode_for_signature(statement))
    key_id = signing_key_id_of(await signer.public_key())
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(statement).decode(),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }


def encode_for_signature(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


@dataclass(frozen=True)
class Signed:
    """A parsed envelope: its payload, and the signature under the requested key."""

    payload: bytes
    signature: bytes


def read_envelope(envelope: Any, key_id: str) -> Signed:
    """Parse an untrusted envelope. Raises AttestationError."""
    try:
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise AttestationError("It is not an in-toto statement.")
        payload = base64.b64decode(envelope["payload"], validate=True)
        found = [item["sig"] for item in envelope["signatures"] if item["keyid"] == key_id]
        if not found:
            raise AttestationError(f"It is not signed with the key {key_id}.")
        return Signed(payload, base64.b64decode(found[0], validate=True))
    except (KeyError, TypeError, ValueError):
        raise AttestationError("It is not a DSSE envelope.") from None


def check_statement(payload: bytes, attested: Attested) -> Mapping[str, Any]:
    """Check that a statement, whose signature is already verified, is about this version. Returns its predicate.

    Raises AttestationError.
    """
    try:
        statement = json.loads(payload)
        wanted = json.loads(build_statement(attested, (), ""))
        for name in ("_type", "subject", "predicateType"):
            if statement[name] != wanted[name]:
                raise AttestationError(f"Its `{name}` is not that of {attested.canonical_id}@{attested.version}.")
        predicate: Mapping[str, Any] = statement["predicate"]
        failed = [step["name"] for step in predicate["steps"] if step["status"] != "passed"]
    except (KeyError, TypeError, ValueError):
        raise AttestationError("Its payload is not a statement.") from None
    if failed:
        raise AttestationError(f"It states that {', '.join(failed)} did not pass.")
    return predicate
