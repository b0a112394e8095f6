"""Proves that writes that bypass the executor are reported to it, a hundred names at a time, and failures are shown."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from acr.targets.audit_notes import note_written
from acr.targets.settings import Target

pytestmark = pytest.mark.workerd


@contextmanager
def serving(status: int, answer: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yields an executor's address and the request bodies that it gets."""
    bodies: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_hundred_names_go_with_each_request() -> None:
    names = [f"c{i}" for i in range(101)]
    with serving(201, {"success": True, "data": {"noted": 1}}) as (url, bodies):
        note_written("credential.put", names, target=Target(url, "key"))
    assert bodies == [
        ("/audit", {"action": "credential.put", "subjects": names[:100]}),
        ("/audit", {"action": "credential.put", "subjects": names[100:]}),
    ]


@pytest.mark.parametrize("status", [404, 401, 503])
def test_a_failed_report_is_a_warning_and_undoes_nothing(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    error = {"code": "NOT_FOUND", "message": "no such route"}
    with serving(status, {"success": False, "error": error}) as (url, _):
        note_written("credential.put", ["c"], target=Target(url, "key"))
    assert "not in the audit log" in capsys.readouterr().err


def test_an_unreachable_executor(capsys: pytest.CaptureFixture[str]) -> None:
    note_written("credential.put", ["c"], target=Target("http://127.0.0.1:9", "key"))
    assert "not in the audit log" in capsys.readouterr().err
