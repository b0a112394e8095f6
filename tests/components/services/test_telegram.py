"""telegram calls the Bot API as https://core.telegram.org/bots/api documents it, and never shows the token."""

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

TOKEN = "123456:AAH-secret_Token"
SMALLEST = {"bot_token": TOKEN, "chat_id": "42", "text": "Hi"}
MESSAGE = {"message_id": 7, "date": 1_700_000_000, "chat": {"id": 42, "type": "private"}}
SENT = {"status": 200, "headers": {}, "body": json.dumps({"ok": True, "result": MESSAGE})}


def exchange(reply: dict[str, Any], **fields: Any) -> harness.Result:
    return harness.run("telegram", {**SMALLEST, **fields}, harness.StubHost([HostStub({}, reply)]))


def build(**fields: Any) -> tuple[dict[str, Any], Any]:
    """The request that the host gets, and its body as JSON."""
    result = exchange(SENT, **fields)
    assert result.output["success"] is True, result.output
    [(name, request)] = result.host.requests
    assert name == "http_request"
    return request, json.loads(request.pop("body"))


def refuse(reply: dict[str, Any], **fields: Any) -> Any:
    return exchange(reply, **fields).error


def test_the_request_of_a_message() -> None:
    request, body = build()
    assert request == {
        "method": "POST",
        "url": f"https://api.telegram.org/bot{TOKEN}/sendMessage",
        "headers": {"content-type": "application/json"},
        "follow_redirects": False,
    }
    assert body == {"chat_id": "42", "text": "Hi"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"chat_id": -1001234567890}, {"chat_id": -1001234567890}),
        ({"chat_id": "@channel"}, {"chat_id": "@channel"}),
        ({"text": "é😀\n_*"}, {"text": "é😀\n_*"}),
        ({"parse_mode": "MarkdownV2"}, {"parse_mode": "MarkdownV2"}),
        ({"disable_notification": True}, {"disable_notification": True}),
        ({"protect_content": False}, {"protect_content": False}),
        ({"disable_link_preview": True}, {"link_preview_options": {"is_disabled": True}}),
        ({"message_thread_id": 3}, {"message_thread_id": 3}),
        ({"reply_to_message_id": 9}, {"reply_parameters": {"message_id": 9}}),
        ({"photo": None, "operation": "sendMessage"}, {}),
        (
            {"buttons": [[{"text": "A", "url": "https://a.b"}, {"text": "B", "callback_data": "é" * 32}], []]},
            {
                "reply_markup": {
                    "inline_keyboard": [
                        [{"text": "A", "url": "https://a.b"}, {"text": "B", "callback_data": "é" * 32}],
                        [],
                    ]
                }
            },
        ),
        (
            {"buttons": [{"text": "A", "url": "tg://user?id=1"}]},
            {"reply_markup": {"inline_keyboard": [[{"text": "A", "url": "tg://user?id=1"}]]}},
        ),
    ],
    ids=str,
)
def test_fields_of_a_message(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert build(**fields)[1] == {"chat_id": "42", "text": "Hi", **expected}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"caption": "Hi"}),
        ({"text": ""}, {}),
        ({"operation": "sendPhoto", "parse_mode": "HTML"}, {"caption": "Hi", "parse_mode": "HTML"}),
        ({"disable_link_preview": True}, {"caption": "Hi"}),
    ],
    ids=str,
)
def test_a_photo(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    request, body = build(photo="https://a.b/c.png", **fields)
    assert request["url"] == f"https://api.telegram.org/bot{TOKEN}/sendPhoto"
    assert body == {"chat_id": "42", "photo": "https://a.b/c.png", **expected}


@pytest.mark.parametrize("token", ["1:a/../../getMe", "1:a?x=1#y", "1:a b", "1:é", "@evil.example/"])
def test_a_token_stays_one_part_of_the_path(token: str) -> None:
    url = build(bot_token=token)[0]["url"]
    assert url.startswith("https://api.telegram.org/bot")
    assert url.endswith("/sendMessage")
    assert len(url.split("/")) == 5
    assert not set(url) & set("?#@ ")


def test_space_around_a_token_is_dropped() -> None:
    assert build(bot_token=f" {TOKEN}\n")[0] == build()[0]


def test_data() -> None:
    assert exchange(SENT).data == {"message_id": 7, "chat_id": 42, "message": MESSAGE}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            {"status": 401, "body": '{"ok":false,"error_code":401,"description":"Unauthorized"}'},
            {
                "code": "UNAUTHORIZED",
                "retriable": False,
                "message": "Telegram answered with status 401: Unauthorized.",
                "status": 401,
            },
        ),
        (
            {"status": 403, "body": '{"ok":false,"description":"Forbidden: bot was blocked by the user"}'},
            {
                "code": "FORBIDDEN",
                "retriable": False,
                "message": "Telegram answered with status 403: Forbidden: bot was blocked by the user.",
                "status": 403,
            },
        ),
        (
            {"status": 429, "body": '{"ok":false,"description":"Slow","parameters":{"retry_after":3}}'},
            {
                "code": "RATE_LIMITED",
                "retriable": True,
                "message": "Telegram answered with status 429: Slow.",
                "status": 429,
                "retry_after_s": 3,
            },
        ),
        (
            {"status": 429, "headers": {"Retry-After": "12"}, "body": ""},
            {
                "code": "RATE_LIMITED",
                "retriable": True,
                "message": "Telegram answered with status 429.",
                "status": 429,
                "retry_after_s": 12,
            },
        ),
        (
            {"status": 502, "body": "<html>Bad Gateway</html>"},
            {
                "code": "SERVICE_UNAVAILABLE",
                "retriable": True,
                "message": "Telegram answered with status 502.",
                "status": 502,
            },
        ),
        (
            {"status": 503, "body_base64": "/w==", "headers": {"retry-after": "soon"}},
            {
                "code": "SERVICE_UNAVAILABLE",
                "retriable": True,
                "message": "Telegram answered with status 503.",
                "status": 503,
            },
        ),
        (
            {"status": 302, "headers": {"location": "https://evil.example"}, "body": ""},
            {
                "code": "UNEXPECTED_STATUS",
                "retriable": False,
                "message": "Telegram answered with status 302.",
                "status": 302,
            },
        ),
        (
            {"status": 200, "body": '{"ok":true,"result":true}'},
            {
                "code": "INVALID_RESPONSE",
                "retriable": False,
                "message": "Telegram answered with something that it does not document.",
                "status": 200,
            },
        ),
    ],
    ids=lambda value: str(value.get("status", "")) if isinstance(value, dict) else "",
)
def test_refusals(reply: dict[str, Any], expected: dict[str, Any]) -> None:
    assert refuse({"headers": {}, **reply}) == expected


