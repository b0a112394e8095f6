"""gmail sends messages that Python's own email package reads back as they were meant."""

import base64
import json
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

TOKEN = "ya29.a0AfH6SM-secret_token"
SMALLEST = {"google_oauth": TOKEN, "to": "ada@example.com", "subject": "Hi"}
SENT = {"status": 200, "headers": {}, "body": '{"id":"m1","threadId":"t1","labelIds":["SENT"]}'}
profile = settings(max_examples=40, deadline=None)
# What a header can hold: no control characters (C1 ones included, which Python's parser treats as line ends).
lines = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)


def exchange(reply: dict[str, Any], cpu_ms: int | None = None, **fields: Any) -> harness.Result:
    return harness.run("gmail", {**SMALLEST, **fields}, harness.StubHost([HostStub({}, reply)]), cpu_ms)


def call(**fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The request that the host gets, and its body as JSON."""
    result = exchange(SENT, **fields)
    assert result.output["success"] is True, result.output
    [(name, request)] = result.host.requests
    assert name == "http_request"
    return request, json.loads(request["body"])


def send(**fields: Any) -> bytes:
    """The message, whose lines are as long as RFC 5322 wants and end as it wants."""
    raw = call(**fields)[1]["raw"]
    assert not set(raw) & set("+/\r\n ")
    message = base64.urlsafe_b64decode(raw)
    assert message.isascii()
    assert message.count(b"\n") == message.count(b"\r") == message.count(b"\r\n")
    assert max(map(len, message.split(b"\r\n"))) <= 998
    return message


def read(**fields: Any) -> EmailMessage:
    message = message_from_bytes(send(**fields), policy=policy.default)
    assert not message.defects
    for part in message.walk():
        assert not part.defects
    return message


def refuse(**fields: Any) -> Any:
    result = harness.run("gmail", {**SMALLEST, **fields})
    assert result.host.requests == []
    return result.error


def addresses(message: EmailMessage, field: str) -> list[tuple[str, str]]:
    return [(address.display_name, address.addr_spec) for address in message[field].addresses]


def test_the_request() -> None:
    request, body = call(thread_id="t9")
    assert {key: value for key, value in request.items() if key != "body"} == {
        "method": "POST",
        "url": "https://gmail.googleapis.com/gmail/v1/users/me/messages/send",
        "headers": {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
        "follow_redirects": False,
    }
    assert set(body) == {"raw", "threadId"}
    assert body["threadId"] == "t9"


def test_data() -> None:
    assert exchange(SENT).data == {"id": "m1", "thread_id": "t1"}


def test_a_whole_message_to_the_letter() -> None:
    assert send(text="Hé", cc=["b@c.de"]) == (
        b"To: ada@example.com\r\nCc: b@c.de\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\nSMOp\r\n'
    )


def test_all_headers() -> None:
    message = read(
        to="Ada <ada@example.com>, bob@example.com",
        cc=["Doe, John <john@example.com>"],
        bcc="x@y.z",
        reply_to='"A \\"b\\" c" <r@example.com>',
        in_reply_to="<abc@mail.example.com>",
        **{"from": "Größe <me@example.com>"},
    )
    assert addresses(message, "From") == [("Größe", "me@example.com")]
    assert addresses(message, "To") == [("Ada", "ada@example.com"), ("", "bob@example.com")]
    assert addresses(message, "Cc") == [("Doe, John", "john@example.com")]
    assert addresses(message, "Bcc") == [("", "x@y.z")]
    assert addresses(message, "Reply-To") == [('A "b" c', "r@example.com")]
    assert message["In-Reply-To"] == message["References"] == "<abc@mail.example.com>"
    assert message["MIME-Version"] == "1.0"


@profile
@given(lines)
def test_any_subject(subject: str) -> None:
    message = send(subject=subject)
    parsed = message_from_bytes(message, policy=policy.default)
    assert parsed["Subject"] == subject
    assert max(map(len, message.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    "subject",
    [
        "",
        " ",
        " a ",
        "a  b",
        "=?UTF-8?B?eA==?=",
        "é" * 500,
        "a" * 500,
        "😀" * 99,
        "x" * 67,
        "x" * 68,
        'a, b; c: "d" <e>',
    ],
)
def test_remarkable_subjects(subject: str) -> None:
    assert read(subject=subject)["Subject"] == subject


names = lines.map(str.strip).filter(lambda name: not set(name) & set('<>@"'))


@profile
@given(st.lists(names, min_size=1, max_size=4))
def test_any_names(given: list[str]) -> None:
    to = [(name, f"p{i}@example.com") for i, name in enumerate(given)]
    message = message_from_bytes(send(to=[f"{name} <{mailbox}>" for name, mailbox in to]))
    # The newer parser of Python 3.11 leaves spaces between encoded words in names.
    found = getaddresses([message["To"].replace("\r\n", "")])
    assert [(str(make_header(decode_header(name))), mailbox) for name, mailbox in found] == to


def test_a_quoted_name_may_hold_anything() -> None:
    message = read(to='"a@b.c, <d> \\"e\\" \\\\" <x@y.z>, f@g.h')
    assert addresses(message, "To") == [('a@b.c, <d> "e" \\', "x@y.z"), ("", "f@g.h")]


def test_many_receivers() -> None:
    to = [f"Person Number {i} <person.number.{i}@subdomain.example.com>" for i in range(100)]
    message = send(to=", ".join(to))
    assert max(map(len, message.split(b"\r\n"))) <= 78
    parsed = message_from_bytes(message, policy=policy.default)
    assert [str(address) for address in parsed["To"].addresses] == to


def content(part: Any) -> str:
    found = part.get_content()
    assert isinstance(found, str)
    return found.replace("\r\n", "\n")


@profile
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text(text: str) -> None:
    part = read(text=text)
    assert part.get_content_type() == "text/plain"
    decoded = cast(bytes, part.get_payload(decode=True))
    assert decoded.replace(b"\r\n", b"\n") == text.encode().replace(b"\r\n", b"\n")
    assert decoded.count(b"\n") == decoded.count(b"\r\n")


def test_html_alone() -> None:
    part = read(html="<p>é</p>\n")
    assert part.get_content_type() == "text/html"
    assert content(part) == "<p>é</p>\n"


def test_text_and_html() -> None:
    message = read(text="plain", html="<b>rich</b>")
    assert message.get_content_type() == "multipart/alternative"
    assert [(part.get_content_type(), content(part)) for part in message.iter_parts()] == [
        ("text/plain", "plain"),
        ("text/html", "<b>rich</b>"),
    ]


@pytest.mark.parametrize("body", [{}, {"text": "t"}, {"html": "h"}, {"text": "t", "html": "h"}], ids=str)
def test_attachments(body: dict[str, str]) -> None:
    files = {"a.csv": b"a,b\r\n", "Rechnung für Ä.pdf": bytes(range(256)) * 20, "q\"%u'ote": b"", "漢" * 80: b"x"}
    attachments = [
        {"filename": name, "content_base64": base64.b64encode(data).decode()} for name, data in files.items()
    ]
    message = read(attachments=attachments, **body)
    assert message.get_content_type() == "multipart/mixed"
    found = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert found == files
    first = next(iter(message.iter_parts()))
    types = {"text": "text/plain", "html": "text/html"}
    expected = "multipart/alternative" if len(body) == 2 else types[next(iter(body), "text")]
    assert first.get_content_type() == expected


@pytest.mark.parametrize(
    ("fields", "content_type"),
    [
        ({"filename": "a.PDF"}, "application/pdf"),
        ({"filename": "a.unknown"}, "application/octet-stream"),
        ({"filename": "a.pdf", "content_type": "application/vnd.x+json"}, "application/vnd.x+json"),
        ({"filename": "noending"}, "application/octet-stream"),
        ({"filename": "t.txt"}, "text/plain"),
    ],
    ids=str,
)
def test_content_types(fields: dict[str, str], content_type: str) -> None:
    [part] = read(attachments=[{"content_base64": "eA", **fields}]).iter_attachments()
    assert part.get_content_type() == content_type


@pytest.mark.parametrize(
    ("content_type", "parameters"),
    [
        ("text/csv; charset=utf-8", {"charset": "utf-8"}),
        ('text/calendar;method=REQUEST; charset="UTF-8"', {"method": "REQUEST", "charset": "UTF-8"}),
        ('a/b; title="two words (1)"', {"title": "two words (1)"}),
    ],
)
def test_content_types_with_parameters(content_type: str, parameters: dict[str, str]) -> None:
    [part] = read(
        attachments=[{"filename": "a", "content_base64": "eA", "content_type": content_type}]
    ).iter_attachments()
    assert part.get_content_type() == content_type.partition(";")[0]
    assert {name: part.get_param(name) for name in parameters} == parameters


@pytest.mark.parametrize(
    "content_type",
    ["", "text", "text/", "/plain", "a b/c", "a/b;", "a/b; x", "a/b; =y", "a/b; x=", "a/b; x=y z", 'a/b; x="y',
     'a/b; x="', 'a/b; x="y\\"', "a/b; x=é", "a/b; x=y\r\nBcc: eve@example.com", "Multipart/mixed; boundary=x",
     "a/b; x=" + "y" * 250],
    ids=ascii,
)  # fmt: skip
def test_wrong_content_types(content_type: str) -> None:
    error = refuse(attachments=[{"filename": "a", "content_base64": "eA", "content_type": content_type}])
    assert error == {
        "code": "INVALID_INPUT",
        "retriable": False,
        "message": f"`attachments[0].content_type` {TYPE_FORM}",
    }


def test_the_largest_message() -> None:
    """Above 2 MB it takes what the contract says of cpu_ms."""
    limit = 3 << 20
    data = base64.b64encode(b"x" * (limit - 1)).decode()
    [part] = read(cpu_ms=400, text="t", attachments=[{"filename": "a", "content_base64": data}]).iter_attachments()
    assert len(cast(bytes, part.get_payload(decode=True))) == limit - 1
    error = refuse(text="tt", attachments=[{"filename": "a", "content_base64": data}])
    assert error == {
        "code": "MESSAGE_TOO_LARGE",
        "retriable": False,
        "message": "Texts and attachments together exceed 3 MiB.",
    }


CONTROL = "must not hold line breaks or other control characters."
TYPE_FORM = "must be of the form type/subtype; name=value, and neither multipart nor message."
FORM = "must be an address like ada@example.com or Ada <ada@example.com>."
EVIL = "\r\nBcc: eve@example.com"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subject": "a" + EVIL}, f"`subject` {CONTROL}"),
        ({"subject": "a\nb"}, f"`subject` {CONTROL}"),
        ({"subject": "a\x00"}, f"`subject` {CONTROL}"),
        ({"to": "ada@example.com" + EVIL}, f"`to` {CONTROL}"),
        ({"to": ["b@c.de", f"Ada{EVIL} <ada@example.com>"]}, f"`to[1]` {CONTROL}"),
        ({"cc": "x\r <a@b.c>"}, f"`cc` {CONTROL}"),
        ({"from": "a@b.c\n"}, f"`from` {CONTROL}"),
        ({"reply_to": "a@b.c\n"}, f"`reply_to` {CONTROL}"),
        ({"attachments": [{"filename": 'a"' + EVIL, "content_base64": ""}]}, f"`attachments[0].filename` {CONTROL}"),
        (
            {"attachments": [{"filename": "a", "content_base64": "", "content_type": "a/b" + EVIL}]},
            f"`attachments[0].content_type` {TYPE_FORM}",
        ),
        ({"in_reply_to": f"<a@b>{EVIL}>"}, "`in_reply_to` must be a Message-ID like <abc@example.com>."),
    ],
    ids=lambda value: str(value)[:50],
)
def test_header_injection_is_refused(fields: dict[str, Any], message: str) -> None:
    assert refuse(**fields) == {"code": "INVALID_INPUT", "retriable": False, "message": message}


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@b.c", "a@", "a b@c.de", "a@b..c", ".a@b.c", "a@b@c.de", "<a@b.c", "a@b.c>", "é@b.c", "a@é.c",
     "A <a@b.c> x", "A <<a@b.c>", "a@[1.2.3.4]", "A <a@b.c, b@c.d>", "a" * 250 + "@b.cd", "a@b.c;d@e.f", "A <>",
     "a@b.c, B <c@d.e>", "A <a@b.c>, B <c@d.e>", 'A "q" <a@b.c>', '"a" b" <a@b.c>'],
)  # fmt: skip
def test_wrong_addresses(address: str) -> None:
    assert refuse(to=["ok@example.com", address]) == {
        "code": "INVALID_INPUT",
        "retriable": False,
        "message": f"`to[1]` {FORM}",
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"to": None}, "`to` must be an address or a list of addresses, but it is missing."),
        ({"to": []}, "`to` must be an address or a list of addresses, but it is missing."),
        ({"to": 5}, "`to` must be an address or a list of addresses, not 5."),
        ({"to": ["a@b.c", 5]}, "`to[1]` must be a text, not 5."),
        ({"subject": None}, "`subject` must be a text, but it is missing."),
        ({"text": "\ud800"}, "`text` must not hold lone surrogates."),
        ({"subject": "\ud800"}, "`subject` must not hold lone surrogates."),
        (
            {"attachments": [{"filename": "a", "content_base64": "", "mime": "b"}]},
            "`attachments[0].mime` is unknown; the fields are filename, content_base64, blob, content_type.",
        ),
        ({"attachments": ["a"]}, '`attachments[0]` must be an object, not "a".'),
        (
            {"attachments": [{"filename": "../a", "content_base64": ""}]},
            "`attachments[0].filename` must be a file's name, without folders, of at most 255 bytes.",
        ),
        (
            {"attachments": [{"filename": "a", "content_base64": "?"}]},
            "`attachments[0].content_base64` must be a base64 text.",
        ),
        (
            {"attachments": [{"filename": "a", "content_base64": "", "content_type": "message/rfc822"}]},
            f"`attachments[0].content_type` {TYPE_FORM}",
        ),
    ],
    ids=str,
)
def test_wrong_fields_are_refused(fields: dict[str, Any], message: str) -> None:
    assert refuse(**fields) == {"code": "INVALID_INPUT", "retriable": False, "message": message}


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (
            429,
            {
                "error": {
                    "code": 429,
                    "message": "User-rate limit exceeded.",
                    "errors": [{"reason": "rateLimitExceeded"}],
                }
            },
            {"Retry-After": "7"},
            {
                "code": "RATE_LIMITED",
                "retriable": True,
                "message": "Gmail answered with status 429: User-rate limit exceeded.",
                "status": 429,
                "reason": "rateLimitExceeded",
                "retry_after_s": 7,
            },
        ),
        (
            403,
            {"error": {"message": "Daily limit exceeded", "errors": [{"reason": "dailyLimitExceeded"}]}},
            {},
            {
                "code": "RATE_LIMITED",
                "retriable": False,
                "message": "Gmail answered with status 403: Daily limit exceeded.",
                "status": 403,
                "reason": "dailyLimitExceeded",
            },
        ),
        (
            200,
            {"ok": True},
            {},
            {
                "code": "INVALID_RESPONSE",
                "retriable": False,
                "message": "Gmail answered with something that it does not document.",
                "status": 200,
            },
        ),
    ],
)
def test_refusals(status: int, body: Any, headers: dict[str, str], expected: dict[str, Any]) -> None:
    assert exchange({"status": status, "headers": headers, "body": json.dumps(body)}).error == expected


def test_the_token_is_never_shown() -> None:
    result = exchange({"error": {"code": "HTTP_FAILED", "message": f"Bearer {TOKEN} was refused", "retriable": True}})
    assert result.error == {"code": "HTTP_FAILED", "retriable": True, "message": "Bearer [secret] was refused"}
