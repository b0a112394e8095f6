"""Proves that any answer can be printed, with lone surrogates and characters that stdout's encoding lacks."""

import json
import subprocess
import sys
from typing import Any

import pytest

PRINTERS = {
    "print_json": "from acr.output.render import print_json; print_json(value)",
    "one line": "from acr.output.render import print_json; print_json(value, indent=None)",
    "table": "from acr.output.render import print_table; print_table(['a'], [[value]])",
    "echo": "import click; click.echo(value)",
    "error": (
        "from acr.output.render import render_error; "
        "render_error({'code': 'X', 'message': value, 'next_actions': [value]})"
    ),
    "warning": "from acr.output.render import warn; warn(value)",
    "timeline": (
        "from acr.output.trace import render_timeline;"
        " render_timeline({'run_id': value, 'workflow': value, 'status': 'lost', 'started_at': value,"
        " 'error': {'preview': value}})"
    ),
}


def run_printing(printer: str, value: Any, encoding: str) -> subprocess.CompletedProcess[str]:
    program = f"from acr.output.terminal import prepare_streams as e; e(); value = {value!a}; {PRINTERS[printer]}"
    command = [sys.executable, "-c", program]
    environment = {"PYTHONIOENCODING": encoding, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("printer", PRINTERS)
def test_a_lone_surrogate_is_printed_as_an_escape(printer: str, encoding: str) -> None:
    result = run_printing(printer, "a\ud800b", encoding)
    assert (result.returncode, "Traceback" in result.stderr) == (0, False)
    assert "a\\ud800b" in result.stdout + result.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_json_output_is_valid_json(encoding: str) -> None:
    value = {"é": ["😀", "\ud800", "a"]}
    assert json.loads(run_printing("print_json", value, encoding).stdout) == value


def test_utf_8_is_not_escaped() -> None:
    assert run_printing("print_json", "é😀", "utf-8").stdout == '"é😀"\n'
