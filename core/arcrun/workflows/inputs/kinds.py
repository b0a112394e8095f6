"""What is known of a reference's value before a run: its JSON Schema, by the workflow's input_schema, by contracts and
by what loops and `repeat` give.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arcrun.contracts.schema import types_of
from arcrun.errors import TemplateError
from arcrun.templates.filters_values import kind_of
from arcrun.templates.request import REQUEST, types_of_request
from arcrun.templates.template import COLLECTED, CREDENTIAL, LOOP_FIELDS, ROUNDS, compile_path
from arcrun.templates.variables import VARIABLES
from arcrun.workflows.graph import Loop, Shape, index_of
from arcrun.workflows.model import INPUT, LoopPolicy, SymbolTable, Workflow
from arcrun.workflows.triggers.input_schema import Schema, find_schema

_FIELDS: Mapping[str, str] = {
    "success": "boolean",
    "error": "object",
    ROUNDS: "integer",
    COLLECTED: "array",
    **dict.fromkeys(LOOP_FIELDS, "array"),
}


class KindFinder:
    """Finds the possible types of references. Without a `shape` the items of loops are unknown."""

    def __init__(self, workflow: Workflow, shape: Shape | None, symbols: SymbolTable) -> None:
        self._workflow, self._shape, self._symbols = workflow, shape, symbols
        self._elements: dict[tuple[str, str], Schema | None] = {}

    def find(self, steps: Sequence[str], node: str) -> frozenset[str]:
        """The types of what the steps of a reference in `node` lead to; empty if they are not known."""
        head = steps[0]
        if head == CREDENTIAL:
            return frozenset({"string"})
        if head == REQUEST:
            return types_of_request(tuple(steps))
        if head == VARIABLES:
            known = self._symbols.variables
            return frozenset({kind_of(known[steps[1]])}) if len(steps) == 2 and steps[1] in known else frozenset()
        found = self._find_schema(steps, node)
        return frozenset() if found is None else types_of(found)

    def _find_schema(self, steps: Sequence[str], node: str) -> Schema | None:
        head, rest = steps[0], steps[1:]
        if head == INPUT:
            return find_schema(self._workflow.input_schema or {}, rest)
        for loop in self._shape.loops_around(node) if self._shape else ():
            if head == loop.item:
                element = self._find_element(loop)
                return None if element is None else find_schema(element, rest)
            if head == index_of(loop.item) and head not in self._workflow.nodes:
                return {"type": "integer"}
        return self._find_answer(head, rest)

    def _find_answer(self, node: str, rest: Sequence[str]) -> Schema | None:
        """Of what is behind a node's name, or behind an item's after its loop."""
        if len(rest) == 1 and rest[0] in _FIELDS:
            return {"type": _FIELDS[rest[0]]}
        called = self._workflow.nodes.get(node)
        if called is None or not rest:
            return None if called is None else {"type": "object"}
        contract = self._symbols.contracts.get(called.component or "")
        if contract is None or contract.output_fields is None or rest[0] != "data" or len(rest) == 1:
            return None
        return find_schema(contract.output_schema, rest[1:])

    def _find_element(self, loop: Loop) -> Schema | None:
        """The schema of a loop's elements."""
        if loop.key not in self._elements:
            self._elements[loop.key] = None  # of a path that begins with the loop's own item, which is an error
            self._elements[loop.key] = self._build_element(loop)
        return self._elements[loop.key]

    def _build_element(self, loop: Loop) -> Schema | None:
        listed: Any = None
        try:
            template = compile_path(loop.path) if loop.path and "|" not in loop.path else None
        except TemplateError:
            template = None
        if template is not None and template.whole and len(template.references) == 1:
            listed = self._find_schema(template.references[0].steps, loop.source)
        items = listed.get("items") if listed is not None else None
        element = items if isinstance(items, Mapping) else None
        if self._workflow.loops.get(loop.source, LoopPolicy()).batch:
            return {"type": "array", **({} if element is None else {"items": element})}
        return element
