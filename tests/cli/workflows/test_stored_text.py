"""Proves `acr show`, `acr pull` and `acr diff`: what they print and write, and what they never do."""

import os
import pty
import sys
from pathlib import Path

import pytest

from acr.output.terminal import put_text
from acr.output.workflows import describe_stored
from fakes.command_line import CommandBench
from fakes.components import echo, exited
from fakes.engine import data
from fakes.executor import build_bench

OLD = "# the first\nname: greet\nflow:\n  - input >> PIPE >> echo\nconfig:\n  echo: {take: input}\n"
NEW = OLD.replace("# the first", "# the second").replace("take: input", "text: hi")
BOTH = "name: both\nflow: [input >> SUBFLOW >> greet]\n"


@pytest.fixture
def acr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    """A project whose folder `flows` has greet.yaml and both.yaml, pushed; greet has two versions."""
    project = tmp_path / "project"
    (project / "flows").mkdir(parents=True)
    (project / "arcrun.yaml").touch()
    monkeypatch.chdir(project)
    bench = CommandBench(
        build_bench({"echo": echo, "validate_json": exited(data({"valid": True, "errors": []}))}), monkeypatch, capsys
    )
    for text, file in ((OLD, "greet"), (NEW, "greet"), (BOTH, "both")):
        Path(f"flows/{file}.yaml").write_text(text)
        assert bench.run("push", f"flows/{file}.yaml").code == 0
    return bench


def test_show_prints_the_text_and_what_is_known(acr: CommandBench) -> None:
    shown = acr.run("show", "greet")
    webhook = acr.run("list", "greet", "--json").answer["data"]["webhook_url"]
    assert (shown.code, shown.out) == (0, NEW)
    assert shown.err.splitlines() == [
        "greet",
        "  version   2",
        "  updated   2026-09-21 14:13:20 UTC",
        "  file      flows/greet.yaml",
        f"  webhook   {webhook} (the URL is a secret)",
        "  called by both",
    ]
    assert "  calls     greet" in acr.run("show", "both").err


def test_show_counts_what_verify_has_refused_and_a_run_s_steps(capsys: pytest.CaptureFixture[str]) -> None:
    refused = {
        "count": 3,
        "codes": {"SIGNATURE_INVALID": 2, "CREDENTIAL_MISSING": 1},
        "since": "2026-09-20",
        "last_at": "2026-09-21T14:13:20.000Z",
    }
    workflow = {"name": "hook", "version": 1, "latest": 1, "updated_at": "2026-09-20T00:00:00.000Z", "file": "a.yaml"}
    described = {**workflow, "webhook_url": "u", "calls": [], "called_by": []}
    describe_stored({**described, "refused": refused}, 1)
    expected = "3 requests since 2026-09-20 (SIGNATURE_INVALID 2, CREDENTIAL_MISSING 1), the last"
    assert capsys.readouterr().err.splitlines()[-1] == f"  refused   {expected} 2026-09-21 14:13:20 UTC"
    describe_stored(described, 1)  # as an executor of the release before answers
    assert "refused" not in capsys.readouterr().err
    describe_stored({**described, "steps": {"text": "2 + 1 for each element of input.items", "steps": 2}}, 1)
    expected = "  steps     2 + 1 for each element of input.items of the platform, in a run in which all runs once"
    assert capsys.readouterr().err.splitlines()[-1] == expected


def test_show_prints_an_earlier_version(acr: CommandBench) -> None:
    shown = acr.run("show", "greet", "--version", "1")
    assert (shown.out, shown.err.splitlines()[1]) == (OLD, "  version   1; the current one is 2")
    data = acr.run("show", "greet", "--version", "1", "--json").answer["data"]
    assert (data["shown_version"], data["version"], data["text"], data["file"]) == (1, 2, OLD, "flows/greet.yaml")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["nobody"], "WORKFLOW_NOT_FOUND"), (["greet", "--version", "7"], "VERSION_NOT_FOUND")],
)
@pytest.mark.parametrize("command", ["show", "pull", "diff"])
def test_what_is_not_stored(acr: CommandBench, command: str, arguments: list[str], code: str) -> None:
    result = acr.run(command, *arguments, "--json")
    assert (result.code, result.answer["error"]["code"]) == (2 if command == "diff" else 1, code)


