"""Valid contracts, with overrides."""

from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract

REMOVED = object()


def contract_source(**overrides: Any) -> dict[str, Any]:
    """What a valid contract.yaml holds. An override of REMOVED takes the field away."""
    source: dict[str, Any] = {
        "canonical_id": "echo",
        "display_name": "Echo",
        "description": "Answers with its input",
        "category": "data",
        "version": "v1",
        "wasi_target": "preview1",
        "stability": "stable",
        "author": "arcrun",
        "constraints": constraints_source(),
        "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
        "output_schema": {"type": "object"},
        "config_example": {"text": "hello"},
        "gherkin_tests": [
            {"scenario": "a text", "given": {"text": "a"}, "then_contains": '"a"'},
            {"scenario": "nothing", "given": {}, "then": {"success": True, "data": {}}},
        ],
        "credentials_required": [],
    }
    return {key: value for key, value in {**source, **overrides}.items() if value is not REMOVED}


def constraints_source(**overrides: Any) -> dict[str, Any]:
    source: dict[str, Any] = {
        "max_size_kb": 100,
        "max_cold_start_ms": 50,
        "io_model": "stdin_stdout_json",
        "no_network_syscall": True,
        "no_filesystem_syscall": True,
    }
    return {key: value for key, value in {**source, **overrides}.items() if value is not REMOVED}


def build_contract(**overrides: Any) -> Contract:
    return parse_contract(contract_source(**overrides))


def build_network_contract(*allowed_hosts: str, **overrides: Any) -> Contract:
    constraints = constraints_source(no_network_syscall=False)
    return build_contract(constraints=constraints, allowed_hosts=list(allowed_hosts), **overrides)
