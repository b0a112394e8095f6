"""What the platform throws, as errors of arcrun: here and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyodide.ffi import JsException

from arcrun.errors import UpstreamError
from arcrun_edge.bindings import is_local

# The platform's word for a fault of its own: a number that means something to Cloudflare alone.
_INTERNAL = "internal error"
_TRACEBACK = "Traceback"  # what our own code raised in a Durable Object comes as one


@contextmanager
def naming_faults(service: str, code: str = "STORAGE_FAILED") -> Iterator[None]:
    """Raises UpstreamError with `code` for what the platform throws within. `service` begins its sentence."""
    try:
        yield
    except JsException as error:
        raise build_fault(service, error, code) from None


def build_fault(service: str, error: JsException, code: str) -> UpstreamError:
    said = str(error.message).partition("\n")[0].rstrip(".")
    is_told = said and not said.startswith(_INTERNAL) and _TRACEBACK not in said
    if is_local():
        silent = "the local runtime"
        steps = ["See whether the disk is full: df -h", "Try again; a node's `retry` does."]
    else:
        silent = "Cloudflare"
        steps = ["Try again; a node's `retry` does. Cloudflare's status page says whether others meet it too."]
    reason = f": {said}" if is_told else f", and {silent} did not say why"
    return UpstreamError(f"{service} failed{reason}.", code=code, next_actions=steps)
