"""The executor's operations, without HTTP: validate, store and run, within a quota of the platform."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from arcrun.analytics import UsageRecord, UsageReporter, tally
from arcrun.contracts.model import Contract
from arcrun.credentials.injection import inject_credentials, name_credentials
from arcrun.credentials.redaction import Redactor, is_small
from arcrun.engine.budget import RunBudget
from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.input_check import SCHEMA_REFUSED
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import LimitedBy
from arcrun.errors import (
    ArcrunError,
    ComponentError,
    ForbiddenError,
    NotConfiguredError,
    NotFoundError,
    RunTimeoutError,
    WorkflowError,
)
from arcrun.interruptible import Steps, run_steps_pausing
from arcrun.limits import MAX_ACCEPTED_UNDO_MS, MAX_DIAGNOSTICS, MIN_EVERY_MS
from arcrun.ports import Background, Crypto
from arcrun.store.protocol import StoreObject, scope_of_workflow
from arcrun.templates.variables import NO_VARIABLES, Variables
from arcrun.wasm.abi import Outcome
from arcrun.wasm.component import Component
from arcrun.workflows.compile import Compilation, compile_in_steps, compile_workflow, require_plan
from arcrun.workflows.diff import PlanDiff, Source, compare_plans
from arcrun.workflows.model import CodeProblem, SymbolTable, Workflow
from arcrun.workflows.parse import parse_workflow_in_steps
from arcrun.workflows.plan import Plan, PlannedNode
from arcrun.workflows.waiting import list_event_schemas
from arcrun.workspace.audit import Actor, AuditLog
from executor.accepted_runs import limit_accepted_run, make_keepable, may_undo, redact_input
from executor.components import STRETCH_CHARACTERS, ComponentCaller
from executor.credentials import CredentialVault
from executor.records.runs import AcceptedRun, EndedRun, Runs, render_passed_on
from executor.signatures.refusals import RefusalLog
from executor.workflows import StoredWorkflow, WorkflowStore, require_same_name

if TYPE_CHECKING:
    from arcrun.accounts.limits import TenantLimits
    from executor.durable.lasting import Lasting
    from executor.keys.store import AccessKeys
    from executor.sessions.store import Sessions

WriteRun = Callable[[EndedRun], Awaitable[None]]
AcceptRun = Callable[[AcceptedRun], Awaitable[None]]


class Quota(Protocol):
    def running(self) -> AbstractContextManager[None]:
        """A context for one run. Raises RateLimitedError TOO_MANY_RUNS."""

    def clamp_duration(self, timeout_ms: float | None) -> float | None:
        """The time limit of a run in milliseconds; None for the workflow's own."""

    def check_source(self, source: str | Mapping[str, Any]) -> None:
        """Check the size of a workflow before it is parsed. Raises PayloadTooLargeError WORKFLOW_TOO_LARGE."""

    @property
    def mails_a_minute(self) -> int | None:
        """How many messages may start a run within a minute; None for any number."""

    @property
    def schedule_interval_ms(self) -> int:
        """The least time between two times of a schedule."""

    @property
    def limits(self) -> "TenantLimits | None":
        """What the account may take of a platform that it shares with others; None of one of its own."""


class WholePlatform:
    """The quota of a single account's platform: no limits of its own."""

    mails_a_minute = None
    schedule_interval_ms = MIN_EVERY_MS
    limits = None

    def running(self) -> AbstractContextManager[None]:
        return nullcontext()

    def clamp_duration(self, timeout_ms: float | None) -> float | None:
        return timeout_ms

    def check_source(self, source: str | Mapping[str, Any]) -> None:
        """Accept any source: the limit of the request's body is enough."""


WHOLE_PLATFORM = WholePlatform()


@dataclass(frozen=True)
class Push:
    """The result of a push: the stored workflow, its diagnostics, and the difference from the previous plan.
    `changed` and `rewritten` are those of Saved; `starts_all_again` is whether its watch begins anew, and starts runs
    of all that is listed.
    """

    stored: StoredWorkflow
    compilation: Compilation
    diff: PlanDiff
    changed: bool
    rewritten: bool
    starts_all_again: bool = False


class StartedRun(NamedTuple):
    run_id: str
    is_queued: bool = False


@dataclass(frozen=True)
class AcceptedTrigger:
    """What starts a run that is accepted under `run_id`; `accept` stores it."""

    trigger: Trigger
    run_id: str
    accept: AcceptRun


