"""The code with which `acr new feed_to_chat` reads a feed, under wasmtime.

Proves: RSS 2.0 and 1.0, Atom and JSON Feed come to the same items, whatever their texts are written as; a large feed is
read within the fuel of a call; a feed that does not answer is a named error, retried only where that can help.
"""

import json
from typing import Any

import pytest

import components.wasm_harness as harness
from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.limits import MAX_WATCHED_ITEMS
from arcrun.ports import HttpRequest, HttpResponse
from arcrun.wasm.abi import Outcome, read_outcome
from arcrun.wasm.component import fuel_of_bundled
from arcrun.wasm.host import PortHostFunctions
from arcrun.yaml_text import parse_yaml
from examples.test_example_workflows import read_source
from fakes.builtins import BUILTINS
from fakes.ports.system import FixedClock, SeededRandom

CODE = "code"
RUNNER = WasmtimeRunner(fuel=fuel_of_bundled(CODE), deadline_s=60)
WATCH = parse_yaml(read_source("feed_to_chat")).value["triggers"]["watch"]

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><channel>
<title>News</title><link>https://example.com</link><atom:link href="https://example.com/feed.xml" rel="self"/>
<item><media:title>No title</media:title><title><![CDATA[Ben & <b>Ada</b>]]></title>
  <link>https://example.com/2?a=1&amp;b=2</link><guid isPermaLink="false">
    tag:2
  </guid><description><![CDATA[<p>An <item> &amp; <guid>another</guid></p>]]></description></item>
<item><title>It&#8217;s &#x1F600; &quot;new&quot; &unknown;</title><link>https://example.com/1</link></item>
</channel></rss>"""
RSS_ITEMS = [
    {"id": "tag:2", "title": "Ben & <b>Ada</b>", "url": "https://example.com/2?a=1&b=2"},
    {"id": "https://example.com/1", "title": 'It’s 😀 "new" &unknown;', "url": "https://example.com/1"},
]
RDF = """<rdf:RDF xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"><items><rdf:Seq/></items></channel>
<item rdf:about="https://example.com/1"><title>One</title><link>https://example.com/1</link></item></rdf:RDF>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><id>urn:feed</id>
<entry><title type="html">One &amp;amp; only</title><link rel='replies' href='https://example.com/1/replies'/>
<link rel="alternate" href="https://example.com/1?a&amp;b"/><id>urn:1</id><updated>2026-01-01T00:00:00Z</updated></entry>
<entry xml:lang="de"><id>urn:2</id><link href="https://example.com/2"/><title/></entry></feed>"""
ATOM_ITEMS = [
    {"id": "urn:1", "title": "One &amp; only", "url": "https://example.com/1?a&b"},
    {"id": "urn:2", "url": "https://example.com/2"},
]
JSON_FEED = json.dumps({"items": [{"id": 7, "url": "https://example.com/7", "content_text": "Text"}]})


class OneAnswer:
    """Answers each request alike, and notes where it went."""

    def __init__(self, body: str, status: int) -> None:
        self._body, self._status, self.urls = body, status, list[str]()

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.urls.append(request.url)
        return HttpResponse(self._status, {}, self._body.encode())


def read_feed(body: str, status: int = 200) -> Outcome:
    http, hosts = OneAnswer(body, status), tuple(WATCH["hosts"])
    host = PortHostFunctions(BUILTINS[CODE], http, FixedClock(), SeededRandom(), hosts=hosts)
    given = {name: WATCH[name] for name in ("source", "input", "hosts")}
    outcome = read_outcome(RUNNER.call(harness.load_metered_module(CODE), json.dumps(given).encode(), host), CODE)
    assert http.urls == [WATCH["input"]["url"]]
    return outcome


@pytest.mark.parametrize(
    ("feed", "items"),
    [
        pytest.param(RSS, RSS_ITEMS, id="RSS 2.0"),
        pytest.param(RDF, [{"id": "https://example.com/1", "title": "One", "url": "https://example.com/1"}], id="RDF"),
        pytest.param(ATOM, ATOM_ITEMS, id="Atom"),
        pytest.param(JSON_FEED, [{"id": 7, "url": "https://example.com/7"}], id="JSON Feed"),
        pytest.param("<rss><channel><title>Empty</title></channel></rss>", [], id="without an item"),
        pytest.param("<rss><item><title>Cut", [{}], id="cut off, which no watch takes"),
    ],
)
def test_a_feed_comes_to_its_items(feed: str, items: list[dict[str, Any]]) -> None:
    outcome = read_feed(feed)
    assert outcome.error is None, outcome.error
    assert outcome.envelope["data"] == items


def test_a_large_feed_is_read_within_the_fuel_of_a_call() -> None:
    text = "Lorem ipsum &amp; dolor, " * 40
    items = (
        f"<item><title>Item {at}</title><link>https://example.com/{at}</link><description>{text}</description></item>"
        for at in range(MAX_WATCHED_ITEMS)
    )
    feed = f"<rss><channel>{''.join(items)}</channel></rss>"
    assert len(feed) > 1_000_000
    outcome = read_feed(feed)
    assert outcome.error is None, outcome.error
    assert len(outcome.envelope["data"]) == MAX_WATCHED_ITEMS


@pytest.mark.parametrize(("status", "is_retriable"), [(404, False), (429, True), (503, True)])
def test_a_feed_that_does_not_answer_is_told(status: int, is_retriable: bool) -> None:
    error = read_feed("", status).error
    assert error is not None
    assert (error.code, error.retriable) == ("FEED_STATUS", is_retriable)
