"""What has changed between two versions of a workflow, node by node."""

from dataclasses import dataclass
from typing import Any

from arcrun.workflows.plan import Plan


@dataclass(frozen=True)
class PlanDiff:
    """Names of nodes."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"added": list(self.added), "removed": list(self.removed), "changed": list(self.changed)}


def compare_plans(old: Plan | None, new: Plan) -> PlanDiff:
    """A node has changed if its component, config, settings or lines have."""
    before = {node.name: node for node in old.nodes} if old else {}
    after = {node.name: node for node in new.nodes}
    return PlanDiff(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in after if name in before and before[name] != after[name]),
    )
