"""What an instance starts a run with: stored sealed in the RunLog until the run has ended.

Format 1: {"format", "workflow", "version", "plan", "callees", "pure", "trigger", "input", "request", "limits",
"started_ms", "ticket", "is_awaited"}. `plan` is the SHA-256 of the version's plan, `callees` has [version, SHA-256] of
each workflow that it may call: a push in the middle of a run changes nothing for it. `pure` are the components whose
calls reach nothing outside. `request` is {"fields", "secrets"} of a request that templates may read, else null.
`limits` are those fields of a Trigger that are not its input. `is_awaited` is whether a client waits for its answer,
false where it is left out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.request import RequestSource
from arcrun.engine.trigger import LimitedBy, TriggerKind
from arcrun.errors import ArcrunError, WorkflowError
from arcrun.json_text import parse_json, write_json
from arcrun.templates.request import REQUEST_FIELDS

FORMAT = 1
Pin = tuple[int, str]  # a version, and the SHA-256 of its plan


@dataclass(frozen=True)
class KeptRequest:
    """A RequestSource that was described when the run was accepted."""

    fields: Mapping[str, Any]
    secrets: Mapping[str, str]

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return self.fields

    def list_secrets(self) -> Mapping[str, str]:
        return self.secrets


@dataclass(frozen=True)
class RunStart:
    workflow: str
    pin: Pin
    callees: Mapping[str, Pin]
    pure: Collection[str]
    trigger: Trigger
    started_ms: float
    ticket: str = ""  # with which it leaves the count of its workflow's limits

    def build_failed(self, run_id: str, error: ArcrunError) -> RunRecord:
        """The record of a run that cannot begin, or not go on."""
        return RunRecord(
            run_id=run_id,
            workflow=self.workflow,
            version=self.pin[0],
            trigger=self.trigger.kind,
            started_ms=self.started_ms,
            duration_ms=0,
            data=None,
            error=error,
            trace=(),
        )

    def to_bytes(self) -> bytes:
        trigger, request = self.trigger, self.trigger.request
        kept = None if request is None else keep_request(request)
        return write_json(
            {
                "format": FORMAT,
                "workflow": self.workflow,
                "version": self.pin[0],
                "plan": self.pin[1],
                "callees": self.callees,
                "pure": [*self.pure],
                "trigger": trigger.kind.value,
                "input": trigger.input,
                "request": kept and {"fields": kept.fields, "secrets": kept.secrets},
                "limits": {
                    "timeout_ms": trigger.timeout_ms,
                    "limited_by": trigger.limited_by.value,
                    "depth": trigger.depth,
                    "undo_ms": trigger.undo_ms,
                },
                "started_ms": self.started_ms,
                "ticket": self.ticket,
                **({"is_awaited": True} if trigger.gets_response else {}),
            }
        ).encode()


def keep_request(request: RequestSource) -> KeptRequest:
    fields = {name: value for name, value in request.describe(REQUEST_FIELDS).items() if name in REQUEST_FIELDS}
    return KeptRequest(fields, request.list_secrets())


def load_start(content: bytes) -> RunStart:
    """Raises WorkflowError RUN_OUTDATED."""
    told: Mapping[str, Any] = parse_json(content.decode())
    if told["format"] != FORMAT:
        raise WorkflowError(
            "The run was accepted by another version of arcrun.",
            code="RUN_OUTDATED",
            next_actions=["Deploy that version again, or start the workflow anew."],
        )
    limits, request = told["limits"], told["request"]
    trigger = Trigger(
        TriggerKind(told["trigger"]),
        told["input"],
        limits["timeout_ms"],
        limits["depth"],
        is_checked=True,
        limited_by=LimitedBy(limits["limited_by"]),
        request=None if request is None else KeptRequest(request["fields"], request["secrets"]),
        undo_ms=limits["undo_ms"],
        gets_response=told.get("is_awaited", False),
    )
    return RunStart(
        told["workflow"],
        (told["version"], told["plan"]),
        {name: (version, digest) for name, (version, digest) in told["callees"].items()},
        told["pure"],
        trigger,
        told["started_ms"],
        told["ticket"],
    )
