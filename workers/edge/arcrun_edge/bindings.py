"""The Worker's raw bindings, without the SDK's wrappers, which convert every argument and result."""

from typing import Any

from workers import import_from_javascript


def read_bindings() -> Any:
    """The bindings. Call it within a request only: the deploy's memory snapshot cannot hold them."""
    return import_from_javascript("cloudflare:workers").env


def read_optional(bindings: Any, name: str) -> Any | None:
    """The binding `name`; None if it is missing."""
    return getattr(bindings, name, None)


def is_local() -> bool:
    """Whether `acr dev` runs the Worker: which sets ARCRUN_LOCAL. Call it within a request only."""
    return read_optional(read_bindings(), "ARCRUN_LOCAL") == "true"
