"""What `acr export` reads from a platform."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from acr.backups.export_file import FORMAT, FORMAT_WITHOUT_STORES, Line
from acr.backups.store_entries import EntrySeal, entry_lines
from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from arcrun.rights import HIDDEN

ALL = 1_000_000_000  # runs, of one list


def export_lines(
    client: ExecutorClient,
    url: str,
    *,
    has_tokens: bool,
    has_runs: bool,
    has_stores: bool = False,
    seal: EntrySeal | None = None,
) -> Iterator[Line]:
    """The lines of the file (acr/backups/export_file.py). Entries of stores are sealed by `seal`, if there is one.

    Raises CliError.
    """
    listed = client.list_workflows()
    if any(workflow["token"] == HIDDEN for workflow in listed):
        raise CliError(
            "This key may only read: it sees no tokens, also not within workflows, and an export without them is none.",
            "Use the account's own key, or one that can run.",
            "KEY_NOT_ALLOWED",
        )
    of_all = [workflow["paused"] for workflow in listed if (workflow["paused"] or {}).get("all")]
    yield {
        "kind": "export",
        "format": FORMAT if has_stores else FORMAT_WITHOUT_STORES,
        "exported_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "url": url,
        "paused": of_all[0] if of_all else None,
        **({"seal": seal.to_json()} if seal else {}),
    }
    schedules = client.list_schedules(0)
    still = {schedule["workflow"] for schedule in schedules if schedule["paused"]}
    watching = {schedule["workflow"] for schedule in schedules if "watch" in schedule}
    version_count = run_count = 0
    for workflow in listed:
        seen = {"seen": client.find_seen(workflow["name"])} if workflow["name"] in watching else {}
        yield {**_describe(workflow, still, has_token=has_tokens), **seen}
        for version in _versions_of(client, workflow["name"]):
            version_count += 1
            yield version
    if has_runs:
        for run in client.list_runs({}, ALL, ALL):
            answer = client.show_run(run["run_id"])
            if answer["success"]:  # else it has become too old meanwhile
                run_count += 1
                yield {"kind": "run", "record": answer["data"]}
    counts = {"workflows": len(listed), "versions": version_count, "runs": run_count}
    if has_stores:
        counts["entries"] = 0
        for line in entry_lines(client, seal):
            counts["entries"] += 1
            yield line
    yield {"kind": "end", **counts}


def _describe(workflow: dict[str, Any], still: Collection[str], *, has_token: bool) -> Line:
    """`still` are the workflows whose schedules are paused."""
    own_pause = None if (workflow["paused"] or {}).get("all") else workflow["paused"]
    kept = {key: workflow[key] for key in ("name", "version", "latest", "file")}
    paused = {"paused": own_pause, "schedules_paused": workflow["name"] in still}
    return {"kind": "workflow", **kept, **paused, **({"token": workflow["token"]} if has_token else {})}


def _versions_of(client: ExecutorClient, name: str) -> Iterator[Line]:
    shown = require_data(client.show_workflow(name))
    for version in sorted(each["version"] for each in shown["versions"]):
        answer = client.show_version(name, version)
        if not answer["success"] and version == shown["version"]:
            raise CliError(
                f"The current version of {name} cannot be read: {answer['error']['message']}",
                "Push it again: acr push FILE. Or delete it: acr delete",
                "SOURCE_UNREADABLE",
            )
        if answer["success"]:
            yield {"kind": "version", **{key: answer["data"][key] for key in answer["data"]}}
