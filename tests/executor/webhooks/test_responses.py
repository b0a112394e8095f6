"""Proves what a webhook answers by its workflow's `response`: statuses, headers and bodies, what attacks become, what a
failed run answers, and that every answer is confined, redacted and recorded.
"""

import base64
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_BODY_BYTES
from fakes.executor import build_client
from fakes.webhooks import Hook, flow_with
from fakes.wire import read_error
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

CONFINED = {
    "content-security-policy": "sandbox allow-forms allow-scripts allow-popups",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\xff").decode()
NO_BODY = b""


async def answer(response: Any, body: Any = None, **request: Any) -> httpx.Response:
    return await Hook(response).send(body, **request)


TEXT, HTML, JSON = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"
INPUT = {"text": "<b>ü</b>", "n": 7, "list": [1, {"a": None}], "yes": True, "nothing": None}

# name: (response, status, content type, body)
BODIES: dict[str, tuple[Mapping[str, Any], int, str | None, bytes]] = {
    "body": ({"body": "hi"}, 200, TEXT, b"hi"),
    "body, empty": ({"body": ""}, 200, TEXT, b""),
    "body, of a node": ({"body": "{{node.data.text}}"}, 200, TEXT, "<b>ü</b>".encode()),
    "body, a number": ({"body": "{{input.n}}"}, 200, TEXT, b"7"),
    "body, an object": ({"body": "{{input.list}}"}, 200, TEXT, b'[1, {"a": null}]'),
    "body, true": ({"body": "{{input.yes}}"}, 200, TEXT, b"true"),
    "body, null": ({"body": "{{input.nothing}}"}, 200, TEXT, b""),
    "body, optional": ({"body": "{{input.missing?}}"}, 200, TEXT, b""),
    "body with a type": ({"body": "<r/>", "headers": {"Content-Type": "text/xml"}}, 200, "text/xml", b"<r/>"),
    "json": ({"json": ["{{input.n}}", "{{input.list}}", "é"]}, 200, JSON, '[7,[1,{"a":null}],"é"]'.encode()),
    "json, null": ({"json": None}, 200, JSON, b"null"),
    "json, a text": ({"json": "{{input.n}}!"}, 200, JSON, b'"7!"'),
    "json, a problem": (
        {"status": 402, "json": {"type": "about:blank"}, "headers": {"content-type": "application/problem+json"}},
        402, "application/problem+json", b'{"type":"about:blank"}',
    ),
    "html": ({"html": "<p>{{input.text}}"}, 200, HTML, "<p><b>ü</b>".encode()),
    "html, escaped": ({"html": "<p>{{input.text | html_escape}}"}, 200, HTML, "<p>&lt;b&gt;ü&lt;/b&gt;".encode()),
    "html, a charset": ({"html": "x", "headers": {"content-type": "text/html"}}, 200, "text/html", b"x"),
    "file": ({"file": {"base64": PNG}}, 200, "application/octet-stream", base64.b64decode(PNG)),
    "file with a type": ({"file": {"base64": "aGk=", "content_type": "image/png"}}, 200, "image/png", b"hi"),
    "file, in lines": ({"file": {"base64": "aG\nk=\n"}}, 200, "application/octet-stream", b"hi"),
    "status": ({"status": 201, "body": "made"}, 201, TEXT, b"made"),
    "status of data": ({"status": "{{input.n | multiply(60)}}", "body": "x"}, 420, TEXT, b"x"),
    "status alone": ({"status": 404, "body": ""}, 404, TEXT, b""),
    "204": ({"status": 204}, 204, None, b""),
    "205": ({"status": 205}, 205, None, b""),
    "304": ({"status": 304, "headers": {"etag": '"1"'}}, 304, None, b""),
    "204 of data": ({"status": "{{input.n | add(197)}}", "body": "x"}, 204, None, b""),
    "a run that worked, as an error": ({"status": 503, "json": {"later": True}}, 503, JSON, b'{"later":true}'),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
async def test_a_body(name: str) -> None:
    response, status, content_type, body = BODIES[name]
    answered = await answer(response, INPUT)
    assert (answered.status_code, answered.headers.get("content-type"), answered.content) == (
        status,
        content_type,
        body,
    )
    assert {key: answered.headers[key] for key in CONFINED} == CONFINED
    length = answered.headers.get("content-length")
    assert length == (None if status in (204, 304) else str(len(body)))


async def test_without_a_body_of_its_own_the_answer_is_arcruns() -> None:
    answered = await answer({"status": 202, "headers": {"x-a": "{{input.text}}"}}, {"text": "t"})
    assert (answered.status_code, answered.headers["x-a"]) == (202, "t")
    assert (answered.json()["success"], answered.json()["data"]) == (True, {"text": "t"})


@pytest.mark.parametrize(
    ("filename", "disposition"),
    [
        ("bill.pdf", 'attachment; filename="bill.pdf"'),
        ("Größe 1.pdf", "attachment; filename=\"Gr__e 1.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.pdf"),
        ('a".pdf', "attachment; filename=\"a_.pdf\"; filename*=UTF-8''a%22.pdf"),
        ("../a\\b", "attachment; filename=\".._a_b\"; filename*=UTF-8''..%2Fa%5Cb"),
        ("a\r\nb: c", "attachment; filename=\"a__b: c\"; filename*=UTF-8''a%0D%0Ab%3A%20c"),
    ],
)  # fmt: skip
async def test_the_name_of_a_file(filename: str, disposition: str) -> None:
    answered = await answer({"file": {"base64": "", "filename": "{{input.text}}"}}, {"text": filename})
    assert answered.headers["content-disposition"] == disposition


async def test_a_file_of_the_input() -> None:
    file = {"filename": "a.png", "content_type": "image/png", "size": 2, "base64": PNG}
    answered = await answer({"file": "{{input.file}}"}, {"file": file})
    assert (answered.content, answered.headers["content-type"]) == (base64.b64decode(PNG), "image/png")


@pytest.mark.parametrize(
    ("response", "value", "location", "status"),
    [
        ({"redirect": "https://a.b/thanks"}, "", "https://a.b/thanks", 303),
        ({"redirect": "https://a.b/thanks\n"}, "", "https://a.b/thanks", 303),
        *[({"redirect": "?done", "status": status}, "", "?done", status) for status in (302, 303, 307, 308)],
        ({"redirect": "https://a.b/{{input.text | url_encode}}"}, "ä /", "https://a.b/%C3%A4%20%2F", 303),
        ({"redirect": "https://a.b/{{input.text}}"}, "ä?é=%20", "https://a.b/%C3%A4?%C3%A9=%20", 303),
        ({"redirect": "{{input.text}}", "redirect_hosts": ["c.d"]}, "https://c.d/x#y", "https://c.d/x#y", 303),
        ({"redirect": "https://{{input.text}}.d/", "redirect_hosts": ["c.d"]}, "c", "https://c.d/", 303),
        ({"redirect": "/x/{{input.text}}"}, "y", "/x/y", 303),
    ],
)
async def test_a_redirect(response: Any, value: str, location: str, status: int) -> None:
    answered = await answer(response, {"text": value})
    assert (answered.status_code, answered.headers["location"], answered.content) == (status, location, b"")
    assert {key: answered.headers[key] for key in CONFINED} == CONFINED


async def test_headers() -> None:
    headers = {
        "X-Order": "{{input.n}}",
        "x-none": "{{input.missing?}}",
        "x-bool": "{{input.yes}}",
        "Cache-Control": "no-store",
        "Link": '</a>; rel="next"',
        "x-spaces": " a\t",
    }
    answered = await answer({"headers": headers, "body": ""}, INPUT)
    assert {key: answered.headers.get(key.lower()) for key in headers} == {
        **headers, "X-Order": "7", "x-none": None, "x-bool": "true", "x-spaces": "a",
    }  # fmt: skip


async def test_cookies_are_for_the_webhook_alone() -> None:
    hook = Hook({"headers": {"set-cookie": ["a={{input.n}}; Secure", "{{input.c?}}", "b=2"]}, "body": ""})
    answered = await hook.send({"n": 1})
    path = f"Path=/webhooks/{hook.token}/trigger"
    assert answered.headers.get_list("set-cookie") == [f"a=1; Secure; {path}", f"b=2; {path}"]


@pytest.mark.parametrize("policy", ["default-src 'none'", "sandbox allow-same-origin allow-scripts", "a, sandbox"])
async def test_a_policy_of_the_workflow_stands_beside_arcruns(policy: str) -> None:
    """Browsers enforce all of several policies: it can only tighten."""
    answered = await answer({"html": "", "headers": {"content-security-policy": policy}})
    policies = answered.headers.get_list("content-security-policy")
    assert sorted(policies) == sorted([policy, CONFINED["content-security-policy"]])


NEVER = ("evil", "__Host", "javascript:", "inner detail")
# name: (response, the input's text, the part that is named)
FAILING: dict[str, tuple[Mapping[str, Any], Any, str]] = {
    "a template": ({"body": "{{node.data.nothing}}"}, "", "body"),
    "a filter": ({"body": "{{input.value | add(1)}}"}, "x", "body"),
    "a status that is none": ({"status": "{{input.value}}"}, "OK", "status"),
    "status 101": ({"status": "{{input.value}}"}, 101, "status"),
    "status 301": ({"status": "{{input.value}}"}, 301, "status"),
    "status 99999": ({"status": "{{input.value}}"}, 99999, "status"),
    "status true": ({"status": "{{input.value}}"}, True, "status"),
    "status null": ({"status": "{{input.value}}"}, None, "status"),
    "a list": ({"status": "{{input.value}}"}, [200], "status"),
    "status 200 of a redirect": ({"redirect": "/", "status": "{{input.value}}"}, 200, "status"),
    "a header, an object": ({"headers": {"x-a": "{{input.value}}"}}, {"a": 1}, "headers.x-a"),
    "a header, CRLF": ({"headers": {"x-a": "a{{input.value}}"}}, "\r\nset-cookie: evil=1", "headers.x-a"),
    "a header, LF": ({"headers": {"x-a": "a{{input.value}}b"}}, "\n", "headers.x-a"),
    "a header, CR": ({"headers": {"x-a": "a{{input.value}}b"}}, "\r", "headers.x-a"),
    "a header, NUL": ({"headers": {"x-a": "a{{input.value}}b"}}, "\0", "headers.x-a"),
    "a header, not ASCII": ({"headers": {"x-a": "{{input.value}}"}}, "ü", "headers.x-a"),
    "a header, too long": ({"headers": {"x-a": "{{input.value}}"}}, "x" * 16_385, "headers.x-a"),
    "headers, too long": (
        {"headers": {"x-a": "{{input.value}}", "x-b": "{{input.value}}"}}, "x" * 10_000, "headers",
    ),
    "too many cookies": ({"headers": {"set-cookie": "{{input.value}}"}}, ["a=1"] * 51, "headers"),
    "a content type": (
        {"headers": {"content-type": "{{input.value}}"}}, "multipart/x-mixed-replace;evil", "headers.content-type",
    ),
    "a cookie, the name": ({"headers": {"set-cookie": "{{input.value}}=1"}}, "__Host-evil", "headers.set-cookie"),
    "a cookie, the case": ({"headers": {"set-cookie": "{{input.value}}=1"}}, "__hOsT-evil", "headers.set-cookie"),
    "a cookie, spaces": ({"headers": {"set-cookie": "{{input.value}}=1"}}, " \t__Secure-evil", "headers.set-cookie"),
    "a cookie without a name": ({"headers": {"set-cookie": "{{input.value}}"}}, "=__Host-evil=1", "headers.set-cookie"),
    "a cookie without a sign": ({"headers": {"set-cookie": "{{input.value}}"}}, "__Host-evil", "headers.set-cookie"),
    "a cookie, another": ({"headers": {"set-cookie": "a={{input.value}}"}}, "1, __Host-evil=1", "headers.set-cookie"),
    "a cookie, a path": ({"headers": {"set-cookie": "a={{input.value}}"}}, "1; Path=/evil", "headers.set-cookie"),
    "a cookie, a domain": ({"headers": {"set-cookie": "a={{input.value}}"}}, "1;DOMAIN=evil", "headers.set-cookie"),
    "cookies, one": ({"headers": {"set-cookie": "{{input.value}}"}}, ["a=1", "__Host-evil=1"], "headers.set-cookie"),
    "a file, no base64": ({"file": {"base64": "{{input.value}}"}}, "evil!", "file"),
    "a file, no text": ({"file": {"base64": "{{input.value}}"}}, 5, "file"),
    "a file, null": ({"file": "{{input.value}}"}, None, "file"),
    "a file, a type": (
        {"file": {"base64": "", "content_type": "{{input.value}}"}}, "a\r\nevil: 1", "file.content_type",
    ),
    "HTML, an object": ({"html": "{{input.value}}"}, {"evil": 1}, "html"),
    "a redirect, empty": ({"redirect": "{{input.value}}", "redirect_hosts": ["c.d"]}, "", "redirect"),
    "a redirect, a number": ({"redirect": "{{input.value}}", "redirect_hosts": ["c.d"]}, 5, "redirect"),
    **{
        f"a redirect, {url!r}": ({"redirect": "{{input.value}}", "redirect_hosts": ["c.d"]}, url, "redirect")
        for url in (
            *("https://evil.example/", "javascript:evil()", "data:text/html,evil", "//evil.example", "/evil"),
            *("https://c.d@evil.example", "https://c.d\\.evil.example", "https://c.d.evil.example", "https:evil"),
            *("https://c.d/\r\nset-cookie: evil=1", "https://evil.example/?https://c.d", "ht\ntps://evil.example"),
        )
    },
    "a redirect, more": ({"redirect": "https://c.d{{input.value}}", "redirect_hosts": ["c.d"]}, ".evil", "redirect"),
    "a redirect, a path": ({"redirect": "/{{input.value}}"}, "/evil.example", "redirect"),
    "too large": ({"body": "{{input.value}}" * 3}, "evil" * (MAX_BODY_BYTES // 8), "body"),
    "too costly": ({"body": "{{input.value | sort | sort | sort}}"}, [*range(50_000)], "body"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILING)
async def test_a_response_that_cannot_be_made_fails_the_run(name: str) -> None:
    response, value, part = FAILING[name]
    hook = Hook(response)
    answered = await hook.send({"value": value})
    assert (answered.status_code, answered.json()["error"]["code"]) == (500, "WORKFLOW_FAILED")
    assert not [word for word in NEVER if word in answered.text + str(answered.headers)]
    assert {key: answered.headers[key] for key in CONFINED} == CONFINED
    record = await hook.find_record()
    error = record["error"]
    assert (record["status"], error["code"], error["details"]["part"]) == ("failed", "RESPONSE_FAILED", part)
    assert record["response"] == {"status": 500}
    assert error["next_actions"]


async def test_what_has_been_done_is_undone_if_the_response_cannot_be_made() -> None:
    hook = Hook({"body": "{{node.data.nothing}}"})
    hook.flow["config"]["node"]["undo"] = {"component": "echo", "text": "undone"}
    await hook.send()
    record = await hook.find_record()
    assert (record["undone"], len(hook.bench.runner.calls)) == ("complete", 2)


ON_FAILURE = {"status": 502, "json": {"code": "{{error.code}}", "node": "{{error.node}}", "run": "{{run.id}}"}}


async def test_the_response_of_a_failed_run() -> None:
    hook = Hook({"body": "ok", "on_failure": ON_FAILURE})
    answered = await hook.send({"text": "fail"})
    record = await hook.find_record()
    assert answered.status_code == 502
    assert answered.json() == {"code": "CARD_DECLINED", "node": "node", "run": record["run_id"]}
    assert (record["status"], record["response"]) == ("failed", {"status": 502})


@pytest.mark.parametrize(
    ("response", "status", "text"),
    [
        ({}, 500, "WORKFLOW_FAILED"),
        ({"on_failure": {}}, 500, "WORKFLOW_FAILED"),
        ({"on_failure": {"status": 404}}, 404, "WORKFLOW_FAILED"),
        ({"on_failure": {"html": "<h1>Sorry</h1>"}}, 500, "<h1>Sorry</h1>"),
        ({"on_failure": {"html": "ok", "status": 200}}, 200, "ok"),
        ({"on_failure": {"body": "{{input.text}} {{error.message}}"}}, 500, "fail inner detail"),
        ({"on_failure": {"redirect": "https://a.b/sorry?{{error.code}}"}}, 303, ""),
        ({"redirect_hosts": ["c.d"], "on_failure": {"redirect": "{{input.back}}"}}, 303, ""),
    ],
    ids=str,
)
async def test_how_a_failed_run_may_be_answered(response: Any, status: int, text: str) -> None:
    answered = await answer({"body": "never", **response}, {"text": "fail", "back": "https://c.d/"})
    assert (answered.status_code, text in answered.text) == (status, True)
    assert "never" not in answered.text


async def test_a_response_that_cannot_be_made_is_a_failure_with_its_own_response() -> None:
    hook = Hook({"body": "{{node.data.nothing}}", "on_failure": {"status": 503, "body": "{{error.code}}"}})
    answered = await hook.send()
    assert (answered.status_code, answered.text) == (503, "RESPONSE_FAILED")


async def test_a_response_of_a_failed_run_that_cannot_be_made() -> None:
    hook = Hook({"on_failure": {"status": 418, "body": "{{node.data.text}}"}})
    answered = await hook.send({"text": "fail"})
    record = await hook.find_record()
    assert (answered.status_code, answered.json()["error"]["code"]) == (500, "WORKFLOW_FAILED")
    assert record["error"]["code"] == "CARD_DECLINED"
    assert (record["response"]["status"], record["response"]["error"]["code"]) == (500, "RESPONSE_FAILED")


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        ({"body": "{{request.headers.cookie}}"}, "[REDACTED]"),
        ({"json": {"a": "{{request.headers.cookie}}"}}, '{"a":"[REDACTED]"}'),
        ({"html": "{{request.headers.cookie | base64}}"}, None),
        ({"file": {"base64": "{{request.headers.cookie | base64}}"}}, "[REDACTED]"),
        ({"headers": {"x-a": "{{request.headers.cookie}}"}, "body": ""}, None),
        ({"headers": {"set-cookie": "{{request.headers.cookie}}"}, "body": ""}, None),
        ({"redirect": "/?{{request.headers.cookie}}"}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_recorded", [False, True])
async def test_secrets_of_the_run_are_not_answered(response: Any, shown: str | None, is_recorded: bool) -> None:
    hook = Hook(response, **({"record_headers": ["cookie"]} if is_recorded else {}))
    secret = "c00kie-of-the-caller"
    answered = await hook.send(headers={"cookie": f"session={secret}"})
    told = answered.text + str(answered.headers)
    assert answered.status_code in (200, 303)
    if not is_recorded:
        assert "c00kie" not in told
        assert "Y29va2ll" not in told
        assert "REDACTED" in told
        assert shown is None or answered.text == shown
    else:
        assert "REDACTED" not in told


async def test_a_stored_secret_is_not_answered() -> None:
    hook = Hook({"body": "{{node.data.text}}"})
    hook.bench.store_credential("key", "s3cret-of-the-owner")
    hook.flow["config"]["node"]["text"] = "{{credential.key}}"
    assert (await hook.send()).text == "[REDACTED]"


async def test_the_owner_sees_the_run_and_the_response() -> None:
    hook = Hook({"status": 201, "headers": {"x-a": "1", "set-cookie": ["a=1", "b=2"]}, "html": "<p>"})
    async with build_client(hook.bench.service) as client:
        pushed = await hook.bench.service.push(hook.flow, ADA)
        answers = [
            await client.post("/webhooks/named/w/trigger?trace=1", json={"text": "t"}),
            await client.post(f"/webhooks/{pushed.stored.token}/trigger?trace=1", json={"text": "t"}),
            await client.post("/execute?trace=1", json={"workflow": hook.flow, "input": {"text": "t"}}),
        ]
    for answered in answers:
        shown = answered.json()
        assert (answered.status_code, shown["data"], len(shown["trace"])) == (200, {"text": "t"}, 1)
        headers = {"x-a": "1", "set-cookie": ["a=1", "b=2"]}
        assert shown["response"] == {"status": 201, "headers": headers, "html": "<p>"}


async def test_a_run_that_no_one_waits_for_has_no_response() -> None:
    hook = Hook({"status": 201, "body": "{{node.data.nothing}}"})
    answered = await hook.send(rest="?async=1")
    record = await hook.find_record()
    assert (answered.status_code, record["status"], "response" in record) == (202, "success", False)
    assert {key: answered.headers[key] for key in CONFINED} == CONFINED


async def test_a_called_workflow_answers_its_caller_and_not_the_webhook() -> None:
    hook = Hook({"body": "outer {{call.data.text}}"})
    await hook.bench.service.push({**flow_with({"status": 418, "body": "{{node.data.nothing}}"}), "name": "inner"}, ADA)
    hook.flow |= {"flow": ["input >> CALLS_SUBFLOW >> call"], "config": {"call": {"workflow": "inner"}}}
    answered = await hook.send({"text": "t"})
    assert (answered.status_code, answered.text) == (200, "outer t")


@pytest.mark.parametrize("response", [None, {"status": 404}])
@pytest.mark.parametrize(("method", "status"), [("POST", None), ("GET", 405), ("OPTIONS", 204)])
async def test_every_answer_is_confined(response: Any, method: str, status: int | None) -> None:
    answered = await Hook(response).send(method=method)
    assert answered.status_code == (status or (404 if response else 200))
    assert {key: answered.headers[key] for key in CONFINED} == CONFINED


@pytest.mark.parametrize("path", ["", "/a/b"])
async def test_a_form_that_posts_to_itself(path: str) -> None:
    hook = Hook({"html": "{{request.method}} {{request.path}}"}, methods=["GET", "POST"])
    assert (await hook.send(method="GET", rest=path)).text == f"GET {path or '/'}"
    assert (await hook.send(rest=path)).text == f"POST {path or '/'}"
    head = await hook.send(method="HEAD", rest=path)
    assert (head.status_code, head.content) == (200, b"")


async def test_what_is_wrong_before_a_run_is_not_the_workflows_to_answer() -> None:
    hook = Hook({"on_failure": {"status": 418}})
    answered = await hook.send(headers={"content-encoding": "br"})
    assert (answered.status_code, read_error(answered)["code"]) == (415, "UNSUPPORTED_ENCODING")


async def test_a_repetition_gets_the_same_response() -> None:
    response = {"status": 201, "html": "{{input.n}}", "headers": {"set-cookie": ["a=1", "b={{input.n}}"]}}
    hook = Hook(response, idempotency={"key": "{{input.n}}"}, cors={"origins": ["https://a.b"]})
    first, second = [await hook.send({"n": "7"}, headers={"origin": "https://a.b"}) for _ in range(2)]
    assert len(hook.bench.runner.calls) == 1
    assert (second.status_code, second.text) == (201, "7")
    assert set(second.headers.multi_items()) >= set(first.headers.multi_items())
    for name in (*CONFINED, "access-control-allow-origin", "vary", "content-type"):
        assert len(second.headers.get_list(name)) == 1
