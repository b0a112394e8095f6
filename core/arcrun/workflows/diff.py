"""The differences between two versions of a workflow, node by node."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arcrun.workflows.plan import Graph, Plan


@dataclass(frozen=True)
class PlanDiff:
    """The names of added, removed and changed nodes."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"added": list(self.added), "removed": list(self.removed), "changed": list(self.changed)}


def compare_plans(old: Plan | None, new: Plan) -> PlanDiff:
    """A node has changed if its component, config, settings, lines or the loop that leaves it have changed."""
    before, after = dict(_parts(old.graph)) if old else {}, dict(_parts(new.graph))
    names = [node.name for node in new.nodes]
    return PlanDiff(
        added=tuple(name for name in names if name not in before),
        removed=tuple(node.name for node in old.nodes if node.name not in after) if old else (),
        changed=tuple(name for name in names if name in before and before[name] != after[name]),
    )


def _parts(graph: Graph) -> Iterator[tuple[str, Any]]:
    """Each node's name, with everything that defines it."""
    for node in graph.nodes:
        loops = [(loop.item, loop.path, loop.policy) for loop in graph.loops if loop.source == node.name]
        yield node.name, (node, loops)
    for loop in graph.loops:
        yield from _parts(loop.body)
