"""Channel to one Durable Object, which answers `ask(text) -> text` (arcrun/objects.py)."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from pyodide.ffi import JsException

from arcrun.errors import UpstreamError
from arcrun.objects import render_call

logger = logging.getLogger("arcrun")


class DurableObjectChannel:
    """`namespace` is the binding, `name` the object's in it."""

    def __init__(self, namespace: Any, name: str) -> None:
        self._namespace, self._name = namespace, name

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        try:
            answer: str = await self._namespace.getByName(self._name).ask(render_call(operation, arguments))
        except JsException as error:  # its text is the object's traceback, or the platform's word
            logger.warning("%s of a Durable Object failed: %s", operation, str(error.message).strip().split("\n")[-1])
            raise UpstreamError(
                "A Durable Object of the platform does not answer.",
                code="OBJECT_UNAVAILABLE",
                next_actions=["Try again in a minute: after a deploy it may still run the code before."],
            ) from None
        return json.loads(answer)
