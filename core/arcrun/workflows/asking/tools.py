"""`tools` of a node that asks a language model: the workflows and components that the model may call, and with what.

    tools:
      find_order: {workflow: find_order, description: Finds an order by its number.}
      tell: {component: telegram, description: ..., input_schema: {type: object, ...}, config: {chat_id: 42}}

A component gets its `config`, and of the model's input the fields that `input_schema` names and the config lacks.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from arcrun.contracts.schema import SchemaError, compile_schema
from arcrun.limits import MAX_TOOLS
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.inputs.check import InputChecker
from arcrun.workflows.model import TOOLS, Node, NodeParts, Workflow
from arcrun.workflows.settings import FLOW_KEYS, report_unknown_key

KEYS = ("component", "workflow", "description", "input_schema", "config")
DESCRIPTION, INPUT_SCHEMA, CONFIG = "description", "input_schema", "config"
ANSWER = "answer"  # the tool by which a model of Anthropic gives an answer that fits a schema
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Their questions and events go by the names of nodes, or their source stands in the config as it is.
_NOT_CALLED = ("approve", "code", "render", "wait", "wait_for")
_EXAMPLE = "For example: tools: {find_order: {workflow: find_order, description: Finds an order by its number.}}"


def list_tools(node: Node) -> Iterator[Node]:
    """The calls of the tools that can be read."""
    for name, entry in node.config[TOOLS].items():
        if not isinstance(name, str) or not isinstance(entry, Mapping):
            continue
        component, workflow = entry.get("component"), entry.get("workflow")
        if isinstance(component, str) == isinstance(workflow, str):
            continue
        config = entry.get(CONFIG, {})
        at: Path = (*node.at, TOOLS, name)
        key = "component" if isinstance(component, str) else "workflow"
        rest = dict(config) if isinstance(config, Mapping) else {}
        yield Node(node.name, component, workflow, rest, (*at, CONFIG), (*at, key), tool=name)


def describe_tool(tool: Node, node: Node) -> tuple[str, Mapping[str, Any] | None]:
    """Its description, and the schema of its input, None if that is its workflow's."""
    entry = node.config[TOOLS][tool.tool]
    return entry.get(DESCRIPTION, ""), entry.get(INPUT_SCHEMA)


def list_asked(workflow: Workflow) -> list[str]:
    """The workflows that tools call and that say themselves what they take, as their tools do not."""
    asked = [
        tool.workflow
        for node in workflow.nodes.values()
        for tool in node.tools
        if tool.workflow is not None and describe_tool(tool, node)[1] is None
    ]
    return list(dict.fromkeys(asked))


def says_what_it_takes(schema: Mapping[str, Any] | None) -> bool:
    """Whether a model can be told of a workflow's input by its `input_schema`."""
    return schema is not None and schema.get("type") == "object"


def check_tools(
    node: Node, inputs: InputChecker, check_node: Callable[[Node, InputChecker], NodeParts]
) -> Mapping[str, NodeParts]:
    """Report the problems of a node's tools, and take them apart, by their names."""
    findings, at = inputs.findings, (*node.at, TOOLS)
    entries = node.config[TOOLS]
    if not isinstance(entries, Mapping) or not 0 < len(entries) <= MAX_TOOLS:
        message = f"`tools` of {node.told} must be 1 to {MAX_TOOLS} tools by their names"
        findings.add("INVALID_SETTING", message, _EXAMPLE, at=at)
        return {}
    if node.component is not None and "repeat" in node.config:
        message = f"`repeat` of {node.told} cannot stand beside `tools`, which ask the model again and again"
        findings.add("INVALID_SETTING", message, "Keep one of them.", at=(*node.at, "repeat"))
    readable = {tool.tool: tool for tool in node.tools}
    parts = {}
    for name, entry in entries.items():
        before = len(findings.found)
        _check_name(name, node, findings)
        if name not in readable:
            message = f"the tool `{name}` of {node.told} must name what it calls: a component or a workflow"
            findings.add("INVALID_SETTING", message, _EXAMPLE, at=(*at, name))
            continue
        _check_entry(readable[name], entry, findings, (*at, name))
        _check_called(readable[name], entry, inputs, (*at, name))
        if len(findings.found) == before:
            parts[name] = check_node(readable[name], inputs)
    return parts


