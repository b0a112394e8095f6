"""Checks a node's config against its component's contract, as far as it is known before a run: literal values, and the
types of templates that do not depend on values.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import Mismatch, SchemaError, find_mismatches, types_of
from arcrun.errors import TemplateError
from arcrun.templates.syntax import OPEN
from arcrun.templates.template import Template
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.graph import Shape
from arcrun.workflows.inputs.conditions import Reads, check_condition
from arcrun.workflows.inputs.kinds import KindFinder
from arcrun.workflows.model import Node, SymbolTable, Workflow
from arcrun.workflows.settings import POLL_AT, SETTING_KEYS, report_unknown_key

# A sample value of each JSON type, as a placeholder for a template's value. 0 is an integer and a number.
_SAMPLES: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": True, "array": [], "object": {}}
# The rules that can be checked for an object or a list with unknown parts; with unknown names, only the first two.
_RULES_OF_WHOLES = (
    "type",
    "maxItems",
    "minItems",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
)
Steps = tuple[str, ...]


@dataclass(frozen=True)
class InputChecker:
    """Checks inputs. `shape` is None if the flow is incomplete; then the sources of missing fields are unknown."""

    workflow: Workflow
    shape: Shape | None
    symbols: SymbolTable
    kinds: KindFinder
    findings: Findings

    def check(self, node: Node, config: Mapping[str, Any], take: str, contract: Contract) -> None:
        """Check one node. `config` is the component's part of its entry; `take` is its setting, empty if not set."""
        if not contract.is_open:
            for key in config:
                if key not in contract.input_keys:
                    allowed = dict.fromkeys((*contract.input_keys, "component", *_list_settings(node)))
                    report_unknown_key(self.findings, key, (*allowed,), node.at)
        for key in config:
            if OPEN in key:
                message = f"`{key}` of {node.told} is a field name, which cannot be a template"
                self.findings.add("INVALID_TEMPLATE", message, "Write the field's name.", at=(*node.at, key))
        self._check_values(node, config, contract)
        self._check_conditions(node, config, take, contract)
        for key in contract.input_schema.get("required", ()):
            is_taken = key not in contract.own_keys and self._is_taken(key, take)
            if key not in config and key not in contract.injected_keys and not is_taken:
                self._report_missing(key, node, contract)
        if contract.one_of and not any(key in config or self._is_taken(key, take) for key in contract.one_of):
            message = f"one of {', '.join(f'`{key}`' for key in contract.one_of)} of {node.told} is missing"
            self.findings.add("MISSING_INPUT", message, f"Write {contract.one_of[0]}: ...", at=node.at)
        if len(given := [f"`{key}`" for key in contract.one_of if key in config]) > 1:
            message = f"{' and '.join(given)} of {node.told} exclude each other"
            self.findings.add("INVALID_INPUT", message, "Leave out all but one.", at=node.at)

    def _check_values(self, node: Node, config: Mapping[str, Any], contract: Contract) -> None:
        sketch = _Sketch(node.templates, lambda steps: self.kinds.find(steps, node.name))
        written = {key: sketch.draw(value, (key,)) for key, value in config.items()}
        try:
            mismatches = find_mismatches(contract.validate_input_fully, written)
        except SchemaError as error:
            self.findings.add("INVALID_CONTRACT", f"`{contract.canonical_id}`: {error}", at=node.at)
            return
        for mismatch in mismatches:
            if (mismatch.is_missing and len(mismatch.path) == 1) or not sketch.decides(mismatch):
                continue  # missing fields are reported separately
            message = f"`{mismatch.field}` of {node.told} must be {mismatch.expected}, {sketch.describe(mismatch)}"
            at = (*node.at, *(int(step) if step.isdecimal() else step for step in mismatch.path))
            self.findings.add("INVALID_INPUT", message, _suggest_field(mismatch, contract, sketch), at=at)

    def _check_conditions(self, node: Node, config: Mapping[str, Any], take: str, contract: Contract) -> None:
        """Check the fields with `format: arcrun-condition` in the schema; `x-reads` names the field that they read."""
        for key in contract.condition_keys:
            text = config.get(key)
            if isinstance(text, str):
                read = str(contract.input_schema["properties"][key].get("x-reads", ""))
                names = None if take else self._names_of(config.get(read, {}), (read,), node)
                at = (*node.at, key)
                template = node.templates.get((key,))
                if not isinstance(template, TemplateError):  # reported where templates are checked
                    check_condition(text, template, Reads(read, names), self.findings, at)

    def _names_of(self, value: Any, path: Path, node: Node) -> Collection[str] | None:
        """The fields of a value of the config; None if they are unknown."""
        if isinstance(value, Mapping):
            return None if any(OPEN in str(key) for key in value) else [*value]
        template = node.templates.get(path)
        if not isinstance(template, Template) or len(template.references) != 1 or not template.whole or "|" in value:
            return None
        steps = template.references[0].steps
        parent = self.workflow.nodes.get(steps[0])
        contract = self.symbols.contracts.get(parent.component or "") if parent else None
        if contract is None or steps[1:] != ("data",) or contract.output_fields is None:
            return None
        return [*contract.output_fields]

    def _is_taken(self, key: str, take: str) -> bool:
        """Whether a taken value may have the field."""
        node = self.workflow.nodes.get(take.removesuffix(".data")) if take.endswith(".data") else None
        contract = self.symbols.contracts.get(node.component or "") if node else None
        return bool(take) and (contract is None or contract.output_fields is None or key in contract.output_fields)

    def _report_missing(self, key: str, node: Node, contract: Contract) -> None:
        fitting = list(dict.fromkeys(self._suggest_sources(key, node, contract)))[:3]
        written = " or ".join(f'`{key}: "{{{{{reference}}}}}"`' for reference in fitting)
        message = f"{node.told} needs `{key}`, which its config does not set: a step gets only what is written there"
        self.findings.add("MISSING_INPUT", message, f"Add {written}, or a value.", at=node.at)

    def _suggest_sources(self, key: str, node: Node, contract: Contract) -> Iterator[str]:
        """References that would fit, best first: by name, by type, the trigger's field."""
        loops = self.shape.loops_around(node.name) if self.shape else []
        yield from (loop.item for loop in loops if loop.item == key)
        wanted = types_of(contract.input_schema["properties"].get(key, {}))
        settled = self._settled_fields(node)
        yield from (f"{name}.data.{field}" for name, field, _ in settled if field == key)
        parents = [edge.source for edge in self.workflow.edges if edge.target == node.name] + [node.name]
        shaped = wanted & {"array", "object"}  # a scalar of the same type may be unrelated
        near = [(f"{name}.data.{field}", field, types) for name, field, types in settled if name in parents]
        yield from (reference for reference, _, types in near if types and types <= shaped)
        yield from (reference for reference, field, _ in near if field == "result")
        yield from (reference for reference, _, types in near if shaped and not types)
        yield f"input.{key}"

    def _settled_fields(self, node: Node) -> list[tuple[str, str, frozenset[str]]]:
        """Node, field and types of all declared outputs of the nodes that have settled before, nearest
        first; for an undo, its own node too."""
        if self.shape is None:
            return []
        settled = self.shape.settled[node.name] | ({node.name} if node.is_undo else set())
        contracts = {
            name: self.symbols.contracts.get(self.workflow.nodes[name].component or "")
            for name in reversed(self.shape.order)
            if name in settled
        }
        return [
            (name, field, types_of(schema))
            for name, contract in contracts.items()
            for field, schema in ((contract and contract.output_fields) or {}).items()
        ]


