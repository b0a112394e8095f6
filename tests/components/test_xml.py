"""xml accepts what expat accepts and gives what ElementTree gives; feeds are those of the standards' own examples."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

NAMES = st.sampled_from(["a", "b", "item", "x-y", "é", "_n.1"])
TEXTS = st.text(st.sampled_from("ab <>&\"'\n\té😀]"), max_size=6)


def parse(text: str, **fields: Any) -> Any:
    return harness.run("xml", {"operation": "parse", "input": text, **fields}).data["result"]


def read_feed(text: str) -> Any:
    return harness.run("xml", {"operation": "feed", "input": text}).data


def refuse(text: str) -> str:
    error = harness.run("xml", {"operation": "parse", "input": text}).error
    assert error["code"] == "INVALID_XML"
    return str(error["message"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> ET.Element:
    element = ET.Element(draw(NAMES), draw(st.dictionaries(NAMES, TEXTS, max_size=2)))
    element.text = draw(TEXTS)
    for _ in range(draw(st.integers(0, 3 if depth else 0))):
        child = draw(elements(depth - 1))
        child.tail = draw(TEXTS)
        element.append(child)
    return element


def expect(element: ET.Element) -> Any:
    """What ElementTree's element is as JSON."""
    members: dict[str, Any] = {f"@{name}": value for name, value in element.attrib.items()}
    by_name: dict[str, list[Any]] = {}
    for child in element:
        by_name.setdefault(child.tag, []).append(expect(child))
    members.update({name: values[0] if len(values) == 1 else values for name, values in by_name.items()})
    text = (element.text or "") + "".join(child.tail or "" for child in element)
    text = text.strip(" \t\r\n")
    if not members:
        return text
    return {**members, "#text": text} if text else members


@settings(max_examples=150, deadline=None)
@given(elements())
def test_documents_are_what_elementtree_has(element: ET.Element) -> None:
    text = ET.tostring(element, "unicode")
    assert parse(text) == {element.tag: expect(ET.fromstring(text))}


