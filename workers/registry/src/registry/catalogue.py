"""The catalogue of components to run and to install, as the caller may see it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.contracts.model import JAVASCRIPT
from arcrun.contracts.parse import CATEGORIES, VERSION_PATTERN
from arcrun.errors import NotFoundError, RequestError, build_cursor_error
from arcrun.limits import MAX_QUERY_CHARACTERS
from arcrun.ports import BlobStore, KeyValue
from arcrun.registry.package import contract_key, module_key
from registry.callers import Caller
from registry.index import AUTHOR_ONLY, PUBLIC, SORTS
from registry.registry_object import RegistryObject
from registry.submissions import read_record

MAX_PAGE, DEFAULT_PAGE = 200, 50


@dataclass(frozen=True)
class Query:
    """A query of the catalogue. All `words` must occur in the id, name, description, tags or aliases."""

    words: tuple[str, ...] = ()
    category: str | None = None
    visibility: str | None = None
    sort: str = "name"
    limit: int = DEFAULT_PAGE
    offset: int = 0


def parse_query(given: Mapping[str, str], limit: int) -> Query:
    """Parse the optional parameters "q", "category", "visibility", "sort" and "cursor". Raises RequestError."""
    text, category, visibility = given.get("q", ""), given.get("category"), given.get("visibility")
    sort, cursor = given.get("sort", "name"), given.get("cursor", "0")
    if category is not None and category not in CATEGORIES:
        raise RequestError(f"`category` must be one of {', '.join(CATEGORIES)}.")
    if visibility not in (None, PUBLIC, AUTHOR_ONLY):
        raise RequestError("`visibility` must be public or author_only.")
    if sort not in SORTS:
        raise RequestError(f"`sort` must be one of {', '.join(SORTS)}.")
    if not 1 <= limit <= MAX_PAGE:
        raise RequestError(f"`limit` must be from 1 to {MAX_PAGE}.")
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10):
        raise build_cursor_error()
    if len(text) > MAX_QUERY_CHARACTERS:
        raise RequestError(f"`q` may have at most {MAX_QUERY_CHARACTERS} characters.")
    return Query(tuple(text.casefold().split()), category, visibility, sort, limit, int(cursor))


@dataclass(frozen=True)
class StoredModule:
    """A module, or main.js, as submitted."""

    sha256: str
    content: bytes
    is_javascript: bool

    @property
    def media_type(self) -> str:
        return "text/javascript" if self.is_javascript else "application/wasm"


@dataclass(frozen=True)
class Catalogue:
    state: RegistryObject
    records: KeyValue
    modules: BlobStore

    async def search(self, caller: Caller, query: Query) -> dict[str, Any]:
        """{"components": [...], "total", "cursor"}; `cursor` is None on the last page."""
        found = await self.state.search(caller.id, caller.is_reviewer, vars(query))
        end = query.offset + len(found["components"])
        return {**found, "cursor": str(end) if end < found["total"] else None}

    async def show(self, caller: Caller, canonical_id: str, version: str | None) -> dict[str, Any]:
        """The version with its contract, the steps of its review and its attestation.

        Raises NotFoundError COMPONENT_NOT_FOUND, RequestError.
        """
        found = await self._find(caller, canonical_id, version)
        blob, record = await asyncio.gather(
            self.modules.get(contract_key(found["contract_sha256"])), read_record(self.records, found["submission_id"])
        )
        return {**record, **found, "contract": json.loads(blob.content) if blob else None}

    async def read_module(self, caller: Caller, canonical_id: str, version: str | None) -> StoredModule:
        """The module as submitted. Raises NotFoundError, RequestError."""
        found = await self._find(caller, canonical_id, version)
        is_javascript = found.get("runtime") == JAVASCRIPT
        blob = await self.modules.get(module_key(found["sha256"], is_javascript=is_javascript))
        if blob is None:
            raise _not_found(canonical_id)
        return StoredModule(found["sha256"], blob.content, is_javascript)

    async def list_versions(self, caller: Caller, canonical_id: str) -> list[dict[str, Any]]:
        """The versions of a component, newest first. Raises NotFoundError."""
        found = await self.state.list_versions(caller.id, caller.is_reviewer, canonical_id)
        if not found:
            raise _not_found(canonical_id)
        return found

    async def _find(self, caller: Caller, canonical_id: str, version: str | None) -> dict[str, Any]:
        if version is not None and not VERSION_PATTERN.fullmatch(version):
            raise RequestError("`version` must have the form v1.", next_actions=["Omit it for the newest version."])
        number = None if version is None else int(version[1:])
        found = await self.state.find(caller.id, caller.is_reviewer, canonical_id, number)
        if found is None:
            raise _not_found(canonical_id)
        return found


def _not_found(canonical_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no component `{canonical_id[:128]}` in the registry.",
        code="COMPONENT_NOT_FOUND",
        next_actions=["List the components: acr parts list, or GET /components?q=..."],
    )
