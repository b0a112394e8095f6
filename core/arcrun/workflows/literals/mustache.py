"""Whether a text is a Mustache template, as the component `render` reads it (components/render/parse.zig): a push tells
what a run would fail with. tests/components/test_render.py compares them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_DEPTH = 100  # of components/render/parse.zig
_SPACE = " \t\r\n"
_NAMES_ALONE = frozenset(("!", "="))  # whose content is no name


@dataclass(frozen=True)
class Tag:
    """`kind` is the sign before its name, "" for a value. `start` is where it begins."""

    kind: str
    name: str
    start: int


class MustacheError(Exception):
    """`problem` is in the component's words; `line` counts from 1, within the template."""

    def __init__(self, problem: str, template: str, place: int) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, template.count("\n", 0, place) + 1


def list_tags(template: str) -> list[Tag]:
    """The tags of a template, but comments and delimiters. Raises MustacheError if it is none."""
    tags, opened = [], list[Tag]()
    for tag in _read_tags(template):
        if tag.kind in ("#", "^"):
            opened.append(tag)
            if len(opened) > _MAX_DEPTH:
                raise MustacheError(f"sections are nested more than {_MAX_DEPTH} levels deep", template, tag.start)
        elif tag.kind == "/":
            if not opened:
                raise MustacheError(f"`{tag.name}` closes no section", template, tag.start)
            if (section := opened.pop()).name != tag.name:
                raise MustacheError(f"`{tag.name}` closes the section `{section.name}`", template, tag.start)
        tags.append(tag)
    if opened:
        raise MustacheError(f"the section `{opened[-1].name}` is not closed", template, opened[-1].start)
    return tags


def _read_tags(template: str) -> Iterator[Tag]:
    opening, closing, at = "{{", "}}", 0
    while (start := template.find(opening, at)) >= 0:
        content = start + len(opening)
        kind = template[content : content + 1]
        kind = kind if kind and kind in "#^/>!=&{<$" else ""
        end_text = {"{": "}" + closing, "=": "=" + closing}.get(kind, closing)
        content += len(kind)
        end = template.find(end_text, content)
        if end < 0:
            raise MustacheError(f"a tag is not closed by `{end_text}`", template, start)
        name, at = template[content:end].strip(_SPACE), end + len(end_text)
        if problem := _find_problem(kind, name, opening):
            raise MustacheError(problem, template, start)
        if kind == "=":
            opening, closing = _split(name)
        elif kind != "!":
            yield Tag(kind, name, start)


def _find_problem(kind: str, name: str, opening: str) -> str | None:
    if kind in ("<", "$"):
        return f"inheritance, `{opening}{kind}`, is not supported"
    if kind == ">" and name.startswith("*"):
        return "dynamic names, `>*`, are not supported"
    if not name and kind != "!":
        return "a tag has no name"
    if kind == "=" and (len(_split(name)) != 2 or "=" in name):
        return "delimiters are set by two texts, as in `=<% %>=`"
    if kind not in _NAMES_ALONE and any(space in name for space in _SPACE):
        return (
            f"a tag has one name, not `{name[:40]}`: Mustache has no helpers or filters, `{{{{#name}}}}` loops or asks"
        )
    return None


def _split(name: str) -> list[str]:
    return [word for word in re.split(f"[{_SPACE}]+", name) if word]
