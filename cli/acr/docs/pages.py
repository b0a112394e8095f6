"""The pages of the documentation: where they are, their order in the menu, and how a user names one."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from acr.errors import CliError
from arcrun.yaml_text import parse_yaml

FIRST_PAGE = "index"
_ENDINGS = (".md", ".html", "/")
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)
_MANY = 5  # names that a message lists


@dataclass(frozen=True)
class MenuEntry:
    """A line of the menu: a page, or a section's title, for which `page` is empty. `depth` counts from 0."""

    title: str
    page: str
    depth: int


@dataclass(frozen=True)
class Documentation:
    """docs/ and mkdocs.yml of the platform in `home`. A page's name is its path in docs/ without .md."""

    home: Path

    @cached_property
    def pages(self) -> dict[str, str]:
        """The Markdown of each page by its name."""
        folder = self.home / "docs"
        return {
            path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*.md"))
        }

    @cached_property
    def images(self) -> dict[str, bytes]:
        """The pictures that pages show, by their paths in docs/."""
        folder = self.home / "docs"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}

    @cached_property
    def menu(self) -> list[MenuEntry]:
        """The entries of mkdocs.yml's `nav`, in order."""
        settings = parse_yaml((self.home / "mkdocs.yml").read_text(encoding="utf-8")).value
        return list(self._read_menu(settings["nav"], 0))

    def _read_menu(self, entries: list[Any], depth: int) -> Iterator[MenuEntry]:
        for entry in entries:
            title, value = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
            if isinstance(value, list):
                yield MenuEntry(title, "", depth)
                yield from self._read_menu(value, depth + 1)
            else:
                page = value.removesuffix(".md")
                yield MenuEntry(title or self.find_title(page), page, depth)

    def find_title(self, page: str) -> str:
        """A page's first heading."""
        found = _HEADING.search(self.pages[page])
        return found[1].replace("`", "") if found else page

    def find_page(self, wanted: str) -> str:
        """The name of the page that a user asks for: by its name, the name's last part, or a part of name or title that
        only one has. Raises CliError PAGE_NOT_FOUND, with the pages of similar names.
        """
        name = wanted.strip().strip("/").lower().removeprefix("docs/")
        for ending in _ENDINGS:
            name = name.removesuffix(ending)
        name = name.replace(" ", "-")
        for exact in (name or FIRST_PAGE, f"{name}/index"):
            if exact in self.pages:
                return exact
        found = self._find_by_last_part(name) or self._find_by_part(name)
        if len(found) == 1:
            return found[0]
        raise CliError(f"There is no page {wanted!r}.", self._advise(name, found), "PAGE_NOT_FOUND")

    def _find_by_last_part(self, name: str) -> list[str]:
        return [page for page in self.pages if page.rpartition("/")[2] == name]

    def _find_by_part(self, name: str) -> list[str]:
        return [page for page in self.pages if name in page or name in self.find_title(page).lower().replace(" ", "-")]

    def _advise(self, name: str, found: list[str]) -> str:
        by_last_part = {page.rpartition("/")[2]: page for page in self.pages}
        close = difflib.get_close_matches(name.rpartition("/")[2], [*self.pages, *by_last_part], n=_MANY)
        similar = found[:_MANY] or list(dict.fromkeys(by_last_part.get(match, match) for match in close))
        return f"Did you mean {' or '.join(similar)}?" if similar else "See all pages: acr docs"
