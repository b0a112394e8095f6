"""What is kept of runs: an account's own in a RunLog (logged_runs.py), a tenant's in its KV (tenant_runs.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.engine.record import RunRecord, StoredRecord, Verdict
from arcrun.errors import NotFoundError, RequestError
from arcrun.limits import MAX_PAGE
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.protocol import Measured
from arcrun.times import render_time
from arcrun.workflows.keeping import Keeping
from executor.unwritten import UnwrittenRecords

Verdicts = list[Verdict]
RunPage = tuple[Verdicts, str | None]


@dataclass(frozen=True)
class AcceptedRun:
    """A run that is accepted and not yet begun. `limit_ms` is how long it may take, `shown` what may be shown of its
    input; `input` is that itself, as JSON.
    """

    run_id: str
    workflow: str
    version: int
    trigger: str
    limit_ms: float
    shown: Any
    input: bytes
    keeping: Keeping

    def to_verdict(self, now_ms: float) -> Verdict:
        """Of a run that begins now."""
        return {
            "id": self.run_id,
            "workflow": self.workflow,
            "version": self.version,
            "trigger": self.trigger,
            "status": "running",
            "started_at": render_time(now_ms),
            "deadline_ms": now_ms + self.limit_ms,
        }


@dataclass(frozen=True)
class EndedRun:
    """`input` is what it was started with, as JSON: no secret is taken out of it."""

    record: RunRecord
    keeping: Keeping
    input: bytes

    @property
    def bytes(self) -> int:
        """About what it takes where it is kept."""
        return self.record.bytes + len(self.input)

    @property
    def is_kept(self) -> bool:
        return self.keeping.keeps(is_success=self.record.error is None)


@dataclass(frozen=True)
class RenewedKeys:
    """`data_keys` is how many there are, `lost` how many of them no key of this executor opens. `key` is the
    fingerprint of the encryption key that the others are wrapped under now.
    """

    data_keys: int
    lost: int
    key: str


class Runs(Protocol):
    unwritten: UnwrittenRecords

    def new_run_id(self) -> str: ...

    def add(self, run: EndedRun) -> None:
        """Keep it after the answer, which this never delays. What cannot be kept is counted in `unwritten`."""

    async def add_now(self, run: EndedRun) -> None:
        """Keep it before the answer. Raises RecordError."""

    async def accept(self, run: AcceptedRun) -> None:
        """List a run as running before it begins, and keep what is shown of its input. Raises UpstreamError: then it
        must not begin.
        """

    async def add_accepted(self, run: EndedRun) -> None:
        """In the place of what `accept` has kept."""

    async def find(self, run_id: str) -> StoredRecord:
        """The stored record; of an accepted run without one its verdict, "running" or "lost", and `input`.

        Raises NotFoundError RUN_NOT_FOUND.
        """

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        """Verdicts, the newest first, and the cursor of the next page. A page may hold fewer than `limit`, or none,
        where many runs had to be looked through. Raises RequestError.
        """

    async def renew_keys(self) -> RenewedKeys | None:
        """Wrap the data keys of inputs under the platform's encryption key of now. None where no inputs are kept.
        Raises NotConfiguredError.
        """

    async def measure(self) -> Sequence[Measured]:
        """What the objects of the RunLog have taken of the platform; nothing where runs are in a tenant's KV."""


def check_page(limit: int) -> None:
    """Raises RequestError."""
    if not 1 <= limit <= MAX_PAGE:
        raise RequestError(f"`limit` must be from 1 to {MAX_PAGE}.")


def build_unknown_run_error(run_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no run `{run_id[:40]}`.",
        code="RUN_NOT_FOUND",
        next_actions=["See the runs: acr logs. Records are kept for 7 days, or as long as the workflow says."],
    )
