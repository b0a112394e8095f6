"""The values of a run, as it has them at its end: whole, and not redacted. Its retry reads them where the record lacks
them.

They are stored as lines of JSON: {"format": 1, "secrets": [text]}, and then ["node", name, envelope] of each node that
has ended, and ["loop", source, item, {"results", "errors"}] of each loop. Nodes in sub-workflows and in the bodies of
loops have none. (arcrun/replays/origin_values.py reads them.)
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.engine.loops import LoopOutcome
from arcrun.json_text import write_json
from arcrun.workflows.plan import Plan, PlannedLoop, UnitKey

FORMAT = 1
NODE, LOOP = "node", "loop"


@dataclass
class KeptValues:
    """Given with a trigger; the run fills it. `scope` is what its templates see, `loops` is what its loops have
    gathered, `secrets` are those that its record is kept free of.
    """

    scope: Mapping[str, Any] = field(default_factory=dict)
    loops: Mapping[UnitKey, LoopOutcome] = field(default_factory=dict)
    secrets: Collection[str] = ()

    async def render(self, plan: Plan, pause: Callable[[], Awaitable[None]]) -> bytes:
        lines = [write_json({"format": FORMAT, "secrets": [*self.secrets]})]
        for node in plan.graph.nodes:
            if node.name in self.scope:
                lines.append(write_json([NODE, node.name, self._find_envelope(plan, node.name)]))
                await pause()
        for (source, item), outcome in self.loops.items():
            lines.append(write_json([LOOP, source, item, outcome.to_json()]))
            await pause()
        return "\n".join(lines).encode()

    def _find_envelope(self, plan: Plan, name: str) -> Mapping[str, Any]:
        """What a node answered. Templates see in it what the only loop over it has gathered."""
        envelope: Mapping[str, Any] = self.scope[name]
        gathered = {
            key
            for (source, item), outcome in self.loops.items()
            if source == name and _is_only(plan, (source, item))
            for key in outcome.to_json()
        }
        return {key: value for key, value in envelope.items() if key not in gathered} if gathered else envelope


def _is_only(plan: Plan, key: UnitKey) -> bool:
    loop = plan.graph.units[key]
    return isinstance(loop, PlannedLoop) and loop.is_only
