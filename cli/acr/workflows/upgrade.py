"""Rewrites old workflow files, from when a step's missing fields were filled in automatically and YAML 1.1 was used:
implicit fields become explicit lines, and values that are read differently now get a comment.

Comments and layout are kept: text is only inserted, at positions from PyYAML's node tree.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import types_of
from arcrun.engine.loops import DEFAULT_LIST_FIELDS
from arcrun.errors import TemplateError
from arcrun.templates.template import compile_value
from arcrun.workflows.model import INPUT, Edge, Node, Workflow
from arcrun.workflows.parse import parse_workflow
from arcrun.yaml_text import parse_yaml

_MARK = "acr upgrade:"


@dataclass(frozen=True)
class Filled:
    """A field that used to be filled in automatically, and the reference to its source."""

    node: str
    field: str
    reference: str
    is_required: bool

    @property
    def line(self) -> str:
        return f'{self.field}: "{{{{{self.reference}{"" if self.is_required else "?"}}}}}"'


@dataclass(frozen=True)
class Respelt:
    """A value that is read differently now. `line` counts from 1."""

    line: int
    spelling: str
    before: str
    after: str

    @property
    def told(self) -> str:
        return f"{self.spelling} is {self.after} now, it was {self.before}"


@dataclass(frozen=True)
class Upgrade:
    """`text` is the file's new text. `from_trigger` are the optional fields, by node, that the trigger could set and no
    longer can, of nodes that relied on it; `unknown` are components whose contract was not available; `unnamed` are
    flow lines whose FOREACH needs a list that could not be determined.
    """

    text: str
    filled: tuple[Filled, ...]
    respelt: tuple[Respelt, ...]
    from_trigger: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    unnamed: tuple[str, ...] = ()


def list_components(text: str) -> list[str]:
    """The components that a workflow names; empty if it cannot be parsed."""
    workflow = parse_workflow(text).workflow
    return sorted({call.component for call in workflow.calls if call.component}) if workflow else []


def upgrade_text(text: str, contracts: Mapping[str, Contract]) -> Upgrade:
    """Upgrade a workflow's text. `contracts` are by component reference. Raises YamlTextError."""
    root = parse_yaml(text).root
    workflow = parse_workflow(text).workflow
    if root is None or workflow is None:
        return Upgrade(text, (), (), {}, ())
    filled = tuple(item for node in workflow.nodes.values() for item in _find_filled(node, workflow, contracts))
    respelt = tuple(_find_respelt(root))
    unknown = sorted({n.component for n in workflow.nodes.values() if n.component and n.component not in contracts})
    loops = _Loops(root, text, workflow, contracts)
    insertions = [
        *_insert_fields(root, text, workflow, filled),
        *loops.insert_lists(),
        *_insert_comments(root, text, respelt),
    ]
    relied = {item.node for item in filled if item.is_required}
    from_trigger = {node: fields for node, fields in _find_from_trigger(workflow, contracts) if node in relied}
    return Upgrade(_apply(text, insertions), filled, respelt, from_trigger, tuple(unknown), loops.unnamed)


def _find_filled(node: Node, workflow: Workflow, contracts: Mapping[str, Contract]) -> Iterator[Filled]:
    contract = contracts.get(node.component or "")
    if contract is None or "take" in node.config:
        return
    required = contract.relied_keys
    for field in _missing(node, contract):
        certain = _find_answered(field, node, workflow, contracts)
        if certain is not None:
            yield Filled(node.name, field, certain, field in required)
        elif field in required:
            yield Filled(node.name, field, _guess(field, node, workflow), True)


def _missing(node: Node, contract: Contract) -> list[str]:
    return [key for key in contract.fillable_keys if key not in node.config and key not in contract.injected_keys]


def _find_answered(field: str, node: Node, workflow: Workflow, contracts: Mapping[str, Contract]) -> str | None:
    """A reference to the field of the first parent whose contract has it; None if there is none or it is unknown."""
    for edge in _lines_into(node, workflow):
        source = edge.source
        if edge.spec.handles_failure:
            reference = f"{source}.error" if field == "error" else None
        elif edge.spec.ends_loop:
            name = edge.argument or source
            reference = f"{name}.{field}" if source != INPUT and field in ("results", "errors") else None
        elif source == INPUT or edge.spec.begins_loop:
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
    """A required field's likeliest source: the loop item of that name, the loop's element, or the trigger."""
    items = [edge.argument for edge in workflow.edges if edge.spec.begins_loop]
    if field in items:
        return field
    entering = [edge.argument for edge in _lines_into(node, workflow) if edge.spec.begins_loop]
    return f"{entering[0]}.{field}" if entering else f"{INPUT}.{field}"


