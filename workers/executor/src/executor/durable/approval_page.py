"""The page on which a person decides. It has no script, and whatever a workflow says on it is text."""

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

from arcrun.limits import MAX_COMMENT_CHARACTERS
from executor.durable.decisions import Question

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:10vh auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}h1{font-size:1.4rem}p{white-space:pre-wrap;overflow-wrap:anywhere}"
    "small{color:#555}label{display:block;margin:1.5rem 0 .25rem}"
    "textarea{width:100%;box-sizing:border-box;font:inherit;min-height:4rem}"
    "button{font:inherit;padding:.5rem 1.25rem;margin:1rem .5rem 0 0;cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}small{color:#aaa}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the address is what allows to decide
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
}
UNKNOWN = "This link is not valid, or nothing is to be decided any more."
DECIDED = "This was decided already."
TOO_LONG = "Your comment is too long. Go back, and shorten it."
NOT_CHOSEN = "Choose one of the answers."


def show_question(question: Question, problem: str = "", status: int = 200) -> HTMLResponse:
    buttons = "".join(
        f'<button name="choice" value="{escape(choice)}">{escape(choice)}</button>' for choice in question.choices
    )
    told = f"<p role=alert>{escape(problem)}</p>" if problem else ""
    text = f"<p>{escape(question.text)}</p>" if question.text else ""
    return _show(
        question.title,
        f"{text}{told}<form method=post>"
        "<label for=comment>Comment</label>"
        f"<textarea id=comment name=comment maxlength={MAX_COMMENT_CHARACTERS}></textarea>"
        f"{buttons}</form>"
        f"<p><small>You decide as {escape(question.ticket.approver)}, for the workflow {escape(question.workflow)}."
        "</small></p>",
        status,
    )


def show_decision(choice: str) -> HTMLResponse:
    return _show("Thank you", f"<p>Your answer is kept: {escape(choice)}. You can close this page.</p>", 200)


def show_refusal(message: str, status: int) -> HTMLResponse:
    return _show("Nothing to decide", f"<p>{escape(message)}</p>", status)


def _show(title: str, body: str, status: int) -> HTMLResponse:
    page = (
        '<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(page, status, _HEADERS)
