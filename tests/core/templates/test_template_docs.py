"""docs/templates.md is correct: its table lists each filter with its types, its examples are run, and its statements
about bounds, credentials and YAML hold.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from arcrun.limits import MAX_FILTER_RESULT, MAX_FILTERS, MAX_JSON_VALUES, MAX_PATH_STEPS, MAX_TEMPLATE_STEPS
from arcrun.templates.filters import DEFAULT, EMBEDDING_FILTERS, FILTERS, TRANSPARENT_FILTERS, Filter
from arcrun.templates.template import compile_value
from arcrun.yaml_text import parse_yaml

PAGE = (Path(__file__).parents[3] / "docs/templates.md").read_text(encoding="utf-8")
SCOPE = {"input": json.loads(PAGE.partition("```json\n")[2].partition("```")[0])}


def read_rows() -> list[list[str]]:
    """The cells of the table of filters."""
    lines = PAGE.partition("| filter | takes |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


ROWS = read_rows()


def describe(name: str, chosen: Filter) -> list[str]:
    """The first three cells of the filter's row."""
    parameters = ", ".join(it.name if it.is_required else f"{it.name}?" for it in chosen.parameters)
    takes = ", ".join(chosen.takes) or "anything, null"
    gives = chosen.gives if isinstance(chosen.gives, str) else "number" if name == "round" else "any"
    takes += ", what is missing" if name == DEFAULT else ""
    return [f"`{name}({parameters})`" if parameters else f"`{name}`", takes, gives]


def test_the_table_has_the_filters() -> None:
    assert [row[:3] for row in ROWS] == [describe(name, chosen) for name, chosen in FILTERS.items()]


@pytest.mark.parametrize(("example", "result"), [pytest.param(*row[3:], id=row[0]) for row in ROWS])
def test_an_example_gives_its_result(example: str, result: str) -> None:
    expected: Any = json.loads(result.strip("`"))
    found = compile_value(example.strip("`")).resolve(SCOPE)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param('{{"{{"}}', "{{", id="opening braces"),
        pytest.param('{{"}}"}}', "}}", id="closing braces"),
        pytest.param("{{input.n | divide(2) | multiply(2)}}", 3, id="a whole result"),
    ],
)
def test_what_the_page_says_besides(template: str, expected: Any) -> None:
    assert compile_value(template).resolve(SCOPE) == expected


def test_the_page_has_the_bounds() -> None:
    assert f"{MAX_FILTERS} filters, {MAX_PATH_STEPS} steps of a path; {MAX_FILTER_RESULT:,} characters" in PAGE
    assert f"{MAX_JSON_VALUES:,} elements" in PAGE
    assert f"{MAX_TEMPLATE_STEPS:,} steps" in PAGE


def test_the_page_has_the_filters_for_credentials() -> None:
    said = PAGE.partition("**Credentials** go through")[2].partition(":")[0].partition(", and can be arguments of ")
    assert set(re.findall(r"`(\w+)`", said[0])) == TRANSPARENT_FILTERS
    assert set(re.findall(r"`(\w+)`", said[2])) == EMBEDDING_FILTERS


def test_what_the_page_says_of_yaml() -> None:
    texts = PAGE.partition("as it was written: ")[2].partition(". Keys")[0]
    for written in re.findall(r"`([^`]+)`", texts):
        assert parse_yaml(f"x: {written}").value == {"x": written}