class _Typed(NamedTuple):
    """What is known of a template's value: its type, and whether the template is the whole string."""

    kind: str
    whole: bool


@dataclass
class _Sketch:
    """A config as far as it is known, with samples in place of templates.

    `templates` are the config's compiled strings; `find_kinds` finds the types of a reference. `open` are the paths of
    unknown values, `typed` those of values whose type is known, `unnamed` those of objects with templates in their
    keys.
    """

    templates: Mapping[Path, Template | TemplateError]
    find_kinds: Callable[[Steps], frozenset[str]]
    open: set[Steps] = field(default_factory=set)
    typed: dict[Steps, "_Typed"] = field(default_factory=dict)
    unnamed: set[Steps] = field(default_factory=set)

    def draw(self, value: Any, path: Path) -> Any:
        """The value as far as it is known. Filters are not evaluated: their results are samples too."""
        if isinstance(value, str) and OPEN not in value:
            return value
        steps = tuple(map(str, path))
        if not isinstance(value, str) and isinstance(value, Mapping):
            if any(OPEN in str(key) for key in value):
                self.unnamed.add(steps)
            return {key: self.draw(item, (*path, key)) for key, item in value.items() if OPEN not in str(key)}
        if isinstance(value, list):
            return [self.draw(item, (*path, i)) for i, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        template = self.templates[path]
        kind = None if isinstance(template, TemplateError) else self._find_kind(template, value)
        if isinstance(template, TemplateError) or kind is None:
            self.open.add(steps)
            return None
        if not template.references and "|" not in value:
            return template.resolve({})
        self.typed[steps] = _Typed(kind, template.whole)
        return _SAMPLES[kind]

    def _find_kind(self, template: Template, text: str) -> str | None:
        """The type of a template's value: that of its last filter, or of the reference that it is."""
        if template.kind is not None or not template.whole:
            return template.kind or "string"
        reference = template.references[0]
        if reference.has_fallback or "|" in text:
            return None
        kinds = self.find_kinds(reference.steps)
        return min(kinds) if len(kinds) == 1 and "null" not in kinds else None

    def decides(self, mismatch: Mismatch) -> bool:
        """Whether the mismatch exists whatever values the templates have."""
        path = mismatch.path[:-1] if mismatch.is_missing or mismatch.rule == "additionalProperties" else mismatch.path
        if any(path[: len(known)] == known for known in self.open):
            return False
        if path in self.typed:
            return mismatch.rule == "type"
        if path in self.unnamed:
            return mismatch.rule in _RULES_OF_WHOLES[:2] or mismatch.rule == "additionalProperties"
        has_templates = any(known[: len(path)] == path for known in (*self.open, *self.typed, *self.unnamed))
        return not has_templates or mismatch.rule in _RULES_OF_WHOLES

    def describe(self, mismatch: Mismatch) -> str:
        typed = self.typed.get(mismatch.path)
        if typed is None:
            return f"not {mismatch.got}"
        what = "its template gives" if typed.whole else "a template within a string gives a"
        return f"and {what} {typed.kind}"


def _suggest_field(mismatch: Mismatch, contract: Contract, sketch: _Sketch) -> str:
    typed = sketch.typed.get(mismatch.path)
    if typed is not None and not typed.whole:
        return "Write only the template, without other characters."
    kind = typed.kind if typed is not None else mismatch.got.split(" ")[0]
    properties = contract.input_schema.get("properties", {})
    if len(mismatch.path) == 1 and mismatch.rule == "type" and kind in ("object", "array"):
        near = [key for key in properties if key.startswith(f"{mismatch.field}_") and _takes(properties[key], kind)]
        return f"Write it as `{near[0]}`." if near else ""
    return ""


def _takes(schema: Any, kind: str) -> bool:
    types = types_of(schema)
    return not types or kind in types


def _list_settings(node: Node) -> Sequence[str]:
    """The keys beside a component's input: of a step, or of a `watch`."""
    if node.at != POLL_AT:
        return SETTING_KEYS
    from arcrun.workflows.triggers.watch import SETTINGS  # noqa: PLC0415 - few workflows watch

    return SETTINGS
