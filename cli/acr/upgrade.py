"""Rewrites a workflow file that was written when a step's missing fields were filled in by themselves, and when YAML
was read by version 1.1: what was implicit becomes explicit lines, and what is read otherwise now gets a comment.

Comments and layout stay as they are: text is only inserted, at places that PyYAML's node tree knows.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from arcrun.contracts.model import Contract
from arcrun.workflows.model import INPUT, Edge, Node, Workflow
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.relations import Relation
from arcrun.yaml_text import parse_yaml

_MARK = "acr upgrade:"


@dataclass(frozen=True)
class Filled:
    """A field that was filled in by itself, and the reference to what it came from."""

    node: str
    field: str
    reference: str
    is_required: bool

    @property
    def line(self) -> str:
        return f'{self.field}: "{{{{{self.reference}{"" if self.is_required else "?"}}}}}"'


@dataclass(frozen=True)
class Respelt:
    """A plain text of YAML that has another meaning now. `line` counts from 1."""

    line: int
    spelling: str
    before: str
    after: str


@dataclass(frozen=True)
class Upgrade:
    """`text` is the file's new text. `from_trigger` are the optional fields, by node, that whoever triggers could set
    and cannot any more; `unknown` the components whose contract was not at hand.
    """

    text: str
    filled: tuple[Filled, ...]
    respelt: tuple[Respelt, ...]
    from_trigger: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]


def list_components(text: str) -> list[str]:
    """The components that a workflow names. Empty for what cannot be read."""
    workflow = parse_workflow(text).workflow
    return sorted({node.component for node in workflow.nodes.values() if node.component}) if workflow else []


def upgrade_text(text: str, contracts: Mapping[str, Contract]) -> Upgrade:
    """Raises YamlTextError."""
    root = parse_yaml(text).root
    workflow = parse_workflow(text).workflow
    if root is None or workflow is None:
        return Upgrade(text, (), (), {}, ())
    filled = tuple(item for node in workflow.nodes.values() for item in _find_filled(node, workflow, contracts))
    respelt = tuple(_find_respelt(root))
    unknown = sorted({n.component for n in workflow.nodes.values() if n.component and n.component not in contracts})
    insertions = [*_insert_fields(root, workflow, filled), *_insert_comments(text, respelt)]
    return Upgrade(
        _apply(text, insertions), filled, respelt, dict(_find_from_trigger(workflow, contracts)), tuple(unknown)
    )


def _find_filled(node: Node, workflow: Workflow, contracts: Mapping[str, Contract]) -> Iterator[Filled]:
    contract = contracts.get(node.component or "")
    if contract is None or "take" in node.config:
        return
    required = contract.input_schema.get("required", ())
    for field in _missing(node, contract):
        certain = _find_answered(field, node, workflow, contracts)
        if certain is not None:
            yield Filled(node.name, field, certain, field in required)
        elif field in required:
            yield Filled(node.name, field, _guess(field, node, workflow), True)


def _missing(node: Node, contract: Contract) -> list[str]:
    return [key for key in contract.input_keys if key not in node.config and key not in contract.injected_keys]


def _find_answered(field: str, node: Node, workflow: Workflow, contracts: Mapping[str, Contract]) -> str | None:
    """The reference to the field of the first parent that is said to answer it; None if none is, or it is not known."""
    for edge in _lines_into(node, workflow):
        source = edge.source
        if edge.relation is Relation.ON_FAIL:
            reference = f"{source}.error" if field == "error" else None
        elif edge.relation is Relation.CONTINUE:
            name = edge.argument or source
            reference = f"{name}.{field}" if source != INPUT and field in ("results", "errors") else None
        elif source == INPUT or edge.relation is Relation.FOREACH:
            return None
        else:
            parent = workflow.nodes[source]
            contract = contracts.get(parent.component or "")
            if contract is None or contract.output_fields is None:
                return None
            reference = f"{source}.data.{field}" if field in contract.output_fields else None
        if reference is not None:
            return reference
    return None


def _guess(field: str, node: Node, workflow: Workflow) -> str:
    """A required field's likeliest source: the item of that name, the element of the loop, the trigger."""
    items = [edge.argument for edge in workflow.edges if edge.relation is Relation.FOREACH]
    if field in items:
        return field
    entering = [edge.argument for edge in _lines_into(node, workflow) if edge.relation is Relation.FOREACH]
    return f"{entering[0]}.{field}" if entering else f"{INPUT}.{field}"


