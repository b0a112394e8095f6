"""The envelope of Cloudflare's REST API v4, around results and refusals."""

from typing import Any

import httpx


def answer(result: Any, info: dict[str, Any] | None = None, *, status: int = 200) -> httpx.Response:
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    return httpx.Response(status, json={**envelope, **({"result_info": info} if info else {})})


def refuse(status: int, code: int = 10001, message: str = "refused", **headers: str) -> httpx.Response:
    envelope = {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
    return httpx.Response(
        status, json=envelope, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
