"""Proves what `auth` adds to requests, to which of them, and that a refused token is replaced once in a call."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from arcrun.authorization.model import Authorization, parse_authorization
from arcrun.authorization.token_requests import build_unavailable_error
from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import CredentialError, HostFunctionError, InputError, NotConfiguredError
from arcrun.ports import HttpRequest
from arcrun.store.access import Caller
from arcrun.workflows.compile import require_plan
from executor.accepted_runs import make_keepable
from executor.authorization.access_tokens import AccessToken, TokenUser
from executor.authorization.calls import authorize
from executor.authorization.requests import AuthorizedHttpClient, HeaderProof, QueryProof, open_proof
from fakes.builtins import BUILTINS, read_contract_sources
from fakes.executor import build_bench
from fakes.flows import compile_source
from fakes.ports.http_client import FakeHttpClient, respond
from fakes.ports.system import FixedClock

pytestmark = pytest.mark.anyio

URL = "https://api.example.com/a"
OAUTH = json.dumps({"client_id": "i", "client_secret": "s", "token_url": "https://login.example.com/t"})


class Tokens:
    """In the place of AccessTokenStore: another token at each refusal, as long as there is one."""

    def __init__(self, *values: str) -> None:
        self.values = list(values)
        self.refused: list[int | None] = []

    async def find(self, _client: Any, _user: Any, refused: int | None = None) -> AccessToken:
        self.refused.append(refused)
        if not self.values:
            raise build_unavailable_error(URL, "it is down")
        return AccessToken(self.values.pop(0), len(self.refused), 0, "")


async def open_client(kind: str, secret: str, http: FakeHttpClient, tokens: Any = None, **fields: str) -> Any:
    auth = Authorization(kind, "name", **fields)
    secrets = {"name": secret}
    user = TokenUser(secret, http, int)
    proof = await open_proof(auth, user, secrets, store=tokens, clock=FixedClock())
    return AuthorizedHttpClient(http, proof), secrets


@pytest.mark.parametrize(
    ("kind", "secret", "fields", "name", "value"),
    [
        ("bearer", " mF_9.B5f-4.1JqM\n", {}, "authorization", "Bearer mF_9.B5f-4.1JqM"),
        ("basic", "Aladdin:open sesame", {}, "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("basic", "test:123£", {}, "authorization", "Basic dGVzdDoxMjPCow=="),
        ("header", "k", {"name": "X-Api-Key"}, "X-Api-Key", "k"),
        ("header", "k", {"name": "Authorization", "prefix": "Token "}, "Authorization", "Token k"),
    ],
    ids=["RFC 6750, 2.1", "RFC 7617, 2", "RFC 7617, 2.1", "a header", "a scheme of its own"],
)
async def test_headers(kind: str, secret: str, fields: dict[str, str], name: str, value: str) -> None:
    http = FakeHttpClient(respond())
    client, _ = await open_client(kind, secret, http, **fields)
    await client.send(HttpRequest("GET", URL, {"AUTHORIZATION": "old", "x-api-key": "old", "Accept": "a"}))
    headers = http.requests[0].headers
    assert headers[name] == value
    assert [key for key in headers if key.lower() == name.lower()] == [name]
    assert headers["Accept"] == "a"


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://a.b", "https://a.b?k%20y=s%26%3D"),
        ("https://a.b/?x=1#part", "https://a.b/?x=1&k%20y=s%26%3D"),
        ("https://a.b/?", "https://a.b/?k%20y=s%26%3D"),
    ],
)
async def test_a_parameter(url: str, sent: str) -> None:
    request = await QueryProof("k y", "s&=").add(HttpRequest("GET", url))
    assert request.url == sent


@pytest.mark.parametrize(
    ("url", "gets_it"),
    [
        ("https://API.example.com:443/other", True),
        ("http://api.example.com/a", False),
        ("https://api.example.com:8443/a", False),
        ("https://example.com/a", False),
    ],
)
async def test_only_the_origin_of_the_first_request_gets_it(url: str, *, gets_it: bool) -> None:
    http = FakeHttpClient(respond())
    client = AuthorizedHttpClient(http, HeaderProof("x-key", "s"))
    for each in (URL, url, URL):
        await client.send(HttpRequest("GET", each))
    assert ["x-key" in request.headers for request in http.requests] == [True, gets_it, True]


async def test_a_refused_token_is_replaced_once_in_a_call() -> None:
    tokens, http = Tokens("t-1", "t-2", "t-3"), FakeHttpClient(respond(401))
    client, secrets = await open_client("oauth2_client", OAUTH, http, tokens)
    responses = [await client.send(HttpRequest("GET", URL)) for _ in range(2)]
    assert [response.status for response in responses] == [401, 401]
    assert [request.headers["authorization"] for request in http.requests] == ["Bearer t-1", *["Bearer t-2"] * 2]
    assert tokens.refused == [None, 1]
    assert {"t-1", "t-2"} <= set(secrets.values())  # both are kept out of the record


async def test_the_same_token_is_not_sent_again() -> None:
    http = FakeHttpClient(respond(401))
    client, _ = await open_client("oauth2_client", OAUTH, http, Tokens("t", "t"))
    await client.send(HttpRequest("GET", URL))
    assert len(http.requests) == 1


async def test_why_there_is_no_other_token_is_told() -> None:
    client, _ = await open_client("oauth2_client", OAUTH, FakeHttpClient(respond(401)), Tokens("t"))
    with pytest.raises(HostFunctionError):
        await client.send(HttpRequest("GET", URL))
    assert client.failure is not None
    assert client.failure.code == "TOKEN_UNAVAILABLE"


class Pieces:
    """A body that is made while it is sent, each time anew."""

    size = 11

    async def open(self) -> AsyncIterator[bytes]:
        for piece in (b"hello ", b"world"):
            yield piece


async def test_a_body_that_is_streamed_is_signed_by_its_bytes() -> None:
    secret = json.dumps({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "key"})
    http = FakeHttpClient(respond())
    client, _ = await open_client("aws_sigv4", secret, http, region="eu-central-1", service="s3")
    request = HttpRequest("PUT", "https://b.s3.amazonaws.com/x")
    await client.send(replace(request, stream=Pieces()))
    await client.send(replace(request, body=b"hello world"))
    streamed, whole = (each.headers for each in http.requests)
    assert http.sent == [b"hello world"]
    assert streamed == whole
    assert whole["x-amz-content-sha256"] == hashlib.sha256(b"hello world").hexdigest()


async def call(given: Any, caller: Caller | None) -> Any:
    return await authorize(
        given, caller, http=FakeHttpClient(respond()), take=int, open_tokens=None, clock=FixedClock()
    )


BEARER = {"type": "bearer", "credential": "name"}


@pytest.mark.parametrize(
    ("given", "caller", "error"),
    [
        (BEARER, None, InputError),
        (BEARER, Caller("w", "r", "c"), InputError),
        ("name", Caller("w", "r", "c", {"name": "s"}), InputError),
        (BEARER, Caller("w", "r", "c", {"name": "two words"}), CredentialError),
        ({"type": "oauth2_client", "credential": "name"}, Caller("w", "r", "c", {"name": OAUTH}), NotConfiguredError),
    ],
    ids=["outside of a run", "a secret that the run has not read", "no object", "another form", "no key to seal with"],
)
async def test_a_call_that_cannot_prove_anything(given: Any, caller: Caller | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        await call(given, caller)


async def test_a_call_of_a_run_can() -> None:
    assert await call(BEARER, Caller("w", "r", "c", {"name": "s"}))
    assert parse_authorization(BEARER).credential == "name"


async def test_what_a_run_may_read_is_kept_out_of_its_input() -> None:
    """An accepted run's input is recorded before it has read a secret."""
    bench = build_bench({}, contracts={"http_request": read_contract_sources()["http_request"]})
    bench.store_credential("crm", "canary-of-crm")
    config = {"ask": {"component": "http_request", "url": URL, "auth": {"type": "bearer", "credential": "crm"}}}
    source = {"name": "w", "flow": ["input >> PIPE >> ask"], "config": config}
    plan = require_plan(compile_source(source, BUILTINS))
    trigger = Trigger(TriggerKind.WEBHOOK, {"said": "canary-of-crm"})
    assert await make_keepable(plan, trigger, bench.service.engine.ports) == {"said": "[REDACTED]"}
