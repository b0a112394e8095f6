"""Converts exceptions that the platform throws into arcrun's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyodide.ffi import JsException

from arcrun.errors import UpstreamError
from arcrun_edge.bindings import is_local

# The platform's message for a fault of its own; the number in it means something to Cloudflare only.
_INTERNAL = "internal error"
_TRACEBACK = "Traceback"  # an exception of our own code in a Durable Object contains one


@contextmanager
def naming_faults(service: str, code: str = "STORAGE_FAILED") -> Iterator[None]:
    """Raises UpstreamError with `code` for platform exceptions in the block; its message begins with `service`."""
    try:
        yield
    except JsException as error:
        raise build_fault(service, error, code) from None


def build_fault(service: str, error: JsException, code: str) -> UpstreamError:
    said = str(error.message).partition("\n")[0].rstrip(".")
    is_shown = said and not said.startswith(_INTERNAL) and _TRACEBACK not in said
    if is_local():
        silent = "the local runtime"
        steps = ["Check whether the disk is full: df -h", "Try again; a node's `retry` does."]
    else:
        silent = "Cloudflare"
        steps = ["Try again; a node's `retry` does. Check Cloudflare's status page for an incident."]
    reason = f": {said}" if is_shown else f", and {silent} did not say why"
    return UpstreamError(f"{service} failed{reason}.", code=code, next_actions=steps)
