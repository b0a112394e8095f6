"""What accepted runs that outlive their isolate need: the platform's instances, and where they are stored."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from arcrun.ports import BlobStore, RunInstances
from arcrun.run_events import RunEventsObject
from arcrun.run_log.cut_off_calls import CutOffCall
from arcrun.run_log.limited_runs import Admission, QueueingLimit
from arcrun.run_log.protocol import AcceptedBatch, Unsettled
from executor.records.runs import AcceptedRun, EndedRun

if TYPE_CHECKING:
    from arcrun.blobs.vault import BlobVault
    from arcrun.durable.once import Decision
    from executor.hosted.hidden_names import HiddenNames
    from executor.hosted.reports import Reports

TENANT = "tenant"  # the parameter of an instance that says whose it is; an account's own have none


class LastingRuns(Protocol):
    def open_blobs(self, most_bytes: int) -> "BlobVault":
        """The blobs of the runs, of which each object of the RunLog has `most_bytes` at most."""

    async def accept_new(self, runs: Sequence[AcceptedRun]) -> AcceptedBatch:
        """Store accepted runs, except those that are stored already, and as many as there is room for. Raises
        UpstreamError.
        """

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Those of the runs that are stored, have not ended and are not lost. Raises UpstreamError."""

    async def drop_accepted(self, run_id: str) -> None:
        """Delete a run that was accepted and has not ended. Raises UpstreamError."""

    async def end_accepted(self, run: EndedRun) -> None:
        """Like `add_accepted`. Raises UpstreamError."""

    async def leave(self, ticket: str) -> None:
        """A run that was admitted has ended."""

    async def admit_or_queue(
        self, workflow_id: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float
    ) -> Admission:
        """Admit a run within its workflow's limits, or queue it; `workflow_id` is as in Runs.admit. Raises
        UpstreamError.
        """

    async def find_start(self, run_id: str) -> tuple[bytes, bool] | None:
        """The `start` of an accepted run that has not ended, and whether it is to be cancelled. Raises UpstreamError,
        DecryptionError, NotConfiguredError.
        """

    async def ask_to_cancel(self, run_id: str) -> bool:
        """Note that a run is to end. False if it has ended, or was not accepted. Raises UpstreamError."""

    async def is_to_cancel(self, run_id: str) -> bool:
        """Raises UpstreamError."""

    async def note_trace(self, run_id: str, trace: str) -> None:
        """Show a trace, as JSON, in the record of a run that has not ended. Raises UpstreamError."""

    async def list_unfinished(self, limit: int, cursor: str | None) -> tuple[Sequence[str], str | None]:
        """Runs with a `start` that have not ended, and the cursor of the next page. Raises UpstreamError."""

    async def settle_dead_letter(self, run_id: str) -> bool:
        """Note that a run that has failed was dealt with: it is kept like any other from now on. False if it is no dead
        letter. Raises UpstreamError.
        """

    async def has_queue_room(self, run_id: str) -> bool:
        """Whether the run can be stored as queued. Raises UpstreamError."""

    async def leave_queue(self, run_id: str) -> None:
        """Note that a queued run has an instance. Raises UpstreamError."""

    async def release_queue(self, workflow: str | None, kept: Sequence[str] = ()) -> int:
        """Let queued runs of the workflow begin, by and by; None for those of all workflows but `kept`. Returns how
        many. Raises UpstreamError.
        """

    async def count_unsettled(self) -> Unsettled:
        """The dead letters and queued runs of each workflow that has any. Raises UpstreamError."""

    def open_events(self, run_id: str) -> RunEventsObject:
        """The events of an accepted run."""

    async def ask_about_call(self, run_id: str, call: str, node: str) -> "Decision | None":
        """The decision about a call of a run that has not ended. Raises UpstreamError, DecryptionError,
        NotConfiguredError.
        """

    async def decide_call(self, run_id: str, node: str, decision: "Decision") -> bool:
        """Decide about what nobody has decided of a node. False if there is nothing. Raises UpstreamError,
        NotConfiguredError.
        """

    async def list_cut_off(self, run_id: str) -> Sequence[CutOffCall]:
        """Raises UpstreamError."""

    async def keep_answer(self, run_id: str, answer: bytes) -> str:
        """Seal the answer of an accepted run. A large one lies in the bucket for a while, and this is "". Raises
        NotConfiguredError, UpstreamError.
        """

    async def open_kept_answer(self, run_id: str, kept: str) -> bytes | None:
        """The answer; None if it is no longer there. Raises DecryptionError, NotConfiguredError, UpstreamError."""

    async def open_passed_on(self, run_id: str, answer: str) -> bytes | None:
        """What a run hands on to those that follow it, from what was told of it (arcrun/workspace/chains.py); None if
        it is no longer there. Raises DecryptionError, NotConfiguredError, UpstreamError.
        """

    async def note_early_answer(self, run_id: str, answer: bytes) -> None:
        """Keep what an accepted run answers before its end, until then. What it has answered first is kept. Raises
        NotConfiguredError, UpstreamError.
        """

    async def find_early_answer(self, run_id: str) -> bytes | None:
        """It; None if there is none yet, or the run has ended. Raises DecryptionError, NotConfiguredError,
        UpstreamError.
        """

    async def open_attachment(self, run_id: str, number: int) -> bytes | None:
        """An attachment that lies in the bucket, from 1 to MAX_STORED_ATTACHMENTS; None if it is not there. Raises
        DecryptionError, NotConfiguredError, UpstreamError.
        """

    async def keep_values(self, run_id: str, values: bytes) -> int:
        """Store the values of a run before its end, for its retries; returns their size in the bucket. Raises
        NotConfiguredError, UpstreamError.
        """

    async def find_values(self, run_id: str) -> bytes | None:
        """The values of a run that has ended, None if they are not kept. Raises DecryptionError, NotConfiguredError,
        UpstreamError.
        """

    async def seal_part(self, purpose: str, content: bytes) -> bytes:
        """Seal a part of a run under the platform's data key. Raises NotConfiguredError."""

    async def open_part(self, purpose: str, sealed: bytes) -> bytes:
        """Raises DecryptionError, NotConfiguredError."""


@dataclass(frozen=True)
class Lasting:
    """`public_url` is the executor's, for links that people get. In the hosted mode `make_account` makes that part of
    them which tells whose they are, `names` hides those of steps, and `reports` is what the RunLog tells the Workspace.
    """

    instances: RunInstances
    runs: LastingRuns
    blobs: BlobStore
    public_url: str = ""
    make_account: Callable[[], Awaitable[str]] | None = None
    names: "HiddenNames | None" = None
    reports: "Reports | None" = None

    async def find_base_url(self) -> str:
        """What links begin with."""
        if self.make_account is None:
            return self.public_url
        return f"{self.public_url}/accounts/{await self.make_account()}"
