"""Checks each node on its own against the symbols: its component, input, settings and credentials."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.templates.hints import suggest_nearest
from arcrun.templates.template import CREDENTIAL, Reference, Template
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.inputs.check import InputChecker
from arcrun.workflows.model import TOOL_INPUT, TOOLS, Node, NodeParts, SymbolTable, Workflow
from arcrun.workflows.settings import (
    AUTOMATIC,
    DETACH,
    FLOW_KEYS,
    KEY,
    ONCE,
    RESERVED_INPUTS,
    SETTING_KEYS,
    SUBFLOW_KEYS,
    SUBFLOW_UNDO_KEYS,
    UNDO_KEYS,
    parse_settings,
    report_unknown_key,
)
from arcrun.workflows.waiting import check_waiting

AI = "ai"  # the capability of components that ask models


def check_node(node: Node, inputs: InputChecker) -> NodeParts:
    """Report the problems of a single node, and take its entry apart."""
    workflow, symbols, findings = inputs.workflow, inputs.symbols, inputs.findings
    contract = symbols.contracts.get(node.component) if node.component else None
    settings = {key: value for key, value in node.config.items() if _is_setting(key, contract)}
    if node.may_have_tools:
        settings[TOOLS] = node.config[TOOLS]
    if node.component is None and DETACH in node.config:
        settings[DETACH] = node.config[DETACH]
    config = {key: value for key, value in node.config.items() if key not in settings}
    if contract is not None and KEY in contract.input_keys and node.config.get(KEY) == AUTOMATIC:
        settings[KEY] = AUTOMATIC
    parsed = parse_settings(findings, settings, node.at)
    if parsed.is_once and not workflow.is_durable:
        message = (
            f"`{ONCE}` of {node.told} needs a durable workflow: a run that is not ends with a crash, or begins anew"
        )
        findings.add("INVALID_SETTING", message, "Add to the workflow: durable: true.", at=(*node.at, ONCE))
    if contract is not None and parsed.key_field:
        from arcrun.workflows.idempotency_keys import find_key_field  # noqa: PLC0415 - few nodes send one

        parsed = replace(parsed, key_field=find_key_field(node, contract, findings))
    take = f"{parsed.take}.data" if parsed.take in workflow.nodes else parsed.take  # a node's name means its data
    parsed = parsed if take == parsed.take else replace(parsed, take=take)
    parts = NodeParts(
        config,
        parsed,
        _check_undo(node, inputs) if "undo" in settings else None,
        _check_tools(node, inputs) if TOOLS in settings else {},
    )
    if node.component is None:
        _check_subflow(node, workflow, symbols, findings)
    elif node.component in symbols.unchecked:
        pass
    elif contract is None:
        _report_component(node, symbols, findings)
    else:
        _warn_of_settings(node, contract, findings)
        inputs.check(node, config, TOOL_INPUT if node.tool else parts.settings.take, contract)
        _check_own_rules(node, config, contract, inputs)
        _check_credentials(node, parts.settings.credentials, contract, symbols, findings)
    return parts


def _check_own_rules(node: Node, config: Mapping[str, Any], contract: Contract, inputs: InputChecker) -> None:
    """What the fields of some components mean beyond their schemas."""
    workflow, symbols, findings = inputs.workflow, inputs.symbols, inputs.findings
    check_waiting(node, config, workflow, symbols, findings)
    if contract.hosts_key:
        from arcrun.workflows.literals.code_sources import check_code  # noqa: PLC0415 - not in every workflow

        check_code(node, config, symbols, findings)
    elif contract.literal_keys:
        from arcrun.workflows.literals.render_templates import check_templates  # noqa: PLC0415 - not in every workflow

        check_templates(node, config, workflow.nodes, findings)
    if contract.auth_key and contract.auth_key in config:
        from arcrun.workflows.inputs.authorizations import check_authorization  # noqa: PLC0415 - not in every workflow

        check_authorization(node, contract.auth_key, config, symbols, findings)
    if AI in contract.capabilities and not contract.constraints.no_network_syscall:
        from arcrun.workflows.asking.prompts import check_model  # noqa: PLC0415 - not in every workflow

        check_model(node, config, findings)


def _check_tools(node: Node, inputs: InputChecker) -> Mapping[str, NodeParts]:
    from arcrun.workflows.asking.tools import check_tools  # noqa: PLC0415 - few nodes have any

    return check_tools(node, inputs, check_node)


def _check_undo(node: Node, inputs: InputChecker) -> NodeParts | None:
    findings, at = inputs.findings, (*node.at, "undo")
    if node.undo is None:
        message = f"`undo` of `{node.name}` must name what undoes it: a component or a workflow, and its input"
        hint = "For example: undo: {component: http_request, method: DELETE, url: ...}"
        findings.add("INVALID_SETTING", message, hint, at=at)
        return None
    contract = inputs.symbols.contracts.get(node.undo.component or "")
    misplaced = [key for key in node.undo.config if key in FLOW_KEYS and _is_setting(key, contract)]
    for key in misplaced:
        allowed = UNDO_KEYS if node.undo.component else SUBFLOW_UNDO_KEYS
        message = f"`{key}` belongs to a node, not to its undo"
        findings.add("INVALID_SETTING", message, f"Allowed: {', '.join(allowed)}.", at=(*at, key))
    if node.undo.may_have_tools:
        findings.add("INVALID_SETTING", f"`{TOOLS}` belongs to a node, not to its undo", at=(*at, TOOLS))
        return None
    return None if misplaced else check_node(node.undo, inputs)


def _is_setting(key: str, contract: Contract | None) -> bool:
    """Whether the key is an engine setting. If the component has an input of that name, it is the component's."""
    return key in SETTING_KEYS and not (contract is not None and key in contract.input_keys)


