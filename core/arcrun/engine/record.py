"""The record of a run: the trace with one entry per node, and the answer. `RunRecord.to_stored` is the stored form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, cast

from arcrun.analytics import Tally
from arcrun.credentials.redaction import Redactor, is_small
from arcrun.engine.answers.run_response import RunResponse
from arcrun.engine.trigger import TriggerKind
from arcrun.engine.truncation import Cut, leave_out, render_shortened, shorten, truncate
from arcrun.errors import ArcrunError, RunCancelledError
from arcrun.interruptible import Steps
from arcrun.limits import MAX_LOG_CHARACTERS, MAX_SHOWN_ROUNDS, MAX_SHOWN_VALUE_BYTES, MAX_TRACE_BYTES
from arcrun.times import render_time


class NodeStatus(StrEnum):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    WAITING = "waiting"  # of a run under way


SUCCESS, FAILED, SKIPPED = NodeStatus.SUCCESS, NodeStatus.FAILED, NodeStatus.SKIPPED  # faster to look up than members


class _Told(TypedDict):
    """The common fields. `started_at` is ISO 8601 in UTC; `deadline_ms`, of an unfinished run, milliseconds
    since 1970. `replay_of` is the run that this one replays, `retried_by` the one that retries it.
    """

    id: str
    workflow: str
    version: int
    trigger: str
    status: str
    started_at: str
    duration_ms: NotRequired[float]
    deadline_ms: NotRequired[float]
    node: NotRequired[str]
    replay_of: NotRequired[str]
    retried_by: NotRequired[str]


class Verdict(_Told):
    """The fields of a run in a list. `error` is the error's code, `node` the node that failed."""

    error: NotRequired[str]


class StoredRecord(_Told):
    """The stored record of a run: `input` until the run ends, `trace` if it waits, and what it `waits_for` while it is
    queued; then `trace` and either `data` or `error`. `dead_until` is until when a dead letter is kept as one (ISO
    8601, UTC).
    """

    error: NotRequired[dict[str, Any]]
    data: NotRequired[Any]
    trace: NotRequired[list[dict[str, Any]]]
    undone: NotRequired[str]
    undos: NotRequired[list[dict[str, Any]]]
    response: NotRequired[dict[str, Any]]
    input: NotRequired[Any]
    waits_for: NotRequired[str]
    dead_until: NotRequired[str]
    decisions: NotRequired[list[Any]]  # arcrun.run_log.cut_off_calls.CutOffCall, of a run that needs a decision


@dataclass(frozen=True)
class Iterations:
    """The number of times that a loop ran a node, by status."""

    success: int
    failed: int
    skipped: int

    def to_json(self) -> dict[str, int]:
        return {"success": self.success, "failed": self.failed, "skipped": self.skipped}


@dataclass
class Rounds:
    """The rounds of a node with `repeat`: their number, and the records of the first and of the last ones."""

    count: int = 0
    first: list["NodeRecord"] = field(default_factory=list)
    latest: list["NodeRecord"] = field(default_factory=list)

    def add(self, record: "NodeRecord") -> None:
        self.count += 1
        if len(self.first) < MAX_SHOWN_ROUNDS:
            self.first.append(record)
            return
        self.latest.append(record)
        if len(self.latest) > MAX_SHOWN_ROUNDS:
            del self.latest[0]

    @property
    def last(self) -> "NodeRecord | None":
        return self.latest[-1] if self.latest else self.first[-1] if self.first else None

    @property
    def bytes(self) -> int:
        return _sum_bytes((*self.first, *self.latest))

    def to_json(self) -> dict[str, Any]:
        """{"count", "trace": [the entry of each round that is kept, with its number]}."""
        numbered = [*enumerate(self.first, 1), *enumerate(self.latest, self.count - len(self.latest) + 1)]
        return {"count": self.count, "trace": [{"round": number, **record.to_json()} for number, record in numbered]}

    def without_values(self) -> "Rounds":
        return Rounds(self.count)

    def scrubbed(self, redactor: Redactor) -> "Steps[Rounds]":
        first = yield from scrub_trace(self.first, redactor)
        latest = yield from scrub_trace(self.latest, redactor)
        return Rounds(self.count, [*first], [*latest])


