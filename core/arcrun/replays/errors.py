"""The error of a replay that the record of its origin does not allow."""

from typing import Any

from arcrun.errors import ConflictError


def build_impossible(message: str, *next_actions: str, **details: Any) -> ConflictError:
    return ConflictError(message, code="REPLAY_NOT_POSSIBLE", next_actions=next_actions, details=details)
