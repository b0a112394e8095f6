"""docs/versioning.md lists each version number as in the code, with the tests that guard it, and no others."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import arcrun

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/versioning.md").read_text()
NUMBERS = re.findall(r"^\| `([a-z_.]+)\.(\w+)` \| (\S+) \|.*\| (.*) \|$", PAGE, re.MULTILINE)
SOURCES = [
    ROOT / folder for folder in ("core/arcrun", "workers/executor/src", "workers/registry/src", "workers/auth/src")
]
COUNTED = re.compile(
    r"^(__version__|MIGRATIONS|PREDICATE_TYPE|(?:\w+_)?FORMAT|\w+_VERSION)(?:: \w+)? = [\d\"(]", re.MULTILINE
)
NO_NUMBERS = {"CONDITION_FORMAT", "ISOLATE_FORMAT", "LITERAL_FORMAT", "MAX_VERSION"}


@pytest.mark.parametrize(("module", "name", "today", "guards"), NUMBERS, ids=[f"{row[0]}.{row[1]}" for row in NUMBERS])
def test_a_number_is_what_the_page_says(module: str, name: str, today: str, guards: str) -> None:
    value = getattr(importlib.import_module(module), name)
    assert str(len(value) if name == "MIGRATIONS" else value) == today
    tests = re.findall(r"`(tests/[\w/]+\.py)`", guards)
    assert tests
    assert [test for test in tests if not (ROOT / test).exists()] == []


def test_no_number_is_left_out() -> None:
    found = {
        name
        for folder in SOURCES
        for path in folder.rglob("*.py")
        for name in COUNTED.findall(path.read_text())
        if name not in NO_NUMBERS
    }
    assert found == {name for _, name, _, _ in NUMBERS}


def test_the_package_has_the_version_of_its_metadata() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == arcrun.__version__
