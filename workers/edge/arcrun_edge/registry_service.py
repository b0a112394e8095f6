"""UsageReport over a service binding of the registry."""

import json
from collections.abc import Sequence
from typing import Any

from js import Object
from pyodide.ffi import to_js

from arcrun.analytics.usage import UsageRecord
from arcrun.errors import RunError


class RegistryService:
    """`binding` is the registry's `fetch`; `api_key` one that it knows."""

    def __init__(self, binding: Any, api_key: str) -> None:
        self._binding, self._api_key = binding, api_key

    async def send(self, records: Sequence[UsageRecord]) -> None:
        init = {
            "method": "POST",
            "headers": {"content-type": "application/json", "x-arcrun-api-key": self._api_key},
            "body": json.dumps({"records": [record.to_json() for record in records]}),
        }
        url = "https://registry/analytics/record"  # the binding goes by itself, not by the host
        answer = await self._binding.fetch(url, to_js(init, dict_converter=Object.fromEntries))
        await answer.arrayBuffer()
        if not answer.ok:
            raise RunError(f"The registry answered {answer.status}.", code="REPORT_REFUSED")
