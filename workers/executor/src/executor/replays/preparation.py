"""Prepares a replay: finds all that it needs, and refuses it if something is missing, before anything is run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ConflictError, NotFoundError
from arcrun.replays.choice import Taken, take_before, take_succeeded
from arcrun.replays.errors import build_impossible
from arcrun.replays.needs import require_known
from arcrun.replays.origin_values import load_origin_values
from arcrun.replays.replay import Replay
from arcrun.run_log.filter import UNFINISHED
from arcrun.workflows.plan import Plan
from executor.records.occasions import Occasion
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow

ORIGINAL, CURRENT = "original", "current"
KEPT = object()  # the input with which the origin was started


@dataclass(frozen=True)
class AskedReplay:
    """`start` is the node to begin with, empty for the whole run. `version` is ORIGINAL, CURRENT or a number; `input`
    is KEPT or another. `limit_ms` is how long the client waits, `depth` the number of runs before it.
    """

    run_id: str
    start: str = ""
    version: str | int = ORIGINAL
    input: Any = KEPT
    limit_ms: float | None = None
    depth: int = 0


@dataclass(frozen=True)
class PreparedReplay:
    """`is_accepted` is whether it is answered before it begins. `retried_by` is the run that has retried the origin
    before, empty for none.
    """

    origin: str
    stored: StoredWorkflow
    trigger: Trigger
    taken: Taken
    is_accepted: bool
    retried_by: str = ""

    def to_json(self) -> dict[str, Any]:
        """What it would do: {"replay_of", "workflow", "version", "accepted", "taken_over": [node], "runs": [node]}."""
        names = [node.name for node in self.stored.plan.nodes]
        return {
            "replay_of": self.origin,
            "workflow": self.stored.name,
            "version": self.stored.version,
            "accepted": self.is_accepted,
            "taken_over": self.list_taken_over(),
            "runs": [name for name in names if name not in self.taken.nodes],
        }

    def list_taken_over(self) -> list[str]:
        return [node.name for node in self.stored.plan.nodes if node.name in self.taken.nodes]


async def prepare_replay(service: ExecutorService, asked: AskedReplay) -> PreparedReplay:
    """Raises NotFoundError RUN_NOT_FOUND, WORKFLOW_NOT_FOUND, VERSION_NOT_FOUND, NODE_NOT_FOUND; ConflictError
    REPLAY_NOT_POSSIBLE; DecryptionError, NotConfiguredError, UpstreamError.
    """
    record = await service.runs.find(asked.run_id)
    stored = await _find_workflow(service, record, asked.version)
    taken = take_before(stored.plan, _require_trace(record), asked.start) if asked.start else Taken()
    return await _prepare(service, asked, stored, taken)


async def prepare_retry(service: ExecutorService, asked: AskedReplay, *, is_forced: bool) -> PreparedReplay:
    """Raises ConflictError RUN_RETRIED unless it `is_forced`, and the same."""
    record = await service.runs.find(asked.run_id)
    _require_ended(record)
    if record["status"] == "success":
        raise build_impossible(
            "The run has succeeded: there is nothing to retry.", f"To run it again: acr replay {asked.run_id}"
        )
    if not is_forced and (by := record.get("retried_by")):
        raise build_retried_error(asked.run_id, by)
    stored = await _find_workflow(service, record, ORIGINAL)
    taken = take_succeeded(stored.plan, record) if "trace" in record else Taken()
    return replace(await _prepare(service, asked, stored, taken), retried_by=record.get("retried_by", ""))


def build_retried_error(run_id: str, by: str) -> ConflictError:
    return ConflictError(
        f"The run {run_id} was retried already, by {by}.",
        code="RUN_RETRIED",
        details={"retried_by": by},
        next_actions=[
            f"See how that went: acr logs {by}. If it has failed: acr retry {by}",
            f"To do it once more all the same: acr retry {run_id} --force",
        ],
    )


async def _prepare(
    service: ExecutorService, asked: AskedReplay, stored: StoredWorkflow, taken: Taken
) -> PreparedReplay:
    taken = await _complete(service, asked.run_id, stored.plan, taken)
    value, occasion = await _find_beginning(service, asked)
    if occasion.request is None and await _reads_request(service, stored.plan):
        raise build_impossible(
            f"`{stored.name}` reads the request that started it, and that is not stored with this run.",
            "Requests are stored with the runs of workflows that read them, since arcrun does so.",
            f"Or run it with a saved request: acr run {stored.name} --request FILE",
        )
    replay = Replay(asked.run_id, taken.nodes, taken.loops, taken.stopped, taken.gathered, taken.secrets)
    trigger = Trigger(TriggerKind.REPLAY, value, asked.limit_ms, asked.depth, request=occasion.request, replay=replay)
    return PreparedReplay(asked.run_id, stored, trigger, taken, stored.plan.is_durable or occasion.is_accepted)


async def _complete(service: ExecutorService, run_id: str, plan: Plan, taken: Taken) -> Taken:
    """What is taken over, with the values that the origin has kept where its record lacks one. Raises ConflictError
    REPLAY_NOT_POSSIBLE if that does not help.
    """
    try:
        require_known(plan, taken)
    except ConflictError:
        content = None if service.lasting is None else await service.lasting.runs.find_values(run_id)
        values = None if content is None else await load_origin_values(content, service.engine.ports.clock.pause)
        if values is None:
            raise
        taken = values.complete(taken)
        require_known(plan, taken)
    return taken


async def _find_beginning(service: ExecutorService, asked: AskedReplay) -> tuple[Any, Occasion]:
    """The input that the replay begins with, and the origin's occasion. Raises ConflictError REPLAY_NOT_POSSIBLE."""
    try:
        kept, occasion = await service.runs.find_beginning(asked.run_id)
    except NotFoundError:
        if asked.input is not KEPT:
            return asked.input, Occasion()
        raise build_impossible(
            "The input of the run is not stored.",
            f"Give one: acr replay {asked.run_id} --input JSON",
            "Set ARCRUN_ENCRYPTION_KEY: inputs of later runs are stored.",
            "A hosted platform stores those of accepted runs.",
        ) from None
    return (kept if asked.input is KEPT else asked.input), occasion


