"""Runs one node: calls what it calls, again where its policy says so, and makes its record."""

import asyncio
import logging
from typing import Any

from arcrun.engine.calls import Call, failed
from arcrun.engine.context import RunContext
from arcrun.engine.record import NodeRecord, NodeStatus, add_fuel
from arcrun.engine.retries import delay_before_next
from arcrun.engine.truncation import KEPT_CHARACTERS, Cut, shorten
from arcrun.engine.work import NODE_WORK
from arcrun.errors import ArcrunError, InternalError, RunError, RunTimeoutError, describe_fault
from arcrun.limits import MAX_LOG_CHARACTERS, MAX_SHOWN_VALUE_BYTES
from arcrun.wasm.abi import Outcome
from arcrun.workflows.plan import PlannedNode

ENTRY_BYTES, CUT_BYTES = 300, 2_000  # in a trace: of a node without its values, of a value that is cut

logger = logging.getLogger("arcrun")


class NodeRun:
    def __init__(self, node: PlannedNode, call: Call, context: RunContext) -> None:
        self._node, self._call, self._context = node, call, context
        self._attempts = 0
        self._is_prepared = False
        self._fuel: int | None = None
        self._start_ms = context.since_start_ms()

    async def settle(self) -> Outcome:
        """Never raises for what the node does: the result says it."""
        tries, result = 1, await self._try()
        while result.error is not None:
            delay_ms = delay_before_next(self._node.retry, tries, result.error, self._context.ports.random)
            if delay_ms is None:
                break
            await self._context.ports.clock.sleep(delay_ms)
            await self._context.pace.step()
            tries, result = tries + 1, await self._try()
        if result.error is not None:
            result.error.locate(node=self._node.name)
        return result

    async def _try(self) -> Outcome:
        try:
            self._context.budget.work.take(NODE_WORK)
            if not self._is_prepared:
                await self._call.prepare()
                self._is_prepared = True
            return await self._attempt()
        except ArcrunError as error:
            return failed(error)
        except Exception as fault:  # what no port says that it raises: the run goes on to say that it failed
            logger.error("The node %s met a fault: %s", self._node.name, describe_fault(fault))
            return failed(InternalError())

    async def _attempt(self) -> Outcome:
        self._attempts += 1
        timeout_ms = self._node.timeout_ms
        if timeout_ms is None:
            result = await self._call.run()
        else:
            try:
                async with asyncio.timeout(timeout_ms / 1000):
                    result = await self._call.run()
            except TimeoutError:
                self._call.note_timeout()
                message = f"`{self._node.name}` took longer than {timeout_ms} ms."
                raising = f"Raise config.{self._node.name}.timeout_ms, or retry it."
                return failed(RunTimeoutError(message, code="NODE_TIMEOUT", next_actions=[raising]))
        self._fuel = add_fuel(self._fuel, result.fuel)
        return result

    def record(self, result: Outcome) -> NodeRecord:
        call, log = self._call, result.log[-KEPT_CHARACTERS:]
        shown_input: Any = call.input
        shown_output: Any = result.envelope
        size_bytes = ENTRY_BYTES + call.input_weight + result.weight + len(log)
        if 2 * size_bytes > MAX_SHOWN_VALUE_BYTES:  # most are small
            shown_input, shown_output = (
                shorten(call.input, call.input_weight),
                shorten(result.envelope, result.weight, result.excerpt),
            )
            size_bytes = ENTRY_BYTES + min(len(log), MAX_LOG_CHARACTERS)
            size_bytes += CUT_BYTES if isinstance(shown_input, Cut) else call.input_weight
            size_bytes += CUT_BYTES if isinstance(shown_output, Cut) else result.weight
        return NodeRecord(
            node=self._node.name,
            component=self._node.component,
            status=NodeStatus.SUCCESS if result.error is None else NodeStatus.FAILED,
            attempts=self._attempts,
            start_ms=self._start_ms,
            duration_ms=self._context.since_start_ms() - self._start_ms,
            input=shown_input,
            output=shown_output,
            error=result.error,
            sha256=call.sha256,
            bytes=size_bytes,
            log=log,
            fuel=self._fuel,
            subflow=result.subflow,
        )

    def release(self) -> None:
        """What its input alone has held. The node has ended."""
        if self._call.held_weight:
            self._context.live.give_back(self._call.held_weight)

    def record_of_cancelled(self) -> NodeRecord:
        """The run has ended while the node was running."""
        message = f"`{self._node.name}` was stopped, for the run had ended."
        return self.record(failed(RunError(message, code="CANCELLED")))
