"""Checks edges by contracts and literals: lists that FOREACH does not name, and edges that can never fire."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import describe_kind, types_of
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import INPUT, Edge, Node, SymbolTable, Workflow
from arcrun.workflows.relations import Fires

_CODE = "EDGE_NEVER_FIRES"


def name_lists(workflow: Workflow, symbols: SymbolTable, findings: Findings) -> Workflow:
    """The workflow with each FOREACH's list named: the default is the only list in its source's contract."""
    edges = tuple(
        replace(edge, path=_find_list(edge, workflow, symbols, findings))
        if edge.spec.begins_loop and not edge.path
        else edge
        for edge in workflow.edges
    )
    return replace(workflow, edges=edges) if edges != workflow.edges else workflow


def _find_list(edge: Edge, workflow: Workflow, symbols: SymbolTable, findings: Findings) -> str:
    contract = _contract_of(edge.source, workflow, symbols)
    fields = (contract and contract.output_fields) or {}
    lists = [name for name, schema in fields.items() if types_of(schema) == {"array"}]
    if len(lists) == 1:
        return f"{edge.source}.data.{lists[0]}"
    perhaps = lists or [name for name, schema in fields.items() if not types_of(schema)] or ["FIELD"]
    prefix = INPUT if edge.source == INPUT else f"{edge.source}.data"
    hint = f"Write {' or '.join(f'FOREACH {edge.argument} IN {prefix}.{name}' for name in perhaps)}."
    several = f"`{edge.source}` answers the lists {', '.join(lists)}" if lists else "none is known"
    findings.add("INVALID_LOOP", f"FOREACH {edge.argument} does not name its list, but {several}", hint, at=edge.at)
    return ""


def check_edges(workflow: Workflow, symbols: SymbolTable, findings: Findings) -> None:
    """Report each edge that no run can fire. For edges out of the trigger or a sub-workflow this is unknown."""
    for edge in workflow.edges:
        node = workflow.nodes.get(edge.source)
        contract = _contract_of(edge.source, workflow, symbols)
        if node is None or contract is None or contract.output_fields is None:
            continue
        if edge.spec.fires is Fires.ON_RESULT:
            _check_result(edge, contract, findings)
        elif edge.spec.fires is Fires.ON_BRANCH:
            _check_branch(edge, node, contract, findings)
    for edge in workflow.edges:
        if edge.spec.fires is Fires.ON_CONDITION:
            _check_comparisons(edge, workflow, symbols, findings)


def _check_comparisons(edge: Edge, workflow: Workflow, symbols: SymbolTable, findings: Findings) -> None:
    """Report comparisons with a literal of another type than the contract's, which are never equal."""
    try:
        expression = edge.expression
    except ValueError:
        return  # reported where expressions are checked
    for path, literal in expression.equalities:
        contract = _contract_of(path[0], workflow, symbols)
        schema = ((contract and contract.output_fields) or {}).get(path[2]) if len(path) == 3 else None
        kind = describe_kind(literal)
        kinds = types_of(schema) | ({"integer"} if "number" in types_of(schema) else set())
        values = schema.get("enum") if isinstance(schema, Mapping) else None
        if path[1:2] == ("data",) and kinds and (kind not in kinds or (values is not None and literal not in values)):
            said = f"one of {', '.join(map(str, values))}" if values else " or ".join(sorted(types_of(schema)))
            wanted = "Put numbers, true, false and null in backticks, strings in single quotes."
            message = (
                f"IF({edge.argument}): {'.'.join(path)} is {said}, which never equals the {kind} {json.dumps(literal)}"
            )
            report = findings.add if expression.is_comparison else findings.warn
            report(_CODE, message, wanted, at=edge.at)


def _check_result(edge: Edge, contract: Contract, findings: Findings) -> None:
    fields = contract.output_fields or {}
    if "result" in fields and _may_be(fields["result"], "boolean"):
        return
    kind = " or ".join(sorted(types_of(fields.get("result"))))
    answers = f"`result` of `{contract.canonical_id}` is {kind}" if kind else _describe_fields(contract)
    booleans = [name for name, schema in fields.items() if types_of(schema) == {"boolean"}]
    condition = f"{edge.source}.data.{booleans[0]}" if booleans else f"{edge.source}.data.FIELD == 'x'"
    condition = f"!({condition})" if booleans and edge.spec.result is False else condition
    hint = f"Write {edge.source} >> IF({condition}) >> {edge.target}; or put if_control between them."
    findings.add(_CODE, f"{edge.relation} needs a `result` that is true or false, but {answers}", hint, at=edge.at)


def _check_branch(edge: Edge, node: Node, contract: Contract, findings: Findings) -> None:
    fields = contract.output_fields or {}
    schema = fields.get("branch")
    if schema is None or not _may_be(schema, "string"):
        message = f"ON_BRANCH needs a string `branch`, but {_describe_fields(contract)}"
        hint = f"Put switch between them, or write IF({edge.source}.data.FIELD == '{edge.argument}')."
        findings.add(_CODE, message, hint, at=edge.at)
        return
    branches = _find_branches(schema, node, contract)
    if branches is not None and edge.argument not in branches:
        hint = suggest_nearest(edge.argument, branches, f"Its branches: {', '.join(branches)}.", ignore_case=True)
        findings.add(_CODE, f"`{edge.source}` has no branch `{edge.argument}`", hint, at=edge.at)


def _find_branches(schema: Any, node: Node, contract: Contract) -> list[str] | None:
    """All possible values of `branch`: by its enum, or by the literal fields of the input that the input_schema's
    `x-branches` lists. None if they are unknown.
    """
    if isinstance(schema, Mapping) and "enum" in schema:
        return [value for value in schema["enum"] if isinstance(value, str)]
    paths = contract.input_schema.get("x-branches")
    if not isinstance(paths, list):
        return None
    values = [value for path in paths for value in _follow(node.config, str(path).split("."))]
    is_literal = "take" not in node.config and all(isinstance(value, str) and "{{" not in value for value in values)
    return list(dict.fromkeys(values)) if is_literal else None


def _follow(value: Any, steps: list[str]) -> Iterator[Any]:
    """The values at a path such as `cases[].branch`, if any. A template counts as the value, wherever it occurs."""
    if not steps or isinstance(value, str):
        yield value
        return
    name, is_list = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    if not isinstance(value, Mapping) or name not in value:
        return
    found = value[name]
    for item in found if is_list and isinstance(found, list) else [found]:
        yield from _follow(item, steps[1:])


def _contract_of(name: str, workflow: Workflow, symbols: SymbolTable) -> Contract | None:
    node = workflow.nodes.get(name)
    return symbols.contracts.get(node.component or "") if node else None


def _describe_fields(contract: Contract) -> str:
    return f"`{contract.canonical_id}` answers {', '.join(contract.output_fields or ())}"


def _may_be(schema: Any, kind: str) -> bool:
    types = types_of(schema)
    return not types or kind in types
