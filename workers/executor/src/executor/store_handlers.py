"""Handlers of the stores: those of workflows, and shared ones. A store is named by its kind and its name, an entry by
its key, which is any text and stands in the query.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from arcrun.errors import NotFoundError, RequestError
from arcrun.limits import MAX_STORE_PAGE, MAX_STORE_VALUES
from arcrun.store.protocol import WORKFLOW, StoreInfo, read_scope, scope_of_shared, scope_of_workflow
from arcrun_http.callers import actor_of
from arcrun_http.requests import read_count, read_cursor, read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService

SCOPES = {"workflow": scope_of_workflow, "shared": scope_of_shared}


async def list_stores(service: ExecutorService, request: Request) -> JsonResponse:
    stores, cursor = await service.open_stores().list_stores(read_cursor(request) or "", _read_limit(request))
    return build_success({"stores": [_render(each) for each in stores], "cursor": cursor or None})


async def purge_all(service: ExecutorService, request: Request) -> JsonResponse:
    """Empty all stores, also where no key opens them any more. It must be said in words: `?all=1`."""
    if request.query_params.get("all") != "1":
        raise RequestError("This empties all stores: say so by `all=1`.")
    stores = service.open_stores()
    await service.audit.note("store.purge", "all stores", actor_of(request))
    await stores.close()
    await stores.open_anew()
    return build_success({"deleted": True})


async def list_entries(service: ExecutorService, request: Request) -> JsonResponse:
    """A page of entries, with `?values=1` a smaller one that has their values too."""
    scope, stores, has_values = _read_scope(request), service.open_stores(), _query(request).get("values") == "1"
    limit = _read_limit(request, MAX_STORE_VALUES if has_values else MAX_STORE_PAGE)
    asked = {"op": "list", "limit": limit, "cursor": read_cursor(request) or ""}
    page = await stores.do(scope, {**asked, "prefix": _query(request).get("prefix", "")})
    entries = page["entries"]
    if has_values:
        found = await asyncio.gather(*(stores.do(scope, {"op": "get", "key": entry["key"]}) for entry in entries))
        entries = [
            {**entry, "value": read["value"]} for entry, read in zip(entries, found, strict=True) if read["found"]
        ]
    return build_success({"entries": entries, "cursor": page["cursor"] or None})


async def purge(service: ExecutorService, request: Request) -> JsonResponse:
    scope = _read_scope(request)
    await service.audit.note("store.purge", scope, actor_of(request))
    return build_success({"deleted": await service.open_stores().purge(scope)})


async def show_entry(service: ExecutorService, request: Request) -> JsonResponse:
    """Raises NotFoundError ENTRY_NOT_FOUND."""
    key = _read_key(request)
    found = await service.open_stores().do(_read_scope(request), {"op": "get", "key": key})
    if not found["found"]:
        raise _build_missing_error()
    return build_success({"key": key, "value": found["value"]})


async def put_entry(service: ExecutorService, request: Request) -> JsonResponse:
    scope, key = _read_scope(request), _read_key(request)
    body = await read_object(request, allowed=("value", "ttl"))
    if "value" not in body:
        raise RequestError(
            "`value` is missing.",
            next_actions=["Send the `value`, and a `ttl` such as 30d if it is not to stay for ever."],
        )
    done = await service.open_stores().do(scope, {"op": "put", "key": key, **body})
    await service.audit.note("store.put", scope, actor_of(request))
    kind, name = read_scope(scope)
    has_workflow = kind != WORKFLOW or await service.workflows.find_head(name) is not None
    return build_success({"key": key, "was_there": done["was_there"], "has_workflow": has_workflow})


async def put_entries(service: ExecutorService, request: Request) -> JsonResponse:
    """Put several entries, each as `put_entry` does: if one is refused, the others are put all the same. It is one line
    of the audit log.
    """
    scope, stores = _read_scope(request), service.open_stores()
    entries = _read_entries(await read_object(request, allowed=("entries",)))
    await service.audit.note("store.restore", scope, actor_of(request))
    done = await asyncio.gather(*(stores.do(scope, {"op": "put", **each}) for each in entries), return_exceptions=True)
    for failure in done:
        if isinstance(failure, BaseException):
            raise failure
    return build_success({"put": len(entries)})


async def delete_entry(service: ExecutorService, request: Request) -> JsonResponse:
    """Raises NotFoundError ENTRY_NOT_FOUND."""
    scope, key = _read_scope(request), _read_key(request)
    done = await service.open_stores().do(scope, {"op": "delete", "key": key})
    if not done["was_there"]:
        raise _build_missing_error()
    await service.audit.note("store.delete", scope, actor_of(request))
    return build_success({"key": key, "deleted": True})


def _read_scope(request: Request) -> str:
    """The store that the path names. Raises NotFoundError, HostFunctionError INVALID_REQUEST."""
    kind = SCOPES.get(request.path_params["kind"])
    if kind is None:
        raise NotFoundError(
            "There are stores of workflows, and shared ones.",
            next_actions=["The kind of a store is `workflow` or `shared`."],
        )
    return kind(request.path_params["name"])


def _read_key(request: Request) -> str:
    """Raises RequestError."""
    key = _query(request).get("key", "")
    if not key:
        raise RequestError("`key` is missing.", next_actions=["Name the entry by its `key`, in the query."])
    return key


def _read_entries(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Raises RequestError."""
    entries = body.get("entries")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_STORE_VALUES or not all(map(_is_entry, entries)):
        raise RequestError(
            f"`entries` must be a list of 1 to {MAX_STORE_VALUES} entries.",
            next_actions=["Each has a `key`, a `value`, and a `ttl` such as 30d if it is not to stay for ever."],
        )
    return entries


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and {"key", "value"} <= value.keys() <= {"key", "value", "ttl"}


def _read_limit(request: Request, most: int = MAX_STORE_PAGE) -> int:
    """Raises RequestError."""
    limit = read_count(request, "limit", most)
    if not 1 <= limit <= most:
        raise RequestError(f"`limit` must be from 1 to {most}.")
    return limit


def _query(request: Request) -> Mapping[str, str]:
    return request.query_params


def _render(store: StoreInfo) -> dict[str, Any]:
    kind, name = read_scope(store["scope"])
    return {"kind": kind, "name": name, "entries": store["entries"], "bytes": store["bytes"]}


def _build_missing_error() -> NotFoundError:
    return NotFoundError(
        "There is no entry of this key.",
        code="ENTRY_NOT_FOUND",
        next_actions=["List the keys: acr store list NAME"],
    )
