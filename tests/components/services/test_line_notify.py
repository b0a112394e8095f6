"""line_notify pushes as https://developers.line.biz/en/reference/messaging-api/#send-push-message documents it."""

import json
from typing import Any

import pytest

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

TOKEN = "nHuyWiB7yP5Zw52FIkcQobQuGDXCTA/secret+token="
SMALLEST = {"access_token": TOKEN, "to": "U1", "text": "Hi"}
SENT = {"status": 200, "headers": {}, "body": '{"sentMessages":[{"id":"1","quoteToken":"q"}]}'}
UUID = "123e4567-E89B-12d3-a456-426614174000"


def exchange(reply: dict[str, Any], **fields: Any) -> harness.Result:
    return harness.run("line_notify", {**SMALLEST, **fields}, harness.StubHost([HostStub({}, reply)]))


def build(**fields: Any) -> tuple[dict[str, Any], Any]:
    """The request that the host gets, and its body as JSON."""
    result = exchange(SENT, **fields)
    assert result.output["success"] is True, result.output
    [(name, request)] = result.host.requests
    assert name == "http_request"
    return request, json.loads(request.pop("body"))


def test_the_smallest_request() -> None:
    request, body = build()
    assert request == {
        "method": "POST",
        "url": "https://api.line.me/v2/bot/message/push",
        "headers": {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
        "follow_redirects": False,
    }
    assert body == {"to": "U1", "messages": [{"type": "text", "text": "Hi"}]}


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        ({"image_url": "https://a/b"}, [{"originalContentUrl": "https://a/b", "previewImageUrl": "https://a/b"}]),
        (
            {"image_url": "https://a/b", "image_preview_url": "https://a/c"},
            [{"originalContentUrl": "https://a/b", "previewImageUrl": "https://a/c"}],
        ),
        ({"image_preview_url": "https://a/c"}, []),
        ({"sticker": {"package_id": 1, "sticker_id": "2"}}, [{"packageId": "1", "stickerId": "2"}]),
    ],
    ids=str,
)
def test_messages(fields: dict[str, Any], messages: list[dict[str, str]]) -> None:
    sent = [{"type": "image" if "previewImageUrl" in message else "sticker", **message} for message in messages]
    assert build(**fields)[1]["messages"] == [{"type": "text", "text": "Hi"}, *sent]


def test_options() -> None:
    request, body = build(notification_disabled=True, retry_key=UUID)
    assert request["headers"]["x-line-retry-key"] == UUID
    assert body["notificationDisabled"] is True


@pytest.mark.parametrize("text", ["a" * 5000, "😀" * 2500, "漢" * 5000])
def test_the_longest_text(text: str) -> None:
    assert build(text=text)[1]["messages"][0]["text"] == text


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (SENT, {"message_ids": ["1"], "duplicate": False}),
        ({"status": 200, "headers": {}, "body": "{}"}, {"message_ids": [], "duplicate": False}),
        ({"status": 200, "headers": {}, "body": ""}, {"message_ids": [], "duplicate": False}),
        ({"status": 409, "headers": {}, "body": '{"message":"x"}'}, {"message_ids": [], "duplicate": True}),
    ],
)
def test_data(reply: dict[str, Any], expected: dict[str, Any]) -> None:
    assert exchange(reply, retry_key=UUID).data == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            {"status": 401, "body": '{"message":"Authentication failed due to the expired access token"}'},
            {
                "code": "UNAUTHORIZED",
                "retriable": False,
                "message": "LINE answered with status 401: Authentication failed due to the expired access token.",
                "status": 401,
            },
        ),
        (
            {
                "status": 400,
                "body": json.dumps(
                    {
                        "message": "The request body has 2 error(s)",
                        "details": [
                            {"message": "May not be empty", "property": "messages[0].text"},
                            {"message": "Must be a text"},
                        ],
                    }
                ),
            },
            {
                "code": "BAD_REQUEST",
                "retriable": False,
                "message": "LINE answered with status 400: The request body has 2 error(s)"
                " - messages[0].text: May not be empty, ?: Must be a text.",
                "status": 400,
            },
        ),
        (
            {
                "status": 429,
                "headers": {"retry-after": "60"},
                "body": '{"message":"The API rate limit has been exceeded"}',
            },
            {
                "code": "RATE_LIMITED",
                "retriable": True,
                "message": "LINE answered with status 429: The API rate limit has been exceeded.",
                "status": 429,
                "retry_after_s": 60,
            },
        ),
        (
            {"status": 429, "body": '{"message":"You have reached your monthly limit."}'},
            {
                "code": "QUOTA_EXCEEDED",
                "retriable": False,
                "message": "LINE answered with status 429: You have reached your monthly limit.",
                "status": 429,
            },
        ),
        (
            {"status": 409, "body": "{}"},
            {"code": "CONFLICT", "retriable": False, "message": "LINE answered with status 409.", "status": 409},
        ),
        (
            {"status": 500, "body": "Internal Server Error"},
            {
                "code": "SERVICE_UNAVAILABLE",
                "retriable": True,
                "message": "LINE answered with status 500.",
                "status": 500,
            },
        ),
    ],
    ids=lambda value: str(value.get("code", "")) if isinstance(value, dict) else "",
)
def test_refusals(reply: dict[str, Any], expected: dict[str, Any]) -> None:
    assert exchange({"headers": {}, **reply}).error == expected


@pytest.mark.parametrize(
    "reply",
    [
        {"error": {"code": "HTTP_FAILED", "message": f"Bearer {TOKEN}"}},
        {"status": 400, "headers": {}, "body": json.dumps({"message": TOKEN})},
    ],
)
def test_the_token_is_never_shown(reply: dict[str, Any]) -> None:
    result = exchange(reply)
    assert result.output["success"] is False
    assert TOKEN.encode() not in result.stdout


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"access_token": None}, "`access_token` must be a text, but it is missing."),
        ({"access_token": "a\r\nb"}, "`access_token` must be a text of one line that is not empty."),
        ({"to": ""}, '`to` must be a text that is not empty, not "".'),
        ({"to": ["U1"]}, "`to` must be a text, not a list."),
        ({"text": ""}, '`text` must be a text that is not empty, not "".'),
        ({"text": "a" * 5001}, "`text` must have at most 5000 UTF-16 code units, not 5001."),
        ({"text": "😀" * 2501}, "`text` must have at most 5000 UTF-16 code units, not 5002."),
        (
            {"sticker": {"package_id": 1, "sticker_id": 2, "packageId": 3}},
            "`sticker.packageId` is unknown; the fields are package_id, sticker_id.",
        ),
        ({"sticker": {"package_id": 1}}, "`sticker.sticker_id` must be a text or a whole number, but it is missing."),
        (
            {"sticker": {"package_id": 1.5, "sticker_id": 2}},
            "`sticker.package_id` must be a text or a whole number, not 1.5.",
        ),
        ({"notification_disabled": 1}, "`notification_disabled` must be true or false, not 1."),
        ({"retry_key": "abc"}, '`retry_key` must be a UUID in hexadecimal, not "abc".'),
        (
            {"retry_key": UUID.replace("-", "_")},
            f'`retry_key` must be a UUID in hexadecimal, not "{UUID.replace("-", "_")}".',
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_fields_are_refused_before_anything_is_sent(fields: dict[str, Any], message: str) -> None:
    result = harness.run("line_notify", {**SMALLEST, **fields})
    assert result.error == {"code": "INVALID_INPUT", "retriable": False, "message": message}
    assert result.host.requests == []