async def _find_workflow(service: ExecutorService, record: Mapping[str, Any], version: str | int) -> StoredWorkflow:
    """Raises NotFoundError, ConflictError REPLAY_NOT_POSSIBLE."""
    if record["trigger"] == TriggerKind.POLL:
        raise build_impossible(
            "The run was a poll: the next one finds what this one has not.",
            f"Poll now: acr schedule run {record['workflow']} --number N, where acr schedule list says which it is.",
        )
    name, number = record["workflow"], record["version"] if version == ORIGINAL else version
    if number == CURRENT:
        return await service.workflows.find_by_name(name)
    if not number:
        raise build_impossible(
            "The run was one of a workflow that is not stored.",
            "Run its file again: acr run FILE",
            f"Or take the stored workflow of its name: acr replay {record['id']} --version current",
        )
    try:
        found = await service.workflows.find_version(name, int(number))
    except NotFoundError as error:
        if version != ORIGINAL or error.code != "VERSION_NOT_FOUND":
            raise
        raise build_impossible(
            f"Version {number} of `{name}`, of which the run was, is not stored any more.",
            f"To take the workflow as it is now: acr replay {record['id']} --version current",
        ) from None
    head = await service.workflows.find_head(name, is_fresh=False)
    stored = StoredWorkflow("", found.name, found.version, found.plan, found.pushed_at)
    return stored if head is None else replace(stored, is_followed=head.is_followed, is_watched=head.is_watched)


def _require_ended(record: Mapping[str, Any]) -> None:
    if record["status"] in UNFINISHED:
        raise build_impossible(
            "The run has not ended.",
            f"Wait for its end: acr logs {record['id']} --follow",
            f"Or let it end: acr cancel {record['id']}",
        )


def _require_trace(record: Mapping[str, Any]) -> Mapping[str, Any]:
    _require_ended(record)
    if "trace" not in record:
        raise build_impossible(
            "The record of the run has no nodes: the platform has lost it.", "Replay the whole run: leave out --from."
        )
    return record


async def _reads_request(service: ExecutorService, plan: Plan) -> bool:
    """Whether a plan, its limits or a workflow that it calls read `request`. Raises UpstreamError."""
    if any(limit.key and limit.key.request_fields for limit in plan.start_limits):
        return True
    seen, pending = set[str](), [plan]
    while pending:
        here = pending.pop()
        if here.request_fields:
            return True
        for name in {call.workflow for call in here.calls if call.workflow and not call.is_detached} - seen:
            seen.add(name)
            try:
                pending.append(await service.workflows.find_plan(name))
            except NotFoundError:
                continue
    return False
