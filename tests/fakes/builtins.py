"""The contracts of the built-in components, as they are committed."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.wasm.component import Component, build_component
from arcrun.yaml_text import parse_yaml

COMPONENTS = Path(__file__).parents[2] / "components"


@cache
def read_contract_sources() -> Mapping[str, Mapping[str, Any]]:
    """What each contract.yaml holds, by component."""
    files = sorted(COMPONENTS.glob("*/contract.yaml"))
    return {file.parent.name: parse_yaml(file.read_text()).value for file in files}


BUILTINS: Mapping[str, Contract] = {name: parse_contract(source) for name, source in read_contract_sources().items()}


@cache
def build_code() -> Component:
    """`code` as scripts/build_code.py builds it, with its metered module."""
    return build_component(BUILTINS["code"], (COMPONENTS / "code/code.wasm").read_bytes())
