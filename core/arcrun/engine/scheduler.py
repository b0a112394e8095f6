"""Runs a graph: each node and loop as soon as everything that it waits for has settled.

A node runs if enough edges into it fire, by default one, otherwise it is skipped. Independent nodes run concurrently.
The lists and conditions on the edges out of a node belong to it: if one cannot be evaluated, the node fails. An
unhandled failure ends the graph, and so does an edge to `stop` or `break`: running nodes are cancelled, waiting ones
are skipped. An edge to `respond` answers early, and ends nothing.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from arcrun.engine.budget import COMPILED_CHARACTER_WORK, UNIT_WORK
from arcrun.engine.calls import Arrived, Call, ComponentCall, DetachedCall, WorkflowCall, failed
from arcrun.engine.context import Answer, AnyReplay, Iteration, RunContext, SkippedNode, name_call, name_step
from arcrun.engine.endings import BreakError, StopError
from arcrun.engine.joins import Race
from arcrun.engine.loops import LoopOutcome, find_elements, run_loop
from arcrun.engine.node_run import RUN_HAD_ENDED, NodeRun, build_cancelled
from arcrun.engine.record import FAILED, SKIPPED, SUCCESS, NodeStatus
from arcrun.engine.repeats import RepeatRun, meets_until
from arcrun.engine.tasks import CONDITION_WORK, NODE_WORK, REFERENCE_WORK, run_within
from arcrun.engine.trigger import LimitedBy
from arcrun.engine.undos import Undo, Undos, select_scope
from arcrun.errors import ArcrunError, RunCancelledError, RunTimeoutError
from arcrun.json_size import size_of
from arcrun.limits import MAX_EXPRESSION_STEPS, MAX_RUN_TIMEOUT_MS
from arcrun.templates.request import REQUEST
from arcrun.templates.run import RUN
from arcrun.templates.template import INPUT_LOOP, ROUNDS, START, Scope
from arcrun.templates.variables import VARIABLES
from arcrun.wasm.abi import Outcome
from arcrun.workflows.model import INPUT, RESPOND, STOP
from arcrun.workflows.plan import Exits, Graph, InEdge, Plan, PlannedLoop, PlannedNode, Unit, UnitKey
from arcrun.workflows.relations import Carries, Fires

if TYPE_CHECKING:
    from arcrun.durable.journal import Journal
    from arcrun.engine.tool_rounds import ToolRounds


async def run_plan(
    plan: Plan,
    trigger_input: Any,
    context: RunContext,
    timeout_ms: float | None = None,
    input_weight: int = 0,
    *,
    limited_by: LimitedBy = LimitedBy.REQUEST,
    caller: "Place | None" = None,
) -> Answer:
    """Run a plan, and if it fails, the undos of what has succeeded. `timeout_ms`, which `limited_by` has set, may
    shorten the plan's own. `input_weight` is the weight of input that only this run holds. `caller` is the node of
    which it is a sub-workflow.

    Raises the ArcrunError that no node handled; RunTimeoutError RUN_TIMEOUT; RunError ANSWER_TOO_LARGE,
    RESPONSE_FAILED.
    """
    limit_ms = min(plan.timeout_ms, timeout_ms or plan.timeout_ms)
    scope = _build_scope(plan, trigger_input, context)
    responder = None if context.depth else context.responder
    if responder is not None:
        responder.scope = scope
    graph_run = GraphRun(plan.graph, scope, context, OUTERMOST, caller)
    graph_run.hold(INPUT, input_weight)
    if context.kept is not None and not context.depth:
        context.kept.scope, context.kept.loops = scope, graph_run.loops
    run = graph_run.run()
    if context.interrupt is not None and not context.depth:
        from arcrun.durable.races import run_unless  # noqa: PLC0415 - quick runs need none of it

        run = run_unless(run, context.interrupt(), RunCancelledError)
    try:
        if context.journal is None:
            is_watched = context.watch is not None and not context.depth
            answer = await run_within(limit_ms / 1000, run, context.is_to_end if is_watched else None)
        elif plan.sets_timeout or timeout_ms is not None:
            answer = await context.journal.within(f"{context.step_path}deadline", limit_ms, run)
        else:
            answer = await run
        if not context.depth:
            answer.require_bounds()
        if responder is not None:
            await responder.answer()
        return answer
    except TimeoutError:
        is_own = timeout_ms is None or plan.timeout_ms <= timeout_ms
        await graph_run.undo()
        raise _build_timeout_error(plan, limit_ms, LimitedBy.WORKFLOW if is_own else limited_by) from None
    except Exception:
        await graph_run.undo()
        raise


def _build_scope(plan: Plan, trigger_input: Any, context: RunContext) -> dict[str, Any]:
    """What templates see before anything has run."""
    scope = {INPUT: trigger_input, START: context.started_ms}
    if plan.variables:
        scope[VARIABLES] = plan.variables
    if plan.request_fields:
        scope[REQUEST] = context.read_request(plan.request_fields)
    if plan.reads_run:
        scope[RUN] = context.tell_run(())
    return scope


def _build_timeout_error(plan: Plan, limit_ms: float, limited_by: LimitedBy) -> RunTimeoutError:
    actions = {
        LimitedBy.WORKFLOW: f"Raise timeout_ms in the workflow `{plan.name}`; the limit is {MAX_RUN_TIMEOUT_MS}.",
        LimitedBy.REQUEST: f"Raise the request's timeout_ms: ?timeout_ms={plan.timeout_ms}, which the workflow allows.",
        LimitedBy.ASYNCHRONOUS: "Wait for the run's end: omit `async`.",
        LimitedBy.NODE: f"Raise timeout_ms of the node that calls `{plan.name}`.",
        LimitedBy.ACCOUNT: "Split the work over several runs: the account's platform allows no longer ones.",
    }
    return RunTimeoutError(
        f"The run of `{plan.name}` took longer than {limit_ms:g} ms.",
        next_actions=[actions[limited_by]],
        details={"limit_ms": limit_ms, "limited_by": limited_by.value, "workflow_ms": plan.timeout_ms},
    )


class Around(NamedTuple):
    """The loops around a graph: the index in each, outermost first; the elements by name; the innermost element."""

    iteration: Iteration
    items: Mapping[str, Any]
    element: Any

    def enter(self, index: int, item: str, element: Any) -> "Around":
        return Around((*self.iteration, index), {**self.items, item: element}, element)


OUTERMOST = Around((), {}, None)
Place = tuple["GraphRun", UnitKey]  # a loop or a node of a graph, inside which another graph runs


class GraphRun:
    """One run of a graph. It owns `scope`, which templates see, and adds its nodes to it. `around` is its iteration;
    `place` is where it runs: the loop whose body it is, or the node whose sub-workflow. `loops` is what its loops have
    gathered.
    """

    def __init__(
        self,
        graph: Graph,
        scope: dict[str, Any],
        context: RunContext,
        around: Around = OUTERMOST,
        place: Place | None = None,
    ) -> None:
        self._graph, self._scope, self._context = graph, scope, context
        self._around, self._place = around, place
        self._replay = context.replay if around is OUTERMOST else None
        self._parent = place if around is not OUTERMOST else None  # the loop
        self._undos: Undos | None = None
        self._endings = graph.endings_of
        self._race: Race | None = None
        self._ended: dict[UnitKey | None, str] = {}  # why this graph (None), or a loop of it, has ended early
        self._statuses: dict[str, NodeStatus] = {INPUT: SUCCESS}
        self._elements: dict[UnitKey, list[Any]] = {}  # of each loop whose source has settled
        self._met: set[InEdge] = set()  # the IF edges whose condition is true
        self.loops: dict[UnitKey, LoopOutcome] = {}
        self._followed: set[UnitKey] = set()  # nodes and loops with a successor that ran
        self._weights: dict[str | UnitKey, int] = {}  # of the answers of nodes and loops
        self._held = 0  # their sum

    def hold(self, key: str | UnitKey, weight: int) -> None:
        """Count a value until the end of this graph. Raises RunError RUN_TOO_LARGE."""
        self._context.live.take(weight)
        self._held += weight
        weights = self._weights
        weights[key] = weights[key] + weight if key in weights else weight

    async def run(self) -> Answer:
        """Raises the ArcrunError that no node handled."""
        graph = self._graph
        try:
            if INPUT in graph.exits:
                await self._read_exits(INPUT, graph.exits[INPUT])
            if self._endings:
                await self._end_if_led_from((INPUT, ""))
            if graph.chain is None:
                await self._settle_beside_each_other()
            elif self._context.journal is None:
                for unit in graph.chain:
                    await self._settle(unit)
            else:
                for is_pure, units in groupby(graph.chain, self._context.journal.purity.is_pure):
                    await self._settle_recording(self._context.journal, [*units], is_pure=is_pure)
            return self._answer()
        except StopError as stop:
            if self._parent is not None:
                raise
            return self._answer_of_end(stop.answer)
        except BreakError as end:
            end.answer = self._answer_of_end(end.answer)
            raise
        finally:
            self._context.live.give_back(self._held)

    async def undo(self) -> None:
        """Undo what has succeeded, of a graph that has failed."""
        if self._undos is not None:
            await self._undos.run_in_time()

    def _open_undos(self) -> Undos:
        if self._undos is None:
            self._undos = Undos(self._graph, self._context)
            if self._place is not None:
                graph_run, key = self._place
                graph_run._open_undos().add(key, self._undos)
        return self._undos

    def _note_undo(self, undo: PlannedNode, scope: Scope, envelope: Mapping[str, Any]) -> None:
        """Note that a node has had its effect, which is to be undone if the run fails. `scope` is what it saw. Raises
        the errors of an exhausted budget.
        """
        if self._context.is_trial:
            return
        read = select_scope(undo, {**scope, undo.name: envelope})

        def make_call() -> Call:
            return self._build_call(undo, [], read, kind=" undo")

        self._context.undone.number += 1
        weight = sum(self._weigh(name, read[name]) for name in undo.reads if name in read)
        noted = Undo(undo, make_call, self._context, self._find_iteration(), self._context.undone.number, weight)
        self._open_undos().set((undo.name, ""), noted)

    def _weigh(self, name: str, value: Any) -> int:
        weight = self._weights.get(name)
        return size_of(value).weight if weight is None else weight

    def _find_iteration(self) -> Iteration:
        """The index in each loop around, those around the nodes that have called this workflow included."""
        root = self
        while root._parent is not None:
            root, _ = root._parent
        outer = root._place[0]._find_iteration() if root._place is not None else ()
        return (*outer, *self._around.iteration)

    async def _settle_beside_each_other(self) -> None:
        running: dict[asyncio.Task[UnitKey], None] = {}  # they end in the order in which they began
        try:
            await self._settle_in_order(running)
        except BaseException:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise

    async def _settle_in_order(self, running: dict[asyncio.Task[UnitKey], None]) -> None:
        graph, tasks = self._graph, self._context.tasks
        waiting: dict[UnitKey, float] = {key: len(wanted) for key, wanted in graph.waits_for.items()}
        ready = deque(key for key, count in waiting.items() if not count)
        if graph.early_joins:
            self._race = Race(graph, waiting, ready, self._fires, self._skip_cancelled)
            self._race.begin()
        race = self._race
        finished: asyncio.Queue[asyncio.Task[UnitKey]] | None = None
        while ready or running:
            if not running and (len(ready) == 1 or not tasks.has_room):  # a single unit needs no task
                settled = [await self._settle_key(ready.popleft())]
                if race is not None:
                    race.settle(settled[0])
            else:
                finished = finished or asyncio.Queue()
                while ready and tasks.has_room:
                    key = ready.popleft()
                    task = asyncio.ensure_future(self._settle_key(key))
                    if race is not None:
                        race.watch(task, key)
                    tasks.count(task)
                    task.add_done_callback(finished.put_nowait)
                    running[task] = None
                done = [await finished.get(), *(finished.get_nowait() for _ in range(finished.qsize()))]
                settled = [task.result() for task in done] if race is None else race.settle_tasks(done)
                for task in done:
                    del running[task]
            for child in (child for key in settled for child in graph.children[key]):
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)

    async def _settle_key(self, key: UnitKey) -> UnitKey:
        unit, journal = self._graph.units[key], self._context.journal
        if journal is None:
            await self._settle(unit)
        else:
            await self._settle_recording(journal, [unit], is_pure=journal.purity.is_pure(unit))
        return key

    async def _settle_recording(self, journal: "Journal", units: list[Unit], *, is_pure: bool) -> None:
        """Settle units of a durable run, in one step if their calls reach nothing outside."""
        if not is_pure:
            for unit in units:
                await self._settle(unit)
            return
        first = units[0].item if isinstance(units[0], PlannedLoop) else units[0].name

        async def attempt() -> None:
            trial = self._fork()
            with suppress(ArcrunError, StopError, BreakError):
                for unit in units:
                    await trial._settle(unit)

        async def settle() -> None:
            for unit in units:
                await self._settle(unit)

        name = name_step(self._context, f"from {first}", self._around.iteration)
        await journal.stretch(name, attempt, settle)

    def _fork(self) -> "GraphRun":
        """A copy for trying units. Nothing that they do is seen."""
        fork = GraphRun(self._graph, {**self._scope}, self._context.fork(), self._around)
        fork._statuses, fork._elements, fork.loops = {**self._statuses}, {**self._elements}, {**self.loops}
        fork._met, fork._weights = {*self._met}, {**self._weights}
        return fork

    async def _settle(self, unit: Unit) -> None:
        pace = self._context.pace
        if pace.is_due:
            await pace.rest()
        pace.count(NODE_WORK)
        if self._replay is not None and self._replay.has_taken(unit):
            await self._take_over(unit, self._replay)
        elif isinstance(unit, PlannedLoop):
            await self._settle_loop(unit)
        elif (fired := [edge for edge in unit.parents if self._fires(edge)]) and (
            unit.join is None or unit.is_met(len(fired))
        ):
            for edge in fired:
                self._followed.add(edge.leaves)
            await self._run_node(unit, fired)
        else:
            self._context.budget.work.take(UNIT_WORK)
            self._statuses[unit.name] = SKIPPED
            self._context.ledger.add(SkippedNode(unit.name, unit.component), self._around.iteration)
        if self._endings:
            await self._end_if_led_from((unit.source, unit.item) if isinstance(unit, PlannedLoop) else (unit.name, ""))

    async def _take_over(self, unit: Unit, replay: AnyReplay) -> None:
        """Settle a unit as it was settled in the run that this one replays. Raises the ArcrunError of a line out of it
        that cannot be evaluated.
        """
        ledger, start_ms = self._context.ledger, self._context.since_start_ms()
        if isinstance(unit, PlannedLoop):
            self._followed.add((unit.source, ""))
            if (gathered := replay.find_gathered(unit)) is not None:
                self.hold((unit.source, unit.item), size_of(gathered).weight)
                self._tell_gathered(unit, LoopOutcome(**gathered))
            elif replay.has_ended(unit):
                self.loops[unit.source, unit.item] = LoopOutcome([], [])  # nothing that runs reads it
            for node in unit.body.all_nodes():
                ledger.add(replay.end(node, None, start_ms), ())
            return
        result = replay.find_outcome(unit.name)
        if result is None:
            self._statuses[unit.name] = SKIPPED
            ledger.add(replay.end(unit, None, start_ms), ())
            return
        self._followed.update(edge.leaves for edge in unit.parents if self._fires(edge))
        self.hold(unit.name, result.weight)
        if unit.name in self._graph.exits and result.error is None:
            result = await self._leave(unit, result)
        ledger.add(replay.end(unit, result, start_ms), ())
        self._statuses[unit.name] = SUCCESS if result.error is None else FAILED
        self._scope[unit.name] = result.envelope
        if result.error is not None and not unit.handles_failure:
            raise result.error

    async def _run_node(self, node: PlannedNode, fired: list[InEdge]) -> None:
        name, ledger = node.name, self._context.ledger
        is_early = node.join is not None and node.join.is_early
        scope = {**self._scope} if is_early else self._scope  # without what settles while it runs
        run = self._begin(node, fired, scope)
        try:
            result = await run.settle()
            result = self._hold_result(node, result, scope, run.done)
            if run.has_large_input:  # reading its output and shortening its input are two stretches
                await self._context.pace.rest()
            if name in self._graph.exits and result.error is None:
                result = await self._leave(node, result)
        except asyncio.CancelledError:
            run.cancel(self._find_reason((name, "")))
            ledger.add(run, self._around.iteration)
            self._statuses[name] = SKIPPED
            is_noted = self._undos is not None and self._undos.has_own((name, ""))
            if node.undo is not None and run.done is not None and not is_noted:
                with suppress(ArcrunError):  # the run ends anyway
                    self._note_undo(node.undo, scope, run.done)
            raise
        run.end(result)
        ledger.add(run, self._around.iteration)
        self._statuses[name] = run.status
        self._scope[name] = result.envelope
        if result.error is not None and (result.error.ends_run or not node.handles_failure):
            raise result.error

    def _skip_cancelled(self, key: UnitKey) -> None:
        """Record a unit that a join has cancelled, if its own run has not."""
        unit = self._graph.units[key]
        if isinstance(unit, PlannedNode) and unit.name not in self._statuses:
            self._statuses[unit.name] = SKIPPED
            error = build_cancelled(unit.name, self._find_reason(key))
            self._context.ledger.add(SkippedNode(unit.name, unit.component, error), self._around.iteration)

    def _find_reason(self, key: UnitKey) -> str:
        """Why a unit of this graph was cancelled."""
        if reason := self._ended.get(None) or self._ended.get(key):
            return reason
        if self._race is not None and key in self._race.cancelled:
            return f"`{self._race.cancelled[key]}` no longer needed it"
        if self._parent is None:
            return RUN_HAD_ENDED
        graph_run, loop = self._parent
        return graph_run._find_reason(loop)

    async def _end_if_led_from(self, key: UnitKey) -> None:
        """Answer early if an edge out of this unit leads to `respond`, and fires. Raises StopError or BreakError if one
        leads to `stop` or `break`; RunError ANSWER_TOO_LARGE, RESPONSE_FAILED.
        """
        fired = [ending for ending in self._endings.get(key, ()) if self._fires(ending.edge)]
        early = None if self._context.depth or self._context.is_trial else self._context.early_answer
        for ending in fired:
            if ending.name == RESPOND and early is not None:
                await early.give(self._answer_of(ending.edge))
        for ending in fired:
            if ending.name == RESPOND:
                continue
            answer = self._answer_of(ending.edge)
            self._ended[None] = f"a line to `{ending.name}` had ended the {'run' if ending.name == STOP else 'loop'}"
            if ending.name == STOP:
                self._end_around(self._ended[None])
                raise StopError(answer)
            if self._parent is not None:
                graph_run, loop = self._parent
                graph_run._ended[loop] = self._ended[None]
            raise BreakError(answer)

    def _end_around(self, reason: str) -> None:
        graph_run = self
        while graph_run._parent is not None:
            graph_run, _ = graph_run._parent
            graph_run._ended[None] = reason

    def _hold_result(self, node: PlannedNode, result: Outcome, scope: Scope, done: Mapping[str, Any] | None) -> Outcome:
        """The result; a failure if it would exceed the values that the run may hold. `done` is what the node answered
        when it last had its effect.
        """
        try:
            if node.undo is not None and done is not None:
                self._note_undo(node.undo, scope, done)
            self.hold(node.name, result.weight)
        except ArcrunError as error:
            error.locate(node=node.name)
            return failed(error, result.subflow)
        return result

    async def _leave(self, node: PlannedNode, result: Outcome) -> Outcome:
        """The result; a failure if a list or condition on an edge out of the node cannot be evaluated."""
        self._scope[node.name] = result.envelope
        try:
            await self._read_exits(node.name, self._graph.exits[node.name])
        except ArcrunError as error:
            return replace(
                result, envelope={**result.envelope, "success": False, "error": error.to_json()}, error=error
            )
        return result

    async def _read_exits(self, source: str, exits: Exits) -> None:
        """Evaluate the lists and conditions on the edges out of `source`. Raises RunError EXPRESSION_FAILED,
        EXPRESSION_TOO_COSTLY, INVALID_ITEMS, TOO_MANY_ITEMS; CpuBudgetError, TemplateError.
        """
        pace, work = self._context.pace, self._context.budget.work
        try:
            for loop in exits.loops:
                if self._replay is not None and self._replay.has_taken(loop):
                    continue
                if pace.is_due:  # others may have done much since this node was released
                    await pace.rest()
                rendering = work.open_rendering()
                self._elements[loop.source, loop.item] = find_elements(loop, self._scope, rendering)
                pace.count(REFERENCE_WORK)
                pace.count_rendering(rendering)
            for edge in exits.conditions:
                if pace.is_due:
                    await pace.rest()
                pace.count(CONDITION_WORK)
                if work.is_limited:
                    work.take_compiling(edge, "expression", lambda it: len(it.source) * COMPILED_CHARACTER_WORK)
                most_steps = work.clamp_steps(MAX_EXPRESSION_STEPS)
                if edge.expression.is_met(self._scope, pace.count_expression, most_steps):
                    self._met.add(edge)
        except ArcrunError as error:
            error.locate(node=source)
            raise

    def _begin(self, node: PlannedNode, fired: list[InEdge], scope: Scope) -> "NodeRun | RepeatRun | ToolRounds":
        place = (self, (node.name, "")) if node.workflow is not None else None
        step = "" if self._context.journal is None else name_step(self._context, node.name, self._around.iteration)
        if node.tools:
            return self._begin_tool_rounds(node, scope, step)
        if node.repeat is None:
            return NodeRun(node, self._build_call(node, fired, scope, place), self._context, step)

        def make_call(scope: Scope) -> Call:
            return self._build_call(node, fired, scope, place, f" round {scope[node.name][ROUNDS] + 1}")

        return RepeatRun(node, node.repeat, make_call, scope, self._context, step=step)

    def _begin_tool_rounds(self, node: PlannedNode, scope: Scope, step: str) -> "ToolRounds":
        from arcrun.engine.tool_rounds import ToolRounds  # noqa: PLC0415 - few nodes have tools

        place = (self, (node.name, ""))

        def make_call(called: PlannedNode, scope: Scope, added: Mapping[str, Any], word: str) -> Call:
            if called.workflow is not None:
                return self._build_call(called, [], scope, place, word)
            name = name_call(self._context, called.name + word, self._around.iteration)
            return ComponentCall(called, scope, None, self._context, name=name, added=added)

        return ToolRounds(node, make_call, scope, self._context, step=step)

    def _build_call(
        self, node: PlannedNode, fired: list[InEdge], scope: Scope, place: Place | None = None, kind: str = ""
    ) -> Call:
        """`place` is where a workflow that the node calls runs; what an undo calls is not undone with the run. `kind`
        tells the calls of one node apart.
        """
        arrived, context = self._arrived(fired) if node.fills_fields else None, self._context
        name = name_call(context, node.name + kind, self._around.iteration)
        if node.workflow is None:
            return ComponentCall(node, scope, arrived, context, name=name)
        run = partial(run_plan, limited_by=LimitedBy.NODE, caller=place)
        if node.is_detached:
            return DetachedCall(node, scope, arrived, context, run, name=name)
        return WorkflowCall(node, scope, arrived, context, run, name=name)

    def _arrived(self, fired: list[InEdge]) -> Arrived:
        """The values that fill fields in plans of format 2."""
        nodes = [
            self._data_of(edge) for edge in fired if edge.source != INPUT and edge.spec.carries is not Carries.ELEMENT
        ]
        everything = [*map(self._data_of, fired), self._around.items, self._scope[INPUT]]
        return Arrived(everything, nodes)

    async def _settle_loop(self, loop: PlannedLoop) -> None:
        self._context.budget.work.take(UNIT_WORK)
        if self._statuses[loop.source] is not SUCCESS:
            return
        self._followed.add((loop.source, ""))

        key = loop.source, loop.item

        async def run_body(index: int, element: Any) -> Any:
            scope = {**self._scope, loop.item: element}
            if loop.index:
                scope[loop.index] = index
            around = self._around.enter(index, loop.item, element)
            if RUN in scope:
                scope[RUN] = self._context.tell_run(around.iteration)
            body = GraphRun(loop.body, scope, self._context, around, (self, key))
            try:
                answer = await body.run()
                if loop.policy.until and await meets_until(loop.policy, body._scope, self._context):
                    self._ended[key] = "`until` had ended the loop"
                    raise BreakError(answer)
            except BreakError as end:
                self.hold(key, end.answer.weight)
                raise
            except ArcrunError as error:
                if not loop.policy.stops_on_error:
                    self.hold(key, size_of(error.to_json()).weight)
                raise
            self.hold(key, answer.weight)
            return answer.value

        elements, journal = self._elements[key], self._context.journal
        if journal is not None:
            journal.require_room(len(elements) * journal.purity.count_steps(loop.body), f"The loop over `{loop.item}`")
        self._tell_gathered(loop, await run_loop(loop, elements, run_body, self._context.tasks))

    def _tell_gathered(self, loop: PlannedLoop, outcome: LoopOutcome) -> None:
        self.loops[loop.source, loop.item] = outcome
        if loop.item not in self._around.items:
            self._scope[loop.item] = outcome.to_json()
        if loop.names_input:
            self._scope[INPUT_LOOP] = outcome.to_json()
        elif loop.is_only and loop.source != INPUT:
            self._scope[loop.source] = {**self._scope[loop.source], **outcome.to_json()}

    def _fires(self, edge: InEdge) -> bool:
        fires = edge.spec.fires
        if fires is Fires.ON_SUCCESS:  # the most frequent case
            return self._statuses.get(edge.source) is SUCCESS
        if fires is Fires.ON_ELEMENT:
            return True  # the enclosing loop has begun
        if fires is Fires.AFTER_LOOP:
            return self._loop_of(edge) is not None
        if fires is Fires.ON_FAILURE:
            return self._statuses.get(edge.source) is FAILED
        if self._statuses.get(edge.source) is not SUCCESS:
            return False
        if fires is Fires.ON_RESULT:
            return self._field_of(edge.source, "result") is edge.spec.result
        if fires is Fires.ON_BRANCH:
            branch = self._field_of(edge.source, "branch")
            return isinstance(branch, str) and branch == edge.argument
        return edge in self._met

    def _loop_of(self, edge: InEdge) -> LoopOutcome | None:
        """The outcome of the loop that a CONTINUE leaves; None if it has not run."""
        if edge.argument:
            return self.loops.get((edge.source, edge.argument))
        return next((outcome for (source, _), outcome in self.loops.items() if source == edge.source), None)

    def _field_of(self, source: str, name: str) -> Any:
        data = self._scope[INPUT] if source == INPUT else self._scope[source].get("data")
        return data.get(name) if isinstance(data, Mapping) else None

    def _data_of(self, edge: InEdge) -> Any:
        """The data that an edge that fired carries."""
        carries = edge.spec.carries
        if carries is Carries.ELEMENT:
            return self._around.element
        if carries is Carries.RESULTS:
            outcome = self._loop_of(edge)
            return outcome and outcome.to_json()
        if edge.source == INPUT:
            return self._scope[INPUT]
        envelope = self._scope[edge.source]
        return {"error": envelope["error"]} if carries is Carries.ERROR else envelope.get("data")

    def _answer(self) -> Answer:
        """The answer of the graph: the data carried by edges into the answer or, if there are none, by the units that
        ran last. One source yields its data, several {source: data}, none null.
        """
        if self._graph.answers is None:
            answers = self._last()
        else:
            answers = {edge.source: self._answer_of(edge) for edge in self._graph.answers if self._fires(edge)}
        if len(answers) == 1:
            (answer,) = answers.values()
            return answer
        if not answers:
            return Answer(None, 0)
        weight = sum(answer.weight for answer in answers.values())
        return Answer({source: answer.value for source, answer in answers.items()}, weight)

    def _last(self) -> dict[str, Answer]:
        """The units that succeeded and have no successor that ran. If a node has several loops, they go by
        their items.
        """
        last: dict[str, Answer] = {}
        if self._race is not None:
            self._follow_lines_of(self._race)
        followed, weights = self._followed, self._weights
        for node in self._graph.nodes:
            name = node.name
            if self._statuses[name] is SUCCESS and (name, "") not in followed:
                last[name] = Answer(self._scope[name].get("data"), weights.get(name, 0))
        for loop in self._graph.loops:
            key = loop.source, loop.item
            if (outcome := self.loops.get(key)) is not None and key not in followed:
                last[loop.source if loop.is_only else loop.item] = Answer(outcome.results, weights.get(key, 0))
        return last

    def _follow_lines_of(self, race: Race) -> None:
        """Let a join follow the lines too that fired after it had started, and what was cancelled those into it, unless
        it would have been skipped.
        """
        ran = [key for key in self._graph.early_joins if self._statuses[key[0]] is not SKIPPED]
        for key in (*ran, *race.cancelled):
            unit = self._graph.units[key]
            if isinstance(unit, PlannedLoop):
                self._followed.add((unit.source, ""))
                continue
            fired = {edge for edge in unit.parents if self._fires(edge)}
            undecided = {edge for edge in unit.parents if self._graph.unit_of(edge) in race.cancelled}
            if unit.is_met(len(fired | undecided)):
                self._followed |= {edge.leaves for edge in fired}

    def _answer_of_end(self, given: Answer) -> Answer:
        """The answer if the graph ends early: what has been led to `output`, otherwise what the line carries."""
        is_answered = any(self._fires(edge) for edge in self._graph.answers or ())
        return self._answer() if is_answered else given

    def _answer_of(self, edge: InEdge) -> Answer:
        outcome = self._loop_of(edge) if edge.spec.carries is Carries.RESULTS else None
        value = self._data_of(edge) if outcome is None else outcome.results
        weight = self._weights.get(edge.source) if outcome is None else None
        return Answer(value, size_of(value).weight if weight is None else weight)
