"""Every command, against services whose every string would control a terminal: in lists, refusals and other answers.

The commands are found by walking the command line: a new command fails here until it has a line in COMMANDS.
"""

import io
import json
import os
import stat
import sys
import threading
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from cli.conftest import Said
from cli.output.test_terminal import ENTRY, FINDING, HOSTILE, RECORD, TURNING

from acr.local.runtime_process import RuntimeProcess
from acr.main import acr, main

WORD = HOSTILE.replace("\x00", "")  # for arguments and names of files, which end at a zero byte
FILE = "w\x1b[31m\x9b2J\u202e.yaml"
EXPORT = "export.jsonl"
RUN_ID = "01J9ZC3VT0M4XKQW8R2E5H7N6P"
TIME = "2026-11-26T00:00:00.000Z"
FIGURES = {"total_runs": 1, "success_rate": 1.0, "avg_duration_ms": 1.0, "p95_duration_ms": 1.0}
STEP = {
    "name": "contract_check",
    "status": "failed",
    "figure": HOSTILE,
    "limit": HOSTILE,
    "code": HOSTILE,
    "findings": [HOSTILE],
    "next_actions": [HOSTILE],
}
WORKFLOW = {
    "name": HOSTILE,
    "version": 1,
    "latest": 2,
    "updated_at": HOSTILE,
    "format": 3,
    "calls": [HOSTILE],
    "file": HOSTILE,
    "token": "t",
    "webhook_url": HOSTILE,
    "email_address": HOSTILE,
    "paused": {"on_trigger": HOSTILE, "all": True},
}
KEY = dict.fromkeys(("name", "can", "workflow", "id", "created_at", "expires_at", "last_used_at"), HOSTILE)
SESSION = dict.fromkeys(("id", "can", "workflow", "key_id", "created_at", "expires_at", "last_used_at"), HOSTILE)
COMPONENT = {
    "canonical_id": HOSTILE,
    "version": HOSTILE,
    "category": HOSTILE,
    "credentials_required": [HOSTILE],
    "description": HOSTILE,
    "display_name": HOSTILE,
    "tags": [HOSTILE],
    "aliases": [],
    "visibility": "author_only",
    "submission_id": HOSTILE,
    "submitted_at": HOSTILE,
    "decisions": [{"decision": HOSTILE}],
    "contract": {HOSTILE: HOSTILE},
    "sha256": HOSTILE,
    "key_id": HOSTILE,
    "public_key": "A" * 43 + "=",
    "steps": [STEP],
    **FIGURES,
}
LISTED = {**RECORD, "workflow": "x", "error": HOSTILE}
SCHEDULE = {
    **dict.fromkeys(("workflow", "cron", "zone", "last_due_at", "last_run_id", "delayed_since"), HOSTILE),
    "number": 1,
    "paused": True,
    "next": [{"utc": HOSTILE, "local": HOSTILE}],
    **dict.fromkeys(("waiting", "skipped", "missed"), 1),
}
PUSHED = {
    **WORKFLOW,
    "changed": True,
    "diff": {"added": [HOSTILE], "changed": [HOSTILE], "removed": []},
    "diagnostics": [FINDING],
    "workflow": HOSTILE,
    "versions": [],
    "schedules": [SCHEDULE],
}
REFUSAL = {"code": HOSTILE, "message": HOSTILE, "next_actions": [HOSTILE], "details": {"steps": [], HOSTILE: HOSTILE}}
# Each route's answer, by the end of its path; the first match counts.
DATA: dict[str, Any] = {
    "/schedules": {"schedules": [SCHEDULE], "cursor": None},
    "/schedules/x": {"schedules": [SCHEDULE]},
    "/schedules/x/pause": {"schedules": [SCHEDULE]},
    "/schedules/x/resume": {"schedules": [SCHEDULE]},
    "/validate": {"valid": False, "diagnostics": [FINDING]},
    "/trigger": {HOSTILE: HOSTILE},
    "/execute": {HOSTILE: HOSTILE},
    f"/runs/{RUN_ID}": {**RECORD, "status": "lost", "input": HOSTILE, "error": ENTRY["error"]},
    "/runs": {"runs": [LISTED], "cursor": None, "unwritten": {"count": 1, "last_at": HOSTILE, "reason": HOSTILE}},
    "/runs/unsettled": {"dead": {"x": 1}, "queued": {"x": 2}},
    "/resume": {"released": 1, "paused": None, "still_paused": [HOSTILE]},
    "/usage": {
        "plan": HOSTILE,
        "usage": [{"name": HOSTILE, "used": 9, "most": 10, "is_estimate": True}],
        "unwritten": {"count": 1, "last_at": HOSTILE, "reason": HOSTILE},
    },
    "/checks": {"checks": [{"name": HOSTILE, "ok": False, "warns": False, "detail": HOSTILE, "hint": HOSTILE}]},
    "/rollback": PUSHED,
    "/rotate": {**PUSHED, "tenant_id": HOSTILE, "api_key": HOSTILE, "keys": []},
    "/audit": {
        "lines": [
            dict.fromkeys(("at", "action", "subject", "detail", "key_id", "address"), HOSTILE),
        ],
        "cursor": None,
    },
    "/named/x": {**PUSHED, "called_by": [HOSTILE], "versions": [{"version": 1, "pushed_at": HOSTILE}]},
    "/webhooks": {**PUSHED, "workflows": [{**WORKFLOW, "name": "x"}, {**WORKFLOW, "calls": ["x"]}], "cursor": None},
    "/webhooks/t": {**PUSHED, "versions": [{"version": 1, "pushed_at": HOSTILE}]},
    "/components": {"components": [COMPONENT], "cursor": None},
    "/analytics": {"components": []},
    "/stores": {"stores": [{"kind": HOSTILE, "name": HOSTILE, "entries": 1, "bytes": 2_000}], "cursor": None},
    "/stores/workflow/x": {"entries": [{"key": HOSTILE, "bytes": 1, "expires_ms": 0}], "cursor": None, "deleted": 1},
    "/entry": {"key": HOSTILE, "value": HOSTILE, "was_there": True, "deleted": True},
    "/keys": {"keys": [KEY], **KEY, "key": HOSTILE},
    "/keys/x": {"name": HOSTILE, "revoked": True},
    "/session/links": {"url": HOSTILE, "expires_at": HOSTILE},
    "/sessions": {"sessions": [SESSION]},
    "/sessions/x": {"id": HOSTILE, "revoked": True},
    "/me": {"created_at": HOSTILE, "keys": [{"id": HOSTILE, "created_at": HOSTILE, "expires_at": HOSTILE}]},
    "": COMPONENT,
}  # fmt: skip
# Cloudflare's routes, whose answers have `result`.
RESULTS: dict[str, Any] = {
    "/keys": [{"name": "cred:" + HOSTILE}],
    "/buckets": {"buckets": [{"name": "arcrun-components"}]},
    "/objects": [{"key": HOSTILE + ".wasm", "etag": HOSTILE, "size": 1}],
    "/namespaces": [{"title": HOSTILE, "id": HOSTILE}],
    "/accounts": [{"id": HOSTILE, "name": HOSTILE}, {"id": HOSTILE + "2", "name": HOSTILE}],
    "/verify": {"id": HOSTILE, "status": HOSTILE},
    "": {"status": HOSTILE},
}
# One call of each command, by name.
COMMANDS: dict[str, list[str]] = {
    "init": ["--no-input"],
    "dev": ["--persist", f"{FILE}/x"],
    "deploy": ["--no-wait"],
    "new": [WORD],
    "validate": [FILE],
    "test": [FILE],
    "upgrade": [FILE],
    "push": [FILE],
    "run": ["x"],
    "show": ["x"],
    "pull": ["x", "pulled.yaml"],
    "diff": ["x", FILE],
    "list": ["x"],
    "logs": [RUN_ID],
    "rollback": ["x", "1"],
    "rotate": ["x"],
    "event": ["0" * 26, WORD],
    "cancel": ["0" * 26],
    "decide": ["0" * 26, "pay", "retry"],
    "approve": ["0" * 26],
    "dismiss": ["0" * 26],
    "pause": ["x"],
    "resume": ["--all"],
    "schedule list": [],
    "schedule next": ["x"],
    "schedule pause": ["x"],
    "schedule resume": ["x"],
    "schedule run": ["x"],
    "replay": ["0" * 26],
    "retry": ["0" * 26],
    "delete": ["x", "--yes"],
    "account show": [],
    "account rotate-key": [],
    "account delete": ["--yes"],
    "creds push": [],
    "creds set": ["a_name"],
    "creds test": ["a_name"],
    "creds list": [],
    "creds rm": [WORD],
    "creds rotate": [],
    "parts list": [],
    "parts scaffold": [WORD],
    "parts zig": [],
    "parts bundle": ["part\x1b[31m"],
    "parts test": ["part\x1b[31m"],
    "parts publish": ["part\x1b[31m"],
    "parts approve": [WORD],
    "parts reject": [WORD],
    "parts install": ["x@v1"],
    "parts verify": ["x@v1"],
    "doctor": [],
    "keys create": ["x", "--can", "push", "--workflow", "w"],
    "keys list": [],
    "keys revoke": ["x"],
    "sessions list": [],
    "sessions revoke": ["x"],
    "audit": [],
    "usage": [],
    "open": ["--print"],
    "docs": [WORD],
    "completion": ["bash"],
    "store list": ["x"],
    "store get": ["x", WORD],
    "store put": ["x", WORD, "1"],
    "store delete": ["x", WORD],
    "store purge": ["x", "--yes"],
    "trigger email": [FILE, "--workflow", "x"],
    "export": ["made.jsonl"],
    "restore": [EXPORT, "--force"],
    "destroy": ["--yes"],
}
MORE = {"a test of a run": ["logs", RUN_ID, "--as-test"], "follow": ["logs", RUN_ID, "--follow"],
        "run a file": ["run", FILE], "run and wait for nothing": ["run", "x", "--async"], "list all": ["list"],
        "all stores": ["store", "list"],
        "logs of all": ["logs"], "parts": ["parts"], "one part": ["parts", "list", "x"]}  # fmt: skip


