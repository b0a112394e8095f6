"""`acr new page_watch` and a table by mail, on the real runtime, between a page and a chat, both on this machine.

Proves: what is there the first time is not told; what has changed is, once; a page that has lost the part fails the
run, and is compared again when it has it back. html, render and csv answer in V8 what they answer under wasmtime.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fixtures.serving import serving
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

TELL = """\
  tell: {{component: http_request, method: POST, url: "{url}/chat", body_json: {{text: "{{{{message.data.result}}}}"}}}}
"""
CALLS = {
    "name": "formats",
    "flow": ["input >> PIPE >> rows", "rows >> PIPE >> letter", "letter >> PIPE >> file", "file >> PIPE >> all"],
    "config": {
        "rows": {"component": "html", "operation": "table", "input": "{{input.page}}"},
        "letter": {
            "component": "render",
            "template": "{{#rows}}{{Name}}: {{Price}}\n{{/rows}}{{input.page}}",
            "data": {"rows": "{{rows.data.rows}}"},
        },
        "file": {
            "component": "csv",
            "operation": "write",
            "rows": "{{rows.data.rows}}",
            "delimiter": ";",
            "mark": True,
        },
        "all": {"component": "set", "values": {"letter": "{{letter.data.result}}", "file": "{{file.data.result}}"}},
    },
}


class PageAndChat(ThreadingHTTPServer):
    """GET answers `page`; POST is a message, noted in `told`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page, self.told = "", list[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: PageAndChat

    def do_GET(self) -> None:
        self._answer("text/html; charset=utf-8", self.server.page.encode())

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["text"])
        self._answer("application/json", b"{}")

    def _answer(self, content_type: str, body: bytes) -> None:
        with suppress(OSError):  # whoever has asked is gone
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def outside() -> Iterator[PageAndChat]:
    with serving(PageAndChat()) as server:
        yield server


def point(file: Path, url: str) -> None:
    """Write the page and the chat into the new file: the chat is one that takes messages over HTTP."""
    lines = file.read_text().replace("https://example.com/news", f"{url}/news").splitlines(keepends=True)
    file.write_text("".join(TELL.format(url=url) if line.startswith("  tell: ") else line for line in lines))


def run(platform: LocalPlatform, name: str, given: Any) -> Any:
    with platform.executor as client:
        return client.post(f"/webhooks/named/{name}/trigger", json=given).json()


def test_a_page_is_watched(platform: LocalPlatform, outside: PageAndChat, tmp_path: Path) -> None:
    file = tmp_path / "page_watch.yaml"
    assert platform.acr("new", "page_watch", str(file)).returncode == 0
    point(file, outside.url)
    pushed = platform.acr("push", str(file), "--force")
    assert pushed.returncode == 0, pushed.stderr
    given = {"url": f"{outside.url}/news", "selector": "main"}
    states = list[str]()
    for page in ("One", "One", "Two & more", None, "Two & more"):
        outside.page = (
            "<p>We are moving" if page is None else f"<nav>{len(states)}</nav><main><h1>News</h1><p>{page}</main>"
        )
        answer = run(platform, "page_watch", given)
        states.append(answer["data"]["state"] if answer["success"] else answer["error"]["code"])
    assert states == ["first", "same", "changed", "PART_MISSING", "same"]
    assert outside.told == [f"{outside.url}/news has changed.\n+ Two & more\n- One\n"]


def test_a_table_becomes_a_letter_and_a_file(platform: LocalPlatform) -> None:
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": CALLS}).json()
        assert pushed["success"], pushed
    page = (
        "<table><tr><th>Name<th>Price<tr><td>Lamp &amp; Co<td>12 €<tr><td rowspan=2>Chair<td>30 €<tr><td>29 €</table>"
    )
    assert run(platform, "formats", {"page": page})["data"] == {
        "letter": "Lamp &amp; Co: 12 €\nChair: 30 €\nChair: 29 €\n",
        "file": "\ufeffName;Price\r\nLamp & Co;12 €\r\nChair;30 €\r\nChair;29 €\r\n",
    }
