"""AiModel over the Workers AI binding."""

import json
from collections.abc import Mapping
from typing import Any

import js
from pyodide.ffi import JsException

from arcrun.host_failures import build_ai_failure
from arcrun.json_text import parse_json


class WorkersAI:
    def __init__(self, binding: Any) -> None:
        self._ai = binding

    async def run(self, model: str, inputs: Mapping[str, Any]) -> Any:
        try:
            answer = await self._ai.run(model, js.JSON.parse(json.dumps(inputs)))
        except JsException as error:
            raise build_ai_failure(error.message) from None
        return parse_json(js.JSON.stringify(answer))
