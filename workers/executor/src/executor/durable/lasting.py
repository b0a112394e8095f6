"""What accepted runs that outlive their isolate need: the platform's instances, and where they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from arcrun.ports import BlobStore, RunInstances
from arcrun.run_log.decisions import Question
from executor.records.runs import EndedRun

if TYPE_CHECKING:
    from arcrun.durable.once import Decision


class LastingRuns(Protocol):
    async def drop_accepted(self, run_id: str) -> None:
        """Delete a run that was accepted and has not ended. Raises UpstreamError."""

    async def end_accepted(self, run: EndedRun) -> None:
        """Like `add_accepted`. Raises UpstreamError."""

    async def leave(self, ticket: str) -> None:
        """A run that was admitted has ended."""

    async def find_start(self, run_id: str) -> tuple[bytes, bool] | None:
        """The `start` of an accepted run that has not ended, and whether it is to be cancelled. Raises UpstreamError,
        DecryptionError, NotConfiguredError.
        """

    async def ask_to_cancel(self, run_id: str) -> bool:
        """Note that a run is to end. False if it has ended, or was not accepted. Raises UpstreamError."""

    async def is_to_cancel(self, run_id: str) -> bool:
        """Raises UpstreamError."""

    async def list_unfinished(self, limit: int, cursor: str | None) -> tuple[Sequence[str], str | None]:
        """Runs with a `start` that have not ended, and the cursor of the next page. Raises UpstreamError."""

    async def ask_decision(self, run_id: str, call: str, node: str) -> "Decision | None":
        """The decision about a call of a run that has not ended. Raises UpstreamError, DecryptionError,
        NotConfiguredError.
        """

    async def decide(self, run_id: str, node: str, decision: "Decision") -> bool:
        """Decide about what nobody has decided of a node. False if there is nothing. Raises UpstreamError,
        NotConfiguredError.
        """

    async def list_questions(self, run_id: str) -> Sequence[Question]:
        """Raises UpstreamError."""

    async def keep_answer(self, run_id: str, answer: bytes) -> str:
        """Seal the answer of an accepted run. A large one lies in the bucket for a while, and this is "". Raises
        NotConfiguredError, UpstreamError.
        """

    async def open_kept_answer(self, run_id: str, kept: str) -> bytes | None:
        """The answer; None if it is no longer there. Raises DecryptionError, NotConfiguredError, UpstreamError."""

    async def seal_part(self, purpose: str, content: bytes) -> bytes:
        """Seal a part of a run under the platform's data key. Raises NotConfiguredError."""

    async def open_part(self, purpose: str, sealed: bytes) -> bytes:
        """Raises DecryptionError, NotConfiguredError."""


@dataclass(frozen=True)
class Lasting:
    instances: RunInstances
    runs: LastingRuns
    blobs: BlobStore
