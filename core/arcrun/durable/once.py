"""Calls that are not done again after a crash before somebody has decided it: `once` of a node. Some are
made again a few times before that (marks.py).

A mark, a step of its own, is stored before such a call begins. An isolate that finds the mark, but no result, knows
that the call may have been under way when an earlier isolate ended: it stores that as the result, asks, and sleeps.
Once it is decided the instance is stopped and repeated, and the decision is a step: so it has its place among all that
the run has been told of.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Protocol, TypedDict

from arcrun.durable.entries import Entry
from arcrun.durable.journal import Journal
from arcrun.durable.races import run_unless
from arcrun.errors import RunError
from arcrun.limits import MAX_DECISION_WAIT_MS

RETRY, SKIP = "retry", "skip"
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 600_000, 86_400_000  # of a run that waits for a decision
_UNDECIDED = "undecided"


class Decision(TypedDict):
    """`decision` is RETRY or SKIP; `data` is what a skipped node has answered then."""

    decision: str
    data: Any


class Decisions(Protocol):
    """Where it is asked."""

    async def ask(self, call: str, step: str) -> Decision | None:
        """The decision about `call`, until the end of the run; None if there is none yet, or nobody can be asked now.
        `step` is the name that is shown. It may be asked any number of times.
        """


class _TooLateError(Exception):
    """The pause was over before it was decided."""


async def record_once(
    journal: Journal,
    step: str,
    work: Callable[[], Awaitable[Entry]],
    skip: Callable[[Any], Entry],
    shown_waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    *,
    repeats: int = 0,
    note_repeat: Callable[[], None] = lambda: None,
) -> Entry:
    """Like Journal.record; `skip` makes the entry of a call that is skipped, and `shown_waiting` a context in which the
    run shows that the node waits. The first `repeats` calls that were cut off are made again unasked; `note_repeat` is
    called for each that is made again. Raises RunError TOO_MANY_STEPS, DECISION_MISSING.
    """
    call, number = step, 0
    while True:
        entry = await _try(journal, call, work)
        if _UNDECIDED not in entry:
            return entry
        if number >= repeats:
            with shown_waiting():
                decision = await _wait_for_decision(journal, call, step)
            if decision["decision"] == SKIP:
                return skip(decision["data"])
        note_repeat()
        number += 1
        call = f"{step} again {number}"


async def _try(journal: Journal, call: str, work: Callable[[], Awaitable[Entry]]) -> Entry:
    has_marked = False

    async def mark() -> Entry:
        nonlocal has_marked
        has_marked = True
        return {}

    async def attempt() -> Entry:
        return await work() if has_marked else {_UNDECIDED: True}

    await journal.record(f"{call} begun", mark)
    return await journal.record(call, attempt)


async def _wait_for_decision(journal: Journal, call: str, step: str) -> Entry:
    """It asks again after each pause, in case that nobody has repeated the instance."""
    assert journal.decisions is not None
    waited_ms, pause_ms, number = 0, FIRST_PAUSE_MS, 0
    while waited_ms < MAX_DECISION_WAIT_MS:
        number += 1
        found = await journal.outside(journal.decisions.ask(call, step))
        pause = journal.sleep(f"{call} undecided {number}", pause_ms)
        if found is None:
            await pause
        else:
            with suppress(_TooLateError):
                return await run_unless(journal.record(f"{call} decided {number}", _tell(found)), pause, _TooLateError)
        waited_ms += pause_ms
        pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS)
    raise RunError(
        f"A crash cut off `{step}`, and nobody has decided whether to do it again.",
        code="DECISION_MISSING",
        next_actions=["Look whether it was done, and start the workflow again."],
        details={"step": step},
    )


def _tell(found: Decision) -> Callable[[], Awaitable[Entry]]:
    async def tell() -> Entry:
        return {"decision": found["decision"], "data": found["data"]}

    return tell
