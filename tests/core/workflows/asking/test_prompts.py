"""A node that asks a model: its key is a credential, and its prompt is the author's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from arcrun.contracts.parse import parse_contract
from arcrun.workflows.compile import compile_workflow
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow

COMPONENTS = Path(__file__).parents[4] / "components"
CONTRACTS = {
    name: parse_contract(yaml.safe_load((COMPONENTS / name / "contract.yaml").read_text())) for name in ("llm", "embed")
}
ASK = {
    "component": "llm",
    "service": "openai",
    "model": "m",
    "api_key": "{{credential.openai}}",
    "prompt": "What is it?",
}
EMBED = {
    "component": "embed",
    "service": "openai",
    "model": "m",
    "api_key": "{{credential.openai}}",
    "input": "{{input.text}}",
}


def find(config: dict[str, Any]) -> list[tuple[str, str]]:
    source = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": config}}
    found = compile_workflow(parse_workflow(source), SymbolTable(CONTRACTS)).diagnostics
    return [(it.code, it.severity.value) for it in found]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ASK, []),
        (EMBED, []),
        ({**ASK, "data": {"mail": "{{input.text}}"}}, []),
        ({**ASK, "api_key": "sk-proj-4f1d"}, [("INVALID_INPUT", "error")]),
        ({**ASK, "api_key": "{{input.key}}"}, [("INVALID_INPUT", "error")]),
        ({**EMBED, "api_key": "sk-proj-4f1d"}, [("INVALID_INPUT", "error")]),
        ({key: value for key, value in ASK.items() if key != "api_key"} | {"base_url": "http://models.test/v1"}, []),
        ({**ASK, "prompt": "What is {{input.text}}?"}, [("PROMPT_FROM_OUTSIDE", "warning")]),
        ({**ASK, "system": "You are {{request.query.role}}."}, [("PROMPT_FROM_OUTSIDE", "warning")]),
    ],
)
def test_what_is_found(config: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert find(config) == expected
