"""Runs the tests of a file: its workflow is compiled once, and each test is a run of the engine in this process."""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acr.bench.code_compiler import find_code_problems
from acr.errors import CliError
from acr.testing.comparison import Difference, compare_run
from acr.testing.model import UNDO, TestFile, WorkflowTest
from acr.testing.ports import (
    TestClock,
    TestComponents,
    TestCredentials,
    TestRandom,
    TestRequest,
    TestSetupError,
    TestWorkflows,
    name_calls,
)
from acr.testing.stores import TestStores
from acr.workflows.components_at_hand import ComponentsAtHand
from acr.workflows.found_files import find_beside
from acr.workflows.offline_check import check_offline
from acr.workflows.workflow_file import read_workflow_file
from arcrun.durable.links import KEY_BYTES, Links
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import WorkflowError
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import Plan, PlannedNode

MAX_LISTED = 20  # nodes in a hint
_RUN_ID = "0" * 26
_BASE_URL = "https://arcrun.example"  # of the links that `run.approve` gives


@dataclass(frozen=True)
class TestResult:
    """A test's result. It has passed if there are neither differences nor an error, which is why it could not end."""

    __test__ = False  # for pytest

    test: WorkflowTest
    duration_ms: float
    differences: list[Difference] = field(default_factory=list)
    error: TestSetupError | None = None

    @property
    def has_passed(self) -> bool:
        return not self.differences and self.error is None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.test.name,
            "line": self.test.line,
            "passed": self.has_passed,
            "duration_ms": round(self.duration_ms, 3),
            "differences": [difference.to_json() for difference in self.differences],
            **({"error": self.error.to_json()} if self.error else {}),
        }


@dataclass(frozen=True)
class Suite:
    """A test file, with the plan of its workflow and those of the workflows that it calls, by name."""

    file: TestFile
    plan: Plan
    called: Mapping[str, Plan]
    components: ComponentsAtHand

    def run(self, test: WorkflowTest) -> TestResult:
        """Run one test. Raises CliError for a component's folder."""
        began_s = time.perf_counter()
        error = self._find_mistake(test)
        differences: list[Difference] = []
        if error is None:
            differences, error = asyncio.run(self._run(test))
        return TestResult(test, (time.perf_counter() - began_s) * 1000, differences, error)

    async def _run(self, test: WorkflowTest) -> tuple[list[Difference], TestSetupError | None]:
        clock, random = TestClock(test.now_ms), TestRandom(test.seed)
        stores = TestStores(clock)
        stores.fill(self.plan.name, test.store, test.shared)
        components = TestComponents(self.components, test, clock, random, stores, is_durable=self.plan.is_durable)
        workflows = TestWorkflows(self._plans, components)
        engine = Engine(RunPorts(components, workflows, TestCredentials(test.credentials), clock, random))
        plan = name_calls(self.plan, test.stubs)
        links = Links(_RUN_ID, _BASE_URL, bytes(KEY_BYTES)) if self.plan.is_durable else None
        trigger = Trigger(TriggerKind.WEBHOOK, test.input, request=TestRequest(test), links=links)
        record = await engine.run(plan, trigger, _RUN_ID)
        if components.fault is not None:
            return [], components.fault
        differences = compare_run(test.expect, record, components.calls)
        return [*differences, *stores.compare(self.plan.name, test.expect)], None

    def _find_mistake(self, test: WorkflowTest) -> TestSetupError | None:
        """A node that the test names and that does not exist, or whose calls are unknown as it is not stubbed."""
        for path in (*test.stubs, *test.expect.nodes, *test.expect.calls):
            others = self._find_others(path)
            if others is not None:
                hint = suggest_nearest(path, others, f"Its nodes: {', '.join(others[:MAX_LISTED])}")
                return _build_error("TEST_UNKNOWN_NODE", f"`{self.plan.name}` has no node `{path}`.", hint)
        for path in test.expect.calls:
            if path not in test.stubs:
                hint = f"Add it to `stubs`, or leave out `calls.{path}`."
                return _build_error(
                    "TEST_NODE_NOT_STUBBED", f"`{path}` is not stubbed, so its calls are unknown.", hint
                )
        return None

    def _find_others(self, path: str) -> list[str] | None:
        """None if there is a node with this path; else the paths of the nodes that are where it stops."""
        plan: Plan | None = self.plan
        known: list[str] = []
        begin = ""
        calling: PlannedNode | None = None
        for name in path.split("."):
            nodes = {node.name: node for node in plan.nodes} if plan else {}
            if calling is not None and name == UNDO and calling.undo is not None and name not in nodes:
                nodes = {UNDO: calling.undo}
            known = [f"{begin}{other}" for other in nodes] or known
            if name not in nodes:
                return known
            calling = nodes[name]
            called = nodes[name].workflow
            plan = None if called is None else self._plans.get(called)
            begin = f"{begin}{name}."
        return None

    @property
    def _plans(self) -> Mapping[str, Plan]:
        return {**self.called, self.plan.name: self.plan}


def load_suite(file: TestFile, components: ComponentsAtHand) -> Suite:
    """Compile the workflow of a test file and those that it calls, which are beside it.

    A called workflow that is not there must be stubbed by each test. Raises CliError.
    """
    plan, calls = _compile(file.workflow, components)
    beside = find_beside(file.workflow.parent)
    called: dict[str, Plan] = {}
    waiting = [*calls]
    while waiting:
        name = waiting.pop()
        if name not in called and name != plan.name and name in beside:
            called[name], more = _compile(beside[name], components)
            waiting += more
    return Suite(file, plan, called, components)


def _compile(path: Path, components: ComponentsAtHand) -> tuple[Plan, Collection[str]]:
    """The plan, and the names of the workflows that it calls. Raises CliError."""
    if not path.is_file():
        hint = "Set `workflow` in the test file to its path, beside that file."
        raise CliError(f"There is no workflow {path}.", hint, "TEST_WORKFLOW_MISSING")
    check = check_offline(read_workflow_file(path), str(path), components, find_code_problems)
    try:
        return require_plan(check.compilation), check.calls
    except WorkflowError as error:
        raise CliError(f"{path}: {error.message}", f"Check it: acr validate {path}", error.code) from None


def _build_error(code: str, message: str, hint: str) -> TestSetupError:
    return TestSetupError(message, code=code, next_actions=[hint])