def test_a_text_is_escaped_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_text("a: \x1b[31m\tb\u202e\n")
    assert capsys.readouterr().out == "a: \x1b[31m\tb\u202e\n"
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        put_text("a: \x1b[31m\tb\u202e\n")
        terminal.flush()
        seen = os.read(leader, 1_000).decode()
    os.close(leader)
    assert seen == "a: \\u001b[31m        b\\u202e\r\n"


def test_what_was_pushed_as_an_object_is_shown_as_yaml(acr: CommandBench) -> None:
    acr.send("POST", "/webhooks", {"workflow": {"name": "greet", "flow": ["input >> PIPE >> echo"]}})
    assert acr.run("show", "greet").out == "name: greet\nflow:\n- input >> PIPE >> echo\n"


def test_pull_writes_to_the_file_that_was_pushed(acr: CommandBench) -> None:
    same = acr.run("pull", "greet", "--json").answer["data"]
    assert same == {"name": "greet", "version": 2, "file": "flows/greet.yaml", "written": False}
    Path("flows/greet.yaml").unlink()
    assert acr.run("pull", "greet").err == "Wrote greet, version 2, to flows/greet.yaml.\n"
    assert Path("flows/greet.yaml").read_text() == NEW


def test_pull_into_a_fresh_folder_makes_the_folders(acr: CommandBench, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Path.cwd().parent / "fresh"
    fresh.mkdir()
    monkeypatch.chdir(fresh)
    acr.run("pull", "greet")
    assert Path("flows/greet.yaml").read_text() == NEW


def test_pull_in_another_folder_of_the_project_writes_there(acr: CommandBench, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("docs").mkdir()
    monkeypatch.chdir("docs")
    assert acr.run("pull", "greet", "--json").answer["data"]["file"] == "greet.yaml"
    monkeypatch.chdir("../flows")
    Path("greet.yaml").unlink()
    assert acr.run("pull", "greet", "--json").answer["data"] == {
        "name": "greet", "version": 2, "file": "greet.yaml", "written": True,
    }  # fmt: skip


def test_pull_overwrites_what_differs_after_a_question_or_by_force(acr: CommandBench) -> None:
    file = Path("flows/greet.yaml")
    file.write_text("mine\n")
    refused = acr.run("pull", "greet", "--json")
    assert (refused.code, refused.answer["error"]["code"]) == (1, "FILE_DIFFERS")
    assert acr.run("pull", "greet", confirms=False).code == 1
    assert file.read_text() == "mine\n"
    assert acr.run("pull", "greet", confirms=True).code == 0
    assert file.read_text() == NEW
    assert acr.run("pull", "greet", "--version", "1", "--force").code == 0
    assert file.read_text() == OLD


@pytest.mark.parametrize(
    "file",
    ["../outside.yaml", "a/../../outside.yaml", ".git/hooks/x.yaml", ".envrc", "flows/run.sh", "flows/.hidden.yaml"],
)
def test_pull_by_default_writes_no_file_that_somebody_else_chose(acr: CommandBench, file: str) -> None:
    """Whoever may push chooses `file`; only YAML in this folder counts."""
    client_file = {"workflow": NEW, "file": file, "force": True}
    response = acr.send("POST", "/webhooks", client_file)
    assert response.status_code == 200
    before = {path for path in Path.cwd().parent.rglob("*") if path.is_file()}
    assert acr.run("pull", "greet", "--json").answer["data"]["file"] == "greet.yaml"
    assert {path for path in Path.cwd().parent.rglob("*") if path.is_file()} - before == {Path("greet.yaml").absolute()}


def test_pull_by_default_writes_no_file_of_another_kind(acr: CommandBench) -> None:
    acr.send("POST", "/webhooks", {"workflow": NEW.replace("greet", "credentials", 1)})
    Path("credentials.yaml").write_text("secret: s\n")
    result = acr.run("pull", "credentials", "--force", "--json")
    assert (result.code, result.answer["error"]["code"]) == (1, "NOT_A_WORKFLOW_FILE")
    assert Path("credentials.yaml").read_text() == "secret: s\n"


def test_pull_writes_through_no_link(acr: CommandBench) -> None:
    outside = Path.cwd().parent / "outside"
    outside.mkdir()
    target = outside / "greet.yaml"
    target.write_text("theirs\n")
    Path("linked.yaml").symlink_to(target)
    Path("inner.yaml").symlink_to("flows/both.yaml")
    Path("folder").symlink_to(outside)
    codes = [
        acr.run("pull", "greet", file, "--force", "--json").answer["error"]["code"]
        for file in ("linked.yaml", "inner.yaml", "folder/greet.yaml", "folder/new.yaml")
    ]
    assert codes == ["FILE_IS_LINK", "FILE_IS_LINK", "LINK_LEADS_OUT", "LINK_LEADS_OUT"]
    assert (target.read_text(), [path.name for path in outside.iterdir()]) == ("theirs\n", ["greet.yaml"])
    assert acr.run("pull", "greet", str(outside / "copy.yaml")).code == 0
    assert (outside / "copy.yaml").read_text() == NEW


def test_diff_compares_with_the_file(acr: CommandBench) -> None:
    same = acr.run("diff", "greet")
    assert (same.code, same.out) == (0, "")
    Path("flows/greet.yaml").write_text(NEW.replace("text: hi", "text: \u202ehello"))
    differs = acr.run("diff", "greet")
    assert (differs.code, differs.err) == (1, "")
    assert differs.out.splitlines() == [
        "--- greet (version 2)",
        "+++ flows/greet.yaml",
        "@@ -3,5 +3,5 @@",
        " flow:",
        "   - input >> PIPE >> echo",
        " config:",
        "-  echo: {text: hi}",
        "+  echo: {text: \\u202ehello}",
        " ",
    ]


def test_diff_compares_versions(acr: CommandBench) -> None:
    differs = acr.run("diff", "greet", "--version", "1", "--version", "2", "--json")
    data = differs.answer["data"]
    assert (differs.code, data["from"], data["to"]) == (1, "greet (version 1)", "greet (version 2)")
    assert [line for line in data["diff"] if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-# the first",
        "+# the second",
        "-  echo: {take: input}",
        "+  echo: {text: hi}",
    ]
    assert acr.run("diff", "greet", "--version", "2").code == 0
    assert acr.run("diff", "greet", "flows/greet.yaml", "--version", "1").code == 1
    for wrong in (
        ["--version", "1", "--version", "2", "flows/greet.yaml"],
        ["--version", "1"] + ["--version", "2"] * 2,
    ):
        assert acr.run("diff", "greet", *wrong).code == 2


def test_diff_without_the_file_is_trouble(acr: CommandBench) -> None:
    Path("flows/greet.yaml").unlink()
    result = acr.run("diff", "greet")
    assert (
        result.code,
        result.out,
        result.err.startswith("Error FILE_UNREADABLE: flows/greet.yaml cannot be read"),
    ) == (2, "", True)


def test_a_diff_is_coloured_on_a_terminal_alone(acr: CommandBench, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("flows/greet.yaml").write_text(NEW.replace("hi", "hello"))
    assert "\x1b" not in acr.run("diff", "greet").out
    leader, follower = pty.openpty()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", os.fdopen(follower, "w"))
        assert acr.run("diff", "greet").code == 1
        seen = ""
        with sys.stdout:  # the command has wrapped it
            sys.stdout.flush()
            while "text: hello" not in seen:  # a terminal gives what there is
                seen += os.read(leader, 10_000).decode()
    os.close(leader)
    assert "\x1b[31m-  echo: {text: hi}\x1b[0m" in seen
    assert "\x1b[32m+  echo: {text: hello}" in seen


def test_show_tells_the_fields_of_the_input(acr: CommandBench) -> None:
    schema = "input_schema: {required: [id], properties: {id: {type: integer}, name: {type: string}}}\n"
    Path("flows/greet.yaml").write_text(NEW + schema)
    assert acr.run("push", "flows/greet.yaml").code == 0
    assert "  input     id: integer; name: string, optional" in acr.run("show", "greet").err.splitlines()
