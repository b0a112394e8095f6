"""Cloudflare's REST API as a Worker meets it: tokens with permissions, KV namespaces, and faults. An HttpClient.

It answers in the documented shapes and keeps KV's limits. `faults` are taken one a request, in order; once they are
used up everything works. `requests` lists "METHOD path".
"""

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from enum import Enum
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from arcrun.errors import HostFunctionError
from arcrun.host_failures import build_fetch_failure
from arcrun.ports import HttpRequest, HttpResponse
from fakes.ports.storage import InMemoryKV, PlatformLimitError
from fakes.ports.system import FixedClock

BASE_PATH = "/client/v4"
BASE_URL = f"https://api.cloudflare.test{BASE_PATH}"
MINT = "API Tokens Write"
KV_WRITE, KV_READ = "Workers KV Storage Write", "Workers KV Storage Read"
# What a GET of each path wants; below an account unless it starts with "/user", "/memberships" or "/zones".
READABLE = {
    "/user": "User Details Read",
    "/user/tokens": "API Tokens Read",
    "/memberships": "Memberships Read",
    "/members": "Account Settings Read",
    "/tokens": "Account API Tokens Read",
    "/workers/scripts": "Workers Scripts Read",
    "/r2/buckets": "Workers R2 Storage Read",
    "/d1/database": "D1 Read",
    "/queues": "Queues Read",
    "/pages/projects": "Pages Read",
    "/access/apps": "Access: Apps and Policies Read",
    "/cfd_tunnel": "Cloudflare Tunnel Read",
    "/subscriptions": "Billing Read",
}

LOST = "Network connection lost."  # workerd's words


class Fault(Enum):
    """What may become of one request. Those in *_AFTER were carried out, but nobody hears of it."""

    RATE_LIMITED = "429 with Retry-After"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502 in HTML"
    DROP_BEFORE = "the connection ends before the request is read"
    DROP_AFTER = "the connection ends before the answer"
    HANG_BEFORE = "no answer, nothing done"
    HANG_AFTER = "no answer, done"
    HALF_ANSWER = "200 with half an envelope, done"


@dataclass
class Token:
    """`owner` is None for a user's token, else the account that owns it."""

    token_id: str
    accounts: frozenset[str]
    permissions: frozenset[str]
    owner: str | None = None
    status: str = "active"