def _warn_of_settings(node: Node, contract: Contract, findings: Findings) -> None:
    """Warn of inputs with a setting's name, which old contracts may have. timeout_ms means the same in both."""
    for key in node.config:
        if key in RESERVED_INPUTS and key in contract.input_keys:
            message = f"`{key}` of {node.told} is an input of `{contract.canonical_id}`, not a setting"
            findings.warn("INVALID_SETTING", message, f"arcrun's own `{key}` cannot be set here.", at=(*node.at, key))


def _check_subflow(node: Node, workflow: Workflow, symbols: SymbolTable, findings: Findings) -> None:
    allowed = SUBFLOW_UNDO_KEYS if node.is_undo else SUBFLOW_KEYS
    for key in node.config:
        if key not in allowed:
            report_unknown_key(findings, key, allowed, node.at)
    known = symbols.workflows
    if known is not None and node.workflow not in (*known, workflow.name):
        hint = suggest_nearest(node.workflow or "", known)
        message = f"{node.told} calls the workflow `{node.workflow}`, which is not stored"
        findings.add("UNKNOWN_WORKFLOW", message, hint, at=node.called_at)
    _check_subflow_input(node, workflow, findings)


def _check_subflow_input(node: Node, workflow: Workflow, findings: Findings) -> None:
    for reference in _references_of(node):
        if reference.head == CREDENTIAL:
            message = f"{node.told} passes a credential to another workflow, where records would show it"
            hint = f"Write {{{{{reference.path}}}}} in the workflow `{node.workflow}` itself."
            findings.add("INVALID_INPUT", message, hint, at=(*node.at, "input"))
    callers = [e.source for e in workflow.edges if e.target == node.name and e.spec.calls_workflow and not node.is_undo]
    if len(callers) > 1 and "input" not in node.config and "take" not in node.config:
        message = f"`{node.name}` is called by {' and '.join(f'`{name}`' for name in callers)}, but has no `input`"
        findings.add("MISSING_INPUT", message, f"Add `take: {callers[0]}`, or `input: {{...}}`.", at=node.at)
    if "input" in node.config and "take" in node.config:
        message = f"{node.told} has both `take` and `input`, which set the same value"
        findings.add("INVALID_SETTING", message, "Keep one of them.", at=(*node.at, "take"))


def _references_of(node: Node) -> list[Reference]:
    templates = [template for path, template in node.templates.items() if path[0] == "input"]
    return [reference for it in templates if isinstance(it, Template) for reference in it.references]


def _report_component(node: Node, symbols: SymbolTable, findings: Findings) -> None:
    at = node.called_at
    fault = symbols.faults.get(node.component or "")
    if fault is not None and fault.code != "COMPONENT_NOT_FOUND":
        code = "INVALID_CONTRACT" if fault.code == "INVALID_CONTRACT" else "INVALID_MODULE"
        findings.add(code, f"`{node.component}` of {node.told} cannot be used: {fault.message.rstrip('.')}", at=at)
        return
    entry = f"config.{node.name}{'.undo' * node.is_undo}"
    otherwise = f"Set `{entry}.component` to one of the components that `acr parts` lists."
    hint = suggest_nearest(node.component or "", symbols.components, otherwise)
    told = node.told if node.is_undo else f"the node {node.told}"
    message = f"{told} names the component `{node.component}`, which does not exist"
    findings.add("UNKNOWN_COMPONENT", message, hint, at=at)


def _check_credentials(
    node: Node, mapping: Mapping[str, str], contract: Contract, symbols: SymbolTable, findings: Findings
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
        warn_of_missing_credential(name, node, symbols.credentials, findings)


def warn_of_missing_credential(name: str, node: Node, stored: Collection[str] | None, findings: Findings) -> None:
    if stored is not None and name not in stored:
        hint = f"Add `{name}` to credentials.yaml, then: acr creds push."
        findings.warn(
            "MISSING_CREDENTIAL", f"{node.told} needs the credential `{name}`, which is not stored", hint, at=node.at
        )
