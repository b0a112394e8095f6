"""The host functions over ports, the same for bundled and sandboxed components.

Requests and replies are JSON. A reply is {"ok": true, "value": ...} or {"ok": false, "error": {"code", "message",
"retriable"}}; `retriable` is whether the same call may succeed later.

    http_request  {"method", "url", "headers", "body" | "body_base64" | "body_parts", "timeout_ms" (in all),
                  "follow_redirects", "as_base64", "as_blob"} -> {"status", "headers", "body" | "body_base64" |
                  "body_blob"}. A body is decoded by its byte order
                  mark, else by the charset of its content-type, else as UTF-8; bytes that are invalid in it are
                  returned as base64, with as_base64 all are. A header is a string, or a list of strings if it was
                  repeated and cannot be joined (Set-Cookie). `user:password@` in the URL is sent as Basic
                  authorization. `body_parts` is sent as a stream: [{"text"} | {"base64"} | {"blob", "encoding": bytes,
                  base64 or mime}]. With `as_blob` the body of a success becomes a blob.
    sleep         {"ms"} -> {"waited_ms"}; at most 30 s
    store         {"op": get, put, delete, list, increment, add_once or compare_and_set, and its fields
                  (arcrun/store/operations.py); "store", the name of a shared one, else it is the workflow's} -> the
                  answer, such as {"found", "value"}
    blob          {"op": open, read, create, append or finish, and its fields (arcrun/blobs/access.py)} -> the answer,
                  such as {"blob", "bytes", "content_type"}
    ai_run        {"model", and the model's inputs, such as "messages"} -> the model's answer, such as {"response"}
"""

import base64
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from arcrun.contracts.allowed_hosts import is_allowed
from arcrun.contracts.model import Contract
from arcrun.errors import HostFunctionError
from arcrun.host_failures import is_retriable
from arcrun.json_text import JsonLimitError, parse_json
from arcrun.limits import MAX_HTTP_TIMEOUT_MS, MAX_REDIRECTS, MAX_REPLY_BYTES, MAX_SLEEP_MS
from arcrun.ports import AiModel, Clock, HttpClient, HttpRequest, HttpResponse, Random, TextDecoder
from arcrun.store.access import StoreAccess
from arcrun.wasm.body_text import decode_body
from arcrun.wasm.host_functions import HOST_FUNCTIONS
from arcrun.wasm.network_address import is_public_host
from arcrun.wasm.request_target import (
    build_redirect_error,
    find_redirect,
    redirect_request,
    split_http_url,
    with_basic_authorization,
)

if TYPE_CHECKING:
    from arcrun.blobs.access import BlobAccess