# Its stdout is the stored text, unchanged; escaped on a terminal: tests/cli/workflows/test_stored_text.py.
EXACT = {"show"}


class Service(BaseHTTPRequestHandler):
    """Answers according to `mode`; other methods like GET."""

    mode = "lists"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.mode == "no HTTP":
            self.wfile.write(b"HTTP/1.1 \x1b[31m\xc2\x9b\r\n\x1b]0;t\x07: \x1b\r\n\r\n")
            self.close_connection = True
            return
        status, body = self._answer(urlsplit(self.path).path)
        self.send_response_only(status, "\x1b[31m\x07")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str) -> tuple[int, bytes]:
        if self.mode in SHAPES:
            return 200, SHAPES[self.mode].encode()
        if self.mode == "no JSON":
            return 400, HOSTILE.encode()
        if self.mode == "refuses":
            errors = [{"code": 7, "message": HOSTILE}]
            return 400, json.dumps({"success": False, "error": REFUSAL, "errors": errors}).encode()
        data, result = ((next(table[end] for end in table if path.endswith(end))) for table in (DATA, RESULTS))
        answer = {"data": data, "result": result, "result_info": {}, "run_id": HOSTILE, "duration_ms": 1.0, "ok": True}
        return 200, json.dumps({"success": True, **answer, "trace": [ENTRY], "version": HOSTILE}).encode()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def desk(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of hostile names, and a configuration for the service."""
    (tmp_path / FILE).write_text(f"name: x\nflow: [{json.dumps(HOSTILE)}]\n")
    lines = [
        {"kind": "export", "format": 1},
        {"kind": "workflow", "name": HOSTILE, "version": 1, "latest": 1, "file": HOSTILE, "paused": None},
        {"kind": "version", "name": HOSTILE, "version": 1, "workflow": HOSTILE, "vars": {}},
        {"kind": "end", "workflows": 1, "versions": 1, "runs": 0},
    ]
    (tmp_path / EXPORT).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "part\x1b[31m").mkdir()
    (tmp_path / "part\x1b[31m/contract.yaml").write_text(json.dumps({"canonical_id": HOSTILE, HOSTILE: HOSTILE}))
    (tmp_path / "part\x1b[31m/x.wasm").write_bytes(b"\x00asm")
    (tmp_path / "credentials.yaml").write_text(json.dumps({"a": HOSTILE}))
    (tmp_path / "credentials.yaml").chmod(0o600)
    wrangler = tmp_path / "wrangler"
    wrangler.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({HOSTILE!a})\n")
    wrangler.chmod(stat.S_IRWXU)
    (tmp_path / "config").mkdir()
    key = "A" * 43 + "="
    config = {
        "namespaces": {"CREDENTIALS_KV": "n"},
        "auth_url": service,
        "api_key": "k",
        "encryption_key": key,
        "account_id": "a",
    }
    (tmp_path / "config/config.json").write_text(json.dumps(config))
    (tmp_path / "config/config.json").chmod(0o600)
    for name in [name for name in os.environ if name.startswith(("ARCRUN_", "CLOUDFLARE_"))]:
        monkeypatch.delenv(name)
    environment = {
        "ARCRUN_URL": service,
        "ARCRUN_API_KEY": "k",
        "ARCRUN_REGISTRY_URL": service,
        "ARCRUN_REVIEWER_KEY": "k",
        "CLOUDFLARE_API_BASE_URL": service,
        "CLOUDFLARE_API_TOKEN": "t",
        "ACR_CONFIG_DIR": str(tmp_path / "config"),
        "ACR_WRANGLER": str(wrangler),
        "COLUMNS": "100000",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def leaves(group: click.Group, prefix: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """A command's stdout and stderr. An unexpected exception is shown as Python would."""
    said = run_to_exit(arguments, monkeypatch, capsys)
    return said.stdout, said.stderr


def run_to_exit(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    for name in ("excepthook", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "argv", ["acr", *arguments])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped-0123456789\n")))
    code = 0
    try:
        main()
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    except Exception as fault:
        code = 1
        sys.excepthook(type(fault), fault, fault.__traceback__)
    return Said(code, *capsys.readouterr())


def controls_in(text: str) -> list[str]:
    return [c for c in text if c not in "\n\t" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in TURNING)]


def test_every_command_is_covered() -> None:
    assert sorted(COMMANDS) == sorted(leaves(acr))


CALLS = {**{name: [*name.split(), *arguments] for name, arguments in COMMANDS.items()}, **MORE}


@pytest.mark.parametrize("mode", ["lists", "refuses", "no JSON", "no HTTP"])
@pytest.mark.parametrize("name", CALLS)
def test_no_answer_controls_the_terminal(
    desk: Path, name: str, mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Service, "mode", mode)
    monkeypatch.setattr("acr.cloudflare.api.MAX_ATTEMPTS", 1)
    out, err = run(CALLS[name], monkeypatch, capsys)
    said = err if name in EXACT else out + err
    assert controls_in(said) == []
    assert [line for line in said.splitlines() if line.startswith("Pushed forged")] == []
    assert said
    assert "Traceback" not in said, said


# Answers of another JSON service, or malformed ones.
SHAPES: dict[str, str] = {
    "no data": '{"success": true}',
    "null": '{"success": true, "data": null, "result": null}',
    "a text": '{"success": true, "data": "text", "result": "text"}',
    "a number": '{"success": true, "data": 7, "result": 7}',
    "a list": '{"success": true, "data": [], "result": []}',
    "lists of lists": '{"success": true, "data": [[]], "result": [[]], "trace": [[]], "run_id": []}',
    "an empty object": '{"success": true, "data": {}, "result": {}}',
    "other types": json.dumps(
        {"success": True, "data": {key: [7, None] for key in ("runs", "lines", "workflows", "versions", "components")}}
    ),
    "a refusal in a word": '{"success": false, "error": "text"}',
    "a refusal of numbers": '{"success": false, "error": {"code": 7, "message": [], "next_actions": {}}}',
    "a refusal without an error": '{"success": false}',
    "an odd success": '{"success": "yes", "data": {}}',
    "a list instead of it": "[]",
    "deep nesting": "[" * 100_000,
    "deep nesting in data": '{"success": true, "data": ' + "[" * 900 + "]" * 900 + "}",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name in CALLS if name.split()[0] not in ("dev", "init", "completion")])