@dataclass(frozen=True)
class ExecutorService:
    components: ComponentCaller
    workflows: WorkflowStore
    runs: Runs
    vault: CredentialVault
    engine: Engine
    background: Background
    usage: UsageReporter
    audit: AuditLog
    crypto: Crypto
    refusals: RefusalLog
    quota: Quota = WHOLE_PLATFORM
    lasting: "Lasting | None" = None  # None where accepted runs are run in the isolate that has accepted them

    @cached_property
    def keys(self) -> "AccessKeys":
        from executor.keys.store import AccessKeys  # noqa: PLC0415 - most requests have the account's own key

        audit = self.audit
        return AccessKeys(audit.workspace, audit.sealing, audit, audit.clock, self.workflows.make_token)

    @cached_property
    def sessions(self) -> "Sessions":
        from executor.sessions.store import Sessions  # noqa: PLC0415 - only the console has them

        audit = self.audit
        return Sessions(audit.workspace, audit.sealing, audit, audit.clock, self.workflows.make_token)

    async def execute_component(self, reference: str, input_value: Mapping[str, Any], *, depth: int = 0) -> Outcome:
        """Run one component. Its credentials are injected, and redacted in its answer."""
        component = await self.components.find(reference)
        named = name_credentials(component.contract, {}, input_value)
        injected = await inject_credentials(named, input_value, self.vault.reveal)
        budget = self.engine.limits.open_budget(depth=depth)
        began_ms = self.engine.ports.clock.now_ms()
        with self.quota.running():
            outcome = await self._call_in_time(component, injected.value, budget)
        duration_ms = max(0.0, self.engine.ports.clock.now_ms() - began_ms)
        ran = UsageRecord(component.id, component.contract.version, outcome.error is None, duration_ms)
        self.usage.add(tally([ran]))
        if not injected.secrets:
            return outcome
        pause = self.engine.ports.clock.pause
        redactor = await run_steps_pausing(Redactor.build(injected.secrets), pause)
        return await run_steps_pausing(_scrub_outcome(outcome, redactor), pause)

    async def _call_in_time(self, component: Component, value: Mapping[str, Any], budget: RunBudget) -> Outcome:
        """Raises RunTimeoutError."""
        limit_ms = self.quota.clamp_duration(None)
        try:
            async with asyncio.timeout(None if limit_ms is None else limit_ms / 1000):
                return await self.components.call(component, value, budget)
        except TimeoutError:
            message, actions = f"`{component.id}` took longer than {limit_ms} ms.", ["Give it less to do at once."]
            raise RunTimeoutError(message, next_actions=actions) from None

    async def execute_workflow(
        self, source: Source, trigger: Trigger, run_id: str | None = None, variables: Variables = NO_VARIABLES
    ) -> RunRecord:
        """`run_id` is the run's id, if it has been given."""
        # The run reports missing credentials.
        compilation = await self._compile(source, None, variables=variables, checks_credentials=False)
        return await self._run(require_plan(compilation), trigger, 0, run_id)

    async def validate(
        self,
        source: Source,
        file: str | None = None,
        others: Sequence[str] = (),
        variables: Variables = NO_VARIABLES,
    ) -> Compilation:
        """Check a workflow against the existing components, workflows and credentials. The workflows `others`, which
        are pushed together with it, count as stored. `variables` are the project's.
        """
        return await self._compile(source, file, others, variables, checks_credentials=True)

    async def push(
        self,
        source: Source,
        actor: Actor,
        token: str | None = None,
        variables: Variables = NO_VARIABLES,
        *,
        file: str | None = None,
        is_forced: bool = False,
        expected: int | None = None,
        only: str = "",
    ) -> Push:
        """Store a workflow under its name; with `token`, only as the new version of that webhook's workflow. `file`,
        `is_forced` and `expected` are those of WorkflowStore.save. `only` is the one workflow that the caller may
        store, if it is so.

        Raises WorkflowError with all diagnostics; ComponentError CPU_MS_LIMIT; NotFoundError; ConflictError;
        ForbiddenError KEY_NOT_ALLOWED.
        """
        compilation = await self.validate(source, variables=variables)
        plan = require_plan(compilation)
        if only and plan.name != only:
            message = f"This key counts for the workflow `{only}` alone, and this one is `{plan.name}`."
            raise ForbiddenError(message, code="KEY_NOT_ALLOWED", next_actions=["Use a key without --workflow."])
        if plan.triggers.starts_itself and (self.lasting is None or not self.workflows.can_start):
            raise NotConfiguredError(
                "`schedule`, `failure_of`, `after`, `email`, `watch` need the executor's Workflow and a key.",
                code="TRIGGER_NOT_AVAILABLE",
                next_actions=[
                    "Deploy with `acr deploy`, or leave out `schedule`, `failure_of`, `after`, `email` and `watch`."
                ],
            )
        if plan.triggers.starts_itself and self.quota is not WHOLE_PLATFORM:
            from executor.hosted.start_checks import check_starts  # noqa: PLC0415 - an own platform has no such limits

            await check_starts(self, plan)
        for node in (*plan.calls, *self._list_polled(plan)):
            if node.cpu_ms is not None:
                self.components.require_cpu(node.component, node.cpu_ms)
        if token is not None:
            require_same_name(await self.workflows.find_name(token), plan)
        saved = await self.workflows.save(source, plan, actor, file, is_forced=is_forced, expected=expected)
        diff = compare_plans(saved.previous, plan)
        begins_anew = saved.previous is not None and starts_all_again(saved.previous, plan)
        return Push(saved.stored, compilation, diff, saved.changed, saved.rewritten, begins_anew)

    def _list_polled(self, plan: Plan) -> Sequence[PlannedNode]:
        """What the workflow's polls call. Raises NotConfiguredError TRIGGER_NOT_AVAILABLE."""
        if plan.triggers.watch is None:
            return ()
        if not self.workflows.can_watch:
            raise NotConfiguredError(
                "`watch` needs a platform of one's own.",
                code="TRIGGER_NOT_AVAILABLE",
                next_actions=["Deploy one with `acr deploy`, or leave out `watch`."],
            )
        from arcrun.workflows.polls import load_poll  # noqa: PLC0415 - few workflows watch

        return load_poll(plan.triggers.watch).calls

    def open_stores(self) -> StoreObject:
        """The account's stores. Raises NotConfiguredError."""
        if self.components.open_store is None:
            raise NotConfiguredError("This platform has no stores.", next_actions=["Deploy it anew: acr deploy."])
        return self.components.open_store()

    async def delete(self, token: str, actor: Actor, *, purges_store: bool = False) -> tuple[str, list[str]]:
        """Delete a workflow, and with it its store if asked. Returns its name and the names of workflows that call it.
        Raises NotFoundError, NotConfiguredError.
        """
        stores = self.open_stores() if purges_store else None
        name = await self.workflows.delete(token, actor)
        if stores is not None:
            await self.audit.note("store.purge", scope_of_workflow(name), actor)
            await stores.purge(scope_of_workflow(name))
        if self.lasting is not None:
            await self.lasting.runs.release_queue(name)  # what was queued fails, as what was under way
        return name, await self.workflows.find_callers(name)

    async def run(
        self, stored: StoredWorkflow, trigger: Trigger, run_id: str | None = None, write: WriteRun | None = None
    ) -> RunRecord:
        """`write` stores the run before this returns, if it is not to be stored as its workflow says. Raises
        RateLimitedError.
        """
        plan = stored.plan
        if not plan.start_limits:
            return await self._run(plan, trigger, stored.version, run_id, write, stored=stored)
        await self.engine.check_input(plan, trigger)
        checked = replace(trigger, is_checked=True)
        async with self._admit(plan, trigger):
            return await self._run(plan, checked, stored.version, run_id, write, stored=stored)

    def _admit(self, plan: Plan, trigger: Trigger) -> AbstractAsyncContextManager[None]:
        from executor.starts.start_limits import admitted  # noqa: PLC0415 - workflows without limits need none of it

        return admitted(self.runs, self.background, plan, trigger)

    async def start(
        self,
        stored: StoredWorkflow,
        trigger: Trigger,
        *,
        is_owner: bool,
        run_id: str | None = None,
        accept: AcceptRun | None = None,
    ) -> StartedRun:
        """Start a run that continues after the answer: in an instance, or within the platform's limit for what follows
        an answer. Of a paused workflow it is queued, or of one whose limits have no room. `accept` stores it instead of
        Runs.accept.

        Raises RequestError ACCEPTED_RUN_TOO_LONG, with more detail for the owner; WorkflowPausedError;
        RateLimitedError; UpstreamError if the run could not be recorded, and so was not started.
        """
        if stored.pause is not None:
            from executor.durable.queueing import require_queue  # noqa: PLC0415 - as below

            run_id = run_id or self.runs.new_run_id()
            await require_queue(self.lasting, stored, stored.pause, run_id)
        if self.lasting is not None:
            from executor.durable.acceptance import accept_run  # noqa: PLC0415 - quick runs need none of it

            run_id = run_id or self.runs.new_run_id()
            start = AcceptedTrigger(trigger, run_id, accept or self.runs.accept)
            run = await accept_run(self, self.lasting, stored, start)
            return StartedRun(run_id, is_queued=run.is_queued)
        if stored.plan.queues_runs:
            raise NotConfiguredError(
                "Runs wait for room in their limits (`on_limit`) where the executor has its Workflow and its encryption"
                " key, on a platform of one's own.",
                code="QUEUE_NOT_AVAILABLE",
                next_actions=["Deploy with `acr deploy`, or leave out `on_limit`: such runs get 429."],
            )
        if stored.plan.is_durable:
            raise NotConfiguredError(
                "Durable runs need the executor's Workflow and its encryption key.",
                code="DURABLE_NOT_AVAILABLE",
                next_actions=["Deploy with `acr deploy`, or leave out `durable` and lines to `respond`."],
            )
        clamped = self.clamp(trigger)
        has_undos = await may_undo(stored.plan, self.engine.ports)
        most_ms = clamped.timeout_ms
        limit_ms = limit_accepted_run(stored.plan, trigger, most_ms, is_owner=is_owner, has_undos=has_undos)
        await self.engine.check_input(stored.plan, trigger)
        run_id = run_id or self.runs.new_run_id()
        async with AsyncExitStack() as place:
            place.enter_context(self.quota.running())
            if stored.plan.start_limits:
                await place.enter_async_context(self._admit(stored.plan, replace(trigger, timeout_ms=limit_ms)))
            kept = await make_keepable(stored.plan, trigger, self.engine.ports)
            accepted = AcceptedRun(
                *(run_id, stored.name, stored.version, trigger.kind, limit_ms, kept),
                *(trigger.render_input(), stored.plan.keeping),
                request=trigger.request if stored.plan.sees_request else None,
                replay_of="" if trigger.replay is None else trigger.replay.origin,
            )
            await (accept or self.runs.accept)(accepted)
            limited_by = clamped.limited_by if clamped.timeout_ms == limit_ms else LimitedBy.ASYNCHRONOUS
            limited = replace(
                trigger,
                timeout_ms=limit_ms,
                limited_by=limited_by,
                undo_ms=MAX_ACCEPTED_UNDO_MS,
                is_checked=True,
                gets_response=False,
            )
            self.background.start(self._run_accepted(stored, limited, run_id, place.pop_all()))
        return StartedRun(run_id)

    def new_run_id(self) -> str:
        return self.runs.new_run_id()

    async def start_detached(self, workflow: str, value: Any, run_id: str, depth: int) -> None:
        """See Starter. Raises NotFoundError, WorkflowError, and what `start` does."""
        from executor.starts.detached import start_detached  # noqa: PLC0415 - few runs start others

        await start_detached(self, workflow, value, run_id, depth)

    async def find_input(self, run_id: str) -> Any:
        """What a run was started with, without the account's stored secrets.

        Raises NotFoundError RUN_NOT_FOUND, INPUT_NOT_STORED; DecryptionError, NotConfiguredError, UpstreamError.
        """
        try:
            value = await self.runs.find_input(run_id)
        except NotFoundError:
            await self.runs.find(run_id)
            raise NotFoundError(
                f"The input of run `{run_id}` is not stored.",
                code="INPUT_NOT_STORED",
                next_actions=[
                    "Set ARCRUN_ENCRYPTION_KEY: inputs of later runs are stored.",
                    "A hosted platform stores those of accepted runs.",
                ],
            ) from None
        return await redact_input(value, await self.vault.list_names(), self.engine.ports)

    async def _run_accepted(self, stored: StoredWorkflow, trigger: Trigger, run_id: str, place: AsyncExitStack) -> None:
        async with place:
            watch = self.runs.watch
            record = await self.engine.run(
                stored.plan, trigger, run_id, version=stored.version, watch=watch, starter=self
            )
        self.usage.add(record.usage)
        await self.runs.add_accepted(EndedRun(record, stored.plan.keeping, b""))

    async def _run(
        self,
        plan: Plan,
        trigger: Trigger,
        version: int,
        run_id: str | None,
        write: WriteRun | None = None,
        *,
        stored: StoredWorkflow | None = None,
    ) -> RunRecord:
        with self.quota.running():
            run_id = run_id or self.runs.new_run_id()
            watch = self.runs.watch
            record = await self.engine.run(
                plan, self.clamp(trigger), run_id, version=version, watch=watch, starter=self
            )
        self.usage.add(record.usage)
        await self._write_execution_verdict(plan, trigger, record, write, stored=stored)
        if (record.weight or 0) > STRETCH_CHARACTERS:  # recording and answering are two stretches of work
            await self.engine.ports.clock.pause()
        return record

    def clamp(self, trigger: Trigger) -> Trigger:
        """The trigger, within the time that the account's runs have."""
        timeout_ms = self.quota.clamp_duration(trigger.timeout_ms)
        if timeout_ms == trigger.timeout_ms:
            return trigger
        return replace(trigger, timeout_ms=timeout_ms, limited_by=LimitedBy.ACCOUNT)

    async def _write_execution_verdict(
        self,
        plan: Plan,
        trigger: Trigger,
        record: RunRecord,
        write: WriteRun | None,
        *,
        stored: StoredWorkflow | None,
    ) -> None:
        """Store the record with its verdict: after the answer, or before it if the workflow, or `write`, requires that.
        Raises RecordError.
        """
        is_written = trigger.body_bytes > STRETCH_CHARACTERS and not trigger.text
        if is_written:
            await self.engine.ports.clock.pause()
        request = trigger.request if plan.sees_request else None
        ended = EndedRun(record, plan.keeping, trigger.render_input(), request)
        if stored is not None and stored.is_followed:
            ended = replace(ended, answer=render_passed_on(record))
        if trigger.depth:
            ended = replace(ended, depth=trigger.depth + 1)
        if stored is not None and stored.is_watched and record.error is not None:
            ended = replace(ended, is_watched=True)
        if is_written:  # rendering the input and shortening the record are two stretches
            await self.engine.ports.clock.pause()
        if write is not None:
            await write(ended)
        elif ended.comes_first:
            await self.runs.add_now(ended)
        else:
            self.runs.add(ended)

    async def _compile(
        self,
        source: Source,
        file: str | None,
        others: Sequence[str] = (),
        variables: Variables = NO_VARIABLES,
        *,
        checks_credentials: bool,
    ) -> Compilation:
        self.quota.check_source(source)
        pause = self.engine.ports.clock.pause
        draft = await run_steps_pausing(parse_workflow_in_steps(source), pause)
        if draft.workflow is None:
            return compile_workflow(draft, SymbolTable(), file)
        contracts, faults = await self._find_contracts(draft.workflow)
        symbols = SymbolTable(
            contracts,
            faults,
            self.components.resolver.bundled_ids,
            [*await self._find_workflows(draft.workflow), *others],
            await self.vault.list_names() if checks_credentials else None,
            variables=variables,
            schema_problem=await self._find_schema_problem(draft.workflow.input_schema),
            event_schema_problems=await self._find_event_schema_problems(draft.workflow),
            schedule_problems=await self._find_schedule_problems(draft.workflow),
            code_problems=await self._find_code_problems(draft.workflow),
            circle=await self._find_circle(draft.workflow) if draft.workflow.triggers.after else (),
            failure_circle=await self._find_failure_circle(draft.workflow),
            undescribed=await self._find_undescribed(draft.workflow, others),
        )
        return await run_steps_pausing(compile_in_steps(draft, symbols, file), pause)

    async def _find_contracts(self, workflow: Workflow) -> tuple[dict[str, Contract], dict[str, ArcrunError]]:
        contracts: dict[str, Contract] = {}
        faults: dict[str, ArcrunError] = {}
        for reference in workflow.components:
            if len(faults) == MAX_DIAGNOSTICS:  # no more are shown
                break
            try:
                component = await self.components.find(reference)
                contracts[reference] = component.contract
            except ArcrunError as error:
                component, faults[reference] = None, error
            if component is None or component.is_looked_up:  # it was looked up outside the bundle
                await self.engine.ports.clock.pause()
        return contracts, faults

    async def _find_schema_problem(self, schema: Mapping[str, Any] | None) -> str:
        if schema is None:
            return ""
        try:
            await self.components.find_mismatches(schema, None, self.engine.limits.open_budget())
        except ComponentError as error:
            return error.message
        return ""

    async def _find_event_schema_problems(self, workflow: Workflow) -> dict[str, str]:
        """By node."""
        found = {}
        for node, schema in list_event_schemas(workflow).items():
            if problem := await self._find_schema_problem(schema):
                found[node] = problem.removeprefix(SCHEMA_REFUSED)
        return found

    async def _find_schedule_problems(self, workflow: Workflow) -> dict[int, str]:
        if not workflow.triggers.all_schedules:
            return {}
        from executor.schedules.times import build_times, find_problems  # noqa: PLC0415 - few workflows have any

        times = build_times(self.components, self.engine.limits)
        return await find_problems(times, workflow.triggers.all_schedules)

    async def _find_code_problems(self, workflow: Workflow) -> dict[tuple[str, bool], CodeProblem]:
        """By place, of what has a `source`."""
        watch = workflow.triggers.watch
        configs = [call.config for call in workflow.calls] + ([] if watch is None else [watch.entry])
        if not any("source" in config for config in configs):
            return {}
        from arcrun.workflows.literals.code_sources import CODE, list_sources, read_problem  # noqa: PLC0415 - as above

        found = {}
        for place, asked in list_sources(workflow).items():
            component = await self.components.find(CODE)
            outcome = await self.components.call(component, asked, self.engine.limits.open_budget())
            if (problem := read_problem(outcome.error)) is not None:
                found[place] = problem
            await self.engine.ports.clock.pause()
        return found

    async def _find_undescribed(self, workflow: Workflow, others: Sequence[str]) -> list[str]:
        """Those of the stored workflows that tools call which do not say what they take. Of `others` it is known when
        they are stored.
        """
        if not any(node.may_have_tools for node in workflow.nodes.values()):
            return []
        from arcrun.workflows.asking.tools import list_asked, says_what_it_takes  # noqa: PLC0415 - few nodes have any

        found = []
        for name in list_asked(workflow):
            if name in (workflow.name, *others):
                continue
            with suppress(NotFoundError, WorkflowError):  # UNKNOWN_WORKFLOW says so; a run says what is outdated
                if not says_what_it_takes((await self.workflows.find_plan(name)).input_schema):
                    found.append(name)
        return found

    async def _find_circle(self, workflow: Workflow) -> Sequence[str]:
        if not self.workflows.can_start:  # it cannot be pushed here
            return ()
        from arcrun.workflows.triggers.after import find_circle  # noqa: PLC0415 - few workflows follow others

        return find_circle(workflow.name, workflow.triggers.after, await self.workflows.list_follows([workflow.name]))

    async def _find_failure_circle(self, workflow: Workflow) -> Sequence[str]:
        triggers = workflow.triggers
        handled = () if triggers.failure_of is None else triggers.failure_of.named
        if not self.workflows.can_start or not (handled or triggers.after):
            return ()
        from arcrun.workflows.triggers.after import find_circle  # noqa: PLC0415 - as above

        own, others = workflow.name, await self.workflows.list_handled([workflow.name])
        if not handled and not others:  # then it is one of `after` alone
            return ()
        follows = await self.workflows.list_follows([own])
        return find_circle(own, [*triggers.after, *handled], [*follows, *others])

    async def _find_workflows(self, workflow: Workflow) -> list[str]:
        """All workflow names if the workflow names any: the hint for a misspelt name suggests the nearest."""
        triggers = workflow.triggers
        names_others = (
            triggers.failure_of is not None or triggers.after or any(call.workflow for call in workflow.calls)
        )
        return await self.workflows.list_names() if names_others else []


def starts_all_again(before: Plan, plan: Plan) -> bool:
    """Whether the watch of a plan that becomes current starts runs of all that is listed once more."""
    if plan.triggers.watch is None:
        return False
    from arcrun.workflows.triggers import watch  # noqa: PLC0415 - few workflows watch

    return watch.starts_all_again(before.triggers.watch, plan.triggers.watch)


def _scrub_outcome(outcome: Outcome, redactor: Redactor) -> Steps[Outcome]:
    error = (yield from outcome.error.scrubbed(redactor.scrub_in_steps)) if outcome.error else None
    envelope = yield from redactor.scrub_envelope_in_steps(outcome.envelope, is_small=is_small(outcome.weight))
    log = yield from redactor.scrub_text_in_steps(outcome.log)
    return replace(outcome, envelope=envelope, error=error, log=log)
