"""Exchanges with the services that the examples use, in the shapes that their documentation gives.

Telegram: https://core.telegram.org/bots/api#sendmessage. Google Sheets: the REST reference of spreadsheets.values.
Gmail: the REST reference of users.messages.send. LINE: "Send push message" of the Messaging API reference.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from examples.bench import Exchange

JSON = {"content-type": "application/json"}
SHEET = "https://sheets.googleapis.com/v4/spreadsheets/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/values"


def page(url: str, html: str) -> Exchange:
    headers = {"content-type": "text/html; charset=utf-8"}
    return Exchange("GET", url, html.encode(), headers={"user-agent": "arcrun"}, answer_headers=headers)


def telegram(token: str, body: dict[str, Any], *, message_id: int = 7) -> Exchange:
    message = {"message_id": message_id, "date": 1_790_000_000, "chat": {"id": body["chat_id"], "type": "private"}}
    answer = {"ok": True, "result": {**message, "text": body["text"]}}
    return Exchange("POST", f"https://api.telegram.org/bot{token}/sendMessage", answer, headers=JSON, body=body)


def telegram_refusing(token: str, body: dict[str, Any], retry_after_s: int) -> Exchange:
    answer = {
        "ok": False,
        "error_code": 429,
        "description": f"Too Many Requests: retry after {retry_after_s}",
        "parameters": {"retry_after": retry_after_s},
    }
    return replace(telegram(token, body), answer=answer, status=429)


def gmail(token: str, to: str, subject: str, text: str, *, id_: str = "18c1") -> Exchange:
    return Exchange(
        "POST",
        "https://gmail.googleapis.com/gmail/v1/users/me/messages/send",
        {"id": id_, "threadId": id_, "labelIds": ["SENT"]},
        headers={"authorization": f"Bearer {token}", **JSON},
        body={"raw": _raw_message(to, subject, text)},
    )


def gmail_refusing(token: str, to: str, subject: str, text: str) -> Exchange:
    reason = {
        "message": "Too many concurrent requests for user.",
        "domain": "usageLimits",
        "reason": "rateLimitExceeded",
    }
    answer = {"error": {"code": 429, "message": reason["message"], "errors": [reason], "status": "RESOURCE_EXHAUSTED"}}
    return replace(gmail(token, to, subject, text), answer=answer, status=429)


def gmail_with(token: str, to: str, subject: str, parts: Mapping[str, str], file: tuple[str, str]) -> Exchange:
    """A message with `parts`, plain and html, and with a file of CSV: its name and its text."""
    mixed, alternative = "=_arcrun_mixed", "=_arcrun_alternative"
    lines = [
        f"To: {to}",
        f"Subject: {subject}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{mixed}"',
        "",
        f"--{mixed}",
        f'Content-Type: multipart/alternative; boundary="{alternative}"',
        "",
    ]
    for subtype, text in parts.items():
        head = [f'Content-Type: text/{subtype}; charset="utf-8"', "Content-Transfer-Encoding: base64", ""]
        lines += [f"--{alternative}", *head, *_fold(text.replace("\n", "\r\n"))]
    name, content = file
    disposition = ["Content-Disposition: attachment;", f' filename="{name}"']
    head = ["Content-Type: text/csv", "Content-Transfer-Encoding: base64", *disposition, ""]
    lines += [f"--{alternative}--", f"--{mixed}", *head, *_fold(content), f"--{mixed}--", ""]
    raw = base64.urlsafe_b64encode("\r\n".join(lines).encode()).decode()
    return replace(gmail(token, to, subject, ""), body={"raw": raw})


def _fold(text: str) -> list[str]:
    encoded = base64.b64encode(text.encode()).decode()
    return [encoded[i : i + 76] for i in range(0, len(encoded), 76)]


def _raw_message(to: str, subject: str, text: str) -> str:
    """The message of RFC 5322 in base64url, as Gmail wants it."""
    lines = [
        f"To: {to}",
        f"Subject: {subject}",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: base64",
        "",
    ]
    return base64.urlsafe_b64encode("\r\n".join([*lines, *_fold(text.replace("\n", "\r\n")), ""]).encode()).decode()


def line(token: str, to: str, text: str, *, id_: str = "461230966842064897") -> Exchange:
    return Exchange(
        "POST",
        "https://api.line.me/v2/bot/message/push",
        {"sentMessages": [{"id": id_, "quoteToken": "IStG5h1Tz7b"}]},
        headers={"authorization": f"Bearer {token}", **JSON},
        body={"to": to, "messages": [{"type": "text", "text": text}]},
    )


def line_refusing(token: str, to: str, text: str) -> Exchange:
    details = [{"message": "must be a user id", "property": "to"}]
    answer = {"message": "The request body has 1 error(s)", "details": details}
    return replace(line(token, to, text), answer=answer, status=400)


def google_token(client: Mapping[str, str], access_token: str) -> Exchange:
    """A refresh token for an access token, as OAuth 2.0 has it."""
    return Exchange(
        "POST",
        "https://oauth2.googleapis.com/token",
        {"access_token": access_token, "expires_in": 3599, "token_type": "Bearer"},
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode({**client, "grant_type": "refresh_token"}),
    )


def sheet_append(token: str, sheet: str, row: list[Any]) -> Exchange:
    last = chr(ord("A") + len(row) - 1)
    updates = {
        "updatedRange": f"{sheet}!A5:{last}5",
        "updatedRows": 1,
        "updatedColumns": len(row),
        "updatedCells": len(row),
    }
    return Exchange(
        "POST",
        f"{SHEET}/{sheet}%21A%3A{last}:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS",
        {"spreadsheetId": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms", "updates": updates},
        headers={"authorization": f"Bearer {token}", **JSON},
        body={"majorDimension": "ROWS", "values": [row]},
    )


def sheet_read(token: str, values: list[list[Any]]) -> Exchange:
    return Exchange(
        "GET",
        f"{SHEET}/Orders%21A%3AC?valueRenderOption=UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING",
        {"range": "Orders!A1:C1000", "majorDimension": "ROWS", "values": values},
        headers={"authorization": f"Bearer {token}"},
    )


def github_issues(token: str, page: int, issues: list[dict[str, Any]]) -> Exchange:
    return Exchange(
        "GET",
        f"https://api.github.com/repos/octo-org/octo-repo/issues?state=open&per_page=100&page={page}",
        issues,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "User-Agent": "arcrun",
        },
    )
