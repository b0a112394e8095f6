"""A workflow as its author wrote it, parsed and typed; and the symbols that it may refer to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from arcrun.contracts.model import Contract
from arcrun.errors import ArcrunError, TemplateError
from arcrun.interruptible import Steps, run_steps
from arcrun.templates.expressions import Expression, compile_expression
from arcrun.templates.syntax import OPEN
from arcrun.templates.template import Template, compile_path, compile_value
from arcrun.workflows.diagnostics import Path
from arcrun.workflows.relations import SPECS, Relation, RelationSpec
from arcrun.workflows.responses.model import Response
from arcrun.workflows.triggers.model import DEFAULT_TRIGGERS, StartLimit, Triggers

INPUT, OUTPUT = "input", "output"
TOOLS = "tools"  # of a node that asks a language model: what it may call
TOOL_INPUT = "__tool"  # what a model has given a tool, which the tool takes
# What a line may lead to besides a node and OUTPUT: it ends the run, the loop around, or the wait of the webhook's
# caller. A node may have such a name if it has an entry in the config.
STOP, BREAK, RESPOND = "stop", "break", "respond"
ENDINGS = (STOP, BREAK, RESPOND)
TEMPLATE_STEPS = 8  # for compiling one (arcrun/interruptible.py)
TERMINAL_ALIASES = {
    **dict.fromkeys(("input", "trigger", "webhook", "start"), INPUT),
    **dict.fromkeys(("output", "result", "end", "done"), OUTPUT),
}


class Recording(StrEnum):
    """The values of a workflow's `record`."""

    ALL = "all"
    ERRORS = "errors"
    NONE = "none"
    BEFORE_ANSWER = "before_answer"


@dataclass(frozen=True)
class Keeping:
    """`record` and `keep_days`: which runs are recorded, and for how many days; None means as long as possible."""

    recording: Recording = Recording.ALL
    days: int | None = None


KEEPS_ALL = Keeping()


@dataclass(frozen=True)
class Edge:
    """An edge. `source` may be INPUT, `target` may be OUTPUT or one of ENDINGS. `argument` and `path` are those of
    RelationCall.

    `at` is the edge's path in the source.
    """

    source: str
    relation: Relation
    target: str
    argument: str = ""
    path: str = ""
    at: Path = ()

    @cached_property
    def spec(self) -> RelationSpec:
        return SPECS[self.relation]

    @cached_property
    def expression(self) -> Expression:
        """The expression of an IF. Raises ValueError."""
        return compile_expression(self.argument)


@dataclass(frozen=True)
class RetryPolicy:
    """Retries of a failed attempt: `max_attempts` in all, with waits between them in milliseconds.

    The n-th wait is initial_ms (fixed), n * initial_ms (linear) or 2^(n-1) * initial_ms (exponential), at most max_ms,
    minus a random part of up to `jitter` (0 to 1) of it. `on` are the errors to retry: codes, HTTP statuses ("429",
    "5xx"), or "*" for any; None leaves it to the error's `retriable`.
    """

    max_attempts: int = 3
    backoff: str = "exponential"
    initial_ms: int = 200
    max_ms: int = 30_000
    jitter: float = 0.5
    on: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "on": None if self.on is None else list(self.on)}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "RetryPolicy":
        """Load it from a stored plan. Without `on`, as in format 2 and early format 3, it is left to the error."""
        on = stored.get("on")
        return cls(**{**stored, "on": None if on is None else tuple(on)})


