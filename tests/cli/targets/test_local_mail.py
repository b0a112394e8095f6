"""`acr trigger email`: what it adds to a file, what it says of an outcome, and that it is for an `acr dev` alone."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from acr.config.folders import local_records
from acr.errors import CliError
from acr.targets.local_mail import (
    LocalMail,
    UndeliverableError,
    check_message,
    explain_refusal,
    prepare_message,
    require_local_mail,
)
from acr.targets.local_record import LocalRecord, save_local_record
from arcrun.interruptible import run_steps
from arcrun.mail.authentication import find_dmarc
from arcrun.mail.parse import parse_message
from executor.mail import receiving

API = "http://127.0.0.1:1/secret/cdn-cgi/local/explorer/api"
MESSAGE = b"From: Ada <ada@example.org>\r\nSubject: s\r\n\r\nMessage-ID: none\r\n"


@pytest.mark.parametrize(("dmarc", "found"), [(None, "none"), ("pass", "pass"), ("fail", "fail")])
def test_what_is_added_is_what_cloudflare_would_add(dmarc: str | None, found: str) -> None:
    message, results = run_steps(parse_message(prepare_message(MESSAGE, dmarc)))
    assert find_dmarc(results, message.senders) == found
    assert (message.subject, message.text) == ("s", "Message-ID: none\n")
    assert re.fullmatch(r"<[0-9a-f]{32}@arcrun\.localhost>", message.message_id)


@pytest.mark.parametrize(("dmarc", "found"), [(None, "none"), ("fail", "fail")])
def test_what_a_message_brings_itself_is_not_cloudflares(dmarc: str | None, found: str) -> None:
    forged = b"Authentication-Results: mx.cloudflare.net; dmarc=pass header.from=example.org\r\n" + MESSAGE
    message, results = run_steps(parse_message(prepare_message(forged, dmarc)))
    assert find_dmarc(results, message.senders) == found


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"", "the file is empty"),
        (b" \r\n\r\n", "the file is empty"),
        (b"From ada@example.org Mon Jan  1\r\n" + MESSAGE, "mailbox file"),
        (b"hello\r\n", "does not begin with a header"),
        (b"\r\nFrom: a@b.c\r\n\r\nx", "does not begin with a header"),
        (b"Subject: s\r\n\r\nFrom: a@b.c", "no header `From`"),
        (b"A: b\r\n" * 1_001 + MESSAGE, "headers are too many"),
        (b"A: " + b"b" * 262_144 + b"\r\n" + MESSAGE, "headers are too many"),
    ],
    ids=["empty", "blank", "mbox", "no headers", "an empty first line", "no From", "many headers", "large headers"],
)
def test_what_cannot_be_delivered_is_told_before(message: bytes, said: str) -> None:
    with pytest.raises(UndeliverableError, match=said) as raised:
        check_message(message)
    assert "Try again" not in raised.value.hint
    check_message(MESSAGE)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (receiving.NO_ADDRESS, "acr list"),
        (receiving.NOT_ALLOWED, "--dmarc pass"),
        (receiving.PAUSED, "acr resume"),
        (receiving.UNFIT, "input_schema"),
        ("The message has 9 bytes; this address takes 4 at most.", "max_bytes"),
        ("The message cannot be read: it has more than 100 parts.", "fewer parts"),
    ],
)
def test_each_refusal_has_its_next_step(reason: str, hint: str) -> None:
    assert hint in explain_refusal(reason)


def test_a_message_that_has_an_id_is_delivered_as_it_is() -> None:
    message = b"message-id : <1@x>\n\nbody"
    assert prepare_message(message, None) == message
    assert prepare_message(MESSAGE, None) == prepare_message(MESSAGE, None)  # and one without gets the same each time


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (lambda _: httpx.Response(200, json={"outcome": "ok", "events": []}), None),
        (lambda _: httpx.Response(200, json={"outcome": "ok", "rejectReason": "No."}), "No."),
    ],
)
def test_the_outcome(
    answer: Callable[[httpx.Request], httpx.Response], refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(answer, monkeypatch)
    assert LocalMail(API).deliver("a@b.c", "w+t@d.e", b"x") == refused
    [request] = asked
    assert request.url == "http://127.0.0.1:1/secret/cdn-cgi/local/email?from=a%40b.c&to=w%2Bt%40d.e&format=json"
    assert request.content == b"x"


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(500, json={"outcome": "exception"}),
        lambda _: httpx.Response(200, json=[]),
    ],
    ids=["raised", "another shape"],
)
def test_what_is_to_be_delivered_again(
    answer: Callable[[httpx.Request], httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(answer, monkeypatch)
    with pytest.raises(CliError, match="could not be taken now") as raised:
        LocalMail(API).deliver("a@b.c", "w+t@d.e", b"x")
    assert "secret" not in f"{raised.value} {raised.value.hint}"


def test_what_the_local_runtime_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(lambda _: httpx.Response(400, text="Email could not be parsed: why\nwhere"), monkeypatch)
    with pytest.raises(UndeliverableError, match=r"cannot deliver it: Email could not be parsed: why$"):
        LocalMail(API).deliver("a@b.c", "w+t@d.e", b"x")
    serve(lambda _: httpx.Response(500, text="Error: Headers"), monkeypatch)
    with pytest.raises(UndeliverableError, match="its own parser fails"):
        LocalMail(API).deliver("a@b.c", "w+t@d.e", b"x")


def serve(answer: Callable[[httpx.Request], httpx.Response], monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Let requests be answered so. Returns them, as they come."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    client = httpx.Client(transport=httpx.MockTransport(handle))
    monkeypatch.setattr(httpx, "post", client.post)
    return asked


def test_a_deployed_platform_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACR_CONFIG_DIR", str(tmp_path))
    record = LocalRecord("http://127.0.0.1:8787", "k", API, {}, "b", "keys", "http://r", "k", "k", str(tmp_path))
    saved = save_local_record(local_records(), record)
    assert require_local_mail("http://127.0.0.1:8787/") == LocalMail(API)
    with pytest.raises(CliError, match="by mail only"):
        require_local_mail("https://arcrun.example.com")
    saved.forget()
