"""Requests to the executor, read into what the service takes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from arcrun.engine.budget import DEPTH_HEADER
from arcrun.engine.engine import Trigger
from arcrun.errors import RequestError, RunError, build_cursor_error
from arcrun.limits import MAX_CURSOR_CHARACTERS, MAX_RUN_DEPTH, MAX_RUN_TIMEOUT_MS, MAX_SEARCH_CHARACTERS
from arcrun.run_log.filter import STATUSES, RunFilter
from arcrun_http.requests import body_of, parse_whole, read_json
from executor.earlier_runs import MAX_VERSION
from executor.workflows import Source


async def read_trigger(request: Request, kind: str) -> Trigger:
    """The body is the input; `?timeout_ms=N` is how long the client waits for the run."""
    value = await read_json(request)
    body = body_of(request)
    return Trigger(kind, value, read_timeout(request), read_depth(request), len(body), body)


def build_trigger(request: Request, kind: str, input_value: Any) -> Trigger:
    """Where the input is a part of the body."""
    return Trigger(kind, input_value, read_timeout(request), read_depth(request), len(body_of(request)))


def read_depth(request: Request) -> int:
    """How many runs stand behind the request: of several headers, which proxies join by commas, the greatest number
    counts. Raises RunError RUN_TOO_DEEP.
    """
    listed = ",".join(request.headers.getlist(DEPTH_HEADER)).split(",")
    depth = max(parse_whole(text.strip()) or 0 for text in listed)
    if depth > MAX_RUN_DEPTH:
        raise RunError(
            f"Runs start each other by their HTTP requests more than {MAX_RUN_DEPTH} deep.",
            code="RUN_TOO_DEEP",
            next_actions=["Look for a workflow that calls its own webhook, by itself or by way of others."],
        )
    return depth


def read_timeout(request: Request) -> float | None:
    """Raises RequestError."""
    text = _query(request).get("timeout_ms")
    if text is None:
        return None
    timeout_ms = parse_whole(text)
    if timeout_ms is None or not 1 <= timeout_ms <= MAX_RUN_TIMEOUT_MS:
        raise RequestError(f"`timeout_ms` must be a whole number from 1 to {MAX_RUN_TIMEOUT_MS}.")
    return timeout_ms


def wants_async(request: Request) -> bool:
    return _query(request).get("async", "0") not in ("", "0", "false")


def wants_trace(request: Request) -> bool:
    """`?trace=1`. Only whoever shows the API key gets one."""
    return _query(request).get("trace", "0") not in ("", "0", "false")


def _query(request: Request) -> Mapping[str, str]:
    """Most requests have none, which need not be parsed."""
    return request.query_params if request.scope["query_string"] else {}


def read_cursor(request: Request) -> str | None:
    """`?cursor=`, None for the first page. Raises RequestError INVALID_CURSOR."""
    cursor = request.query_params.get("cursor") or None
    if cursor is not None and len(cursor) > MAX_CURSOR_CHARACTERS:
        raise build_cursor_error()
    return cursor


def read_filter(request: Request) -> RunFilter:
    """`?workflow=&status=&version=&trigger=&since=&until=&q=`. Raises RequestError."""
    query = request.query_params
    status, text = query.get("status"), query.get("q") or None
    if status is not None and status not in STATUSES:
        raise RequestError(f"`status` must be one of {', '.join(STATUSES)}.")
    if text is not None and len(text) > MAX_SEARCH_CHARACTERS:
        raise RequestError(f"`q` may have {MAX_SEARCH_CHARACTERS} characters.")
    version = parse_whole(query["version"]) if "version" in query else None
    if "version" in query and (version is None or version > MAX_VERSION):
        raise RequestError("`version` must be a whole number; 0 is that of a workflow that is not stored.")
    return RunFilter(
        workflow=query.get("workflow"),
        status=status,
        version=version,
        trigger=query.get("trigger"),
        since_ms=_read_moment(query.get("since"), "since"),
        until_ms=_read_moment(query.get("until"), "until"),
        text=text,
    )


def _read_moment(text: str | None, name: str) -> float | None:
    """A time of ISO 8601, in UTC where it names no other; a date is its beginning. In milliseconds since 1970."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise RequestError(
            f"`{name}` must be a time of ISO 8601.", next_actions=[f"{name}=2026-11-26 or {name}=2026-11-26T10:00:00Z"]
        ) from None


def read_source(body: Mapping[str, Any]) -> Source:
    """The `workflow` of a body. Raises RequestError."""
    source = body.get("workflow")
    if not isinstance(source, str | dict):
        raise RequestError("`workflow` must be YAML text or an object.")
    return source


def read_version(body: Mapping[str, Any]) -> int:
    version = body.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RequestError("`version` must be a whole number from 1.")
    return version