@dataclass(slots=True)  # made for each node: a frozen one takes three times as long
class NodeRecord:
    """The record of one node. `start_ms` counts from the run's start. `input` is the input before credentials were
    filled in; None if the node did not get that far. `output` is the component's envelope; None if it did not answer.
    `sha256` is the component's; `log` is the end of its stderr. `bytes` is the approximate size of the entry in a
    trace.

    Large values of `input` and `output` are Cut, so that a run's record does not hold all of the run's values.
    `subflow` is a sub-workflow's trace; `left_out` is its number of entries if there was no room for them.

    `is_taken_over` is whether it was not run: its output is that of the run that this one replays.

    `rounds` is set for a node with `repeat`: then the input and the output are the last round's.

    `index` is set for one of several undos of a node: its index in each loop around, the outermost first.

    `iterations` is set for a node in a loop's body: then times span all of its iterations, `attempts` is their sum, and
    the values are those of the first failure or, if there is none, of the first success.
    """

    node: str
    component: str
    status: NodeStatus
    attempts: int = 0
    start_ms: float = 0
    duration_ms: float = 0
    input: Mapping[str, Any] | Cut | None = None
    output: Mapping[str, Any] | Cut | None = None
    error: ArcrunError | None = None
    sha256: str = ""
    log: str = ""
    fuel: int | None = None
    bytes: int = 0
    iterations: Iterations | None = None
    index: tuple[int, ...] = ()
    subflow: "tuple[NodeRecord, ...] | None" = None
    left_out: int = 0
    rounds: Rounds | None = None
    is_taken_over: bool = False

    def to_json(self) -> dict[str, Any]:
        """The trace entry, as it is answered and stored: its values are cut to a bounded size."""
        entry: dict[str, Any] = {
            "node": self.node,
            "component": self.component,
            "status": self.status.value,
            "attempts": self.attempts,
            "start_ms": round(self.start_ms, 3),
            "duration_ms": round(self.duration_ms, 3),
        }
        if self.is_taken_over:
            entry["taken_over"] = True
        if self.fuel is not None:
            entry["fuel"] = self.fuel
        if self.iterations is not None:
            entry["iterations"] = self.iterations.to_json()
        if self.index:
            entry["index"] = list(self.index)
        if self.rounds is not None:
            entry["rounds"] = self.rounds.to_json()
        if self.input is not None:
            entry["input"] = render_shortened(self.input)
        if self.error is not None:
            entry["error"] = truncate(self.error.to_json())
        elif self.output is not None:
            entry["output"] = render_shortened(self.output)
        if self.log:
            entry["log"] = self.log[-MAX_LOG_CHARACTERS:]
        if self.left_out:
            entry["trace"] = {"_truncated": True, "entries": self.left_out}
        elif self.subflow is not None:
            entry["trace"] = [inner.to_json() for inner in self.subflow]
        if self.sha256:
            entry["sha256"] = self.sha256
        return entry

    def without_values(self) -> "NodeRecord":
        """A copy with only the sizes of its values."""
        return replace(
            self,
            input=leave_out(self.input),
            output=leave_out(self.output),
            error=self.error.without_details() if self.error else None,
            log="",
            subflow=None,
            left_out=len(self.subflow or ()) or self.left_out,
            rounds=self.rounds and self.rounds.without_values(),
        )

    def scrubbed(self, redactor: Redactor) -> "Steps[NodeRecord]":
        """A copy without the secrets that the redactor knows."""
        scrub_input = (
            self.input.scrubbed(redactor) if isinstance(self.input, Cut) else redactor.scrub_in_steps(self.input)
        )
        return replace(
            self,
            input=(yield from scrub_input),
            output=(yield from _scrub_output(self.output, redactor)),
            error=(yield from self.error.scrubbed(redactor.scrub_in_steps)) if self.error else None,
            log=(yield from redactor.scrub_text_in_steps(self.log)),
            subflow=None if self.subflow is None else (yield from scrub_trace(self.subflow, redactor)),
            rounds=None if self.rounds is None else (yield from self.rounds.scrubbed(redactor)),
        )


def _sum_bytes(trace: Iterable[NodeRecord]) -> int:
    total = 0
    for entry in trace:
        total += entry.bytes
        if entry.subflow:
            total += _sum_bytes(entry.subflow)
    return total


def scrub_trace(trace: Iterable[NodeRecord], redactor: Redactor) -> Steps[tuple[NodeRecord, ...]]:
    """Copies without the secrets that the redactor knows."""
    scrubbed = []
    for entry in trace:
        scrubbed.append((yield from entry.scrubbed(redactor)))
    return tuple(scrubbed)


def _scrub_output(output: Mapping[str, Any] | Cut | None, redactor: Redactor) -> Steps[Mapping[str, Any] | Cut | None]:
    if output is None:
        return None
    if isinstance(output, Cut):
        return (yield from output.scrubbed(redactor))
    return (yield from redactor.scrub_envelope_in_steps(output))


