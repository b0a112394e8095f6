"""`watch` of a workflow's triggers: a component that is asked again and again, and starts a run for each item of its
answer that is new. Imported only for workflows that have it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from arcrun.errors import TemplateError
from arcrun.templates.template import Template, compile_value
from arcrun.workflows.diagnostics import Findings, Path, Severity
from arcrun.workflows.settings import SETTING_KEYS, Reader
from arcrun.workflows.triggers.schedules import Schedule, keys_of, parse_schedule

DATA, ITEM = "data", "item"  # what `items` and `key` read
WATCH = "watch"  # the name of a poll's only step
SCHEDULE_PREFIX = "watch "  # of the keys of schedules that are a watch's
_TIMES = ("every", "cron", "zone")
_FIRST = ("first",)
_OWN = (*_TIMES, "items", "key", *_FIRST)
# Settings of a step that mean nothing here, where a component is asked once. No component has an input of such a name.
_OF_STEPS = ("take", "repeat", "join", "cancel_rest", "foreach", "undo", "once")
SETTINGS = (*_OWN, *(key for key in SETTING_KEYS if key not in _OF_STEPS))  # all keys beside the component's input
ALL_DATA = "{{data}}"
_EXAMPLE = (
    "watch: {component: http_request, url: https://example.com/feed.json, every: 5m,"
    ' items: "{{data.body.items}}", key: "{{item.id}}"}'
)
_KEY_DIGITS = 16


class First(StrEnum):
    """What becomes of the items that the first poll finds."""

    NONE = "none"  # they count as known
    ALL = "all"  # each starts a run


@dataclass(frozen=True)
class Watch:
    """`items` is a template over the component's answer, which is its `data`; `key` one over each `item`. `poll` is the
    plan of a poll, as it is stored (arcrun/workflows/plan.py), empty before it is compiled. `entry` is what is written
    of the component, with its settings; a stored watch has it in its plan only.
    """

    schedule: Schedule
    key: str
    items: str = ALL_DATA
    first: First = First.NONE
    poll: Mapping[str, Any] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def identity(self) -> str:
        """What it watches, as a hash: it stays the same while the component, its input and credentials, `items` and
        `key` do. What was seen is known by it.
        """
        [node] = self.poll["graph"]["nodes"]
        config = node["config"]
        if "source" in config:
            from arcrun.workflows.literals.code_sources import without_place  # noqa: PLC0415 - few components have one

            config = without_place(config)
        asked = [node["component"], config, node.get("credentials"), self.poll.get("vars")]
        return hashlib.sha256(json.dumps([*asked, self.items, self.key], sort_keys=True).encode()).hexdigest()[
            :_KEY_DIGITS
        ]

    @cached_property
    def schedule_key(self) -> str:
        """The key of its schedule among those of the workflow."""
        return SCHEDULE_PREFIX + keys_of([self.schedule])[0]

    @cached_property
    def items_template(self) -> Template:
        return compile_value(self.items)

    @cached_property
    def key_template(self) -> Template:
        return compile_value(self.key)

    def with_poll(self, poll: Mapping[str, Any]) -> "Watch":
        return replace(self, poll=poll)

    def to_json(self) -> dict[str, Any]:
        """What differs from the default, as it is written, and the plan of a poll."""
        return {
            **self.schedule.rules_to_json(),
            "key": self.key,
            **({"items": self.items} if self.items != ALL_DATA else {}),
            **({"first": self.first.value} if self.first is not First.NONE else {}),
            "poll": self.poll,
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Watch":
        items, first = stored.get("items", ALL_DATA), First(stored.get("first", First.NONE))
        return cls(Schedule.load(stored), stored["key"], items, first, stored["poll"])


def starts_all_again(before: Watch | None, now: Watch) -> bool:
    """Whether the first poll of a new current version starts runs of items that had theirs: it watches something else
    than the version `before`.
    """
    return before is not None and now.first is First.ALL and now.identity != before.identity


def is_watch_key(schedule_key: str) -> bool:
    """Whether a schedule is that of a watch."""
    return schedule_key.startswith(SCHEDULE_PREFIX)


def parse_watch(findings: Findings, value: Any, at: Path) -> Watch | None:
    """None if there are errors, each of which is among the findings."""
    if not isinstance(value, Mapping):
        findings.add("INVALID_SETTING", "`watch` must be a mapping with `component`", f"For example: {_EXAMPLE}", at=at)
        return None
    told = len(findings.found)
    schedule = _parse_times(findings, value, at)
    for name in _OF_STEPS:
        if name in value:
            message = f"`{name}` belongs to a step of the flow, not to `watch`, which asks a component"
            findings.add("INVALID_SETTING", message, "Remove it.", at=(*at, name))
    if not isinstance(value.get("component"), str):
        findings.add("INVALID_SETTING", "`watch` needs a `component`", f"For example: {_EXAMPLE}", at=at)
    items = _parse_template(findings, value.get("items", ALL_DATA), DATA, (*at, "items"))
    key = _parse_template(findings, value.get("key"), ITEM, (*at, "key"))
    first = Reader(findings, {name: value[name] for name in _FIRST if name in value}, at, _FIRST)
    starts = First(first.choice(*_FIRST, First.NONE.value, tuple(First)))
    if schedule is None or any(found.severity is Severity.ERROR for found in findings.found[told:]):
        return None
    entry: Mapping[str, Any] = {name: each for name, each in value.items() if name not in _OWN}
    if "source" in entry:
        from arcrun.workflows.literals.code_sources import is_code, keep_literal  # noqa: PLC0415 - few components have one

        entry = keep_literal(entry, at, findings.positions) if is_code(entry["component"]) else entry
    return Watch(schedule, key, items, starts, entry=entry)


def _parse_times(findings: Findings, value: Mapping[str, Any], at: Path) -> Schedule | None:
    if ("every" in value) == ("cron" in value):
        message = "`watch` needs exactly one of `every` and `cron`: how often it asks"
        findings.add("INVALID_SETTING", message, f"For example: {_EXAMPLE}", at=at)
        return None
    return parse_schedule(findings, {name: value[name] for name in _TIMES if name in value}, at)


def _parse_template(findings: Findings, value: Any, head: str, at: Path) -> str:
    """A template that reads `head` alone: `items` is one reference to a list."""
    name = at[-1]
    what = f"a template of each {ITEM}" if head == ITEM else "a reference to a list in the component's answer"
    hint = 'For example: key: "{{item.id}}"' if head == ITEM else 'For example: items: "{{data.body.items}}"'
    if not isinstance(value, str):
        findings.add("INVALID_SETTING", f"`{name}` of `watch` must be {what}", hint, at=at)
        return ""
    try:
        template = compile_value(value)
    except TemplateError as error:
        findings.add("INVALID_TEMPLATE", f"in `{name}`: {error.message.rstrip('.')}", error.next_actions[0], at=at)
        return ""
    if not template.references or (head == DATA and not template.whole):
        findings.add("INVALID_SETTING", f"`{name}` of `watch` must be {what}", hint, at=at)
    _check_heads(findings, template, head, at)
    return value


def _check_heads(findings: Findings, template: Template, head: str, at: Path) -> None:
    for reference in template.references:
        if reference.head != head:
            message = f"{{{{{reference.path}}}}} is not known in `{at[-1]}` of `watch`, which reads `{head}`"
            findings.add("UNRESOLVED_REFERENCE", message, f"Write {{{{{head}.{reference.path}}}}}.", at=at)
