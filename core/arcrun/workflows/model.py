"""A workflow as its author wrote it, parsed and typed; and what it may refer to."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from arcrun.contracts.model import Contract
from arcrun.errors import ArcrunError, TemplateError
from arcrun.steps import Steps, run_steps
from arcrun.templates.expressions import Expression, compile_expression
from arcrun.templates.syntax import OPEN
from arcrun.templates.template import Template, compile_value
from arcrun.workflows.diagnostics import Path
from arcrun.workflows.relations import SPECS, Relation, RelationSpec

INPUT, OUTPUT = "input", "output"
TEMPLATE_STEPS = 8  # of compiling one (arcrun/steps.py)
TERMINAL_ALIASES = {
    **dict.fromkeys(("input", "trigger", "webhook", "start"), INPUT),
    **dict.fromkeys(("output", "result", "end", "done"), OUTPUT),
}


class Recording(StrEnum):
    """A workflow's `record`."""

    ALL = "all"
    ERRORS = "errors"
    NONE = "none"
    BEFORE_ANSWER = "before_answer"


@dataclass(frozen=True)
class Keeping:
    """`record` and `keep_days`: which runs leave a record, and for how many days; None is for as long as may be."""

    recording: Recording = Recording.ALL
    days: int | None = None


KEEPS_ALL = Keeping()


@dataclass(frozen=True)
class Edge:
    """`source` may be INPUT, `target` may be OUTPUT. `argument` and `path` are those of RelationCall.

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
        """That of an IF. Raises ValueError."""
        return compile_expression(self.argument)


@dataclass(frozen=True)
class RetryPolicy:
    """When an attempt fails: how many there are in all, and the waits between them, in milliseconds.

    The n-th wait is initial_ms (fixed), n * initial_ms (linear) or 2^(n-1) * initial_ms (exponential), at most max_ms,
    less a random part of up to `jitter` (0 to 1) of it. `on` are the errors that are worth another attempt: codes,
    HTTP statuses ("429", "5xx"), or "*" for any; None leaves it to what the error says of itself.
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
        """From a stored plan. One without `on`, of format 2 or of an early format 3, leaves it to the error."""
        on = stored.get("on")
        return cls(**{**stored, "on": None if on is None else tuple(on)})


@dataclass(frozen=True)
class LoopPolicy:
    """How many elements of a FOREACH run at once, and whether the first failure ends it."""

    concurrency: int = 1
    stops_on_error: bool = True


@dataclass(frozen=True)
class NodeSettings:
    """What the engine itself reads of a node's config. `credentials` maps a contract's key to a stored name; `take` is
    the reference, without braces, to the value that the input begins with.
    """

    retry: RetryPolicy | None = None
    timeout_ms: int | None = None
    take: str = ""
    cpu_ms: int | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A node of the flow. `config` is all that stands in its entry but the component's or the workflow's name.

    `component` is None for a sub-workflow, which `workflow` names. `at` is the path of its entry in the source,
    `called_at` that of the component's or the workflow's name; of what is not there, that of its first flow line.
    """

    name: str
    component: str | None
    workflow: str | None
    config: Mapping[str, Any]
    at: Path
    called_at: Path = field(default=(), compare=False)

    @cached_property
    def templates(self) -> Mapping[Path, Template | TemplateError]:
        """The texts of the config that hold braces, by their paths in it, compiled, or why they cannot be. A key that
        holds some has the path of its value, and OPEN behind it.
        """
        run_steps(self.compile_in_steps())
        return self.templates

    def compile_in_steps(self) -> Steps[None]:
        """What `templates` does when it is first asked for, for whoever lets others have their turn."""
        compiled: dict[Path, Template | TemplateError] = {}
        for path, text in _find_templates(self.config, ()):
            compiled[path] = _compile(text)
            yield TEMPLATE_STEPS * text.count(OPEN)
        self.__dict__["templates"] = compiled  # where cached_property keeps it


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
    """A node's entry taken apart: the input of what it calls, and the engine's settings."""

    config: Mapping[str, Any]
    settings: NodeSettings


@dataclass(frozen=True)
class Workflow:
    """`loops` are the policies of the nodes that FOREACH leaves, INPUT among them, where the author gave one.

    `is_complete` is whether every line of the flow could be read: only then the flow's shape is known. `sets_timeout`
    is whether `timeout_ms` is the author's, and not the default. `keeping` is what becomes of the records of its runs.
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


@dataclass(frozen=True)
class SymbolTable:
    """`contracts` by the reference that a node names; `faults` has those that cannot be used, and why.

    `components` are all names, for hints. `workflows` and `credentials` are None where nobody looked.
    """

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    faults: Mapping[str, ArcrunError] = field(default_factory=dict)
    components: Collection[str] = ()
    workflows: Collection[str] | None = None
    credentials: Collection[str] | None = None
