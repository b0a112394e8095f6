"""What http_request, telegram and gmail send of blobs: the parts of bodies, as servers read them together."""

import base64
import json
from email import message_from_bytes, policy
from typing import Any

import pytest

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

CONTENT = bytes(range(256)) * 3
NAME = "runs/01J00000000000000000000000/blob-00000000000000000000000000000000-768"
BLOB = {"blob": NAME, "bytes": len(CONTENT), "content_type": "application/pdf", "name": "Füße.pdf"}
ATTACHMENT = {"filename": "a.pdf", "content_type": "application/pdf", "size": 768}
LARGE = {**ATTACHMENT, "blob": "runs/01J00000000000000000000000/attachment-1"}
SMALL = {**ATTACHMENT, "base64": base64.b64encode(CONTENT).decode()}
TELEGRAM = {"bot_token": "123:AbC", "chat_id": -42, "text": "The invoice"}
GMAIL = {"google_oauth": "ya29.a0", "to": "ada@example.com", "subject": "Hi", "text": "Look"}
OK: dict[str, Any] = {"status": 200, "headers": {}}
ANSWERS = {
    "http_request": {**OK, "body": ""},
    "telegram": {**OK, "body": '{"ok":true,"result":{"message_id":7,"chat":{"id":42}}}'},
    "gmail": {**OK, "body": '{"id":"m1","threadId":"t1"}'},
}


def ask(component: str, **fields: Any) -> dict[str, Any]:
    """The request that the host gets."""
    result = harness.run(component, fields, harness.StubHost([HostStub({}, ANSWERS[component])]))
    assert result.output["success"] is True, result.output
    [(_, request)] = result.host.requests
    assert isinstance(request, dict)
    return request


def assemble(request: dict[str, Any]) -> bytes:
    """The body as the host puts it together."""
    encode = {
        "bytes": bytes,
        "base64": base64.b64encode,
        "mime": lambda it: base64.encodebytes(it).replace(b"\n", b"\r\n"),
    }
    body = b""
    for part in request["body_parts"]:
        if "text" in part:
            body += part["text"].encode()
        elif "base64" in part:
            body += base64.b64decode(part["base64"])
        else:
            assert part["blob"].startswith("runs/")
            body += encode[part["encoding"]](CONTENT)  # type: ignore[operator]
    return body


def read_form(request: dict[str, Any]) -> dict[str, Any]:
    """The parts of multipart/form-data, by their names."""
    head = f"Content-Type: {request['headers']['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + assemble(request), policy=policy.HTTP)
    assert not message.defects
    return {str(part.get_param("name", header="content-disposition")): part for part in message.iter_parts()}


def refuse(component: str, **fields: Any) -> str:
    result = harness.run(component, fields)
    assert result.host.requests == []
    return str(result.error["message"])


@pytest.mark.parametrize("blob", [BLOB, NAME, LARGE], ids=["a value", "a name", "an attachment"])
def test_http_request_sends_a_blob_as_it_is(blob: Any) -> None:
    request = ask("http_request", url="https://a.example/", body_blob=blob)
    named = blob if isinstance(blob, str) else blob["blob"]
    assert (request["method"], request["body_parts"]) == ("POST", [{"blob": named, "encoding": "bytes"}])
    said = request["headers"].get("content-type")
    assert said == (None if isinstance(blob, str) else "application/pdf")


def test_http_request_sends_a_small_attachment_from_the_input() -> None:
    request = ask("http_request", url="https://a.example/", body_blob=SMALL)
    assert (assemble(request), request["headers"]["content-type"]) == (CONTENT, "application/pdf")


def test_http_request_keeps_a_content_type_that_is_given() -> None:
    request = ask("http_request", url="https://a.example/", body_blob=BLOB, headers={"Content-Type": "text/x"})
    assert request["headers"]["Content-Type"] == "text/x"


def test_http_request_asks_for_a_blob() -> None:
    assert ask("http_request", url="https://a.example/", response="blob")["as_blob"] is True
    assert "as_blob" not in ask("http_request", url="https://a.example/", response="text")


@pytest.mark.parametrize("blob", [BLOB, SMALL], ids=["a blob", "a small attachment"])
def test_http_request_sends_a_form(blob: Any) -> None:
    fields = {"title": "Fünf", "file": {"blob": blob}, "n": 5}
    request = ask("http_request", url="https://a.example/", multipart=fields)
    if "body_parts" not in request:
        request = {**request, "body_parts": [{"base64": request["body_base64"]}]}
    form = read_form(request)
    assert form["title"].get_payload(decode=True) == "Fünf".encode()
    assert form["file"].get_payload(decode=True) == CONTENT
    assert form["file"].get_content_type() == "application/pdf"
    assert assemble(request).count(b"filename=") == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"body_blob": {"bytes": 5}}, "`body_blob` must be a blob, as another node has answered it"),
        ({"body_blob": "modules/x.wasm"}, "`body_blob` must be a blob"),
        ({"body_blob": BLOB, "body": "x"}, "Only one of `body` and `body_blob` can be given."),
        ({"body_blob": BLOB, "method": "GET"}, "`body_blob` cannot be sent with the method GET."),
        ({"multipart": {"a": {"blob": BLOB, "text": "x"}}}, "`multipart.a.blob` cannot be given with `text`"),
        ({"multipart": {"a": {"blob": {}}}}, "`multipart.a.blob` must be a blob"),
    ],
)
def test_http_request_refuses(fields: dict[str, Any], message: str) -> None:
    assert message in refuse("http_request", url="https://a.example/", **fields)


