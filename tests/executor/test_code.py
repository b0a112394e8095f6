"""Nodes of `code` in the executor: the host functions of a call reach the call's hosts only, and a push compiles each
source.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from arcrun.engine.budget import RunLimits
from arcrun.errors import ComponentError
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import BundledComponent, Component
from executor.components import ComponentCaller, ComponentResolver
from fakes.builtins import read_contract_sources
from fakes.components import exited
from fakes.executor import build_bench
from fakes.ports.background import FakeBackground
from fakes.ports.http_client import FakeHttpClient, respond
from fakes.ports.storage import InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

CONTRACT = read_contract_sources()["code"]
WORKFLOW: dict[str, Any] = {
    "name": "w",
    "flow": ["input >> PIPE >> sum"],
    "config": {"sum": {"component": "code", "source": "return '{{x}}'"}},
}


@dataclass
class AskingRunner:
    """Asks for a URL in each call, and keeps the reply's error code, "" if it has none."""

    url: str
    codes: list[str] = field(default_factory=list)

    async def run(self, _component: Component, _stdin: str, host: HostFunctions, _fuel: int = 0) -> Execution:
        reply = json.loads(await host.answer("http_request", json.dumps({"url": self.url})))
        self.codes.append(reply.get("error", {}).get("code", ""))
        return exited({"success": True, "data": {}})


async def test_each_call_reaches_its_own_hosts_only() -> None:
    runner, http, clock = AskingRunner("https://a.example.com/"), FakeHttpClient(respond(), respond()), FixedClock()
    resolver = ComponentResolver({"code": BundledComponent(CONTRACT, "")}, InMemoryR2(clock), clock, FakeBackground())
    caller = ComponentCaller(resolver, runner, http, clock, SeededRandom())
    budget, code = RunLimits(50).open_budget(), await caller.find("code")
    given: tuple[dict[str, list[str]], ...] = (
        {"hosts": ["a.example.com"]},
        {},
        {"hosts": []},
        {"hosts": ["b.example.com"]},
        {"hosts": ["*"]},
    )
    for hosts in given:
        await caller.call(code, {"source": "", **hosts}, budget)
    assert runner.codes == ["", "HOST_NOT_ALLOWED", "HOST_NOT_ALLOWED", "HOST_NOT_ALLOWED", ""]
    assert len(http.requests) == 2


async def test_what_is_to_be_isolated_needs_a_sandbox() -> None:
    clock = FixedClock()
    resolver = ComponentResolver({"code": BundledComponent(CONTRACT, "")}, InMemoryR2(clock), clock, FakeBackground())
    caller = ComponentCaller(resolver, AskingRunner(""), FakeHttpClient(), clock, SeededRandom(), has_sandbox=False)
    code = await caller.find("code")
    with pytest.raises(ComponentError) as caught:
        await caller.call(code, {"source": "", "isolate": True}, RunLimits(50).open_budget())
    assert caught.value.code == "SANDBOX_UNAVAILABLE"


async def test_a_push_compiles_each_source() -> None:
    error = {"code": "SYNTAX_ERROR", "message": "SyntaxError: no (line 1, column 3)", "line": 1, "column": 3}
    bench = build_bench({"code": exited({"success": False, "error": error})}, contracts={"code": CONTRACT})
    compilation = await bench.service.validate(WORKFLOW)
    assert compilation.plan is None
    [found] = compilation.diagnostics
    assert found.code == "SYNTAX_ERROR"
    assert found.message == "`source` of `sum` cannot be run: SyntaxError: no (line 1, column 3 of the source)"
    [(_, stdin)] = bench.runner.calls
    assert json.loads(stdin) == {"source": "return '{{x}}'", "check": True}


async def test_what_compiles_is_planned() -> None:
    bench = build_bench({"code": exited({"success": True, "data": True})}, contracts={"code": CONTRACT})
    assert (await bench.service.validate(WORKFLOW)).plan is not None
