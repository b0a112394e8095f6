"""What is known of a run while a command waits for it, for the case that the waiting ends first."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

from acr.errors import CliError, NoAnswerError

MOST_DEPLOYED_S = 30  # the platform ends what still runs this long after its client has gone


class WaitEndedError(CliError):
    """Ctrl-C while a command waited for a run, which goes on."""

    exit_code = 130


class RunWatch:
    """`run_id` is None until the executor has told it."""

    def __init__(self) -> None:
        self.run_id: str | None = None

    def begin(self, run_id: str) -> None:
        self.run_id = run_id


@contextmanager
def watching_run(url: str) -> Iterator[RunWatch]:
    """A watch for the block, which waits for a run of the executor at `url`.

    Raises WaitEndedError for Ctrl-C, and NoAnswerError with the run's id if the connection breaks.
    """
    watch = RunWatch()
    try:
        yield watch
    except KeyboardInterrupt:
        raise _build_end(watch.run_id, url) from None
    except NoAnswerError as error:
        if watch.run_id is None:
            raise
        hint = f"The run may go on. Its record, when it has ended: acr logs {watch.run_id}"
        raise NoAnswerError(error.message, hint) from None


def _build_end(run_id: str | None, url: str) -> WaitEndedError:
    if run_id is None:
        message = "Stopped before the executor had answered: whether a run has begun is not known."
        return WaitEndedError(message, "See the newest runs: acr logs", "INTERRUPTED")
    until = "" if _is_local(url) else f" for at most {MOST_DEPLOYED_S} s: then the platform ends it, without a record"
    return WaitEndedError(
        f"Stopped waiting. The run {run_id} goes on{until}.",
        f"To end it: acr cancel {run_id}. Its record, when it has ended: acr logs {run_id}",
        "INTERRUPTED",
    )


def _is_local(url: str) -> bool:
    """Whether it is an `acr dev`, where a run that has begun comes to its end."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
