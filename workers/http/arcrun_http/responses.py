"""JSON answers."""

from typing import Any

from starlette.responses import Response

from arcrun.json_text import build_json_writer


class JsonResponse(Response):
    """Starlette's fails on half a surrogate pair; here it is written as the escape that it came as."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _write(content).encode("utf-8", "backslashreplace")


_write = build_json_writer(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def build_success(data: Any, status: int = 200) -> JsonResponse:
    return JsonResponse({"success": True, "data": data}, status)
