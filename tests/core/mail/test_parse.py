"""Messages: what is read in those that programs send, that broken ones and those of CPython's own tests give an input
or a clear refusal, and that hostile ones are refused before they take much work.
"""

import base64
import importlib.util
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import InputError
from arcrun.interruptible import STRETCH_UNITS, run_steps
from arcrun.limits import (
    MAX_CONTENT_HEADER_CHARACTERS,
    MAX_FILENAME_CHARACTERS,
    MAX_MESSAGE_ADDRESSES,
    MAX_MESSAGE_CONTAINERS,
    MAX_MESSAGE_HEADER_BYTES,
    MAX_MESSAGE_HEADERS,
)
from arcrun.mail.model import Mailbox, Message
from arcrun.mail.parse import parse_message
from fixtures.messages import MESSAGES, WHOLE

SHORT = b"Subject: s\r\n"


def read(raw: bytes) -> Message:
    return run_steps(parse_message(raw))[0]


def require_sound(message: Message) -> None:
    """It can be an input, and no value ends its header."""
    value = message.to_input([each.describe() for each in message.attachments])
    json.dumps(value, ensure_ascii=False).encode()
    lines = [message.subject, message.message_id, *(each.filename for each in message.attachments)]
    lines += [text for each in (*message.senders, *message.to) for text in (each.name, each.address)]
    assert not any(set("\r\n\0") & set(line) for line in lines)
    assert not any("\r" in each for each in message.headers.values())
    assert not any("/" in each.filename or "\\" in each.filename for each in message.attachments)


def list_own_of_python() -> list[Path]:
    """The messages of CPython's tests, where they are installed."""
    found = importlib.util.find_spec("test.test_email")
    folder = Path(found.origin).parent / "data" if found and found.origin else Path("none")
    return sorted(folder.glob("msg_*.txt"))


def test_there_are_300() -> None:
    assert len(MESSAGES) == 300


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_read(name: str) -> None:
    message, expected = read(MESSAGES[name]), WHOLE[name]
    assert (message.text, message.html) == (expected.text, expected.html)
    assert tuple(each.filename for each in message.attachments) == expected.files
    require_sound(message)


def test_broken_ones_give_an_input_or_a_refusal() -> None:
    for raw in (MESSAGES[name] for name in MESSAGES.keys() - WHOLE.keys()):
        with suppress(InputError):
            require_sound(read(raw))


@pytest.mark.parametrize("path", list_own_of_python(), ids=lambda path: path.stem)
def test_those_of_the_tests_of_python(path: Path) -> None:
    require_sound(read(path.read_bytes()))


