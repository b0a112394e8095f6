"""Requests with a key: the first runs the workflow, and its repetitions get its answer. Imported with the first of
them: others need none of it.

Before the run its key is claimed, in one transaction of the object that the key names. After it, and before the answer
is given, another one stores the answer together with the run's record. A claim is a lease that no run outlives, so that
the key of a run that died with its Worker is free again.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.run_id import time_of
from arcrun.errors import (
    ArcrunError,
    ConflictError,
    InputError,
    RecordError,
    RequestError,
    RequestRunningError,
    TemplateError,
)
from arcrun.limits import (
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
    MAX_KEPT_ANSWER_BYTES,
    MAX_RUNNING_WAIT_MS,
)
from arcrun.request_keys import Claimed
from arcrun.workflows.triggers.keys import RequestKey
from arcrun.workflows.triggers.model import Idempotency, Webhook
from arcrun_http.requests import body_of
from executor.bodies import list_query, read_content
from executor.records.runs import AcceptedRun, EndedRun, KeyedRequest
from executor.run_handlers import KEY_HEADER, answer_accepted
from executor.service import ExecutorService
from executor.starts.leases import limit_lease
from executor.webhook_requests import WebhookRequest, read_path
from executor.workflows import StoredWorkflow

Render = Callable[[RunRecord], Response]

REPLAYED = (b"idempotent-replayed", b"true")
ACCEPTING_MS = 10_000  # for what precedes a run that is accepted
MAX_RETRY_AFTER_S = 30  # otherwise as long as the run has taken so far
_FIRST_WAIT_MS, _WAIT_GROWTH, _LONGEST_WAIT_MS = 40, 1.5, 1_000

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it was given."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> "KeptAnswer":
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
        return cls(response.status_code, headers, bytes(response.body))

    def to_bytes(self) -> bytes:
        """A line of JSON, and the body."""
        return json.dumps([self.status, self.headers]).encode() + b"\n" + self.body

    @classmethod
    def load(cls, stored: bytes) -> "KeptAnswer":
        line, _, body = stored.partition(b"\n")
        status, headers = json.loads(line)
        return cls(status, [(name, value) for name, value in headers], body)

    def to_response(self) -> Response:
        """The answer, marked as one that was given before."""
        response = Response(self.body, self.status)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        response.raw_headers = [*headers, REPLAYED]
        return response


async def answer_once(
    service: ExecutorService,
    request: Request,
    stored: StoredWorkflow,
    trigger: Trigger,
    *,
    is_owner: bool,
    is_accepted: bool,
    render: Render,
) -> Response | None:
    """Run the workflow, or accept its run; or answer as the first request with this key was answered. `render` makes
    the answer of a run. None if the request has no key, which its workflow allows.

    Raises RequestError IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_INVALID; ConflictError IDEMPOTENCY_KEY_REUSED,
    REQUEST_RUNNING, IDEMPOTENT_ANSWER_NOT_STORED; UpstreamError.
    """
    policy = stored.plan.triggers.webhook.idempotency or Idempotency()
    fingerprint = _fingerprint(request)
    key = await _read_key(service, request, stored.plan.triggers.webhook, policy, trigger, is_owner=is_owner)
    if key is None:
        return None
    keyed = KeyedRequest(
        key=_hash(json.dumps([stored.name, is_owner, key or [fingerprint]]).encode()),
        fingerprint=fingerprint,
        lease_ms=ACCEPTING_MS if is_accepted else limit_lease(stored.plan, trigger),
        keep_ms=1_000 * policy.keep_s,
        retries_failed=policy.retries_failed,
    )
    claimed = await _claim(service, keyed, trigger.timeout_ms, waits=policy.waits)
    if claimed["state"] != "claimed":
        return await _repeat(service, claimed)
    run = _KeyedRun(service, keyed.key, claimed["run_id"], render)
    try:
        if is_accepted:
            return await run.start(stored, trigger, is_owner=is_owner)
        return await run.run(stored, trigger)
    except ArcrunError as error:
        if not isinstance(error, RecordError):  # it has not begun
            await service.runs.release(keyed.key, run.run_id)
        raise


@dataclass
class _KeyedRun:
    """The run of the first request with a key."""

    service: ExecutorService
    key: str
    run_id: str
    render: Render
    response: Response | None = None

    async def run(self, stored: StoredWorkflow, trigger: Trigger) -> Response:
        """Raises RecordError and what comes before the run."""
        record = await self.service.run(stored, trigger, self.run_id, self._settle)
        return self.response or self.render(record)

    async def start(self, stored: StoredWorkflow, trigger: Trigger, *, is_owner: bool) -> Response:
        """Raises what ExecutorService.start does."""
        response = answer_accepted(self.run_id, is_queued=False)

        async def accept(run: AcceptedRun) -> None:
            nonlocal response
            response = answer_accepted(run.run_id, is_queued=run.is_queued)
            await self.service.runs.accept_keyed(self.key, run, KeptAnswer.of(response).to_bytes())

        await self.service.start(stored, trigger, is_owner=is_owner, run_id=self.run_id, accept=accept)
        return response

    async def _settle(self, run: EndedRun) -> None:
        """Without the write the answer is given all the same, where the workflow does not require its record: who gets
        it does not repeat the request.
        """
        self.response = self.render(run.record)
        answer = KeptAnswer.of(self.response).to_bytes()
        try:
            await self.service.runs.settle(self.key, run, answer if len(answer) <= MAX_KEPT_ANSWER_BYTES else None)
        except RecordError:
            if run.comes_first:
                raise
            logger.warning("The answer of run %s was not stored under its key", self.run_id)
            self.service.runs.add(run)


async def _claim(service: ExecutorService, keyed: KeyedRequest, timeout_ms: float | None, *, waits: bool) -> Claimed:
    """The claim; if it `waits`, after the run that is under way, for as long as its client does."""
    clock = service.engine.ports.clock
    until_ms = clock.now_ms() + min(MAX_RUNNING_WAIT_MS, timeout_ms or MAX_RUNNING_WAIT_MS)
    wait_ms: float = _FIRST_WAIT_MS
    while True:
        claimed = await service.runs.claim(keyed)
        if not waits or claimed["state"] != "running" or clock.now_ms() + wait_ms > until_ms:
            return claimed
        await clock.sleep(wait_ms)
        wait_ms = min(wait_ms * _WAIT_GROWTH, _LONGEST_WAIT_MS)


async def _repeat(service: ExecutorService, claimed: Claimed) -> Response:
    """The answer to a request whose key another has. Raises ConflictError."""
    run_id = claimed["run_id"]
    if claimed["state"] == "reused":
        raise ConflictError(
            "This key was sent before, with another request.",
            code="IDEMPOTENCY_KEY_REUSED",
            details={"run_id": run_id},
            next_actions=["Send another request with another key, and a repetition exactly as it was sent before."],
        )
    if claimed["state"] == "running":
        ran_ms = service.engine.ports.clock.now_ms() - time_of(run_id)
        wait_ms = min(ran_ms, claimed.get("left_ms", 0), MAX_RETRY_AFTER_S * 1_000)
        raise RequestRunningError(run_id, max(math.ceil(wait_ms / 1_000), 1))
    answer = await service.runs.open_answer(claimed)
    if answer is None:
        raise ConflictError(
            f"This request was answered before, by run {run_id}, whose answer is not stored.",
            code="IDEMPOTENT_ANSWER_NOT_STORED",
            details={"run_id": run_id, "most_bytes": MAX_KEPT_ANSWER_BYTES},
            next_actions=["Its owner sees the run: acr logs RUN_ID. To run it again, send another key."],
        )
    return KeptAnswer.load(answer).to_response()


async def _read_key(
    service: ExecutorService,
    request: Request,
    webhook: Webhook,
    policy: Idempotency,
    trigger: Trigger,
    *,
    is_owner: bool,
) -> list[str] | None:
    """What the request has as its key, empty if that is its fingerprint; None if it has none, which its workflow
    allows. Raises RequestError.
    """
    if is_owner and KEY_HEADER in request.headers:
        return ["header", _check_key(", ".join(request.headers.getlist(KEY_HEADER)))]
    if policy.key is None:
        return []
    source = trigger.request
    if source is None:
        clock, decoder = service.engine.ports.clock, service.components.decoder
        source = WebhookRequest(request, webhook, await read_content(request, clock), decoder, has_key=is_owner)
    try:
        key = policy.key.render(trigger.input, source.describe(policy.key.request_fields))
    except (TemplateError, InputError) as error:
        raise _build_missing_key_error(policy.key) from error
    if not key:
        if policy.key.is_optional:
            return None
        raise _build_missing_key_error(policy.key)
    return ["key", _check_key(key)]


def _build_missing_key_error(key: RequestKey) -> RequestError:
    return RequestError(
        f"The request lacks what its key is made of: {key.text}",
        code="IDEMPOTENCY_KEY_MISSING",
        next_actions=["Send it. A repetition of a request has the same key."],
    )


def _check_key(key: str) -> str:
    """Raises RequestError IDEMPOTENCY_KEY_INVALID."""
    if 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS:
        return key
    raise RequestError(
        f"The key of a request has 1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} characters; this one has {len(key)}.",
        code="IDEMPOTENCY_KEY_INVALID",
        next_actions=["Send a UUID, or the id of the event."],
    )


def _fingerprint(request: Request) -> str:
    """A hash of what the request asks for: its method, path and query, without arcrun's own parameters, and its raw
    body. Its headers may differ: services sign each delivery anew.
    """
    query = list_query(request) if request.scope["query_string"] else []
    asked = json.dumps([request.method, read_path(request), query]).encode()
    return _hash(asked + b"\n" + body_of(request))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
