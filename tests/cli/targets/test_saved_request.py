"""Proves how a request that is saved in a file is read, and that `acr run --request` sends it as it is."""

import json
from pathlib import Path

import pytest

from acr.errors import CliError
from acr.targets.saved_request import SavedRequest, parse_saved_request
from fakes.command_line import CommandBench
from fakes.components import echo
from fakes.executor import API_KEY, build_bench

GITHUB = (
    b"POST /hooks/github?x=1 HTTP/1.1\r\n"
    b"Host: example.com\r\n"
    b"X-GitHub-Event: issues\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 9\r\n"
    b"\r\n"
    b"a=1&b=%20\n"
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            GITHUB,
            SavedRequest(
                "POST",
                "/hooks/github?x=1",
                ((b"X-GitHub-Event", b"issues"), (b"Content-Type", b"application/x-www-form-urlencoded")),
                b"a=1&b=%20",
            ),
            id="CRLF, of another URL",
        ),
        pytest.param(
            b"PUT http://127.0.0.1:8787/webhooks/0a/trigger/a%2Fb/?c=d HTTP/1.0\nA:  b \n\n{}\r\n\n",
            SavedRequest("PUT", "/a%2Fb?c=d", ((b"A", b"b"),), b"{}\r\n\n"),
            id="LF, the whole URL, all that follows",
        ),
        pytest.param(
            b"POST /webhooks/named/greet/trigger HTTP/2\n\n",
            SavedRequest("POST", "", (), b""),
            id="by name, no headers",
        ),
        pytest.param(b"GET / HTTP/1.1\nA: b\n", SavedRequest("GET", "", ((b"A", b"b"),), b""), id="no empty line"),
        pytest.param(b"GET /?a HTTP/1.1", SavedRequest("GET", "?a", (), b""), id="one line"),
        pytest.param(b"OPTIONS * HTTP/1.1\n\n", SavedRequest("OPTIONS", "", (), b""), id="asterisk"),
        pytest.param(
            b"POST / HTTP/1.1\nContent-Length: 0\nX-Arcrun-API-Key: k\nConnection: close\n\n\n",
            SavedRequest("POST", "", (), b""),
            id="headers that are dropped",
        ),
        pytest.param(
            b"POST / HTTP/1.1\nA: \xe9\n\n\x00\xff",
            SavedRequest("POST", "", ((b"A", b"\xe9"),), b"\x00\xff"),
            id="bytes",
        ),
        pytest.param(
            b"GET /\xc3\xa9%C3%A9?a=\xff HTTP/1.1\n\n",
            SavedRequest("GET", "/%C3%A9%C3%A9?a=%FF", (), b""),
            id="bytes in the target",
        ),
    ],
)
def test_it_is_read(content: bytes, expected: SavedRequest) -> None:
    assert parse_saved_request(content) == expected


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        pytest.param(b"", "Line 1 of the request: it must be a request line.", "For example: POST", id="nothing"),
        pytest.param(b"POST /\n\n", "Line 1 of the request: it must be a request line.", "For", id="no version"),
        pytest.param(b'{"a": 1}', "Line 1 of the request: it must be a request line.", "For", id="JSON"),
        pytest.param(b"GET a HTTP/1.1\n", "Line 1 of the request: 'a' is no path.", "For", id="no path"),
        pytest.param(b"GET / HTTP/1.1\n{}\n", "Line 2 of the request: it is no header.", "Write NAME", id="no header"),
        pytest.param(b"GET / HTTP/1.1\na : b\n", "Line 2 of the request: it is no header.", "Write", id="a space"),
        pytest.param(
            b"GET / HTTP/1.1\na: b\n c\n", "Line 3 of the request: it continues the header above.", "", id="folded"
        ),
        pytest.param(
            b"GET / HTTP/1.1\na: b\x00\n", "Line 2 of the request: the header's value has a control", "", id="NUL"
        ),
        pytest.param(
            b"POST / HTTP/1.1\nContent-Length: 9\n\n{}",
            "The body has 2 bytes, and the Content-Length of the request is not as many.",
            "Correct the header, or remove it",
            id="cut",
        ),
        pytest.param(b"POST / HTTP/1.1\nContent-Length: x\n\n{}", "The body has 2 bytes", "", id="no length"),
        pytest.param(
            b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n\n",
            "The request has a Transfer-Encoding.",
            "",
            id="chunks",
        ),
    ],
)
def test_what_is_malformed_is_named(content: bytes, message: str, hint: str) -> None:
    with pytest.raises(CliError) as caught:
        parse_saved_request(content)
    assert caught.value.code == "REQUEST_FILE_INVALID"
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    "path", ["/../rollback", "/../../../../execute", "/a/%2e%2E/b", "/a%2f..", "/..\\a", "/webhooks/0a/trigger/.."]
)
def test_a_path_cannot_lead_to_another_route(path: str) -> None:
    with pytest.raises(CliError) as caught:
        parse_saved_request(f"POST {path} HTTP/1.1\n\n".encode())
    assert caught.value.code == "INVALID_PATH"


