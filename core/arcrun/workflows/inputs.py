"""Checks a node's config against its component's contract, as far as it is known before a run."""

from collections.abc import Collection, Mapping
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import SchemaError, find_mismatches
from arcrun.errors import TemplateError
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import Node
from arcrun.workflows.places import Path
from arcrun.workflows.settings import SETTING_KEYS, report_unknown_key


def check_input(
    node: Node, config: Mapping[str, Any], contract: Contract, sources: Collection[str] | None, findings: Findings
) -> None:
    """`config` is the component's part of the node's entry. `sources` are the fields that its parents are said to
    answer; None if the trigger is a parent, which may send anything.
    """
    properties = contract.input_schema.get("properties", {})
    if properties and not contract.input_schema.get("additionalProperties"):
        for key in config:
            if key not in properties:
                report_unknown_key(findings, key, (*properties, "component", *SETTING_KEYS), node.at)
    known, mixed = _split_by_templates(node, config)
    for key in mixed:
        types = properties.get(key, {}).get("type", "string")
        if "string" not in types:
            wanted = types if isinstance(types, str) else " or ".join(types)
            message = f"`{key}` of `{node.name}` must be {wanted}, and a template within a text gives a string"
            findings.add("INVALID_INPUT", message, "Let the template stand alone.", at=(*node.at, key))
    _check_literals(node, known, contract, findings)
    _warn_of_missing(node, config, contract, sources, findings)


def _split_by_templates(node: Node, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields without any template, and the texts in which a template is only a part."""
    known, mixed = {}, []
    for key, value in config.items():
        template = node.templates[key]
        if isinstance(template, TemplateError):
            continue  # reported where templates are
        if not template.references:
            known[key] = value
        elif isinstance(value, str) and not template.whole:
            mixed.append(key)
    return known, mixed


def _check_literals(node: Node, known: Mapping[str, Any], contract: Contract, findings: Findings) -> None:
    try:
        mismatches = find_mismatches(contract.validate_input_fully, dict(known))
    except SchemaError as error:
        findings.add("INVALID_CONTRACT", f"`{contract.canonical_id}`: {error}", at=node.at)
        return
    for mismatch in mismatches:
        if mismatch.is_missing and len(mismatch.path) == 1:
            continue  # it may come from what runs before
        message = f"`{mismatch.field}` of `{node.name}` must be {mismatch.expected}, not {mismatch.got}"
        findings.add("INVALID_INPUT", message, at=_place(node.at, mismatch.path))


def _place(at: Path, steps: tuple[str, ...]) -> Path:
    return (*at, *(int(step) if step.isdecimal() else step for step in steps))


def _warn_of_missing(
    node: Node, config: Mapping[str, Any], contract: Contract, sources: Collection[str] | None, findings: Findings
) -> None:
    injected = {credential.inject_as for credential in contract.credentials_required}
    if sources is None:
        return
    for key in contract.input_schema.get("required", []):
        if key not in config and key not in injected and key not in sources:
            message = f"`{key}` of `{node.name}` is required, and nothing before it is known to answer it"
            hint = f"Set `{key}`, or let the trigger send it."
            findings.warn("INVALID_INPUT", message, hint, at=node.at)
