"""Runs accepted with `?async=1`: their time limit, and the part of their input that is stored until they end; and
inputs without secrets.
"""

from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from arcrun.credentials.injection import name_authorizing
from arcrun.credentials.redaction import Redactor, is_small
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Trigger
from arcrun.engine.truncation import truncate
from arcrun.errors import ArcrunError, RequestError
from arcrun.interruptible import run_steps_pausing
from arcrun.limits import MAX_ACCEPTED_MS, MAX_ACCEPTED_UNDO_MS
from arcrun.workflows.plan import Plan, PlannedNode

RECORD_TIME_MS = 1_000  # reserved within MAX_ACCEPTED_MS for writing the record

T = TypeVar("T")


async def may_undo(plan: Plan, ports: RunPorts) -> bool:
    """Whether the plan, or one that it calls, has undos. Raises UpstreamError."""
    seen, pending = set[str](), [plan]
    while pending:
        here = pending.pop()
        if here.has_undos:
            return True
        for name in {call.workflow for call in here.calls if call.workflow and not call.is_detached} - seen:
            seen.add(name)
            called = await _unless_missing(ports.workflows.find_plan(name))
            pending += [called] if called else []
    return False


def limit_accepted_run(
    plan: Plan, trigger: Trigger, most_ms: float | None, *, is_owner: bool, has_undos: bool
) -> float:
    """The time limit of an accepted run in milliseconds. `most_ms` is the limit of its account.

    A limit that the workflow or the request sets is never shortened silently: beyond MAX_ACCEPTED_MS, less what undos
    need, the run is refused. The default is shortened. Raises RequestError ACCEPTED_RUN_TOO_LONG, which shows the
    workflow's limit to its owner only.
    """
    limit_ms = min(limit for limit in (plan.timeout_ms, trigger.timeout_ms, most_ms) if limit is not None)
    possible_ms = MAX_ACCEPTED_MS - (MAX_ACCEPTED_UNDO_MS if has_undos else 0)
    if limit_ms > possible_ms and (plan.sets_timeout or trigger.timeout_ms is not None):
        if trigger.timeout_ms == limit_ms:
            asking = f"the timeout_ms of the request is {limit_ms:g}"
        else:
            asking = (
                f"the timeout_ms of the workflow is {plan.timeout_ms:g}" if is_owner else "this one may take longer"
            )
        raise RequestError(
            f"An asynchronous run may take {possible_ms} ms, then the platform ends it; {asking}.",
            code="ACCEPTED_RUN_TOO_LONG",
            details={"most_ms": possible_ms},
            next_actions=[
                f"Set a shorter limit: ?async=1&timeout_ms={possible_ms}.",
                "Or wait for the run's end: omit `async`.",
            ],
        )
    return min(limit_ms, possible_ms - RECORD_TIME_MS)


async def make_keepable(plan: Plan, trigger: Trigger, ports: RunPorts) -> Any:
    """A run's input as a record stores it: truncated, and without the secrets that the run may read.

    Raises UpstreamError if a secret, which must be redacted, cannot be looked up.
    """
    names = await _find_credentials(plan, ports, set())
    return truncate(await redact_input(trigger.input, names, ports, body_bytes=trigger.body_bytes))


async def redact_input(value: Any, names: Iterable[str], ports: RunPorts, *, body_bytes: int | None = None) -> Any:
    """An input without the secrets stored under `names`. `body_bytes` is its size as JSON, None if unknown.

    Raises UpstreamError if a secret, which must be redacted, cannot be looked up.
    """
    secrets = [await _unless_missing(ports.credentials.reveal(name)) for name in sorted(names)]
    known = [secret for secret in secrets if secret is not None]
    redactor = await run_steps_pausing(Redactor.build(known), ports.clock.pause)
    return await run_steps_pausing(redactor.scrub_in_steps(value, is_small=is_small(body_bytes)), ports.clock.pause)


async def _find_credentials(plan: Plan, ports: RunPorts, seen: set[str]) -> set[str]:
    """The names of the credentials that a run of the plan may read, including those of its sub-workflows."""
    names: set[str] = set()
    for node in plan.calls:
        if node.workflow is None:
            names |= await _credentials_of(node, ports)
        elif node.workflow not in seen and not node.is_detached:
            seen.add(node.workflow)
            called = await _unless_missing(ports.workflows.find_plan(node.workflow))
            names |= await _find_credentials(called, ports, seen) if called else set()
    return names


async def _credentials_of(node: PlannedNode, ports: RunPorts) -> set[str]:
    component = await _unless_missing(ports.components.find(node.component))
    asked = {item.key for item in component.contract.credentials_required} if component else set()
    mapped = node.credentials or {}
    authorizing = name_authorizing(component.contract, node.config) if component else ()
    named = {*mapped.values(), *node.credential_references, *authorizing}
    return {mapped.get(key, key) for key in asked} | named


async def _unless_missing(found: Awaitable[T]) -> T | None:
    """The awaited result; None if it does not exist, in which case the run cannot read it either."""
    try:
        return await found
    except ArcrunError as error:
        if error.retriable:
            raise
        return None
