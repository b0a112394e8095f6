"""What Tab offers, and which arguments are refused before anything is sent."""

import os
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from acr.commands import arguments
from acr.commands.arguments import (
    ComponentFolderPath,
    ComponentId,
    RunOrWorkflowName,
    WorkflowFile,
    WorkflowFileOrFolder,
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


def complete_words(line: str) -> tuple[list[str], set[str]]:
    """What Tab offers at the end of a command line, and the kinds of it."""
    *words, typed = line.split(" ")
    found = BashComplete(acr, {}, "acr", "_ACR_COMPLETE").get_completions(words, typed)
    return [str(item.value) for item in found], {item.type for item in found}


YAML = ["greet.yaml", "orders.yml", "flows/deep.yaml", "shout/contract.yaml"]
FOLDERS = ["flows/", "parts/", "shout/"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param("diff greet ", YAML, id="diff"),
        pytest.param("pull greet ", YAML, id="pull"),
        pytest.param("new greet ", YAML, id="new"),
        *(pytest.param(f"{name} ", [*FOLDERS, *YAML], id=name) for name in ("push", "validate", "test")),
        pytest.param("push fl", ["flows/", "flows/deep.yaml"], id="a folder's beginning"),
        pytest.param("push greet.yaml flows/", ["flows/deep.yaml"], id="in a folder"),
        pytest.param("push par", ["parts/"], id="a folder whose folders have YAML"),
        *(
            pytest.param(f"{words} ", ["3", "2", "1"], id=words)
            for words in ("rollback greet", "pull greet --version", "show greet --version", "diff greet --version")
        ),
    ],
)
def test_each_argument_has_its_own(line: str, offered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "_versions", lambda _, name: ["3", "2", "1"] if name == "greet" else [])
    words, kinds = complete_words(line)
    assert (sorted(words), kinds) == (sorted(offered), {"plain"})


@pytest.mark.parametrize("line", ["validate --components ", "dev --components ", "dev --persist "])
def test_options_of_folders_offer_folders(line: str) -> None:
    assert complete_words(line)[1] == {"dir"}


def test_without_a_platform_tab_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert complete(WorkflowName()) == complete(RunOrWorkflowName()) == set()
    assert capsys.readouterr() == ("", "")


def test_components_are_the_built_in_ones_and_folders_with_a_contract() -> None:
    assert complete(ComponentId()) == set(builtin_ids(find_platform_home()))
    assert complete(ComponentFolderPath()) == {"shout", "parts/whisper"}


@pytest.mark.parametrize(
    "kind", [WorkflowFile(), WorkflowFileOrFolder(), WorkflowNameOrFile()], ids=lambda kind: type(kind).__name__
)
def test_a_dash_is_stdin(kind: click.ParamType[Any]) -> None:
    assert kind.convert("-", None, None) == Path("/dev/stdin")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(["pull", "greet", "-"], "`-` is stdin, and this is written.", id="pull to stdin"),
        pytest.param(["new", "greet", "-"], "`-` is stdin, and this is written.", id="new at stdin"),
        pytest.param(["upgrade", "-"], "A stream cannot be rewritten.", id="upgrade of stdin"),
        pytest.param(
            ["run", "-", "--input", "-", "--url", "http://127.0.0.1:9", "--api-key", "k"],
            "stdin is either the workflow or the input.",
            id="stdin twice",
        ),
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
