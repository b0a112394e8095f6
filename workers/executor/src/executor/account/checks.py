"""What the executor finds when it examines itself. The checks are independent, so that a failed one hides no other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request

from arcrun import __version__
from arcrun.errors import ArcrunError, ComponentError, CredentialError
from arcrun.limits import CALL_CPU_MS, MAX_CHECKED_CREDENTIALS
from arcrun.run_log.usage import find_nearly_used_up, sum_usage
from arcrun.workflows.plan import PLAN_FORMAT
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService

MAX_SHOWN = 10  # names
_AT_ONCE = 6  # the platform lets no more requests of an event be open


class Finding(NamedTuple):
    """What a check tells. `hint` is the next step if it is not `ok`, or `warns`: then the platform is well, and its
    owner should know something all the same.
    """

    detail: str
    ok: bool = True
    warns: bool = False
    hint: str = ""


async def show_checks(service: ExecutorService, _request: Request) -> JsonResponse:
    found = [{"name": name, **(await _examine(service, look))._asdict()} for name, look in _CHECKS.items()]
    return build_success({"checks": found})


async def _examine(service: ExecutorService, look: "_Look") -> Finding:
    try:
        return await look(service)
    except ArcrunError as error:
        return Finding(f"{error.code}: {error.message}", ok=False, hint=" ".join(error.next_actions))


async def _look_at_workflows(service: ExecutorService) -> Finding:
    """They must not be in a format from before a step got only what its config says."""
    heads = await service.workflows.list_all()
    if old := sorted(head.name for head in heads if head.format < PLAN_FORMAT):
        more = f" and {len(old) - MAX_SHOWN} more" if len(old) > MAX_SHOWN else ""
        return Finding(
            f"Stored in an earlier format: {', '.join(old[:MAX_SHOWN])}{more}. They run, but their optional fields are"
            " no longer taken from the trigger.",
            ok=False,
            hint="acr upgrade FILE, then acr push FILE",
        )
    if any(head.pause is not None and head.pause.is_of_all for head in heads):
        told = f"{len(heads)} stored; all are paused: nothing starts a run"
        return Finding(told, warns=True, hint="acr resume --all")
    paused = sum(head.pause is not None for head in heads)
    return Finding(f"{len(heads)} stored{f', {paused} of them paused' if paused else ''}")


async def _look_at_records(service: ExecutorService) -> Finding:
    unwritten = service.runs.unwritten
    if not unwritten.count:
        return Finding("all written")
    told = unwritten.to_json()
    return Finding(
        f"{unwritten.count} run record{'s' * (unwritten.count != 1)} could not be written, the last at"
        f" {told['last_at']}: {told['reason']}",
        ok=False,
        hint="These runs are missing from all lists. Locally, check whether the disk is full: df -h. If many large runs"
        " end at once, set `record: errors` in the workflow, or `record: before_answer`, which waits for it.",
    )


async def _look_at_plan(service: ExecutorService) -> Finding:
    """The Cloudflare plan that is assumed, and its limits."""
    limits, has_sandbox = service.engine.limits, service.components.has_sandbox
    subrequests = f"{limits.subrequests:,} subrequests per run"
    if limits.is_free:
        sandbox = "sandboxes for" if has_sandbox else "no sandboxes:"
        what = f"{sandbox} components of the bucket and cpu_ms above {CALL_CPU_MS}"
        return Finding(f"free: {limits.to_json()['cpu_ms']} ms of CPU time (else CPU_BUDGET) and {subrequests}; {what}")
    if not has_sandbox:
        return Finding(
            "The executor assumes the paid plan, but has no Worker Loader (SANDBOX_UNAVAILABLE).",
            ok=False,
            hint="On the free plan: acr deploy --free-plan. On the paid plan: acr deploy",
        )
    return Finding(f"paid: {subrequests}, sandboxes for components of the bucket and cpu_ms above {CALL_CPU_MS}")


async def _look_at_usage(service: ExecutorService) -> Finding:
    """How much of the plan's quotas is used."""
    objects = await service.runs.measure()
    usage = sum_usage(objects, is_free=service.engine.limits.is_free) if objects else []
    if sentences := find_nearly_used_up(each.to_json() for each in usage):
        hint = "Keep fewer records (`record: errors`, `keep_days`), or move to the Workers paid plan."
        return Finding(" ".join(sentences), ok=False, hint=hint)
    return Finding("below four fifths of every quota: acr usage")


async def _look_at_registry(service: ExecutorService) -> Finding:
    registry = service.components.resolver.registry
    if registry is None:
        return Finding("none: there are the built-in components, and those of the bucket")
    status, answer = await registry.ask("/components", {"limit": "1"})
    if status != 200:
        code = answer.get("error", {}).get("code") if isinstance(answer, Mapping) else None
        raise ComponentError(
            f"The registry answered the executor {status}{f', {code}' if code else ''}.",
            code="REGISTRY_UNAVAILABLE",
            next_actions=["acr deploy"],
        )
    _, health = await registry.ask("/health", {})
    version = health.get("version") if isinstance(health, Mapping) else None
    if version != __version__:
        return Finding(f"The registry is version {version}, the executor {__version__}.", ok=False, hint="acr deploy")
    return Finding(f"accepts the executor's key; version {version}")


async def _look_at_credentials(service: ExecutorService) -> Finding:
    """Each must be readable with the executor's own key. Their names are not for whoever may only read."""
    vault = service.vault
    names = sorted(await vault.list_names())
    looked_at = names[:MAX_CHECKED_CREDENTIALS]
    readable = []
    for first in range(0, len(looked_at), _AT_ONCE):
        readable += await asyncio.gather(*map(vault.is_readable, looked_at[first : first + _AT_ONCE]))
    if unreadable := readable.count(False):
        raise CredentialError(
            f"The executor's encryption key does not decrypt {unreadable} of {len(looked_at)} credentials.",
            code="CREDENTIAL_UNREADABLE",
            next_actions=["acr doctor names them; store them again: acr creds push NAME"],
        )
    more = f" of the first {len(looked_at)}" if len(looked_at) < len(names) else ""
    return Finding(f"{len(names)} stored, all{more} readable")


_Look = Callable[[ExecutorService], Awaitable[Finding]]
_CHECKS: Mapping[str, _Look] = {
    "workflows": _look_at_workflows,
    "records": _look_at_records,
    "plan": _look_at_plan,
    "usage": _look_at_usage,
    "registry binding": _look_at_registry,
    "credentials": _look_at_credentials,
}
