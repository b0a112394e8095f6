"""Proves that the workflows which the documents show are right: each compiles without a finding."""

import re
from pathlib import Path

import pytest

from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.builtins import BUILTINS
from fakes.contracts import build_contract

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```yaml(?: title=\"([^\"]+)\")?\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SHOUT = build_contract(
    canonical_id="shout", input_schema={"type": "object", "properties": {"name": {"type": "string"}}}
)


def documented(*names: str) -> list[tuple[str, str]]:
    """The YAML blocks that are whole workflows, by document and number."""
    found = []
    for name in names:
        for i, match in enumerate(BLOCK.finditer((ROOT / name).read_text(encoding="utf-8"))):
            text = re.sub(f"^{match[1]}", "", match[3], flags=re.MULTILINE)
            if "flow:" in text and "config:" in text:
                found.append((f"{name} {i}", text if "name:" in text.split("flow:")[0] else f"name: w\n{text}"))
    return found


PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
CASES = documented(*(name for name in PAGES if not name.startswith("docs/adr/")))
TITLED = [
    pytest.param(match[2], match[3], id=f"{name} {match[2]}")
    for name in PAGES
    for match in BLOCK.finditer((ROOT / name).read_text(encoding="utf-8"))
    if match[2] and "/" in match[2]
]


@pytest.mark.parametrize("source", [pytest.param(text, id=name) for name, text in CASES])
def test_a_documented_workflow_has_no_finding(source: str) -> None:
    draft = parse_workflow(source)
    assert compile_workflow(draft, SymbolTable({**BUILTINS, "shout": SHOUT})).diagnostics == []


@pytest.mark.parametrize(("path", "text"), TITLED)
def test_a_block_that_names_a_file_is_that_file(path: str, text: str) -> None:
    assert text == (ROOT / path).read_text(encoding="utf-8")


def test_there_are_some() -> None:
    assert (len(CASES) >= 10, len(TITLED) >= 5) == (True, True)
