"""`paginate` of http_request: which page comes next, by header, cursor and number; when it ends; what is refused."""

from typing import Any

import pytest

from arcrun.contracts.model import HostStub
from components import wasm_harness as harness

FIRST = "https://api.example.com/v1/items?size=2"
MIB = 1024 * 1024


def page(url: str, body: str, *, link: str = "", status: int = 200) -> HostStub:
    headers = {"content-type": "application/json", **({"link": link} if link else {})}
    return HostStub({"url": url}, {"status": status, "headers": headers, "body": body})


def read(paginate: dict[str, Any], *pages: HostStub, url: str = FIRST) -> dict[str, Any]:
    host = harness.StubHost(pages)
    output: dict[str, Any] = harness.run("http_request", {"url": url, "paginate": paginate}, host).output
    return output


def data_of(output: dict[str, Any]) -> tuple[Any, int, bool]:
    assert output["success"], output
    data = output["data"]
    assert (data["status"], data["body"]) == (200, None)
    return data["items"], data["pages"], data["truncated"]


@pytest.mark.parametrize(
    ("link", "next_url"),
    [
        ('<https://api.example.com/v1/items?page=2>; rel="next"', "https://api.example.com/v1/items?page=2"),
        ('</a,b?c=1>; title="x, <y>; rel=next"; rel="last next"', "https://api.example.com/a,b?c=1"),
        ("</prev>; rel=prev, <?page=2>;rel=NEXT;title*=UTF-8''x", "https://api.example.com/v1/items?page=2"),
        ("<more#part>; crossorigin; rel=next", "https://api.example.com/v1/more"),
        ("<//api.example.com/x>; rel=next", "https://api.example.com/x"),
        ("<HTTPS://API.example.com:443/x>; rel=next", "HTTPS://API.example.com:443/x"),
    ],
    ids=["absolute", "commas and quotes", "after another", "relative", "without a scheme", "the same origin"],
)
def test_a_link_leads_on(link: str, next_url: str) -> None:
    """RFC 8288, section 3; RFC 3986, section 5."""
    output = read({"by": "link"}, page(FIRST, "[1, 2]", link=link), page(next_url, "[3]"))
    assert data_of(output) == ([1, 2, 3], 2, False)


@pytest.mark.parametrize(
    "link", ["", "<no end", '</x>; rel="prev"; rel="next"', "</x>; rev=next", '</x>; rel="nextpage"', "</x>"]
)
def test_without_a_link_it_is_the_last_page(link: str) -> None:
    assert data_of(read({"by": "link"}, page(FIRST, "[1]", link=link))) == ([1], 1, False)


@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example/x", "http://api.example.com/x", "//evil.example", "https://api.example.com:8443/"),
        *("https://api.example.com@evil.example/", "https://api.example.com.evil.example/", "ftp://api.example.com/"),
        *("https:\\\\evil.example/", "https:/\\evil.example/", "///evil.example/", "/\\evil.example/"),
    ],
)
def test_no_page_of_another_origin_is_asked_for(target: str) -> None:
    error = read({"by": "link"}, page(FIRST, "[1]", link=f"<{target}>; rel=next"))["error"]
    assert (error["code"], error["page"], error["retriable"]) == ("PAGE_ELSEWHERE", 1, False)


def test_a_cursor_is_sent_as_a_parameter() -> None:
    paging = {"by": "cursor", "cursor": "body.meta.next", "param": "after", "items": "body.data"}
    url = "https://api.example.com/list?after=old&size=2"
    output = read(
        paging,
        page(url, '{"data": [{"id": 1}], "meta": {"next": "a/b="}}'),
        page("https://api.example.com/list?size=2&after=a%2Fb%3D", '{"data": [], "meta": {"next": 17}}'),
        page("https://api.example.com/list?size=2&after=17", '{"data": null, "meta": {"next": null}}'),
        url=url,
    )
    assert data_of(output) == ([{"id": 1}], 3, False)


@pytest.mark.parametrize("last", ['""', "null", "false", "{}", "[]"])
def test_a_cursor_may_be_the_next_page(last: str) -> None:
    paging = {"by": "cursor", "cursor": "body.next", "items": "body.results"}
    output = read(
        paging,
        page(FIRST, '{"results": [1], "next": "https://api.example.com/v1/items?page=2"}'),
        page("https://api.example.com/v1/items?page=2", f'{{"results": [2], "next": {last}}}'),
    )
    assert data_of(output) == ([1, 2], 2, False)


def test_pages_are_counted_until_one_is_empty() -> None:
    base = "https://api.example.com/v1/items?size=2&page="
    output = read({"by": "page"}, page(f"{base}1", "[1, 2]"), page(f"{base}2", "[3]"), page(f"{base}3", "[]"))
    assert data_of(output) == ([1, 2, 3], 3, False)


def test_an_offset_grows_by_steps_while_there_is_more() -> None:
    base = "https://api.example.com/v1/items?size=2&offset="
    paging = {"by": "page", "param": "offset", "start": 0, "step": 2, "items": "body.rows", "more": "body.has_more"}
    output = read(
        paging,
        page(f"{base}0", '{"rows": [1, 2], "has_more": true}'),
        page(f"{base}2", '{"rows": [3], "has_more": false}'),
    )
    assert data_of(output) == ([1, 2, 3], 2, False)