def _check_name(name: Any, node: Node, findings: Findings) -> None:
    at = (*node.at, TOOLS, name)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = f"the tool `{name}` of {node.told} must have a name of 1 to 64 letters, digits, `_` and `-`"
        findings.add("INVALID_SETTING", message, at=at)
    elif name == ANSWER and "schema" in node.config:
        message = f"a tool of {node.told} beside `schema` cannot be named `{ANSWER}`"
        findings.add("INVALID_SETTING", message, "Give it another name.", at=at)


def _check_entry(tool: Node, entry: Mapping[str, Any], findings: Findings, at: Path) -> None:
    for key in entry:
        if key not in KEYS:
            report_unknown_key(findings, key, KEYS, at)
    if not isinstance(entry.get(DESCRIPTION), str) or not entry[DESCRIPTION].strip():
        message = f"{tool.told} needs a `description`, by which the model chooses it"
        findings.add("INVALID_SETTING", message, "description: Finds an order by its number.", at=at)
    if not isinstance(entry.get(CONFIG, {}), Mapping):
        findings.add("INVALID_SETTING", f"`config` of {tool.told} must be a mapping", at=(*at, CONFIG))
    for key in (*FLOW_KEYS, "take", "input"):
        if key in tool.config and (key != "input" or tool.workflow is not None):
            message = f"`{key}` cannot be set of {tool.told}: its input is what the model gives"
            findings.add("INVALID_SETTING", message, at=(*at, CONFIG, key))
    if tool.may_have_tools:
        message = f"{tool.told} cannot have tools of its own"
        findings.add("INVALID_SETTING", message, "Call a workflow that has them.", at=(*at, CONFIG, TOOLS))
    if tool.component is not None and tool.component.partition("@")[0] in _NOT_CALLED:
        message = f"{tool.told} cannot call `{tool.component}`"
        findings.add("INVALID_SETTING", message, "Call a workflow that does it.", at=(*at, "component"))
    _check_schema(tool, entry.get(INPUT_SCHEMA), findings, (*at, INPUT_SCHEMA))


def _check_called(tool: Node, entry: Mapping[str, Any], inputs: InputChecker, at: Path) -> None:
    """A workflow that does not say what it takes cannot be called without a schema of the tool's own."""
    if tool.workflow is None or entry.get(INPUT_SCHEMA) is not None:
        return
    workflow, undescribed = inputs.workflow, inputs.symbols.undescribed
    is_own = tool.workflow == workflow.name
    if not says_what_it_takes(workflow.input_schema) if is_own else tool.workflow in undescribed:
        message = f"{tool.told} calls `{tool.workflow}`, which does not say what it takes"
        hint = (
            f"Give `{tool.workflow}` an input_schema of `type: object`{'' if is_own else ', and push it'}; or the tool."
        )
        inputs.findings.add("TOOL_WITHOUT_SCHEMA", message, hint, at=at)


def _check_schema(tool: Node, schema: Any, findings: Findings, at: Path) -> None:
    if schema is None and tool.workflow is not None:
        return
    if not isinstance(schema, Mapping) or schema.get("type") != "object" or not schema.get("properties", {}):
        message = f"{tool.told} needs an `input_schema` of `type: object`, with the properties that the model may give"
        hint = "input_schema: {type: object, required: [text], properties: {text: {type: string}}}"
        findings.add("INVALID_SETTING", message, hint, at=at if schema is not None else at[:-1])
        return
    try:
        compile_schema(schema)
    except SchemaError as error:
        findings.add("INVALID_SETTING", f"`input_schema` of {tool.told}: {error}", at=at)
    for name in schema["properties"]:
        if name in tool.config:
            message = f"`{name}` of {tool.told} is fixed by its config, and is among what the model may give"
            findings.add("INVALID_SETTING", message, "Keep one of them.", at=at)
