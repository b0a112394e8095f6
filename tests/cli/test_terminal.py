"""What came from elsewhere, an answer, a record, a contract, a file, does not steer the terminal of who looks at it."""

import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

import acr
from acr.render import build_console, build_table, print_json, print_table, render_error, warn
from acr.render_findings import render_findings
from acr.render_runs import render_run_line, render_runs
from acr.render_trace import render_timeline, render_trace
from acr.terminal import escape_controls, say

TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HOSTILE = "a" + "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)])) + TURNING + "\u2028\u2029\x1b]0;t\x07b"
ENTRY = {
    "node": HOSTILE,
    "component": HOSTILE,
    "status": "failed",
    "start_ms": 0.0,
    "duration_ms": 1.0,
    "attempts": 1,
    "error": {"code": HOSTILE, "message": HOSTILE},
}
RECORD = {
    "id": HOSTILE,
    "run_id": HOSTILE,
    "workflow": HOSTILE,
    "status": "failed",
    "version": 1,
    "trigger": HOSTILE,
    "node": HOSTILE,
    "started_at": "2026-11-26T00:00:00.000Z",
    "duration_ms": 1.0,
    "trace": [ENTRY],
}
FINDING = {
    "file": HOSTILE,
    "line": 1,
    "column": 1,
    "severity": "error",
    "code": "X",
    "message": HOSTILE,
    "hint": HOSTILE,
}


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(lambda: say(HOSTILE), id="a line"),
        pytest.param(lambda: warn(HOSTILE), id="a warning"),
        pytest.param(lambda: print_json({HOSTILE: [HOSTILE]}), id="JSON"),
        pytest.param(lambda: print_table([HOSTILE], [[HOSTILE], [Text(HOSTILE, "red")]]), id="a table"),
        pytest.param(
            lambda: render_error({"code": HOSTILE, "message": HOSTILE, "next_actions": [HOSTILE]}), id="an error"
        ),
        pytest.param(lambda: render_findings([FINDING], "f"), id="a finding"),
        pytest.param(lambda: render_runs([{**RECORD, "error": HOSTILE}]), id="runs"),
        pytest.param(lambda: render_run_line({**RECORD, "error": HOSTILE}), id="a run that is followed"),
        pytest.param(lambda: render_trace(RECORD), id="a trace"),
        pytest.param(lambda: render_timeline({**RECORD, "error": ENTRY["error"]}), id="a record"),
    ],
)
def test_controls_are_shown(show: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    show()
    shown = "".join(capsys.readouterr())
    assert "a" in shown
    assert [c for c in shown if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in TURNING)] == []


def test_json_is_the_same_value(capsys: pytest.CaptureFixture[str]) -> None:
    value: Any = {HOSTILE: [HOSTILE, "\t\n", "é", "\ud800"]}
    print_json(value)
    assert json.loads(capsys.readouterr().out) == value


def test_a_terminal_still_has_colours() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    build_console(stream).print(build_table(["t"], [[Text("x\x1b[31my", "red")]]))
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).split() == ["t", r"x\u001b[31my"]


def test_tabs_newlines_and_scripts_stay() -> None:
    assert escape_controls("a\tb\n完成後 é 👩‍💻") == "a\tb\n完成後 é 👩‍💻"


def test_there_is_no_other_way_to_the_terminal() -> None:
    ways = re.compile(r"click\.(?:echo|secho|style)\(|(?<![.\w])print\(|sys\.std(?:out|err)\.write|\bConsole\(")
    found = [
        f"{path.name}: {match.group()}"
        for path in Path(acr.__path__[0]).rglob("*.py")
        if "templates" not in path.parts
        for match in ways.finditer(path.read_text())
    ]
    assert sorted(found) == ["render.py: Console(", "terminal.py: click.echo(", "terminal.py: click.style("]
