"""Proves how a request's URL and Host header are parsed, and that an invalid host is refused without a fault."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import RequestError
from arcrun_http.targets import Target, parse_authority, parse_target


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/a/b?c=d", Target("http", "h", 80, "/a/b", "/a/b", "c=d")),
        ("https://h:8787/", Target("https", "h", 8787, "/", "/", "")),
        ("https://h", Target("https", "h", 443, "/", "/", "")),
        ("http://h?x=1?2", Target("http", "h", 80, "/", "/", "x=1?2")),
        ("http://h:/a", Target("http", "h", 80, "/a", "/a", "")),
        ("http://[::1]:8787/a", Target("http", "::1", 8787, "/a", "/a", "")),
        ("http://[::1]/a", Target("http", "::1", 80, "/a", "/a", "")),
        ("http://h//x", Target("http", "h", 80, "//x", "//x", "")),
        ("http://h/%E5%AF%86%2F", Target("http", "h", 80, "/密/", "/%E5%AF%86%2F", "")),
        ("http://h/%ff%zz%", Target("http", "h", 80, "/\ufffd%zz%", "/%ff%zz%", "")),
        ("http://h/%ED%A0%80", Target("http", "h", 80, "/\ufffd\ufffd\ufffd", "/%ED%A0%80", "")),
        ("http://h/a#b?c", Target("http", "h", 80, "/a#b", "/a#b", "c")),
        ("ftp://h/a", Target("ftp", "h", 80, "/a", "/a", "")),
    ],
)
def test_a_target(url: str, expected: Target) -> None:
    assert parse_target(url, None) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "a:b:c", "::1", "a b", "a, b", "u:p@h", "u@h", "a/b", "a?b", "a#b", "a\\b", "h:port", "h:-1", "h:65536"),
        *("h:999999", "h:٣", "[::1", "::1]", "[::1]x", "[g::1]", "bücher.example", "a\n", "h:80\n", "\ufffd", ":80"),
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    for attempt in (lambda: parse_authority(text), lambda: parse_target("http://h/", text)):
        with pytest.raises(RequestError) as caught:
            attempt()
        assert (caught.value.code, caught.value.http_status, len(caught.value.next_actions)) == ("INVALID_HOST", 400, 1)


def test_an_absolute_target_may_have_another_host_than_its_header() -> None:
    assert parse_target("http://other:99/a", "h").host == "other"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_request_is_a_fault(host: str, path: str, header: str) -> None:
    with suppress(RequestError):
        assert parse_target(f"http://{host}/{path}", header).path.startswith("/")
