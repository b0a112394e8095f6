"""The Worker's bindings as the platform has them: the SDK's wrappers would convert every argument and result."""

from typing import Any

from workers import import_from_javascript


def read_bindings() -> Any:
    """The bindings. Within a request only: a deploy's memory snapshot can hold none of them."""
    return import_from_javascript("cloudflare:workers").env


def read_optional(bindings: Any, name: str) -> Any | None:
    """A binding that may be missing; the platform raises AttributeError for it."""
    return getattr(bindings, name, None)


def is_local() -> bool:
    """Whether `acr dev` runs the Worker: it sets ARCRUN_LOCAL. Within a request only, as the bindings."""
    return read_optional(read_bindings(), "ARCRUN_LOCAL") == "true"
