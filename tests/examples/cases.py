"""What each example is sent, what it then asks of the services, and what it answers. The clock is at START_MS:
Monday, 2026-09-21T14:13:20Z.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from arcrun.errors import HostFunctionError
from examples import services
from examples.bench import Exchange
from fakes.ports.system import START_MS

BOT = "123456789:AbC-secret_of-the-bot"
GOOGLE = "ya29.a0AfH6SM-secret"
CLIENT = {"client_id": "id.apps", "client_secret": "client-secret", "refresh_token": "refresh-secret"}
LINE = "line/secret+token="
GITHUB = "github_pat_secret"
ACCOUNTING = "accounting-secret"
JSON_TYPE = "application/json"
AGENT = {"user-agent": "arcrun"}  # of http_request
MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"


@dataclass(frozen=True)
class Sent:
    """A request that is no POST of JSON. `sign` makes the headers that depend on the webhook's path."""

    method: str = "POST"
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sign: Callable[[str], Mapping[str, str]] = lambda _: {}


@dataclass(frozen=True)
class Answered:
    """What the workflow's `response` has become. `parts` are those that the body must have."""

    status: int
    headers: Mapping[str, str]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """`needs` are the examples that it calls. `statuses` are the trace's; of a loop's node, the worst. `sent` is the
    request if it is no POST of `given`, `answered` what the webhook answers if that is not `data`. With `is_repeated`
    the request comes twice, runs once, and is answered twice.
    """

    example: str
    title: str
    given: Any
    data: Any
    statuses: Mapping[str, str]
    exchanges: tuple[Exchange, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    reply: Any = None
    questions: tuple[tuple[str, str], ...] = ()
    attempts: Mapping[str, int] = field(default_factory=dict)
    slept_ms: tuple[float, ...] = ()
    sent: Sent | None = None
    answered: Answered | None = None
    is_repeated: bool = False
    status: str = "success"


def ran(names: str, **others: str) -> Mapping[str, str]:
    return {**dict.fromkeys(names.split(), "success"), **others}


GREET = [
    Case(
        "greet",
        "greets",
        {"name": " ada "},
        {"result": "Hello ADA, welcome to arcrun."},
        ran("tidy badge letter"),
    )
]

CONTACT_BODY = {
    "chat_id": 42,
    "text": "From someone: When do you open?",
    "link_preview_options": {"is_disabled": True},
}
CONTACT = [
    Case(
        "contact_to_telegram",
        "tries again after the pause that Telegram asks for",
        {"message": "  When do you open? ", "chat_id": 42},
        {"received": True, "message_id": 7},
        ran("message tell receipt"),
        (services.telegram_refusing(BOT, CONTACT_BODY, 3), services.telegram(BOT, CONTACT_BODY)),
        {"support_bot": BOT},
        attempts={"tell": 2},
        slept_ms=(3000,),
    )
]

FIRST_ORDER = [
    Case(
        "first_order",
        "tells of a customer's first order",
        {"customer": "C-7", "total": 120},
        {"is_first": True, "this_month": 1},
        ran("count seen tell answer"),
        (services.telegram(BOT, {"chat_id": 42, "text": "First order of C-7: 120 EUR"}),),
        {"telegram_bot_token": BOT},
    )
]

SIGNUP = [
    Case(
        "signup_to_sheet",
        "appends what fits",
        {"name": "Ada", "email": "ada@example.com"},
        {"accepted": True, "row": "Signups!A5:D5"},
        ran("check append accept", refuse="skipped"),
        (
            services.google_token(CLIENT, "ya29.fresh"),
            services.sheet_append("ya29.fresh", "Signups", ["2026-09-21T14:13:20.000Z", "Ada", "ada@example.com", 1]),
        ),
        {"google_oauth": json.dumps(CLIENT)},
    ),
    Case(
        "signup_to_sheet",
        "says what does not fit",
        {"name": "", "email": "ada@example.com", "seats": 9},
        {
            "accepted": False,
            "errors": [
                {"path": "/name", "message": "must have at least 1 character, not 0"},
                {"path": "/seats", "message": "must be at most 8"},
            ],
        },
        ran("check refuse", append="skipped", accept="skipped"),
    ),
]

ISSUES = [
    Case(
        "open_issues",
        "puts three pages together",
        {"repository": "octo-org/octo-repo"},
        {"result": ["Crash at start", "Typo", "Slow list"]},
        ran("pages fetch bodies entries issues titles"),
        (
            services.github_issues(
                GITHUB, 1, [{"number": 9, "title": "Crash at start"}, {"number": 8, "title": "Typo"}]
            ),
            services.github_issues(
                GITHUB,
                2,
                [
                    {"number": 7, "title": "Fix it", "pull_request": {"url": "https://api.github.com/pulls/7"}},
                    {"number": 6, "title": "Slow list"},
                ],
            ),
            services.github_issues(GITHUB, 3, []),
        ),
        {"github_token": GITHUB},
        attempts={"fetch": 3},
    )
]

HEALTH_URL = "https://shop.example.com/health"
HEALTH = [
    Case(
        "health_alarm",
        "is content with a healthy service",
        {"url": HEALTH_URL, "chat_id": 42},
        {"healthy": True, "status": 200},
        ran("probe healthy", alarm="skipped", down="skipped"),
        (Exchange("GET", HEALTH_URL, {"status": "ok"}, headers=AGENT),),
    ),
    Case(
        "health_alarm",
        "raises the alarm after the third failure",
        {"url": HEALTH_URL, "chat_id": 42},
        {"healthy": False, "error": "HTTP_STATUS"},
        ran("alarm down", probe="failed", healthy="skipped"),
        (
            *[Exchange("GET", HEALTH_URL, {"status": "down"}, status=503, headers=AGENT)] * 3,
            services.telegram(
                BOT,
                {
                    "chat_id": 42,
                    "text": f"{HEALTH_URL} is down since 2026-09-21T14:13:20.000Z: "
                    "The server answered with status 503.",
                    "reply_markup": {"inline_keyboard": [[{"text": "Look", "url": HEALTH_URL}]]},
                },
            ),
        ),
        {"telegram_bot_token": BOT},
        attempts={"probe": 3},
        slept_ms=(1000, 1000),
    ),
]

FAILED = {
    "workflow": "orders",
    "run_id": "01M8F9G9SB06ZDVR9SWRC2APES",
    "error": {"code": "HTTP_STATUS", "message": "The server answered with status 503."},
    "node": "pay",
    "started_at": "2026-09-21T14:13:00Z",
    "trigger": "webhook",
    "count": 3,
    "since": "2026-09-21T14:05:00Z",
    "workflows": {"orders": 2, "billing": 1},
}
FAILURES = [
    Case(
        "failure_alarm",
        "tells what has failed, and how often",
        FAILED,
        {"told": 3},
        ran("tell told"),
        (
            services.telegram(
                BOT,
                {
                    "chat_id": 42,
                    "text": "orders has failed: HTTP_STATUS The server answered with status 503. "
                    "(3 since 2026-09-21T14:05:00Z). acr logs 01M8F9G9SB06ZDVR9SWRC2APES",
                },
            ),
        ),
        {"telegram_bot_token": BOT},
    ),
]

ACCEPTED = Answered(202, {})
ARTICLE = {"id": "https://example.com/second", "url": "https://example.com/second", "title": "The second one"}
FEED = [
    Case(
        "feed_to_chat",
        "tells the chat of an article",
        ARTICLE,
        {"told": ARTICLE["id"]},
        ran("tell told"),
        (services.telegram(BOT, {"chat_id": 42, "text": "The second one https://example.com/second"}),),
        {"telegram_bot_token": BOT},
        answered=ACCEPTED,
    ),
]

MAILED = {
    "from": {"name": "Supplier", "address": "bills@supplier.example"},
    "subject": "Invoice 7",
    "date": "2026-09-21T14:13:20+00:00",
    "text": "See attached.",
    "attachments": [{"filename": "7.pdf", "content_type": "application/pdf", "size": 3, "base64": "JVBE"}],
}
INVOICE_MAIL = [
    Case(
        "invoice_mail",
        "notes an invoice in the sheet",
        MAILED,
        {"row": "Invoices!A5:E5"},
        ran("note noted", ignore="skipped"),
        (
            services.google_token(CLIENT, "ya29.fresh"),
            services.sheet_append(
                "ya29.fresh",
                "Invoices",
                [MAILED["date"], "bills@supplier.example", "Invoice 7", "7.pdf", "in the message"],
            ),
        ),
        {"google_oauth": json.dumps(CLIENT)},
    ),
    Case(
        "invoice_mail",
        "leaves a message without a file alone",
        {**MAILED, "attachments": []},
        {"row": None},
        ran("ignore", note="skipped", noted="skipped"),
    ),
]

ORDERS = [
    Case(
        "order_router",
        "thanks for a paid order",
        {"id": 7, "status": "paid", "email": "ada@example.com", "chat_id": 42},
        {"id": "18c1", "thread_id": "18c1"},
        ran("route thank", report="skipped", note="skipped"),
        (services.gmail(GOOGLE, "ada@example.com", "Your order 7", "Thank you! Your order 7 is on its way."),),
        {"google_oauth": GOOGLE},
    ),
    Case(
        "order_router",
        "reports a failed payment",
        {"id": 7, "status": "payment_failed", "email": "ada@example.com", "chat_id": 42},
        {
            "message_id": 7,
            "chat_id": 42,
            "message": {
                "message_id": 7,
                "date": 1_790_000_000,
                "chat": {"id": 42, "type": "private"},
                "text": "The payment of order 7 failed.",
            },
        },
        ran("route report", thank="skipped", note="skipped"),
        (services.telegram(BOT, {"chat_id": 42, "text": "The payment of order 7 failed."}),),
        {"telegram_bot_token": BOT},
    ),
    Case(
        "order_router",
        "notes the rest",
        {"id": 7, "status": "shipped"},
        {"ignored": "shipped"},
        ran("route note", thank="skipped", report="skipped"),
    ),
]

HEADER = ["date", "customer", "total"]
DIGEST = [
    Case(
        "daily_digest",
        "mails yesterday's sum",
        {"to": "owner@example.com"},
        {"id": "18c1", "thread_id": "18c1"},
        ran("sheet orders any total shown mail", quiet="skipped"),
        (
            services.sheet_read(
                GOOGLE,
                [
                    HEADER,
                    ["2026-09-19", "Ada", 99],
                    ["2026-09-20", "Bob", 1200.1],
                    ["2026-09-20", "Cid", 34.4],
                ],
            ),
            services.gmail(GOOGLE, "owner@example.com", "2026-09-20: 2 orders", "2 orders, 1,234.50 EUR in all."),
        ),
        {"shop_google": GOOGLE},
    ),
    Case(
        "daily_digest",
        "stays quiet without orders",
        {"to": "owner@example.com"},
        {"orders": 0},
        ran("sheet orders any quiet", total="skipped", shown="skipped", mail="skipped"),
        (services.sheet_read(GOOGLE, [HEADER, ["2026-09-19", "Ada", 99]]),),
        {"shop_google": GOOGLE},
    ),
]

FIGURES = {"orders": 12, "revenue": 340.5}
FIGURES_REQUEST = Exchange("GET", "https://shop.example.com/api/figures?day=2026-09-20", FIGURES, headers=AGENT)
NIGHTLY = [
    Case(
        "nightly_report",
        "mails what the day came to",
        {"to": "owner@example.com"},
        {"sent": True, "day": "2026-09-20"},
        ran("day day_before figures keep kept report mail sent", alarm="skipped", not_sent="skipped"),
        (
            FIGURES_REQUEST,
            services.gmail(GOOGLE, "owner@example.com", "Report of 2026-09-20", "orders: 12\nrevenue: 340.5"),
        ),
        {"google_oauth": GOOGLE},
        answered=ACCEPTED,
    ),
    Case(
        "nightly_report",
        "raises the alarm when the figures cannot be had",
        {"to": "owner@example.com"},
        {"sent": False, "day": "2026-09-20"},
        ran(
            "day day_before kept alarm not_sent",
            figures="failed",
            keep="skipped",
            report="skipped",
            mail="skipped",
            sent="skipped",
        ),
        (
            replace(FIGURES_REQUEST, answer={}, status=404),
            services.telegram(
                BOT, {"chat_id": 42, "text": "No report of 2026-09-20: The server answered with status 404."}
            ),
        ),
        {"telegram_bot_token": BOT},
        answered=ACCEPTED,
    ),
]

PAGE = {"url": "https://example.com/news", "selector": "main"}
WATCHED = [
    Case(
        "page_watch",
        "keeps what is there the first time",
        PAGE,
        {"state": "first"},
        ran("page part before changes keep watched", message="skipped", tell="skipped"),
        (services.page(PAGE["url"], "<nav>Menu</nav><main><h1>News</h1></main>"),),
    ),
    Case(
        "page_watch",
        "fails if the page has lost the part",
        PAGE,
        None,
        ran(
            "page part before",
            changes="failed",
            message="skipped",
            tell="skipped",
            keep="skipped",
            watched="skipped",
        ),
        (services.page(PAGE["url"], "<p>We are moving"),),
        answered=Answered(500, {}),
        status="failed",
    ),
]

SALES = [{"product": "Lamp", "sold": 3, "revenue": 90}, {"product": "Chair & Co", "sold": 1, "revenue": 1049.9}]
SALES_TABLE = """<p>Sales since 2026-09-14:</p>
<table border="1" cellpadding="4">
  <tr><th>Product</th><th>Sold</th><th>Revenue</th></tr>
  <tr><td>Lamp</td><td align="right">3</td><td align="right">90</td></tr>
  <tr><td>Chair &amp; Co</td><td align="right">1</td><td align="right">1049.9</td></tr>
</table>
<p>1,139.90 EUR in all.</p>
"""
REPORT = [
    Case(
        "report_by_mail",
        "mails a table and a file",
        {"to": "owner@example.com"},
        {"rows": 2, "total": "1,139.90"},
        ran("since sales revenue total table file mail sent"),
        (
            Exchange(
                "GET",
                "https://shop.example.com/api/sales?since=2026-09-14",
                SALES,
                headers={"Authorization": "Bearer shop-secret", **AGENT},
            ),
            services.gmail_with(
                GOOGLE,
                "owner@example.com",
                "Sales since 2026-09-14: 1,139.90 EUR",
                {
                    "plain": "1,139.90 EUR in all; the table is in the HTML part and in the file.",
                    "html": SALES_TABLE,
                },
                (
                    "sales-2026-09-14.csv",
                    "\ufeffproduct,sold,revenue\r\nLamp,3,90\r\nChair & Co,1,1049.9\r\n",
                ),
            ),
        ),
        {"google_oauth": GOOGLE, "shop_token": "shop-secret"},
        answered=ACCEPTED,
    ),
]

PROGRAM = {
    "version": 1,
    "output": {
        "op": "text",
        "parts": [
            {"op": "count", "list": {"op": "get", "path": "input.orders"}},
            " orders, ",
            {
                "op": "sum",
                "list": {
                    "op": "map",
                    "list": {"op": "get", "path": "input.orders"},
                    "each": {"op": "get", "path": "item.total"},
                },
            },
            " EUR",
        ],
    },
}
QUESTION = (
    "Instruction: A text with the number of orders and the sum of their totals in EUR.\n\nSample input: "
    '{"orders":[{"customer":"Someone","total":10},{"customer":"Another","total":5.25}]}'
)
SUMMARY_INPUT = {"line_to": "U1", "orders": [{"customer": "Ada", "total": 12.5}, {"customer": "Bob", "total": 7.25}]}
SUMMARY = [
    Case(
        "ai_summary",
        "applies the model's program to the orders",
        SUMMARY_INPUT,
        {"message_ids": ["461230966842064897"], "duplicate": False},
        ran("program summary tell", apologise="skipped"),
        (services.line(LINE, "U1", "2026-09-21: 2 orders, 19.75 EUR"),),
        {"line_channel_access_token": LINE},
        reply=json.dumps(PROGRAM),
        questions=((MODEL, QUESTION),),
    ),
    Case(
        "ai_summary",
        "says so when the model does not answer",
        SUMMARY_INPUT,
        {"message_ids": ["461230966842064897"], "duplicate": False},
        ran("apologise", program="failed", summary="skipped", tell="skipped"),
        (services.line(LINE, "U1", "2026-09-21: no summary, for AI_FAILED."),),
        {"line_channel_access_token": LINE},
        reply=HostFunctionError("The model is overloaded.", code="AI_FAILED"),
        questions=((MODEL, QUESTION),),
    ),
]

REMINDER = [
    Case(
        "event_reminder",
        "reaches the others when one cannot be reached",
        {
            "event": "Open day",
            "people": [{"line_id": "U1", "name": "Ada"}, {"line_id": "nobody", "name": "Bob"}, {"line_id": "U3"}],
        },
        {
            "sent": [
                {"message_ids": ["1"], "duplicate": False},
                None,
                {"message_ids": ["3"], "duplicate": False},
            ],
            "failed": [{"index": 1, "error": "BAD_REQUEST"}],
        },
        ran("people report", tell="failed"),
        (
            services.line(LINE, "U1", "Hello Ada, see you at Open day!", id_="1"),
            services.line_refusing(LINE, "nobody", "Hello Bob, see you at Open day!"),
            services.line(LINE, "U3", "Hello there, see you at Open day!", id_="3"),
        ),
        {"line_channel_access_token": LINE},
        attempts={"tell": 3},
    )
]

SEND = [
    Case(
        "send_reminder",
        "asks a customer",
        {"to": "ada@example.com", "invoice": "R-7", "days": 12},
        {"id": "18c1", "thread_id": "18c1"},
        ran("late remind", warn="skipped"),
        (
            services.gmail(
                GOOGLE,
                "ada@example.com",
                "Invoice R-7",
                "Invoice R-7 has been due for 12 days. Have you overlooked it?",
            ),
        ),
        {"google_oauth": GOOGLE},
    ),
    Case(
        "send_reminder",
        "warns after a month",
        {"to": "ada@example.com", "invoice": "R-7", "days": 31},
        {"id": "18c1", "thread_id": "18c1"},
        ran("late warn", remind="skipped"),
        (
            services.gmail(
                GOOGLE,
                "ada@example.com",
                "Second notice: invoice R-7",
                "Invoice R-7 has been due for 31 days. Please pay it this week.",
            ),
        ),
        {"google_oauth": GOOGLE},
    ),
]

INVOICES = {
    "invoices": [
        {"number": "R-1", "due_on": "2026-08-12", "email": "ada@example.com"},
        {"number": "R-2", "due_on": "2026-09-09", "email": "bob@example.com"},
        {"number": "R-3", "due_on": "2026-09-14", "email": "cid@example.com"},
        {"number": "R-4", "due_on": "2026-09-01", "email": None},
    ]
}
INVOICES_EXCHANGE = Exchange(
    "GET",
    "https://accounting.example.com/v1/invoices?status=open",
    INVOICES,
    headers={"Authorization": f"Bearer {ACCOUNTING}", **AGENT},
)
TO_ADA = (
    "ada@example.com",
    "Second notice: invoice R-1",
    "Invoice R-1 has been due for 40 days. Please pay it this week.",
)
TO_BOB = ("bob@example.com", "Invoice R-2", "Invoice R-2 has been due for 12 days. Have you overlooked it?")
OVERDUE = [
    Case(
        "overdue_invoices",
        "has each late one reminded of by the other workflow",
        {},
        {"late": 2, "failed": []},
        ran("week_ago invoices late days remind report"),
        (
            INVOICES_EXCHANGE,
            services.gmail(GOOGLE, *TO_ADA),
            services.gmail(GOOGLE, *TO_BOB),
        ),
        {"google_oauth": GOOGLE, "accounting_token": ACCOUNTING},
        needs=("send_reminder",),
    ),
    Case(
        "overdue_invoices",
        "goes on when one reminder fails",
        {},
        {"late": 2, "failed": [{"index": 0, "error": "RATE_LIMITED"}]},
        ran("week_ago invoices late days report", remind="failed"),
        (
            INVOICES_EXCHANGE,
            services.gmail_refusing(GOOGLE, *TO_ADA),
            services.gmail(GOOGLE, *TO_BOB),
        ),
        {"google_oauth": GOOGLE, "accounting_token": ACCOUNTING},
        needs=("send_reminder",),
    ),
]

MAINTENANCE = [
    Case(
        "maintenance_window",
        "says when, with the caller's own words",
        {"notice": {"title": "Upgrade"}},
        {"title": "Upgrade", "begins": "Sunday 27 September 2026, 03:00", "ends": "05:00 (UTC+02:00)"},
        ran("due begins ends notice", refuse="skipped"),
    ),
    Case(
        "maintenance_window",
        "refuses what is no schedule",
        {"cron": "0 25 * * *"},
        {"errors": [{"field": "hour", "message": 'hour: "25" must be a whole number from 0 to 23'}]},
        ran("due refuse", begins="skipped", ends="skipped", notice="skipped"),
    ),
]

FORM = {"content-type": "application/x-www-form-urlencoded"}
CONTACT_TEXT = {"chat_id": 42, "text": "Ada <ada@example.com> writes: Hello & good\r\nmorning"}


MESSAGE = {"name": "Ada", "email": "ada@example.com", "message": "Hello & good\r\nmorning", "website": ""}
SPAM = {**MESSAGE, "website": "https://spam.example"}


def form(fields: Mapping[str, str]) -> Sent:
    return Sent(content=urlencode(fields).encode(), headers=FORM)


CONTACT_FORM = [
    Case(
        "contact_form",
        "tells the team, and leads the visitor on",
        MESSAGE,
        None,
        ran("tell", ignore="skipped"),
        (services.telegram(BOT, CONTACT_TEXT),),
        {"telegram_bot_token": BOT},
        sent=form(MESSAGE),
        answered=Answered(303, {"location": "https://www.example.com/thanks"}),
    ),
    Case(
        "contact_form",
        "tells nobody of a robot",
        SPAM,
        {"ignored": True},
        ran("ignore", tell="skipped"),
        secrets={"telegram_bot_token": BOT},
        sent=form(SPAM),
        answered=Answered(303, {"location": "https://www.example.com/thanks"}),
    ),
]

HTML = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
SEAT_PAGE = [
    Case(
        "seat_page",
        "shows the form",
        {},
        None,
        ran("form", thanks="skipped"),
        sent=Sent("GET"),
        answered=Answered(200, HTML, ("<h1>Seats</h1>", '<form method="post">')),
    ),
    Case(
        "seat_page",
        "answers what the form sends, escaped",
        {"name": "<b>Ada", "seats": "2"},
        None,
        ran("thanks", form="skipped"),
        sent=form({"name": "<b>Ada", "seats": "2"}),
        answered=Answered(200, HTML, ("Thank you, &lt;b&gt;Ada: 2 seats are yours.",)),
    ),
]

TWILIO = "twilio-auth-token-secret"
XML = {"content-type": "text/xml; charset=utf-8"}


def text_message(body: str) -> Sent:
    """A message as Twilio sends it (https://www.twilio.com/docs/usage/security)."""

    def sign(path: str) -> Mapping[str, str]:
        signed = f"https://arcrun.example.com{path}Body{body}From+15551234567"
        digest = hmac.new(TWILIO.encode(), signed.encode(), hashlib.sha1).digest()
        return {"x-twilio-signature": base64.b64encode(digest).decode()}

    return replace(form({"Body": body, "From": "+15551234567"}), sign=sign)


SMS = [
    Case(
        "sms_reply",
        "answers the word that it knows",
        {"Body": " Hours", "From": "+15551234567"},
        {"text": "We are here Monday to Friday, 9 to 17."},
        ran("word hours", other="skipped"),
        secrets={"twilio_auth_token": TWILIO},
        sent=text_message(" Hours"),
        answered=Answered(
            200, XML, ("<Response><Message>We are here Monday to Friday, 9 to 17.</Message></Response>",)
        ),
    ),
    Case(
        "sms_reply",
        "answers any other, as XML",
        {"Body": "1 < 2 & more", "From": "+15551234567"},
        {"text": "Write HOURS to know when we are here. You wrote: 1 < 2 & more"},
        ran("word other", hours="skipped"),
        secrets={"twilio_auth_token": TWILIO},
        sent=text_message("1 < 2 & more"),
        answered=Answered(200, XML, ("You wrote: 1 &lt; 2 &amp; more</Message>",)),
    ),
]

STRIPE, HOOK = "whsec_stripe-endpoint-secret", "github-hook-secret"
RECEIVED = Answered(200, {"content-type": JSON_TYPE}, ('{"received":true}',))


def stripe_event(kind: str, **session: Any) -> Sent:
    """An event as Stripe sends it (https://docs.stripe.com/webhooks#verify-manually)."""
    details = {"amount_total": 4990, "currency": "eur", "customer_details": {"email": "ada@example.com"}, **session}
    event = {"id": "evt_1NG8Du2eZvKYlo2CUI79vXWy", "object": "event", "type": kind, "data": {"object": details}}
    content, now_s = json.dumps(event).encode(), int(START_MS / 1_000)
    digest = hmac.new(STRIPE.encode(), f"{now_s}.".encode() + content, hashlib.sha256).hexdigest()
    return Sent(content=content, headers={"content-type": JSON_TYPE, "stripe-signature": f"t={now_s},v1={digest}"})


def github_event(label: str) -> Sent:
    """A delivery as GitHub sends it (https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues)."""
    issue = {"number": 7, "title": "It burns", "html_url": "https://github.com/o/r/issues/7"}
    event = {"action": "labeled", "issue": issue, "label": {"name": label}, "repository": {"full_name": "o/r"}}
    content = json.dumps(event).encode()
    digest = hmac.new(HOOK.encode(), content, hashlib.sha256).hexdigest()
    headers = {
        "content-type": JSON_TYPE,
        "x-github-event": "issues",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": f"sha256={digest}",
    }
    return Sent(content=content, headers=headers)


SLACK, ORDER_URL = "slack-signing-secret", "https://shop.example.com/orders/4711"
ORDER_HEADERS = {**AGENT, "authorization": "Bearer shop-token"}


def slash_command(text: str) -> Sent:
    """A command as Slack sends it (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""
    sent = form({"command": "/order", "text": text, "user_name": "ada"})
    now_s = int(START_MS / 1_000)
    digest = hmac.new(SLACK.encode(), f"v0:{now_s}:".encode() + sent.content, hashlib.sha256).hexdigest()
    signed = {"x-slack-request-timestamp": str(now_s), "x-slack-signature": f"v0={digest}"}
    return replace(sent, headers={**sent.headers, **signed})


COMMANDS = [
    Case(
        "order_command",
        "tells in the channel",
        None,
        None,
        ran("find"),
        (Exchange("GET", ORDER_URL, {"id": 4711, "state": "on its way"}, headers=ORDER_HEADERS),),
        {"slack_signing_secret": SLACK, "orders_token": "shop-token"},
        sent=slash_command(" 4711 "),
        answered=Answered(200, {"content-type": JSON_TYPE}, ('"in_channel"', "Order 4711 is on its way, ada.")),
    ),
    Case(
        "order_command",
        "tells only the asker of an order that there is not",
        None,
        None,
        ran("", find="failed"),
        (Exchange("GET", ORDER_URL, {"error": "no such order"}, status=404, headers=ORDER_HEADERS),),
        {"slack_signing_secret": SLACK, "orders_token": "shop-token"},
        sent=slash_command("4711"),
        answered=Answered(200, {"content-type": JSON_TYPE}, ('"ephemeral"', "I cannot find that order.")),
        status="failed",
    ),
]

EVENTS = [
    Case(
        "stripe_checkout",
        "tells of a paid checkout once, though its event comes twice",
        None,
        None,
        ran("tell"),
        (services.telegram(BOT, {"chat_id": 42, "text": "ada@example.com has paid 49.9 EUR."}),),
        {"stripe_secret": STRIPE, "telegram_bot_token": BOT},
        sent=stripe_event("checkout.session.completed", payment_status="paid"),
        answered=RECEIVED,
        is_repeated=True,
    ),
    Case(
        "stripe_checkout",
        "tells of no other event",
        None,
        None,
        ran("", tell="skipped"),
        secrets={"stripe_secret": STRIPE},
        sent=stripe_event("checkout.session.expired", payment_status="unpaid"),
        answered=RECEIVED,
    ),
    Case(
        "labelled_issue",
        "tells of an urgent issue once, though it is redelivered",
        None,
        None,
        ran("tell"),
        (services.telegram(BOT, {"chat_id": 42, "text": "o/r #7: It burns\nhttps://github.com/o/r/issues/7\n"}),),
        {"github_secret": HOOK, "telegram_bot_token": BOT},
        sent=github_event("urgent"),
        answered=RECEIVED,
        is_repeated=True,
    ),
    Case(
        "labelled_issue",
        "tells of no other label",
        None,
        None,
        ran("", tell="skipped"),
        secrets={"github_secret": HOOK},
        sent=github_event("later"),
        answered=RECEIVED,
    ),
]

META = "meta-app-secret"
ANSWERED = Answered(200, {"content-type": "text/plain; charset=utf-8"})


def whatsapp_event(**value: Any) -> Sent:
    """An event as Meta sends it (https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples)."""
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", **value}}
    event = {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}
    content = json.dumps(event).encode()
    digest = hmac.new(META.encode(), content, hashlib.sha256).hexdigest()
    return Sent(content=content, headers={"content-type": JSON_TYPE, "x-hub-signature-256": f"sha256={digest}"})


def whatsapp_message(number: int, **content: Any) -> Mapping[str, Any]:
    return {"from": "16505551234", "id": f"wamid.HBgLMTY1MDU{number}", "timestamp": "1758464000", **content}


WHATSAPP = [
    Case(
        "whatsapp_message",
        "tells of each text once, though its event comes twice",
        None,
        None,
        ran("texts tell"),
        tuple(
            services.telegram(BOT, {"chat_id": 42, "text": f"+16505551234 writes: {text}"})
            for text in ("When do you open?", "Hello?")
        ),
        {"meta_app_secret": META, "telegram_bot_token": BOT},
        sent=whatsapp_event(
            messages=[
                whatsapp_message(1, type="text", text={"body": "When do you open?"}),
                whatsapp_message(2, type="image", image={"id": "1003383421387256"}),
                whatsapp_message(3, type="text", text={"body": "Hello?"}),
            ]
        ),
        answered=ANSWERED,
        is_repeated=True,
    ),
    Case(
        "whatsapp_message",
        "tells of no receipt",
        None,
        None,
        ran("texts", tell="skipped"),
        secrets={"meta_app_secret": META},
        sent=whatsapp_event(statuses=[{"id": "wamid.HBgLMTY1MDU", "status": "read"}]),
        answered=ANSWERED,
    ),
]

CASES = [
    *WHATSAPP,
    *COMMANDS,
    *EVENTS,
    *CONTACT_FORM,
    *SEAT_PAGE,
    *SMS,
    *GREET,
    *CONTACT,
    *SIGNUP,
    *FIRST_ORDER,
    *ISSUES,
    *HEALTH,
    *FAILURES,
    *FEED,
    *INVOICE_MAIL,
    *ORDERS,
    *DIGEST,
    *NIGHTLY,
    *WATCHED,
    *REPORT,
    *SUMMARY,
    *REMINDER,
    *SEND,
    *OVERDUE,
    *MAINTENANCE,
]
