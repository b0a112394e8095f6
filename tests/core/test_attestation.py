"""An attestation states what was reviewed, in DSSE; any change to it, its key or its component is detected."""

import base64
import json
from typing import Any

import pytest

from arcrun.errors import NotConfiguredError
from arcrun.registry.attestation import (
    AttestationError,
    Attested,
    build_statement,
    check_statement,
    encode_for_signature,
    parse_signing_key,
    read_envelope,
)
from arcrun.registry.step import StepName, failed, passed

ATTESTED = Attested("echo", "v1", "a" * 64, "b" * 64)
STEPS = [passed(StepName.SIZE_CHECK, "1 KB", "2 KB")]
STATEMENT = build_statement(ATTESTED, STEPS, "2026-01-01T00:00:00Z")
ENVELOPE = {
    "payloadType": "application/vnd.in-toto+json",
    "payload": base64.b64encode(STATEMENT).decode(),
    "signatures": [{"keyid": "k", "sig": base64.b64encode(b"signature").decode()}],
}


def test_the_pre_authentication_encoding_is_dsses() -> None:
    assert encode_for_signature(b"hello world") == b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"


def test_the_statement_is_in_totos() -> None:
    statement = json.loads(STATEMENT)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["digest"]["sha256"] for subject in statement["subject"]] == ["a" * 64, "b" * 64]
    assert check_statement(STATEMENT, ATTESTED) == statement["predicate"]


def test_an_envelope_is_taken_apart() -> None:
    signed = read_envelope(ENVELOPE, "k")
    assert (signed.payload, signed.signature) == (STATEMENT, b"signature")


@pytest.mark.parametrize(
    ("envelope", "told"),
    [
        pytest.param(None, "not a DSSE envelope", id="nothing"),
        pytest.param([], "not a DSSE envelope", id="a list"),
        pytest.param({**ENVELOPE, "payload": "%"}, "not a DSSE envelope", id="no base64"),
        pytest.param({**ENVELOPE, "signatures": 1}, "not a DSSE envelope", id="no signatures"),
        pytest.param({**ENVELOPE, "payloadType": "text/plain"}, "not an in-toto statement", id="another type"),
        pytest.param({**ENVELOPE, "signatures": []}, "not signed with the key k", id="unsigned"),
    ],
)
def test_what_is_no_envelope(envelope: Any, told: str) -> None:
    with pytest.raises(AttestationError, match=told):
        read_envelope(envelope, "k")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        pytest.param(b"{", "not a statement", id="no JSON"),
        pytest.param(b"[]", "not a statement", id="a list"),
        pytest.param(STATEMENT.replace(b'"urn:arcrun:review:v1"', b'"urn:x"'), "predicateType", id="another predicate"),
        pytest.param(STATEMENT.replace(b"a" * 64, b"c" * 64), "subject", id="another module"),
        pytest.param(STATEMENT.replace(b"echo@v1.wasm", b"echo@v2.wasm"), "subject", id="another version"),
        pytest.param(
            build_statement(ATTESTED, [failed(StepName.SIZE_CHECK, "X", ["no"])], ""), "size_check", id="a failed step"
        ),
    ],
)
def test_what_is_not_about_this_version(statement: bytes, told: str) -> None:
    with pytest.raises(AttestationError, match=told):
        check_statement(statement, ATTESTED)


@pytest.mark.parametrize("text", [None, "", "%", base64.b64encode(b"k" * 31).decode()])
def test_a_bad_signing_key_is_told_without_repeating_it(text: str | None) -> None:
    with pytest.raises(NotConfiguredError) as refused:
        parse_signing_key(text)
    assert refused.value.code == "SIGNING_KEY_MISSING"
    assert not text or text not in refused.value.message


def test_a_signing_key_is_32_bytes() -> None:
    assert parse_signing_key(base64.b64encode(b"k" * 32).decode() + "\n") == b"k" * 32
