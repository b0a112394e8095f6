"""Proves what POST /credentials/{name}/try answers: never a secret, and what to do if the credential does not work."""

import json
from typing import Any

import pytest

from fakes.executor import build_bench, build_client

pytestmark = pytest.mark.anyio

CLIENT = {"client_id": "i", "client_secret": "canary", "token_url": "https://login.example.com/t"}


async def try_it(secret: str, body: Any) -> tuple[int, Any]:
    bench = build_bench({})
    bench.store_credential("crm", secret)
    async with build_client(bench.service) as client:
        answer = await client.post("/credentials/crm/try", json=body)
    assert "canary" not in answer.text
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("secret", "kind", "form"),
    [
        ("canary", None, "text"),
        ('{"username": "ada", "password": "canary"}', "basic", "valid"),
        ('{"access_key_id": "a", "secret_access_key": "canary"}', "aws_sigv4", "valid"),
    ],
)
async def test_its_content_says_what_it_is_for(secret: str, kind: str | None, form: str) -> None:
    status, answer = await try_it(secret, {})
    assert (status, answer["data"]) == (200, {"type": kind, "form": form})


@pytest.mark.parametrize(
    ("secret", "body", "code"),
    [
        ("canary", {"auth": {"type": "oauth2_client"}}, "CREDENTIAL_UNUSABLE"),
        (json.dumps({**CLIENT, "client_secret": ""}), {"auth": {"type": "oauth2_client"}}, "CREDENTIAL_UNUSABLE"),
        ("canary", {"auth": {"type": "header"}}, "INVALID_INPUT"),
        ("canary", {"auth": "bearer"}, "INVALID_REQUEST"),
        ("canary", {"url": 1}, "INVALID_REQUEST"),
        ("canary", {"url": "https://a.example.com/" + "x" * 9_000}, "INVALID_REQUEST"),
        ("canary", {"url": "nowhere"}, "INVALID_URL"),
        ("canary", {"url": "http://127.0.0.1/"}, "ADDRESS_NOT_ALLOWED"),
        ("canary", {"other": 1}, "UNKNOWN_KEY"),
        (
            *('{"access_key_id": "a", "secret_access_key": "canary"}', {"url": "https://a.example.com/"}),
            "INVALID_INPUT",
        ),
        (json.dumps(CLIENT), {}, "NOT_CONFIGURED"),
    ],
)
async def test_what_does_not_work_is_explained(secret: str, body: Any, code: str) -> None:
    status, answer = await try_it(secret, body)
    assert (answer["error"]["code"], 400 <= status < 600) == (code, True), answer
