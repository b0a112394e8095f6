"""ComponentRegistry and UsageReport over a service binding of the registry."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import js
from pyodide.ffi import JsException

from arcrun.analytics import UsageRecord
from arcrun.errors import ComponentError, RunError
from arcrun.json_text import parse_json
from arcrun.ports import Published
from arcrun_edge.faults import naming_faults
from arcrun_edge.javascript import to_object

_ORIGIN = "https://registry"  # a service binding ignores the host


class RegistryService:
    """`binding` is the registry's service binding, `api_key` a key that the registry accepts.

    With `finds_public` only public components are found, for callers who must not see those of the key's owner.
    """

    def __init__(self, binding: Any, api_key: str, *, finds_public: bool = False) -> None:
        self._binding, self._api_key, self._finds_public = binding, api_key, finds_public

    async def find(self, reference: str) -> Published | None:
        canonical_id, _, version = reference.partition("@")
        query = {"version": version} if version else {}
        status, found = await self.ask(f"/components/{canonical_id}", query)
        if status == 404:
            return None
        if status != 200:
            raise _unavailable(f"it answered {status}")
        data = found["data"]
        if self._finds_public and data["visibility"] != "public":  # a registry that does not know the parameter
            return None
        return Published(data["contract"], data["sha256"], data["contract_sha256"])

    async def ask(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        seen = {**query, **({"visibility": "public"} if self._finds_public else {})}
        try:
            answer = await self._fetch(f"{path}?{urlencode(seen)}")
            text = await answer.text()
        except JsException as error:
            raise _unavailable(error.message) from None
        return answer.status, parse_json(text)

    async def send(self, records: Sequence[UsageRecord]) -> None:
        body = {"records": [record.to_json() for record in records]}
        with naming_faults("The registry", "REGISTRY_UNAVAILABLE"):
            answer = await self._fetch("/analytics/record", {"method": "POST", "body": json.dumps(body)})
            await answer.arrayBuffer()
        if not answer.ok:
            raise RunError(f"The registry answered {answer.status}.", code="REPORT_REFUSED")

    async def _fetch(self, path: str, init: Mapping[str, Any] | None = None) -> js.Response:
        headers = {"content-type": "application/json", "x-arcrun-api-key": self._api_key}
        options = to_object({"headers": headers, **(init or {})})
        return await self._binding.fetch(_ORIGIN + path, options)


def _unavailable(reason: str) -> ComponentError:
    return ComponentError(
        f"The registry could not be reached: {reason}.",
        code="REGISTRY_UNAVAILABLE",
        http_status=503,
        retriable=True,
        next_actions=["Try again. If it keeps failing, check the registry: acr doctor"],
    )
