"""Decisions about calls of durable runs that a crash cut off (arcrun/durable/once.py)."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from arcrun.durable.once import RETRY, SKIP, Decision
from arcrun.errors import ArcrunError, ConflictError, PayloadTooLargeError, RequestError
from arcrun.json_text import write_json
from arcrun.limits import MAX_SKIPPED_BYTES
from arcrun.ports import Clock
from executor.durable.answers import ENDED
from executor.durable.cancellation import GRACE_MS, LOOKING_MS
from executor.durable.lasting import Lasting
from executor.durable.patience import patiently
from executor.records.runs import Runs

CHOICES: Final = (RETRY, SKIP)

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class RunDecisions:
    """The journal's Decisions, of one run."""

    lasting: Lasting
    clock: Clock
    run_id: str

    async def ask(self, call: str, step: str) -> Decision | None:
        try:
            return await patiently(self.clock, lambda: self.lasting.runs.ask_about_call(self.run_id, call, step))
        except ArcrunError as error:
            logger.warning("Nobody could be asked about a call of run %s: %s", self.run_id, error.code)
            return None


def read_decision(body: dict[str, Any]) -> Decision:
    """{"decision": "retry"}, or {"decision": "skip", "data"}. Raises RequestError, PayloadTooLargeError."""
    chosen = body.get("decision")
    if chosen not in CHOICES:
        raise RequestError(
            f"`decision` must be one of {', '.join(CHOICES)}.",
            next_actions=['Send {"decision": "retry"}, or {"decision": "skip"} with the `data` that the step answers.'],
        )
    if chosen == RETRY and "data" in body:
        raise RequestError("`data` is what a step that is skipped answers.", next_actions=["Leave it out."])
    if len(write_json(body.get("data"))) > MAX_SKIPPED_BYTES:
        raise PayloadTooLargeError(f"`data` may have {MAX_SKIPPED_BYTES >> 10} KiB as JSON.")
    return {"decision": chosen, "data": body.get("data")}


async def decide(lasting: Lasting, runs: Runs, run_id: str, node: str, decision: Decision) -> None:
    """Raises NotFoundError RUN_NOT_FOUND, ConflictError NOTHING_TO_DECIDE, UpstreamError."""
    if await lasting.runs.decide_call(run_id, node, decision):
        return
    record = await runs.find(run_id)
    open_nodes = [question["node"] for question in record.get("decisions", ())]
    raise build_nothing_error(node, record["status"], open_nodes, run_id)


def build_nothing_error(node: str, status: str, open_nodes: list[str], run_id: str) -> ConflictError:
    asked = f"Of this run it is asked about {', '.join(open_nodes)}." if open_nodes else f"The run is {status}."
    return ConflictError(
        f"Nothing of `{node}` needs a decision. {asked}",
        code="NOTHING_TO_DECIDE",
        details={"nodes": open_nodes},
        next_actions=[f"Look at it: acr logs {run_id}"],
    )


async def repeat_instance(lasting: Lasting, clock: Clock, run_id: str) -> None:
    """Let a run notice a decision at once: its instance is paused, after the step under way, and resumed. If that step
    takes too long it goes on, and the run asks again after its pause.
    """
    ends_ms = clock.now_ms() + GRACE_MS
    with suppress(ArcrunError):
        await lasting.instances.pause(run_id)
        while clock.now_ms() < ends_ms:
            instance = await lasting.instances.status(run_id)
            if instance is None or instance.status in (*ENDED, "paused"):
                break
            await clock.sleep(LOOKING_MS)
    with suppress(ArcrunError):
        await lasting.instances.resume(run_id)