@dataclass
class CloudflareApiStandIn:
    clock: FixedClock = field(default_factory=FixedClock)
    tokens: dict[str, Token] = field(default_factory=dict)  # secret -> token
    namespaces: dict[tuple[str, str], InMemoryKV] = field(default_factory=dict)  # (account, id) -> values
    titles: dict[str, str] = field(default_factory=dict)  # title -> id, of the namespaces made over the API
    zones: list[dict[str, str]] = field(default_factory=list)
    faults: list[Fault | None] = field(default_factory=list)
    retry_after: str = "1"
    requests: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def add_token(self, secret: str, account: str, *permissions: str, owner: str | None = None) -> Token:
        granted = frozenset(permissions or (KV_WRITE,))
        self.tokens[secret] = Token(f"{len(self.tokens):032x}", frozenset({account}), granted, owner)
        return self.tokens[secret]

    def add_namespace(self, account: str, namespace_id: str) -> InMemoryKV:
        return self.namespaces.setdefault((account, namespace_id), InMemoryKV(self.clock))

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As `fetch` would: faults become what FetchClient makes of them, after the time that they take."""
        fault = self.faults.pop(0) if self.faults else None
        await asyncio.sleep(0)
        if fault is Fault.HANG_BEFORE:
            self.clock.advance(request.timeout_ms)
            raise HostFunctionError("No answer.", code="HTTP_TIMEOUT")
        if fault is Fault.DROP_BEFORE:
            raise build_fetch_failure(request.url, LOST, has_begun=False)
        if fault is Fault.RATE_LIMITED:
            return _refuse(429, 10429, {"retry-after": self.retry_after})
        if fault is Fault.SERVER_ERROR:
            return _refuse(500, 10001)
        if fault is Fault.BAD_GATEWAY:
            return HttpResponse(502, {"content-type": "text/html"}, b"<html>502</html>")
        response = await self.answer(request.method, request.url, request.headers, request.body)
        if fault is Fault.HANG_AFTER:
            self.clock.advance(request.timeout_ms)
            raise HostFunctionError("No answer.", code="HTTP_TIMEOUT")
        if fault is Fault.DROP_AFTER:
            raise build_fetch_failure(request.url, LOST, has_begun=True)
        if fault is Fault.HALF_ANSWER:
            return HttpResponse(response.status, response.headers, response.body[: len(response.body) // 2])
        return response

    async def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Without faults."""
        parts = urlsplit(url)
        raw_path = parts.path.removeprefix(BASE_PATH)
        self.requests.append(f"{method} {raw_path}")
        self.headers.append(headers)
        token = self.tokens.get(headers.get("authorization", "").removeprefix("Bearer "))
        query = dict(parse_qsl(parts.query))
        if token is None:
            return _refuse(401, 1000)
        match raw_path.strip("/").split("/"):
            case ["user", "tokens", "verify"]:
                return _refuse(401, 1000) if token.owner else _answer({"id": token.token_id, "status": token.status})
            case ["zones"]:
                return _answer(self.zones if "Zone Read" in token.permissions else [])
            case ["accounts", account, *rest] if account in token.accounts:
                return await self._answer_account(method, account, token, rest, query, headers, body)
            case ["accounts", *_]:
                return _refuse(403, 10000)
            case ["user", "tokens", "permission_groups"] if MINT in token.permissions:
                return _answer([{"id": f"id of {name}", "name": name} for name in ("DNS Write", KV_WRITE)])
            case ["user", "tokens"] if method == "POST" and MINT in token.permissions:
                return self._mint(json.loads(body))
            case ["user", "tokens", _] if "API Tokens Read" in token.permissions:
                groups = [{"id": name, "name": name} for name in sorted(token.permissions)]
                return _answer({"id": token.token_id, "policies": [{"permission_groups": groups}]})
            case ["user" | "memberships", *_]:
                return _answer_if(READABLE.get(raw_path) in token.permissions)
        return _refuse(404, 7003)

    def _mint(self, wanted: Mapping[str, Any]) -> HttpResponse:
        (policy,) = wanted["policies"]
        (resource,) = policy["resources"]
        names = [group["id"].removeprefix("id of ") for group in policy["permission_groups"]]
        secret = f"minted-token-{len(self.tokens)}"
        made = self.add_token(secret, resource.removeprefix("com.cloudflare.api.account."), *names)
        return _answer({"id": made.token_id, "value": secret})

    async def _answer_account(
        self,
        method: str,
        account: str,
        token: Token,
        path: list[str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> HttpResponse:
        match path:
            case ["tokens", "verify"]:
                owns = token.owner == account
                return _answer({"id": token.token_id, "status": token.status}) if owns else _refuse(401, 1000)
            case ["storage", "kv", "namespaces"] if KV_WRITE in token.permissions:
                return self._answer_namespaces(method, account, query, body)
            case ["storage", "kv", "namespaces", namespace_id, *rest]:
                if not token.permissions & ({KV_WRITE, KV_READ} if method == "GET" else {KV_WRITE}):
                    return _refuse(403, 10000)
                kv = self.namespaces.get((account, namespace_id))
                if kv is None:
                    return _refuse(404, 10013)
                try:
                    return await _answer_kv(kv, method, rest, query, headers, body)
                except PlatformLimitError as error:
                    return _refuse(int(str(error)[:3]), 10001)
        return _answer_if(READABLE.get("/" + "/".join(path)) in token.permissions)

    def _answer_namespaces(self, method: str, account: str, query: Mapping[str, str], body: bytes) -> HttpResponse:
        if method == "POST":
            title = json.loads(body)["title"]
            self.titles[title] = md5(title.encode(), usedforsecurity=False).hexdigest()
            self.add_namespace(account, self.titles[title])
            return _answer({"id": self.titles[title], "title": title})
        listed = [{"id": namespace_id, "title": title} for title, namespace_id in self.titles.items()]
        return _answer(listed if query["page"] == "1" else [])


@contextmanager
def served(cloudflare: CloudflareApiStandIn) -> Iterator[str]:
    """The stand-in, without faults, as a server on this machine. Yields its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = asyncio.run(cloudflare.answer(self.command, self.path, headers, body))
            self.send_response(response.status)
            for name, value in {**response.headers, "content-length": str(len(response.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{BASE_PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _answer_kv(
    kv: InMemoryKV, method: str, path: list[str], query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> HttpResponse:
    match [method, *path]:
        case ["GET", "values", key]:
            value = await kv.get(unquote(key))
            return _refuse(404, 10009) if value is None else HttpResponse(200, {}, value.encode())
        case ["PUT", "values", key]:
            ttl_s = int(query["expiration_ttl"]) if "expiration_ttl" in query else None
            value, metadata = _read_upload(headers.get("content-type", ""), body)
            await kv.put(unquote(key), value, ttl_s=ttl_s, metadata=metadata)
            return _answer({})
        case ["DELETE", "values", key]:
            await kv.delete(unquote(key))
            return _answer({})
        case ["GET", "keys"]:
            return await _answer_list(kv, query)
    return _refuse(405, 10405)


async def _answer_list(kv: InMemoryKV, query: Mapping[str, str]) -> HttpResponse:
    limit, cursor = int(query.get("limit", 1000)), query.get("cursor")
    if not 10 <= limit <= 1000 or (cursor is not None and not cursor.isdecimal()):
        return _refuse(400, 10001)
    page = await kv.list(query.get("prefix", ""), limit=limit, cursor=cursor)
    listed = [
        {"name": entry.key, **({} if entry.metadata is None else {"metadata": entry.metadata})}
        for entry in page.entries
    ]
    return _answer(listed, {"count": len(listed), "cursor": page.cursor or ""})


def _read_upload(content_type: str, body: bytes) -> tuple[str, Any]:
    """The value and its metadata, from a form or from bytes as they are."""
    if not content_type.startswith("multipart/form-data"):
        return body.decode(), None
    form: Message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = {part.get_param("name", header="content-disposition"): part for part in _parts_of(form)}
    return _text_of(fields["value"]), json.loads(_text_of(fields["metadata"]))


def _parts_of(form: Message) -> Iterable[Message]:
    return [part for part in form.walk() if not part.is_multipart()]


def _text_of(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def _answer(result: Any, info: Mapping[str, Any] | None = None) -> HttpResponse:
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    return _render(200, {**envelope, **({"result_info": info} if info else {})}, {})


def _answer_if(is_permitted: bool) -> HttpResponse:
    return _answer([]) if is_permitted else _refuse(403, 10000)


def _refuse(status: int, code: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    errors = [{"code": code, "message": "refused"}]
    return _render(status, {"success": False, "errors": errors, "messages": [], "result": None}, headers or {})


def _render(status: int, envelope: Mapping[str, Any], headers: Mapping[str, str]) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json", **headers}, json.dumps(envelope).encode())
