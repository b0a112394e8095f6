"""Bindings that may be missing: the platform raises AttributeError for them."""

from typing import Any


def read_optional(env: Any, name: str) -> Any | None:
    return getattr(env, name, None)
