"""Proves which keys pass `check_api_key`, and that every refusal has the same message."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from arcrun_http.auth import check_api_key
from arcrun_http.responses import EXCEPTION_HANDLERS
from fakes.wire import UNAUTHORIZED, read_error

pytestmark = pytest.mark.anyio

KEY = "key-1"
Headers = list[tuple[bytes, bytes]]


async def ask(api_key: str | None, headers: Headers) -> tuple[httpx.Response, int]:
    """Send a request; returns the answer and the number of calls of the protected handler."""
    ran = 0

    async def handler(request: Request) -> PlainTextResponse:
        nonlocal ran
        check_api_key(request, api_key)
        ran += 1
        return PlainTextResponse("in")

    app = Starlette(routes=[Route("/", handler)], exception_handlers=EXCEPTION_HANDLERS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://service.test") as client:
        return await client.get("/", headers=headers), ran


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"X-Arcrun-API-Key", b"key-1")], id="own header"),
        pytest.param([(b"x-arcrun-api-key", b"key-1")], id="own header in small letters"),
        pytest.param([(b"Authorization", b"Bearer key-1")], id="bearer"),
        pytest.param([(b"Authorization", b"bearer key-1")], id="bearer in small letters"),
        pytest.param([(b"Authorization", b"Bearer   key-1")], id="bearer with more spaces"),
        pytest.param([(b"X-Arcrun-API-Key", b"key-1"), (b"Authorization", b"Bearer no")], id="own header goes first"),
    ],
)
async def test_the_key_opens(headers: Headers) -> None:
    response, ran = await ask(KEY, headers)
    assert (response.status_code, response.text, ran) == (200, "in", 1)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="none"),
        pytest.param([(b"X-Arcrun-API-Key", b"")], id="empty"),
        pytest.param([(b"X-Arcrun-API-Key", b"key-2")], id="wrong"),
        pytest.param([(b"X-Arcrun-API-Key", b"key-1x")], id="longer"),
        pytest.param([(b"X-Arcrun-API-Key", b"key-")], id="shorter"),
        pytest.param([(b"X-Arcrun-API-Key", b"KEY-1")], id="in capitals"),
        pytest.param([(b"X-Arcrun-API-Key", b"Bearer key-1")], id="bearer in the own header"),
        pytest.param([(b"X-Arcrun-API-Key", "ké-1".encode())], id="UTF-8"),
        pytest.param([(b"X-Arcrun-API-Key", b"\xff\xfe")], id="bytes"),
        pytest.param([(b"Authorization", b"Bearer key-2")], id="wrong bearer"),
        pytest.param([(b"Authorization", b"Bearer")], id="bearer without a key"),
        pytest.param([(b"Authorization", b"key-1")], id="no scheme"),
        pytest.param([(b"Authorization", b"Basic key-1")], id="another scheme"),
        pytest.param([(b"Authorization", "Bearer ké".encode())], id="UTF-8 bearer"),
        pytest.param(
            [(b"X-Arcrun-API-Key", b"key-2"), (b"Authorization", b"Bearer key-1")], id="a wrong own header goes first"
        ),
        pytest.param([(b"Cookie", b"x-arcrun-api-key=key-1")], id="cookie"),
    ],
)
async def test_anything_else_gets_one_public_text(headers: Headers) -> None:
    response, ran = await ask(KEY, headers)
    assert (response.status_code, ran) == (401, 0)
    assert read_error(response) == UNAUTHORIZED


@pytest.mark.parametrize("api_key", [pytest.param(None, id="none"), pytest.param("", id="empty")])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no header"),
        pytest.param([(b"X-Arcrun-API-Key", b"")], id="empty header"),
        pytest.param([(b"X-Arcrun-API-Key", b"key-1")], id="some key"),
        pytest.param([(b"Authorization", b"Bearer ")], id="empty bearer"),
    ],
)
async def test_without_a_key_of_its_own_it_refuses_everyone(api_key: str | None, headers: Headers) -> None:
    response, ran = await ask(api_key, headers)
    assert (response.status_code, ran) == (503, 0)
    assert read_error(response) == {
        "code": "NOT_CONFIGURED",
        "message": "This Worker has no API key, so it refuses every management request.",
        "retriable": False,
        "next_actions": ["Set the secret: wrangler secret put ARCRUN_API_KEY."],
        "details": {},
    }
