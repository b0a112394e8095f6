"""A component in JavaScript is found in the bucket, in the part of the registry and in the bundle. The engine of `code`
runs it, in this isolate or in a sandbox, by the node's `cpu_ms`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from arcrun.engine.budget import RunLimits
from arcrun.errors import ComponentError
from arcrun.limits import MAX_JAVASCRIPT_BYTES
from arcrun.ports import Published
from arcrun.registry.package import module_key
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import BundledComponent, Component, fuel_of_bundled
from executor.component_sources import read_stored
from executor.components import FRESH_MS, ComponentCaller, ComponentResolver
from fakes.components import exited
from fakes.contracts import REMOVED, constraints_source, contract_source
from fakes.modules import build_module
from fakes.ports.background import FakeBackground
from fakes.ports.http_client import FakeHttpClient, respond
from fakes.ports.storage import InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

MAIN = "export default (input) => ({ text: `é ${input.name}` });"
NETWORK = constraints_source(no_network_syscall=False)
ENGINE = build_module()
ENGINE_SHA256 = hashlib.sha256(ENGINE).hexdigest()


def write_contract(component_id: str = "shout") -> dict[str, Any]:
    return contract_source(runtime="javascript", wasi_target=REMOVED, canonical_id=component_id)


@dataclass
class Runner:
    """Records what it runs."""

    calls: list[tuple[Component, Any, int]] = field(default_factory=list)
    hosts: list[HostFunctions] = field(default_factory=list)

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = 0) -> Execution:
        self.hosts.append(host)
        self.calls.append((component, json.loads(stdin), fuel))
        return exited({"success": True, "data": {}})


class Bench:
    """An executor whose bundle has the engine; its code is in the bucket too, for sandboxes."""

    def __init__(self, **bundled: BundledComponent) -> None:
        self.clock, self.runner = FixedClock(), Runner()
        self.bucket = InMemoryR2(self.clock)
        self.bucket.upload(module_key(ENGINE_SHA256), ENGINE)
        bundle = {"code": BundledComponent(contract_source(canonical_id="code"), ENGINE_SHA256), **bundled}
        self.resolver = ComponentResolver(bundle, self.bucket, self.clock, FakeBackground())
        self.caller = ComponentCaller(self.resolver, self.runner, FakeHttpClient(respond()), self.clock, SeededRandom())

    def upload(self, main: str, reference: str = "shout") -> None:
        self.bucket.upload(f"{reference}.js", main.encode())
        self.bucket.upload(f"{reference}.contract.yaml", json.dumps(write_contract()).encode())

    async def call(self, component: Component, cpu_ms: int | None = None) -> tuple[Component, Any, int]:
        outcome = await self.caller.call(component, {"name": "Ada"}, RunLimits().open_budget(), cpu_ms)
        assert outcome.error is None
        return self.runner.calls[-1]


async def test_it_comes_from_the_bucket_and_is_read_again_when_it_changes() -> None:
    bench = Bench()
    bench.upload(MAIN)
    found = await bench.resolver.find("shout")
    assert (found.source, found.module, found.is_looked_up) == (MAIN, None, True)
    assert await bench.resolver.find("shout") is found
    bench.clock.advance(FRESH_MS)
    assert await bench.resolver.find("shout") is found
    bench.upload(MAIN + "//")
    bench.clock.advance(FRESH_MS)
    assert (await bench.resolver.find("shout")).source == MAIN + "//"


async def test_it_comes_from_the_bundle() -> None:
    bench = Bench(shout=BundledComponent(write_contract(), "0" * 64, MAIN))
    assert (await bench.resolver.find("shout@v1")).source == MAIN
    assert bench.bucket.reads == []


@pytest.mark.parametrize("content", [None, b"other"], ids=["nothing", "another hash"])
async def test_the_registrys_part_is_what_was_reviewed(content: bytes | None) -> None:
    bench = Bench()
    bench.upload(MAIN)
    contract, sha256 = (await bench.resolver.find("shout")).contract, hashlib.sha256(MAIN.encode()).hexdigest()
    if content is not None:
        bench.bucket.upload(module_key(sha256, is_javascript=True), content)
    assert await read_stored(bench.bucket, contract, sha256) is None
    bench.bucket.upload(module_key(sha256, is_javascript=True), MAIN.encode())
    stored = await read_stored(bench.bucket, contract, sha256)
    assert stored is not None
    assert stored.module == MAIN.encode()


@pytest.mark.parametrize(
    ("cpu_ms", "is_sandboxed"),
    [(None, False), (200, False), (201, True)],
    ids=["the usual", "as much as fits", "more"],
)
async def test_the_engine_runs_it(cpu_ms: int | None, is_sandboxed: bool) -> None:
    bench = Bench()
    bench.upload(MAIN)
    ran, stdin, fuel = await bench.call(await bench.resolver.find("shout"), cpu_ms)
    assert (ran.id, ran.module is not None, ran.sha256) == ("code", is_sandboxed, ENGINE_SHA256)
    assert stdin == {"source": MAIN, "input": {"name": "Ada"}}
    assert fuel == fuel_of_bundled("code", cpu_ms)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, "CAPABILITY_NOT_DECLARED"),
        ({"constraints": NETWORK, "allowed_hosts": ["b.example"]}, "HOST_NOT_ALLOWED"),
        ({"constraints": NETWORK, "allowed_hosts": ["a.example"]}, None),
    ],
    ids=["no network", "another host", "this host"],
)
async def test_it_reaches_what_its_own_contract_allows(changes: dict[str, Any], refusal: str | None) -> None:
    """The engine's contract allows any host."""
    bench = Bench(shout=BundledComponent({**write_contract(), **changes}, "0" * 64, MAIN))
    await bench.call(await bench.resolver.find("shout"))
    request = json.dumps({"method": "GET", "url": "https://a.example/"})
    reply = json.loads(await bench.runner.hosts[-1].answer("http_request", request))
    assert reply.get("error", {}).get("code") == refusal


@dataclass(frozen=True)
class Registry:
    """Has accepted one component, and shows it to a tenant."""

    published: Published

    async def find(self, reference: str) -> Published | None:
        return self.published if reference in ("shout", "shout@v1") else None

    async def ask(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        raise NotImplementedError


async def test_a_tenant_runs_what_the_registry_shows_and_nothing_by_name() -> None:
    bench = Bench()
    bench.upload("export default () => 'of the account'")
    sha256 = hashlib.sha256(MAIN.encode()).hexdigest()
    bench.bucket.upload(module_key(sha256, is_javascript=True), MAIN.encode())
    registry = Registry(Published(write_contract(), sha256, "0" * 64))
    resolver = ComponentResolver({}, bench.bucket, bench.clock, FakeBackground(), registry, has_names=False)
    assert (await resolver.find("shout")).source == MAIN


@pytest.mark.parametrize(
    ("main", "code"),
    [("x" * (MAX_JAVASCRIPT_BYTES + 1), "SOURCE_TOO_LARGE"), (" ", "INVALID_SOURCE")],
    ids=["too large", "empty"],
)
async def test_a_source_that_cannot_be_used_is_refused(main: str, code: str) -> None:
    bench = Bench()
    bench.upload(main)
    with pytest.raises(ComponentError) as caught:
        await bench.resolver.find("shout")
    assert caught.value.code == code
