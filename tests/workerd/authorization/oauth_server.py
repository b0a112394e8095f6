"""A stand-in of a service on 127.0.0.1 that issues access tokens (RFC 6749) and takes them (RFC 6750), with what such
services do: refresh tokens that are good for one use, slow answers, errors.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus

CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH = "client 1:a", "client-secret-canary-5521", "refresh-canary-0-77aa"


@dataclass
class OAuthService:
    """`asked` are the forms of requests for tokens, `seen` the Authorization headers of others. `failures` are answers
    (status, headers, body) for the next requests for tokens. `rotates` is whether a refresh token is good for one use,
    `answers_after_s` what an answer to one takes.
    """

    asked: list[dict[str, str]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    expires_in: int | None = 3600
    rotates: bool = False
    answers_after_s: float = 0.0
    refresh_token: str = FIRST_REFRESH
    issued: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    has_answered: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def take_form(self, text: str, header: str) -> tuple[int, dict[str, str], Any]:
        form = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        self.asked.append(form)
        if self.failures:
            return self.failures.pop(0)
        if not self._knows(form, header):
            return 401, {"www-authenticate": "Basic"}, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh_token:
            return 400, {}, {"error": "invalid_grant", "error_description": f"{form['refresh_token']} was used"}
        token = f"access-canary-{len(self.issued)}-90fe11"
        self.issued.append(token)
        answer: dict[str, Any] = {"access_token": token, "token_type": "bearer", "scope": form.get("scope", "all")}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        if form["grant_type"] == "refresh_token" and self.rotates:
            self.refresh_token = answer["refresh_token"] = f"refresh-canary-{len(self.issued)}-77aa"
        return 200, {"cache-control": "no-store"}, answer

    def _knows(self, form: dict[str, str], header: str) -> bool:
        given = form.get("client_id"), form.get("client_secret")
        if header.startswith("Basic "):
            user, _, password = base64.b64decode(header[6:]).decode().partition(":")
            given = unquote_plus(user), unquote_plus(password)
        return given == (CLIENT_ID, CLIENT_SECRET)

    def takes(self, header: str) -> bool:
        self.seen.append(header)
        token = header.removeprefix("Bearer ")
        return token in self.issued and token not in self.revoked


@contextmanager
def serving(service: OAuthService) -> Iterator[OAuthService]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            status, headers, body = service.take_form(text, self.headers.get("authorization", ""))
            time.sleep(service.answers_after_s)
            self.answer(status, headers, body)
            service.has_answered.set()

        def do_GET(self) -> None:
            header = self.headers.get("authorization", "")
            if service.takes(header):
                self.answer(200, {}, {"you": "are known", "header": header})
            else:
                self.answer(401, {"www-authenticate": 'Bearer error="invalid_token"'}, {"error": "invalid_token"})

        def answer(self, status: int, headers: dict[str, str], body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
