"""Finds workflow files and test files: in named folders, and beside another file."""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from acr.errors import CliError
from acr.output.terminal import say
from acr.workflows.workflow_file import (
    SUFFIXES,
    TEST_MARK,
    TEST_SUFFIXES,
    is_other_file,
    is_test_file,
    read_workflow_file,
)
from arcrun.limits import MAX_FOLDER_FILES
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml

_LEFT_OUT = ("node_modules", "__pycache__")  # and hidden folders
# A workflow has one of these keys, also if the rest of the file cannot be read.
_BLOCK_KEY = re.compile(r"^(?:flow|edges)[ \t]*:", re.MULTILINE)
_JSON_KEY = re.compile(r'"(?:flow|edges)"\s*:')


def find_workflows(paths: Iterable[Path]) -> list[Path]:
    """The named files, and all workflows in the named folders and those below, each once. Files whose name says that
    they are something else are left out, also among those that are named, as after a shell's `*.yaml`.

    A file in a folder is a workflow if it has a `flow` or `edges`; one that cannot be read is among them, so that it is
    reported. Raises CliError FOLDER_TOO_LARGE, and NO_WORKFLOWS if there is none.
    """
    given = [*paths]
    found = _find(given, lambda path: not is_other_file(path) and _may_be_workflow(path))
    if not (workflows := [path for path in found if not is_other_file(path)]):
        told = ", ".join(map(str, given))
        raise CliError(f"There is no workflow in {told}.", "Name a workflow's file, or its folder.", "NO_WORKFLOWS")
    return workflows


def say_left_out(paths: Iterable[Path]) -> None:
    """Say which of the named files are no workflows by their names."""
    for path in paths:
        if not path.is_dir() and is_other_file(path):
            advice = f"; its tests: acr test {path}" if is_test_file(path) else ""
            say(f"Left out {path}: it is no workflow{advice}.", err=True)


def find_tests(paths: Iterable[Path]) -> list[Path]:
    """The named files, and all test files in the named folders and those below. A workflow stands for the test file
    beside it, if there is one. Raises CliError FOLDER_TOO_LARGE.
    """
    return _find((_find_own_test(path) or path for path in paths), is_test_file)


def _find_own_test(path: Path) -> Path | None:
    places = (path.with_suffix(suffix) for suffix in (TEST_SUFFIXES if path.suffix in SUFFIXES else ()))
    return None if is_test_file(path) else next((place for place in places if place.is_file()), None)


def find_workflow_of(test_file: Path) -> Path:
    """The workflow that a test file is beside: NAME.yaml or NAME.yml, whichever there is; the first that is a file."""
    name, own = test_file.stem.removesuffix(TEST_MARK), test_file.suffix
    places = [test_file.with_name(f"{name}{suffix}") for suffix in dict.fromkeys((own, *SUFFIXES))]
    return next((place for place in places if place.is_file()), places[0])


def require_tests(path: Path, text: str) -> None:
    """Raises CliError NO_TESTS if it is a workflow, which stands for its tests and has none."""
    if path.suffix in SUFFIXES and not is_test_file(path) and _has_flow(text):
        missing = path.with_suffix(TEST_SUFFIXES[0])
        hint = f"Begin one from a run: acr logs RUN --as-test > {shlex.quote(str(missing))}. By hand: acr docs testing"
        raise CliError(f"{path} has no tests: there is no {missing}.", hint, "NO_TESTS")


def find_beside(folder: Path) -> dict[str, Path]:
    """The workflows in a folder, without those below, by name. The first file of a name wins.

    Raises CliError FOLDER_TOO_LARGE.
    """
    return dict(_read_folder(folder.absolute()))


def read_name(text: str) -> str | None:
    """The name of a workflow; None if it cannot be read."""
    try:
        source = parse_json_or_yaml(text)
    except YamlTextError:
        return None
    name = source.get("name") if isinstance(source, dict) else None
    return name if isinstance(name, str) else None


@cache
def _read_folder(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    count = 0
    for path in sorted(folder.iterdir()):
        if path.suffix not in SUFFIXES or is_other_file(path) or not path.is_file():
            continue
        count += 1
        _require_few(count, folder)
        try:
            text = read_workflow_file(path)
        except CliError:
            continue
        name = read_name(text) if _has_flow(text) else None
        if name is not None:
            found.setdefault(name, path)
    return found


def _find(paths: Iterable[Path], is_wanted: Callable[[Path], bool]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        for file in filter(is_wanted, _walk(path)) if path.is_dir() else [path]:
            found.setdefault(file.absolute(), file)
    return [*found.values()]


def _walk(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                count += 1
                _require_few(count, folder)
                yield Path(place) / name


def _require_few(count: int, folder: Path) -> None:
    if count > MAX_FOLDER_FILES:
        raise CliError(
            f"{folder} has more than {MAX_FOLDER_FILES} YAML files.",
            "Name a smaller folder, or the files.",
            code="FOLDER_TOO_LARGE",
        )


def _may_be_workflow(path: Path) -> bool:
    try:
        return _has_flow(read_workflow_file(path))
    except CliError:
        return True


def _has_flow(text: str) -> bool:
    return bool((_JSON_KEY if text.lstrip().startswith("{") else _BLOCK_KEY).search(text))
