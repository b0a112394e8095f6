"""docs/patterns.md keeps its word: it has all of the workflow patterns, and each example runs as the page says, on the
real engine and the real components, under wasmtime. The services behind http_request are those of the example.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acr.testing.comparison import compare_values
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.record import NodeRecord, RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.ports import HttpRequest, HttpResponse
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.component import Component
from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, load_plan
from arcrun.yaml_text import parse_yaml
from examples.bench import BundleRunner, StubModel, load_bundle
from executor.components import ComponentCaller, ComponentResolver
from fakes.builtins import BUILTINS
from fakes.engine import RUN_ID
from fakes.ports.background import FakeBackground
from fakes.ports.storage import InMemoryR2
from fakes.ports.system import SeededRandom
from fakes.ports.virtual_time import VirtualClock

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[3] / "docs/patterns.md").read_text(encoding="utf-8")
# Named by Russell, ter Hofstede, van der Aalst and Mulyar (BPM-06-22), in their order, which gives them their numbers.
PATTERNS = """
Sequence
Parallel Split
Synchronization
Exclusive Choice
Simple Merge
Multi-Choice
Structured Synchronizing Merge
Multi-Merge
Structured Discriminator
Arbitrary Cycles
Implicit Termination
Multiple Instances without Synchronization
Multiple Instances with a Priori Design-Time Knowledge
Multiple Instances with a Priori Run-Time Knowledge
Multiple Instances without a Priori Run-Time Knowledge
Deferred Choice
Interleaved Parallel Routing
Milestone
Cancel Task
Cancel Case
Structured Loop
Recursion
Transient Trigger
Persistent Trigger
Cancel Region
Cancel Multiple Instance Activity
Complete Multiple Instance Activity
Blocking Discriminator
Cancelling Discriminator
Structured Partial Join
Blocking Partial Join
Cancelling Partial Join
Generalised AND-Join
Static Partial Join for Multiple Instances
Cancelling Partial Join for Multiple Instances
Dynamic Partial Join for Multiple Instances
Local Synchronizing Merge
General Synchronizing Merge
Critical Section
Interleaved Routing
Thread Merge
Thread Split
Explicit Termination
"""
ROW = re.compile(r"^\| WCP-(\d+) \| (.+?) \| (yes|no|durable) \| (.+) \|$", re.MULTILINE)
SECTION = re.compile(r"^### (WCP-\d+ .+?)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHORTEST_REASON = 30  # characters


@dataclass(frozen=True)
class Example:
    """The workflows of a section, the first of which runs; and what it is given and does, by the page's words."""

    title: str
    workflows: list[str]
    told: Mapping[str, Any]


def anchor_of(title: str) -> str:
    return "#" + re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))


def read_examples() -> Iterator[Example]:
    for title, text in SECTION.findall(PAGE):
        *workflows, told = BLOCK.findall(text)
        yield Example(title, workflows, parse_yaml(told).value)


EXAMPLES = [*read_examples()]


@dataclass
class Services:
    """HttpClient that answers as an example's `services` say, by method and URL; several answers are given in turn."""

    answers: Mapping[str, Any]
    asked: list[str] = field(default_factory=list)

    def find(self, called: str, number: int) -> Mapping[str, Any]:
        told = self.answers[called]
        found: Mapping[str, Any] = told[number] if isinstance(told, list) else told
        assert found.keys() <= {"after_ms", "status", "body"}
        return found

    async def wait_for(self, given: Mapping[str, Any]) -> None:
        """Let the time pass that the service takes to answer this input of http_request."""
        called = f"{given.get('method') or ('POST' if 'body_json' in given else 'GET')} {given['url']}"
        number = self.asked.count(called)
        self.asked.append(called)
        await asyncio.sleep(self.find(called, number).get("after_ms", 0) / 1000)

    async def send(self, request: HttpRequest) -> HttpResponse:
        called = f"{request.method} {request.url}"
        answer = self.find(called, self.asked.count(called) - 1)
        body = json.dumps(answer.get("body")).encode()
        return HttpResponse(answer.get("status", 200), {"content-type": "application/json"}, body)


