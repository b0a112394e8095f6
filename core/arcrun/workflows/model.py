"""A workflow as its author wrote it, parsed and typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.workflows.triplets import Relation

INPUT, OUTPUT = "input", "output"
TERMINAL_ALIASES = {
    **dict.fromkeys(("input", "trigger", "webhook", "start"), INPUT),
    **dict.fromkeys(("output", "result", "end", "done"), OUTPUT),
}


@dataclass(frozen=True)
class Edge:
    """`source` may be INPUT, `target` may be OUTPUT."""

    source: str
    relation: Relation
    target: str
    line: int | None
    column: int | None


@dataclass(frozen=True)
class Node:
    """`config` is the component's input, templates and all."""

    name: str
    component: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Workflow:
    name: str
    description: str
    edges: tuple[Edge, ...]
    nodes: Mapping[str, Node]
