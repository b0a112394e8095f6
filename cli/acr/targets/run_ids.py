"""Finds the run that a beginning of its id names."""

import re

from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient
from arcrun.engine.run_id import is_run_id, time_of
from arcrun.times import render_time

MAX_TOLD = 5
_SLACK_MS = 60_000  # a run may begin a little after its id was made
_LAST_MS = 253_402_300_799_999  # of the year 9999
MIN_BEGINNING = 6  # characters: about nine hours
_BEGINNING = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{0,25}")  # of a ULID


def find_run_id(client: ExecutorClient, text: str) -> str | None:
    """The id that `text` is, or that alone begins with it, in upper or lower case; None if `text` cannot be one or no
    run has it.

    Raises CliError RUN_ID_AMBIGUOUS, and AnswerError.
    """
    if is_run_id(text):
        return text
    told, text = text, text.upper()
    if not _BEGINNING.fullmatch(text) or len(text) < MIN_BEGINNING:
        return None
    if is_run_id(text):
        return text
    first, last = (time_of(text.ljust(26, filler)) for filler in "0Z")
    begun = {
        "since": render_time(max(0, first - _SLACK_MS)),
        "until": render_time(min(last + _SLACK_MS, _LAST_MS)),
    }
    ids = [run["run_id"] for run in client.list_runs({"q": text, **begun}, MAX_TOLD)]
    found = [run_id for run_id in ids if run_id.startswith(text)]
    if len(found) > 1:
        some = ", ".join(found[:MAX_TOLD]) + (" ..." if len(found) == MAX_TOLD else "")
        raise CliError(f"More than one run begins with {told}: {some}", "Type more of it.", "RUN_ID_AMBIGUOUS")
    return found[0] if found else None


def require_run_id(client: ExecutorClient, text: str) -> str:
    """Like `find_run_id`, of a text that can only be a run's. Raises CliError RUN_NOT_FOUND too."""
    run_id = find_run_id(client, text)
    if run_id is None:
        raise explain_no_run(text) or CliError(f"`{text}` is no run's id.", "List the runs: acr logs", "RUN_NOT_FOUND")
    return run_id


def explain_no_run(text: str) -> CliError | None:
    """The error RUN_NOT_FOUND for what names no run and no workflow, but looks like a run's id; None if it does not."""
    if not _BEGINNING.fullmatch(text.upper()):
        return None
    if len(text) < MIN_BEGINNING:
        why = f"No workflow is named {text}, and of a run's id at least {MIN_BEGINNING} characters are needed."
    else:
        why = f"No run's id begins with {text}, and no workflow is named so."
    return CliError(why, "List the runs: acr logs", "RUN_NOT_FOUND")
