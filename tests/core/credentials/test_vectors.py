"""The `cryptography` cipher reads and writes the shared vectors. tests/workerd/test_webcrypto.py checks the same with
WebCrypto, so each can decrypt what the other has encrypted.
"""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from arcrun.credentials.record import (
    SealedCredential,
    associated_data_of,
    parse_encryption_key,
    parse_record,
    render_record,
)

VECTORS = json.loads((Path(__file__).parents[2] / "fixtures/credential_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_vector_is_read_and_written(vector: dict[str, str]) -> None:
    aes = AESGCM(parse_encryption_key(vector["key"]))
    sealed = parse_record(vector["name"], vector["record"])
    data = associated_data_of(vector["name"])
    assert aes.decrypt(sealed.iv, sealed.ciphertext, data).decode() == vector["secret"]
    again = SealedCredential(aes.encrypt(sealed.iv, vector["secret"].encode(), data), sealed.iv)
    assert render_record(again) == vector["record"]
