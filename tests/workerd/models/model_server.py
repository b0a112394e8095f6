"""Services on 127.0.0.1 in the place of those outside: language models in their documented shapes, and a mailer."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_WAIT_S = 60


@dataclass(frozen=True)
class Reply:
    """What is answered to a question. One that is `held` is answered when the test says so, or never."""

    body: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    held: threading.Event | None = None


class ModelServer(ThreadingHTTPServer):
    """Answers questions with `replies`, in their order. `asked` has the path, the headers and the body of each; `mails`
    what was posted to /mail.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: deque[Reply] = deque()
        self.asked: list[tuple[str, Mapping[str, str], Any]] = []
        self.mails: list[Any] = []
        self.has_asked = threading.Semaphore(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path == "/mail":
            self.server.mails.append(body)
            return self._answer(Reply({"id": str(len(self.server.mails))}))
        reply = self.server.replies.popleft()
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.server.has_asked.release()
        if reply.held is not None:
            reply.held.wait(MOST_WAIT_S)
        return self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        content = json.dumps(reply.body).encode()
        try:
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            return  # whoever has asked is gone

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_models() -> Iterator[ModelServer]:
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        for reply in server.replies:
            if reply.held is not None:
                reply.held.set()
        server.shutdown()
        thread.join()
        server.server_close()
