"""A component reaches the public internet and no address of the operator's own machine or network: not by any spelling,
not by a redirect, and locally not by a name that leads there either.
"""

from collections.abc import Iterator

import pytest

from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """As `acr dev` starts it, without the exception that the other tests' stand-ins need."""
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


def test_a_public_name_without_a_host_is_another_failure(closed: LocalPlatform) -> None:
    """The runtime's own network says so: nothing is looked up here."""
    assert code_of(closed, "http://nowhere.invalid/") in ("HTTP_HOST_NOT_FOUND", "HTTP_HOST_UNREACHABLE", "HTTP_FAILED")


def test_the_operator_can_allow_it(platform: LocalPlatform) -> None:
    answer = platform.execute("http_request", {"url": f"{platform.urls['executor']}/health"}).json()
    assert answer["data"]["body"]["ok"] is True
