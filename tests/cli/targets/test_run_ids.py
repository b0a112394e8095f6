"""Proves which run `acr logs TEXT` shows, and what it says where there is none, against an executor over fakes."""

from pathlib import Path

import pytest

from fakes.command_line import CommandBench
from fakes.components import echo
from fakes.executor import build_bench

NEXT = "Next: List the runs: acr logs"


@pytest.fixture
def acr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "7days.yaml").write_text("name: 7days\nflow: [input >> PIPE >> echo]\nconfig: {echo: {take: input}}\n")
    bench = CommandBench(build_bench({"echo": echo}), monkeypatch, capsys)
    assert bench.run("push", "7days.yaml").code == 0
    return bench


def begin_run(acr: CommandBench) -> str:
    assert acr.run("run", "7days").code == 0
    run_id: str = acr.run("logs", "--json").answer["data"]["runs"][0]["run_id"]
    return run_id


@pytest.mark.parametrize("length", [26, 25, 10, 6])
def test_upper_and_lower_case_name_the_run(acr: CommandBench, length: int) -> None:
    run_id = begin_run(acr)
    for typed in (run_id[:length], run_id[:length].lower()):
        assert acr.run("logs", typed, "--json").answer["data"]["run_id"] == run_id


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param(
            "01M8E", "No workflow is named 01M8E, and of a run's id at least 6 characters", id="five characters"
        ),
        pytest.param("0", "No workflow is named 0, and of a run's id at least 6 characters", id="one"),
        pytest.param("01ZZZZZZ", "No run's id begins with 01ZZZZZZ, and no workflow is named so.", id="none begins so"),
        pytest.param("01zzzzzz", "No run's id begins with 01zzzzzz, and no workflow is named so.", id="lower case"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--follow"], ["--as-test"]], ids=["shown", "followed", "as a test"])
def test_what_looks_like_a_run_is_told_as_one(acr: CommandBench, typed: str, said: str, options: list[str]) -> None:
    result = acr.run("logs", typed, *options)
    first, *others = result.err.splitlines()
    assert (result.code, first.startswith(f"Error RUN_NOT_FOUND: {said}"), others) == (1, True, [NEXT]), result.err


def test_a_whole_id_of_no_run_in_lower_case(acr: CommandBench) -> None:
    result = acr.run("logs", "01j9zc3vt0m4xkqw8r2e5h7n6p")
    assert (result.code, "RUN_NOT_FOUND" in result.err, "01J9ZC3VT0M4XKQW8R2E5H7N6P" in result.err) == (1, True, True)


@pytest.mark.parametrize("typed", ["orders", "99zzzzzz", "0_abcd"])
def test_other_names_are_workflows(acr: CommandBench, typed: str) -> None:
    assert f"WORKFLOW_NOT_FOUND: There is no workflow `{typed}`" in acr.run("logs", typed).err


def test_a_workflow_whose_name_looks_like_a_run_has_its_runs(acr: CommandBench) -> None:
    assert acr.run("logs", "7days", "--json").answer["data"]["runs"] == []
    run_id = begin_run(acr)
    assert [run["run_id"] for run in acr.run("logs", "7days", "--json").answer["data"]["runs"]] == [run_id]
