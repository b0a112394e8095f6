"""GET /health, the same in every service."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from arcrun import __version__


async def health(_request: Request) -> JSONResponse:
    """{"ok": true, "version"}"""
    return JSONResponse({"ok": True, "version": __version__})