FLOW = {
    "name": "show",
    "triggers": {"webhook": {"methods": ["GET", "POST"]}},
    "flow": ["input >> PIPE >> echo", "echo >> PIPE >> output"],
    "config": {"echo": {"text": "{{request.path}} {{request.query | json}} {{input | json}}"}},
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    bench = CommandBench(build_bench({"echo": echo}), monkeypatch, capsys)
    bench.send("POST", "/webhooks", {"workflow": FLOW})
    return bench


def test_a_saved_request_is_played_as_it_is(bench: CommandBench, tmp_path: Path) -> None:
    file = tmp_path / "github.http"
    file.write_bytes(GITHUB)
    result = bench.run("run", "show", "--request", str(file))
    assert (result.code, json.loads(result.out)) == (0, {"text": '/hooks/github {"x":"1"} {"a":"1","b":" "}'})
    assert "echo" in result.err
    played = bench.requests[-1]
    assert {name: value for name, value in played.headers.items() if name != "connection"} == {
        "host": "executor.test",
        "x-arcrun-api-key": API_KEY,
        "x-github-event": "issues",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": "9",
    }


@pytest.mark.parametrize(
    ("request_line", "code", "out", "err"),
    [
        pytest.param("HEAD / HTTP/1.1", 0, "", "200 OK", id="an answer without a body"),
        pytest.param("PUT / HTTP/1.1", 1, "", "METHOD_NOT_ALLOWED", id="a method that is not allowed"),
        pytest.param("POST /%2e%2e HTTP/1.1", 1, "", "INVALID_PATH", id="a path that is refused"),
    ],
)
def test_other_answers(bench: CommandBench, tmp_path: Path, request_line: str, code: int, out: str, err: str) -> None:
    file = tmp_path / "a.http"
    file.write_text(f"{request_line}\n\n")
    result = bench.run("run", "show", "--request", str(file))
    assert (result.code, result.out) == (code, out)
    assert err in result.err
    as_json = bench.run("run", "show", "--request", str(file), "--json")
    assert (as_json.code, as_json.answer["success"]) == (code, not code)


def test_it_needs_a_stored_workflow_and_has_the_input(bench: CommandBench, tmp_path: Path) -> None:
    file = tmp_path / "a.http"
    file.write_bytes(GITHUB)
    flow = tmp_path / "flow.yaml"
    flow.write_text(json.dumps(FLOW))
    for arguments in (["show", "--input", "{}"], [str(flow)]):
        result = bench.run("run", *arguments, "--request", str(file))
        assert result.code == 2
        assert "--request has the input, and needs a stored workflow" in result.err
    assert bench.run("run", "show", "--request", str(tmp_path / "none")).code == 2
