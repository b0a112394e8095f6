"""A component's review: six real steps, the same for `acr parts test` and for the registry's POST /submit."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.interruptible import Pause, go_on, run_steps_pausing
from arcrun.registry.checks import check_contract, check_size, scan_module
from arcrun.registry.javascript_review import compile_source, count_start
from arcrun.registry.step import Step, StepName, StepStatus, failed, failed_by, passed, skipped
from arcrun.registry.trial import SchemaValidator, Trial, check_output, run_scenario
from arcrun.wasm.component import Component, ComponentRunner
from arcrun.wasm.javascript import JavaScriptRunner

COLD_STARTS = 5
COLD_START_ROUNDS = 3  # the best counts: a busy machine is not the component's fault
ENDLESS = ("FUEL_EXHAUSTED", "DEADLINE_EXCEEDED")


class ColdStarts(Protocol):
    """Measures cold starts: compile, instantiate, first call."""

    async def measure_ms(self, component: Component, count: int) -> Sequence[float]:
        """`count` durations in milliseconds, with the contract's config_example. Raises ComponentError."""


@dataclass(frozen=True)
class Bench:
    """The environment of a review. `validator` is the built-in validate_json, as the runner runs it.

    `javascript` makes the runner of components in JavaScript, whose engine takes long to prepare. `pause` yields to
    other requests: `Clock.pause`.
    """

    runner: ComponentRunner
    cold_starts: ColdStarts
    validator: Component
    javascript: Callable[[], JavaScriptRunner]
    pause: Pause = go_on


@dataclass(frozen=True)
class Review:
    """The result of a review. `component` has the metered module, or its JavaScript; None unless the module scan
    passed.
    """

    steps: tuple[Step, ...]
    contract: Contract | None
    component: Component | None

    @property
    def accepted(self) -> bool:
        return all(step.status is StepStatus.PASSED for step in self.steps)

    @property
    def failure(self) -> Step | None:
        """The first failed step."""
        return next((step for step in self.steps if step.status is StepStatus.FAILED), None)


async def review_component(contract_text: str, module: bytes, bench: Bench) -> Review:
    """Run all steps on a component. A step is skipped if one that it needs has failed."""
    checked, contract = check_contract(contract_text)
    if contract is None:
        return Review((checked, *skipped(*list(StepName)[1:])), None, None)
    sized = check_size(contract, module)
    if contract.is_javascript:
        return await _review_javascript(contract, module, bench, (checked, sized))
    scanned, component = await run_steps_pausing(scan_module(contract, module), bench.pause)
    if sized.status is StepStatus.FAILED or component is None:
        return Review((checked, sized, scanned, *skipped(*list(StepName)[3:])), contract, None)
    tested, trials = await _run_gherkin_tests(component, bench)
    if tested.status is StepStatus.FAILED:  # a component that traps or never ends has no measurable cold start
        [started, repeated] = skipped(StepName.COLD_START, StepName.DETERMINISM)
    else:
        started = await _check_cold_start(component, bench)
        repeated = await _check_determinism(component, bench, trials)
    return Review((checked, sized, scanned, started, tested, repeated), contract, component)


async def _review_javascript(contract: Contract, main: bytes, bench: Bench, before: tuple[Step, Step]) -> Review:
    if before[-1].status is StepStatus.FAILED:
        return Review((*before, *skipped(*list(StepName)[2:])), contract, None)
    javascript = bench.javascript()
    bench = replace(bench, runner=javascript)
    compiled, component = await compile_source(contract, main, javascript)
    if component is None:
        return Review((*before, compiled, *skipped(*list(StepName)[3:])), contract, None)
    tested, trials = await _run_gherkin_tests(component, bench)
    if tested.status is StepStatus.FAILED:
        [started, repeated] = skipped(StepName.COLD_START, StepName.DETERMINISM)
    else:
        started = await count_start(component, javascript)
        repeated = await _check_determinism(component, bench, trials)
    return Review((*before, compiled, started, tested, repeated), contract, component)


async def _check_cold_start(component: Component, bench: Bench) -> Step:
    limit_ms = component.contract.constraints.max_cold_start_ms
    limit = f"{limit_ms} ms"
    try:
        median_ms = await _measure_cold_start(component, bench.cold_starts)
    except ComponentError as error:
        return failed_by(StepName.COLD_START, error, limit=limit)
    figure = f"{median_ms:.1f} ms"
    if median_ms <= limit_ms:
        return passed(StepName.COLD_START, figure, limit)
    finding = f"The median of {COLD_STARTS} cold starts is {figure}; the contract allows {limit}."
    advice = "Make the module smaller and its start cheaper, or raise constraints.max_cold_start_ms."
    return failed(StepName.COLD_START, "COLD_START_TOO_SLOW", [finding], figure=figure, limit=limit, next_action=advice)


async def _measure_cold_start(component: Component, cold_starts: ColdStarts) -> float:
    """The median of a round, the best of up to COLD_START_ROUNDS; no further round once the limit is met."""
    best_ms = float("inf")
    for _ in range(COLD_START_ROUNDS):
        best_ms = min(best_ms, statistics.median(await cold_starts.measure_ms(component, COLD_STARTS)))
        if best_ms <= component.contract.constraints.max_cold_start_ms:
            break
    return best_ms


async def _run_gherkin_tests(component: Component, bench: Bench) -> tuple[Step, list[Trial]]:
    contract, validator = component.contract, SchemaValidator(bench.validator, bench.runner)
    trials = []
    for scenario in contract.scenarios:
        await bench.pause()
        trial = await run_scenario(component, scenario, bench.runner, "first")
        trials.append(await check_output(contract, trial, validator))
        if trials[-1].code in ENDLESS:  # the others would take as long
            break
    wrong = [trial for trial in trials if trial.code]
    fuel = max(trial.execution.fuel_used or 0 for trial in trials)
    figure = f"{len(trials) - len(wrong)} of {len(contract.scenarios)}" + (f", {fuel:,} fuel" if fuel else "")
    if not wrong:
        return passed(StepName.GHERKIN_TESTS, figure, "all"), trials
    findings = [f"{trial.scenario.name}: {trial.finding}" for trial in wrong]
    advice = "Correct the component, or the scenario if its expectation is wrong."
    step = failed(StepName.GHERKIN_TESTS, wrong[0].code, findings, figure=figure, limit="all", next_action=advice)
    return step, trials


async def _check_determinism(component: Component, bench: Bench, trials: Sequence[Trial]) -> Step:
    """Repeat each scenario at the same time but with other randomness: its output must have the same bytes."""
    differing = []
    for trial in trials:
        await bench.pause()
        again = await run_scenario(component, trial.scenario, bench.runner, "second")
        if again.execution.stdout != trial.execution.stdout:
            differing.append(
                f"{trial.scenario.name}: {trial.execution.stdout[:200]} and {again.execution.stdout[:200]}"
            )
    figure = f"{len(trials) - len(differing)} of {len(trials)} the same"
    if not differing:
        return passed(StepName.DETERMINISM, figure, "all")
    advice = "Keep randomness out of the output: no random ids, no hash map order."
    return failed(StepName.DETERMINISM, "NOT_DETERMINISTIC", differing, figure=figure, limit="all", next_action=advice)
