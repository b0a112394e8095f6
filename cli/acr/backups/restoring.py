"""What `acr restore` does with an export: it pushes every version again, in the order in which they were made."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from acr.backups.export_file import Export, ExportedWorkflow, Line
from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data

REFUSED = "RESTORE_INCOMPLETE"


@dataclass
class Restored:
    """`versions` are the new numbers of a workflow's versions, by the old; `refused` are versions that this platform
    does not take, with its reason; `kept_tokens` are workflows with their webhooks' URLs of before.
    """

    versions: dict[str, dict[int, int]] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)
    kept_tokens: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # workflows whose current version was refused

    def to_json(self) -> dict[str, Any]:
        workflows = [
            {"name": name, "versions": [{"was": was, "is": now} for was, now in numbers.items()]}
            for name, numbers in self.versions.items()
        ]
        return {"workflows": workflows, "refused": self.refused, "kept_tokens": self.kept_tokens, "lost": self.lost}


def restore(client: ExecutorClient, export: Export, report: Callable[[str], None], *, keeps_tokens: bool) -> Restored:
    """Raises CliError."""
    restored = Restored({workflow.name: {} for workflow in export.workflows})
    _push_all(client, export.workflows, restored, report)
    for workflow in export.workflows:
        numbers = restored.versions[workflow.name]
        current = numbers.get(workflow.workflow["version"])
        if current is None:
            restored.lost.append(workflow.name)
        if numbers:
            _settle(client, workflow, current, restored, keeps_tokens=keeps_tokens)
    if paused := export.head.get("paused"):
        require_data(client.pause(None, paused["on_trigger"]))
    return restored


def find_conflicts(client: ExecutorClient, export: Export) -> list[str]:
    """The export's workflows that the platform has already."""
    there = {workflow["name"] for workflow in client.list_workflows()}
    return [workflow.name for workflow in export.workflows if workflow.name in there]


def _push_all(
    client: ExecutorClient, workflows: Sequence[ExportedWorkflow], restored: Restored, report: Callable[[str], None]
) -> None:
    """Push the versions of each workflow in their order, until one is refused: what it calls may come later. One that
    is still refused when nothing else can be pushed is left out.
    """
    waiting = {each.name: deque(each.versions) for each in workflows if each.versions}
    files = {each.name: each.workflow.get("file") for each in workflows}
    while waiting:
        refused: list[tuple[Line, dict[str, Any]]] = []
        count = sum(map(len, waiting.values()))
        for name, versions in [*waiting.items()]:
            while versions:
                version = versions[0]
                source, variables = version["workflow"], version.get("vars") or {}
                answer = client.push_source(source, files[name], variables, is_forced=True)
                if not answer["success"]:
                    refused.append((version, answer["error"]))
                    break
                restored.versions[name][version["version"]] = answer["data"]["version"]
                versions.popleft()
            if not versions:
                del waiting[name]
                report(f"restored {name}")
        if waiting and sum(map(len, waiting.values())) == count:
            version, error = refused[0]
            waiting[version["name"]].popleft()
            if not waiting[version["name"]]:
                del waiting[version["name"]]
            told = {"name": version["name"], "version": version["version"], "code": error["code"]}
            restored.refused.append({**told, "message": error["message"]})


def _settle(
    client: ExecutorClient, workflow: ExportedWorkflow, current: int | None, restored: Restored, *, keeps_tokens: bool
) -> None:
    """Make the same version current, and give it its pause and, if asked, its token."""
    shown = require_data(client.show_workflow(workflow.name))
    if current is not None and shown["version"] != current:
        require_data(client.roll_back(workflow.name, current))
    token = workflow.workflow.get("token")
    if keeps_tokens and token is not None:
        require_data(client.rotate_token(shown["token"], token))
        restored.kept_tokens.append(workflow.name)
    if paused := workflow.workflow.get("paused"):
        require_data(client.pause(workflow.name, paused["on_trigger"]))
    if (seen := workflow.workflow.get("seen")) and current is not None:
        client.add_seen(workflow.name, seen)
    if workflow.workflow.get("schedules_paused") and client.show_schedules(workflow.name, 0):
        client.pause_schedules(workflow.name)


def build_incomplete(restored: Restored) -> CliError | None:
    """The error if a workflow has not its current version."""
    if not restored.lost:
        return None
    return CliError(
        f"This platform does not take the current version of {', '.join(restored.lost)}.",
        "See why under `refused`: a component may be missing (acr parts list). Then: acr restore FILE --force",
        REFUSED,
    )
