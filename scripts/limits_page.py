"""Generates docs/limits.md from core/arcrun/limits.py: a table per section, a row per limit."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stage import ROOT

from arcrun import limits

SOURCE = ROOT / "core/arcrun/limits.py"
_PART = re.compile(r"# == (?P<title>.+)")
_COMMENT = re.compile(r"(?P<bounds>.+?)\. Beyond: (?P<beyond>.+?)\.(?: Change: (?P<change>.+)\.)?")
_AS_ABOVE = "as above"
_INTRODUCTION = """\
# Limits

Everything that a caller, an author, a component or a tenant can make grow has a limit. Limits count work (elements,
steps, bytes), not time: when deployed, the clock stands still while code computes. They apply while the work is done.

Computation of components is counted in fuel: `core/arcrun/wasm/costs.py` defines how many units stand for a millisecond
of the slowest code, so most components take less time. A node whose `cpu_ms` exceeds that of a bundled component
runs in a sandbox, an isolate of its own. **Locally all isolates share one thread:** under `acr dev` all requests wait
even while a sandboxed component computes, for as long as its node allows.

Additional limits for tenants of a hosted platform, and the variables that change them, are in
[ADR 16](adr/0016-tenants.md). Generated from `core/arcrun/limits.py` by `scripts/build_docs.py`."""


@dataclass(frozen=True)
class Limit:
    name: str
    bounds: str
    beyond: str
    change: str


def render_limits() -> Iterator[str]:
    yield from _INTRODUCTION.splitlines()
    for title, rows in read_limits(SOURCE.read_text(encoding="utf-8")):
        yield ""
        yield f"## {title}"
        yield ""
        yield "| limit | what it bounds | value | beyond it | how to change it |"
        yield "| --- | --- | --- | --- | --- |"
        for limit in rows:
            name = limit.name.removesuffix("_PAID")
            cells = (f"`{name}`", limit.bounds, _render_value(name), limit.beyond, limit.change or "-")
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def read_limits(source: str) -> Iterator[tuple[str, list[Limit]]]:
    """Yield the module's sections, each with its title and limits. Raises ValueError if a limit has no explanation."""
    lines = source.splitlines()
    assigned = {node.lineno: node.targets[0] for node in ast.parse(source).body if isinstance(node, ast.Assign)}
    title, rows, comment, last = "", list[Limit](), list[str](), ""
    for number, line in enumerate(lines, start=1):
        target = assigned.get(number)
        if part := _PART.fullmatch(line):
            if title:
                yield title, rows
            title, rows, comment = part["title"], [], []
        elif line.startswith("# "):
            comment.append(line[2:])
        elif isinstance(target, ast.Name) and title and not target.id.endswith("_FREE"):
            match = _COMMENT.fullmatch(" ".join(comment))
            if match is None:
                raise ValueError(f"line {number}: {target.id} needs a comment with what it bounds, and Beyond:")
            last = last if match["beyond"] == _AS_ABOVE else match["beyond"]
            rows.append(Limit(target.id, match["bounds"], last, match["change"] or ""))
            comment = []
    yield title, rows


def _render_value(name: str) -> str:
    if hasattr(limits, name):
        return f"{getattr(limits, name):,}"
    return f"{getattr(limits, f'{name}_PAID'):,}; on the free plan {getattr(limits, f'{name}_FREE'):,}"
