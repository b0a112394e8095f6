"""A node's call: of a component or of a stored workflow. Each prepares its input once and can then be made repeatedly.

A component's input is the node's config with its templates filled, merged over the value that the node takes.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.contracts.model import Contract
from arcrun.contracts.schema import SchemaError, describe_kind, find_mismatches
from arcrun.credentials.injection import inject_credentials, name_credentials
from arcrun.engine.budget import COMPILED_REFERENCE_WORK, WorkBudget
from arcrun.engine.context import Answer, RunContext, Starter
from arcrun.engine.input_check import require_input
from arcrun.engine.record import NodeRecord
from arcrun.engine.run_id import derive_run_id
from arcrun.engine.tasks import FUEL_A_BYTE, REFERENCE_WORK, STRETCH_WORK
from arcrun.engine.trigger import LimitedBy
from arcrun.errors import ArcrunError, ComponentError, CredentialError, InputError, NotConfiguredError, RunTimeoutError
from arcrun.json_size import SMALL_CHARACTERS
from arcrun.store.access import Caller
from arcrun.templates.rendering import Rendering
from arcrun.templates.template import CREDENTIAL, Scope, Template
from arcrun.wasm.abi import Outcome
from arcrun.workflows.plan import Plan, PlannedNode

SMALL_REFERENCES = 4
KNOWING = frozenset(("store", "blob"))  # the capabilities of components that want to know who calls them
START_SUBREQUESTS = 4  # of a detached run: its workflow's name and plan, its row and its instance
# RFC 9110, RFC 6585, RFC 8470: statuses that a later request may not get again; and those 5xx that it will: the server
# does not support the request (501, 505), its certificate is invalid (526). Keep in step with
# components/_sdk/zig/status.zig.
RETRIABLE_STATUSES, LASTING_STATUSES = (408, 425, 429), (501, 505, 526)
RunPlan = Callable[[Plan, Any, RunContext, float | None, int], Awaitable[Answer]]  # run_plan, called by a node


@dataclass(frozen=True)
class Arrived:
    """The values that fill fields in a plan of format 2, nearest first: everything that arrived; what nodes
    answered.
    """

    everything: Iterable[Any]
    nodes: Iterable[Any]


def build_input(
    node: PlannedNode, contract: Contract, scope: Scope, arrived: Arrived | None, rendering: Rendering
) -> dict[str, Any]:
    """The config with its templates filled, merged over those fields of the taken value that the component knows.

    An optional reference that yields null leaves its field out, unless the schema allows null. Credentials stay as
    their templates, and fields that are filled from one are left out: this input may be recorded. `arrived` is None
    except for plans of format 2. Raises TemplateError and InputError, also through `rendering`.
    """
    if node.credential_references:
        masks = {name: f"{{{{credential.{name}}}}}" for name in node.credential_references}
        scope = with_credentials(scope, node, masks)
    built: dict[str, Any] = node.template.render(scope, rendering)
    for key in node.optional_keys:
        if built[key] is None and key in contract.filled_keys:
            del built[key]
    for key in contract.condition_keys:
        if isinstance(built.get(key), str) and built[key] != node.config.get(key):
            raise _build_condition_error(node, key)
    if node.taken is not None:
        built = {**_take(node, contract, node.taken, scope, rendering), **built}
    return built if arrived is None else rendering.keep(_fill(built, contract, arrived))


def _build_condition_error(node: PlannedNode, key: str) -> InputError:
    """A string here would be a condition written by the sender of the data, possibly over secrets."""
    return InputError(
        f"`{key}` of `{node.name}` comes from data, which must be true or false, not a condition.",
        next_actions=[f'Write the condition in the workflow, and compare a named value: {key}: given == "admin".'],
        details={"field": key, "expected": "boolean", "got": "string"},
    )


def _take(node: PlannedNode, contract: Contract, taken: Template, scope: Scope, rendering: Rendering) -> dict[str, Any]:
    value = taken.render(scope, rendering)
    if value is None and taken.references[0].has_fallback:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(
            f"`{node.name}` takes {node.take}, which must be an object, not {describe_kind(value)}.",
            next_actions=[f'Name the field that it is for: config.{node.name}: {{FIELD: "{{{{{node.take}}}}}"}}.'],
            details={"field": "take", "expected": "object", "got": describe_kind(value)},
        )
    taken_fields = {key: item for key, item in value.items() if contract.takes_field(key)}
    for key in contract.condition_keys:
        if isinstance(taken_fields.get(key), str) and key not in node.config:
            raise _build_condition_error(node, key)
    rendering.keep(taken_fields)
    return taken_fields


def _fill(built: dict[str, Any], contract: Contract, arrived: Arrived) -> dict[str, Any]:
    """Fill missing fields in a plan of format 2. Optional ones are not filled from the trigger: callers must not set
    them.
    """
    missing = [key for key in contract.fillable_keys if key not in built and contract.takes_field(key)]
    if not missing:
        return built
    required = contract.relied_keys
    everything, nodes = _merge(arrived.everything), _merge(arrived.nodes)
    sources = {key: everything if key in required else nodes for key in missing}
    return {**built, **{key: source[key] for key, source in sources.items() if key in source}}


def _merge(values: Iterable[Any]) -> dict[str, Any]:
    """The fields of all objects among the values; the first object that has a field wins."""
    merged: dict[str, Any] = {}
    for value in values:
        if isinstance(value, Mapping):
            merged = {**value, **merged}
    return merged


def with_credentials(scope: Scope, node: PlannedNode, values: Mapping[str, str]) -> Scope:
    """The scope in which the node's templates see `values` as its credentials."""
    return {**scope, CREDENTIAL: values} if node.credential_references else scope


