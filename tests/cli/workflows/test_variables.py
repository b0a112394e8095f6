"""`vars` of arcrun.yaml: a push sends them, and `acr push`, `acr diff` and `acr validate --offline` know them."""

from pathlib import Path

import pytest

from acr.config.chosen_target import choose_target, forget_target
from acr.config.project_file import read_variables
from acr.errors import CliError
from fakes.command_line import CommandBench
from fakes.components import echo
from fakes.executor import build_bench

FLOW = 'name: greet\nflow: [input >> PIPE >> echo]\nconfig: {echo: {text: "{{vars.greeting}}"}}\n'


@pytest.fixture
def acr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    """A project with greet.yaml, which reads the variable `greeting`."""
    monkeypatch.chdir(tmp_path)
    Path("greet.yaml").write_text(FLOW)
    set_variables("{greeting: Hello, unread: 1}")
    return CommandBench(build_bench({"echo": echo}), monkeypatch, capsys)


def set_variables(written: str) -> None:
    Path("arcrun.yaml").write_text(f"vars: {written}\n")


def test_a_push_resolves_them_and_a_changed_one_is_a_new_version(acr: CommandBench) -> None:
    assert acr.run("push", "greet.yaml").code == 0
    assert acr.run("run", "greet", "--json").answer["data"] == {"text": "Hello"}
    assert (
        acr.run("diff", "greet", "greet.yaml").code,
        acr.run("push", "greet.yaml", "--json").answer["data"]["version"],
    ) == (0, 1)
    set_variables("{greeting: Good day, unread: 2}")
    diff = acr.run("diff", "greet", "greet.yaml")
    assert (diff.code, diff.out.splitlines()) == (
        1,
        ["@@ vars @@", '-vars.greeting: "Hello"', '+vars.greeting: "Good day"'],
    )
    pushed = acr.run("push", "greet.yaml")
    assert "Pushed greet, version 2: ~vars.greeting" in pushed.err + pushed.out
    assert acr.run("run", "greet", "--json").answer["data"] == {"text": "Good day"}
    assert acr.run("run", "greet.yaml", "--json").answer["data"] == {"text": "Good day"}


def test_one_that_was_removed_is_shown_and_refused(acr: CommandBench) -> None:
    assert acr.run("push", "greet.yaml").code == 0
    Path("arcrun.yaml").write_text("")
    assert acr.run("diff", "greet", "greet.yaml").out.splitlines() == ["@@ vars @@", '-vars.greeting: "Hello"']
    refused = acr.run("push", "greet.yaml")
    assert (refused.code, "vars: {greeting: ...}" in refused.err) == (1, True)
    assert acr.run("validate", "greet.yaml", "--offline").code == 1


def test_a_target_adds_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("arcrun.yaml").write_text("vars: {a: 1, b: 2}\ntargets: {staging: {vars: {b: 3}}, production: {}}\n")
    assert read_variables() == {"a": 1, "b": 2}
    try:
        choose_target("staging")
        assert read_variables() == {"a": 1, "b": 3}
        choose_target("production")
        assert read_variables() == {"a": 1, "b": 2}
    finally:
        forget_target()


@pytest.mark.parametrize("written", ["[1]", "{a b: 1}", "text"])
def test_wrong_ones_are_told_with_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (f"vars: {written}\n", f"targets: {{staging: {{vars: {written}}}}}\n"):
        Path("arcrun.yaml").write_text(text)
        with pytest.raises(CliError, match=r"arcrun\.yaml: .*`vars`"):
            read_variables()