@pytest.mark.parametrize(
    ("ahead_s", "least", "most"), [(3600, 3590, 3600), (86400 * 400, 34559990, 34560000), (-60, 0, 0)]
)
def test_the_time_to_wait_may_be_a_date(ahead_s: int, least: int, most: int) -> None:
    due = formatdate(time.time() + ahead_s, usegmt=True)
    error = refuse({"status": 503, "headers": {"Retry-After": due}, "body": ""})
    assert least <= error["retry_after_s"] <= most


@pytest.mark.parametrize("form", ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"], ids=["RFC 850", "asctime"])
def test_the_date_may_have_an_obsolete_form(form: str) -> None:
    due = time.strftime(form, time.gmtime(time.time() + 3600))
    assert 3590 <= refuse({"status": 503, "headers": {"Retry-After": due}, "body": ""})["retry_after_s"] <= 3600


@pytest.mark.parametrize(
    "text",
    ["", "-1", "1.5", "Sun, 06 Nov 1994", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
     "Sun, 06 Nov 1994 25:49:37 GMT", "Sunday, 06-Foo-94 08:49:37 GMT", "Sun, xx Nov 1994 08:49:37 GMT", "+5", "1_0"],
)  # fmt: skip
def test_a_time_to_wait_that_cannot_be_read_is_left_out(text: str) -> None:
    assert "retry_after_s" not in refuse({"status": 503, "headers": {"Retry-After": text}, "body": ""})


@pytest.mark.parametrize(
    "reply",
    [
        {"error": {"code": "HTTP_FAILED", "message": f"https://api.telegram.org/bot{TOKEN}/sendMessage is down"}},
        {"status": 400, "headers": {}, "body": json.dumps({"ok": False, "description": f"no bot {TOKEN}"})},
        {"status": 200, "headers": {}, "body": f"{TOKEN}"},
    ],
    ids=["the host's error", "the service's error", "a strange answer"],
)
def test_the_token_is_never_shown(reply: dict[str, Any]) -> None:
    result = exchange(reply)
    assert result.output["success"] is False
    assert TOKEN.encode() not in result.stdout


@pytest.mark.parametrize("token", [12345678, "", " ", "a\nb", ["secret-token"]], ids=str)
def test_an_unusable_token_is_refused_without_showing_it(token: Any) -> None:
    result = harness.run("telegram", {**SMALLEST, "bot_token": token})
    message = "`bot_token` must be a text of one line that is not empty."
    assert result.error == {"code": "INVALID_INPUT", "retriable": False, "message": message}
    assert result.host.requests == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bot_token": None}, "`bot_token` must be a text, but it is missing."),
        ({"chat_id": None}, "`chat_id` must be a text or a whole number, but it is missing."),
        ({"chat_id": 1.5}, "`chat_id` must be a text or a whole number, not 1.5."),
        ({"chat_id": ""}, '`chat_id` must be a text or a whole number, not "".'),
        ({"text": ""}, '`text` must be a text that is not empty, not "".'),
        ({"text": 5}, "`text` must be a text, not 5."),
        (
            {"operation": "sendVideo"},
            '`operation` must be one of sendMessage, sendPhoto, sendDocument, not "sendVideo".',
        ),
        ({"operation": "sendMessage", "photo": "x"}, "`photo` cannot be sent with the operation sendMessage."),
        ({"photo": ""}, '`photo` must be a URL or a file_id, not "".'),
        ({"parse_mode": "html"}, '`parse_mode` must be one of MarkdownV2, HTML, Markdown, not "html".'),
        ({"buttons": {}}, "`buttons` must be a list, not an object."),
        ({"buttons": ["a"]}, '`buttons[0]` must be a button or a list of buttons, not "a".'),
        ({"buttons": [[1]]}, "`buttons[0][0]` must be an object, not 1."),
        (
            {"buttons": [{"text": "a", "uri": "x"}]},
            "`buttons[0].uri` is unknown; the fields are text, url, callback_data.",
        ),
        (
            {"buttons": [[{"text": "a", "web_app": {}}]]},
            "`buttons[0][0].web_app` is unknown; the fields are text, url, callback_data.",
        ),
        ({"buttons": [{"url": "x"}]}, "`buttons[0].text` must be a text, but it is missing."),
        ({"buttons": [[], [{"text": "a"}]]}, "`buttons[1][0]` must have either `url` or `callback_data`."),
        (
            {"buttons": [{"text": "a", "url": "b", "callback_data": "c"}]},
            "`buttons[0]` must have either `url` or `callback_data`.",
        ),
        (
            {"buttons": [{"text": "a", "callback_data": "é" * 33}]},
            "`buttons[0].callback_data` must have 1 to 64 bytes.",
        ),
        ({"message_thread_id": 0}, "`message_thread_id` must be a whole number from 1 to 9007199254740992, not 0."),
    ],
    ids=str,
)
def test_wrong_fields_are_refused_before_anything_is_sent(fields: dict[str, Any], message: str) -> None:
    result = harness.run("telegram", {**SMALLEST, **fields})
    assert result.error == {"code": "INVALID_INPUT", "retriable": False, "message": message}
    assert result.host.requests == []