DAMAGED = """<?xml version='1.0'?><!-- c --><a x='1' y="&lt;2"><b>t&amp;&#65;&#x42;</b><![CDATA[<&]]><c/><?p i?></a>
<!-- d -->"""


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_what_is_accepted_is_what_expat_accepts(data: st.DataObject) -> None:
    text = [*DAMAGED]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.text("<>/&;='\"ab 1!-[]?#x", max_size=3))
    document = "".join(text)
    output = harness.run("xml", {"operation": "parse", "input": document}).output
    try:
        root = ET.fromstring(document)
    except ET.ParseError:
        root = None
    if root is not None:
        assert output == {"success": True, "data": {"result": {root.tag: expect(root)}}}
    elif output["success"]:
        # What is looser: instructions and comments, a `]]>` in text, and a DTD, none of which come out.
        assert any(each in document for each in ("<?", "<!", "]]>"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no element (line 1)"),
        ("hello", "text stands outside of the root element (line 1)"),
        ("<a/>\n<b/>", "something follows the root element (line 2)"),
        ("<a>\n\n<b></a>", "`</a>` closes the element `b` (line 3)"),
        ("<a>", "the element `a` is not closed (line 1)"),
        ("<a b=1/>", "the value of `b` is not in quotes (line 1)"),
        ("<a b/>", "the attribute `b` of `a` has no value (line 1)"),
        ("<a b='1' b='2'/>", "the attribute `b` is there twice (line 1)"),
        ("<a b='1'c='2'/>", "a space is missing before an attribute of `a` (line 1)"),
        ("<a b='<'/>", "the value of `b` has a `<` (line 1)"),
        ("<1/>", "the name of an element is missing (line 1)"),
        (
            "<a>&nbsp;</a>",
            "`&nbsp;` is not known: without a DTD there are amp, lt, gt, quot, apos and numbers (line 1)",
        ),
        ("<a>R&D</a>", "`&` stands without a name and `;`: it must be written `&amp;` (line 1)"),
        ("<a>&#0;</a>", "`&#0;` is not known: without a DTD there are amp, lt, gt, quot, apos and numbers (line 1)"),
        ("<a><!-- x</a>", "a comment is not closed (line 1)"),
        ("<a><![CDATA[x</a>", "a CDATA section is not closed (line 1)"),
        ("<a>" * 61 + "</a>" * 61, "elements are nested more than 60 levels deep (line 1)"),
        ("<!DOCTYPE a [", "the DOCTYPE is not closed (line 1)"),
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_line(text: str, problem: str) -> None:
    assert refuse(text) == f"`input` is not well-formed XML: {problem}."


def test_nothing_outside_is_asked_for_and_nothing_grows() -> None:
    outside = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    laughs = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'
    for text in (outside, laughs):
        assert "is not known" in refuse(text)
    assert parse("<!DOCTYPE a SYSTEM 'x.dtd' [ <!-- ]> --> <!ELEMENT a ANY> ]><a>1</a>") == {"a": "1"}


def test_names_and_lists() -> None:
    text = '<s:a xmlns:s="urn:s" s:x="1"><s:b/><c>1</c><c>2</c></s:a>'
    assert parse(text) == {"s:a": {"@xmlns:s": "urn:s", "@s:x": "1", "s:b": "", "c": ["1", "2"]}}
    assert parse(text, strip_prefixes=True, lists=["b"]) == {"a": {"@x": "1", "b": [""], "c": ["1", "2"]}}
    assert parse("<a>\r\n x \r\n</a>") == {"a": "x"}
    many = parse("<a>" + "<i>1</i>" * 1000 + "</a>")
    assert many == {"a": {"i": ["1"] * 1000}}
    mixed = parse("<a><i>1</i><j/><i>2</i><i>3</i><j/></a>", lists=["i"])
    assert mixed == {"a": {"i": ["1", "2", "3"], "j": ["", ""]}}


ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
 <title type="text">dive into mark</title>
 <subtitle type="html">A &lt;em&gt;lot&lt;/em&gt; of effort</subtitle>
 <updated>2005-07-31T12:29:29Z</updated>
 <id>tag:example.org,2003:3</id>
 <link rel="alternate" type="text/html" hreflang="en" href="http://example.org/"/>
 <link rel="self" type="application/atom+xml" href="http://example.org/feed.atom"/>
 <entry>
  <title>Atom draft-07 snapshot</title>
  <link rel="alternate" type="text/html" href="http://example.org/2005/04/02/atom"/>
  <link rel="enclosure" type="audio/mpeg" length="1337" href="http://example.org/audio/ph34r_my_podcast.mp3"/>
  <id>tag:example.org,2003:3.2397</id>
  <updated>2005-07-31T12:29:29Z</updated>
  <published>2003-12-13T08:29:29-04:00</published>
  <author><name>Mark Pilgrim</name><uri>http://example.org/</uri><email>f8dy@example.com</email></author>
  <category term="drafts"/>
  <content type="xhtml" xml:lang="en" xml:base="http://diveintomark.org/">
   <div xmlns="http://www.w3.org/1999/xhtml"><p><i>[Update: The Atom draft is finished.]</i> 1 &lt; 2</p></div>
  </content>
 </entry>
</feed>
"""  # RFC 4287, section 1.1, shortened, with a category and `1 < 2`
RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:atom="http://www.w3.org/2005/Atom">
 <channel>
  <title>Liftoff News</title><link>http://liftoff.example/</link><description>Liftoff to Space.</description>
  <atom:link href="http://liftoff.example/rss" rel="self"/>
  <item>
   <title>Star City</title><link>http://liftoff.example/star</link>
   <description>How do Americans get ready? &lt;a href="x"&gt;more&lt;/a&gt;</description>
   <pubDate>Tue, 03 Jun 2003 09:39:21 GMT</pubDate>
   <guid isPermaLink="false">573</guid><category>space</category><dc:subject>people</dc:subject>
   <dc:creator>Ada</dc:creator><content:encoded><![CDATA[<p>whole &amp; more</p>]]></content:encoded>
   <enclosure url="http://liftoff.example/a.mp3" length="12216320" type="audio/mpeg"/>
  </item>
  <item><description>Sky watchers</description><guid>http://liftoff.example/572</guid><dc:date>2003-05-30</dc:date></item>
 </channel>
</rss>
"""
RSS_1 = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
 <channel rdf:about="http://xml.example/"><title>XML</title><link>http://xml.example/</link></channel>
 <item rdf:about="http://xml.example/1"><title>Processing</title><link>http://xml.example/p</link></item>
</rdf:RDF>
"""


def test_a_feed_in_atom() -> None:
    feed = read_feed(ATOM)
    [item] = feed.pop("items")
    assert feed == {
        "format": "atom",
        "title": "dive into mark",
        "link": "http://example.org/",
        "description": "A <em>lot</em> of effort",
    }
    assert item == {
        "id": "tag:example.org,2003:3.2397",
        "title": "Atom draft-07 snapshot",
        "link": "http://example.org/2005/04/02/atom",
        "published": "2003-12-13T12:29:29Z",
        "updated": "2005-07-31T12:29:29Z",
        "summary": None,
        "content": "<div><p><i>[Update: The Atom draft is finished.]</i> 1 &lt; 2</p></div>",
        "authors": ["Mark Pilgrim"],
        "categories": ["drafts"],
        "enclosures": [{"url": "http://example.org/audio/ph34r_my_podcast.mp3", "type": "audio/mpeg", "length": 1337}],
    }


def test_a_feed_in_rss() -> None:
    feed = read_feed(RSS)
    first, second = feed["items"]
    assert (feed["format"], feed["title"], feed["link"]) == ("rss", "Liftoff News", "http://liftoff.example/")
    assert first == {
        "id": "573",
        "title": "Star City",
        "link": "http://liftoff.example/star",
        "published": "2003-06-03T09:39:21Z",
        "updated": "2003-06-03T09:39:21Z",
        "summary": 'How do Americans get ready? <a href="x">more</a>',
        "content": "<p>whole &amp; more</p>",
        "authors": ["Ada"],
        "categories": ["space", "people"],
        "enclosures": [{"url": "http://liftoff.example/a.mp3", "type": "audio/mpeg", "length": 12216320}],
    }
    assert (second["id"], second["link"]) == ("http://liftoff.example/572",) * 2
    assert (second["title"], second["published"]) == (None, "2003-05-30T00:00:00Z")


def test_a_feed_in_rss_1() -> None:
    [item] = read_feed(RSS_1)["items"]
    assert (item["id"], item["link"]) == ("http://xml.example/1", "http://xml.example/p")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Sat, 31 Jan 2026 12:30:00 +0200", "2026-01-31T10:30:00Z"),
        ("31 Jan 26 12:30 EST", "2026-01-31T17:30:00Z"),
        ("Sat, 31 January 2026 12:30:00 PDT", "2026-01-31T19:30:00Z"),
        ("Sat,  1 Jan 2000 00:00:00 -0001", "2000-01-01T00:01:00Z"),
        ("31 Jan 99 12:30:00 Z", "1999-01-31T12:30:00Z"),
        ("2026-01-31T12:30:00.25+02:00", "2026-01-31T10:30:00Z"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("Sat, 31 Jan 2026 12:30:00 +02:00", "2026-01-31T10:30:00Z"),
        ("Sat, 31 Jan 2026 12:30:00 GMT+0200", "2026-01-31T10:30:00Z"),
        ("Sat, 31 Jan 2026 12:30:00 UTC-2", None),
        ("Sat, 31 Jan 2026 12:30:00 CEST", "2026-01-31T10:30:00Z"),
        ("Sat,31 Jan 2026 12:30", "2026-01-31T12:30:00Z"),
        ("Sam, 31 Jan 2026 12:30:00 +0100", "2026-01-31T11:30:00Z"),
        ("Saturday, January 31, 2026 12:30 AM", "2026-01-31T00:30:00Z"),
        ("Jan 31, 2026 1:30 pm EST", "2026-01-31T18:30:00Z"),
        ("Sat Jan 31 12:30:00 2026", "2026-01-31T12:30:00Z"),
        ("Sat Jan 31 12:30:00 CET 2026", "2026-01-31T11:30:00Z"),
        ("Sat, 31-Jan-2026 12:30:00 GMT", "2026-01-31T12:30:00Z"),
        ("Jan", None),
        ("31-Jan", None),
        ("Sat, , ,", None),
        ("31 Jan 2026 13:30 PM", None),
        ("30 Feb 2026 12:30:00 GMT", None),
        ("31 Jan 2026 25:30:00 GMT", None),
        ("31 Jan 2026 12:30:00 MESZ", None),
        ("yesterday", None),
    ],
)
def test_dates(written: str, expected: str | None) -> None:
    text = f"<rss><channel><item><title>x</title><pubDate>{written}</pubDate></item></channel></rss>"
    assert read_feed(text)["items"][0]["published"] == expected


def read_item(item: str, about: str = "", **fields: Any) -> Any:
    text = f"<rss version='2.0'><channel>{about}<item>{item}</item></channel></rss>"
    [found] = harness.run("xml", {"operation": "feed", "input": text, **fields}).data["items"]
    return found


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param("<title>A&nbsp;b &copy; &bogus;</title>", {"title": "A b © &bogus;"}, id="names of HTML"),
        pytest.param("<link>https://e.com/?a=1&b=2</link>", {"link": "https://e.com/?a=1&b=2"}, id="an ampersand"),
        pytest.param("<title>&lt;b&gt;B&lt;/b&gt; &amp;amp;\n c</title>", {"title": "B & c"}, id="a title in HTML"),
        pytest.param("<title>5 &lt; 7 and &lt;b&gt;</title>", {"title": "5 < 7 and <b>"}, id="a title that is none"),
        pytest.param("<title><![CDATA[A & B <i>x</i>]]></title>", {"title": "A & B x"}, id="CDATA"),
        pytest.param(
            "<content:encoded><![CDATA[<p>&nbsp;</p>]]></content:encoded><dc:creator>Ada</dc:creator>",
            {"content": "<p>&nbsp;</p>", "authors": ["Ada"]},
            id="prefixes that are not declared",
        ),
        pytest.param("<description>d</description>", {"id": "d", "title": None, "link": None}, id="no id but its text"),
        pytest.param(
            "<title>t</title><itunes:author>Ada</itunes:author><itunes:summary>s</itunes:summary>"
            "<enclosure url='https://e.com/a.mp3' length='' type='audio/mpeg'/>",
            {
                "authors": ["Ada"],
                "summary": "s",
                "enclosures": [{"url": "https://e.com/a.mp3", "type": "audio/mpeg", "length": None}],
            },
            id="a podcast",
        ),
        pytest.param(
            "<enclosure url='/a.jpg'/><media:group><media:content url='/a.jpg'/><media:content url='/b.mp4' "
            "type='video/mp4' fileSize='9'/></media:group>",
            {
                "enclosures": [
                    {"url": "https://e.com/a.jpg", "type": None, "length": None},
                    {"url": "https://e.com/b.mp4", "type": "video/mp4", "length": 9},
                ]
            },
            id="media",
        ),
        pytest.param(
            "<guid isPermaLink='false'>7</guid><atom:link href='p/7'/>",
            {"id": "7", "link": "https://e.com/news/p/7"},
            id="a link of Atom in RSS",
        ),
    ],
)
def test_feeds_as_they_are(item: str, expected: dict[str, Any]) -> None:
    found = read_item(item, base_url="https://e.com/news/feed.xml")
    assert {name: found[name] for name in expected} == expected


def test_links_are_relative_to_the_feed() -> None:
    link, own = "<link>/posts/1</link>", "<link>https://e.com/blog/</link>"
    assert read_item(link, own)["link"] == "https://e.com/posts/1"
    assert read_item(link, own, base_url="https://other.com/x")["link"] == "https://other.com/posts/1"
    assert read_item(link)["link"] == "/posts/1"
    atom = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://e.com/b/"><link href="/"/>
      <entry xml:base="c/"><title type="html">&lt;i&gt;x&lt;/i&gt; &amp;amp; y</title><link href="1"/></entry></feed>"""
    feed = read_feed(atom)
    assert (feed["link"], feed["items"][0]["link"]) == ("https://e.com/", "https://e.com/b/c/1")
    assert feed["items"][0]["title"] == "x & y"
    error = harness.run("xml", {"operation": "feed", "input": atom, "base_url": "e.com"}).error
    assert error["code"] == "INVALID_INPUT"


def test_older_and_damaged_feeds() -> None:
    old = """<feed xmlns="http://purl.org/atom/ns#"><title>T</title><entry><title mode="escaped" type="text/html">A
      &lt;b&gt;x&lt;/b&gt;</title><issued>2003-12-13T08:29:29Z</issued></entry></feed>"""
    [item] = read_feed(old)["items"]
    assert (item["title"], item["published"]) == ("A x", "2003-12-13T08:29:29Z")
    assert [each["title"] for each in read_feed("<feed><entry><title>x</title></entry></feed>")["items"]] == ["x"]
    outside = "\n<rss><channel><title>T</title></channel><item><title>x</title></item></rss> <!-- cached --> trailing"
    assert [each["title"] for each in read_feed(outside)["items"]] == ["x"]


@pytest.mark.parametrize(
    "text", ["&" * 1_000_000, "&amp" * 100_000, "&lt;" * 300_000, "<![CDATA[" + "&" * 500_000 + "]]>"]
)
def test_what_is_made_to_be_slow_ends(text: str) -> None:
    assert len(read_item(f"<title>{text}</title>")["title"]) >= 300_000


def test_a_page_is_told_to_be_one() -> None:
    for text in ("<!DOCTYPE html><html><meta charset=utf-8>", "\n<HTML><p>&nbsp;<br></HTML>"):
        assert refuse(text).endswith("It is an HTML page, which the component `html` reads.")


def test_what_is_no_feed_is_refused_by_its_root() -> None:
    for text in ("<html/>", "<rss/>", "<feed/>", "<channel><item/></channel>"):
        error = harness.run("xml", {"operation": "feed", "input": text}).error
        assert error["code"] == "NO_FEED"
    assert read_feed("<rss><channel/></rss>")["items"] == []


def test_a_long_feed_is_read_within_a_call() -> None:
    item = f"<item><title>One</title><guid>1</guid><description>{'word &amp; ' * 100}</description></item>"
    text = f"<rss><channel>{item * 2_000}</channel></rss>"
    assert len(text) > 2_000_000
    assert len(json.dumps(read_feed(text)["items"])) > 1_000_000
