"""The file of an export: what is none, what was cut off, and what a later release wrote."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from acr.backups.export_file import Line, read_export, write_export
from acr.errors import CliError

HEAD = {
    "kind": "export",
    "format": 1,
    "exported_at": "2026-11-27T20:00:00.000Z",
    "url": "https://a.test",
    "paused": None,
}
GREET = {"kind": "workflow", "name": "greet", "version": 1, "latest": 1, "file": None, "paused": None}
FIRST = {"kind": "version", "name": "greet", "version": 1, "pushed_at": "", "workflow": "name: greet", "vars": {}}
RUN = {"kind": "run", "record": {"run_id": "1"}}
END = {"kind": "end", "workflows": 1, "versions": 1, "runs": 1}
LINES: list[dict[str, Any]] = [HEAD, GREET, FIRST, RUN, END]


def write(path: Path, *lines: Line) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    write_export(path, iter(LINES))
    export = read_export(path)
    assert (export.head, export.run_count) == (HEAD, 1)
    assert [(each.workflow, each.versions) for each in export.workflows] == [(GREET, (FIRST,))]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failure_leaves_the_file_of_before_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", *LINES)

    def fail() -> Any:
        yield HEAD
        raise CliError("gone")

    with pytest.raises(CliError, match="gone"):
        write_export(path, fail())
    assert read_export(path).head == HEAD
    assert [each.name for each in tmp_path.iterdir()] == ["all.jsonl"]


@pytest.mark.parametrize("count", range(1, len(LINES)))
def test_what_was_cut_off_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(CliError) as refused:
        read_export(write(tmp_path / "cut", *LINES[:count]))
    assert refused.value.code == "EXPORT_CUT_OFF"


@pytest.mark.parametrize("left", [1, 40, 3_000])
def test_what_was_cut_off_in_the_middle_of_a_line_is_refused(tmp_path: Path, left: int) -> None:
    path = write(tmp_path / "cut", *LINES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(json.dumps(HEAD)) + 1 + min(left, len(whole) - len(json.dumps(HEAD)) - 4)])
    with pytest.raises(CliError) as refused:
        read_export(path)
    assert refused.value.code == "EXPORT_CUT_OFF"


@pytest.mark.parametrize("missing", [GREET, FIRST, RUN])
def test_a_missing_line_is_noticed(tmp_path: Path, missing: Line) -> None:
    with pytest.raises(CliError) as refused:
        read_export(write(tmp_path / "short", *(line for line in LINES if line is not missing)))
    assert refused.value.code == "EXPORT_CUT_OFF"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: greet\n",
        "[1]\n",
        json.dumps(GREET),
        json.dumps({"kind": "export"}),
        json.dumps(HEAD) + "\n" + '{"kind": "version", "name": "greet", "version": 1, "workflow": 5}',
        json.dumps(HEAD) + '\n{"kind": "surprise"}',
        json.dumps(HEAD) + "\n" + '{"half\n',
        "\xff\xfe",
    ],
)
def test_what_is_no_export(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CliError) as refused:
        read_export(path)
    assert refused.value.code == "NOT_AN_EXPORT"


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CliError) as refused:
        read_export(write(tmp_path / "later", {**HEAD, "format": 3}))
    assert refused.value.code == "EXPORT_TOO_NEW"
