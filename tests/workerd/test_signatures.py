"""Proves on real workerd that WebCrypto accepts the services' signed requests, and refuses tampered ones."""

import base64
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import httpx
import pytest

from fixtures.signed_requests import EXAMPLES, Example, discord
from workerd.probe_platform import running_probe

pytestmark = pytest.mark.workerd

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[example.id for example in EXAMPLES])


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_probe(tmp_path_factory.mktemp("signatures")) as client:
        yield client


def verify(probe: httpx.Client, example: Example, secret: str | None = None) -> Any:
    body = base64.b64encode(example.request.body).decode()
    sent = {
        "policy": example.policy.to_json(),
        "secrets": {"secret": example.secret if secret is None else secret},
        "now_ms": example.now_ms,
        "request": {**asdict(example.request), "body": body},
    }
    return probe.post("/verify", json=sent).json()


@each_example
def test_a_genuine_request_is_accepted(probe: httpx.Client, example: Example) -> None:
    assert verify(probe, example) == {"code": "accepted", "answer": None}


@each_example
def test_a_tampered_request_is_refused(probe: httpx.Client, example: Example) -> None:
    if example.signs_body:
        assert verify(probe, example.change(body=example.request.body + b" ")) == {"code": "SIGNATURE_INVALID"}
    late = replace(example, now_s=example.now_s + 301)
    assert verify(probe, late)["code"] == ("SIGNATURE_EXPIRED" if example.is_timed else "accepted")


def test_a_public_key_that_is_no_point_accepts_nothing(probe: httpx.Client) -> None:
    for key in ("02" + "00" * 31, "ff" * 32, "00" * 32):
        assert verify(probe, discord(b"{}"), key) == {"code": "SIGNATURE_INVALID"}


def test_an_answer_comes_from_a_handshake(probe: httpx.Client) -> None:
    assert verify(probe, discord(b'{"type":1}')) == {"code": "accepted", "answer": '{"type": 1}'}
