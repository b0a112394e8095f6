"""A component's report of its own failure: {"code", "message", and more}, bounded, and kept apart from platform
errors.
"""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.errors import ComponentError
from arcrun.limits import MAX_ERROR_CODE_CHARACTERS, MAX_ERROR_DETAILS_BYTES, MAX_ERROR_MESSAGE_CHARACTERS
from arcrun.platform_codes import RESERVED_CODES

# The place of an error in a workflow is only set by the engine.
_PLACE = frozenset(("node", "index", "workflow"))
_MAX_NAMED = 20
_NO_MESSAGE = "The component failed."


def read_failure(told: Any) -> tuple[dict[str, Any], ComponentError]:
    """The `error` of a component's envelope as templates see it, and as the engine sees it.

    If its code is the platform's own (RESERVED_CODES), it is moved to `component_code`, and the code is
    COMPONENT_FAILED, so that no retry rule, branch or statistic takes it for the platform's. Fields that are too long
    are left out entirely, and named in `left_out`: a part of a secret would not be recognised and scrubbed.
    """
    error = told if isinstance(told, dict) else {"message": told or "The component failed and did not say why."}
    code, message = str(error.get("code") or ComponentError.code), str(error.get("message") or _NO_MESSAGE)
    more, left_out = _split({key: value for key, value in error.items() if key not in ("code", "message")})
    if len(message) > MAX_ERROR_MESSAGE_CHARACTERS:
        message = f"The component failed, with a message of {len(message)} characters."
        left_out.append("message")
    if len(code) > MAX_ERROR_CODE_CHARACTERS:
        code = ComponentError.code
        left_out.append("code")
    elif code.strip().upper() in RESERVED_CODES:
        more["component_code"], code = code, ComponentError.code
    if left_out:
        more["left_out"] = left_out
    details = {key: value for key, value in more.items() if key not in _PLACE}
    failure = ComponentError(message, code=code, retriable=more.get("retriable") is True, details=details)
    return {"code": code, "message": message, **more}, failure


def _split(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields that fit into MAX_ERROR_DETAILS_BYTES, and the names of the first others, if they are short."""
    kept: dict[str, Any] = {}
    others: list[str] = []
    left = MAX_ERROR_DETAILS_BYTES
    for key, value in fields.items():
        size = len(json.dumps({key: value}))
        if size <= left:
            kept[key] = value
            left -= size
        elif len(key) <= MAX_ERROR_CODE_CHARACTERS and len(others) < _MAX_NAMED:
            others.append(key)
    return kept, others