def _lines_into(node: Node, workflow: Workflow) -> list[Edge]:
    return [edge for edge in workflow.edges if edge.target == node.name]


def _find_from_trigger(workflow: Workflow, contracts: Mapping[str, Contract]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in workflow.nodes.values():
        contract = contracts.get(node.component or "")
        if contract is None or "take" in node.config:
            continue
        required = contract.relied_keys
        left = [
            key
            for key in _missing(node, contract)
            if key not in required and _find_answered(key, node, workflow, contracts) is None
        ]
        if left:
            yield node.name, tuple(left)


def _find_respelt(root: yaml.Node) -> Iterator[Respelt]:
    for node, is_key in _scalars(root):
        line = node.start_mark.line + 1
        if node.style in ("|", ">") and _is_one_reference(node.value):
            yield Respelt(line, "the block", "a string", "the value of its reference")
        if node.style is not None:
            continue  # quoted, or a block: a string then and now
        before = _read_by_1_1(node)
        if is_key:
            if str(before) != node.value:
                yield Respelt(line, f"the key {node.value}", json.dumps(str(before)), json.dumps(node.value))
            continue
        after = parse_yaml(f"- {node.value}").value[0] if node.value else None
        if _describe(before) != _describe(after):
            yield Respelt(line, node.value, _describe(before), _describe(after))


def _is_one_reference(text: str) -> bool:
    """Whether a block consists of a single reference, so that it keeps the value's type."""
    try:
        template = compile_value(text)
    except TemplateError:
        return False
    return template.whole and bool(template.references) and text.endswith("\n")


def _scalars(node: yaml.Node, *, is_key: bool = False) -> Iterator[tuple[yaml.ScalarNode, bool]]:
    """Yield the scalars in order, and whether each is a key."""
    if isinstance(node, yaml.ScalarNode):
        yield node, is_key
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key, is_key=True)
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)


def _read_by_1_1(node: yaml.ScalarNode) -> Any:
    """The value as PyYAML reads it by default, except that dates have always been strings here."""
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
    kind = "the string " if isinstance(value, str) else ""
    return kind + (json.dumps(value, ensure_ascii=False) if value == value else "nan")  # noqa: PLR0124


class _Loops:
    """The flow lines with a FOREACH that names no list, which used to be its source's output or a field of it."""

    def __init__(self, root: yaml.Node, text: str, workflow: Workflow, contracts: Mapping[str, Contract]) -> None:
        self._root, self._text, self._workflow, self._contracts = root, text, workflow, contracts
        self._edges = [edge for edge in workflow.edges if edge.spec.begins_loop and not edge.path]

    def insert_lists(self) -> Iterator[tuple[int, str]]:
        for edge in self._edges:
            line, path = _find(self._root, edge.at), self._find_list(edge)
            if path and isinstance(line, yaml.ScalarNode):
                raw = self._text[line.start_mark.index : line.end_mark.index]
                match = re.search(rf"\b{re.escape(edge.argument)}\b(?=\s*\)?\s*>>)", raw)
                if match:
                    yield line.start_mark.index + match.end(), f" IN {path}"

    @property
    def unnamed(self) -> tuple[str, ...]:
        edges = [edge for edge in self._edges if self._find_list(edge) is None]
        return tuple(f"{edge.source} >> FOREACH {edge.argument}" for edge in edges)

    def _find_list(self, edge: Edge) -> str | None:
        """The list's path; "" if the contract has a single list, which needs no name; None if unknown."""
        node = self._workflow.nodes.get(edge.source)
        contract = self._contracts.get(node.component or "") if node else None
        fields = (contract and contract.output_fields) or {}
        if [types_of(schema) for schema in fields.values()].count(frozenset({"array"})) == 1:
            return ""
        return next((f"{edge.source}.data.{name}" for name in DEFAULT_LIST_FIELDS if name in fields), None)


