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
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SHOUT = build_contract(
    canonical_id="shout", input_schema={"type": "object", "properties": {"name": {"type": "string"}}}
)


def documented(*names: str) -> list[tuple[str, str]]:
    """The YAML blocks that are whole workflows, by document and number."""
    found = []
    for name in names:
        for i, match in enumerate(BLOCK.finditer((ROOT / name).read_text(encoding="utf-8"))):
            text = re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE)
            if "flow:" in text and "config:" in text:
                found.append((f"{name} {i}", text if "name:" in text.split("flow:")[0] else f"name: w\n{text}"))
    return found


CASES = documented("README.md", "docs/language.md")


@pytest.mark.parametrize("source", [pytest.param(text, id=name) for name, text in CASES])
def test_a_documented_workflow_has_no_finding(source: str) -> None:
    draft = parse_workflow(source)
    assert compile_workflow(draft, SymbolTable({**BUILTINS, "shout": SHOUT})).diagnostics == []


def test_there_are_some() -> None:
    assert len(CASES) >= 4
