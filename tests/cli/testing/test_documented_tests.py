"""The tests that the documents show are in the format."""

import re
from pathlib import Path

import pytest

from acr.testing.parse import parse_test_file
from workerd.local_platform import ROOT

BLOCK = re.compile(r"^```yaml[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
CASES = [
    pytest.param(match[1], id=f"{path.name} {i}")
    for path in sorted((ROOT / "docs").rglob("*.md"))
    for i, match in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")))
    if re.search("^tests:", match[1], re.MULTILINE)
]


@pytest.mark.parametrize("text", CASES)
def test_a_documented_test_file_can_be_read(text: str) -> None:
    assert parse_test_file(Path("x.test.yaml"), text).tests


def test_there_are_some() -> None:
    assert len(CASES) >= 2
