"""`acr docs` shows the documentation of this version: every page, every link and every anchor of it leads somewhere."""

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner

from acr.docs.pages import Documentation
from acr.docs.site import build_anchor, render_markdown, render_site, to_html_link
from acr.errors import CliError
from acr.main import acr
from workerd.local_platform import ROOT

DOCUMENTATION = Documentation(ROOT)


class Elements(HTMLParser):
    """The ids, links and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.tags.add(tag)
        if identifier := named.get("id"):
            self.ids.add(identifier)
        if link := named.get("href"):
            self.links.append(link)
        if source := named.get("src"):
            self.images.append(source)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was given."""
    addresses: list[str] = []

    def note(url: str) -> bool:
        addresses.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", note)
    return addresses


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Elements]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACR_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        folder = render_site(DOCUMENTATION)
    return {path: Elements(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}


def test_every_page_is_there_and_in_reach(site: dict[Path, Elements]) -> None:
    assert len(site) == len(list((ROOT / "docs").rglob("*.md"))) >= 50
    for page in site.values():
        assert {"nav", "main", "h1"} <= page.tags
    reached = {(path.parent / urlsplit(link).path).resolve() for path, page in site.items() for link in page.links}
    assert sorted(path.name for path in site if path.resolve() not in reached) == []


def test_no_link_is_dead(site: dict[Path, Elements]) -> None:
    dead = []
    pages = {path.resolve(): page for path, page in site.items()}
    for path, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.endswith("style.css"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            if target not in pages or (parts.fragment and parts.fragment not in pages[target].ids):
                dead.append((path.name, link))
    assert dead == []


def test_every_image_is_there_and_small(site: dict[Path, Elements]) -> None:
    shown = [(path.parent / source).resolve() for path, page in site.items() for source in page.images]
    assert len(shown) >= 4
    assert [path for path in shown if not path.is_file() or path.stat().st_size > 150_000] == []


def test_tables_lists_and_code_look_like_such() -> None:
    html = render_markdown("| a | b |\n| --- | --- |\n| `x` | [y](z.md#k) |\n\n- one\n\n```sh\nacr dev\n```\n")
    assert {"table", "th", "td", "li", "code", "pre", "a"} <= Elements(html).tags
    assert 'href="z.html#k"' in html


def test_html_in_a_page_is_text() -> None:
    assert "script" not in Elements(render_markdown("<script>alert(1)</script>\n\nx <b>y</b>")).tags


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What `acr parts test` looks at", "what-acr-parts-test-looks-at"),
        ("date_ops", "date_ops"),
        ("Who, and how much", "who-and-how-much"),
    ],
)
def test_an_anchor_is_that_of_the_site(heading: str, anchor: str) -> None:
    assert build_anchor(heading.replace("`", "")) == anchor
    assert f'id="{anchor}"' in render_markdown(f"## {heading}\n")


def test_a_heading_that_comes_twice_has_two_anchors() -> None:
    assert Elements(render_markdown("## Errors\n\n## Errors\n")).ids == {"errors", "errors_1"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("limits.md", "limits.html"),
        ("../adr/index.md#x", "../adr/index.html#x"),
        ("https://example.com/a.md", "https://example.com/a.md"),
        ("#here", "#here"),
    ],
)
def test_where_a_link_leads(link: str, expected: str) -> None:
    assert to_html_link(link) == expected


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ("", "index"),
        ("tutorial", "tutorial"),
        ("docs/tutorial.md", "tutorial"),
        ("Components/String_Ops", "components/string_ops"),
        ("string_ops", "components/string_ops"),
        ("components", "components/index"),
        ("recipes/", "recipes/index"),
        ("google-token", "recipes/google-token"),
        ("fan", "recipes/fan-out"),
        ("troubleshoot", "troubleshooting"),
    ],
)
def test_how_a_page_is_named(wanted: str, page: str) -> None:
    assert DOCUMENTATION.find_page(wanted) == page


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        ("tutoril", "Did you mean tutorial?"),
        ("components/strng_ops", "Did you mean components/string_ops?"),
        ("ai_transform", "Did you mean components/ai_transform_compile or components/ai_transform_run?"),
        ("qqqq", "See all pages: acr docs"),
        ("../../etc/passwd", "See all pages: acr docs"),
    ],
)
def test_an_unknown_page_is_told_with_what_was_meant(wanted: str, advice: str) -> None:
    with pytest.raises(CliError, match="There is no page") as refused:
        DOCUMENTATION.find_page(wanted)
    assert (refused.value.code, refused.value.hint) == ("PAGE_NOT_FOUND", advice)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(acr, ["docs", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_it_prints_and_opens_the_address(opened: list[str]) -> None:
    url = run("limits#runs").strip()
    assert (opened, url.startswith("file:///"), url.endswith("/limits.html#runs")) == ([url], True, True)
    assert "<h1" in Path(urlsplit(url).path).read_text(encoding="utf-8")


def test_without_a_browser_it_only_prints(opened: list[str]) -> None:
    assert (run("--no-browser").strip().endswith("/index.html"), opened) == (True, [])


def test_as_json(opened: list[str]) -> None:
    answer = json.loads(run("tutorial", "--json", "--no-browser"))
    assert (answer["success"], answer["data"]["page"], opened) == (True, "tutorial", [])


def test_where_no_browser_opens_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _url: False)
    result = CliRunner().invoke(acr, ["docs"])
    assert (result.exit_code, "Next: open the address" in result.stderr) == (0, True)


def test_the_pages_are_rendered_once_for_a_version(cache: Path, tmp_path: Path) -> None:
    folder = render_site(DOCUMENTATION)
    written = (folder / "index.html").stat().st_mtime_ns
    assert (render_site(Documentation(ROOT)), (folder / "index.html").stat().st_mtime_ns) == (folder, written)
    other = tmp_path / "home"
    (other / "docs").mkdir(parents=True)
    (other / "docs/index.md").write_text("# Another\n")
    (other / "mkdocs.yml").write_text("nav:\n  - Home: index.md\n")
    assert render_site(Documentation(other)) != folder
    assert len(list(cache.iterdir())) == 2