def _insert_fields(
    root: yaml.Node, text: str, workflow: Workflow, filled: tuple[Filled, ...]
) -> Iterator[tuple[int, str]]:
    """Yield (index in the text, text to insert) for each node that lacks fields."""
    absent: list[tuple[str, list[str]]] = []
    for name, node in workflow.nodes.items():
        lines = [item.line for item in filled if item.node == name]
        entry = _find(root, node.at) if lines else None
        if isinstance(entry, yaml.MappingNode):
            yield _into_mapping(entry, text, lines)
        elif isinstance(entry, yaml.ScalarNode) and not entry.value:
            yield entry.start_mark.index, f" {{{', '.join(lines)}}}"
        elif lines and _is_empty_entry(root, name):
            yield _empty_entry(root, name).start_mark.index, f" {{{', '.join(lines)}}}"
        elif lines:
            absent.append((name, lines))
    if absent:
        yield from _into_config(root, text, absent)


def _empty_entry(root: yaml.Node, name: str) -> yaml.Node:
    found = _find(root, ("config", name))
    assert found is not None
    return found


def _is_empty_entry(root: yaml.Node, name: str) -> bool:
    """Whether the node's entry is empty, as in `wait:`."""
    found = _find(root, ("config", name))
    return isinstance(found, yaml.ScalarNode) and not found.value


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


def _into_mapping(entry: yaml.MappingNode, text: str, lines: list[str]) -> tuple[int, str]:
    if entry.flow_style:
        end = entry.end_mark.index - 1
        separator = ", " if entry.value and not text[:end].rstrip().endswith(",") else ""
        return end, separator + ", ".join(lines)
    start = entry.value[0][0].start_mark
    indent = "\n" + " " * start.column
    return start.index, "".join(f"{line}{indent}" for line in lines)


def _into_config(root: yaml.Node, text: str, absent: list[tuple[str, list[str]]]) -> Iterator[tuple[int, str]]:
    """Yield insertions of entries for nodes without one: at the start of `config`, or in a new `config` at the end."""
    entries = [f"{name}: {{{', '.join(lines)}}}" for name, lines in absent]
    config = _find(root, ("config",))
    if isinstance(config, yaml.MappingNode) and (config.value or config.flow_style):
        yield _into_mapping(config, text, entries)
    elif isinstance(config, yaml.ScalarNode):
        yield config.start_mark.index, "".join(f"\n  {entry}" for entry in entries)
    elif _find(root, ("nodes",)) is None:
        yield root.end_mark.index, "".join(["\nconfig:\n", *(f"  {entry}\n" for entry in entries)])


def _insert_comments(root: yaml.Node, text: str, respelt: tuple[Respelt, ...]) -> Iterator[tuple[int, str]]:
    """Yield comments to insert at the ends of lines or, within a multi-line string, on their own lines before it. Lines
    that are already marked are skipped.
    """
    spans = [(node.start_mark.line, _last_line(node)) for node, _ in _scalars(root)]
    lines, starts, at = text.splitlines(keepends=True), [], 0
    for line in lines:
        starts.append(at)
        at += len(line)
    for number in sorted({item.line - 1 for item in respelt}):
        line = lines[number]
        comment = f"# {_MARK} {'; '.join(item.told for item in respelt if item.line == number + 1)}"
        if _MARK in line or (number and _MARK in lines[number - 1]):
            continue
        if not any(first <= number < last for first, last in spans):
            yield starts[number] + len(line.rstrip("\r\n")), f"  {comment}"
        elif not any(first < number <= last for first, last in spans):
            yield starts[number], f"{line[: len(line) - len(line.lstrip())]}{comment}\n"


def _last_line(node: yaml.ScalarNode) -> int:
    """The last line that contains part of the scalar."""
    return int(node.end_mark.line) - (node.end_mark.column == 0 and node.end_mark.line > node.start_mark.line)


def _apply(text: str, insertions: list[tuple[int, str]]) -> str:
    for index, inserted in sorted(insertions, key=lambda pair: pair[0], reverse=True):
        text = text[:index] + inserted + text[index:]
    return text