@dataclass(frozen=True)
class LoopPolicy:
    """How many elements of a FOREACH run concurrently, and whether the first failure ends it.

    `until` is an expression over the body: the first element that meets it ends the loop. `tolerate` is how many
    elements may fail, `5` or `10%` of them; then the loop has failed. With `batch` an element is a list of so many.
    """

    concurrency: int = 1
    stops_on_error: bool = True
    until: str = ""
    tolerate: str = ""
    batch: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether it has only what plans of format 3 have."""
        return not (self.until or self.tolerate or self.batch)

    @cached_property
    def expression(self) -> Expression:
        """Of `until`. Raises ValueError."""
        return compile_expression(self.until, "until")

    def count_tolerated(self, elements: int) -> int | None:
        """How many of so many elements may fail; None for any number."""
        if not self.tolerate:
            return None
        if self.tolerate.endswith("%"):
            return elements * int(self.tolerate[:-1]) // 100
        return int(self.tolerate)

    def to_json(self) -> dict[str, Any]:
        added = {"until": self.until, "tolerate": self.tolerate, "batch": self.batch}
        return {
            "concurrency": self.concurrency,
            "stops_on_error": self.stops_on_error,
            **{key: value for key, value in added.items() if value},
        }


@dataclass(frozen=True)
class Join:
    """A node's `join`, if it is not `any`: how many of its lines must fire for it to run; None means all of them.

    With a number it starts as soon as so many have fired, and is skipped as soon as they no longer can. If it
    `cancels_rest`, what then only leads to it is cancelled.
    """

    at_least: int | None
    cancels_rest: bool = False

    @property
    def is_early(self) -> bool:
        """Whether it may start before all of its parents have settled."""
        return self.at_least is not None

    def needed(self, lines: int) -> int:
        """How many of so many lines must fire."""
        return lines if self.at_least is None else self.at_least


@dataclass(frozen=True)
class RepeatPolicy:
    """A node's `repeat`: it runs until the expression `until` is met, at most `max_rounds` times, and waits in between:
    `wait_ms`, or with the exponential backoff twice as long after each round.

    `collect` is the path of what each round contributes to the node's `collected`, empty for none. If `continues`, the
    node succeeds with its last output when the rounds are used up, otherwise it fails.
    """

    until: str
    max_rounds: int
    wait_ms: int = 0
    backoff: str = "fixed"
    collect: str = ""
    continues: bool = False

    @cached_property
    def expression(self) -> Expression:
        """Raises ValueError."""
        return compile_expression(self.until, "until")

    @cached_property
    def template(self) -> Template | None:
        """Of `collect`. Raises TemplateError."""
        return compile_path(self.collect) if self.collect else None


@dataclass(frozen=True)
class NodeSettings:
    """The engine's own settings in a node's config. `credentials` maps a contract's key to a stored name; `take` is the
    reference, without braces, to the value that the input is based on. `key_field` is the
    input's field that gets the automatic idempotency key, empty for none; `is_detached` is whether the workflow that it
    calls becomes a run of its own, `is_once` whether a call that a crash cut off waits for a decision.
    """

    retry: RetryPolicy | None = None
    timeout_ms: int | None = None
    take: str = ""
    cpu_ms: int | None = None
    repeat: RepeatPolicy | None = None
    join: Join | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)
    key_field: str = ""
    is_detached: bool = False
    is_once: bool = False


@dataclass(frozen=True)
class Node:
    """A node of the flow. `config` is its entry without the component's or the workflow's name.

    `component` is None for a sub-workflow, which `workflow` names. `at` is the path of its entry in the source,
    `called_at` that of the component's or the workflow's name; for missing ones, that of its first flow line.
    """

    name: str
    component: str | None
    workflow: str | None
    config: Mapping[str, Any]
    at: Path
    called_at: Path = field(default=(), compare=False)
    is_undo: bool = False  # of the node with this name
    tool: str = ""  # its name, if it is one of the node with this name

    @property
    def told(self) -> str:
        """How messages name it."""
        if self.tool:
            return f"the tool `{self.tool}` of `{self.name}`"
        return f"the undo of `{self.name}`" if self.is_undo else f"`{self.name}`"

    @cached_property
    def templates(self) -> Mapping[Path, Template | TemplateError]:
        """The config's strings with braces by their paths, as compiled templates or the errors. A key with braces has
        the path of its value followed by OPEN.
        """
        run_steps(self.compile_in_steps())
        return self.templates

    @cached_property
    def undo(self) -> "Node | None":
        """The call that undoes what this node has done: its `undo`, which names a component or a workflow. None if it
        has none, or none that can be read.
        """
        entry = self.config.get("undo")
        if not isinstance(entry, Mapping) or isinstance(entry.get("component"), str) == isinstance(
            entry.get("workflow"), str
        ):
            return None
        key = "component" if isinstance(entry.get("component"), str) else "workflow"
        rest = {name: value for name, value in entry.items() if name != key}
        component, workflow = (entry[key], None) if key == "component" else (None, entry[key])
        at = (*self.at, "undo")
        return Node(self.name, component, workflow, rest, at, (*at, key), is_undo=True)

    @property
    def may_have_tools(self) -> bool:
        """Whether it asks a language model."""
        return TOOLS in self.config and self.component is not None and self.component.partition("@")[0] == "llm"

    @cached_property
    def tools(self) -> "tuple[Node, ...]":
        """What a language model may call, as far as it can be read (asking/tools.py)."""
        if not self.may_have_tools or not isinstance(self.config.get(TOOLS), Mapping):
            return ()
        from arcrun.workflows.asking.tools import list_tools  # noqa: PLC0415 - few nodes have any

        return tuple(list_tools(self))

    def compile_in_steps(self) -> Steps[None]:
        """Compute `templates` in steps, to yield to other requests."""
        self.__dict__["templates"] = yield from compile_in_steps(self.config)  # where cached_property caches it


def compile_in_steps(value: Any) -> Steps[Mapping[Path, Template | TemplateError]]:
    """The strings with braces in a value by their paths, as Node.templates has them, in steps."""
    compiled: dict[Path, Template | TemplateError] = {}
    for path, text in _find_templates(value, ()):
        compiled[path] = _compile(text)
        yield TEMPLATE_STEPS * text.count(OPEN)
    return compiled


def _find_templates(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if OPEN in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if path and OPEN in str(key):
                yield (*path, key, OPEN), str(key)
            yield from _find_templates(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _find_templates(item, (*path, i))


def _compile(value: str) -> Template | TemplateError:
    try:
        return compile_value(value)
    except TemplateError as error:
        return error


@dataclass(frozen=True)
class NodeParts:
    """A node's entry taken apart: the input of its component or workflow, and the engine's settings. `undo` has the
    parts of Node.undo, `tools` those of Node.tools.
    """

    config: Mapping[str, Any]
    settings: NodeSettings
    undo: "NodeParts | None" = None
    tools: "Mapping[str, NodeParts]" = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """A parsed workflow. `loops` are the loop policies that the author set, by the node that FOREACH leaves or INPUT.

    `is_complete` is whether all lines of the flow could be parsed: only then is the flow's shape known. `sets_timeout`
    is whether the author set `timeout_ms`. `keeping` says which runs are recorded and for how long, `is_durable`
    whether they go on after a crash,
    `triggers` what starts them, `input_schema` (a JSON Schema) with what input, `start_limits` how many. `response` is
    what its webhook answers, None for the data as JSON.
    """

    name: str
    description: str
    edges: tuple[Edge, ...]
    nodes: Mapping[str, Node]
    loops: Mapping[str, LoopPolicy]
    timeout_ms: int
    concurrency: int
    is_complete: bool
    sets_timeout: bool = False
    keeping: Keeping = KEEPS_ALL
    is_durable: bool = False
    triggers: Triggers = DEFAULT_TRIGGERS
    input_schema: Mapping[str, Any] | None = None
    start_limits: tuple[StartLimit, ...] = ()
    response: Response | None = None

    @cached_property
    def calls(self) -> tuple[Node, ...]:
        """All that calls a component or a workflow: the nodes, their undos and their tools."""
        nodes = self.nodes.values()
        return tuple(call for node in nodes for call in (node, node.undo, *node.tools) if call is not None)

    @property
    def components(self) -> list[str]:
        """The references of all components that it names, its watch's too."""
        named = [call.component for call in self.calls if call.component]
        watch = self.triggers.watch
        return [*dict.fromkeys([*named, *([] if watch is None else [watch.entry["component"]])])]

    @cached_property
    def lines_into(self) -> Mapping[str, list[Edge]]:
        """The edges into each node, each once however often it is written: the lines that a join counts."""
        lines: dict[str, dict[tuple[str, Relation, str], Edge]] = {name: {} for name in (*self.nodes, OUTPUT)}
        for edge in self.edges:
            lines.setdefault(edge.target, {})[edge.source, edge.relation, edge.argument] = edge
        return {name: [*found.values()] for name, found in lines.items()}

    def ending_of(self, edge: Edge) -> str:
        """The one of ENDINGS that the edge leads to; empty otherwise, also if a node has that name."""
        return edge.target if edge.target in ENDINGS and edge.target not in self.nodes else ""

    @property
    def responds(self) -> list[Edge]:
        """The edges to RESPOND."""
        return [edge for edge in self.edges if self.ending_of(edge) == RESPOND]


