"""Runs one node: makes its call, retries it as its policy says, and builds its record."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from arcrun.engine.budget import NODE_WORK
from arcrun.engine.calls import Call, WorkflowCall, build_node_timeout, failed
from arcrun.engine.context import RunContext
from arcrun.engine.record import FAILED, SUCCESS, NodeRecord, NodeStatus
from arcrun.engine.truncation import KEPT_CHARACTERS, Cut, shorten
from arcrun.errors import ArcrunError, InternalError, RunError, describe_fault
from arcrun.json_size import size_of
from arcrun.limits import KIB, MAX_LOG_CHARACTERS
from arcrun.ports import Random
from arcrun.retries import backoff_ms, retry
from arcrun.wasm.abi import Outcome
from arcrun.workflows.model import RetryPolicy
from arcrun.workflows.plan import PlannedNode

if TYPE_CHECKING:
    from arcrun.durable.entries import Entry
    from arcrun.durable.journal import Journal
    from arcrun.durable.waits import Wait

LARGE_INPUT = 256 * KIB  # a value of this weight takes some 10 ms to write
ENTRY_BYTES, CUT_BYTES = 300, 2_000  # in a trace: of a node without its values, of a cut value
RUN_HAD_ENDED = "the run had ended"
SKIPPED_LOG = "A crash cut it off, and it was decided to skip it."
_NO_RETRY = RetryPolicy(max_attempts=1)

logger = logging.getLogger("arcrun")


def build_cancelled(node: str, reason: str) -> RunError:
    return RunError(f"`{node}` was stopped because {reason}.", code="CANCELLED")


class NodeRun:
    """The run of one node; a NodeEnd (context.py) once it has ended. `step` is its name in a journal."""

    def __init__(self, node: PlannedNode, call: Call, context: RunContext, step: str = "") -> None:
        self.node, self._planned, self._call, self._context = node.name, node, call, context
        self._step, self._tries = step, 0
        self._ended_ms: float | None = None  # of its last attempt, if a journal tells it
        self.attempts = 0
        self.fuel: int | None = None
        self._is_prepared = False
        self.done: Mapping[str, Any] | None = None  # what it answered, if it has succeeded
        self.start_ms = context.since_start_ms()

    async def settle(self) -> Outcome:
        """Run the node, with retries. Failures are not raised; the outcome has them. Frees the input's live weight."""
        try:
            result = await (self._attempt() if self._context.journal is None else self._try_recording())
            if result.error is not None:
                result = await self._try_again(result)
        finally:
            if self._call.held_weight:
                self._context.live.give_back(self._call.held_weight)
        if result.error is None:
            self.done = result.envelope
        return result

    async def _try_again(self, result: Outcome) -> Outcome:
        """Retry as often as the policy says."""
        planned, context = self._planned, self._context
        random = context.ports.random if context.journal is None else context.journal.draw(self._step)

        def wait_before_next(attempts: int, last: Outcome) -> float | None:
            if last.error is None:
                return None
            return delay_before_next(planned.retry, attempts, last.error, random)

        async def sleep(duration_ms: float) -> None:
            await context.sleep(f"{self._step} pause {self._tries}", duration_ms)

        result = await retry(result, self._try_in_turn, wait_before_next, sleep)
        if result.error is not None:
            result.error.locate(node=planned.name)
        return result

    async def _try_in_turn(self) -> Outcome:
        await self._context.pace.step()
        return await (self._attempt() if self._context.journal is None else self._try_recording())

    async def _try_recording(self) -> Outcome:
        from arcrun.durable.marks import count_repeats, is_marked  # noqa: PLC0415 - quick runs need none of it
        from arcrun.durable.waits import WAITS  # noqa: PLC0415 - as above

        journal, call = self._context.journal, self._call
        assert journal is not None
        self._tries += 1
        call.step = self._step if self._tries == 1 else f"{self._step} #{self._tries}"
        if isinstance(call, WorkflowCall) and not self._planned.is_detached:
            return await self._attempt()
        if (wait := WAITS.get(self._planned.component.partition("@")[0])) is not None:
            return await self._wait(journal, call, wait)

        async def attempt() -> "Entry":
            began_ms = self._real_ms()
            return self._render_entry(call, began_ms, await self._attempt())

        before = self.attempts, call.input, call.input_weight, call.sha256
        try:
            if is_marked(self._planned):
                from arcrun.durable.once import record_once  # noqa: PLC0415 - few nodes are

                shown_waiting = partial(self._shown_waiting, call)
                repeats = count_repeats(self._planned)
                entry = await record_once(
                    journal,
                    call.step,
                    attempt,
                    self._render_skipped,
                    shown_waiting,
                    repeats=repeats,
                    note_repeat=self._note_cut_off,
                )
            else:
                entry = await journal.record(call.step, attempt)
        except ArcrunError as error:
            return failed(error)
        except asyncio.CancelledError:  # what is not stored is not told
            self.attempts, call.input, call.input_weight, call.sha256 = before
            raise
        return self._read_entry(call, entry)

    async def _wait(self, journal: "Journal", call: Call, wait: "Wait") -> Outcome:
        """What the component `wait`, or one like it, would answer after its time."""
        from arcrun.durable.waits import Waiting  # noqa: PLC0415 - as above

        try:
            await call.prepare()
            assert call.input is not None
            self.attempts += 1
            waiting = Waiting(journal, self.node, call.step, self._step, call.input, self._read_moment)
            with self._shown_waiting(call):
                data = await wait(waiting)
        except ArcrunError as error:
            return failed(error)
        return Outcome({"success": True, "data": data}, weight=size_of(data).weight)

    async def _read_moment(self, until: str, zone: str) -> float:
        given = {"operation": "format", "input": until, "timezone": zone, "format": "unix_ms"}
        component = await self._context.find_component("date_ops")
        outcome = await self._context.ports.components.call(component, given, self._context.budget)
        if outcome.error is not None:
            raise outcome.error
        moment_ms: float = outcome.envelope["data"]["result"]
        return moment_ms

    @contextmanager
    def _shown_waiting(self, call: Call) -> Iterator[None]:
        """A context in which the run shows that this node waits."""
        context, progress = self._context, self._context.progress
        if progress is None:
            yield
            return
        record = NodeRecord(
            f"{context.path}{self.node}",
            self._planned.component,
            NodeStatus.WAITING,
            self.attempts,
            context.since_start_ms(),
            input=shorten(call.input, call.input_weight),
            sha256=call.sha256,
        )
        progress.begin_wait(call.step, record)
        try:
            yield
        finally:
            progress.end_wait(call.step)

    def _note_cut_off(self) -> None:
        """An attempt of which nobody knows what has come: a crash cut it off."""
        self.attempts += 1

    def _real_ms(self) -> float:
        """Since the start of the run, by the isolate's clock."""
        return self._context.ports.clock.now_ms() - self._context.started_ms

    def _render_entry(self, call: Call, began_ms: float, outcome: Outcome) -> "Entry":
        from arcrun.durable.entries import render_outcome  # noqa: PLC0415 - as above
        from arcrun.durable.links import find_links  # noqa: PLC0415 - as above

        secrets = self._context.secrets
        return {
            "outcome": render_outcome(outcome),
            "input": call.input,
            "input_weight": call.input_weight,
            "sha256": call.sha256,
            "attempts": self.attempts,
            "start_ms": began_ms,
            "duration_ms": self._real_ms() - began_ms,
            "used": call.used,
            "secrets": {name: secrets[name] for name in call.revealed if name in secrets} | find_links(secrets),
        }

    def _render_skipped(self, data: Any) -> "Entry":
        """The entry of a call that is not done again: it has answered `data`, as far as the run knows."""
        from arcrun.durable.entries import render_outcome  # noqa: PLC0415 - as above

        weight = size_of(data).weight
        outcome = Outcome({"success": True, "data": data}, log=SKIPPED_LOG, weight=weight)
        return {
            "outcome": render_outcome(outcome),
            **{"input": None, "input_weight": 0, "sha256": ""},
            "attempts": self.attempts + 1,
            "start_ms": self.start_ms,
            "duration_ms": self._context.since_start_ms() - self.start_ms,
            "used": None,
            "secrets": {},
        }

    def _read_entry(self, call: Call, entry: "Entry") -> Outcome:
        from arcrun.durable.entries import read_outcome  # noqa: PLC0415 - as above

        context, outcome = self._context, read_outcome(entry["outcome"])
        call.input, call.input_weight, call.sha256 = entry["input"], entry["input_weight"], entry["sha256"]
        context.secrets |= entry["secrets"]
        if entry["used"] is not None:
            context.usage.count(*entry["used"])
        if self._tries == 1:
            self.start_ms = entry["start_ms"]
        self._ended_ms = entry["start_ms"] + entry["duration_ms"]
        self.attempts = entry["attempts"]
        if outcome.fuel is not None:
            self.fuel = outcome.fuel + (self.fuel or 0)
        return outcome

    async def _attempt(self) -> Outcome:
        try:
            work = self._context.budget.work
            if work.is_limited:
                work.take(NODE_WORK)
            if not self._is_prepared:
                await self._call.prepare()
                self._is_prepared = True
            self.attempts += 1
            timeout_ms = self._planned.timeout_ms
            if timeout_ms is None or self._call.keeps_time:
                result = await self._call.run()
            else:
                result = await self._run_within(timeout_ms)
            if result.fuel is not None and self._context.journal is None:  # a journal tells it
                self.fuel = result.fuel + (self.fuel or 0)
            return result
        except ArcrunError as error:
            return failed(error)
        except Exception as fault:  # an error that no port declares: record it as a failure
            logger.error("The node %s failed with an unexpected error: %s", self.node, describe_fault(fault))
            return failed(InternalError())

    async def _run_within(self, timeout_ms: int) -> Outcome:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._call.run()
        except TimeoutError:
            self._call.note_timeout()
            return failed(build_node_timeout(self.node, timeout_ms))

    @property
    def has_large_input(self) -> bool:
        """Building the record may serialise the input."""
        return self._call.input_weight > LARGE_INPUT

    def end(self, result: Outcome) -> None:
        self._result = result
        self.status = SUCCESS if result.error is None else FAILED
        ended_ms = self._context.since_start_ms() if self._ended_ms is None else self._ended_ms
        self.duration_ms = ended_ms - self.start_ms

    def cancel(self, reason: str = RUN_HAD_ENDED) -> None:
        """End the node before it has settled."""
        self.end(failed(build_cancelled(self.node, reason)))

    def record(self, room_bytes: int) -> NodeRecord:
        call, result = self._call, self._result
        log = result.log[-KEPT_CHARACTERS:]
        shown_input: Any = call.input
        shown_output: Any = result.envelope
        size_bytes = ENTRY_BYTES + call.input_weight + result.weight + len(log)
        if size_bytes > room_bytes:
            size_bytes = ENTRY_BYTES + min(len(log), MAX_LOG_CHARACTERS)
            if size_bytes + result.weight > room_bytes:
                shown_output = shorten(result.envelope, result.weight, result.excerpt)
            size_bytes += CUT_BYTES if isinstance(shown_output, Cut) else result.weight
            if size_bytes + call.input_weight > room_bytes:
                shown_input = shorten(call.input, call.input_weight)
            size_bytes += CUT_BYTES if isinstance(shown_input, Cut) else call.input_weight
        return NodeRecord(
            node=self.node,
            component=self._planned.component,
            status=self.status,
            attempts=self.attempts,
            start_ms=self.start_ms,
            duration_ms=self.duration_ms,
            input=shown_input,
            output=shown_output,
            error=result.error,
            sha256=call.sha256,
            bytes=size_bytes,
            log=log,
            fuel=self.fuel,
            subflow=result.subflow,
        )


