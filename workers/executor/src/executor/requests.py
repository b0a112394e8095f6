"""Requests to the executor, read into what the service takes."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from arcrun.engine.budget import DEPTH_HEADER
from arcrun.engine.engine import Trigger
from arcrun.errors import RequestError, RunError
from arcrun.limits import MAX_RUN_DEPTH, MAX_RUN_TIMEOUT_MS
from arcrun_http.bodies import read_json, size_of_body
from arcrun_http.queries import parse_whole
from executor.workflows import Source


async def read_trigger(request: Request, kind: str) -> Trigger:
    """The body is the input; `?timeout_ms=N` is how long the client waits for the run."""
    return build_trigger(request, kind, await read_json(request))


def build_trigger(request: Request, kind: str, input_value: Any) -> Trigger:
    return Trigger(kind, input_value, read_timeout(request), read_depth(request), size_of_body(request))


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