def test_what_is_left_over_is_told() -> None:
    base = "https://api.example.com/v1/items?size=2&page="
    output = read({"by": "page", "max_pages": 2}, page(f"{base}1", "[1]"), page(f"{base}2", "[2]"))
    assert data_of(output) == ([1, 2], 2, True)


def test_a_page_that_comes_again_is_an_error() -> None:
    paging = {"by": "cursor", "cursor": "body.next", "param": "c", "items": "body.rows"}
    body = '{"rows": [1], "next": "x"}'
    error = read(paging, page(FIRST, body), page(f"{FIRST}&c=x", body))["error"]
    assert (error["code"], error["page"]) == ("PAGES_REPEAT", 2)


def test_an_error_says_which_page_and_when_to_come_back() -> None:
    busy = HostStub({}, {"status": 429, "headers": {"retry-after": "7"}, "body": "slow down"})
    output = read({"by": "page"}, page(f"{FIRST}&page=1", "[1]"), busy)
    assert output["error"] == {
        "code": "HTTP_STATUS",
        "retriable": True,
        "retry_after_s": 7,
        "message": "Page 2: The server answered with status 429.",
        "status": 429,
        "page": 2,
    }
    lost = HostStub({}, {"error": {"code": "HTTP_TIMEOUT", "message": "No answer."}})
    error = read({"by": "page"}, page(f"{FIRST}&page=1", "[1]"), lost)["error"]
    assert (error["code"], error["retriable"], error["page"]) == ("HTTP_TIMEOUT", True, 2)


@pytest.mark.parametrize("body", ['{"a": 1}', '"text"', "7", "<html>"])
def test_a_page_without_a_list_is_an_error(body: str) -> None:
    error = read({"by": "link"}, page(FIRST, body))["error"]
    assert error["code"] in ("PAGE_ITEMS_INVALID", "INVALID_RESPONSE_BODY")
    assert error["page"] == 1


def test_all_pages_together_are_bounded() -> None:
    large = f'["{"x" * (2 * MIB)}"]'
    pages = [page(f"{FIRST}&page={number}", large) for number in (1, 2)]
    error = read({"by": "page"}, *pages)["error"]
    assert (error["code"], error["page"], error["retriable"]) == ("PAGES_TOO_LARGE", 2, False)


@pytest.mark.parametrize(
    ("paginate", "said"),
    [
        ({}, "by"),
        ({"by": "offset"}, "by"),
        ({"by": "cursor"}, "cursor"),
        ({"by": "link", "param": "x"}, "param"),
        ({"by": "page", "cursor": "body.next"}, "cursor"),
        ({"by": "page", "max_pages": 101}, "max_pages"),
        ({"by": "page", "step": 0}, "step"),
        ({"by": "page", "items": "a..b"}, "items"),
        ({"by": "page", "until": 1}, "until"),
    ],
)
def test_what_is_wrong_is_named(paginate: dict[str, Any], said: str) -> None:
    error = read(paginate)["error"]
    assert (error["code"], said in error["message"]) == ("INVALID_INPUT", True), error


def test_pages_are_json() -> None:
    given = {"url": FIRST, "response": "base64", "paginate": {"by": "page"}}
    assert harness.run("http_request", given).output["error"]["code"] == "INVALID_INPUT"


def test_a_cursor_may_be_that_of_the_last_item() -> None:
    """https://docs.stripe.com/api/pagination: starting_after is the id of the last object of the page before."""
    paging = {"by": "cursor", "cursor": "body.data.-1.id", "param": "starting_after", "more": "body.has_more"}
    paging["items"] = "body.data"
    output = read(
        paging,
        page(FIRST, '{"data": [{"id": "a"}, {"id": "b"}], "has_more": true}'),
        page(f"{FIRST}&starting_after=b", '{"data": [{"id": "c"}], "has_more": false}'),
    )
    assert data_of(output) == ([{"id": "a"}, {"id": "b"}, {"id": "c"}], 2, False)


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        pytest.param('{"data": [1], "next": true}', False, id="true"),
        pytest.param('{"data": [1], "next": {"after": "x"}}', False, id="an object"),
        pytest.param('{"data": [1], "next": ["x"]}', False, id="a list"),
        pytest.param('{"data": [1], "has_more": true}', True, id="missing, and there is more"),
        pytest.param('{"data": [1], "has_more": true, "next": null}', True, id="null, and there is more"),
    ],
)
def test_a_list_is_not_cut_short_in_silence(answer: str, more: bool) -> None:
    paging = {"by": "cursor", "cursor": "body.next", "param": "after", "items": "body.data"}
    error = read({**paging, **({"more": "body.has_more"} if more else {})}, page(FIRST, answer))["error"]
    assert (error["code"], error["page"], error["retriable"]) == ("PAGE_CURSOR_INVALID", 1, False)


def test_an_empty_page_is_the_last_whatever_it_says_of_more() -> None:
    paging = {"by": "cursor", "cursor": "body.data.-1.id", "param": "after", "more": "body.more", "items": "body.data"}
    assert data_of(read(paging, page(FIRST, '{"data": [], "more": true}'))) == ([], 1, False)
