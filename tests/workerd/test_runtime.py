"""Proves the local runtime from inside: bindings work, production's rules apply, and internal bindings are hidden."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from arcrun.errors import InternalError
from workerd.probe_platform import running_probe

pytestmark = pytest.mark.workerd


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_probe(tmp_path_factory.mktemp("probe")) as client:
        yield client


@pytest.mark.parametrize("how", ["compile", "compile_async"])
def test_a_request_cannot_compile_webassembly(probe: httpx.Client, how: str) -> None:
    assert "Wasm code generation disallowed by embedder" in probe.get(f"/{how}").json()


def test_what_a_deploy_refuses_at_top_level_is_refused_there_and_possible_in_requests(probe: httpx.Client) -> None:
    result = probe.get("/top_level").json()
    assert {name for name, outcome in result["now"].items() if outcome != "allowed"} == set()
    refused = {name: outcome for name, outcome in result["then"].items() if outcome != "allowed"}
    assert set(result["then"]) - set(refused) == {
        "random.Random with a seed",
        "random.SystemRandom",
        "env.COUNTER.idFromName",
        "a variable",
        "js.queueMicrotask",
        "js.Date.now",
    }
    assert {
        name for name, text in refused.items() if "Disallowed operation called within global scope" not in text
    } == set()


def test_the_standard_library_comes_first_then_what_is_vendored(probe: httpx.Client) -> None:
    """As on the native runtime: the Worker's own modules shadow neither."""
    path = probe.get("/sys_path").json()
    places = [path.index(folder) for folder in ("/session/metadata/python_modules", "/session/metadata")]
    standard = [place for place, folder in enumerate(path) if folder.startswith("/lib/")]
    assert max(standard) < places[0] < places[1]


def test_after_a_fatal_error_python_is_restarted(probe: httpx.Client) -> None:
    """Waiting requests get errors in arcrun's shape, and objects keep their stored data."""
    before = probe.get("/counter").json()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(probe.post, "/wait", content="25")
        time.sleep(0.3)  # until it waits
        started = time.monotonic()
        answers = [probe.get("/stack_overflow"), waiting.result(20)]
        assert time.monotonic() - started < 15
    assert [answer.status_code for answer in answers] == [500, 500]
    assert [answer.json() for answer in answers] == [{"success": False, "error": InternalError().to_json()}] * 2
    assert probe.get("/counter").json() == [before[1] + 2, before[1] + 5]
    assert probe.get("/stack_overflow").status_code == 500  # the second one too
    assert probe.get("/kv").json() == "v"


def test_shorter_turns_of_the_loop_do_what_the_runtime_s_do(probe: httpx.Client) -> None:
    """Same order, same contexts of tasks; faults are reported, and modules can be imported."""
    long, short = probe.post("/turns").json(), probe.post("/turns", content="shorter").json()
    assert (long.pop("is_shortened"), short.pop("is_shortened")) == (False, True)
    steps = ["soon", *["a", "b"] * 3, "outer"]
    assert long == {"order": [*steps, "timeout", "no module"], "faults": ["ValueError('of a callback')"], "same": True}
    assert short == long


def test_the_worker_sees_its_own_bindings_only(probe: httpx.Client) -> None:
    """And the host's additions: the local flag, and the public network."""
    own = ["BUCKET", "COUNTER", "GREETING", "KV", "LOADER", "PEER"]
    assert probe.get("/runtime_bindings").json() == ["ARCRUN_LOCAL", *own, "PUBLIC_NETWORK"]
    assert probe.get("/runtime_bindings_of_env").json().startswith("refused")


def test_kv_holds_what_was_put(probe: httpx.Client) -> None:
    assert probe.get("/kv").json() == "v"


def test_a_service_binding_reaches_the_other_worker(probe: httpx.Client) -> None:
    assert probe.get("/peer").json()["ok"] is True


def test_a_durable_object_counts_in_sqlite(probe: httpx.Client) -> None:
    first, second = probe.get("/counter").json(), probe.get("/counter").json()
    assert (first[1] - first[0], second[0] - first[1], second[1] - second[0]) == (3, 2, 3)


def test_a_durable_object_of_another_worker_is_the_same(probe: httpx.Client) -> None:
    first = probe.get("/counter").json()[1]
    borrower = probe.base_url.copy_with(port=(probe.base_url.port or 0) + 2)
    assert httpx.get(borrower.join("/counter"), trust_env=False, timeout=60).json() == [first + 2, first + 5]


def test_the_sandbox_has_no_network(probe: httpx.Client) -> None:
    result = probe.get("/sandbox_network").json()
    assert result.startswith("refused: This worker is not permitted to access the internet")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254"])
def test_the_public_network_connects_to_no_private_address(probe: httpx.Client, host: str) -> None:
    """By any name: the address is checked when connecting."""
    result = probe.post("/public_network", content=f"http://{host}:{probe.base_url.port}/health").json()
    assert str(result).startswith("refused")


def test_without_a_loader_a_bucket_component_names_its_two_ways_out(probe: httpx.Client) -> None:
    error = probe.get("/no_loader").json()
    assert (error["code"], len(error["next_actions"])) == ("SANDBOX_UNAVAILABLE", 2)


TAKES_TIME = ("timer", "kv", "rpc", "fetch", "body", "timeout")
COMPUTES = ("computing", "yielding", "computing_again")


def test_with_the_production_clock_time_stands_still_while_code_computes(tmp_path: Path) -> None:
    """All clocks of Python and JavaScript advance only with timers and I/O, including asyncio's timeouts."""
    with running_probe(tmp_path, production_clock=True) as client:
        moved = client.get("/clocks").json()
        again = client.get("/clocks").json()
    assert {name: ms for name in COMPUTES for ms in moved[name].values() if ms != 0} == {}
    assert [(name, clock) for name in TAKES_TIME for clock, ms in moved[name].items() if ms <= 0] == []
    assert min(moved["timer"].values()) >= 49
    assert min(moved["timeout"].values()) >= 29
    assert again.keys() == moved.keys()


def test_without_it_time_goes_on(probe: httpx.Client) -> None:
    moved = probe.get("/clocks").json()
    assert [(name, clock) for name in COMPUTES for clock, ms in moved[name].items() if ms <= 0] == []
