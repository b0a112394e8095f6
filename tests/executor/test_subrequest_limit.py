"""Proves that a component that makes more requests than the platform allows is refused, and its run still ends."""

import json
from typing import Any

import pytest

from arcrun.engine.budget import RunBudget, SubrequestBudget
from arcrun.errors import HostFunctionError, SubrequestLimitError
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import Component
from executor.components import ComponentCaller
from fakes.components import exited
from fakes.contracts import build_network_contract
from fakes.executor import build_bench
from fakes.ports.http_client import FakeHttpClient, respond
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio


class AskingRunner:
    """Runs a component that makes `count` requests, ignores their results, and succeeds."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.replies: list[dict[str, Any]] = []

    async def run(self, _component: Component, _stdin: str, host: HostFunctions, _fuel: int = 0) -> Execution:
        for _ in range(self._count):
            self.replies.append(json.loads(await host.answer("http_request", json.dumps({"url": "https://e.test/"}))))
        return exited({"success": True, "data": {}})


async def call(runner: AskingRunner, limit: int) -> None:
    resolver = build_bench({}).service.components.resolver
    caller = ComponentCaller(resolver, runner, FakeHttpClient(respond()), FixedClock(), SeededRandom())
    await caller.call(Component(build_network_contract("e.test"), "sha256"), {}, RunBudget(SubrequestBudget(limit)))


async def test_a_component_within_the_limit() -> None:
    """Of 14 requests 8 are reserved."""
    runner = AskingRunner(6)
    await call(runner, 14)
    assert [reply["ok"] for reply in runner.replies] == [True] * 6


async def test_a_platform_whose_limit_is_lower_ends_the_run_too() -> None:
    resolver = build_bench({}).service.components.resolver
    refusal = HostFunctionError("Too many subrequests.", code="SUBREQUEST_LIMIT")
    caller = ComponentCaller(resolver, AskingRunner(1), FakeHttpClient(refusal), FixedClock(), SeededRandom())
    with pytest.raises(SubrequestLimitError):
        await caller.call(
            Component(build_network_contract("e.test"), "sha256"), {}, RunBudget(SubrequestBudget(10_000))
        )


async def test_a_component_beyond_the_limit_ends_the_run_though_it_goes_on_itself() -> None:
    runner = AskingRunner(8)
    with pytest.raises(SubrequestLimitError) as caught:
        await call(runner, 14)
    assert (caught.value.code, caught.value.details, caught.value.ends_run) == ("SUBREQUEST_LIMIT", {"limit": 14}, True)
    assert [reply["ok"] for reply in runner.replies] == [True] * 6 + [False] * 2
    assert runner.replies[-1]["error"]["code"] == "SUBREQUEST_LIMIT"
