"""A service that gives files and takes them, in pieces, and remembers what they hash to."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

from fixtures.serving import serving

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Taken:
    """A request that brought something: its body's hash, or the body itself if that is small."""

    path: str
    content_type: str
    length: str | None
    size: int
    sha256: str
    content: bytes


class FileServer(ThreadingHTTPServer):
    """GET /BYTES gives a file of so many bytes; /broken/BYTES breaks off in the middle, /slow/BYTES waits there until
    `goes_on` is set. POST and PUT take one; /refused is refused without being read, /moved/PATH is redirected to PATH.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[Taken] = []
        self.is_waiting, self.goes_on = threading.Event(), threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Whoever has asked is gone."""


@cache
def file_of(size: int) -> bytes:
    return Random(size).randbytes(size)


def sha256_of(size: int) -> str:
    return hashlib.sha256(file_of(size)).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        *how, size = self.path.partition("?")[0].strip("/").split("/")
        content = file_of(int(size))
        self.send_response(404 if "missing" in how else 200)
        self.send_header("content-type", "application/pdf")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if "broken" in how:
            self.close_connection = True
            return
        if "slow" in how:
            self.server.is_waiting.set()
            self.server.goes_on.wait(60)
        self.wfile.write(content[half:])

    def do_POST(self) -> None:
        if self.path.startswith("/refused"):
            self._answer(413)
            self.close_connection = True
            return
        length, digest, size, kept = self.headers.get("content-length"), hashlib.sha256(), 0, b""
        while size < int(length or 0):
            chunk = self.rfile.read(min(_CHUNK_BYTES, int(length or 0) - size))
            if not chunk:
                break
            digest.update(chunk)
            kept = (kept + chunk)[:_CHUNK_BYTES]
            size += len(chunk)
        said = self.headers.get("content-type", "")
        self.server.taken.append(Taken(self.path, said, length, size, digest.hexdigest(), kept))
        if self.path.startswith("/moved/"):
            self._answer(307, location=self.path.removeprefix("/moved"))
        else:
            self._answer(200)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_file_server() -> Iterator[FileServer]:
    server = FileServer()
    with serving(server):
        try:
            yield server
        finally:
            server.goes_on.set()