@pytest.mark.parametrize(("field", "operation"), [("document", "sendDocument"), ("photo", "sendPhoto")])
@pytest.mark.parametrize("blob", [BLOB, LARGE, SMALL], ids=["a blob", "an attachment", "a small attachment"])
def test_telegram_uploads(field: str, operation: str, blob: Any) -> None:
    buttons = [[{"text": "Open", "url": "https://a.example/"}]]
    request = ask("telegram", **TELEGRAM, **{field: blob}, buttons=buttons)
    assert request["url"] == f"https://api.telegram.org/bot123:AbC/{operation}"
    form = read_form(request)
    assert form.keys() == {"chat_id", "caption", "reply_markup", field}
    assert form["chat_id"].get_payload(decode=True) == b"-42"
    assert form["caption"].get_payload(decode=True) == b"The invoice"
    assert json.loads(form["reply_markup"].get_payload()) == {"inline_keyboard": buttons}
    assert form[field].get_payload(decode=True) == CONTENT
    named = blob.get("name") or blob["filename"]
    assert f'filename="{named}"'.encode() in assemble(request)


@pytest.mark.parametrize("field", ["document", "photo"])
def test_telegram_hands_on_a_url(field: str) -> None:
    request = ask("telegram", **TELEGRAM, **{field: "https://a.example/a.pdf"})
    assert json.loads(request["body"])[field] == "https://a.example/a.pdf"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"document": {"bytes": 5}}, "`document` must be a blob"),
        ({"document": ""}, "`document` must be a URL or a file_id"),
        ({"operation": "sendDocument"}, "`document` must be a URL or a file_id, but it is missing."),
        ({"operation": "sendPhoto", "document": BLOB}, "`document` cannot be sent with the operation sendPhoto."),
        ({"photo": BLOB, "document": BLOB}, "`document` cannot be sent with the operation sendPhoto."),
    ],
)
def test_telegram_refuses(fields: dict[str, Any], message: str) -> None:
    assert message in refuse("telegram", **TELEGRAM, **fields)


@pytest.mark.parametrize("thread", [None, "t9"])
def test_gmail_uploads_a_message(thread: str | None) -> None:
    """Blobs between other attachments, in the order in which they are listed."""
    plain = {"filename": "n.txt", "content_base64": base64.b64encode(b"note").decode()}
    attachments = [{"blob": BLOB}, plain, {"blob": LARGE, "filename": "b.bin"}, {"blob": SMALL}]
    threaded = {} if thread is None else {"thread_id": thread}
    request = ask("gmail", **GMAIL, **threaded, attachments=attachments)
    assert request["url"].endswith("/upload/gmail/v1/users/me/messages/send?uploadType=multipart")
    kind = request["headers"]["content-type"]
    assert kind.startswith("multipart/related; boundary=")
    body, boundary = assemble(request), kind.partition("boundary=")[2].encode()
    opening, metadata, rest = body.split(b"--" + boundary + b"\r\n", 2)
    assert opening == b""
    told = json.loads(metadata.partition(b"\r\n\r\n")[2])
    assert told == ({} if thread is None else {"threadId": thread})
    assert rest.endswith(b"\r\n--" + boundary + b"--\r\n")
    mail = rest.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n--" + boundary + b"--\r\n")
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    message = message_from_bytes(mail, policy=policy.default)
    assert [part.defects for part in message.walk() if part.defects] == []
    assert message["subject"] == "Hi"
    found = [(part.get_filename(), part.get_payload(decode=True)) for part in message.iter_attachments()]
    assert found == [("Füße.pdf", CONTENT), ("n.txt", b"note"), ("b.bin", CONTENT), ("a.pdf", CONTENT)]
    assert next(part.get_content_type() for part in message.iter_attachments()) == "application/pdf"


def test_gmail_sends_small_attachments_as_ever() -> None:
    request = ask("gmail", **GMAIL, attachments=[{"blob": SMALL}])
    raw = base64.urlsafe_b64decode(json.loads(request["body"])["raw"])
    [part] = message_from_bytes(raw, policy=policy.default).iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == ("a.pdf", CONTENT)


@pytest.mark.parametrize(
    ("attached", "message"),
    [
        ({"blob": {}}, "`attachments[0].blob` must be a blob"),
        ({"blob": NAME}, "`attachments[0].filename` must be a text, but it is missing."),
        ({"blob": BLOB, "content_base64": ""}, "Only one of `attachments[0].blob` and `attachments[0].content_base64`"),
        ({"blob": {**BLOB, "name": "a/b"}}, "`attachments[0].filename` must be a file's name"),
        ({"filename": "a"}, "`attachments[0].content_base64` must be a text, but it is missing."),
    ],
)
def test_gmail_refuses(attached: dict[str, Any], message: str) -> None:
    assert message in refuse("gmail", **GMAIL, attachments=[attached])


def test_no_header_comes_from_a_blob() -> None:
    """Whoever has made the value, such as the caller of a webhook."""
    wicked = {**BLOB, "name": 'a"\r\nX: y', "content_type": "text/html\r\nX: y"}
    for request in (
        ask("telegram", **TELEGRAM, document=wicked),
        ask("gmail", **GMAIL, attachments=[{"blob": wicked, "filename": "a"}]),
    ):
        assert b"X: y" not in assemble(request)
    assert "X: y" not in json.dumps(ask("http_request", url="https://a.example/", body_blob=wicked)["headers"])
