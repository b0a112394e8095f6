"""Proves that untrusted strings, from answers, records, contracts or files, cannot control the user's terminal."""

import ast
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

import acr
from acr.output.findings import render_findings
from acr.output.render import build_console, build_table, print_json, print_table, render_error, warn
from acr.output.runs import RunLines, render_runs
from acr.output.terminal import ask, confirm, escape_controls, relay, say, say_lines
from acr.output.trace import render_timeline, render_trace

UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff\U000e0001\U000e0041\U000e007f"
TURNING = UNSEEN + "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FORGED = "\nPushed forged, version 1\r\tPushed forged"
HOSTILE = (
    "a"
    + FORGED
    + "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))
    + TURNING
    + "\u2028\u2029\x1b]0;t\x07b"
)
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
        pytest.param(lambda: RunLines().render({**RECORD, "error": HOSTILE}), id="a run that is followed"),
        pytest.param(lambda: render_trace(RECORD), id="a trace"),
        pytest.param(lambda: render_timeline({**RECORD, "error": ENTRY["error"]}), id="a record"),
    ],
)
def test_control_characters_are_escaped(show: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    show()
    shown = "".join(capsys.readouterr())
    assert "a" in shown
    assert [line for line in shown.splitlines() if line.lstrip().startswith("Pushed")] == []
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


def test_scripts_are_kept_and_invisible_characters_escaped() -> None:
    assert escape_controls("完成後 é 👩💻 ❤️") == "完成後 é 👩💻 ❤️"
    assert escape_controls("a\tb\n\r\u200d\U000e0041") == r"a\tb\n\r\u200d\udb40\udc41"


def test_foreign_lines_are_distinguished_from_acr_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    say_lines("Pushed a\n\x1b[2J\tPushed b", indent="  ")
    relay(["Pushed c\r\n", "Pushed\rd"])
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["  Pushed a", r"  \u001b[2J    Pushed b"]
    assert printed.err.splitlines() == ["  Pushed c", r"  Pushed\rd"]


# Functions that write to the terminal, and functions that let another program write to it unless one of these options
# captures its output.
WRITERS = {
    *(
        "print",
        "input",
        "Console",
        "getpass",
        "help",
        "Progress",
        "Live",
        "StreamHandler",
        "basicConfig",
        "reveal_type",
    ),
    *("click.echo", "click.secho", "click.style", "click.prompt", "click.confirm", "click.pause", "click.edit"),
    *("click.echo_via_pager", "click.progressbar", "click.clear", "click.get_text_stream", "rich.print", "os.write"),
    *("getpass.getpass", "os.system", "os.execv", "os.execvp", "os.popen", "os.spawnv", "pty.spawn", "pprint.pprint"),
    *("traceback.print_exc", "traceback.print_exception", "warnings.warn", "sys.stdout.write", "sys.stderr.write"),
    *("sys.stdout.buffer.write", "sys.stderr.buffer.write", "sys.__stdout__.write", "sys.__stderr__.write"),
}
PROGRAMS = {f"subprocess.{name}" for name in ("run", "Popen", "call", "check_call", "check_output", "getoutput")}
ALLOWED = {
    "render.py": ["Console"],
    "terminal.py": ["click.confirm", "click.echo", "click.echo", "click.prompt", "click.style", "show"],
}


def find_ways(source: str) -> Iterator[str]:
    """Yield the calls in a module that write to the terminal, or let another program write to it."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        options = {keyword.arg for keyword in node.keywords}
        takes_output = "capture_output" in options or {"stdout", "stderr"} <= options
        if name in WRITERS or (name in PROGRAMS and not takes_output):
            yield name
        elif name.endswith(".show") and name.split(".")[0] in ("error", "fault", "exception"):
            yield "show"
        elif name.startswith("create_subprocess") or name.startswith("asyncio.create_subprocess"):
            yield name


@pytest.mark.parametrize(
    ("source", "ways"),
    [
        ("print(1)", ["print"]),
        ("click.echo('x', err=True)", ["click.echo"]),
        ("subprocess.run(['x'], check=True)", ["subprocess.run"]),
        ("subprocess.run(['x'], stdout=subprocess.PIPE)", ["subprocess.run"]),
        ("subprocess.Popen(['x'], stdout=PIPE, stderr=STDOUT)", []),
        ("subprocess.run(['x'], capture_output=True)", []),
        ("sys.stderr.write('x')", ["sys.stderr.write"]),
        ("error.show()", ["show"]),
        ("console.print('x')", []),  # a console that escapes
        ("def f():\n  if x: [click.prompt(y) for y in z]", ["click.prompt"]),
    ],
)
def test_terminal_output_is_found(source: str, ways: list[str]) -> None:
    assert list(find_ways(source)) == ways


def test_only_one_module_writes_to_the_terminal() -> None:
    found: dict[str, list[str]] = {}
    for path in Path(acr.__path__[0]).rglob("*.py"):
        if "templates" not in path.parts and (ways := sorted(find_ways(path.read_text()))):
            found[path.name] = ways
    assert found == ALLOWED


@pytest.mark.parametrize("call", [lambda: ask(HOSTILE), lambda: confirm(HOSTILE)], ids=["a question", "yes or no"])
def test_a_question_does_not_control_the_terminal(
    call: Callable[[], object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    call()
    shown = "".join(capsys.readouterr())
    assert "a" in shown
    assert [c for c in shown if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in TURNING)] == []


def test_messages_that_cannot_be_written_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk. A failure to write data, on stdout, is an error."""

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    monkeypatch.setattr("sys.stdout", Full())
    say("talk", err=True)
    with pytest.raises(OSError, match="No space left"):
        say("data")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [
        pytest.param({"TERM": "xterm"}, True, id="a terminal"),
        pytest.param({"TERM": "xterm", "NO_COLOR": ""}, True, id="an empty NO_COLOR"),
        pytest.param({"TERM": "xterm", "NO_COLOR": "0"}, False, id="NO_COLOR"),
        pytest.param({"TERM": "dumb"}, False, id="a dumb terminal"),
    ],
)
def test_colours_can_be_declined(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    say("Error", colour="red", err=True)
    assert terminal.getvalue() == ("\x1b[31mError\x1b[0m\n" if is_coloured else "Error\n")


def test_no_line_of_acr_s_own_has_a_line_feed_in_it() -> None:
    """say, warn and errors escape it: what has two lines is said by two calls, or by say_lines."""
    found = [
        f"{path.name}:{call.lineno}"
        for path in Path(acr.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _name_of(call) in ("say", "warn", "CliError", "NotLoggedInError")
        for text in ast.walk(call)
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and "\n" in text.value.rstrip("\n")
    ]
    assert found == []


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


@pytest.mark.parametrize("verdict", ["-", "failed HTTP_STATUS", "failed WORKFLOW_CODE_THAT_IS_LONG", "x" * 45])
def test_an_address_stays_whole_beside_a_column_that_wraps(
    verdict: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    url = "http://127.0.0.1:40265/webhooks/f464c98dfc39c9918144331e846c7d6f/trigger"
    row = ("a_workflow_with_a_name_of_forty_characters", "1 (latest 22)", verdict, "2026-11-27 11:55:16", url)
    print_table(("name", "version", "last run", "updated", "webhook"), [row], flexible=("last run",))
    printed = capsys.readouterr().out
    assert [cell for cell in row if cell != verdict and cell not in printed] == []
