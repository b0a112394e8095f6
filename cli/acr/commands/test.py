"""acr test: run workflow tests on this machine."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from acr.commands.arguments import WorkflowFileOrFolder
from acr.commands.options import as_json, component_folders
from acr.config.platform_home import find_platform_home
from acr.errors import CliError
from acr.output.render import print_outcome
from acr.output.tests import describe_counts, render_summary, render_test, render_unusable
from acr.testing.parse import parse_test_file
from acr.testing.suite import load_suite
from acr.workflows.components_at_hand import ComponentsAtHand, require_component_folders
from acr.workflows.found_files import find_tests, require_tests
from acr.workflows.workflow_file import read_workflow_file


@click.command()
@click.argument("paths", metavar="[FILE|DIR...]", nargs=-1, type=WorkflowFileOrFolder())
@click.option("-k", "wanted", metavar="TEXT", default="", help="Only tests with TEXT in their name or their file's.")
@component_folders
@as_json
def test(paths: tuple[Path, ...], wanted: str, components: tuple[Path, ...], as_json: bool) -> None:
    """Run workflow tests, offline and without a platform.

    A file NAME.test.yaml beside the workflow NAME.yaml has its tests: inputs, stubs for the nodes that reach outside,
    and what must come out (docs/testing.md). Without arguments, runs all tests in this folder and those below. Time
    and randomness are fixed, and pauses take no time. Exits with 1 if a test fails.

    \b
    Examples:
      acr test
      acr test greet.yaml
      acr test workflows -k badge --json
      acr logs 01J9ZC3VT0M4 --as-test > orders.test.yaml && acr test orders.test.yaml
    """
    require_component_folders(components)
    files = find_tests(paths or (Path(),))
    at_hand, began_s = ComponentsAtHand(find_platform_home(), components), time.perf_counter()
    ran = [found for path in files if (found := _run_file(path, at_hand, wanted.casefold(), as_json=as_json))]
    tests = [one for file in ran for one in file["tests"]]
    unusable = sum("error" in file for file in ran)
    if not tests and not unusable:
        raise CliError(*_describe_nothing(paths, wanted))
    passed = sum(one["passed"] for one in tests)
    failed = len(tests) - passed
    if as_json:
        message, hint = f"{describe_counts(passed, failed, unusable)}.", "See the tests' differences and errors."
        failure = CliError(message, hint, "TESTS_FAILED") if failed or unusable else None
        print_outcome({"passed": passed, "failed": failed, "files": ran}, failure)
    else:
        render_summary(passed, failed, unusable, time.perf_counter() - began_s)
    sys.exit(1 if failed or unusable else 0)


def _run_file(path: Path, at_hand: ComponentsAtHand, wanted: str, *, as_json: bool) -> dict[str, Any] | None:
    """The results of a file as JSON, which are printed as they come unless `as_json`. None if no test is wanted."""
    results: list[dict[str, Any]] = []
    try:
        text = read_workflow_file(path)
        require_tests(path, text)
        file = parse_test_file(path, text)
        tests = [one for one in file.tests if wanted in f"{path} {one.name}".casefold()]
        if not tests:
            return None
        suite = load_suite(file, at_hand)
        for one in tests:
            results.append(suite.run(one).to_json())
            if not as_json:
                render_test(str(path), results[-1])
    except CliError as error:
        if not as_json:
            render_unusable(str(path), error)
        return {"file": str(path), "error": error.to_answer()["error"], "tests": results}
    return {"file": str(path), "workflow": str(file.workflow), "tests": results}


def _describe_nothing(paths: Sequence[Path], wanted: str) -> tuple[str, str, str]:
    where = ", ".join(map(str, paths)) or "this folder"
    if wanted:
        return f"No test in {where} has `{wanted}` in its name.", "Leave out -k to run all.", "NO_TESTS"
    hint = "Write one beside its workflow, NAME.test.yaml, or from a run: acr logs RUN --as-test (docs/testing.md)."
    return f"There is no test in {where}.", hint, "NO_TESTS"
