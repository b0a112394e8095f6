"""Journals that are broken on purpose: the simulation must find each of them."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from simulation import simulation

from arcrun.durable import journal
from arcrun.durable.entries import Entry
from arcrun.durable.journal import Journal, _Step
from arcrun.durable.mailbox import Mailbox, Wait
from arcrun.engine import scheduler
from arcrun.engine.context import Iteration, RunContext, name_step
from arcrun.request_keys import Claim, Claimed
from arcrun.store.access import StoreAccess
from arcrun.workspace.failures import ToldFailure
from arcrun.workspace.firings import build_firing_id
from arcrun.workspace.schedules import Firing, StoredSchedule
from arcrun.workspace.watches import Poll
from executor.durable import acceptance
from executor.durable.lasting import Lasting
from executor.records.request_keys import RequestKeys
from executor.records.runs import AcceptedRun
from executor.schedules.failures import FailureHandlers
from executor.schedules.firing import AcceptedStarter, DueRun
from executor.schedules.tables import Schedules
from executor.schedules.watches import Watches
from executor.service import AcceptedTrigger, ExecutorService
from executor.stores.tables import StoreTables
from executor.workflows import StoredWorkflow


class EffectFirst(Journal):
    """Does the work before its step begins."""

    async def _step(self, name: str, work: Callable[[], Awaitable[Entry]]) -> Entry:
        entry = await work()

        async def known() -> Entry:
            return entry

        return await super()._step(name, known)


class ByArrival(Journal):
    """Tells the run of results as they come, not by their numbers."""

    def _go_on(self) -> None:
        come = [step for step in self._steps.values() if step.has_come and step.entry and "number" in step.entry]
        if come and not self._outside:
            self._is_replay = False
            if come[0] in self._numbered:
                self._numbered.remove(come[0])
            self._tell(come[0])
            return
        super()._go_on()


class EarlyWait(Journal):
    """Does not sleep again in a replay."""

    async def sleep(self, name: str, duration_ms: float) -> None:
        await super().sleep(name, 0 if self._is_replay and self._number else duration_ms)


class Hasty(Journal):
    """Begins work before it knows all that is stored."""

    def _go_on(self) -> None:
        self._is_replay = False
        super()._go_on()


class Forgetful(Journal):
    """Goes on before a result is stored."""

    async def _end(self, step: _Step, entry: Entry) -> Entry:
        self._ending = asyncio.ensure_future(super()._end(step, entry))
        await asyncio.sleep(0)
        return json.loads(json.dumps(entry))  # type: ignore[no-any-return]


class GivenTwice(Mailbox):
    """Gives an event that was used already to the next wait."""

    def leave(self, wait: Wait, *, is_used: bool) -> None:
        super().leave(wait, is_used=False)


class Unlooking(Mailbox):
    """Believes the platform's events alone."""

    async def run(self) -> None:
        self._has_looked = True
        self.deliver()
        for number in itertools.count():
            await self._platform.wait_for_event(f"event {self._type} {number}", self._type, 1)
            await self._look()


_named = [0]
report, decide = FailureHandlers.report, Schedules.decide
find_entry, _attempts = StoreTables._find, itertools.count()
note_poll, list_due = Watches.note_poll, Watches.list_due


class Bold(Journal):
    """Takes each mark for its own: it does what was under way again, without asking."""

    async def record(self, name: str, work: Callable[[], Awaitable[Entry]]) -> Entry:
        entry = await super().record(name, work)
        if name.endswith(" begun") and "number" in entry:
            await work()
        return entry


class Unmarked(Journal):
    """Goes on before the mark is stored."""

    async def record(self, name: str, work: Callable[[], Awaitable[Entry]]) -> Entry:
        if not name.endswith(" begun"):
            return await super().record(name, work)
        self._marking = asyncio.ensure_future(super().record(name, work))
        await asyncio.sleep(0)
        return await work()


def name_by_arrival(context: RunContext, unit: str, iteration: Iteration) -> str:
    """Names steps in the order in which they happen to begin."""
    _named[0] += 1
    return f"{name_step(context, unit, iteration)} {_named[0] % 7}"


@contextmanager
def timed_names() -> Iterator[None]:
    with patch.object(scheduler, "name_step", name_by_arrival):
        yield


@contextmanager
def journal_of(kind: type[Journal]) -> Iterator[None]:
    with patch.object(simulation, "Journal", kind):
        yield


@contextmanager
def mailbox_of(kind: type[Mailbox]) -> Iterator[None]:
    with patch.object(journal, "Mailbox", kind):
        yield


@contextmanager
def instance_first() -> Iterator[None]:
    """Creates an instance before what it starts with is stored."""
    accept = acceptance.accept_run

    async def accept_run(
        service: ExecutorService, lasting: Lasting, stored: StoredWorkflow, accepted: AcceptedTrigger
    ) -> AcceptedRun:
        await lasting.instances.create(accepted.run_id, {"run_id": accepted.run_id})
        return await accept(service, lasting, stored, accepted)

    with patch("executor.durable.acceptance.accept_run", accept_run):
        yield


def claim_any(_keys: RequestKeys, claim: Claim) -> Claimed:
    return {"state": "claimed", "run_id": claim["run_id"]}


