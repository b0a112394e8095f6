"""The names of `run` in templates: the run's id, and the links with which people decide for its approvals."""

from collections.abc import Sequence

RUN = "run"
ID, APPROVE = "id", "approve"
APPROVE_COMPONENT = "approve"  # of the nodes whose links `run.approve.NODE.APPROVER` are
DEFAULT_APPROVERS = ("approver",)
_HINT = "Write {{run.id}}, or {{run.approve.NODE.APPROVER}}."


def find_run_problem(steps: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a path that starts from `run`: the rest of a sentence, and a hint. None if nothing is."""
    match steps[1:]:
        case ("id",) | ("approve", _, _):
            return None
        case ("id", *_):
            return "does not exist: the run's id is a string and has no fields", "Write {{run.id}}."
        case ("approve",):
            return "names no node and no approver", _HINT
        case ("approve", node):
            return "names no approver", f"Write {{{{run.approve.{node}.APPROVER}}}}."
        case ("approve", *_):
            return "does not exist: a link is a string and has no fields", _HINT
        case _:
            return "does not exist: a run has id and approve", _HINT
