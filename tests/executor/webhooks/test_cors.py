"""Proves which pages of other origins may read what a webhook answers: none by default, never with credentials."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from arcrun.accounts.limits import TenantLimits
from executor.run_handlers import CONFINING_HEADERS
from fakes.components import echo
from fakes.executor import build_client
from fakes.tenants import build_hosted
from fakes.webhooks import Hook, flow_with
from fakes.wire import read_error

pytestmark = pytest.mark.anyio

PAGE, OTHER = "https://page.example", "https://other.example"
CORS = "access-control-"


def cors_headers(response: Any) -> dict[str, str]:
    return {name.removeprefix(CORS): value for name, value in response.headers.items() if name.startswith(CORS)}


@pytest.mark.parametrize("response", [None, {"html": "x"}, {"status": 404, "on_failure": {}}], ids=str)
@pytest.mark.parametrize(
    ("origins", "origin", "is_allowed"),
    [
        (None, PAGE, False),
        ([PAGE], PAGE, True),
        ([OTHER, PAGE], PAGE, True),
        ([PAGE], OTHER, False),
        ([PAGE], None, False),
        ([PAGE], "null", False),
        ([PAGE], f"{PAGE}:444", False),
        ([PAGE], f"{PAGE}.evil.example", False),
        ([PAGE], "http://page.example", False),
        ([PAGE], "https://evil.example/https://page.example", False),
        ([PAGE], f"{PAGE}, {OTHER}", False),
        (["*"], PAGE, True),
        (["*"], "null", False),
        (["*"], None, False),
    ],
)
@pytest.mark.parametrize("text", ["ok", "fail"])
async def test_who_may_read_an_answer(
    response: Any, origins: list[str] | None, origin: str | None, is_allowed: bool, text: str
) -> None:
    hook = Hook(response, **({} if origins is None else {"cors": {"origins": origins}}))
    answered = await hook.send({"text": text}, headers={} if origin is None else {"origin": origin})
    told = {"allow-origin": origin, "expose-headers": "*"} if is_allowed else {}
    assert cors_headers(answered) == told
    assert answered.headers.get("vary") == (None if origins is None else "Origin")
    assert len(hook.bench.runner.calls) == 1  # CORS is for browsers: it keeps no one from calling


@pytest.mark.parametrize(
    ("cors", "webhook", "origin", "expected"),
    [
        pytest.param(
            {"origins": [PAGE]}, {}, PAGE,
            {"allow-origin": PAGE, "allow-methods": "POST", "allow-headers": "content-type", "max-age": "600"},
            id="the defaults",
        ),
        pytest.param(
            {"origins": ["*"], "methods": ["GET"], "headers": ["X-A", "x-b"], "max_age_s": 0},
            {"methods": ["GET", "PUT"]}, PAGE,
            {"allow-origin": PAGE, "allow-methods": "GET", "allow-headers": "x-a, x-b", "max-age": "0"},
            id="all settings",
        ),
        pytest.param({"origins": [PAGE]}, {}, OTHER, {}, id="another origin"),
        pytest.param({"origins": ["*"]}, {}, "null", {}, id="no origin"),
    ],
)  # fmt: skip
async def test_a_preflight_runs_nothing(cors: Any, webhook: Any, origin: str, expected: dict[str, str]) -> None:
    hook = Hook(None, cors=cors, **webhook)
    sent = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x-evil"}
    answered = await hook.send(method="OPTIONS", headers=sent)
    assert (answered.status_code, answered.content, answered.headers["vary"]) == (204, b"", "Origin")
    assert cors_headers(answered) == expected
    assert hook.bench.runner.calls == []


async def test_options_without_a_preflight_is_as_ever() -> None:
    answered = await Hook(None, cors={"origins": [PAGE]}).send(method="OPTIONS", headers={"origin": PAGE})
    assert (answered.status_code, answered.headers["allow"]) == (204, "POST, OPTIONS")
    assert cors_headers(answered)["allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"headers": {"content-encoding": "br"}}, "UNSUPPORTED_ENCODING"),
        ({"rest": "?timeout_ms=x"}, "INVALID_REQUEST"),
        ({"method": "PUT"}, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_a_page_may_read_what_is_wrong_with_its_request(request_: Any, code: str) -> None:
    headers = {"origin": PAGE, **request_.pop("headers", {})}
    answered = await Hook(None, cors={"origins": [PAGE]}).send(headers=headers, **request_)
    assert (read_error(answered)["code"], cors_headers(answered)["allow-origin"]) == (code, PAGE)
    assert [answered.headers[name.decode()] for name, _ in CONFINING_HEADERS]


async def test_vary_of_the_workflow_stays() -> None:
    answered = await Hook({"body": "", "headers": {"vary": "Accept"}}, cors={"origins": [PAGE]}).send()
    assert answered.headers["vary"] == "Accept, Origin"


async def test_never_with_credentials() -> None:
    hook = Hook(None, cors={"origins": [PAGE]})
    answered = await hook.send(headers={"origin": PAGE, "cookie": "a=1"})
    assert "allow-credentials" not in cors_headers(answered)


async def ask_limited(flow: Any, method: str, headers: Mapping[str, str]) -> httpx.Response:
    """The answer to a request of a tenant that is at its limit."""
    bench = await build_hosted({"echo": echo}, limits=TenantLimits(requests_a_minute=1, burst_requests=1))
    pushed = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": flow})
    url = f"/webhooks/{pushed.json()['data']['token']}/trigger"
    async with bench.client(None) as client:
        return await client.request(method, url, headers=headers)


async def test_a_tenants_limit_may_be_read_too() -> None:
    flow = flow_with(None, cors={"origins": [PAGE]})
    refused = await ask_limited(flow, "POST", {"origin": PAGE})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert cors_headers(refused) == {"allow-origin": PAGE, "expose-headers": "*"}
    assert [refused.headers[name.decode()] for name, _ in CONFINING_HEADERS]
    preflight = {"origin": PAGE, "access-control-request-method": "POST"}
    assert (await ask_limited(flow, "OPTIONS", preflight)).status_code == 204  # or the page could not read the refusal


@pytest.mark.parametrize(
    ("flow", "headers"),
    [
        (flow_with(None, cors={"origins": [PAGE]}), {"origin": OTHER}),
        (flow_with(None, cors={"origins": [PAGE]}), {}),
        (flow_with(None), {"origin": PAGE}),
    ],
    ids=["another origin", "no origin", "no CORS"],
)
async def test_by_those_who_may_read_the_answers(flow: Any, headers: Mapping[str, str]) -> None:
    refused = await ask_limited(flow, "POST", headers)
    assert (refused.status_code, read_error(refused)["code"], cors_headers(refused)) == (429, "RATE_LIMITED", {})


async def test_a_failure_is_confined_as_any_answer() -> None:
    answered = await Hook(None).send(headers={"content-type": "text/plain; charset=utf-8"}, method="PUT")
    assert (answered.status_code, answered.headers["content-security-policy"][:7]) == (405, "sandbox")
    hook = Hook(None)
    await hook.send()
    async with build_client(hook.bench.service, headers={}) as client:
        answered = await client.post(f"/webhooks/{hook.token}/trigger", content=b"{")
    assert [answered.status_code, *(answered.headers[name.decode()] for name, _ in CONFINING_HEADERS)] == [
        400,
        *(value.decode() for _, value in CONFINING_HEADERS),
    ]
