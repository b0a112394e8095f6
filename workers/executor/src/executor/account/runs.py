"""Handlers that list and show runs. Those that start and change them are in run_handlers.py."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from arcrun.engine.record import StoredRecord
from arcrun.errors import ArcrunError, NotFoundError, RequestError
from arcrun.limits import (
    MAX_PAGE,
    MAX_RECENT_RUNS,
    MAX_RECENT_RUNS_SHOWN,
    MAX_RECORD_WAIT_MS,
    MAX_SEARCH_CHARACTERS,
)
from arcrun.run_log.filter import STATUSES, RunFilter
from arcrun_http.requests import parse_whole, read_count, read_cursor
from arcrun_http.responses import JsonResponse, build_success
from executor.records.earlier_runs import MAX_VERSION
from executor.run_handlers import read_wait, wants
from executor.service import ExecutorService

RECORD_PAUSE_MS = 60  # until a record that is not stored yet is looked for again: then twice as long, and so on


async def list_runs(service: ExecutorService, request: Request) -> JsonResponse:
    limit = read_count(request, "limit", 50)
    if not 1 <= limit <= MAX_PAGE:
        raise RequestError(f"`limit` must be from 1 to {MAX_PAGE}.")
    unwritten = service.runs.unwritten
    try:
        runs, cursor = await service.runs.list(read_filter(request), limit, read_cursor(request))
    except ArcrunError as error:
        if unwritten.count:  # both may have the same cause
            error.details["unwritten"] = unwritten.to_json()
        raise
    missing = {"unwritten": unwritten.to_json()} if unwritten.count else {}
    listed = [name_run_id(verdict) for verdict in runs]
    return JsonResponse({"success": True, "data": {"runs": listed, "cursor": cursor, **missing}})


async def list_recent(service: ExecutorService, request: Request) -> JsonResponse:
    """The newest runs of each workflow that is among the newest of all: what a list of workflows shows of them. With
    `since` only those that began then or later, for who has shown the others: each is a row to read.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    asked = RunFilter(since_ms=_read_moment(request.query_params.get("since"), "since"))
    verdicts, _ = await service.runs.list(asked, MAX_RECENT_RUNS, None)
    for verdict in verdicts:
        runs = found.setdefault(verdict["workflow"], []) if verdict["version"] else []
        if len(runs) < MAX_RECENT_RUNS_SHOWN:
            runs.append(name_run_id(verdict))
    return build_success({"workflows": found})


async def show_run(service: ExecutorService, request: Request) -> JsonResponse:
    """Its record. That of a run whose answer has just been given is stored a moment later: `wait_ms` waits for it."""
    record = await _find_record(service, request.path_params["run_id"], read_wait(request, MAX_RECORD_WAIT_MS))
    return JsonResponse({"success": True, "data": name_run_id(record)})


async def _find_record(service: ExecutorService, run_id: str, wait_ms: float) -> StoredRecord:
    """Raises NotFoundError RUN_NOT_FOUND."""
    pause_ms: float = RECORD_PAUSE_MS
    while pause_ms <= wait_ms:
        with suppress(NotFoundError):
            return await service.runs.find(run_id)
        await service.engine.ports.clock.sleep(pause_ms)
        wait_ms, pause_ms = wait_ms - pause_ms, pause_ms * 2
    return await service.runs.find(run_id)


async def follow(service: ExecutorService, request: Request) -> Response:
    from executor.durable.following import answer_follower  # noqa: PLC0415 - as above

    return await answer_follower(service, request)


def name_run_id(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored verdict or record as answers have it: its `id` is `run_id`, as everywhere else."""
    return {"run_id" if key == "id" else key: value for key, value in stored.items()}


async def show_input(service: ExecutorService, request: Request) -> JsonResponse:
    """What a run was started with, without the stored secrets."""
    found = await service.find_input(request.path_params["run_id"])
    return JsonResponse({"success": True, "data": {"input": found}})


async def show_attachment(service: ExecutorService, request: Request) -> Response:
    from executor.mail.attachments import show_attachment  # noqa: PLC0415 - requests that run something need none of it

    return await show_attachment(service, request)


async def count_unsettled(service: ExecutorService, _request: Request) -> Response:
    """{"dead", "queued", "failed"}: how many dead letters and queued runs each workflow has that has any, and its last
    run that has failed or is lost.
    """
    lasting = service.lasting
    counts = {"dead": {}, "queued": {}, "failed": {}} if lasting is None else await lasting.runs.count_unsettled()
    return JsonResponse({"success": True, "data": counts})


async def renew_keys(service: ExecutorService, _request: Request) -> JsonResponse:
    """Wrap the data keys of runs' inputs under the current encryption key, after it was changed."""
    renewed = await service.runs.renew_keys()
    return JsonResponse({"success": True, "data": asdict(renewed) if renewed else None})


def read_filter(request: Request) -> RunFilter:
    """`?workflow=&status=&version=&trigger=&since=&until=&q=&dead=`. Raises RequestError."""
    query = request.query_params
    status, text = query.get("status"), query.get("q") or None
    if status is not None and status not in STATUSES:
        raise RequestError(f"`status` must be one of {', '.join(STATUSES)}.")
    if text is not None and len(text) > MAX_SEARCH_CHARACTERS:
        raise RequestError(f"`q` may have at most {MAX_SEARCH_CHARACTERS} characters.")
    version = parse_whole(query["version"]) if "version" in query else None
    if "version" in query and (version is None or version > MAX_VERSION):
        raise RequestError("`version` must be an integer; 0 stands for a workflow that is not stored.")
    return RunFilter(
        workflow=query.get("workflow"),
        status=status,
        version=version,
        trigger=query.get("trigger"),
        since_ms=_read_moment(query.get("since"), "since"),
        until_ms=_read_moment(query.get("until"), "until"),
        text=text,
        is_dead=wants(request, "dead") or None,
    )


def _read_moment(text: str | None, name: str) -> float | None:
    """An ISO 8601 time, by default in UTC, as milliseconds since 1970; a date means its beginning."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise RequestError(
            f"`{name}` must be an ISO 8601 time.", next_actions=[f"{name}=2026-11-26 or {name}=2026-11-26T10:00:00Z"]
        ) from None
