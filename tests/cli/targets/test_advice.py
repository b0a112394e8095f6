"""Proves that no command shows a next step of HTTP: each in the Workers' sources that names a route or a query
parameter has one of the command line, or belongs to a request that no command sends."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acr.targets.executor_client import ExecutorClient
from acr.targets.settings import Target

ROOT = Path(__file__).parents[3]
SOURCES = [
    path
    for folder in ("core/arcrun", "workers")
    for path in (ROOT / folder).rglob("*.py")
    if "build" not in path.relative_to(ROOT).parts  # staged copies, perhaps old ones
]
HTTP = re.compile(r"\?\w+=|\w+=20\d\d|\b(GET|POST|PUT|DELETE) /|`async`|\"\w+\": ")
NAMES = {"actions", "action"}  # of variables that become next_actions
# Of requests that no command sends: PUT of a webhook, bodies that `acr` does not make, headers.
UNSENT = {
    "Keep the name, or store it as a new workflow: POST /webhooks.",
    "Store the workflow (POST /webhooks) and run it by its webhook with ?async=1.",
    'Send {"component": "string_ops", "input": {...}} or {"workflow": "...", "input": {...}}.',
    'Send the path from the project\'s folder: {"file": "flows/greet.yaml"}. Or omit it.',
}


def find_texts(node: ast.AST) -> Iterator[str]:
    """The strings below a node; 2026 stands for each inserted value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "2026" for part in node.values)
    else:
        for child in ast.iter_child_nodes(node):
            yield from find_texts(child)


def find_steps(path: Path) -> Iterator[str]:
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if "action" in text else ():
        is_passed = isinstance(node, ast.keyword) and node.arg == "next_actions"
        is_named = isinstance(node, ast.Assign) and {getattr(each, "id", "") for each in node.targets} & NAMES
        if isinstance(node, ast.keyword | ast.Assign) and (is_passed or is_named):
            yield from find_texts(node.value)


STEPS = sorted({step for path in SOURCES for step in find_steps(path) if HTTP.search(step)} - UNSENT)


def show(action: str, **more: Any) -> list[str]:
    """What the client makes of an error's next step."""
    error = {"code": "X", "message": "m", "retriable": False, "next_actions": [action], "details": {}}
    answer = {"success": False, **more, "error": error}
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=answer))
    with ExecutorClient(Target("https://executor.test", "k"), transport) as client:
        actions: list[str] = client.push("name: x")["error"]["next_actions"]
    return actions


def test_the_steps_of_http_are_found() -> None:
    assert len(STEPS) >= 9
    assert "Wait for the run's end: omit `async`." in STEPS


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_http_becomes_one_of_the_command_line(step: str) -> None:
    [shown] = show(step, run_id="R")
    assert (HTTP.search(shown), shown) != (HTTP.search(step), step)
    assert not re.search(r"\?\w+=|\b(GET|POST|PUT|DELETE) /|`async`", shown)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            "Raise the request's timeout_ms: ?timeout_ms=300000, which the workflow allows.",
            ["Raise --timeout-ms: the workflow allows 300000."],
        ),
        ("Set a shorter limit: ?async=1&timeout_ms=30000.", ["Set a shorter limit: --async --timeout-ms 30000."]),
        ("since=2026-11-26 or since=2026-11-26T10:00:00Z", ["--since 2026-11-26 or --since 2026-11-26T10:00:00Z"]),
        ("Push it: acr push FILE.", ["Push it: acr push FILE."]),
        ("", []),
    ],
)
def test_a_step(step: str, expected: list[str]) -> None:
    assert show(step) == expected


def test_a_component_s_input_is_shown_by_the_run_s_record() -> None:
    step = "Run only the component on this input: POST /execute with {component, input}."
    assert show(step, run_id="01J") == ["Look at what the node got: acr logs 01J --json"]
    assert show(step) == []
