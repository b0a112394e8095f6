"""The Worker's side of a Durable Object that answers `ask(text) -> text`."""

import json
from typing import Any

from arcrun_edge.faults import naming_faults


class DurableState:
    """`namespace` is the binding; there is one object in it."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    async def ask(self, operation: str, **arguments: Any) -> Any:
        request = json.dumps({"operation": operation, "arguments": arguments})
        with naming_faults("The registry's Durable Object", "OBJECT_UNAVAILABLE"):
            answer = await self._namespace.getByName("registry").ask(request)
        return json.loads(answer)