def validate_input(contract: Contract, value: Mapping[str, Any], node: str) -> None:
    """Raises InputError with node, field, expected and got; ComponentError INVALID_CONTRACT."""
    try:
        validate = contract.validate_input
    except SchemaError as error:
        raise ComponentError(f"`{contract.canonical_id}`: {error}.", code="INVALID_CONTRACT") from None
    if mismatches := find_mismatches(validate, value):
        wrong = mismatches[0]
        raise build_input_error(contract, node, wrong.field, wrong.expected, wrong.got)


def build_input_error(contract: Contract, node: str, field: str, expected: str, got: str = "") -> InputError:
    said = f"`{field}` of `{node}` must be {expected}, not {got}." if got else f"`{field}` of `{node}`: it {expected}."
    return InputError(
        said,
        next_actions=[f"Look at the inputs of {contract.canonical_id}: acr parts list {contract.canonical_id}."],
        details={"field": field, "expected": expected, **({"got": got} if got else {})},
    )


def _take_compiling(node: PlannedNode, work: WorkBudget) -> None:
    """Compile the node's templates the first time, and charge it. Raises CpuBudgetError."""
    work.take_compiling(node, "template", lambda it: len(it.references) * COMPILED_REFERENCE_WORK)


def failed(error: ArcrunError, subflow: tuple[NodeRecord, ...] | None = None) -> Outcome:
    return Outcome({"success": False, "error": error.to_json()}, error, subflow=subflow)


class Call(Protocol):
    """One call. `input` is the recordable input, None until it is prepared, and `input_weight` its weight.
    `held_weight` is the weight of what only this call holds until it ends, its JSON included. `sha256` is the
    component's. If it `keeps_time`, it fails with NODE_TIMEOUT itself. `step` names the attempt in a journal. `used` is
    what the statistics count of the last attempt, and `revealed` names the secrets that it has read.
    """

    input: Mapping[str, Any] | None
    input_weight: int
    held_weight: int
    sha256: str
    keeps_time: bool
    step: str
    used: tuple[str, str, bool, float] | None
    revealed: tuple[str, ...]

    async def prepare(self) -> None:
        """Prepare the input before the first attempt. Raises ArcrunError, and unexpected errors of ports."""

    async def run(self) -> Outcome:
        """Make one attempt. Raises the same."""

    def note_timeout(self) -> None:
        """Note that the attempt exceeded its timeout and was stopped."""