def test_an_answer_of_another_shape_is_reported_in_a_sentence(
    desk: Path, name: str, shape: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Service, "mode", shape)
    monkeypatch.setattr("acr.cloudflare.api.MAX_ATTEMPTS", 1)
    said = "".join(run(CALLS[name], monkeypatch, capsys))
    assert "Traceback" not in said, said


def test_the_exception_is_shown_on_demand(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Service, "mode", "no data")
    _, err = run(["list"], monkeypatch, capsys)
    assert "is not one of arcrun's (KeyError).\nNext: " in err
    monkeypatch.setenv("ACR_DEBUG", "1")
    assert "KeyError: 'data'" in run(["list"], monkeypatch, capsys)[1]


SCRIPTS = {"completion"}  # what it prints is a script


@pytest.mark.parametrize("mode", ["lists", "refuses", "no JSON", "no HTTP", "other types", "usage"])
@pytest.mark.parametrize("name", sorted(CALLS.keys() - SCRIPTS))
def test_with_json_every_command_prints_an_answer(
    desk: Path, name: str, mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Service, "mode", mode)
    monkeypatch.setattr("acr.cloudflare.api.MAX_ATTEMPTS", 1)
    unknown = ["--no-such-option"] if mode == "usage" else []
    code, out, err = run_to_exit([*CALLS[name], *unknown, "--json"], monkeypatch, capsys)
    assert controls_in(out + err) == []
    answer = json.loads(out)
    assert answer["success"] is (code == 0)
    if answer["success"]:
        assert "data" in answer
        assert mode != "usage"
    else:
        assert {"code", "message", "next_actions"} <= set(answer["error"])
        assert all(isinstance(answer["error"][key], str) and answer["error"][key] for key in ("code", "message"))
        assert "Error" in err or "data" in answer


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - SCRIPTS))
def test_every_command_has_json(name: str) -> None:
    context = click.Context(acr)
    command: click.Command = acr
    for part in name.split():
        assert isinstance(command, click.Group)
        found = command.get_command(context, part)
        assert found is not None
        command = found
    assert "--json" in [option for parameter in command.params for option in parameter.opts]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_argument_controls_the_terminal(
    desk: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as the name of an unpacked file, completed by the shell."""
    for arguments in ([*name.split(), WORD, WORD], [*name.split(), f"--{WORD}"], [WORD]):
        said = "".join(run(arguments, monkeypatch, capsys))
        assert (controls_in(said), bool(said)) == ([], True)


def test_no_unexpected_exception_controls_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: Any) -> None:
        raise ZeroDivisionError(HOSTILE)

    monkeypatch.setattr(acr, "main", fail)
    said = "".join(run([], monkeypatch, capsys))
    assert (controls_in(said), "ZeroDivisionError" in said) == ([], True)


def test_the_runtime_s_log_does_not_control_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the real Node: anything that it or workerd writes to stderr."""
    script = tmp_path / "script.mjs"
    script.write_text(
        f"process.stderr.write({json.dumps(HOSTILE)} + '\\n'); process.stderr.write('last'); process.exitCode = 3;"
    )
    process = RuntimeProcess(script, tmp_path / "plan.json", tmp_path / "cache")
    assert list(process.events()) == []
    assert process.stop() == 3
    said = capsys.readouterr().err
    assert (controls_in(said), "\\u001b]0;t\\u0007" in said, said.endswith("last\n")) == ([], True, True)
