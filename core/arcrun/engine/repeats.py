"""Runs a node that has `repeat`: round after round until its expression is met."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from arcrun.engine.budget import COMPILED_CHARACTER_WORK, COMPILED_REFERENCE_WORK
from arcrun.engine.calls import Call, failed
from arcrun.engine.context import RunContext
from arcrun.engine.node_run import RUN_HAD_ENDED, NodeRun, build_cancelled
from arcrun.engine.record import FAILED, SUCCESS, NodeRecord, Rounds
from arcrun.engine.tasks import CONDITION_WORK
from arcrun.errors import ArcrunError, RunError
from arcrun.json_size import size_of
from arcrun.limits import MAX_ELEMENTS, MAX_EXPRESSION_STEPS, MAX_ROUND_WAIT_MS
from arcrun.retries import backoff_ms
from arcrun.templates.template import COLLECTED, PREVIOUS, ROUNDS, Scope
from arcrun.wasm.abi import Outcome
from arcrun.workflows.model import LoopPolicy, RepeatPolicy
from arcrun.workflows.plan import PlannedNode

ROUND_BYTES = 4_000  # of one round's record in the trace: larger values are cut


async def meets_until(policy: LoopPolicy | RepeatPolicy, scope: Scope, context: RunContext) -> bool:
    """Whether a round, or an element of a loop, meets `until`. Raises RunError EXPRESSION_FAILED,
    EXPRESSION_TOO_COSTLY; CpuBudgetError.
    """
    pace, work = context.pace, context.budget.work
    if pace.is_due:
        await pace.rest()
    pace.count(CONDITION_WORK)
    if work.is_limited:
        work.take_compiling(policy, "expression", lambda it: len(it.source) * COMPILED_CHARACTER_WORK)
    return policy.expression.is_met(scope, pace.count_expression, work.clamp_steps(MAX_EXPRESSION_STEPS))


class RepeatRun:
    """The run of one node in rounds; a NodeEnd (context.py) once it has ended.

    `make_call` makes a round's call from the scope that its templates see: `scope`, in which `previous` is what the
    last round answered, and the node has the number of rounds so far and what they have collected.
    """

    def __init__(
        self,
        node: PlannedNode,
        policy: RepeatPolicy,
        make_call: Callable[[Scope], Call],
        scope: Scope,
        context: RunContext,
        *,
        step: str = "",
    ) -> None:
        self.node, self._planned, self._policy, self._context = node.name, node, policy, context
        self._step = step
        self._make_call, self._scope = make_call, scope
        self._run: NodeRun | None = None  # of the round that is under way
        self._rounds = Rounds()
        self._collected: list[Any] = []
        self._held = 0  # the weight of what is collected
        self.attempts = 0
        self.fuel: int | None = None
        self.done: Mapping[str, Any] | None = None  # what it, or the last round that has succeeded, answered
        self.start_ms = context.since_start_ms()

    has_large_input = False  # each round has written its own

    async def settle(self) -> Outcome:
        """Run the rounds. Failures are not raised; the outcome has them."""
        try:
            result = await self._repeat()
            if result.error is None:
                self.done = result.envelope
            return result
        except ArcrunError as error:
            error.locate(node=self.node)
            return failed(error)
        finally:
            self._context.live.give_back(self._held)

    async def _repeat(self) -> Outcome:
        """Raises ArcrunError if `until` or `collect` cannot be evaluated, or there is no room for what is collected."""
        policy, previous = self._policy, None
        for number in range(1, policy.max_rounds + 1):
            if number > 1:
                await self._pause(number - 1)
            result = await self._run_round({**self._scope, self.node: self._tell(), PREVIOUS: previous})
            if result.error is not None:
                return result
            previous = result.envelope.get("data")
            scope = {**self._scope, self.node: {**result.envelope, **self._tell()}, PREVIOUS: previous}
            self._collect(scope)
            scope[self.node] = {**result.envelope, **self._tell()}
            if await meets_until(self._policy, scope, self._context):
                return self._finish(result)
        return self._finish(result) if policy.continues else failed(self._build_exhausted())

    async def _pause(self, rounds: int) -> None:
        policy = self._policy
        if policy.wait_ms:
            wait_ms = backoff_ms(rounds, policy.wait_ms, growth=policy.backoff, most_ms=MAX_ROUND_WAIT_MS)
            await self._context.sleep(f"{self._step} pause {rounds}", wait_ms)
        await self._context.pace.step()

    async def _run_round(self, scope: Scope) -> Outcome:
        step = f"{self._step} round {self._rounds.count + 1}"
        run = self._run = NodeRun(self._planned, self._make_call(scope), self._context, step)
        result = await run.settle()
        run.end(result)
        self._note(run)
        if run.done is not None:
            self.done = self._finish(result).envelope
        return result

    def _note(self, run: NodeRun) -> None:
        """Add a round that has ended to the record."""
        self._run = None
        self.attempts += run.attempts
        if run.fuel is not None:
            self.fuel = run.fuel + (self.fuel or 0)
        self._rounds.add(run.record(ROUND_BYTES))

    def _collect(self, scope: Scope) -> None:
        """Add what the round contributes: the elements of a list, or another value but null. Raises ArcrunError."""
        template = self._policy.template
        if template is None:
            return
        work = self._context.budget.work
        if work.is_limited:
            work.take_compiling(self._policy, "template", lambda it: len(it.references) * COMPILED_REFERENCE_WORK)
        rendering = work.open_rendering()
        found = template.render(scope, rendering)
        self._context.pace.count_rendering(rendering)
        if found is None:
            return
        weight = size_of(found).weight
        self._context.live.take(weight)
        self._held += weight
        added = found if isinstance(found, list) else [found]
        self._collected = [*self._collected, *added]  # a new list: a round's input may be the one before
        if len(self._collected) > MAX_ELEMENTS:
            raise RunError(
                f"`{self.node}` collects {MAX_ELEMENTS} elements at most.",
                code="TOO_MANY_ITEMS",
                next_actions=["Process each round's elements as they come, such as in a workflow that it calls."],
                details={"limit": MAX_ELEMENTS},
            )

    def _tell(self) -> dict[str, Any]:
        """The fields that the rounds so far add to the node."""
        told: dict[str, Any] = {ROUNDS: self._rounds.count}
        return {**told, COLLECTED: self._collected} if self._policy.collect else told

    def _finish(self, result: Outcome) -> Outcome:
        envelope = {**result.envelope, **self._tell()}
        return replace(result, envelope=envelope, weight=result.weight + self._held, excerpt=None)

    def _build_exhausted(self) -> RunError:
        policy = self._policy
        error = RunError(
            f"`{self.node}` has run {policy.max_rounds} times, and `{policy.until}` was never met.",
            code="REPEAT_EXHAUSTED",
            next_actions=[
                f"Raise config.{self.node}.repeat.max, or wait longer between the rounds: wait_ms.",
                f"To go on with the last output: on_max: continue. To handle it: {self.node} >> ON_FAIL >> ...",
            ],
            details={"rounds": policy.max_rounds},
        )
        error.locate(node=self.node)
        return error

    def end(self, result: Outcome) -> None:
        self._result = result
        self.status = SUCCESS if result.error is None else FAILED
        self.duration_ms = self._context.since_start_ms() - self.start_ms

    def cancel(self, reason: str = RUN_HAD_ENDED) -> None:
        """End the node before it has settled."""
        if self._run is not None:
            self._run.cancel(reason)
            self._note(self._run)
        self.end(failed(build_cancelled(self.node, reason)))

    def record(self, room_bytes: int) -> NodeRecord:
        """The last round's record, with the sums of all, and the rounds."""
        last = self._rounds.last
        base = last or NodeRecord(self.node, self._planned.component, self.status)
        envelope = self._result.envelope
        shown = base.output if self._result.error is not None or not self._policy.collect else envelope
        if shown is envelope and self._result.weight > room_bytes:
            shown = base.output
        size_bytes = base.bytes + self._rounds.bytes + (self._result.weight if shown is envelope else 0)
        return replace(
            base,
            status=self.status,
            attempts=self.attempts,
            start_ms=self.start_ms,
            duration_ms=self.duration_ms,
            output=shown,
            error=self._result.error,
            fuel=self.fuel,
            bytes=size_bytes,
            subflow=None,
            rounds=self._rounds,
        )
