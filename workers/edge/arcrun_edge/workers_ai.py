"""AiModel over the Workers AI binding."""

import json
from collections.abc import Mapping
from typing import Any

import js
from pyodide.ffi import JsException

from arcrun.errors import HostFunctionError
from arcrun.json_text import parse_json


class WorkersAI:
    def __init__(self, binding: Any) -> None:
        self._ai = binding

    async def run(self, model: str, inputs: Mapping[str, Any]) -> Any:
        try:
            answer = await self._ai.run(model, js.JSON.parse(json.dumps(inputs)))
        except JsException as error:
            raise HostFunctionError(f"The model failed: {error.message}", code="AI_FAILED") from None
        return parse_json(js.JSON.stringify(answer))