class CodeProblem(NamedTuple):
    """Why the JavaScript of a node does not compile, and where: in its file, or else in its source."""

    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class SymbolTable:
    """The symbols that a workflow refers to. `contracts` are by the node's reference; `faults` are the unusable ones,
    by the same.

    `components` are all names, for hints. `unchecked` are the references that could not be looked up, and of which
    nothing is said. `workflows` and `credentials` are None if they were not looked up. `variables` are the project's
    `vars`. `schema_problem` is what validate_json says of the workflow's input_schema, empty if that is usable or was
    not asked; `event_schema_problems` is the same of the schemas of `wait_for`, by node. `schedule_problems` is what is
    wrong with the times of schedules, by their numbers. `code_problems` are those of nodes of `code`, by the node and
    whether it is its undo. `circle` is the way from the workflow back to itself, by what each workflow is started
    after; empty if there is none. `failure_circle` is the same by that and by whose failures start each. `undescribed`
    are those of the workflows that tools call whose `input_schema` does not say what they take.
    """

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    faults: Mapping[str, ArcrunError] = field(default_factory=dict)
    components: Collection[str] = ()
    workflows: Collection[str] | None = None
    credentials: Collection[str] | None = None
    unchecked: Collection[str] = ()
    schema_problem: str = ""
    event_schema_problems: Mapping[str, str] = field(default_factory=dict)
    schedule_problems: Mapping[int, str] = field(default_factory=dict)
    code_problems: Mapping[tuple[str, bool], CodeProblem] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    circle: Sequence[str] = ()
    failure_circle: Sequence[str] = ()
    undescribed: Collection[str] = ()
