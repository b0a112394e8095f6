"""Workflows from lines, compiled against components that take anything unless a test says otherwise."""

from collections.abc import Mapping
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.workflows.compile import Compilation, compile_workflow, require_plan
from arcrun.workflows.diagnostics import Diagnostic
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan
from fakes.contracts import build_contract

ANYTHING = build_contract(input_schema={"type": "object"})
Source = str | Mapping[str, Any]


def flow_of(*lines: str, **more: Any) -> dict[str, Any]:
    """A workflow as an object. `more` are its other keys."""
    return {"name": "w", "flow": list(lines), **more}


def text_of(*lines: str, config: str = "") -> str:
    """A workflow as a text: the first flow line is line 3, and its text begins in column 5."""
    flow = "".join(f"  - {line}\n" for line in lines)
    return f"name: w\nflow:\n{flow}" + (f"config:\n{config}" if config else "")


def compile_source(source: Source, contracts: Mapping[str, Contract] | None = None, **symbols: Any) -> Compilation:
    """`contracts` are those of the components that do not take anything. `symbols` are other fields of SymbolTable."""
    draft = parse_workflow(source)
    named = draft.workflow.components if draft.workflow else []
    known = {**dict.fromkeys(named, ANYTHING), **(contracts or {})}
    return compile_workflow(draft, SymbolTable(known, **symbols))


def diagnose(source: Source, contracts: Mapping[str, Contract] | None = None, **symbols: Any) -> list[Diagnostic]:
    """All findings, in their order."""
    return compile_source(source, contracts, **symbols).diagnostics


def codes_of(source: Source) -> list[str]:
    return [found.code for found in diagnose(source)]


def plan_of(*lines: str, **config: Any) -> Plan:
    """`config` are the nodes' entries."""
    return require_plan(compile_source(flow_of(*lines, config=config)))
