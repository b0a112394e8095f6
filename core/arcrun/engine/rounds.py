"""What nodes that run in rounds have in common: those with `repeat` (repeats.py) or with tools (tool_rounds.py)."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from arcrun.engine.calls import Call, failed
from arcrun.engine.context import RunContext
from arcrun.engine.node_run import RUN_HAD_ENDED, NodeRun, build_cancelled
from arcrun.engine.record import FAILED, SUCCESS, NodeRecord, Rounds
from arcrun.errors import ArcrunError
from arcrun.wasm.abi import Outcome
from arcrun.workflows.plan import PlannedNode

ROUND_BYTES = 4_000  # of one round's record in the trace: larger values are cut


class NodeInRounds:
    """The run of one node in rounds; a NodeEnd (context.py) once it has ended. Its attempts and fuel are sums over
    all rounds; `done` is what it has answered, as far as it has. `step` names it in a journal.
    """

    has_large_input = False  # each round has written its own

    def __init__(self, node: PlannedNode, context: RunContext, step: str) -> None:
        self.node, self._planned, self._context, self._step = node.name, node, context, step
        self._run: NodeRun | None = None  # what is under way
        self._rounds = Rounds()
        self._held = 0  # the weight of what is kept from round to round
        self.attempts = 0
        self.fuel: int | None = None
        self.done: Mapping[str, Any] | None = None
        self.start_ms = context.since_start_ms()

    @abstractmethod
    async def _go_round(self) -> Outcome:
        """Run all rounds. Raises ArcrunError if the node itself fails."""

    async def settle(self) -> Outcome:
        """Run the rounds. Failures are not raised; the outcome has them."""
        try:
            result = await self._go_round()
            if result.error is None:
                self.done = result.envelope
            return result
        except ArcrunError as error:
            error.locate(node=self.node)
            return failed(error)
        finally:
            self._context.live.give_back(self._held)

    async def _settle_call(self, node: PlannedNode, call: Call, word: str) -> tuple[NodeRun, Outcome]:
        """Make one call, with its retries, and add it to the record. `word` tells its step apart."""
        run = self._run = NodeRun(node, call, self._context, f"{self._step}{word}")
        result = await run.settle()
        run.end(result)
        self._note(run)
        return run, result

    def _note(self, run: NodeRun) -> None:
        """Add a call that has ended to the record."""
        self._run = None
        if run.node == self.node:
            self.attempts += run.attempts
        if run.fuel is not None:
            self.fuel = run.fuel + (self.fuel or 0)
        self._rounds.add(run.record(ROUND_BYTES))

    def _hold(self, weight: int) -> None:
        """Count what is kept from round to round. Raises RunError RUN_TOO_LARGE."""
        self._context.live.take(weight)
        self._held += weight

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

    def _sum_up(self, last: NodeRecord | None, room_bytes: int, *, shows_answer: bool) -> NodeRecord:
        """The last round's record with the sums of all, and the rounds; with the node's answer if there is room."""
        base = last or NodeRecord(self.node, self._planned.component, self.status)
        result = self._result
        shows_answer = shows_answer and result.error is None and result.weight <= room_bytes
        return replace(
            base,
            status=self.status,
            attempts=self.attempts,
            start_ms=self.start_ms,
            duration_ms=self.duration_ms,
            output=result.envelope if shows_answer else base.output,
            error=result.error,
            fuel=self.fuel,
            bytes=base.bytes + self._rounds.bytes + (result.weight if shows_answer else 0),
            subflow=None,
            rounds=self._rounds,
        )
