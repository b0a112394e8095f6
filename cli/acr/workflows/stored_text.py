"""A stored workflow's text, and the file on this machine that it belongs to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr.config.private_file import refusing, write_whole
from acr.config.project_file import read_variables
from acr.config.project_paths import require_inner
from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from acr.workflows.project_place import place_in_project
from acr.workflows.workflow_file import is_other_file, read_workflow_file
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.triggers.input_schema import describe_fields
from arcrun.yaml_text import render_yaml


@dataclass(frozen=True)
class StoredText:
    """`version` is the version that the text is of; `workflow` the data of GET /webhooks/named/{name}."""

    name: str
    version: int
    text: str
    workflow: Mapping[str, Any]

    @property
    def input_fields(self) -> list[str]:
        """What its input_schema says of the fields of its input, a text for each."""
        workflow = parse_workflow(self.text).workflow
        return describe_fields(workflow.input_schema or {}) if workflow else []

    def list_changed_variables(self) -> list[str]:
        """The project's `vars` that the stored workflow reads and that have changed since, as the lines of a diff.
        Raises CliError.
        """
        kept, now = self.workflow.get("vars") or {}, read_variables()
        changed = [name for name, value in kept.items() if name not in now or now[name] != value]
        removed = [f"-vars.{name}: {json.dumps(kept[name], ensure_ascii=False)}" for name in changed]
        added = [f"+vars.{name}: {json.dumps(now[name], ensure_ascii=False)}" for name in changed if name in now]
        return ["@@ vars @@", *removed, *added] if changed else []

    @property
    def place(self) -> Path:
        """The file of this folder that it belongs to (acr/workflows/project_place.py)."""
        return place_in_project(self.name, self.workflow["file"])


def read_stored(client: ExecutorClient, name: str, version: int | None = None) -> StoredText:
    """A version's text, by default the current one's. What was pushed as JSON is rendered as YAML.

    Raises AnswerError WORKFLOW_NOT_FOUND, VERSION_NOT_FOUND; CliError SOURCE_UNREADABLE.
    """
    workflow = require_data(client.show_workflow(name))
    if version is None or version == workflow["version"]:
        return StoredText(name, workflow["version"], _render(workflow["workflow"], name), workflow)
    shown = require_data(client.show_version(name, version))
    return StoredText(name, shown["version"], _render(shown["workflow"], name), workflow)


def write_stored(stored: StoredText, file: Path | None, *, is_forced: bool) -> tuple[Path, bool]:
    """Write the text to `file`, by default to its place; returns the path, and whether it has changed.

    A different file is overwritten only if `is_forced`. Raises CliError FILE_DIFFERS, FILE_IS_LINK, LINK_LEADS_OUT,
    NOT_A_WORKFLOW_FILE.
    """
    path = stored.place if file is None else file
    if file is None and is_other_file(path):
        raise CliError(
            f"{path} is not for workflows.", f"Name another file: acr pull {stored.name} FILE", "NOT_A_WORKFLOW_FILE"
        )
    if path.is_symlink():
        raise CliError(f"{path} is a symbolic link.", f"Name the file itself: {path.resolve()}", "FILE_IS_LINK")
    require_inner(path)
    if path.exists():
        if read_workflow_file(path) == stored.text:
            return path, False
        if not is_forced:
            raise CliError(
                f"{path} differs from what is stored.",
                f"See how: acr diff {stored.name} {path}. To overwrite it: --force",
                "FILE_DIFFERS",
            )
    if file is None:
        with refusing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, stored.text)
    return path, True


def _render(source: Any, name: str) -> str:
    if source is None:
        raise CliError(
            f"The stored text of {name} cannot be read.", "Push the workflow again: acr push FILE", "SOURCE_UNREADABLE"
        )
    return source if isinstance(source, str) else render_yaml(source)
