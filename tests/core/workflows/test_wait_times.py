"""How long a `wait` takes, as far as it stands in the workflow, is checked at push."""

from typing import Any

import pytest

from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from fakes.builtins import BUILTINS

SYMBOLS = SymbolTable({"wait": BUILTINS["wait"]})


def find(config: dict[str, Any], *, is_durable: bool = True) -> list[str]:
    source = {"name": "w", "durable": is_durable, "flow": ["input >> PIPE >> wait"], "config": {"wait": config}}
    return [each.code for each in compile_workflow(parse_workflow(source), SYMBOLS).diagnostics]


@pytest.mark.parametrize(
    "config",
    [
        {"ms": 5, "until": "2030-12-24 18:00"},
        {"ms": 5, "for": "2d"},
        {"for": "2d", "until": "2030-12-24 18:00"},
        {"for": "1.5h"},
        {"for": "-1s"},
        {"for": "366d"},
        {"for": "soon"},
        {"until": "18:00"},
        {"until": "2027-02-30 10:00"},
        {"until": "2030-12-24T18:00:00+01:00", "zone": "Europe/Berlin"},
    ],
)
def test_what_cannot_be(config: dict[str, Any]) -> None:
    assert find(config) == ["INVALID_INPUT"]


@pytest.mark.parametrize(
    "config",
    [
        {"ms": 31_000},
        {"for": "2d"},
        {"until": "2030-12-24 18:00", "zone": "Europe/Berlin"},
        {"for": "{{input.time}}"},
        {"until": "{{input.time}}"},
        {"ms": "{{input.ms}}"},
    ],
)
def test_what_a_durable_run_can(config: dict[str, Any]) -> None:
    assert find(config) == []


@pytest.mark.parametrize("config", [{"ms": 30_001}, {"for": "31s"}, {"until": "2030-12-24 18:00"}])
def test_what_only_a_durable_run_can(config: dict[str, Any]) -> None:
    assert find(config, is_durable=False) == ["NEEDS_DURABLE"]


@pytest.mark.parametrize("config", [{"ms": 30_000}, {"for": "30s"}, {"for": "{{input.time}}"}])
def test_what_any_run_can(config: dict[str, Any]) -> None:
    assert find(config, is_durable=False) == []