STORE, BLOB = "store", "blob"  # capabilities
DEFAULT_HTTP_TIMEOUT_MS = 30_000
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class PortHostFunctions:
    """Answers the host function calls of one component according to its contract, each by the method of its name."""

    def __init__(
        self,
        contract: Contract,
        http: HttpClient,
        clock: Clock,
        random: Random,
        *,
        ai: AiModel | None = None,
        decoder: TextDecoder | None = None,
        reaches_local: bool = False,
        stores: StoreAccess | None = None,
        hosts: Sequence[str] | None = None,
        kind: str = "",
        open_blobs: "Callable[[], BlobAccess] | None" = None,
    ) -> None:
        """Without a `decoder`, bodies can only be UTF-8 or UTF-16. `reaches_local` allows requests to addresses outside
        of the public internet, such as this machine's own. `stores` are those that one call sees, and `open_blobs` its
        blobs. `hosts` are those that the call allows besides the contract, None for all. `kind` is what calls that take
        as much memory have in common besides their component.
        """
        self._contract, self._http, self._clock, self._random, self._ai = contract, http, clock, random, ai
        self._decoder, self._reaches_local, self._stores, self._hosts = decoder, reaches_local, stores, hosts
        self._open_blobs, self._blobs = open_blobs, cast("BlobAccess | None", None)
        self._kind = kind

    def now_ms(self) -> float:
        return self._clock.now_ms()

    def seed(self) -> bytes:
        return self._random.token_bytes(32)

    def may_wait(self) -> bool:
        return self._hosts is None or len(self._hosts) > 0

    def kind(self) -> str:
        return f"{self._contract.canonical_id} {self._kind}"

    async def answer(self, name: str, request: str) -> str:
        try:
            return _render_value(await self._dispatch(name, _parse_request(request)))
        except HostFunctionError as error:
            refusal = {"code": error.code, "message": error.message, "retriable": is_retriable(error)}
            return json.dumps({"ok": False, "error": refusal})

    async def _dispatch(self, name: str, request: Mapping[str, Any]) -> Any:
        if name == "poll":  # WASI's own wait: every component may use it. It cannot fail, so long waits are shortened.
            return await self._sleep({"ms": min(request.get("ms", 0), MAX_SLEEP_MS)})
        lent = HOST_FUNCTIONS.get(name)
        capability = lent.capability if lent is not None else None
        if lent is None or not lent.asks or capability not in self._contract.capabilities:
            raise HostFunctionError(f"The contract does not declare `{capability}`.", code="CAPABILITY_NOT_DECLARED")
        answer: Callable[[Mapping[str, Any]], Awaitable[Any]] = getattr(self, f"_{name}")
        return await answer(request)

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

    async def _store(self, request: Mapping[str, Any]) -> Any:
        if self._stores is None:
            raise HostFunctionError(
                "A store belongs to workflows: there is none outside of a run.", code="STORE_UNAVAILABLE"
            )
        return await self._stores.do(request)

    async def _blob(self, request: Mapping[str, Any]) -> Any:
        return await self._require_blobs().do(request)

    def _require_blobs(self) -> "BlobAccess":
        """Those of the call, opened at their first use. Raises HostFunctionError."""
        if BLOB not in self._contract.capabilities:
            raise HostFunctionError(f"The contract does not declare `{BLOB}`.", code="CAPABILITY_NOT_DECLARED")
        if self._open_blobs is None:
            raise HostFunctionError(
                "A blob belongs to a run: there is none outside of a workflow.", code="BLOBS_UNAVAILABLE"
            )
        if self._blobs is None:
            self._blobs = self._open_blobs()
        return self._blobs

    async def _http_request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = _parse_http_request(request)
        if "body_parts" in request:
            wanted = replace(wanted, stream=await self._require_blobs().open_body(request["body_parts"]))
        if request.get("as_blob") is True:
            return await self._receive_blob(request, wanted)
        return await self._exchange(request, wanted)

    async def _receive_blob(self, request: Mapping[str, Any], wanted: HttpRequest) -> dict[str, Any]:
        """The answer, the body of a success as a blob. What has been written of it is deleted if it fails."""
        blobs = self._require_blobs()
        received = blobs.receive()
        try:
            rendered = await self._exchange(request, replace(wanted, sink=received.write))
            if not 200 <= rendered["status"] < 300:
                return rendered
            name = await received.finish()
        except BaseException:
            await received.discard()
            raise
        described = blobs.describe_answer(name, wanted.url, rendered["headers"])
        return {"status": rendered["status"], "headers": rendered["headers"], "body_blob": described}

    async def _exchange(self, request: Mapping[str, Any], wanted: HttpRequest) -> dict[str, Any]:
        response = await self._follow(wanted) if request.get("follow_redirects", True) else await self._send(wanted)
        rendered = {"status": response.status, "headers": _render_headers(response)}
        text = None if request.get("as_base64") is True else decode_body(response, self._decoder)
        if text is None:
            return {**rendered, "body_base64": base64.b64encode(response.body).decode()}
        return {**rendered, "body": text}

    async def _send(self, wanted: HttpRequest) -> HttpResponse:
        self._validate_host(wanted.url)
        return await self._http.send(wanted)

    async def _follow(self, wanted: HttpRequest) -> HttpResponse:
        """The response at the end of the redirects, all within the request's timeout."""
        timeout_ms = wanted.timeout_ms
        deadline_ms = self._clock.now_ms() + timeout_ms
        response = await self._send(wanted)
        for _ in range(MAX_REDIRECTS):
            location = find_redirect(response)
            if location is None:
                return response
            left_ms = math.ceil(deadline_ms - self._clock.now_ms())
            if left_ms <= 0:
                raise HostFunctionError(f"No answer within {timeout_ms} ms.", code="HTTP_TIMEOUT")
            wanted = replace(redirect_request(wanted, response.status, location), timeout_ms=left_ms)
            response = await self._send_redirected(wanted)
        if find_redirect(response):
            raise HostFunctionError(f"More than {MAX_REDIRECTS} redirects.", code="TOO_MANY_REDIRECTS")
        return response

    async def _send_redirected(self, wanted: HttpRequest) -> HttpResponse:
        """A URL that `fetch` refuses is the server's mistake here."""
        try:
            return await self._send(wanted)
        except HostFunctionError as error:
            raise (build_redirect_error() if error.code == "INVALID_URL" else error) from None

    def _validate_host(self, url: str) -> None:
        parts = split_http_url(url)
        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
        if self._hosts is not None and not is_allowed(self._hosts, host, port):
            message = f"`{self._contract.hosts_key}` of the node does not have the host {parts.hostname}:{port}."
            raise HostFunctionError(message, code="HOST_NOT_ALLOWED")
        if not is_allowed(self._contract.allowed_hosts, host, port):
            raise HostFunctionError(
                f"The contract of `{self._contract.canonical_id}` does not allow the host {parts.hostname}:{port}.",
                code="HOST_NOT_ALLOWED",
            )
        if not self._reaches_local and not is_public_host(host):
            message = f"{host[:100]} is not an address of the public internet. The platform's operator can allow it."
            raise HostFunctionError(message, code="ADDRESS_NOT_ALLOWED")


