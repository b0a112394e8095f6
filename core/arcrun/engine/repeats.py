"""Runs a node that has `repeat`: round after round until its expression is met."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from arcrun.engine.budget import COMPILED_CHARACTER_WORK, COMPILED_REFERENCE_WORK
from arcrun.engine.calls import Call, failed
from arcrun.engine.context import RunContext
from arcrun.engine.record import NodeRecord
from arcrun.engine.rounds import NodeInRounds
from arcrun.engine.tasks import CONDITION_WORK
from arcrun.errors import RunError
from arcrun.json_size import size_of
from arcrun.limits import MAX_ELEMENTS, MAX_EXPRESSION_STEPS, MAX_ROUND_WAIT_MS
from arcrun.retries import backoff_ms
from arcrun.templates.template import COLLECTED, PREVIOUS, ROUNDS, Scope
from arcrun.wasm.abi import Outcome
from arcrun.workflows.model import LoopPolicy, RepeatPolicy
from arcrun.workflows.plan import PlannedNode


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


class RepeatRun(NodeInRounds):
    """The run of one node round after round.

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
        super().__init__(node, context, step)
        self._policy, self._make_call, self._scope = policy, make_call, scope
        self._collected: list[Any] = []

    async def _go_round(self) -> Outcome:
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
        word = f" round {self._rounds.count + 1}"
        run, result = await self._settle_call(self._planned, self._make_call(scope), word)
        if run.done is not None:
            self.done = self._finish(result).envelope
        return result

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
        self._hold(weight)
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

    def record(self, room_bytes: int) -> NodeRecord:
        """The last round's record, with the sums of all, and the rounds."""
        return self._sum_up(self._rounds.last, room_bytes, shows_answer=bool(self._policy.collect))
