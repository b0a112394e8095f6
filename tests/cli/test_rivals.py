"""Proves that benchmarks/rivals.py measures webhooks at given URLs, alternating with arcrun's, and reports failures."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from workerd.local_platform import CACHE, ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from http_load import prepare, time_requests
from rivals import Measured, order_of_round, render_table


class StandIn(ThreadingHTTPServer):
    """Answers like another platform's webhook, `chunked` like some of them, or with `status`. Records the `bodies`."""

    daemon_threads = True

    def __init__(self, status: int, *, chunked: bool) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status, self.chunked = status, chunked
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook?test=1"


class Answering(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        assert self.path == "/webhook?test=1"
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")
        else:
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def stand_in(status: int = 200, *, chunked: bool = False) -> Iterator[StandIn]:
    with StandIn(status, chunked=chunked) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def run_rivals(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks/rivals.py"), "--rounds", "1", *options]
    environment = {**os.environ, "ACR_CACHE_DIR": str(CACHE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.workerd
def test_all_are_measured_in_one_run() -> None:
    with stand_in() as n8n, stand_in(chunked=True) as node_red:
        result = run_rivals("--n8n", n8n.url, "--node-red", node_red.url)
        assert result.returncode == 0, result.stderr
        sent = {body for server in (n8n, node_red) for body in server.bodies}
    figures = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [figure["name"] for figure in figures] == ["arcrun", "n8n", "node-red"]
    assert all(0 < figure["p50"] <= figure["p95"] <= figure["p99"] for figure in figures)
    assert all(figure["per_s_8_clients"] > 0 for figure in figures)
    assert sent == {b'{"text": "hello"}'}


@pytest.mark.workerd
def test_a_platform_that_answers_an_error_is_named() -> None:
    with stand_in(500) as server:
        result = run_rivals("--n8n", server.url)
    assert (result.returncode, result.stderr.splitlines()[-1]) == (1, "n8n failed: HTTP 500: ok")


def test_an_invalid_address() -> None:
    result = run_rivals("--node-red", "localhost:1880")
    assert (result.returncode, "--node-red must be the http:// address" in result.stderr) == (2, True)


@pytest.mark.parametrize("chunked", [False, True])
def test_answers_are_read_to_their_end(*, chunked: bool) -> None:
    with stand_in(chunked=chunked) as server:
        assert len(asyncio.run(time_requests(prepare("POST", server.url, body=b"{}"), 3))) == 3
        assert server.bodies == [b"{}"] * 3


def test_the_first_platform_of_a_round_rotates() -> None:
    names = ["arcrun", "n8n", "node-red"]
    assert [order_of_round(names, i)[0] for i in range(4)] == ["arcrun", "n8n", "node-red", "arcrun"]
    assert all(sorted(order_of_round(names, i)) == names for i in range(4))


def test_the_table() -> None:
    one = Measured([float(i) for i in range(100)], [10.4, 12.6, 11.0])
    assert render_table({"n8n": one}).splitlines()[-1] == "| n8n | 50.0 | 95.0 | 99.0 | 11 |"