@dataclass(slots=True)  # made for each run: a frozen one takes three times as long
class RunRecord:
    """The record of a run. `error` is that of the node whose failure failed the run. `trigger` is what started it.

    `started_ms` is in milliseconds since 1970. `version` is the stored workflow's, 0 if it is not stored. `weight` is
    that of `data` (arcrun/json_size.py), None if it is unknown. `usage` has the component calls; it is reported, but
    neither stored nor answered. `undos` are the undos that ran, with their nodes' paths through sub-workflows; `undone`
    is their outcome: `complete`, `partial`, or empty if there was nothing to undo. `response` is what the webhook
    answers if the workflow has one. `replay_of` is the id of the run that it replays, empty for most.
    """

    run_id: str
    workflow: str
    version: int
    trigger: TriggerKind
    started_ms: float
    duration_ms: float
    data: Any
    error: ArcrunError | None
    trace: tuple[NodeRecord, ...]
    weight: int | None = None
    usage: Tally = field(default_factory=Tally)
    undone: str = ""
    undos: tuple[NodeRecord, ...] = ()
    response: RunResponse | None = None
    replay_of: str = ""

    @property
    def bytes(self) -> int:
        """The approximate size of the stored record, its answer shortened."""
        answer_bytes = MAX_SHOWN_VALUE_BYTES if self.weight is None or isinstance(self.data, Cut) else self.weight
        return self._trace_bytes + answer_bytes

    @property
    def _trace_bytes(self) -> int:
        return _sum_bytes(self.trace) + (_sum_bytes(self.undos) if self.undos else 0)

    def shortened(self) -> "RunRecord":
        """A copy to be stored: the answer is shortened if it does not fit beside the trace."""
        if self.weight is not None and self._trace_bytes + self.weight <= MAX_TRACE_BYTES:
            return self
        shown = shorten(self.data, self.weight)
        return self if shown is self.data else replace(self, data=shown)

    @property
    def status(self) -> str:
        if self.error is None:
            return "success"
        return "cancelled" if isinstance(self.error, RunCancelledError) else "failed"

    def scrubbed(self, redactor: Redactor) -> "Steps[RunRecord]":
        """A copy without the secrets that the redactor knows."""
        return replace(
            self,
            data=(yield from redactor.scrub_in_steps(self.data, is_small=is_small(self.weight))),
            error=(yield from self.error.scrubbed(redactor.scrub_in_steps)) if self.error else None,
            trace=(yield from scrub_trace(self.trace, redactor)),
            undos=(yield from scrub_trace(self.undos, redactor)),
            response=None if self.response is None else (yield from self.response.scrubbed(redactor)),
        )

    def to_json(self) -> dict[str, Any]:
        """The answer to the workflow's owner."""
        result = {"data": self.data} if self.error is None else {"error": self.error.to_json()}
        return {
            "success": self.error is None,
            **result,
            **({"undone": self.undone} if self.undone else {}),
            "run_id": self.run_id,
            **({"replay_of": self.replay_of} if self.replay_of else {}),
            "duration_ms": round(self.duration_ms, 3),
            **({"response": self.response.to_json()} if self.response is not None else {}),
        }

    def render_trace(self) -> list[dict[str, Any]]:
        return [entry.to_json() for entry in self.trace]

    def render_undos(self) -> dict[str, Any]:
        """{"undos": [an entry for each node that was undone]}; empty if there was nothing to undo."""
        return {"undos": [entry.to_json() for entry in self.undos]} if self.undos else {}

    def to_verdict(self) -> Verdict:
        """The verdict, at most some 600 bytes."""
        verdict: Verdict = {
            "id": self.run_id,
            "workflow": self.workflow,
            "version": self.version,
            "trigger": self.trigger.value,
            "status": self.status,
            "started_at": render_time(self.started_ms),
            "duration_ms": round(self.duration_ms, 3),
        }
        if self.replay_of:
            verdict["replay_of"] = self.replay_of
        if self.error is None:
            return verdict
        return {
            **verdict,
            "error": _cut(self.error.code, 64),
            "node": _cut(str(self.error.details.get("node", "")), 128),
        }

    def to_result(self) -> dict[str, Any]:
        """The stored record without the verdict: the answer or the error, shortened, and the trace."""
        result = (
            {"data": render_shortened(self.shortened().data)}
            if self.error is None
            else {"error": truncate(self.error.to_json())}
        )
        undone = {"undone": self.undone} if self.undone else {}
        response = {"response": self.response.to_stored()} if self.response is not None else {}
        return {**result, **undone, **response, "trace": self.render_trace(), **self.render_undos()}

    def to_stored(self) -> StoredRecord:
        return cast(StoredRecord, {**self.to_verdict(), **self.to_result()})


def _cut(text: str, max_bytes: int) -> str:
    """The first `max_bytes` bytes of a string in UTF-8, without half a character."""
    return text.encode("utf-8", "ignore")[:max_bytes].decode("utf-8", "ignore")