def _lines_into(node: Node, workflow: Workflow) -> list[Edge]:
    return [edge for edge in workflow.edges if edge.target == node.name]


def _find_from_trigger(workflow: Workflow, contracts: Mapping[str, Contract]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in workflow.nodes.values():
        contract = contracts.get(node.component or "")
        if contract is None or "take" in node.config:
            continue
        required = contract.input_schema.get("required", ())
        left = [
            key
            for key in _missing(node, contract)
            if key not in required and _find_answered(key, node, workflow, contracts) is None
        ]
        if left:
            yield node.name, tuple(left)


def _find_respelt(root: yaml.Node) -> Iterator[Respelt]:
    for node in _scalars(root):
        if node.style is not None:
            continue  # quoted, or a block: a text then and now
        before, after = _read_by_1_1(node), parse_yaml(f"- {node.value}").value[0] if node.value else None
        if _describe(before) != _describe(after):
            yield Respelt(node.start_mark.line + 1, node.value, _describe(before), _describe(after))


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """The values, in the order of the text; keys are texts, whatever they look like."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)


def _read_by_1_1(node: yaml.ScalarNode) -> Any:
    """As PyYAML reads it by itself; dates have always been texts here."""
    loader = yaml.SafeLoader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
        if tag == "tag:yaml.org,2002:timestamp":
            return node.value
        return loader.construct_object(yaml.ScalarNode(tag, node.value))
    except (yaml.YAMLError, ValueError, OverflowError):
        return node.value
    finally:
        loader.dispose()


def _describe(value: Any) -> str:
    kind = "the text " if isinstance(value, str) else ""
    return kind + (json.dumps(value, ensure_ascii=False) if value == value else "nan")  # noqa: PLR0124


def _insert_fields(root: yaml.Node, workflow: Workflow, filled: tuple[Filled, ...]) -> Iterator[tuple[int, str]]:
    """(index in the text, what to insert there) for each node that lacks fields."""
    absent: list[tuple[str, list[str]]] = []
    for name, node in workflow.nodes.items():
        lines = [item.line for item in filled if item.node == name]
        if not lines:
            continue
        entry = _find(root, node.at)
        if isinstance(entry, yaml.MappingNode):
            yield _into_mapping(entry, lines)
        else:
            absent.append((name, lines))
    if absent:
        yield from _into_config(root, absent)


def _find(root: yaml.Node, path: tuple[str | int, ...]) -> yaml.Node | None:
    node: yaml.Node | None = root
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        else:
            return None
    return node


def _into_mapping(entry: yaml.MappingNode, lines: list[str]) -> tuple[int, str]:
    if entry.flow_style:
        separator = ", " if entry.value else ""
        return entry.end_mark.index - 1, separator + ", ".join(lines)
    start = entry.value[0][0].start_mark
    indent = "\n" + " " * start.column
    return start.index, "".join(f"{line}{indent}" for line in lines)


def _into_config(root: yaml.Node, absent: list[tuple[str, list[str]]]) -> Iterator[tuple[int, str]]:
    """Entries for nodes that have none: at the beginning of `config`, or in a `config` of their own at the end."""
    entries = [f"{name}: {{{', '.join(lines)}}}" for name, lines in absent]
    config = _find(root, ("config",))
    if isinstance(config, yaml.MappingNode) and (config.value or config.flow_style):
        yield _into_mapping(config, entries)
    elif _find(root, ("nodes",)) is None:
        yield root.end_mark.index, "".join(["\nconfig:\n", *(f"  {entry}\n" for entry in entries)])


def _insert_comments(text: str, respelt: tuple[Respelt, ...]) -> Iterator[tuple[int, str]]:
    """At the ends of lines. A line that has been marked already is left alone."""
    ends, at = [], 0
    for line in text.splitlines(keepends=True):
        ends.append((at + len(line.rstrip("\r\n")), line))
        at += len(line)
    for number in sorted({item.line for item in respelt}):
        end, line = ends[number - 1]
        told = "; ".join(
            f"{item.spelling} is {item.after} now, it was {item.before}" for item in respelt if item.line == number
        )
        if _MARK not in line:
            yield end, f"  # {_MARK} {told}"


def _apply(text: str, insertions: list[tuple[int, str]]) -> str:
    for index, inserted in sorted(insertions, key=lambda pair: pair[0], reverse=True):
        text = text[:index] + inserted + text[index:]
    return text
