"""What Tab offers, and which arguments are refused before anything is sent."""

import os
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from acr.commands import arguments
from acr.commands.arguments import (
    ComponentFolderPath,
    ComponentId,
    RunOrWorkflowName,
    WorkflowFile,
    WorkflowName,
    WorkflowNameOrFile,
)
from acr.config.platform_home import find_platform_home
from acr.main import acr
from acr.parts.own_components import builtin_ids

FILES = ("greet.yaml", "notes.txt", "orders.yml", "flows/deep.yaml", "flows/readme.md", ".hidden/x.yaml", "data.json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ARCRUN_", "CLOUDFLARE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ACR_CONFIG_DIR", str(tmp_path / "config"))
    work = tmp_path / "work"
    for file in FILES:
        (work / file).parent.mkdir(parents=True, exist_ok=True)
        (work / file).write_text("")
    (work / "shout").mkdir()
    (work / "shout/contract.yaml").write_text("")
    (work / "parts/whisper").mkdir(parents=True)
    (work / "parts/whisper/contract.yaml").write_text("")
    monkeypatch.chdir(work)
    return work


def complete(kind: click.ParamType[Any], typed: str = "") -> set[str]:
    context = click.Context(acr)
    return {item.value for item in kind.shell_complete(context, click.Argument(["x"]), typed)}


def test_files_are_yaml_only() -> None:
    assert complete(WorkflowFile()) == {"greet.yaml", "orders.yml", "flows/deep.yaml", "shout/contract.yaml"}
    assert complete(WorkflowFile(), "fl") == {"flows/deep.yaml"}
    assert complete(WorkflowFile(), "flows/") == {"flows/deep.yaml"}
    assert complete(WorkflowFile(), "nowhere/") == set()


def test_workflows_and_runs_are_those_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "_workflow_names", lambda _: ["greet", "orders"])
    monkeypatch.setattr(arguments, "_run_ids", lambda _: ["01J9ZC3VT0M4XKQW8R2E5H7N6P"])
    assert complete(WorkflowName(), "gr") == {"greet"}
    assert complete(WorkflowNameOrFile(), "gr") == {"greet", "greet.yaml"}
    assert complete(RunOrWorkflowName(), "01J9") == {"01J9ZC3VT0M4XKQW8R2E5H7N6P"}


def test_without_a_platform_tab_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert complete(WorkflowName()) == complete(RunOrWorkflowName()) == set()
    assert capsys.readouterr() == ("", "")


def test_components_are_the_built_in_ones_and_folders_with_a_contract() -> None:
    assert complete(ComponentId()) == set(builtin_ids(find_platform_home()))
    assert complete(ComponentFolderPath()) == {"shout", "parts/whisper"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(["run", "nope.yaml"], "There is no file `nope.yaml`.", id="a file that is not there"),
        pytest.param(["run", "flows"], "`flows` is a folder.", id="a folder"),
        pytest.param(["run", "."], "`.` is a folder.", id="this folder"),
        pytest.param(["run", ".."], "`..` is a folder.", id="the folder above"),
        pytest.param(["run", "a/b"], "There is no file `a/b`.", id="a path"),
        pytest.param(["run", ""], "The name is empty.", id="nothing"),
        pytest.param(["run", "a b"], "`a b` is not a workflow's name", id="two words"),
        pytest.param(["list", ".."], "`..` is not a workflow's name", id="list"),
        pytest.param(["delete", "a/b", "--yes"], "`a/b` is not a workflow's name", id="delete"),
        pytest.param(["rotate", ""], "The name is empty.", id="rotate"),
        pytest.param(["rollback", "?x", "1"], "`?x` is not a workflow's name", id="rollback"),
        pytest.param(["logs", "a/../b"], "`a/../b` is not a workflow's name", id="logs"),
        pytest.param(["show", "x" * 65], "is not a workflow's name", id="show"),
        pytest.param(["pull", "."], "`.` is not a workflow's name", id="pull"),
        pytest.param(["diff", "%2e%2e"], "`%2e%2e` is not a workflow's name", id="diff"),
        pytest.param(["dev", "--port", "99999"], "99999 is not in the range", id="a port"),
        pytest.param(["list", "--local", "--target", "x"], "exclude each other", id="local and target"),
    ],
)
def test_what_is_no_workflow_is_refused_before_anything_is_sent(line: list[str], told: str) -> None:
    result = CliRunner().invoke(acr, line)
    assert (result.exit_code, told in result.output) == (2, True), result.output
