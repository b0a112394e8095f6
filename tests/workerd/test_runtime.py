"""The local runtime from inside: bindings work, production's rules hold, and what it lends itself stays hidden."""

from collections.abc import Iterator

import httpx
import pytest

from workerd.probe_platform import running_probe

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_probe(tmp_path_factory.mktemp("probe")) as client:
        yield client


@pytest.mark.parametrize("how", ["compile", "compile_async"])
def test_a_request_cannot_compile_webassembly(probe: httpx.Client, how: str) -> None:
    assert "Wasm code generation disallowed by embedder" in probe.get(f"/{how}").json()


def test_randomness_is_refused_at_top_level_and_there_in_requests(probe: httpx.Client) -> None:
    result = probe.get("/randomness").json()
    assert (result["top_level"].partition(":")[0], result["request"]) == ("refused", 8)


def test_the_worker_sees_its_own_bindings_only(probe: httpx.Client) -> None:
    """And the one that this host adds for requests to the outside."""
    own = ["BUCKET", "COUNTER", "GREETING", "KV", "LOADER", "PEER"]
    assert probe.get("/runtime_bindings").json() == [*own, "PUBLIC_NETWORK"]
    assert probe.get("/runtime_bindings_of_env").json().startswith("refused")


def test_kv_holds_what_was_put(probe: httpx.Client) -> None:
    assert probe.get("/kv").json() == "v"


def test_a_service_binding_reaches_the_other_worker(probe: httpx.Client) -> None:
    assert probe.get("/peer").json()["ok"] is True


def test_a_durable_object_counts_in_sqlite(probe: httpx.Client) -> None:
    first, second = probe.get("/counter").json(), probe.get("/counter").json()
    assert (first, second) == ([2, 5], [7, 10])


def test_a_durable_object_of_another_worker_is_the_same(probe: httpx.Client) -> None:
    first = probe.get("/counter").json()[1]
    borrower = probe.base_url.copy_with(port=(probe.base_url.port or 0) + 2)
    assert httpx.get(borrower.join("/counter"), trust_env=False).json() == [first + 2, first + 5]


def test_the_sandbox_has_no_network(probe: httpx.Client) -> None:
    result = probe.get("/sandbox_network").json()
    assert result.startswith("refused: This worker is not permitted to access the internet")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254"])
def test_the_public_network_connects_to_no_private_address(probe: httpx.Client, host: str) -> None:
    """Whatever name has led there: it is decided at connect."""
    result = probe.post("/public_network", content=f"http://{host}:{probe.base_url.port}/health").json()
    assert str(result).startswith("refused")


def test_without_a_loader_a_bucket_component_names_its_two_ways_out(probe: httpx.Client) -> None:
    error = probe.get("/no_loader").json()
    assert (error["code"], len(error["next_actions"])) == ("SANDBOX_UNAVAILABLE", 2)
