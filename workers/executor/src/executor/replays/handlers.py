"""Handlers that replay and retry runs. Imported with the first of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from arcrun.engine.record import RunRecord
from arcrun.errors import ArcrunError, RecordError, RequestError
from arcrun_http.requests import read_object
from arcrun_http.responses import JsonResponse
from executor.records.earlier_runs import MAX_VERSION
from executor.replays.preparation import (
    CURRENT,
    KEPT,
    ORIGINAL,
    AskedReplay,
    PreparedReplay,
    build_retried_error,
    prepare_replay,
    prepare_retry,
)
from executor.run_handlers import answer_run, read_depth, read_timeout, wants, wants_async
from executor.service import ExecutorService, StartedRun


async def replay(service: ExecutorService, request: Request) -> Response:
    """Run a run again: {"from", "version", "input"}."""
    body = await read_object(request, allowed=("from", "version", "input"))
    start = body.get("from", "")
    if not isinstance(start, str):
        raise RequestError("`from` must be the name of a node.")
    asked = AskedReplay(
        request.path_params["run_id"],
        start,
        _read_version(body.get("version", ORIGINAL)),
        body.get("input", KEPT),
        read_timeout(request),
        read_depth(request),
    )
    return await _answer(request, _Beginning(service, await prepare_replay(service, asked)))


async def retry(service: ExecutorService, request: Request) -> Response:
    """Run what has failed of a run, and all behind it: {"force": whether also if that was done already}."""
    body = await read_object(request, allowed=("force",))
    is_forced = body.get("force", False)
    if not isinstance(is_forced, bool):
        raise RequestError("`force` must be true or false.")
    asked = AskedReplay(request.path_params["run_id"], limit_ms=read_timeout(request), depth=read_depth(request))
    prepared = await prepare_retry(service, asked, is_forced=is_forced)
    return await _answer(request, _RetryBeginning(service, prepared, is_forced))


def _read_version(version: Any) -> str | int:
    is_number = isinstance(version, int) and not isinstance(version, bool) and 1 <= version <= MAX_VERSION
    if is_number or version in (ORIGINAL, CURRENT):
        read: str | int = version
        return read
    raise RequestError(f'`version` must be "{ORIGINAL}", "{CURRENT}" or the number of a version.')


@dataclass
class _Beginning:
    """Begins a replay under a new id."""

    service: ExecutorService
    prepared: PreparedReplay

    async def run(self, run_id: str | None) -> RunRecord:
        run_id = run_id or self.service.runs.new_run_id()
        async with self.noting(run_id):
            return await self.service.run(self.prepared.stored, self.prepared.trigger, run_id)

    async def start(self) -> StartedRun:
        run_id, prepared = self.service.runs.new_run_id(), self.prepared
        prepared.trigger.gets_response = False
        async with self.noting(run_id):
            start = self.service.start
            return await start(prepared.stored, prepared.trigger, is_owner=True, run_id=run_id)

    @asynccontextmanager
    async def noting(self, _run_id: str) -> AsyncIterator[None]:
        """A context in which the run begins."""
        yield


@dataclass
class _RetryBeginning(_Beginning):
    """Begins a retry, which its origin names from then on: of several at once only one begins."""

    is_forced: bool

    @asynccontextmanager
    async def noting(self, run_id: str) -> AsyncIterator[None]:
        """Raises ConflictError RUN_RETRIED, NotFoundError RUN_NOT_FOUND, UpstreamError."""
        origin, runs = self.prepared.origin, self.service.runs
        counted = await runs.mark_retried(origin, run_id, is_forced=self.is_forced)
        if counted != run_id:
            raise build_retried_error(origin, counted)
        try:
            yield
        except ArcrunError as error:
            if not isinstance(error, RecordError):  # it has not begun
                await self._take_back(run_id)
            raise
        if self.service.lasting is not None:  # it is a dead letter no longer; its retry may become one
            await self.service.lasting.runs.settle_dead_letter(origin)

    async def _take_back(self, run_id: str) -> None:
        origin, earlier = self.prepared.origin, self.prepared.retried_by
        if earlier:
            await self.service.runs.mark_retried(origin, earlier, is_forced=True)
        else:
            await self.service.runs.unmark_retried(origin, run_id)


async def _answer(request: Request, beginning: _Beginning) -> Response:
    """`?dry_run=1` only tells what would be done."""
    prepared = beginning.prepared
    if wants(request, "dry_run"):
        return JsonResponse({"success": True, "data": prepared.to_json()})
    if not prepared.is_accepted and not wants_async(request):
        return await answer_run(beginning.service, request, beginning.run)
    started = await beginning.start()
    told = {"status": "queued" if started.is_queued else "running", "taken_over": prepared.list_taken_over()}
    return JsonResponse({"success": True, "run_id": started.run_id, "replay_of": prepared.origin, "data": told}, 202)
