"""Proves that a component cannot reach the operator's own machine or network: by no spelling of an address, by no
redirect and, locally, by no name that resolves to it.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform as `acr dev` starts it, without the exception that other tests' stand-ins need."""
    folder = tmp_path_factory.mktemp("closed")
    with running_platform(folder, ARCRUN_ALLOW_LOCAL_NETWORK="") as platform:
        yield platform


def code_of(platform: LocalPlatform, url: str) -> str:
    return str(platform.execute("http_request", {"url": url}).json()["error"]["code"])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"],
)
def test_an_address_of_this_machine_is_refused(closed: LocalPlatform, host: str) -> None:
    port = closed.urls["cloudflare-api"].rpartition(":")[2].partition("/")[0]
    assert (
        code_of(closed, f"http://{host}:{port}/cdn-cgi/local/explorer/api/storage/kv/namespaces")
        == "ADDRESS_NOT_ALLOWED"
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "public.test", "127.0.0.1."],
)
@pytest.mark.parametrize("which", ["apiPort", "explorerPort"])
def test_cloudflare_s_local_api_is_refused_even_if_this_machine_is_allowed(
    platform: LocalPlatform, which: str, host: str
) -> None:
    """Neither the port with the secret path nor Miniflare's own, which has no secret; on any host."""
    port = json.loads((platform.folder / "plan.json").read_text())[which]
    assert code_of(platform, f"http://{host}:0{port}/cdn-cgi/local/explorer/api/r2/buckets") == "ADDRESS_NOT_ALLOWED"


@pytest.mark.parametrize("path", ["/cdn-cgi/local/explorer/api/r2/buckets", "/CDN-cgi/handler/x", "/a/../cdn-cgi/mf/"])
def test_nor_that_of_another_acr_dev_on_this_machine(platform: LocalPlatform, path: str) -> None:
    """Its ports are unknown, so its paths are refused."""
    assert code_of(platform, f"http://127.0.0.1:9{path}") == "ADDRESS_NOT_ALLOWED"
    assert code_of(platform, "http://127.0.0.1:9/cdn-cgi-of-my-own") == "HTTP_CONNECTION_FAILED"


@pytest.mark.parametrize("which", ["apiPort", "explorerPort"])
def test_no_redirect_leads_to_cloudflare_s_local_api(platform: LocalPlatform, which: str) -> None:
    port = json.loads((platform.folder / "plan.json").read_text())[which]

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{port}/cdn-cgi/local/explorer/api/r2/buckets")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert code_of(platform, f"http://127.0.0.1:{server.server_port}/") == "ADDRESS_NOT_ALLOWED"
        thread.join()


def test_a_public_name_without_a_host_is_another_failure(closed: LocalPlatform) -> None:
    """The error comes from the runtime's network: names are not resolved here."""
    assert code_of(closed, "http://nowhere.invalid/") in ("HTTP_HOST_NOT_FOUND", "HTTP_HOST_UNREACHABLE", "HTTP_FAILED")


def test_the_operator_can_allow_it(platform: LocalPlatform) -> None:
    answer = platform.execute("http_request", {"url": f"{platform.urls['executor']}/health"}).json()
    assert answer["data"]["body"]["ok"] is True
