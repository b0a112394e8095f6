"""What an instance starts a run with: stored sealed in the RunLog until the run has ended.

Format 3: {"format", "workflow", "version", "plan", "callees", "pure", "trigger", "input", "request", "limits",
"started_ms", "ticket", "links", "plans"}. `plan` is the SHA-256 of the version's plan, `callees` has [version, SHA-256]
of each workflow that it may call: a push in the middle of a run changes nothing for it. `pure` are the components whose
calls reach nothing outside. `request` is {"fields", "secrets"} of a request that templates may read, else null.
`limits` are those fields of a Trigger that are not its input. `links` is {"base_url", "key"} if people may be asked to
decide, with the key in hexadecimal, else null. `plans` has the plan of each of these workflows, for the case that it is
deleted meanwhile; it is empty of a queued run, which then does not begin. A replay has "replay" too: {"origin",
"nodes", "loops", "stopped"}, what it takes over (arcrun/replays/replay.py); "is_awaited" is true if somebody waits for
the answer; "is_followed" if others follow the run. Format 1 has none of these five. Format 3 is that of a replay that
takes over what its origin has kept: its "replay" has "gathered" and "secrets" too. All others are of format 2, which
the release before reads.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.durable.links import Links
from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import LimitedBy, TriggerKind
from arcrun.errors import ArcrunError, WorkflowError
from arcrun.json_text import parse_json, write_json
from arcrun.replays.replay import Replay
from executor.records.occasions import KeptRequest, keep_request

FORMAT, FORMAT_WITHOUT_KEPT, READABLE = 3, 2, (1, 2, 3)
Pin = tuple[int, str]  # a version, and the SHA-256 of its plan


@dataclass(frozen=True)
class RunStart:
    workflow: str
    pin: Pin
    callees: Mapping[str, Pin]
    pure: Collection[str]
    trigger: Trigger
    started_ms: float
    ticket: str = ""  # with which it leaves the count of its workflow's limits
    links: tuple[str, bytes] | None = None  # the base URL of links, and the key of their seals
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # as stored, by workflow
    is_followed: bool = False

    @property
    def pins(self) -> Mapping[str, Pin]:
        """Those of its workflow and of each that it may call."""
        return {**self.callees, self.workflow: self.pin}

    def open_links(self, run_id: str) -> Links | None:
        """The links with which people decide for the run."""
        return None if self.links is None else Links(run_id, *self.links)

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
            replay_of="" if self.trigger.replay is None else self.trigger.replay.origin,
        )

    @property
    def format(self) -> int:
        replay = self.trigger.replay
        return FORMAT if replay is not None and replay.has_kept_values else FORMAT_WITHOUT_KEPT

    def to_bytes(self) -> bytes:
        trigger, request, replay = self.trigger, self.trigger.request, self.trigger.replay
        return write_json(
            {
                "format": self.format,
                "workflow": self.workflow,
                "version": self.pin[0],
                "plan": self.pin[1],
                "callees": self.callees,
                "pure": [*self.pure],
                "trigger": trigger.kind.value,
                "input": trigger.input,
                "request": None if request is None else keep_request(request).to_json(),
                "limits": {
                    "timeout_ms": trigger.timeout_ms,
                    "limited_by": trigger.limited_by.value,
                    "depth": trigger.depth,
                    "undo_ms": trigger.undo_ms,
                },
                "started_ms": self.started_ms,
                "ticket": self.ticket,
                "links": self.links and {"base_url": self.links[0], "key": self.links[1].hex()},
                **({} if replay is None else {"replay": replay.to_json()}),
                "plans": self.plans,
                **({"is_awaited": True} if trigger.gets_response else {}),
                **({"is_followed": True} if self.is_followed else {}),
            }
        ).encode()


def load_start(content: bytes) -> RunStart:
    """Raises WorkflowError RUN_OUTDATED."""
    told: Mapping[str, Any] = parse_json(content.decode())
    if told["format"] not in READABLE:
        raise WorkflowError(
            "The run was accepted by another version of arcrun.",
            code="RUN_OUTDATED",
            next_actions=["Deploy that version again, or start the workflow anew."],
        )
    limits, request, links = told["limits"], told["request"], told.get("links")
    trigger = Trigger(
        TriggerKind(told["trigger"]),
        told["input"],
        limits["timeout_ms"],
        limits["depth"],
        is_checked=True,
        limited_by=LimitedBy(limits["limited_by"]),
        request=None if request is None else KeptRequest.load(request),
        undo_ms=limits["undo_ms"],
        gets_response=told.get("is_awaited", False),
        replay=Replay.load(told["replay"]) if "replay" in told else None,
    )
    return RunStart(
        told["workflow"],
        (told["version"], told["plan"]),
        {name: (version, digest) for name, (version, digest) in told["callees"].items()},
        told["pure"],
        trigger,
        told["started_ms"],
        told["ticket"],
        links and (links["base_url"], bytes.fromhex(links["key"])),
        told.get("plans", {}),
        told.get("is_followed", False),
    )
