"""JSON answers."""

import json
from typing import Any

from starlette.responses import Response


class JsonResponse(Response):
    """Starlette's fails on half a surrogate pair; here it is written as the escape that it came as."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def build_success(data: Any, status: int = 200) -> JsonResponse:
    return JsonResponse({"success": True, "data": data}, status)
