"""Reads the wire format's errors, holding them to their exact shape."""

from typing import Any

import httpx

from arcrun import errors


def read_error(response: httpx.Response) -> dict[str, Any]:
    """The `error` of {"success": false, "error": {"code", "message", "retriable", "next_actions",
    "details"}}, and nothing else."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    return check_error(body["error"])


def check_error(error: dict[str, Any]) -> dict[str, Any]:
    assert error.keys() == {"code", "message", "retriable", "next_actions", "details"}
    types = {key: type(value) for key, value in error.items()}
    assert types == {"code": str, "message": str, "retriable": bool, "next_actions": list, "details": dict}
    assert error["message"] != ""
    return error


UNAUTHORIZED = errors.UnauthorizedError().to_json()
INTERNAL = errors.InternalError().to_json()
