"""Runs a FOREACH: its body once per element, some concurrently, and gathers the answers in the elements' order."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from arcrun.contracts.schema import describe_kind
from arcrun.engine.endings import BreakError
from arcrun.engine.record import FAILED, SKIPPED, SUCCESS
from arcrun.engine.tasks import RunTasks, run_together
from arcrun.errors import ArcrunError, RunError, TemplateError
from arcrun.limits import MAX_ELEMENTS
from arcrun.templates.rendering import Rendering
from arcrun.templates.template import Scope
from arcrun.workflows.model import INPUT
from arcrun.workflows.plan import PlannedLoop

# In plans of format 2, without a path: the first of these fields of the source's answer that is a list.
DEFAULT_LIST_FIELDS = ("items", "results", "result")


@dataclass(frozen=True)
class LoopOutcome:
    """`results` has the body's answer for each element, null if it failed or did not run; `errors` has the failures:
    [{"index", "item", "error"}]. `states` says how each element ended (NodeStatus), None if the loop does not tell it.
    """

    results: list[Any]
    errors: list[dict[str, Any]]
    states: list[str] | None = None

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"results": self.results, "errors": self.errors}
        return told if self.states is None else {**told, "states": self.states}


async def run_loop(
    loop: PlannedLoop, elements: list[Any], run_body: Callable[[int, Any], Awaitable[Any]], tasks: RunTasks
) -> LoopOutcome:
    """Run a loop. `run_body` takes an element's index and value, and returns the answer or raises ArcrunError, or
    BreakError, which ends the loop with the results so far.

    Raises the error of the first element that fails, unless the loop continues on errors.
    """
    results: list[Any] = [None] * len(elements)
    states: list[str] = [SKIPPED.value] * len(elements) if loop.tells_states else []
    errors: dict[int, dict[str, Any]] = {}
    tolerated = loop.policy.count_tolerated(len(elements))
    waiting = iter(range(len(elements)))

    async def work(begin_more: Callable[[], None]) -> None:
        for i in waiting:
            begin_more()
            try:
                results[i] = await run_body(i, elements[i])
                if states:
                    states[i] = SUCCESS.value
            except BreakError as end:
                results[i] = end.answer.value
                if states:
                    states[i] = SUCCESS.value
                raise
            except ArcrunError as error:
                if loop.policy.stops_on_error or error.ends_run:
                    error.locate(index=i)
                    raise
                errors[i] = error.with_traceback(None).to_json()  # a traceback would keep its frames alive
                if states:
                    states[i] = FAILED.value
                if tolerated is not None and len(errors) > tolerated:
                    raise _build_intolerable(loop, len(elements), tolerated, error) from None

    with suppress(BreakError):
        await run_together(work, min(loop.policy.concurrency, len(elements)), tasks)
    told = [{"index": i, "item": elements[i], "error": errors[i]} for i in sorted(errors)]
    return LoopOutcome(results, told, states if loop.tells_states else None)


def _build_intolerable(loop: PlannedLoop, elements: int, tolerated: int, last: ArcrunError) -> RunError:
    failed = tolerated + 1
    return RunError(
        f"{failed} of {elements} elements of `{loop.item}` failed, {loop.policy.tolerate} are tolerated: {last.code}.",
        code="TOO_MANY_FAILURES",
        next_actions=["Look at the failures in the record, or raise `tolerate`."],
        details={"failed": failed, "elements": elements, "tolerated": tolerated, "node": last.details.get("node")},
    )


def find_elements(loop: PlannedLoop, scope: Scope, rendering: Rendering) -> list[Any]:
    """The elements of a loop. Raises RunError INVALID_ITEMS, TOO_MANY_ITEMS; TemplateError."""
    if loop.list_template is not None:
        try:
            found = loop.list_template.render(scope, rendering)
        except TemplateError as error:
            if error.code == TemplateError.code:
                may_be_missing = f"If the list may be missing: FOREACH {loop.item} IN {loop.path} | default([])."
                error.next_actions = (may_be_missing,)
            raise
    else:
        found = _default_list(scope[loop.source] if loop.source == INPUT else scope[loop.source].get("data"))
    if isinstance(found, list):
        return _gather(_require_bounded(loop, found), loop.policy.batch)
    where = loop.path or f"what `{loop.source}` answered"
    raise RunError(
        f"FOREACH needs a list, and {where} is {describe_kind(found)}.",
        code="INVALID_ITEMS",
        next_actions=[
            f"Name the list: {loop.source} >> FOREACH {loop.item} IN {_prefix_of(loop)}.field >> ...",
            f"If it may be missing: FOREACH {loop.item} IN {loop.path or 'LIST'} | default([]).",
            f"Or handle it: {loop.source} >> ON_FAIL >> ..." if loop.source != INPUT else "Or send a list.",
        ],
        details={"node": loop.source},
    )


def _gather(elements: list[Any], batch: int) -> list[Any]:
    """The elements, or lists of `batch` of them."""
    return [elements[i : i + batch] for i in range(0, len(elements), batch)] if batch else elements


def _require_bounded(loop: PlannedLoop, elements: list[Any]) -> list[Any]:
    """Raises RunError TOO_MANY_ITEMS."""
    if len(elements) <= MAX_ELEMENTS:
        return elements
    raise RunError(
        f"FOREACH takes {MAX_ELEMENTS} elements at most, and {loop.path or loop.source} has {len(elements)}.",
        code="TOO_MANY_ITEMS",
        next_actions=["Process them in parts, such as a page per run, or reduce them first: filter, array_ops, slice."],
        details={"node": loop.source, "items": len(elements), "limit": MAX_ELEMENTS},
    )


def _prefix_of(loop: PlannedLoop) -> str:
    return loop.source if loop.source == INPUT else f"{loop.source}.data"


def _default_list(answered: Any) -> Any:
    if isinstance(answered, Mapping):
        return next((answered[key] for key in DEFAULT_LIST_FIELDS if isinstance(answered.get(key), list)), None)
    return answered
