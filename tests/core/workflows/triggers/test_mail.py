"""`email`: what is taken, what is refused, and what is stored of it."""

import json
from typing import Any

import pytest

from arcrun.limits import MAX_ALLOWED_SENDERS, MAX_MESSAGE_BYTES
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import STARTING_FORMAT, load_plan
from arcrun.workflows.triggers.mail import MailTrigger
from fakes.flows import compile_source, diagnose, flow_of


def source_with(email: Any, **more: Any) -> dict[str, Any]:
    return {**flow_of("input >> PIPE >> a"), "triggers": {"email": email}, **more}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, MailTrigger()),
        ({"from": ["Ada@Example.org", "*@example.net"]}, MailTrigger(("ada@example.org", "*@example.net"))),
        ({"max_bytes": 1_000}, MailTrigger(None, 1_000)),
    ],
)
def test_what_is_taken_survives_storage(written: dict[str, Any], expected: MailTrigger) -> None:
    plan = require_plan(compile_source(source_with(written)))
    assert plan.triggers.mail == expected
    stored = json.loads(json.dumps(plan.to_json()))
    assert (load_plan(stored), stored["format"]) == (plan, STARTING_FORMAT)


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        (None, "INVALID_SETTING", "must be a mapping with from, max_bytes"),
        ({"form": []}, "UNKNOWN_KEY", "unknown key `form`"),
        ({"from": []}, "INVALID_SETTING", f"must be a list of 1 to {MAX_ALLOWED_SENDERS}"),
        ({"from": "a@b.c"}, "INVALID_SETTING", f"must be a list of 1 to {MAX_ALLOWED_SENDERS}"),
        ({"from": ["a@b.c"] * (MAX_ALLOWED_SENDERS + 1)}, "INVALID_SETTING", "must be a list of 1 to"),
        ({"from": ["example.org"]}, "INVALID_SETTING", "has 'example.org', which is no address"),
        ({"from": ["*"]}, "INVALID_SETTING", "has '*', which is no address"),
        ({"from": ["*@*.org"]}, "INVALID_SETTING", "has '*@*.org', which is no address"),
        ({"from": [7]}, "INVALID_SETTING", "has 7, which is no address"),
        ({"max_bytes": 0}, "INVALID_SETTING", f"must be an integer from 1 to {MAX_MESSAGE_BYTES}"),
        ({"max_bytes": MAX_MESSAGE_BYTES + 1}, "INVALID_SETTING", "must be an integer from 1 to"),
    ],
)
def test_what_is_refused(written: Any, code: str, message: str) -> None:
    [found] = diagnose(source_with(written))
    assert (found.code, message in found.message) == (code, True)


@pytest.mark.parametrize("name", ["Orders", "заказы", "a" * 41])
def test_a_name_that_is_no_mailbox(name: str) -> None:
    [found] = diagnose(source_with({}, name=name))
    assert (found.code, "cannot be part of a mail address" in found.message) == ("INVALID_SETTING", True)


def test_a_workflow_that_answers_early_keeps_its_triggers() -> None:
    source = {**flow_of("input >> PIPE >> a", "input >> PIPE >> respond"), "triggers": {"email": {}}}
    plan = require_plan(compile_source(source))
    assert (plan.triggers.mail, plan.triggers.webhook.wait_ms) == (MailTrigger(), 30_000)
