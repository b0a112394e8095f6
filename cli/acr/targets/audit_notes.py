"""Reports writes that bypass the executor to its audit log. A failed report does not undo the write."""

from collections.abc import Iterator, Sequence

from acr.errors import AnswerError, CliError
from acr.output.render import warn
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from acr.targets.settings import Target, find_target

MAX_SUBJECTS = 100  # per request


def note_written(
    action: str, subjects: Sequence[str], *, local: bool | None = None, target: Target | None = None
) -> None:
    """Log `action` for the names in `subjects`, at `target` or else the executor found. Without one, do nothing."""
    target = target or find_target(local=local)
    if target is None:
        return
    try:
        with ExecutorClient(target) as client:
            for some in _chunk(subjects):
                require_data(client.note_audit(action, some))
    except (CliError, AnswerError) as error:
        warn(f"Done, but not in the audit log: {error}")


def _chunk(subjects: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(subjects), MAX_SUBJECTS):
        yield subjects[first : first + MAX_SUBJECTS]
