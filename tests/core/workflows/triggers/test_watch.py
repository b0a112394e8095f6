"""`watch`: what is taken, what is refused, what is stored of it, when it is another one, and the keys of items."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.contracts.model import Contract
from arcrun.errors import RunError
from arcrun.interruptible import run_steps
from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.diagnostics import Diagnostic
from arcrun.workflows.model import Recording, SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import STARTING_FORMAT, load_plan
from arcrun.workflows.polls import load_poll
from arcrun.workflows.triggers.schedules import Timing
from arcrun.workflows.triggers.watch import First, Watch, is_watch_key
from arcrun.workflows.triggers.watched_items import is_digest, list_items_in_steps
from fakes.contracts import build_contract
from fakes.flows import ANYTHING, compile_source, diagnose, flow_of

FEED = {"component": "get", "url": "https://example.com/feed.json", "every": "5m", "items": "{{data.body.items}}"}
LISTING = build_contract(
    input_schema={"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}},
    output_schema={"type": "object", "properties": {"body": {}, "status": {"type": "integer"}}},
)


def source_with(**watch: Any) -> dict[str, Any]:
    written = {name: value for name, value in {**FEED, "key": "{{item.id}}", **watch}.items() if value is not None}
    return {**flow_of("input >> PIPE >> a"), "triggers": {"watch": written}}


def watch_of(**watch: Any) -> Watch:
    found = require_plan(compile_source(source_with(**watch), variables={"api": "https://a.example"})).triggers.watch
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "timing", "first"),
    [
        ({}, Timing.EVERY, First.NONE),
        ({"every": None, "cron": "0 9 * * *", "zone": "Europe/Berlin", "first": "all"}, Timing.CRON, First.ALL),
    ],
)
def test_what_is_taken_survives_storage(written: Any, timing: Timing, first: First) -> None:
    plan = require_plan(compile_source(source_with(**written)))
    watch = plan.triggers.watch
    assert watch is not None
    assert (watch.schedule.timing, watch.first, watch.key) == (timing, first, "{{item.id}}")
    assert plan.triggers.starts_itself
    assert plan.triggers.all_schedules == (watch.schedule,)
    assert is_watch_key(watch.schedule_key)
    stored = json.loads(json.dumps(plan.to_json()))
    loaded = load_plan(stored)
    assert (loaded, stored["format"]) == (plan, STARTING_FORMAT)
    assert loaded.triggers.watch is not None
    assert loaded.triggers.watch.identity == watch.identity


def test_a_poll_is_a_plan_of_one_step_that_keeps_no_success() -> None:
    poll = load_poll(watch_of(retry={"max_attempts": 5}, timeout_ms=1_000))
    [node] = poll.nodes
    assert (node.component, node.config) == ("get", {"url": FEED["url"]})
    assert node.retry is not None
    assert (node.retry.max_attempts, node.timeout_ms) == (5, 1_000)
    assert (poll.name, poll.keeping.recording, poll.is_durable) == ("w", Recording.ERRORS, False)


def test_the_plan_has_the_settings_that_its_poll_reads() -> None:
    source = source_with(url="{{vars.api}}/feed")
    plan = require_plan(compile_source(source, variables={"api": "https://a.example", "other": 1}))
    assert plan.variables == {"api": "https://a.example"}


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ({"component": None}, "INVALID_SETTING", "needs a `component`"),
        ({"every": None}, "INVALID_SETTING", "exactly one of `every` and `cron`"),
        ({"cron": "0 9 * * *"}, "INVALID_SETTING", "exactly one of `every` and `cron`"),
        ({"every": "1s"}, "INVALID_SETTING", "must be a duration from 1m"),
        ({"zone": "Europe/Berlin"}, "INVALID_SETTING", "has no effect"),
        ({"key": None}, "INVALID_SETTING", "`key` of `watch` must be a template of each item"),
        ({"key": "id"}, "INVALID_SETTING", "`key` of `watch` must be a template of each item"),
        ({"key": 5}, "INVALID_SETTING", "`key` of `watch` must be a template of each item"),
        ({"key": "{{item.id"}, "INVALID_TEMPLATE", "in `key`"),
        ({"key": "{{id}}"}, "UNRESOLVED_REFERENCE", "{{id}} is not known in `key` of `watch`"),
        ({"items": "{{body.items}}"}, "UNRESOLVED_REFERENCE", "{{body.items}} is not known in `items`"),
        ({"items": "x {{data.body}}"}, "INVALID_SETTING", "must be a reference to a list"),
        ({"first": "some"}, "INVALID_SETTING", "must be one of none, all"),
        ({"repeat": {}}, "INVALID_SETTING", "`repeat` belongs to a step of the flow"),
        ({"take": "input"}, "INVALID_SETTING", "`take` belongs to a step of the flow"),
        ({"component": None, "workflow": "other"}, "INVALID_SETTING", "needs a `component`"),
        ({"url": None}, "MISSING_INPUT", "`watch` needs `url`"),
        ({"ulr": "x"}, "UNKNOWN_KEY", "unknown key `ulr` in `triggers.watch`"),
        ({"url": "{{input.url}}"}, "UNRESOLVED_REFERENCE", "a poll has no input"),
        ({"url": "{{request.path}}"}, "UNRESOLVED_REFERENCE", "a poll has no request"),
        ({"url": "{{a.data.url}}"}, "UNRESOLVED_REFERENCE", "{{a.data.url}} refers to nothing"),
        ({"url": 5}, "INVALID_INPUT", "`url` of `watch` must be"),
        ({"items": None}, "INVALID_SETTING", "`watch` needs `items`"),
        ({"items": "{{data.status}}"}, "INVALID_SETTING", "needs a list, but data.status is integer"),
        ({"component": "gte"}, "UNKNOWN_COMPONENT", "`watch` names the component `gte`"),
        ({"timeout_ms": 0}, "INVALID_SETTING", "`triggers.watch.timeout_ms` must be"),
    ],
)
def test_what_is_refused(written: Any, code: str, message: str) -> None:
    draft = {"a": ANYTHING, "get": LISTING}
    found = [each for each in diagnose_known(source_with(**written), draft) if each.severity == "error"]
    assert [each.code for each in found] == [code], found
    assert message in found[0].message


def diagnose_known(source: dict[str, Any], contracts: Mapping[str, Contract]) -> list[Diagnostic]:
    return compile_workflow(parse_workflow(source), SymbolTable(contracts)).diagnostics


@pytest.mark.parametrize("value", [None, [], "x"])
def test_it_must_be_a_mapping(value: Any) -> None:
    [found] = diagnose({**flow_of("input >> PIPE >> a"), "triggers": {"watch": value}})
    assert found.code == "INVALID_SETTING"


def test_a_field_that_the_answer_does_not_declare_is_warned_of() -> None:
    [found] = diagnose(source_with(items="{{data.boddy.items}}"), {"get": LISTING})
    assert (found.code, found.severity) == ("UNRESOLVED_REFERENCE", "warning")
    assert "body" in found.hint


def test_a_credential_that_is_not_stored_is_warned_of() -> None:
    [found] = diagnose(source_with(url="https://x/?k={{credential.feed_key}}"), credentials=[])
    assert (found.code, found.severity) == ("MISSING_CREDENTIAL", "warning")


@pytest.mark.parametrize("same", [{"every": "1h"}, {"first": "all"}, {"retry": {"max_attempts": 2}}, {"timeout_ms": 5}])
def test_what_it_watches_stays_the_same(same: Any) -> None:
    assert watch_of(**same).identity == watch_of().identity


@pytest.mark.parametrize(
    "other", [{"url": "https://example.com"}, {"key": "{{item.url}}"}, {"items": "{{data.body}}"}, {"component": "a"}]
)
def test_what_it_watches_is_another(other: Any) -> None:
    assert watch_of(**other).identity != watch_of().identity


def test_it_is_another_if_a_setting_that_it_reads_is() -> None:
    source = source_with(url="{{vars.api}}")
    plans = [require_plan(compile_source(source, variables={"api": url})) for url in ("a", "b")]
    first, second = (plan.triggers.watch for plan in plans)
    assert first is not None
    assert second is not None
    assert first.identity != second.identity


@pytest.mark.parametrize(
    ("key", "items", "expected"),
    [
        ("{{item.id}}", [{"id": "a"}, {"id": 5}, {"id": 1.5}], ["a", "5", "1.5"]),
        ("{{item.a}}/{{item.b}}", [{"a": 1, "b": "x"}], ["1/x"]),
        ("{{item}}", ["x", "y", "x"], ["x", "y"]),
        ("{{item.id}}", [{"id": 0}], ["0"]),
        ("{{item.id}}", [], []),
    ],
)
def test_the_keys_of_items(key: str, items: list[Any], expected: list[str]) -> None:
    found = run_steps(list_items_in_steps(watch_of(key=key), {"body": {"items": items}}))
    assert [each.key for each in found] == expected
    assert all(is_digest(each.digest) for each in found)


def test_of_equal_keys_the_first_counts() -> None:
    items = [{"id": 1, "n": 1}, {"id": "1", "n": 2}]
    [found] = run_steps(list_items_in_steps(watch_of(), {"body": {"items": items}}))
    assert found.value == items[0]


def test_a_key_that_is_missing_names_its_item() -> None:
    with pytest.raises(RunError) as refused:
        run_steps(list_items_in_steps(watch_of(), {"body": {"items": [{"id": 1}, {"title": "x"}]}}))
    assert (refused.value.code, refused.value.details) == ("WATCH_KEY_MISSING", {"item": 1})
    assert refused.value.next_actions


def test_a_poll_that_would_wait_is_not_told_to_be_durable() -> None:
    watch = {"component": "wait", "for": "14d", "every": "5m", "key": "{{item.id}}"}
    found = diagnose({**flow_of("input >> PIPE >> a"), "triggers": {"watch": watch}})
    [hint] = [each.hint for each in found if each.code == "NEEDS_DURABLE"]
    assert hint.startswith("A poll asks and does not wait")


def test_an_unknown_key_is_told_with_those_of_a_watch() -> None:
    contract = build_contract(input_schema={"type": "object", "additionalProperties": False, "properties": {"url": {}}})
    watch = {"component": "a", "url": "u", "every": "5m", "key": "{{item.id}}", "surprise": 1}
    source = {**flow_of("input >> PIPE >> b", config={"b": {"component": "a"}}), "triggers": {"watch": watch}}
    [hint] = [each.hint for each in diagnose(source, {"a": contract}) if each.code == "UNKNOWN_KEY"]
    allowed = hint.removeprefix("Allowed: ").rstrip(".").split(", ")
    assert {"url", "every", "cron", "zone", "items", "key", "first", "retry"} <= {*allowed}
    assert not {"take", "join", "repeat", "once"} & {*allowed}
    assert len(allowed) == len({*allowed})