def report_anew(handlers: FailureHandlers, log_number: int, failures: Sequence[ToldFailure]) -> bool:
    """Count failures as often as they are told."""
    handlers._sql.execute("DELETE FROM told_failures")
    return report(handlers, log_number, failures)


def decide_without_runs(
    schedules: Schedules, before: StoredSchedule, due_ms: float | None, queue: Sequence[Firing], missed: int
) -> bool:
    """Store the next time, and not which runs are to begin."""
    return decide(schedules, before, due_ms, (), missed)


async def find_none_running(_starter: AcceptedStarter, _run_ids: Sequence[str]) -> Sequence[str]:
    return ()


def see_first(watches: Watches, poll: Poll) -> list[str]:
    wanted = note_poll(watches, poll)
    watches._remember(poll["name_id"], wanted, watches._clock.now_ms())
    return wanted


def name_anew(watches: Watches, objects: int, limit: int) -> list[DueRun]:
    now_ms = watches._clock.now_ms()
    return [
        replace(each, run_id=build_firing_id("", each.name, each.told["key"], now_ms, objects))
        for each in list_due(watches, objects, limit)
    ]


async def do_unnamed(access: StoreAccess, scope: str, operation: Mapping[str, Any], _call: str) -> Mapping[str, Any]:
    """As if each attempt of a call were a call of its own."""
    return await access.stores.do(scope, operation, f"{next(_attempts)}")


def find_any_version(tables: StoreTables, place: Any) -> Mapping[str, Any] | None:
    """So that what another instance of the object has written meanwhile is written over."""
    found = find_entry(tables, place)
    return found and {**found, "version": 0}


@contextmanager
def forgetful_store() -> Iterator[None]:
    """Does an operation again, whatever it has done."""

    async def find_none(_tables: StoreTables, _call_id: str) -> None:
        return None

    with patch.object(StoreTables, "_find_done", find_none), patch.object(StoreTables, "_is_done", lambda *_: False):
        yield


# Those that only what is done once shows.
ONCE_VARIANTS = {
    "a call under way that is done again unasked": lambda: journal_of(Bold),
    "a call that begins before its mark is stored": lambda: journal_of(Unmarked),
}
VARIANTS = {
    "an event that is given twice": lambda: mailbox_of(GivenTwice),
    "events of which a restart knows nothing": lambda: mailbox_of(Unlooking),
    "an effect before its step": lambda: journal_of(EffectFirst),
    "a race decided by order of arrival": lambda: journal_of(ByArrival),
    "an early wait": lambda: journal_of(EarlyWait),
    "work before all that is stored is told": lambda: journal_of(Hasty),
    "a result that is used before it is stored": lambda: journal_of(Forgetful),
    "names that depend on timing": timed_names,
}
# Those that a whole platform shows.
PLATFORM_VARIANTS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "a cached head": lambda: patch("executor.heads.FRESH_MS", 3_600_000),
    "a record before its journal": lambda: patch("executor.durable.run_workflow.Journal", Forgetful),
    "an instance before its run": instance_first,
    "keys that nobody claims": lambda: patch.object(RequestKeys, "claim", claim_any),
}
# Those that workflows show which start by themselves.
START_VARIANTS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "failures counted as often as they are told": lambda: patch.object(FailureHandlers, "report", report_anew),
    "runs that begin before that is decided": lambda: patch.object(Schedules, "decide", decide_without_runs),
    "runs that overlap": lambda: patch.object(AcceptedStarter, "list_running", find_none_running),
}
# Those that a workflow shows which watches a list.
WATCH_VARIANTS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "keys that count as seen before their items are stored": lambda: patch.object(Watches, "note_poll", see_first),
    "items whose runs have other ids each time": lambda: patch.object(Watches, "list_due", name_anew),
}
# Those that workflows show which keep state.
STORE_VARIANTS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "a store that forgets what it has done": forgetful_store,
    "attempts that are calls of their own": lambda: patch.object(StoreAccess, "_ask", do_unnamed),
    "an object that writes over what another instance has written": lambda: patch.object(
        StoreTables, "_find", find_any_version
    ),
}
# A seed that shows each variant. The search for another begins if it no longer does.
SHOWN_BY: Mapping[str, int] = {
    "an event that is given twice": 187,
    "events of which a restart knows nothing": 77,
    "an effect before its step": 0,
    "a race decided by order of arrival": 0,
    "an early wait": 3,
    "work before all that is stored is told": 0,
    "a result that is used before it is stored": 0,
    "names that depend on timing": 0,
    "a call under way that is done again unasked": 0,
    "a call that begins before its mark is stored": 0,
    "a cached head": 3,
    "a record before its journal": 1,
    "an instance before its run": 28,
    "keys that nobody claims": 0,
    "failures counted as often as they are told": 26,
    "runs that begin before that is decided": 5,
    "runs that overlap": 0,
    "keys that count as seen before their items are stored": 0,
    "items whose runs have other ids each time": 23,
    "a store that forgets what it has done": 1,
    "attempts that are calls of their own": 1,
    "an object that writes over what another instance has written": 2,
}


def seeds_that_show(variants: Iterable[str]) -> list[int]:
    """Those that a short search must not leave out."""
    return sorted({SHOWN_BY[name] for name in variants})
