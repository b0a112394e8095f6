"""Which calls of a durable run are marked: a step before them says that they may have begun (once.py)."""

from arcrun.workflows.plan import PlannedNode

# Components whose calls are marked without `once`, so that those which a crash cut off are counted, for each costs
# money: by how often such a call is made again before somebody is asked. It decides what is a step, so a name that
# stands here stays.
_REPEATS = {"llm": 1}


def is_marked(node: PlannedNode) -> bool:
    return node.is_once or _name(node) in _REPEATS


def count_repeats(node: PlannedNode) -> int:
    """How often a call of a marked node that was cut off is made again before somebody is asked."""
    return 0 if node.is_once else _REPEATS[_name(node)]


def _name(node: PlannedNode) -> str:
    return node.component.partition("@")[0]
