"""Checks each node by itself against the catalogue: its component, input, settings and credentials."""

from collections.abc import Collection, Mapping

from arcrun.contracts.model import Contract
from arcrun.workflows.catalogue import Catalogue
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.inputs import check_input
from arcrun.workflows.model import Node, NodeParts, Workflow
from arcrun.workflows.nearest import suggest_nearest
from arcrun.workflows.relations import Relation
from arcrun.workflows.settings import SETTING_KEYS, SUBFLOW_KEYS, parse_settings, report_unknown_key


def check_node(node: Node, workflow: Workflow, catalogue: Catalogue, findings: Findings) -> NodeParts:
    """Report what is wrong with a node by itself, and take its entry apart."""
    contract = catalogue.contracts.get(node.component) if node.component else None
    settings = {key: value for key, value in node.config.items() if _is_setting(key, contract)}
    config = {key: value for key, value in node.config.items() if key not in settings}
    parts = NodeParts(config, parse_settings(findings, settings, node.at))
    if node.component is None:
        _check_subflow(node, workflow, catalogue, findings)
    elif contract is None:
        _report_component(node, catalogue, findings)
    else:
        check_input(node, config, contract, _sources(node, workflow, catalogue), findings)
        _check_credentials(node, parts.settings.credentials, contract, catalogue, findings)
    return parts


def _is_setting(key: str, contract: Contract | None) -> bool:
    """Whether the key is the engine's. A timeout_ms that the component knows is the component's."""
    return key in SETTING_KEYS and not (key == "timeout_ms" and contract is not None and key in contract.input_keys)


def _sources(node: Node, workflow: Workflow, catalogue: Catalogue) -> set[str] | None:
    """The fields that the node's parents are said to answer; None if that cannot be known."""
    fields: set[str] = set()
    for edge in workflow.edges:
        if edge.target != node.name:
            continue
        parent = workflow.nodes.get(edge.source)
        contract = catalogue.contracts.get(parent.component or "") if parent else None
        if contract is None or edge.relation in (Relation.FOREACH, Relation.CONTINUE):
            return None
        answered = contract.output_schema.get("properties", {})
        if not answered or contract.output_schema.get("additionalProperties"):
            return None
        fields |= {*answered}
    return fields


def _check_subflow(node: Node, workflow: Workflow, catalogue: Catalogue, findings: Findings) -> None:
    for key in node.config:
        if key not in SUBFLOW_KEYS:
            report_unknown_key(findings, key, SUBFLOW_KEYS, node.at)
    known = catalogue.workflows
    if known is not None and node.workflow not in (*known, workflow.name):
        hint = suggest_nearest(node.workflow or "", known)
        message = f"`{node.name}` calls the workflow `{node.workflow}`, which is not stored"
        findings.add("UNKNOWN_WORKFLOW", message, hint, at=node.at)


def _report_component(node: Node, catalogue: Catalogue, findings: Findings) -> None:
    at = (*node.at, "component")
    fault = catalogue.faults.get(node.component or "")
    if fault is not None and fault.code != "COMPONENT_NOT_FOUND":
        code = "INVALID_CONTRACT" if fault.code == "INVALID_CONTRACT" else "INVALID_MODULE"
        findings.add(code, f"`{node.component}` of `{node.name}` cannot be used: {fault.message.rstrip('.')}", at=at)
        return
    otherwise = f"Set `config.{node.name}.component` to one of the components that `acr parts` lists."
    hint = suggest_nearest(node.component or "", catalogue.components, otherwise)
    message = f"the node `{node.name}` names the component `{node.component}`, which does not exist"
    findings.add("UNKNOWN_COMPONENT", message, hint, at=at)


def _check_credentials(
    node: Node, mapping: Mapping[str, str], contract: Contract, catalogue: Catalogue, findings: Findings
) -> None:
    keys = [credential.key for credential in contract.credentials_required]
    for key in mapping:
        if key not in keys:
            hint = f"It needs {', '.join(keys)}." if keys else "It needs none."
            message = f"`{contract.canonical_id}` needs no credential `{key}`"
            findings.add("INVALID_SETTING", message, hint, at=(*node.at, "credentials", key))
    needed = [
        mapping.get(credential.key, credential.key)
        for credential in contract.credentials_required
        if credential.inject_as not in node.config
    ]
    for name in needed:
        warn_of_missing_credential(name, node, catalogue.credentials, findings)


def warn_of_missing_credential(name: str, node: Node, stored: Collection[str] | None, findings: Findings) -> None:
    if stored is not None and name not in stored:
        hint = f"Add `{name}` to credentials.yaml, then: acr creds push."
        findings.warn(
            "MISSING_CREDENTIAL", f"`{node.name}` needs the credential `{name}`, which is not stored", hint, at=node.at
        )
