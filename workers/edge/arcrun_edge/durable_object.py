"""Channel to one Durable Object, which answers `ask(text) -> text` (arcrun/objects.py)."""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.objects import render_call
from arcrun_edge.faults import naming_faults


class DurableObjectChannel:
    """`namespace` is the binding, `name` the object's in it; `service` is what errors call it."""

    def __init__(self, namespace: Any, name: str, service: str) -> None:
        self._namespace, self._name, self._service = namespace, name, service

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        with naming_faults(self._service, "OBJECT_UNAVAILABLE"):
            answer: str = await self._namespace.getByName(self._name).ask(render_call(operation, arguments))
        return json.loads(answer)
