"""Verifies a component against the registry's signed attestation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from acr.errors import CliError
from acr.output.render import warn
from acr.targets.registry_client import RegistryClient
from acr.targets.service_client import require_data
from arcrun.credentials.record import decode_key
from arcrun.errors import ArcrunError
from arcrun.registry.attestation import (
    AttestationError,
    Attested,
    check_statement,
    encode_for_signature,
    parse_signing_key,
    read_envelope,
    signing_key_id_of,
)
from arcrun.registry.package import Package, build_package


@dataclass(frozen=True)
class Verified:
    """A verified component. `predicate` is the attestation's statement on the review."""

    attested: Attested
    key_id: str
    predicate: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """{"canonical_id", "version", "sha256", "contract_sha256", "key_id", "accepted_at", "steps", ...}"""
        return {**self.attested.to_json(), "key_id": self.key_id, **self.predicate}


def fetch_verified(client: RegistryClient, reference: str, public_key: str | None) -> tuple[Package, Verified]:
    """Fetch and verify the component `reference`, `id` or `id@v1`. Raises CliError and AnswerError.

    `public_key` is in base64; if it is None, your own registry's key is used, or else the one that the registry
    presents.
    """
    canonical_id, _, version = reference.partition("@")
    shown = require_data(client.show(canonical_id, version or None))
    module = client.read_module(canonical_id, shown["version"])
    return verify_component(shown, module, _find_key(client, public_key))


def _find_key(client: RegistryClient, public_key: str | None) -> bytes:
    if public_key is not None:
        return parse_public_key(public_key)
    if client.signing_key is not None:
        return public_key_of(client.signing_key)
    shown = client.read_key()
    warn(f"The registry itself presented the key {shown['key_id']}. Get it from the registry's owner, for --key.")
    return parse_public_key(shown["public_key"])


def public_key_of(signing_key: str) -> bytes:
    """The public key of ARCRUN_SIGNING_KEY. Raises ArcrunError."""
    return Ed25519PrivateKey.from_private_bytes(parse_signing_key(signing_key)).public_key().public_bytes_raw()


def parse_public_key(text: str) -> bytes:
    """Decode a base64 public key. Raises CliError."""
    try:
        return decode_key(text)
    except ValueError:
        hint = "Ask the registry's owner: acr parts verify --json"
        raise CliError("The public key is not 32 bytes in base64.", hint) from None


def verify_component(shown: Mapping[str, Any], module: bytes, public_key: bytes) -> tuple[Package, Verified]:
    """Verify a component. `shown` is the registry's answer for the version.

    Raises CliError if the hash, contract or signature is wrong.
    """
    package = build_package(json.dumps(shown["contract"]), module)
    attested = Attested(
        shown["canonical_id"], shown["version"], package.sha256, package.contract_sha256, package.is_javascript
    )
    key_id = signing_key_id_of(public_key)
    try:
        if package.sha256 != shown["sha256"]:
            raise AttestationError("The module's hash is not the one that the registry lists.")
        signed = read_envelope(shown["attestation"], key_id)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, encode_for_signature(signed.payload))
        return package, Verified(attested, key_id, check_statement(signed.payload, attested))
    except InvalidSignature:
        problem = f"The signature was not made with the key {key_id}."
    except ArcrunError as error:
        problem = error.message
    name = f"{attested.canonical_id}@{attested.version}"
    raise CliError(f"{name} failed verification. {problem}", "Do not run it; tell the registry's owner.")
