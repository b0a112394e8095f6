"""Proves on real workerd that bundled and bucket components behave alike, including host functions."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from acr.parts.uploads import metered_object
from arcrun.contracts.model import Scenario
from arcrun.contracts.parse import parse_contract
from arcrun.wasm.component import build_component
from arcrun.wasm.metering import meter_module
from arcrun.wasm.seal import metered_key, seal_module
from fixtures.modules import BAD_POINTER, asking, build_contract, build_module, printing, with_network
from workerd.local_platform import ROOT, LocalPlatform

pytestmark = pytest.mark.workerd


class _Service(BaseHTTPRequestHandler):
    """A service to call: /json answers JSON, /redirect redirects to a forbidden host, /slow takes a second."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/redirect":
            self._answer(302, b"", {"Location": f"http://localhost:{self.headers['Host'].rpartition(':')[2]}/json"})
        elif self.path == "/bytes":
            self._answer(200, b"\xff\x00", {})
        else:
            self._answer(200, json.dumps({"path": self.path}).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def put_metered(platform: LocalPlatform, module: bytes, contract: dict[str, Any]) -> str:
    """Store the metered module, as `acr deploy` does: Go's modules are too large to be metered on use."""
    platform.put_object(*metered_object(parse_contract(contract), module))
    return platform.put_component(module, contract)


def test_a_module_too_large_to_be_metered_on_use_says_so(platform: LocalPlatform, examples: Path) -> None:
    module = (examples / "shout_go/shout_go.wasm").read_bytes() + bytes((0, 2, 1, ord("u")))  # a hash of its own
    answer = platform.execute(platform.put_component(module, build_contract("unmetered_go")), {"text": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "MODULE_TOO_LARGE")


def builtin(component_id: str) -> bytes:
    return (ROOT / "components" / component_id / f"{component_id}.wasm").read_bytes()


@pytest.mark.parametrize(
    "input_value",
    [
        pytest.param({"json_string": '{"a": [1, 2.50, "\\u00e9"]}'}, id="valid"),
        pytest.param({"json_string": "{'a': 1}"}, id="invalid"),
        pytest.param({}, id="without its input"),
    ],
)
def test_the_same_bytes_answer_the_same_in_both_tiers(platform: LocalPlatform, input_value: dict[str, str]) -> None:
    platform.put_component(builtin("validate_json"), build_contract("acr_probe"))
    bundled, sandboxed = platform.execute("validate_json", input_value), platform.execute("acr_probe", input_value)
    assert (sandboxed.status_code, sandboxed.content) == (bundled.status_code, bundled.content)


def test_the_same_input_uses_the_same_fuel_in_both_tiers(platform: LocalPlatform) -> None:
    contract = yaml.safe_load((ROOT / "components/string_ops/contract.yaml").read_text())
    platform.put_component(builtin("string_ops"), {**contract, "canonical_id": "string_ops_in_bucket"})
    given = {"operation": "upper", "input": "hello"}
    config = {"a": {"component": "string_ops", **given}, "b": {"component": "string_ops_in_bucket", **given}}
    workflow = {"name": "fuel", "flow": ["input >> PIPE >> a", "input >> PIPE >> b"], "config": config}
    with platform.executor as client:
        trace = client.post("/execute?trace=1", json={"workflow": workflow, "input": {}}).json()["trace"]
    assert trace[0]["fuel"] == trace[1]["fuel"] > 0


def test_the_first_use_leaves_the_metered_module_in_the_bucket(platform: LocalPlatform) -> None:
    module, contract = build_module(printing('"used"')), build_contract("first_used")
    made = build_component(parse_contract(contract), module)
    assert platform.execute(platform.put_component(module, contract), {}).json()["data"] == "used"
    deadline = time.monotonic() + 5  # it is written after the answer
    while (kept := platform.get_object(metered_key(made.sha256))) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert kept == made.module


@pytest.mark.parametrize(("cut", "answered"), [(None, "kept"), (-1, "published")], ids=["whole", "damaged"])
def test_a_metered_module_in_the_bucket_is_used_if_it_is_whole(
    platform: LocalPlatform, cut: int | None, answered: str
) -> None:
    """The stored metered module answers differently from the published one, to show which of them ran."""
    contract = build_contract(f"kept_{answered}")
    module = build_module(printing('"published"')) + bytes((0, 2, 1, len(answered)))  # a hash of its own
    sha256 = hashlib.sha256(module).hexdigest()
    kept = seal_module(meter_module(build_module(printing('"kept"'))), sha256)
    platform.put_object(metered_key(sha256), kept[:cut])
    assert platform.execute(platform.put_component(module, contract), {}).json()["data"] == answered


def example_scenarios() -> Iterator[Any]:
    for path in sorted((ROOT / "examples/components").glob("*/contract.yaml")):
        contract = parse_contract(yaml.safe_load(path.read_text()))
        for scenario in contract.scenarios:
            yield pytest.param(contract.canonical_id, scenario, id=f"{contract.canonical_id}: {scenario.name}")


@pytest.mark.parametrize("tier", ["bundle", "bucket"])
@pytest.mark.parametrize(("component_id", "scenario"), list(example_scenarios()))
def test_a_component_of_another_toolchain_runs_unchanged(
    platform: LocalPlatform, examples: Path, tier: str, component_id: str, scenario: Scenario
) -> None:
    reference = component_id
    if tier == "bucket":
        module = (examples / component_id / f"{component_id}.wasm").read_bytes()
        reference = put_metered(platform, module, build_contract(f"{component_id}_in_bucket"))
    answer = platform.execute(reference, scenario.given)
    if scenario.then_contains is None:
        assert answer.json() == scenario.then
    else:
        assert scenario.then_contains in answer.text


@pytest.mark.parametrize("tier", ["bundle", "bucket"])
def test_wasis_own_wait_works(platform: LocalPlatform, examples: Path, tier: str) -> None:
    reference = "shout_go"
    if tier == "bucket":
        module = (examples / "shout_go/shout_go.wasm").read_bytes()
        reference = put_metered(platform, module, build_contract("sleepy_go"))
    started = time.monotonic()
    answer = platform.execute(reference, {"text": "x", "wait_ms": 60})
    assert (answer.json()["data"], time.monotonic() - started > 0.06) == ({"text": "X!"}, True)


@pytest.mark.parametrize(
    ("hosts", "path", "expected"),
    [
        pytest.param(["127.0.0.1"], "/json", (200, {"path": "/json"}), id="allowed"),
        pytest.param(["example.com"], "/json", "HOST_NOT_ALLOWED", id="another host"),
        pytest.param(["*.0.0.1"], "/json", (200, {"path": "/json"}), id="wildcard"),
        pytest.param(["127.0.0.1"], "/redirect", "HOST_NOT_ALLOWED", id="redirect to another host"),
    ],
)
def test_a_bucket_component_reaches_the_hosts_of_its_contract_only(
    platform: LocalPlatform, service: str, hosts: list[str], path: str, expected: object, request: pytest.FixtureRequest
) -> None:
    name = f"caller_{request.node.callspec.id.replace(' ', '_')}"
    platform.put_component(builtin("http_request"), with_network(build_contract(name), *hosts))
    answer = platform.execute(name, {"url": service + path}).json()
    if answer["success"]:
        assert (answer["data"]["status"], answer["data"]["body"]) == expected
    else:
        assert answer["error"]["code"] == expected


def test_the_bundled_http_request_calls_and_follows_redirects(platform: LocalPlatform, service: str) -> None:
    answer = platform.execute("http_request", {"url": f"{service}/redirect"}).json()
    assert (answer["success"], answer["data"]["body"]) == (True, {"path": "/json"})


def test_an_address_without_a_server_is_an_error_of_the_component(platform: LocalPlatform) -> None:
    answer = platform.execute("http_request", {"url": "http://127.0.0.1:9/"}).json()
    assert answer["error"]["code"] == "HTTP_CONNECTION_FAILED"


def test_sleep_waits_in_the_sandbox(platform: LocalPlatform) -> None:
    contract = {**build_contract("sleeper"), "capabilities": ["sleep"]}
    platform.put_component(build_module(asking("sleep", '{"ms": 50}')), contract)
    assert platform.execute("sleeper", {}).json() == {"success": True, "data": {"ok": True, "value": {"waited_ms": 50}}}


def test_log_is_free_to_all_and_answers(platform: LocalPlatform) -> None:
    platform.put_component(build_module(asking("log", '{"level": "info"}')), build_contract("logger"))
    assert platform.execute("logger", {}).json() == {"success": True, "data": {"ok": True}}


def test_a_pointer_outside_the_memory_is_refused_not_fatal(platform: LocalPlatform) -> None:
    platform.put_component(build_module(BAD_POINTER), build_contract("bad_pointer"))
    assert platform.execute("bad_pointer", {}).json() == {"success": True, "data": {"errno": 21}}


def test_twenty_waits_overlap(platform: LocalPlatform) -> None:
    contract = {**build_contract("waiter"), "capabilities": ["sleep"]}
    platform.put_component(build_module(asking("sleep", '{"ms": 300}')), contract)
    platform.execute("waiter", {})
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(platform.execute("waiter", {}))) for _ in range(20)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.json()["success"] for answer in answers] == [True] * 20
    assert time.monotonic() - started < 3  # one after the other would take 6 s


@pytest.mark.parametrize("component_id", ["gmail", "google_sheets", "line_notify", "telegram"])
def test_a_service_component_is_refused_a_host_that_its_contract_does_not_allow(
    platform: LocalPlatform, component_id: str
) -> None:
    contract = yaml.safe_load((ROOT / "components" / component_id / "contract.yaml").read_text())
    given = next(test["given"] for test in contract["gherkin_tests"] if test.get("http"))
    elsewhere = {**contract, "canonical_id": f"{component_id}_elsewhere", "allowed_hosts": ["example.com"]}
    platform.put_component(builtin(component_id), elsewhere)
    answer = platform.execute(f"{component_id}_elsewhere", given)
    assert answer.json()["error"]["code"] == "HOST_NOT_ALLOWED"
