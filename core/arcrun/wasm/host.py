"""The functions that the host lends to components, over ports: the same for a bundled and for a sandboxed component.

A request and its reply are JSON. A reply is {"ok": true, "value": ...} or {"ok": false, "error": {"code", "message"}}.

    http_request  {"method", "url", "headers", "body" | "body_base64", "timeout_ms" (in all), "follow_redirects"}
                  -> {"status", "headers", "body" | "body_base64"}; bytes that are not UTF-8 come as base64
    sleep         {"ms"} -> {"waited_ms"}; at most 30 s
    ai_run        {"model", and the model's inputs, such as "messages"} -> what the model answers, such as {"response"}
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard
from urllib.parse import SplitResult, urljoin, urlsplit

from arcrun.contracts.model import Contract
from arcrun.errors import HostFunctionError
from arcrun.json_text import parse_json
from arcrun.ports import AiModel, Clock, HttpClient, HttpRequest, HttpResponse, Random
from arcrun.wasm.abi import HOST_FUNCTIONS

MAX_SLEEP_MS = 30_000
MAX_HTTP_TIMEOUT_MS = 60_000
DEFAULT_HTTP_TIMEOUT_MS = 30_000
MAX_REDIRECTS = 5
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
# Fetch standard: what a redirect to another origin must not carry along.
_CREDENTIAL_HEADERS = ("authorization", "cookie", "proxy-authorization")
_BODY_HEADERS = ("content-type", "content-length", "content-encoding", "content-language", "content-location")


class PortHostFunctions:
    """Answers the host function calls of one component by its contract."""

    def __init__(
        self, contract: Contract, http: HttpClient, clock: Clock, random: Random, ai: AiModel | None = None
    ) -> None:
        self._contract, self._http, self._clock, self._random, self._ai = contract, http, clock, random, ai

    def now_ms(self) -> float:
        return self._clock.now_ms()

    def seed(self) -> bytes:
        return self._random.token_bytes(32)

    async def answer(self, name: str, request: str) -> str:
        try:
            value = await self._dispatch(name, _parse_request(request))
        except HostFunctionError as error:
            return json.dumps({"ok": False, "error": {"code": error.code, "message": error.message}})
        return json.dumps({"ok": True, "value": value})

    async def _dispatch(self, name: str, request: Mapping[str, Any]) -> Any:
        if name == "poll":  # WASI's own wait: every component has it, and it cannot fail, so it ends early instead
            return await self._sleep({"ms": min(request.get("ms", 0), MAX_SLEEP_MS)})
        capability = HOST_FUNCTIONS.get(name)
        if capability not in self._contract.capabilities:
            raise HostFunctionError(f"The contract does not declare `{capability}`.", code="CAPABILITY_NOT_DECLARED")
        if name == "sleep":
            return await self._sleep(request)
        if name == "http_request":
            return await self._http_request(request)
        if name == "ai_run":
            return await self._ai_run(request)
        raise HostFunctionError(f"`{name}` is not available here yet.", code="NOT_AVAILABLE")

    async def _sleep(self, request: Mapping[str, Any]) -> dict[str, float]:
        duration_ms = request.get("ms")
        if not _is_number(duration_ms) or not 0 <= duration_ms <= MAX_SLEEP_MS:
            raise HostFunctionError(f"`ms` must be a number from 0 to {MAX_SLEEP_MS}.", code="INVALID_REQUEST")
        await self._clock.sleep(duration_ms)
        return {"waited_ms": duration_ms}

    async def _ai_run(self, request: Mapping[str, Any]) -> Any:
        model = request.get("model")
        if not isinstance(model, str) or not model.startswith("@"):
            raise HostFunctionError(
                "`model` must be the name of a model, such as @cf/meta/llama-3.1-8b-instruct.", code="INVALID_REQUEST"
            )
        if self._ai is None:
            raise HostFunctionError("This Worker has no AI binding.", code="AI_UNAVAILABLE")
        return await self._ai.run(model, {key: value for key, value in request.items() if key != "model"})

    async def _http_request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = _parse_http_request(request)
        follow = request.get("follow_redirects", True)
        deadline_ms = self._clock.now_ms() + wanted.timeout_ms
        for _ in range(MAX_REDIRECTS + 1):
            self._validate_host(wanted.url)
            left_ms = math.ceil(deadline_ms - self._clock.now_ms())
            if left_ms <= 0:
                raise HostFunctionError(f"No answer within {wanted.timeout_ms} ms.", code="HTTP_TIMEOUT")
            response = await self._http.send(replace(wanted, timeout_ms=left_ms))
            location = response.headers.get("location")
            if not follow or response.status not in _REDIRECT_STATUSES or not location:
                return _render_http_response(response)
            wanted = _redirected(wanted, response.status, location)
        raise HostFunctionError(f"More than {MAX_REDIRECTS} redirects.", code="TOO_MANY_REDIRECTS")

    def _validate_host(self, url: str) -> None:
        parts = _split_http_url(url)
        if not any(_matches_host(pattern, parts.hostname or "") for pattern in self._contract.allowed_hosts):
            raise HostFunctionError(
                f"The contract of `{self._contract.canonical_id}` does not allow the host {parts.hostname}.",
                code="HOST_NOT_ALLOWED",
            )


def _parse_request(text: str) -> Mapping[str, Any]:
    try:
        request = parse_json(text)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise HostFunctionError("The request is not a JSON object.", code="INVALID_REQUEST")
    return request


def _parse_http_request(request: Mapping[str, Any]) -> HttpRequest:
    method, url = str(request.get("method", "GET")).upper(), str(request.get("url", ""))
    headers, timeout_ms = request.get("headers") or {}, request.get("timeout_ms", DEFAULT_HTTP_TIMEOUT_MS)
    if method not in METHODS:
        raise HostFunctionError(f"`method` must be one of {', '.join(METHODS)}.", code="INVALID_REQUEST")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise HostFunctionError("`headers` must be an object of texts.", code="INVALID_REQUEST")
    if not _is_number(timeout_ms) or not 0 < timeout_ms <= MAX_HTTP_TIMEOUT_MS:
        message = f"`timeout_ms` must be a number above 0, at most {MAX_HTTP_TIMEOUT_MS}."
        raise HostFunctionError(message, code="INVALID_REQUEST")
    _split_http_url(url)
    return HttpRequest(method, url, headers, _parse_body(request), math.ceil(timeout_ms))


def _parse_body(request: Mapping[str, Any]) -> bytes:
    body, encoded = request.get("body"), request.get("body_base64")
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True)
        except ValueError:
            raise HostFunctionError("`body_base64` is not base64.", code="INVALID_REQUEST") from None
    if body is None:
        return b""
    if not isinstance(body, str):
        raise HostFunctionError("`body` must be a text.", code="INVALID_REQUEST")
    return body.encode("utf-8", "replace")


def _split_http_url(url: str) -> Any:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = valid and "\\" not in parts.netloc  # fetch takes it for a slash
    except ValueError:
        valid = False
    if not valid:
        raise HostFunctionError("`url` must be an absolute http or https URL.", code="INVALID_URL")
    return parts


def _matches_host(pattern: str, host: str) -> bool:
    """`*`, a host name, or `*.example.com` for the names below it."""
    pattern, host = pattern.lower(), host.lower()
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _redirected(request: HttpRequest, status: int, location: str) -> HttpRequest:
    """The request that follows a redirect, as the Fetch standard has it (section 4.4, HTTP-redirect fetch)."""
    try:
        url = urljoin(request.url, location)
    except ValueError:
        raise HostFunctionError("The redirect leads to no URL.", code="INVALID_URL") from None
    target = _split_http_url(url)
    method, body, headers = request.method, request.body, dict(request.headers)
    if (status in (301, 302) and method == "POST") or (status == 303 and method not in ("GET", "HEAD")):
        method, body = "GET", b""
        headers = {key: value for key, value in headers.items() if key.lower() not in _BODY_HEADERS}
    if _origin(target) != _origin(urlsplit(request.url)):
        headers = {key: value for key, value in headers.items() if key.lower() not in _CREDENTIAL_HEADERS}
    return replace(request, method=method, url=url, headers=headers, body=body)


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]


def _render_http_response(response: HttpResponse) -> dict[str, Any]:
    rendered: dict[str, Any] = {"status": response.status, "headers": dict(response.headers)}
    try:
        return {**rendered, "body": response.body.decode()}
    except UnicodeDecodeError:
        return {**rendered, "body_base64": base64.b64encode(response.body).decode()}


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
