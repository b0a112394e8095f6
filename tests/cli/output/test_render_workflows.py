"""Messages about a push, findings and a workflow's version."""

from typing import Any

import pytest

from acr.output.findings import count_findings, render_findings, render_refusal
from acr.output.workflows import describe_pause, describe_push, describe_version, render_workflows, say_all_paused


def finding(**more: Any) -> dict[str, Any]:
    common = {"code": "CYCLE", "severity": "error", "message": "a leads back to a", "hint": "", "file": None}
    return {**common, "line": None, "column": None, **more}


@pytest.mark.parametrize(
    ("changed", "diff", "expected"),
    [
        pytest.param(True, {"added": ["a", "b"]}, "Pushed greet, version 2: +a +b", id="added"),
        pytest.param(
            True, {"removed": ["a"], "changed": ["b"]}, "Pushed greet, version 2: ~b -a", id="changed and removed"
        ),
        pytest.param(True, {}, "Pushed greet, version 2", id="only the text around the nodes"),
        pytest.param(False, {}, "greet has not changed, version 2.", id="unchanged"),
    ],
)
def test_a_push_is_described_in_one_line(changed: bool, diff: dict[str, list[str]], expected: str) -> None:
    whole = {"added": [], "changed": [], "removed": [], **diff}
    assert describe_push({"name": "greet", "version": 2, "changed": changed, "diff": whole}) == expected


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        (None, ""),
        ({"on_trigger": "refuse", "all": False}, "paused, refuses requests"),
        ({"on_trigger": "queue", "all": True}, "paused as all, queues requests"),
    ],
)
def test_a_pause_is_described(pause: dict[str, Any] | None, expected: str) -> None:
    assert describe_pause(pause) == expected


@pytest.mark.parametrize(
    ("pauses", "says"),
    [
        ([None], False),
        ([{"on_trigger": "refuse", "all": False}], False),
        ([{"on_trigger": "refuse", "all": False}, {"on_trigger": "refuse", "all": True}], True),
    ],
)
def test_a_pause_of_all_is_told_with_its_end(
    pauses: list[Any], *, says: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    say_all_paused([{"name": "w", "paused": pause} for pause in pauses])
    assert ("acr resume --all" in capsys.readouterr().err) == says


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, ""),
        ({"dead_letters": 1}, "1 dead letter"),
        (
            {"paused": {"on_trigger": "queue", "all": False}, "queued": 3, "dead_letters": 2},
            "paused, queues requests, 3 queued, 2 dead letters",
        ),
    ],
)
def test_a_list_has_what_the_owner_should_know(
    state: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    common = {"name": "w", "version": 1, "latest": 1, "updated_at": "2026-11-26T00:00:00.000Z", "webhook_url": "URL"}
    render_workflows([{**common, "last_run": None, "paused": None, "dead_letters": 0, "queued": 0, **state}])
    line = capsys.readouterr().out.splitlines()[-1].rstrip()
    assert line.endswith(expected or "URL")


@pytest.mark.parametrize(("latest", "expected"), [(2, "2"), (5, "2 (latest 5)")])
def test_the_latest_version_is_shown_if_it_is_not_current(latest: int, expected: str) -> None:
    assert describe_version({"version": 2, "latest": latest}) == expected


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        pytest.param([], "no errors", id="nothing"),
        pytest.param(["error"], "1 error", id="one"),
        pytest.param(["warning", "error", "warning"], "1 error, 2 warnings", id="some of each"),
    ],
)
def test_findings_are_counted(severities: list[str], expected: str) -> None:
    assert count_findings([finding(severity=severity) for severity in severities]) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"line": 3, "column": 5}, ["a.yaml:3:5: error CYCLE a leads back to a"], id="a place"),
        pytest.param({}, ["a.yaml: error CYCLE a leads back to a"], id="no place"),
        pytest.param({"file": "b.yaml"}, ["b.yaml: error CYCLE a leads back to a"], id="its own file"),
        pytest.param({"hint": "Cut it."}, ["a.yaml: error CYCLE a leads back to a", "    Cut it."], id="a hint"),
    ],
)
def test_a_finding_has_its_place_and_its_hint(
    capsys: pytest.CaptureFixture[str], more: dict[str, Any], expected: list[str]
) -> None:
    render_findings([finding(**more)], "a.yaml")
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()) == ("", expected)


def test_hints_are_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    details = {"diagnostics": [finding(hint="Cut it.")]}
    error = {"code": "INVALID_WORKFLOW", "message": "bad", "next_actions": ["Cut it."], "details": details}
    render_refusal(error, "a.yaml")
    assert capsys.readouterr().err.count("Cut it.") == 1
