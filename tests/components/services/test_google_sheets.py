"""google_sheets calls spreadsheets.values of the Sheets API, and OAuth 2.0 before it, as Google documents them."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

TOKEN = "ya29.a0AfH6SM-secret_token"
SMALLEST = {"google_oauth": TOKEN, "operation": "read", "spreadsheet_id": "1BxiM_-", "range": "A1"}
CLIENT = {"client_id": "id", "client_secret": "GOCSPX-/secret", "refresh_token": "1//refresh+secret"}
REPLIES = {
    "read": {"range": "A1", "values": [["x"]]},
    "append": {"updates": {"updatedRange": "A2", "updatedRows": 1, "updatedColumns": 2, "updatedCells": 2}},
    "update": {"updatedRange": "A2", "updatedRows": 1, "updatedColumns": 2, "updatedCells": 2},
    "clear": {"clearedRange": "A1:B2"},
}
VALUES = [["a", 1.50, True, None], []]


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return {"status": status, "headers": headers or {}, "body": body if isinstance(body, str) else json.dumps(body)}


def exchange(*replies: dict[str, Any], **fields: Any) -> harness.Result:
    stubs = [HostStub({}, answer) for answer in replies]
    return harness.run("google_sheets", {**SMALLEST, **fields}, harness.StubHost(stubs))


def build(operation: str, **fields: Any) -> Any:
    """The request that the host gets."""
    result = exchange(reply(REPLIES[operation]), operation=operation, **fields)
    assert result.output["success"] is True, result.output
    [(name, request)] = result.host.requests
    assert name == "http_request"
    assert request.pop("follow_redirects") is False
    assert request["headers"].pop("authorization") == f"Bearer {TOKEN}"
    prefix = "https://sheets.googleapis.com/v4/spreadsheets/1BxiM_-/values/"
    assert request["url"].startswith(prefix)
    return {**request, "url": request["url"].removeprefix(prefix)}


JSON_TYPE = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("operation", "fields", "method", "url"),
    [
        ("read", {}, "GET", "A1"),
        ("read", {"major_dimension": "COLUMNS"}, "GET", "A1?majorDimension=COLUMNS"),
        (
            "read",
            {"value_render_option": "FORMULA", "date_time_render_option": "FORMATTED_STRING"},
            "GET",
            "A1?valueRenderOption=FORMULA&dateTimeRenderOption=FORMATTED_STRING",
        ),
        ("clear", {}, "POST", "A1:clear"),
        ("append", {}, "POST", "A1:append?valueInputOption=RAW"),
        (
            "append",
            {"value_input_option": "USER_ENTERED", "insert_data_option": "OVERWRITE"},
            "POST",
            "A1:append?valueInputOption=USER_ENTERED&insertDataOption=OVERWRITE",
        ),
        ("update", {"insert_data_option": "OVERWRITE"}, "PUT", "A1?valueInputOption=RAW"),
        ("update", {"value_input_option": "USER_ENTERED"}, "PUT", "A1?valueInputOption=USER_ENTERED"),
    ],
    ids=str,
)
def test_requests(operation: str, fields: dict[str, Any], method: str, url: str) -> None:
    request = build(operation, values=VALUES, **fields)
    assert (request["method"], request["url"]) == (method, url)
    if operation in ("append", "update"):
        assert request["headers"] == JSON_TYPE
        assert json.loads(request["body"]) == {"majorDimension": "ROWS", "values": VALUES}
    else:
        assert request["headers"] == {}
        assert "body" not in request


def test_columns_are_written_as_columns() -> None:
    body = json.loads(build("update", values=[["a"]], major_dimension="COLUMNS")["body"])
    assert body == {"majorDimension": "COLUMNS", "values": [["a"]]}


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1))
def test_any_range_stays_one_part_of_the_path(text: str) -> None:
    path = build("read", range=text)["url"]
    assert unquote(path) == text
    assert not set(path) & set("/?#: ")


@pytest.mark.parametrize(
    "given",
    [
        "1BxiM_-",
        "https://docs.google.com/spreadsheets/d/1BxiM_-/edit#gid=0",
        "https://docs.google.com/spreadsheets/d/1BxiM_-",
        "https://docs.google.com/spreadsheets/d/1BxiM_-?x=/y",
    ],
)
def test_an_id_or_a_url(given: str) -> None:
    assert build("clear", spreadsheet_id=given)["url"] == "A1:clear"


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        ("read", {"range": "A1", "values": [[1, None, ""]]}, {"range": "A1", "values": [[1, None, ""]]}),
        ("read", {"range": "A1", "majorDimension": "ROWS"}, {"range": "A1", "values": []}),
        (
            "append",
            REPLIES["append"],
            {"range": "A2", "updated_rows": 1, "updated_columns": 2, "updated_cells": 2},
        ),
        (
            "update",
            {"updatedRange": "A2"},
            {"range": "A2", "updated_rows": 0, "updated_columns": 0, "updated_cells": 0},
        ),
        ("clear", {"clearedRange": "S!A1"}, {"range": "S!A1"}),
    ],
)
def test_data(operation: str, body: Any, expected: dict[str, Any]) -> None:
    assert exchange(reply(body), operation=operation, values=[["a"]]).data == expected


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        (None, []),
        ([["a", "b"]], []),
        ([["a", "", 3], [1, 2, 3, 4], [], ["x"]], [{"a": 1, "3": 3}, {"a": "", "3": ""}, {"a": "x", "3": ""}]),
        ([["a", "a"], [1, 2]], [{"a": 2}]),
    ],
)
def test_rows_as_objects(values: Any, rows: list[dict[str, Any]]) -> None:
    body = {"range": "A1", "values": values} if values is not None else {"range": "A1"}
    assert exchange(reply(body), header_row=True).data["rows"] == rows


@pytest.mark.parametrize("indent", [None, 2])
def test_a_refresh_token_is_exchanged_first(indent: int | None) -> None:
    oauth = json.dumps({**CLIENT, "type": "authorized_user"}, indent=indent)
    result = exchange(
        reply({"access_token": "ya29.new", "expires_in": 3599}), reply(REPLIES["read"]), google_oauth=oauth
    )
    assert result.data["values"] == [["x"]]
    [(_, exchanged), (_, called)] = result.host.requests
    assert (exchanged["method"], exchanged["url"]) == ("POST", "https://oauth2.googleapis.com/token")
    assert exchanged["headers"] == {"content-type": "application/x-www-form-urlencoded"}
    assert dict(parse_qsl(exchanged["body"])) == {**CLIENT, "grant_type": "refresh_token"}
    assert called["headers"] == {"authorization": "Bearer ya29.new"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            reply({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400),
            {
                "code": "UNAUTHORIZED",
                "retriable": False,
                "message": "Google's sign-in answered with status 400: Token has been expired or revoked.",
                "status": 400,
                "reason": "invalid_grant",
            },
        ),
        (
            reply({"error": "invalid_client"}, 401),
            {
                "code": "UNAUTHORIZED",
                "retriable": False,
                "message": "Google's sign-in answered with status 401: invalid_client.",
                "status": 401,
                "reason": "invalid_client",
            },
        ),
        (
            reply("", 503, {"retry-after": "5"}),
            {
                "code": "SERVICE_UNAVAILABLE",
                "retriable": True,
                "message": "Google's sign-in answered with status 503.",
                "status": 503,
                "retry_after_s": 5,
            },
        ),
        (
            reply({}),
            {
                "code": "INVALID_RESPONSE",
                "retriable": False,
                "message": "Google's sign-in answered with something that it does not document.",
                "status": 200,
            },
        ),
    ],
    ids=["revoked", "unknown client", "busy", "strange"],
)
def test_a_refused_refresh_token(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    assert exchange(answer, google_oauth=json.dumps(CLIENT)).error == expected


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (
            401,
            {"error": {"code": 401, "message": "Request had invalid credentials.", "status": "UNAUTHENTICATED"}},
            {},
            {
                "code": "UNAUTHORIZED",
                "retriable": False,
                "reason": "UNAUTHENTICATED",
                "said": ": Request had invalid credentials",
            },
        ),
        (
            403,
            {"error": {"message": "The caller does not have permission", "status": "PERMISSION_DENIED"}},
            {},
            {
                "code": "FORBIDDEN",
                "retriable": False,
                "reason": "PERMISSION_DENIED",
                "said": ": The caller does not have permission",
            },
        ),
        (
            403,
            {"error": {"errors": [{"reason": "userRateLimitExceeded"}], "message": "Slow down"}},
            {},
            {"code": "RATE_LIMITED", "retriable": True, "reason": "userRateLimitExceeded", "said": ": Slow down"},
        ),
        (
            403,
            {"error": {"errors": [{"reason": "dailyLimitExceeded"}], "message": "Come tomorrow"}},
            {},
            {"code": "RATE_LIMITED", "retriable": False, "reason": "dailyLimitExceeded", "said": ": Come tomorrow"},
        ),
        (
            429,
            {"error": {"message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "errors": []}},
            {"Retry-After": "30"},
            {
                "code": "RATE_LIMITED",
                "retriable": True,
                "reason": "RESOURCE_EXHAUSTED",
                "said": ": Quota exceeded",
                "retry_after_s": 30,
            },
        ),
        (
            503,
            {"error": {"message": "Busy", "details": [{"reason": "x"}, {"retryDelay": "1.5s"}]}},
            {},
            {"code": "SERVICE_UNAVAILABLE", "retriable": True, "said": ": Busy", "retry_after_s": 2},
        ),
        (
            429,
            {"error": {"message": "Slow", "details": [{"retryDelay": "30s"}]}},
            {"retry-after": "7"},
            {"code": "RATE_LIMITED", "retriable": True, "said": ": Slow", "retry_after_s": 30},
        ),
        (
            429,
            {"error": {"message": "Slow", "details": [{"retryDelay": "soon"}]}},
            {"retry-after": "7"},
            {"code": "RATE_LIMITED", "retriable": True, "said": ": Slow", "retry_after_s": 7},
        ),
        (404, "<html>", {}, {"code": "NOT_FOUND", "retriable": False, "said": ""}),
        (
            500,
            {"error": {"message": "x" * 600}},
            {},
            {"code": "SERVICE_UNAVAILABLE", "retriable": True, "said": ": " + "x" * 500},
        ),
    ],
)
def test_refusals(status: int, body: Any, headers: dict[str, str], expected: dict[str, Any]) -> None:
    said = expected.pop("said")
    message = f"Google Sheets answered with status {status}{said}."
    assert exchange(reply(body, status, headers)).error == {"message": message, "status": status, **expected}


def test_no_secret_is_ever_shown() -> None:
    lasting = [CLIENT["client_secret"], CLIENT["refresh_token"]]
    secrets = [*lasting, "ya29.new"]
    issued = reply({"access_token": "ya29.new"})
    told = json.dumps({"error": {"message": " ".join(secrets), "status": " ".join(secrets)}})
    for replies in (
        [reply({"error": " ".join(lasting), "error_description": " ".join(lasting)}, 400)],
        [issued, reply(told, 400)],
        [issued],
        [],
    ):
        result = exchange(*replies, google_oauth=json.dumps(CLIENT))
        assert result.output["success"] is False
        assert [secret for secret in secrets if secret.encode() in result.stdout] == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"google_oauth": None}, "`google_oauth` must be a text, but it is missing."),
        ({"google_oauth": CLIENT}, "`google_oauth` must be a text of one line that is not empty."),
        ({"google_oauth": '{"client_id": '}, "`google_oauth` begins like JSON, but is not valid."),
        ({"google_oauth": "{}"}, "`google_oauth.client_id` must be a text, but it is missing."),
        ({"operation": "write"}, '`operation` must be one of read, append, update, clear, not "write".'),
        ({"spreadsheet_id": ""}, '`spreadsheet_id` must be a spreadsheet\'s id or URL, not "".'),
        ({"range": ""}, '`range` must be a text that is not empty, not "".'),
        ({"range": "\ud800"}, "`range` must not hold lone surrogates."),
        ({"operation": "append"}, "`values` must be a list, but it is missing."),
        ({"operation": "append", "values": []}, "`values` must be a list of at least one row, not a list."),
        ({"operation": "update", "values": ["a"]}, '`values[0]` must be a list of cells, not "a".'),
        (
            {"operation": "update", "values": [["a", {}]]},
            "`values[0][1]` must be a text, a number, true, false or null, not an object.",
        ),
        (
            {"operation": "append", "values": [[1]], "value_input_option": "raw"},
            '`value_input_option` must be one of RAW, USER_ENTERED, not "raw".',
        ),
    ],
    ids=str,
)
def test_wrong_fields_are_refused_before_anything_is_sent(fields: dict[str, Any], message: str) -> None:
    result = harness.run("google_sheets", {**SMALLEST, **fields})
    assert result.error == {"code": "INVALID_INPUT", "retriable": False, "message": message}
    assert result.host.requests == []


def test_the_query_is_well_formed() -> None:
    url = build("append", values=[["a"]], insert_data_option="INSERT_ROWS")["url"]
    assert parse_qs(urlsplit(url).query) == {"valueInputOption": ["RAW"], "insertDataOption": ["INSERT_ROWS"]}
