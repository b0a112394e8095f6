"""The page of limits matches the code: every limit is used, and every code that it names is raised."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = (ROOT / "core/arcrun/limits.py").read_text()
FOLDERS = (
    "core/arcrun",
    "cli/acr",
    *(f"workers/{name}" for name in ("executor/src", "registry/src", "auth/src", "http", "edge")),
)
CODE = "".join(
    path.read_text()
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "limits.py" or path.parent.name != "arcrun"
)
WORDS = Counter(re.findall(r"\b[A-Z][A-Z0-9_]*\b", CODE))
IMPORTED = Counter(
    word for line in CODE.splitlines() for word in set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", line.partition("import ")[2]))
)
NAMES = re.findall(r"^([A-Z_]+) = ", SOURCE, re.MULTILINE)
COMMENTS = "".join(re.findall(r"^# .*$", SOURCE, re.MULTILINE))
CODES = sorted(set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", COMMENTS)) - set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_holds_somewhere(name: str) -> None:
    assert WORDS[name] > IMPORTED[name]


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_raised_or_each_variable_read(code: str) -> None:
    assert f'"{code}"' in CODE
