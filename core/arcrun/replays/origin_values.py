"""The values that the origin of a replay has kept (arcrun/engine/kept_values.py)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arcrun.engine.kept_values import FORMAT, NODE
from arcrun.engine.record import SKIPPED
from arcrun.json_text import parse_json
from arcrun.replays.choice import Taken
from arcrun.replays.replay import TakenNode
from arcrun.workflows.plan import UnitKey


@dataclass(frozen=True)
class OriginValues:
    """`nodes` are envelopes, `loops` what loops have gathered, `secrets` what must not be recorded of either."""

    nodes: Mapping[str, Mapping[str, Any]]
    loops: Mapping[UnitKey, Mapping[str, Any]]
    secrets: Sequence[str]

    def complete(self, taken: Taken) -> Taken:
        """What is taken over, with these values instead of those of the record."""
        nodes = {name: self._complete_node(name, node) for name, node in taken.nodes.items()}
        gathered = {key: self.loops[key] for key in taken.loops - taken.stopped if key in self.loops}
        return replace(taken, nodes=nodes, gathered=gathered, secrets=self.secrets)

    def _complete_node(self, name: str, node: TakenNode) -> TakenNode:
        envelope = self.nodes.get(name)
        return node if node.status is SKIPPED or envelope is None else TakenNode(node.status, envelope)


async def load_origin_values(content: bytes, pause: Callable[[], Awaitable[None]]) -> OriginValues | None:
    """None if they are of another release."""
    first, *lines = content.decode().split("\n")
    head: Mapping[str, Any] = parse_json(first)
    if head["format"] != FORMAT:
        return None
    nodes, loops = dict[str, Mapping[str, Any]](), dict[UnitKey, Mapping[str, Any]]()
    for line in lines:
        await pause()
        kind, *rest = parse_json(line)
        if kind == NODE:
            name, envelope = rest
            nodes[name] = envelope
        else:
            source, item, gathered = rest
            loops[source, item] = gathered
    return OriginValues(nodes, loops, head["secrets"])