class TimedRunner(BundleRunner):
    """Runs components of the bundle, which must not wait, after the time that their host functions would take."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    async def run(self, component: Component, stdin: str, host: HostFunctions, _fuel: int = 0) -> Execution:
        given = json.loads(stdin)
        if component.id == "wait":
            await asyncio.sleep(given["ms"] / 1000)
        if component.id == "http_request":
            await self._services.wait_for(given)
        return await super().run(component, stdin, host)


class HostClock(VirtualClock):
    """The clock that host functions see: TimedRunner has waited already."""

    async def sleep(self, duration_ms: float) -> None:
        pass


class Stored:
    """The workflows of an example, by their names; there are no credentials."""

    def __init__(self, sources: list[str]) -> None:
        drafts = [parse_workflow(source) for source in sources]
        names = [draft.workflow.name for draft in drafts if draft.workflow]
        compiled = [compile_workflow(draft, SymbolTable(BUILTINS, workflows=names)) for draft in drafts]
        assert [finding for compilation in compiled for finding in compilation.diagnostics] == []
        plans = [load_plan(compilation.plan.to_json()) for compilation in compiled if compilation.plan]
        self.plans = dict(zip(names, plans, strict=True))

    async def find_plan(self, name: str) -> Plan:
        return self.plans[name]

    async def reveal(self, name: str) -> str:
        raise AssertionError(f"an example needs the credential {name}")


async def run(example: Example, services: Services) -> RunRecord:
    stored, clock, random = Stored(example.workflows), VirtualClock(), SeededRandom()
    resolver = ComponentResolver(load_bundle(), InMemoryR2(), clock, FakeBackground())
    components = ComponentCaller(resolver, TimedRunner(services), services, HostClock(), random, StubModel(None))
    engine = Engine(RunPorts(components, stored, stored, clock, random))
    first = next(iter(stored.plans.values()))
    return await engine.run(first, Trigger(TriggerKind.WEBHOOK, example.told["input"]), RUN_ID)


def status_of(entry: NodeRecord) -> str:
    """As the page has it: `success`, or in a loop `2 success, 1 skipped`."""
    failed = "cancelled" if entry.error is not None and entry.error.code == "CANCELLED" else "failed"
    if entry.iterations is None:
        return failed if entry.error is not None else entry.status.value
    counts = {"success": entry.iterations.success, failed: entry.iterations.failed, "skipped": entry.iterations.skipped}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "skipped"


def statuses_of(trace: tuple[NodeRecord, ...] | list[NodeRecord], prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in trace:
        yield f"{prefix}{entry.node}", status_of(entry)
        yield from statuses_of(entry.subflow or (), f"{prefix}{entry.node}.")


@pytest.mark.parametrize("example", [pytest.param(example, id=example.title) for example in EXAMPLES])
async def test_an_example_runs_as_the_page_says(example: Example) -> None:
    told = example.told
    assert {"input", "nodes"} <= told.keys() <= {"input", "services", "answer", "error", "nodes", "took_ms"}
    assert ("answer" in told) != ("error" in told)
    services = Services(told.get("services", {}))
    record = await run(example, services)
    assert (record.error.code if record.error else None) == told.get("error")
    assert [*compare_values(told.get("answer"), record.data, "answer")] == []
    assert dict(statuses_of(record.trace)) == told["nodes"]
    assert set(services.asked) == set(services.answers)
    if "took_ms" in told:
        assert record.duration_ms == told["took_ms"]


def test_the_page_has_every_pattern() -> None:
    names = PATTERNS.strip().splitlines()
    assert len(names) == 43
    assert [(int(number), name) for number, name, _, _ in ROW.findall(PAGE)] == [*enumerate(names, 1)]


def test_every_pattern_has_its_example_or_its_reason() -> None:
    titles = sorted(example.title for example in EXAMPLES)
    supported = [(f"WCP-{number} {name}", how) for number, name, answer, how in ROW.findall(PAGE) if answer == "yes"]
    assert sorted(title for title, _ in supported) == titles
    assert [title for title, how in supported if f"({anchor_of(title)})" not in how] == []
    refused = [(name, reason) for _, name, answer, reason in ROW.findall(PAGE) if answer != "yes"]
    assert [name for name, reason in refused if len(reason) < SHORTEST_REASON] == []


def test_the_page_counts_right() -> None:
    answers = [answer for _, _, answer, _ in ROW.findall(PAGE)]
    counts = {answer: answers.count(answer) for answer in ("yes", "no", "durable")}
    assert f"{counts['yes']} of the 43 are supported" in PAGE
    assert f"{counts['durable']} by [durable runs]" in PAGE
    assert f"{counts['no']} are refused" in PAGE
