"""Proves how much a component's call may compute, where it runs, and the limits of the free plan."""

import asyncio
import hashlib
from dataclasses import dataclass, field, replace

import pytest

from arcrun.engine.budget import RunBudget, RunLimits
from arcrun.errors import ArcrunError
from arcrun.registry.package import module_key
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions
from arcrun.wasm.component import BundledComponent, Component
from arcrun.wasm.costs import CALL_FUEL, FUEL_A_MS, SANDBOX_FUEL
from executor.components import ComponentCaller, ComponentResolver
from fakes.components import exited
from fakes.contracts import build_contract, contract_source
from fakes.executor import build_bench, build_client
from fakes.modules import build_module
from fakes.ports.background import FakeBackground
from fakes.ports.http_client import FakeHttpClient
from fakes.ports.storage import InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

MODULE = build_module()
SHA256 = hashlib.sha256(MODULE).hexdigest()
FREE = RunLimits(50, is_free=True)


@dataclass
class Runner:
    """Uses `used` of its fuel, and records the fuel it got and the sandboxes that ran at the same time."""

    used: int = 0
    given: list[tuple[bool, int]] = field(default_factory=list)  # (in a sandbox, fuel)
    at_once: set[str] = field(default_factory=set)
    most: int = 0

    async def run(self, component: Component, _stdin: str, _host: HostFunctions, fuel: int = 0) -> Execution:
        self.given.append((component.module is not None, fuel))
        if component.module is not None:
            self.at_once.add(component.sha256)
            self.most = max(self.most, len(self.at_once))
            await asyncio.sleep(0.01)
            self.at_once.discard(component.sha256)
        if self.used > fuel:
            return Execution(ExitKind.FUEL_EXHAUSTED, -1, "", "", "", 1 << 20, fuel + 3)
        return replace(exited({"success": True, "data": {}}), fuel_used=self.used)


class Bench:
    """One bundled component, whose code is also in the bucket, as the registry stores it."""

    def __init__(self, runner: Runner, *, has_sandbox: bool = True) -> None:
        clock = FixedClock()
        self.bucket = InMemoryR2(clock)
        self.bucket.upload(module_key(SHA256), MODULE)
        bundle = {"echo": BundledComponent(contract_source(canonical_id="echo"), SHA256)}
        resolver = ComponentResolver(bundle, self.bucket, clock, FakeBackground())
        self.caller = ComponentCaller(
            resolver, runner, FakeHttpClient(), clock, SeededRandom(), has_sandbox=has_sandbox
        )
        self.bundled = Component(build_contract(canonical_id="echo"), SHA256)

    async def call(self, cpu_ms: int | None = None, budget: RunBudget | None = None) -> str | None:
        """Call the component; returns the error's code."""
        opened = budget or RunLimits().open_budget()
        try:
            outcome = await self.caller.call(self.bundled, {}, opened, cpu_ms)
        except ArcrunError as error:
            return error.code
        return outcome.error.code if outcome.error else None


@pytest.mark.parametrize(
    ("cpu_ms", "expected"),
    [
        pytest.param(None, (False, CALL_FUEL), id="the usual"),
        pytest.param(1, (False, FUEL_A_MS), id="less"),
        pytest.param(200, (False, CALL_FUEL), id="as much as a bundled component has"),
        pytest.param(201, (True, 201 * FUEL_A_MS), id="more: in a sandbox"),
        pytest.param(10_000, (True, 10_000 * FUEL_A_MS), id="the most"),
    ],
)
async def test_a_bundled_component_gets_what_its_node_says(cpu_ms: int | None, expected: tuple[bool, int]) -> None:
    runner = Runner()
    bench = Bench(runner)
    assert [await bench.call(cpu_ms) for _ in range(2)] == [None, None]
    assert runner.given == [expected] * 2
    assert bench.bucket.reads.count(f"get {module_key(SHA256)}") == (1 if expected[0] else 0)


