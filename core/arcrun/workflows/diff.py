"""What two versions of a workflow have in common: whether their sources say the same, whatever their comments, blank
lines, quotes, order of keys and examples; and where their plans differ, node by node.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.interruptible import Steps
from arcrun.workflows.plan import Graph, Plan
from arcrun.workflows.triggers.examples import leave_out_examples
from arcrun.yaml_text import YamlTextError, parse_yaml_in_steps

Source = str | Mapping[str, Any]


def have_same_meaning_in_steps(one: Source, other: Source) -> Steps[bool]:
    """Whether both have the same values under the same keys: 1, 1.0 and true differ. In steps, to yield to other
    requests. Text that is not YAML is equal to the same text only.

    The order of keys is left to the plan: where it means something, as for what a component gets, the plans differ.
    """
    if isinstance(one, str) and one == other:
        return True
    try:
        return (yield from _render(one)) == (yield from _render(other))
    except YamlTextError:
        return False


def _render(source: Source) -> Steps[str]:
    value = (yield from parse_yaml_in_steps(source)).value if isinstance(source, str) else source
    return json.dumps(leave_out_examples(value), sort_keys=True)


@dataclass(frozen=True)
class PlanDiff:
    """The names of added, removed and changed nodes, and of the `variables` (`vars`) whose values differ."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    variables: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        nodes = {"added": list(self.added), "removed": list(self.removed), "changed": list(self.changed)}
        return {**nodes, "vars": list(self.variables)} if self.variables else nodes


def compare_plans(old: Plan | None, new: Plan) -> PlanDiff:
    """A node has changed if its component, config, settings, lines or the loop that leaves it have changed."""
    before, after = dict(_parts(old.graph)) if old else {}, dict(_parts(new.graph))
    names = [node.name for node in new.nodes]
    return PlanDiff(
        added=tuple(name for name in names if name not in before),
        removed=tuple(node.name for node in old.nodes if node.name not in after) if old else (),
        changed=tuple(name for name in names if name in before and before[name] != after[name]),
        variables=_find_changed(old.variables if old else {}, new.variables),
    )


def _find_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in {**old, **new} if (name in old, old.get(name)) != (name in new, new.get(name)))


def _parts(graph: Graph) -> Iterator[tuple[str, Any]]:
    """Each node's name, with everything that defines it."""
    for node in graph.nodes:
        loops = [(loop.item, loop.path, loop.policy) for loop in graph.loops if loop.source == node.name]
        endings = [ending for ending in graph.endings if ending.edge.source == node.name]
        yield node.name, (node, loops, endings)
    for loop in graph.loops:
        yield from _parts(loop.body)
