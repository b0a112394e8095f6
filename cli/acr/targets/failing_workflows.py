"""Which workflows fail: those whose last run has failed or is lost, those with dead letters, and those whose last poll
has failed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from acr.targets.executor_client import MAX_PAGE, ExecutorClient
from arcrun.engine.trigger import TriggerKind

FAILED = ("failed", "lost")
_UNCOUNTED = (TriggerKind.EXECUTE, TriggerKind.POLL)


def find_last_runs(client: ExecutorClient) -> dict[str, dict[str, Any]]:
    """The last run of each workflow that has one among the newest hundred, by the workflow. Of polls only those that
    fail have a record, so none counts as the last run. Raises AnswerError.
    """
    runs = reversed(client.list_runs({}, MAX_PAGE, 1))
    return {run["workflow"]: run for run in runs if run["trigger"] not in _UNCOUNTED}


def find_failing_polls(schedules: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Why the last poll of each workflow has failed of which it has, by the workflow."""
    return {each["workflow"]: each["watch"]["error"] for each in schedules if (each.get("watch") or {}).get("error")}


def describe_failing(
    names: Iterable[str], last_runs: Mapping[str, Any], dead: Mapping[str, int], polls: Mapping[str, str]
) -> dict[str, str]:
    """Those of the workflows that fail, each with why: such as "HTTP_STATUS, 2 dead letters". `polls` is that of
    `find_failing_polls`.
    """
    told = {}
    for name in names:
        last, count = last_runs.get(name), dead.get(name, 0)
        has_failed = last is not None and last["status"] in FAILED
        why = [last.get("error") or last["status"]] if last is not None and has_failed else []
        why += [f"its poll: {polls[name]}"] if name in polls else []
        why += [f"{count} dead letter{'s' * (count != 1)}"] if count else []
        if why:
            told[name] = ", ".join(why)
    return told