def _parse_request(text: str) -> Mapping[str, Any]:
    try:
        request = parse_json(text)
    except JsonLimitError as error:
        raise HostFunctionError(f"The request cannot be read: {error}.", code="INVALID_REQUEST") from None
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
        raise HostFunctionError("`headers` must be an object of strings.", code="INVALID_REQUEST")
    if not _is_number(timeout_ms) or not 0 < timeout_ms <= MAX_HTTP_TIMEOUT_MS:
        message = f"`timeout_ms` must be a number above 0, at most {MAX_HTTP_TIMEOUT_MS}."
        raise HostFunctionError(message, code="INVALID_REQUEST")
    return with_basic_authorization(HttpRequest(method, url, headers, _parse_body(request), math.ceil(timeout_ms)))


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
        raise HostFunctionError("`body` must be a string.", code="INVALID_REQUEST")
    return body.encode("utf-8", "replace")


def _render_headers(response: HttpResponse) -> dict[str, str | list[str]]:
    headers: dict[str, str | list[str]] = dict(response.headers)
    if response.set_cookies:
        headers["set-cookie"] = response.set_cookies[0] if len(response.set_cookies) == 1 else [*response.set_cookies]
    return headers


def _render_value(value: Any) -> str:
    """The reply of a success. Raises HostFunctionError RESPONSE_TOO_LARGE if it is larger than a component may get."""
    reply = json.dumps({"ok": True, "value": value}, ensure_ascii=False)  # escapes would triple most scripts' size
    try:
        size = len(reply.encode())
    except UnicodeEncodeError:  # half a surrogate pair
        reply = json.dumps({"ok": True, "value": value})
        size = len(reply)
    if size > MAX_REPLY_BYTES:
        message = f"The answer takes {size} bytes as JSON; a component may get at most {MAX_REPLY_BYTES} (8 MiB)."
        raise HostFunctionError(message, code="RESPONSE_TOO_LARGE")
    return reply


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