def delay_before_next(policy: RetryPolicy | None, attempt: int, error: ArcrunError, random: Random) -> float | None:
    """Milliseconds to wait after the failed `attempt` (counted from 1); None if there is no further attempt.

    The policy's `on` decides whether to retry, else `error.retriable`. An error may request a longer wait by
    `retry_after_s`; beyond the policy's max_ms there is no retry.
    """
    policy = policy or _NO_RETRY
    if attempt >= policy.max_attempts or error.ends_run:
        return None
    if not (error.retriable if policy.on is None else _is_among(error, policy.on)):
        return None
    asked_ms = _asked_ms(error)
    if asked_ms > policy.max_ms:
        return None
    return backoff_ms(
        attempt,
        policy.initial_ms,
        growth=policy.backoff,
        most_ms=policy.max_ms,
        jitter=policy.jitter,
        random=random,
        asked_ms=asked_ms,
    )


def _is_among(error: ArcrunError, causes: Iterable[str]) -> bool:
    status = str(error.details.get("status", ""))
    return bool({"*", error.code, status, f"{status[:1]}xx"} & set(causes))


def _asked_ms(error: ArcrunError) -> float:
    asked_s: Any = error.details.get("retry_after_s", error.retry_after_s)
    return asked_s * 1000 if isinstance(asked_s, int | float) and asked_s > 0 else 0