async def test_a_component_of_the_bucket_has_less_unless_its_node_says_so() -> None:
    runner = Runner()
    bench = Bench(runner)
    bench.bundled = replace(bench.bundled, module=MODULE)
    for cpu_ms in (None, 150, 200, 3_000):
        await bench.call(cpu_ms)
    assert runner.given == [(True, fuel) for fuel in (SANDBOX_FUEL, SANDBOX_FUEL, CALL_FUEL, 3_000 * FUEL_A_MS)]


async def test_more_without_a_sandbox_is_refused_before_anything_runs() -> None:
    runner = Runner()
    assert await Bench(runner, has_sandbox=False).call(201) == "SANDBOX_UNAVAILABLE"
    assert runner.given == []


@pytest.mark.parametrize("stored", [None, b"another module"], ids=["nothing", "something else"])
async def test_more_without_the_code_in_the_bucket_says_how_it_gets_there(stored: bytes | None) -> None:
    bench = Bench(Runner())
    bench.bucket = InMemoryR2(FixedClock())
    if stored is not None:
        bench.bucket.upload(module_key(SHA256), stored)
    resolver = ComponentResolver({}, bench.bucket, FixedClock(), FakeBackground())
    bench.caller = replace(bench.caller, resolver=resolver)
    assert await bench.call(201) == "CODE_NOT_STORED"
    bench.bucket.upload(module_key(SHA256), MODULE)
    assert await bench.call(201) is None  # once its code is there


async def test_five_sandboxes_of_one_run_take_turns_and_two_runs_do_not_wait_for_each_other() -> None:
    runner = Runner()
    caller = Bench(runner).caller
    components = [Component(build_contract(), f"sha256-{i}", MODULE) for i in range(8)]
    budget = RunLimits().open_budget()
    await asyncio.gather(*(caller.call(component, {}, budget) for component in components))
    assert (runner.most, len(runner.given)) == (4, 8)
    await asyncio.gather(*(caller.call(component, {}, RunLimits().open_budget()) for component in components))
    assert runner.most == 8


async def test_on_the_free_plan_a_heavy_component_ends_as_cpu_budget() -> None:
    """It gets no more fuel than the run has left, so the stretch itself ends in time."""
    runner = Runner(used=CALL_FUEL // 2)
    bench = Bench(runner)
    assert await bench.call() is None
    assert await bench.call(budget=FREE.open_budget()) == "CPU_BUDGET"
    assert runner.given[1][1] < 10 * FUEL_A_MS


async def test_on_the_free_plan_calls_add_up() -> None:
    bench, budget = Bench(Runner(used=3 * FUEL_A_MS)), FREE.open_budget()
    assert [await bench.call(budget=budget) for _ in range(3)] == [None, None, "CPU_BUDGET"]


async def test_a_component_that_uses_up_its_own_budget_on_the_free_plan_says_so() -> None:
    """`cpu_ms` of 1 is less than what the run has left."""
    assert await Bench(Runner(used=CALL_FUEL)).call(1, FREE.open_budget()) == "FUEL_EXHAUSTED"


async def test_executing_a_component_alone_is_bounded_too() -> None:
    def busy(_stdin: str) -> Execution:
        return replace(exited({"success": True, "data": {}}), fuel_used=CALL_FUEL)

    service = build_bench({"busy": busy}).service
    free = replace(service, engine=replace(service.engine, limits=FREE))
    assert (await service.execute_component("busy", {})).error is None
    with pytest.raises(ArcrunError) as caught:
        await free.execute_component("busy", {})
    assert caught.value.code == "CPU_BUDGET"


async def test_a_run_that_ends_so_leaves_its_record_and_answers() -> None:
    def busy(_stdin: str) -> Execution:
        return replace(exited({"success": True, "data": {}}), fuel_used=CALL_FUEL)

    bench = build_bench({"busy": busy})
    service = replace(bench.service, engine=replace(bench.service.engine, limits=FREE))
    flow = {"name": "w", "flow": ["input >> PIPE >> busy"]}
    async with build_client(service) as client:
        answer = await client.post("/execute", json={"workflow": flow, "input": {}})
    await bench.background.finish()
    kept = await service.runs.find(answer.json()["run_id"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "CPU_BUDGET")
    assert (kept["status"], kept["error"]["code"]) == ("failed", "CPU_BUDGET")
