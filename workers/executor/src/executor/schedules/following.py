"""What starts a run that follows another: its input is the other's answer, opened when it begins."""

from collections.abc import Collection, Mapping
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.request import PlainRequest
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import DecryptionError, NotConfiguredError, RunError
from arcrun.json_text import parse_json
from arcrun.limits import MAX_RUN_DEPTH
from arcrun.workspace.chains import ToldEnd
from executor.durable.lasting import Lasting


class FollowingRequest(PlainRequest):
    """The request of such a run, as templates see it."""

    def __init__(self, input_value: Any, end: ToldEnd) -> None:
        super().__init__(input_value)
        self._trigger = {"kind": TriggerKind.AFTER.value, "workflow": end["workflow"], "run_id": end["run_id"]}

    def describe(self, fields: Collection[str]) -> Mapping[str, Any]:
        return {**super().describe(fields), "trigger": self._trigger}


async def build_following_trigger(lasting: Lasting, end: ToldEnd) -> Trigger:
    """Raises RunError RUN_TOO_DEEP, ANSWER_LOST; UpstreamError."""
    require_depth(end["depth"])
    value = await _open_answer(lasting, end)
    return Trigger(
        TriggerKind.AFTER,
        value,
        depth=end["depth"],
        request=FollowingRequest(value, end),
        gets_response=False,
    )


def require_depth(depth: int) -> None:
    """Raises RunError RUN_TOO_DEEP."""
    if depth > MAX_RUN_DEPTH:
        raise RunError(
            f"Runs start each other more than {MAX_RUN_DEPTH} levels deep.",
            code="RUN_TOO_DEEP",
            next_actions=[
                "Look for one that starts itself, by `after`, `failure_of`, `detach` or requests, or others."
            ],
        )


async def _open_answer(lasting: Lasting, end: ToldEnd) -> Any:
    run_id, answer = end["run_id"], end["answer"]
    try:
        content = None if answer is None else await lasting.runs.open_passed_on(run_id, answer)
    except (DecryptionError, NotConfiguredError):
        content = None
    if content is None:
        raise RunError(
            f"The answer of run {run_id}, which this one follows, is not stored, or can no longer be opened.",
            code="ANSWER_LOST",
            next_actions=[f"Replay that run: acr replay {run_id}. Its replay starts this workflow again."],
        )
    return parse_json(content.decode())
