"""Which workflows fail: those whose last run has failed or is lost, and those with dead letters."""

from collections.abc import Iterable, Mapping
from typing import Any

from acr.targets.executor_client import MAX_PAGE, ExecutorClient
from arcrun.engine.trigger import TriggerKind

FAILED = ("failed", "lost")


def find_last_runs(client: ExecutorClient) -> dict[str, dict[str, Any]]:
    """The last run of each workflow that has one among the newest hundred, by the workflow. Raises AnswerError."""
    runs = reversed(client.list_runs({}, MAX_PAGE, 1))
    return {run["workflow"]: run for run in runs if run["trigger"] != TriggerKind.EXECUTE}


def describe_failing(names: Iterable[str], last_runs: Mapping[str, Any], dead: Mapping[str, int]) -> dict[str, str]:
    """Those of the workflows that fail, each with why: such as "HTTP_STATUS, 2 dead letters"."""
    told = {}
    for name in names:
        last, count = last_runs.get(name), dead.get(name, 0)
        has_failed = last is not None and last["status"] in FAILED
        why = [last.get("error") or last["status"]] if last is not None and has_failed else []
        why += [f"{count} dead letter{'s' * (count != 1)}"] if count else []
        if why:
            told[name] = ", ".join(why)
    return told
