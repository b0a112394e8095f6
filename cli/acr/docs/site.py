"""Renders the documentation as HTML files, one a page, for a browser on this machine. Needs no network."""

import hashlib
import re
from html import escape
from itertools import pairwise
from pathlib import Path
from posixpath import relpath
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from acr.config.cache_folder import require_cache_folder
from acr.docs.pages import Documentation

_STYLE = Path(__file__).with_name("style.css")
_NOT_IN_ANCHORS = re.compile(r"[^\w\s-]")
_SPACES = re.compile(r"[-\s]+")
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - arcrun</title>
<link rel="stylesheet" href="{root}style.css">
</head>
<body>
<nav>
{menu}
</nav>
<main>
{body}
</main>
</body>
</html>
"""


def render_site(documentation: Documentation) -> Path:
    """The folder of the cache with a file NAME.html for each page, written once per version of pages and program."""
    contents = [_STYLE.read_text(encoding="utf-8"), Path(__file__).read_text(encoding="utf-8")]
    contents += [(documentation.home / "mkdocs.yml").read_text(encoding="utf-8")]
    contents += [f"{name}\n{text}" for name, text in documentation.pages.items()]
    contents += [f"{name}\n{hashlib.sha256(image).hexdigest()}" for name, image in documentation.images.items()]
    version = hashlib.sha256("\0".join(contents).encode()).hexdigest()[:16]
    files = ("style.css", *documentation.images, *(f"{name}.html" for name in documentation.pages))
    return require_cache_folder(
        f"docs-{version}",
        lambda folder: _write_site(documentation, folder),
        lambda folder: all((folder / file).is_file() for file in files),
    )


def _write_site(documentation: Documentation, folder: Path) -> None:
    (folder / "style.css").write_bytes(_STYLE.read_bytes())
    for name, image in documentation.images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image)
    for name in documentation.pages:
        target = folder / f"{name}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render_page(documentation, name), encoding="utf-8")


def render_page(documentation: Documentation, name: str) -> str:
    """A whole HTML page."""
    return _PAGE.format(
        title=escape(documentation.find_title(name)),
        root="../" * name.count("/"),
        menu=_render_menu(documentation, name),
        body=render_markdown(documentation.pages[name]),
    )


def _render_menu(documentation: Documentation, current: str) -> str:
    lines = []
    for entry in documentation.menu:
        place = f'class="depth-{entry.depth}"'
        if not entry.page:
            lines.append(f"<p {place}>{escape(entry.title)}</p>")
            continue
        address = relpath(f"{entry.page}.html", Path(current).parent.as_posix())
        mark = ' aria-current="page"' if entry.page == current else ""
        lines.append(f'<a {place} href="{escape(address)}"{mark}>{escape(entry.title)}</a>')
    return "\n".join(lines)


def render_markdown(text: str) -> str:
    """CommonMark with tables. HTML in it is shown as text; headings have anchors, and links lead to .html files."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    _add_anchors(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", to_html_link(str(child.attrGet("href"))))
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


def _add_anchors(tokens: list[Token]) -> None:
    taken: set[str] = set()
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            anchor = base = build_anchor("".join(child.content for child in content.children or ()))
            number = 0
            while anchor in taken:
                number += 1
                anchor = f"{base}_{number}"
            taken.add(anchor)
            opening.attrSet("id", anchor)


def build_anchor(heading: str) -> str:
    """A heading's anchor, as MkDocs names it, so that links are right on both sites."""
    return _SPACES.sub("-", _NOT_IN_ANCHORS.sub("", heading).strip().lower())


def to_html_link(link: str) -> str:
    """`../limits.md#runs` -> `../limits.html#runs`; a link to another site stays."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path.endswith(".md"):
        return link
    return parts._replace(path=f"{parts.path.removesuffix('.md')}.html").geturl()
