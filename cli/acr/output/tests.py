"""Prints the results of workflow tests: a line for each, and what differs."""

import json
from typing import Any

from acr.errors import CliError
from acr.output.terminal import say

MAX_SHOWN = 600  # characters of a value
MAX_DIFFERENCES = 20  # per test


def render_test(file: str, result: dict[str, Any]) -> None:
    """Print a result as `acr test --json` has it."""
    has_passed = result["passed"]
    say("ok  " if has_passed else "FAIL", colour="green" if has_passed else "red", nl=False)
    place = "" if has_passed or result["line"] is None else f":{result['line']}"
    say(f" {file}{place}  {result['name']}")
    if error := result.get("error"):
        say(f"    {error['code']} {error['message']}")
        for action in error["next_actions"]:
            say(f"    {action}")
    for difference in result["differences"][:MAX_DIFFERENCES]:
        say(f"    {difference['path']}")
        for key, sign, colour in (("expected", "-", "red"), ("got", "+", "green")):
            said = f"{sign} {_show(difference[key])}" if key in difference else f"{sign} (nothing)"
            say(f"      {said}", colour=colour)
    if (more := len(result["differences"]) - MAX_DIFFERENCES) > 0:
        say(f"    and {more} more difference{'s' * (more > 1)}: acr test --json shows all")


def render_unusable(file: str, error: CliError) -> None:
    """Print why a test file could not be run."""
    say("FAIL", colour="red", nl=False)
    say(f" {file}")
    say(f"    {error.code or error.usual_code} {error.message}")
    for action in error.next_actions:
        say(f"    {action}")


def describe_counts(passed: int, failed: int, unusable: int) -> str:
    """A summary such as "1 failed, 2 passed"."""
    parts = [f"{failed} failed"] if failed else []
    parts += [f"{passed} passed"]
    parts += [f"{unusable} file{'s' * (unusable > 1)} could not be run"] if unusable else []
    return ", ".join(parts)


def render_summary(passed: int, failed: int, unusable: int, duration_s: float) -> None:
    told = describe_counts(passed, failed, unusable)
    say(f"{told} in {duration_s:.1f} s", colour="red" if failed or unusable else "green", err=True)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text)} characters)"
