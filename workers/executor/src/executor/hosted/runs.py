"""A tenant's runs: quick ones in its KV, accepted ones in the RunLog's object of the tenant, sealed.

A quick run costs nothing of the operator's. What lasts needs instances, transactions and alarms, which only the
operator has. Lists are merged from both, newest first.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any

from arcrun.admissions import Admitted, Counted
from arcrun.engine.record import StoredRecord, Verdict
from arcrun.engine.run_id import is_run_id
from arcrun.errors import ConflictError, NotFoundError, RateLimitedError, UpstreamError
from arcrun.limits import MAX_SCANNED_PAGES
from arcrun.request_keys import Claimed, Settlement
from arcrun.run_log.filter import RunFilter
from arcrun.run_log.limited_runs import Admission, QueueingLimit
from arcrun.run_log.objects import RunLogObjects
from arcrun.run_log.protocol import Acceptance, AcceptedBatch, Measured
from executor.heads import build_removed_error
from executor.hosted.merged_list import ENDED, Part, Place, merge
from executor.records.logged_runs import LoggedRuns
from executor.records.run_inputs import answer_of
from executor.records.runs import AcceptedRun, EndedRun, KeyedRequest, RunPage, build_unknown_run_error
from executor.records.tenant_runs import TenantRuns

RETRY_AFTER_S = 60


class NoEarlierRuns:
    """What LoggedRuns finds where the object has nothing: HostedRuns looks into KV."""

    async def find(self, run_id: str) -> StoredRecord:
        raise build_unknown_run_error(run_id)

    async def list(self, _asked: RunFilter, _limit: int, _cursor: str | None) -> RunPage:
        return [], None


class HostedRuns(LoggedRuns):
    """Implements Runs, and LastingRuns. `quick` has the runs in KV, and what lies in the Workspace; `objects` is the
    tenant's object alone; `most_unfinished` is how many accepted runs may not have ended.
    """

    def __init__(
        self, quick: TenantRuns, objects: RunLogObjects, *parts: Any, most_unfinished: int, **ports: Any
    ) -> None:
        super().__init__(objects, *parts, earlier=NoEarlierRuns(), export_interval_ms=float("inf"), **ports)
        self._quick, self._most_unfinished = quick, most_unfinished
        self.unwritten = self._gathering.unwritten = quick.unwritten

    @property
    def watch(self) -> None:  # type: ignore[override]
        """Quick runs are not asked to end: each look for that would be the operator's."""

    def new_run_id(self) -> str:
        return self._quick.new_run_id()

    def add(self, run: EndedRun) -> None:
        if _starts_others(run):
            super().add(run)
        else:
            self._quick.add(run)

    async def add_now(self, run: EndedRun) -> None:
        await (super().add_now(run) if _starts_others(run) else self._quick.add_now(run))

    async def accept(self, run: AcceptedRun) -> None:
        """Raises RateLimitedError TOO_MANY_UNFINISHED_RUNS and ConflictError ACCOUNT_REMOVED too."""
        row = await self._render_accepted(run)
        await self._accept(lambda: self._objects.of_run(run.run_id).accept(row, self._most_unfinished))

    async def _accept(self, store: Callable[[], Awaitable[Acceptance]]) -> None:
        """Raises what `accept` does."""
        accepted: Acceptance = "full"

        async def try_to_store() -> None:
            nonlocal accepted
            accepted = await store()

        await self._try_twice(try_to_store)
        if accepted == "closed":
            raise build_removed_error()
        if accepted == "taken":
            raise UpstreamError("Another delivery of the message is being taken.")
        if accepted == "full":
            raise RateLimitedError(
                RETRY_AFTER_S,
                f"The account's accepted runs that have not ended are {self._most_unfinished}, or take too much room.",
                "TOO_MANY_UNFINISHED_RUNS",
            )

    async def accept_new(self, runs: Sequence[AcceptedRun]) -> AcceptedBatch:
        rows = [await self._render_accepted(run) for run in runs]
        return await self._objects.accept_new(rows, self._most_unfinished)

    @cached_property
    def messages(self) -> "MessageRuns":  # type: ignore[override]
        return MessageRuns(self)

    async def admit(self, workflow_id: str, counted: Sequence[Counted], lease_ms: float) -> tuple[str, Admitted]:
        return await self._quick.admit(workflow_id, counted, lease_ms)

    async def admit_or_queue(
        self, _workflow_id: str, _run_id: str, _limits: Sequence[QueueingLimit], _lease_ms: float
    ) -> Admission:
        """Raises ConflictError: the object that lets in cannot read what it would have to end or begin."""
        raise ConflictError(
            "On a hosted platform, limits do not queue.",
            code="QUEUE_NOT_AVAILABLE",
            next_actions=["Leave `on_limit` out of the workflow's `limits`: a run beyond them is answered with 429."],
        )

    async def leave(self, ticket: str) -> None:
        await self._quick.leave(ticket)

    async def claim(self, request: KeyedRequest) -> Claimed:
        return await self._quick.claim(request)

    async def release(self, key: str, run_id: str) -> None:
        await self._quick.release(key, run_id)

    async def settle(self, key: str, run: EndedRun, answer: bytes | None) -> None:
        await self._quick.settle(key, run, answer, self)

    async def accept_keyed(self, key: str, run: AcceptedRun, answer: bytes) -> None:
        await self.accept(run)
        await self._quick.settle_accepted(key, run.run_id, answer)

    async def accept_message(self, key: str, run: AcceptedRun, answer: bytes) -> None:
        """Accept a run together with its key, which lies beside it. Raises what `accept` does."""
        row = await self._render_accepted(run)
        sealed = base64.b64encode(await self.seal_part(answer_of(run.run_id), answer)).decode()
        settlement: Settlement = {"key": key, "run_id": run.run_id, "status": "accepted", "answer": sealed}
        log = self._objects.of_run(run.run_id)
        try:
            await self._accept(lambda: log.accept_keyed(settlement, row, self._most_unfinished))
        finally:
            self._claims.forget(key)

    async def open_answer(self, claimed: Claimed) -> bytes | None:
        return await self._quick.open_answer(claimed)

    async def ask_to_end(self, run_id: str) -> bool:
        return await self._quick.ask_to_end(run_id)

    async def find(self, run_id: str) -> StoredRecord:
        try:
            return await super().find(run_id)
        except NotFoundError:
            return await self._quick.find(run_id)

    async def open_attachment(self, run_id: str, number: int) -> bytes | None:
        """Of the tenant's own runs: the bucket has those of all."""
        found = await self._objects.find(run_id) if is_run_id(run_id) else None
        return None if found is None else await super().open_attachment(run_id, number)

    async def list(self, asked: RunFilter, limit: int, cursor: str | None) -> RunPage:
        at = Place.read(cursor)
        quick = ENDED if at.quick is None or asked.is_dead else await self._list_quick(asked, limit, at)
        logged = ENDED if at.logged is None else await self._list_logged(asked, limit, at.logged)
        page, following = merge(at, quick, logged, limit)
        return page, following.render()

    async def _list_quick(self, asked: RunFilter, limit: int, at: Place) -> Part:
        runs, following = await self._quick.list(asked, limit, at.quick or None)
        return Part([run for run in runs if not at.below or run["id"] < at.below], following)

    async def _list_logged(self, asked: RunFilter, limit: int, before: str) -> Part:
        """The object cannot search sealed names for a text, so all runs are looked at here."""
        searched, found = RunFilter(text=asked.text), list[Verdict]()
        for _ in range(MAX_SCANNED_PAGES):
            runs, before = await self._objects.list_runs(asked, before, limit)
            found += filter(searched.matches, self._judge(runs))
            if not before or len(found) >= limit:
                break
        return Part(found, before or None)

    async def renew_keys(self) -> None:  # type: ignore[override]
        """A tenant's data keys are wrapped under the key of its registration alone."""

    async def measure(self) -> Sequence[Measured]:
        return await self._quick.measure()


class MessageRuns:
    """Implements KeyedRuns for messages: their keys lie beside their runs, so that a message is taken in one
    transaction.
    """

    def __init__(self, runs: HostedRuns) -> None:
        self._runs = runs

    async def claim(self, request: KeyedRequest) -> Claimed:
        return await LoggedRuns.claim(self._runs, request)

    async def release(self, key: str, run_id: str) -> None:
        await LoggedRuns.release(self._runs, key, run_id)

    async def accept_keyed(self, key: str, run: AcceptedRun, answer: bytes) -> None:
        """Raises what `HostedRuns.accept` does."""
        await self._runs.accept_message(key, run, answer)


def _starts_others(run: EndedRun) -> bool:
    """Whether the Workspace is to be told of a quick run: then its record lies in the RunLog."""
    return run.answer is not None or (run.is_watched and run.record.error is not None)