@given(st.binary(max_size=400), st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"]))
def test_any_octets(content: bytes, before: bytes) -> None:
    require_sound(read(before + content))


@given(st.text(max_size=200))
def test_any_header(text: str) -> None:
    written = text.encode("utf-8", "surrogatepass").replace(b"\n", b"\n ")
    require_sound(read(b"Subject: " + written + b"\nFrom: " + written + b"\nContent-Type: " + written + b"\n\nx"))


def test_the_headers_of_a_message() -> None:
    message = read(
        b"From: =?utf-8?Q?Lovelace=2C_Ada?= <Ada@Example.ORG>, bob@example.org (Bob)\n"
        b"To: undisclosed-recipients:;\nCc: =?utf-8?B?ZXZpbEBleGFtcGxlLmNvbQ==?= <c@d.e>\n"
        b"Subject: =?utf-8?B?4oI=?= =?utf-8?Q?=AC?= a\n  b\nDate: nonsense\nX-A: 1\nx-a: 2\n\ntext"
    )
    assert message.senders == (Mailbox("Ada@Example.ORG", "Lovelace, Ada"), Mailbox("bob@example.org", "Bob"))
    assert (message.to, message.cc) == ((), (Mailbox("c@d.e", "evil@example.com"),))
    assert (message.date, message.message_id, message.headers["x-a"]) == (None, "", "1\n2")
    assert message.subject.endswith("a b")
    assert message.to_input([])["from"] == {"name": "Lovelace, Ada", "address": "Ada@Example.ORG"}


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('filename="=?utf-8?B?4oKsLnBkZg==?="', "€.pdf"),
        ("filename*=utf-8''%E2%82%AC.pdf", "€.pdf"),
        ("filename*0*=utf-8''%E2%82; filename*1*=%AC.pdf", "€.pdf"),
        ("filename*=nobody''%80.pdf", "pdf"),
        ('filename="../../etc/passwd"', "_.._etc_passwd"),
        ('filename="C:\\\\windows\\\\x"', "C__windows_x"),
        ('filename="a\0b"', "a\ufffdb"),
        (f'filename="{"a" * 1_000}"', "a" * MAX_FILENAME_CHARACTERS),
        (f'filename="{"a" * MAX_CONTENT_HEADER_CHARACTERS}"', ""),
        ("filename", ""),
    ],
)
def test_the_name_of_an_attachment(disposition: str, filename: str) -> None:
    [attached] = read(f"Content-Type: a/b\nContent-Disposition: attachment; {disposition}\n\nx".encode()).attachments
    assert (attached.filename, attached.content) == (filename, b"x")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        pytest.param(b"X: " + b"a" * MAX_MESSAGE_HEADER_BYTES, "its headers have", id="a long header"),
        pytest.param(b"a:b\n" * (MAX_MESSAGE_HEADERS + 1), "1001 headers", id="many headers"),
        pytest.param(
            b"To: " + b"a@b.c," * (MAX_MESSAGE_ADDRESSES + 1), "more than 1000 addresses", id="many addresses"
        ),
        pytest.param(b"From: " + b"(" * 60_000, "comments more than 50 levels deep", id="nested comments"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000,
            "more than 1000 parts",
            id="10,000 parts",
        ),
        pytest.param(
            b"Content-Type: message/delivery-status\n\n" + b"a: b\n\n" * 10_000, "more than 1000 parts", id="blocks"
        ),
        pytest.param(
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(10_000)),
            "10000 parts with parts in them",
            id="nested parts",
        ),
        pytest.param(
            b"Content-Type: message/rfc822\n\n" * (MAX_MESSAGE_CONTAINERS + 1), "parts with parts", id="nested messages"
        ),
        pytest.param(
            b"Content-Type:\r\n multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 60 + b"\r\n" * 200_000,
            "too much to look through",
            id="many lines in many parts",
        ),
    ],
)
def test_bombs_are_refused(raw: bytes, told: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as refused:
        read(raw)
    assert (refused.value.code, told in refused.value.message) == ("MESSAGE_TOO_COMPLEX", True)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"=?a?q?" * 40_000, id="beginnings of encoded words"),
        pytest.param(b"=?utf-8?q?a?=" * 18_000, id="encoded words"),
        pytest.param(b"(" * 200_000, id="comments"),
        pytest.param(b'"' * 200_001, id="quotes"),
        pytest.param(b"<" * 200_000, id="brackets"),
        pytest.param(b"a@b;" * 50_000, id="groups"),
        pytest.param(b"; a=" * 50_000, id="parameters"),
        pytest.param(b"\n \n " * 60_000, id="folds"),
        pytest.param(b"\\" * 200_000, id="escapes"),
    ],
)
@pytest.mark.parametrize("name", [b"Subject", b"From", b"Content-Type", b"Content-Disposition", b"Date"])
def test_hostile_headers_take_no_time(name: bytes, header: bytes) -> None:
    with suppress(InputError):
        require_sound(read(name + b": " + header + b"\n\nx"))


def test_the_work_has_pauses() -> None:
    raw = b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"x" * 1_000_000)
    assert sum(done >= STRETCH_UNITS for done in parse_message(raw)) > 15
