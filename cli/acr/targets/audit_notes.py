"""Tells the executor what was written past it, for the audit log. What was written stays written if that fails."""

from collections.abc import Iterator, Sequence

from acr.errors import AnswerError, CliError
from acr.output.render import warn
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from acr.targets.settings import Target, find_target

MAX_SUBJECTS = 100  # of one request


def note_written(
    action: str, subjects: Sequence[str], *, local: bool | None = None, target: Target | None = None
) -> None:
    """`subjects` are names. Where no executor is known yet, there is no audit log. `target` is it if it is at hand."""
    target = target or find_target(local=local)
    if target is None:
        return
    try:
        with ExecutorClient(target) as client:
            for some in _chunk(subjects):
                require_data(client.note_audit(action, some))
    except (CliError, AnswerError) as error:
        warn(f"It is done, and not in the audit log: {error}")


def _chunk(subjects: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(subjects), MAX_SUBJECTS):
        yield subjects[first : first + MAX_SUBJECTS]
