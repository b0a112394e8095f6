"""Answers of accepted runs whose clients wait for their end, or for what a line to `respond` brings.

The instance of such a run keeps what it is answered by: {"status", "answer"} is its output, `answer` being sealed JSON
{"run_id", "workflow", "version", "trigger", "started_ms", "duration_ms", "data" or "error", "undone", "response",
"trace", "undos"}. An error is as a journal keeps it; `response` has the fields of RunResponse; the last two are as a
record has them. It goes with the instance. What is answered early is kept in the RunLog too, until the run has ended.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.durable.entries import read_error, render_error
from arcrun.engine.answers.run_response import RunResponse
from arcrun.engine.record import RunRecord, StoredRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import NotFoundError, RateLimitedError, RunError, UpstreamError
from arcrun.json_text import parse_json, write_json
from arcrun.ports import Clock, RunInstance
from executor.durable.lasting import Lasting

COMPLETE = "complete"  # an instance's status
ENDED = (COMPLETE, "errored", "terminated")
FIRST_PAUSE_MS, PAUSE_GROWTH, LONGEST_PAUSE_MS = 60, 1.5, 2_000
RECORD_PAUSE_MS = 1_000  # from a pause of this length on the record is read, too

FindRecord = Callable[[str], Awaitable[StoredRecord]]


@dataclass(frozen=True)
class KeptRun:
    """`record` is without the trace; `trace` has {"trace", "undos"}, as a record has them."""

    record: RunRecord
    trace: Mapping[str, Any]


def render_output(status: str, answer: str | None = None) -> str:
    """The output of an instance. `answer` is sealed, None if nobody waits for it."""
    return json.dumps({"status": status} if answer is None else {"status": status, "answer": answer})


def render_run(record: RunRecord) -> bytes:
    """What is kept of a run, before it is sealed."""
    made = record.response
    told: dict[str, Any] = {
        "run_id": record.run_id,
        "workflow": record.workflow,
        "version": record.version,
        "trigger": record.trigger.value,
        "started_ms": record.started_ms,
        "duration_ms": record.duration_ms,
        **({"data": record.data} if record.error is None else {"error": render_error(record.error)}),
        "undone": record.undone,
        "trace": record.render_trace(),
        **record.render_undos(),
    }
    if made is not None:
        told["response"] = {"status": made.status, "headers": made.headers, "kind": made.kind, "content": made.content}
        if made.error is not None:
            told["response"]["error"] = render_error(made.error)
    return write_json(told).encode()


def load_run(content: bytes) -> KeptRun:
    told: Mapping[str, Any] = parse_json(content.decode())
    record = RunRecord(
        run_id=told["run_id"],
        workflow=told["workflow"],
        version=told["version"],
        trigger=TriggerKind(told["trigger"]),
        started_ms=told["started_ms"],
        duration_ms=told["duration_ms"],
        data=told.get("data"),
        error=read_error(told["error"]) if "error" in told else None,
        trace=(),
        undone=told["undone"],
        response=_load_response(told["response"]) if "response" in told else None,
    )
    return KeptRun(record, {name: told[name] for name in ("trace", "undos") if name in told})


def _load_response(told: Mapping[str, Any]) -> RunResponse:
    headers = tuple((name, value) for name, value in told["headers"])
    error = read_error(told["error"]) if "error" in told else None
    return RunResponse(told["status"], headers, told["kind"], told["content"], error=error)


async def wait_for_answer(
    lasting: Lasting, find: FindRecord, clock: Clock, run_id: str, wait_ms: float, *, is_early: bool
) -> KeptRun | None:
    """The run, if it ends within `wait_ms` and its instance has kept it, or its record, found by `find`, says that it
    has failed; the run so far, if it may answer early and does. It asks again with growing pauses: no request may wait
    for another.
    """
    until_ms, pause_ms = clock.now_ms() + wait_ms, float(FIRST_PAUSE_MS)
    while (left_ms := until_ms - clock.now_ms()) > 0:
        await clock.sleep(min(pause_ms, left_ms))
        pause_ms = min(pause_ms * PAUSE_GROWTH, LONGEST_PAUSE_MS)
        try:
            if is_early and (content := await lasting.runs.find_early_answer(run_id)) is not None:
                return load_run(content)
            instance = await lasting.instances.status(run_id)
            if instance is not None and instance.status in ENDED:
                return await _open(lasting, run_id, instance) or await _find_failed(find, run_id)
            # It is queued, or is being cancelled: its instance may tell nothing of its end.
            if (instance is None or pause_ms >= RECORD_PAUSE_MS) and (failed := await _find_failed(find, run_id)):
                return failed
        except (UpstreamError, RateLimitedError):
            continue
    return None


async def _open(lasting: Lasting, run_id: str, instance: RunInstance) -> KeptRun | None:
    kept = json.loads(instance.output).get("answer") if instance.status == COMPLETE else None
    content = None if kept is None else await lasting.runs.open_kept_answer(run_id, kept)
    return None if content is None else load_run(content)


async def _find_failed(find: FindRecord, run_id: str) -> KeptRun | None:
    """The run as its record has it, if it was cancelled or has failed: what it has done is told nobody."""
    try:
        stored: Mapping[str, Any] = await find(run_id)
    except NotFoundError:  # yet
        return None
    if stored["status"] not in ("cancelled", "failed") or not isinstance(told := stored.get("error"), Mapping):
        return None
    actions = told.get("next_actions") or ()
    error = RunError(told["message"], code=told["code"], next_actions=actions, details=told.get("details") or {})
    record = RunRecord(
        run_id=run_id,
        workflow=stored["workflow"],
        version=stored["version"],
        trigger=TriggerKind.WEBHOOK,
        started_ms=0,
        duration_ms=stored.get("duration_ms") or 0,
        data=None,
        error=error,
        trace=(),
        undone=stored.get("undone") or "",
    )
    return KeptRun(record, {name: stored[name] for name in ("trace", "undos") if name in stored})
