"""The file of an export: JSON Lines, each an object with its `kind`, in this order.

export     {"format", "exported_at", "url", "paused"}   `paused` is what all webhooks do, as in GET /webhooks
workflow   {"name", "version", "latest", "file", "paused", "schedules_paused", "seen", "token"}   its versions follow,
           oldest first; `token` only if asked for, `paused` is its own; `seen` only if it has a `watch`: which items it
           has seen, as hashes of their keys
version    {"name", "version", "pushed_at", "workflow", "vars"}   `workflow` is the text, or the object, as pushed
run        {"record"}   a run's record, as GET /runs/{id} has it, if asked for
entry      {"store", "key", "value", "expires_ms"}   of a store, if asked for; or {"sealed"} (store_entries.py)
end        {"workflows", "versions", "runs"}   how many there are, with stores also "entries": a file without it was
           cut off

Only a file with stores has format 2, so that earlier releases read the others.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr.config.private_file import refusing
from acr.errors import CliError
from arcrun.json_text import parse_json

FORMAT = 2
FORMAT_WITHOUT_STORES = 1
Line = dict[str, Any]


@dataclass(frozen=True)
class ExportedWorkflow:
    """`workflow` is its line, `versions` are its versions' lines, the oldest first."""

    workflow: Line
    versions: tuple[Line, ...]

    @property
    def name(self) -> str:
        return str(self.workflow["name"])


@dataclass(frozen=True)
class Export:
    """What an export has, except the runs and the entries of stores, of which it has `run_count` and `entry_count`.
    `head` is its first line.
    """

    head: Line
    workflows: tuple[ExportedWorkflow, ...]
    run_count: int
    entry_count: int = 0


def write_export(path: Path, lines: Iterable[Line]) -> None:
    """Write the file, readable by its owner alone, when all lines are there: an interruption leaves what was there.

    Raises CliError.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with refusing(path), open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            for line in lines:
                file.write(json.dumps(line) + "\n")
        with refusing(path):
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_export(path: Path) -> Export:
    """Raises CliError NOT_AN_EXPORT, EXPORT_CUT_OFF, EXPORT_TOO_NEW."""
    lines = _read_lines(path)
    head = next(lines, None)
    if head is None or head.get("kind") != "export" or not isinstance(head.get("format"), int):
        raise _build_other(path)
    if head["format"] > FORMAT:
        raise CliError(
            f"{path} has format {head['format']}; this release reads up to {FORMAT}.",
            "Install the release that wrote it, or a later one.",
            "EXPORT_TOO_NEW",
        )
    workflows: dict[str, Line] = {}
    versions: dict[str, list[Line]] = {}
    end: Line | None = None
    run_count = entry_count = 0
    for line in lines:
        match line:
            case {"kind": "workflow", "name": str(name), "version": int()} if name not in workflows:
                workflows[name] = line
            case {"kind": "version", "name": str(name), "version": int(), "workflow": str() | dict()}:
                versions.setdefault(name, []).append(line)
            case {"kind": "run"}:
                run_count += 1
            case {"kind": "entry"}:
                entry_count += 1
            case {"kind": "end"}:
                end = line
            case _:
                raise _build_other(path)
    counts = (len(workflows), sum(map(len, versions.values())), run_count, entry_count)
    if end is None or tuple(end.get(each, 0) for each in ("workflows", "versions", "runs", "entries")) != counts:
        raise _build_cut_off(path)
    if not versions.keys() <= workflows.keys():
        raise _build_other(path)
    found = [ExportedWorkflow(line, tuple(versions.get(name, ()))) for name, line in workflows.items()]
    return Export(head, tuple(found), run_count, entry_count)


def read_entry_lines(path: Path) -> Iterator[Line]:
    """The lines of entries of stores, one after another: there may be more than fit into memory. Raises CliError."""
    return (line for line in _read_lines(path) if line.get("kind") == "entry")


def _read_lines(path: Path) -> Iterator[Line]:
    try:
        with path.open(encoding="utf-8") as file:
            for text in file:
                try:
                    line = parse_json(text)
                except ValueError:
                    if text.endswith("\n") or not text.startswith("{"):
                        raise
                    raise _build_cut_off(path) from None
                if not isinstance(line, dict):
                    raise _build_other(path)
                yield line
    except ValueError:
        raise _build_other(path) from None


def _build_cut_off(path: Path) -> CliError:
    return CliError(f"{path} was cut off: its end is missing.", "Use another copy of it.", "EXPORT_CUT_OFF")


def _build_other(path: Path) -> CliError:
    return CliError(
        f"{path} is not a whole export of arcrun.", "Make one: acr export FILE. Then: acr restore FILE", "NOT_AN_EXPORT"
    )
