"""Proves that every exception becomes an error response of one shape, and that a fault's cause is never sent."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arcrun import __version__
from arcrun.errors import ArcrunError, ComponentError, NotFoundError, RateLimitedError, WorkflowError
from arcrun_http.app import health
from arcrun_http.responses import EXCEPTION_HANDLERS, render_error
from fakes.wire import INTERNAL, read_error

pytestmark = pytest.mark.anyio


def build_client(error: Exception, *, raise_app_exceptions: bool = False) -> httpx.AsyncClient:
    async def fail(_request: Request) -> Response:
        raise error

    routes = [Route("/fail", fail), Route("/health", health)]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=raise_app_exceptions)
    return httpx.AsyncClient(transport=transport, base_url="https://service.test")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(NotFoundError("m", code="RUN_NOT_FOUND", details={"run": "é"}), 404, id="with a closer code"),
        pytest.param(WorkflowError("m", next_actions=["Look."]), 422, id="with a next action"),
        pytest.param(ComponentError("m", http_status=502), 502, id="with a status of its own"),
        pytest.param(ArcrunError("m"), 500, id="the root of the tree"),
        pytest.param(NotFoundError("half a pair: \ud800"), 404, id="text that UTF-8 does not have"),
    ],
)
async def test_a_deliberate_error_is_shown_as_it_is(error: ArcrunError, status: int) -> None:
    async with build_client(error) as client:
        response = await client.get("/fail")
    assert response.status_code == status
    assert read_error(response) == error.to_json()


@pytest.mark.parametrize("error", [ValueError("secret"), KeyError("secret"), RecursionError("secret")])
async def test_a_fault_does_not_show_its_cause(error: Exception) -> None:
    async with build_client(error) as client:
        response = await client.get("/fail")
    assert response.status_code == 500
    assert read_error(response) == INTERNAL
    assert "secret" not in response.text


async def test_a_fault_goes_on_to_the_log() -> None:
    async with build_client(ValueError("secret"), raise_app_exceptions=True) as client:
        with pytest.raises(ValueError, match="secret"):
            await client.get("/fail")


@pytest.mark.parametrize("path", ["/", "/nowhere", "/health/x", "/%00", "/%ff"])
async def test_an_unknown_route(path: str) -> None:
    async with build_client(ValueError()) as client:
        response = await client.get(path)
    assert response.status_code == 404
    assert read_error(response) == {
        "code": "NOT_FOUND",
        "message": "There is no such route.",
        "retriable": False,
        "next_actions": ["See docs/http.md for the routes."],
        "details": {},
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_wrong_method(method: str) -> None:
    async with build_client(ValueError()) as client:
        response = await client.request(method, "/health")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert read_error(response) == {
        "code": "METHOD_NOT_ALLOWED",
        "message": f"{method} is not allowed here.",
        "retriable": False,
        "next_actions": ["See docs/http.md for the routes."],
        "details": {},
    }


def test_an_answer_may_have_headers() -> None:
    response = render_error(NotFoundError("m"), {"x-id": "1"})
    assert (response.status_code, response.headers["x-id"]) == (404, "1")


async def test_an_error_that_knows_how_long_to_wait_sends_retry_after() -> None:
    async with build_client(RateLimitedError(60)) as client:
        response = await client.get("/fail")
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")


async def test_no_other_error_sends_retry_after() -> None:
    async with build_client(NotFoundError("m")) as client:
        response = await client.get("/fail")
    assert "retry-after" not in response.headers


async def test_health() -> None:
    async with build_client(ValueError()) as client:
        response = await client.get("/health")
    assert (response.status_code, response.json()) == (200, {"ok": True, "version": __version__})