class ComponentCall:
    """The call of a component. `arrived` is None except for plans of format 2. `name` is its name_call, `added` what
    its input has besides. In a journal its attempts are entries.
    """

    keeps_time = False
    step = ""
    used: tuple[str, str, bool, float] | None = None
    revealed: tuple[str, ...] = ()

    def __init__(
        self,
        node: PlannedNode,
        scope: Scope,
        arrived: Arrived | None,
        context: RunContext,
        *,
        name: str,
        added: Mapping[str, Any] | None = None,
    ) -> None:
        self._node, self._scope, self._arrived, self._context = node, scope, arrived, context
        self._name, self._added = name, added
        self.input: Mapping[str, Any] | None = None
        self.input_weight = self.held_weight = 0
        self.sha256 = ""
        self._began_ms: float | None = None  # start of the attempt, once it has a slot

    async def prepare(self) -> None:
        node, context = self._node, self._context
        component = context.found.get(node.component) or await context.find_component(node.component)
        self._component, self.sha256 = component, component.sha256
        contract = component.contract
        pace, work = context.pace, context.budget.work
        if pace.is_due:  # others may have rendered much during the look-up
            await pace.rest()
        if work.is_limited:
            _take_compiling(node, work)
        rendering = work.open_rendering()
        value: Mapping[str, Any] = build_input(node, contract, self._scope, self._arrived, rendering)
        if node.key_field:
            value = self._add_key(value)
        if self._added:
            value = {**value, **self._added}
        if contract.run_key and contract.run_key not in value:
            value = {**value, contract.run_key: self._begin_run()}
        unrecorded = contract.unrecorded_keys
        self.input = {key: part for key, part in value.items() if key not in unrecorded} if unrecorded else value
        self.input_weight = rendering.weight
        if (references := len(node.template.references)) > SMALL_REFERENCES:  # NODE_WORK covers a few
            pace.count(REFERENCE_WORK * references)
        if self.input_weight > SMALL_CHARACTERS or rendering.steps:
            pace.count_rendering(rendering)
        if rendering.made:
            self._hold(rendering.made)
        self._filled = value
        if contract.credentials_required or node.credentials or node.credential_references:
            self._filled = await self._fill_credentials(value, contract)
        if contract.auth_key and contract.auth_key in node.config:
            await self._reveal_authorization(node.config[contract.auth_key])
        validate_input(contract, self._filled, node.name)
        if contract.has_unchecked_rules:
            components, budget = context.ports.components, context.budget
            pace.count(STRETCH_WORK)  # its computation is not reported
            await pace.rest()
            for field, message in await components.find_mismatches(contract.input_schema, self._filled, budget):
                raise build_input_error(contract, node.name, field, message)

    async def run(self) -> Outcome:
        self._began_ms = None
        context = self._context
        pace, slots, ports = context.pace, context.slots, context.ports
        component, cpu_ms = self._component, self._node.cpu_ms
        if not slots.take_free():
            await slots.wait()
        try:
            if pace.is_due:  # preparing the input, other nodes' work, and the call are separate stretches
                await pace.rest()
            self._began_ms = ports.clock.now_ms()
            if not KNOWING.isdisjoint(component.contract.capabilities) or component.contract.wants_secrets:
                caller = Caller(context.workflow, context.run_id, self._name, context.secrets, context.origin)
                outcome = await ports.components.call(component, self._filled, context.budget, cpu_ms, caller)
            else:
                outcome = await ports.components.call(component, self._filled, context.budget, cpu_ms)
        finally:
            slots.give_back()
            if component.contract.wants_secrets:
                self._note_derived()
        self._count(success=outcome.error is None)
        if outcome.error is not None:
            outcome.error.retriable = judge_failure(outcome.error, self._component.contract)
        pace.count(outcome.weight + (outcome.fuel or 0) // FUEL_A_BYTE)
        return outcome

    def note_timeout(self) -> None:
        self._count(success=False)

    def _hold(self, weight: int) -> None:
        """Count values that this call holds. Raises RunError RUN_TOO_LARGE."""
        self._context.live.take(2 * weight)
        self.held_weight += 2 * weight

    def _count(self, *, success: bool) -> None:
        """Count the attempt in the statistics. One that was stopped with its run says nothing about the component."""
        if self._began_ms is None:
            return
        context, contract = self._context, self._component.contract
        duration_ms = max(0.0, context.ports.clock.now_ms() - self._began_ms)
        used = contract.canonical_id, contract.version, success, duration_ms
        if context.journal is None:
            context.usage.count(*used)
        else:
            self.used = used

    async def _fill_credentials(self, recorded: Mapping[str, Any], contract: Contract) -> Mapping[str, Any]:
        """The input with its secrets: those that templates name, and those that the contract requires and the config
        lacks.
        """
        node = self._node
        filled = recorded
        if node.credential_references:
            secrets = await self._reveal_references()
            rendering = self._context.budget.work.open_rendering()
            filled = {**recorded, **node.template.render(with_credentials(self._scope, node, secrets), rendering)}
            if node.key_field:
                filled = self._add_key(filled)
            self._context.pace.count_rendering(rendering)
            self._hold(rendering.made)
        named = name_credentials(contract, node.credentials or {}, node.config)
        return (await inject_credentials(named, filled, self._reveal, node.name)).value

    def _add_key(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        from arcrun.workflows.idempotency_keys import add_key, build_key  # noqa: PLC0415 - few nodes send one

        return add_key(value, self._node.key_field, build_key(self._context.run_id, self._name))

    def _begin_run(self) -> dict[str, Any]:
        """What the clock and the random numbers of the call begin with: the numbers are those of each attempt."""
        from arcrun.workflows.idempotency_keys import build_key  # noqa: PLC0415 - few components ask for it

        seed = build_key(self._context.run_id, self._name)
        return {"seed": seed, "now_ms": math.floor(self._context.ports.clock.now_ms())}

    async def _reveal(self, name: str) -> str:
        self.revealed = (*self.revealed, name)
        return await self._context.reveal(name)

    async def _reveal_authorization(self, given: Any) -> None:
        """Only the workflow itself names the credential: no data does."""
        from arcrun.authorization.model import parse_authorization  # noqa: PLC0415 - few nodes have `auth`

        await self._reveal(parse_authorization(given).credential)

    def _note_derived(self) -> None:
        """A journal keeps what was made of the secrets, too: nobody else has it later."""
        from arcrun.authorization.model import name_derived  # noqa: PLC0415 - as above

        made = tuple(map(name_derived, self.revealed))
        names = (name for name in self._context.secrets if name.startswith(made))
        self.revealed = tuple(dict.fromkeys((*self.revealed, *names)))

    async def _reveal_references(self) -> dict[str, str]:
        """The secrets that templates name. Optional ones that are not stored are left out."""
        secrets = {}
        for name, is_optional in self._node.credential_references.items():
            try:
                secrets[name] = await self._reveal(name)
            except CredentialError as error:
                if not is_optional or error.code != "CREDENTIAL_MISSING":
                    raise
        return secrets


class WorkflowCall:
    """The call of a stored workflow. Its input is the config's `input` or the taken value: as the config says, or the
    data of FROM. In plans of format 2 it is the first value that arrived. `name` is its name_call.
    """

    sha256 = ""
    keeps_time = True  # what the workflow has done is undone before its node has failed
    step = ""
    used: tuple[str, str, bool, float] | None = None
    revealed: tuple[str, ...] = ()

    def __init__(
        self,
        node: PlannedNode,
        scope: Scope,
        arrived: Arrived | None,
        context: RunContext,
        run_plan: RunPlan,
        *,
        name: str,
    ) -> None:
        self._node, self._scope, self._arrived, self._context, self._run_plan = node, scope, arrived, context, run_plan
        self._name = name
        self.input: Mapping[str, Any] | None = None
        self.input_weight = self.held_weight = 0

    async def prepare(self) -> None:
        self._render_input()
        self._context.budget.subrequests.take(2)  # its name, and its plan
        self._plan = await self._context.ports.workflows.find_plan(self._node.workflow or "")
        if self._plan.input_schema is not None:
            await require_input(self._plan, self._value, self._context.ports.components, self._context.budget)

    def _render_input(self) -> None:
        work = self._context.budget.work
        if work.is_limited:
            _take_compiling(self._node, work)
        rendering = work.open_rendering()
        own = self._node.template.render(self._scope, rendering)
        self._value = own["input"] if "input" in own else rendering.keep(self._find_value(rendering))
        self.input_weight, self._made = rendering.weight, rendering.made
        self._context.pace.count_rendering(rendering)
        self.input = {"input": self._value}

    def _find_value(self, rendering: Rendering) -> Any:
        if self._arrived is not None:
            return next(iter(self._arrived.everything))
        return self._node.taken.render(self._scope, rendering) if self._node.taken else None

    async def run(self) -> Outcome:
        node, plan = self._node, self._plan
        inner = self._context.enter_subflow(plan.name, node.name, self.step, self._name)
        progress = inner.progress
        if progress is not None:
            progress.enter(self.step, plan, inner)
        try:
            answer = await self._run_plan(plan, self._value, inner, node.timeout_ms, self._made)
        except ArcrunError as error:
            trace = inner.ledger.trace(plan)
            if error.details.get("limited_by") == LimitedBy.NODE.value and node.timeout_ms is not None:
                return failed(build_node_timeout(node.name, node.timeout_ms), trace)
            error.locate(workflow=plan.name)
            return failed(error, trace)
        finally:
            if progress is not None:
                progress.leave(self.step)
        envelope = {"success": True, "data": answer.value}
        return Outcome(envelope, subflow=inner.ledger.trace(plan), weight=answer.weight)

    def note_timeout(self) -> None:
        """Nothing to do: the workflow's own nodes are already counted."""


class DetachedCall(WorkflowCall):
    """Its answer is {"run_id"}. The run has that id whichever attempt starts it; in a durable run also after a crash,
    for the journal's clock stands still until the run is told of something.
    """

    keeps_time = False

    def __init__(self, *call: Any, name: str) -> None:
        super().__init__(*call, name=name)
        context = self._context
        self._run_id = ""
        if context.journal is not None:
            self._run_id = derive_run_id(context.run_id, self._name, context.journal.now_ms())

    async def prepare(self) -> None:
        self._render_input()
        self._starter = _require_starter(self._context, self._node.name)
        self._run_id = self._run_id or self._starter.new_run_id()

    async def run(self) -> Outcome:
        subrequests = self._context.budget.subrequests
        subrequests.take(START_SUBREQUESTS)
        depth = subrequests.depth + 1
        await self._starter.start_detached(self._node.workflow or "", self._value, self._run_id, depth)
        return Outcome({"success": True, "data": {"run_id": self._run_id}}, weight=SMALL_CHARACTERS)


def _require_starter(context: RunContext, node: str) -> Starter:
    """Raises NotConfiguredError DETACH_NOT_AVAILABLE."""
    if context.starter is None:
        raise NotConfiguredError(
            f"`{node}` starts a run of its own, and only runs of the platform can.",
            code="DETACH_NOT_AVAILABLE",
            next_actions=[f"In a test, give `{node}` a stub."],
        )
    return context.starter


def build_node_timeout(node: str, timeout_ms: int) -> RunTimeoutError:
    raising = f"Raise config.{node}.timeout_ms, or set a retry for it."
    return RunTimeoutError(f"`{node}` took longer than {timeout_ms} ms.", code="NODE_TIMEOUT", next_actions=[raising])


def judge_failure(error: ArcrunError, contract: Contract) -> bool:
    """Whether a retry of a failed component may succeed: by the failure's `retriable`, else its `status`, else whether
    the component reaches outside. A fault such as a trap would recur.
    """
    said, status = error.details.get("retriable"), error.details.get("status")
    if isinstance(said, bool):
        return said
    if isinstance(status, int):
        return status in RETRIABLE_STATUSES or (status >= 500 and status not in LASTING_STATUSES)
    return contract.reaches_outside and error.http_status == ComponentError.http_status
