"""Whether a component is what the registry's signature says it is."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from acr.errors import CliError
from arcrun.errors import ArcrunError
from arcrun.registry.attestation import (
    Attested,
    AttestationError,
    check_statement,
    encode_for_signature,
    key_id_of,
    parse_signing_key,
    read_envelope,
)
from arcrun.registry.package import Package, build_package


@dataclass(frozen=True)
class Verified:
    """`predicate` is what the attestation says of the review."""

    attested: Attested
    key_id: str
    predicate: Mapping[str, Any]


def public_key_of(signing_key: str) -> bytes:
    """Of ARCRUN_SIGNING_KEY. Raises ArcrunError."""
    return Ed25519PrivateKey.from_private_bytes(parse_signing_key(signing_key)).public_key().public_bytes_raw()


def parse_public_key(text: str) -> bytes:
    """Raises CliError."""
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise CliError("The public key is not 32 bytes in base64.", "Ask the registry's owner: acr parts verify --json")
    return key


def verify_component(shown: Mapping[str, Any], module: bytes, public_key: bytes) -> tuple[Package, Verified]:
    """`shown` is the registry's answer for the version. Raises CliError if hash, contract or signature is wrong."""
    package = build_package(json.dumps(shown["contract"]), module)
    attested = Attested(shown["canonical_id"], shown["version"], package.sha256, package.contract_sha256)
    key_id = key_id_of(public_key)
    try:
        if package.sha256 != shown["sha256"]:
            raise AttestationError("The module's bytes are not those that the registry has announced.")
        signed = read_envelope(shown["attestation"], key_id)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, encode_for_signature(signed.payload))
        return package, Verified(attested, key_id, check_statement(signed.payload, attested))
    except InvalidSignature:
        problem = f"The signature is not that of the key {key_id}."
    except ArcrunError as error:
        problem = error.message
    name = f"{attested.canonical_id}@{attested.version}"
    raise CliError(f"{name} does not prove true. {problem}", "Do not run it; tell the registry's owner.")
