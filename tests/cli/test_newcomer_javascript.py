"""A component in JavaScript goes from `acr parts scaffold` to a run, by way of the registry and the own bucket;
another, in TypeScript, by way of a folder that `acr dev --components` bundles. Nothing but acr is needed.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.test_newcomer_component import Newcomer

from workerd.local_platform import ACR, ROOT, running_platform

pytestmark = pytest.mark.workerd

STORED = {"shout.contract.yaml", "shout.js", "shout@v1.contract.yaml", "shout@v1.js"}


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """One on the free plan, which has no Worker Loader."""
    home = tmp_path_factory.mktemp("javascript-platform")
    parts = home / "parts"
    parts.mkdir()
    bundle_typescript(parts)
    with running_platform(home, "--components", str(parts), "--free-plan") as platform:
        folder = platform.folder / "project"  # below that of `acr dev`, so that commands find it
        folder.mkdir()
        yield Newcomer(platform, folder)


@pytest.fixture(scope="module")
def payer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """One on the paid plan, whose registry has the engine too, so that it can be moved into a sandbox."""
    with running_platform(tmp_path_factory.mktemp("paid-platform")) as platform:
        folder = platform.folder / "project"
        folder.mkdir()
        made = Newcomer(platform, folder)
        made.acr("parts", "publish", str(ROOT / "components/code"))
        yield made


def bundle_typescript(parts: Path) -> None:
    """Scaffold `hail` in TypeScript, with a module beside its main one, and build it."""
    environment = {**os.environ, "ACR": str(ACR)}
    subprocess.run([ACR, "parts", "scaffold", "hail", "--lang", "ts"], cwd=parts, check=True)
    source = parts / "hail/src/main.ts"
    (source.parent / "mark.ts").write_text("export const mark: string = '!?';\n")
    text = source.read_text().replace("}!`", "}${mark}`")
    source.write_text(f'import {{ mark }} from "./mark";\n\n{text}')
    subprocess.run([parts / "hail/build"], env=environment, check=True)


def statuses(answer: Any) -> set[str]:
    return {step["status"] for step in answer["steps"]}


def greet(newcomer: Newcomer, component: str, **given: Any) -> Any:
    """The answer of a run with one node."""
    return run(newcomer, component, **given)["data"]


def run(newcomer: Newcomer, component: str, code: int = 0, **given: Any) -> Any:
    workflow = {
        "name": "greet",
        "flow": ["input >> PIPE >> call"],
        "config": {"call": {"component": component, **given}},
    }
    newcomer.write("greet.yaml", json.dumps(workflow))
    return newcomer.read("run", "greet.yaml", code=code)


def test_a_component_from_scaffold_to_a_run(newcomer: Newcomer) -> None:
    assert newcomer.acr("parts", "scaffold", "shout", "--lang", "js").stdout == "shout\n"
    made = {path.name for path in (newcomer.folder / "shout").iterdir()}
    assert made == {".gitignore", "README.md", "contract.yaml", "main.js"}
    assert statuses(newcomer.read_data("parts", "test", "shout")) == {"passed"}
    published = newcomer.read_data("parts", "publish", "shout")
    assert (statuses(published), published["runtime"]) == ({"passed"}, "javascript")
    assert newcomer.read_data("parts", "publish", "shout") == published
    assert greet(newcomer, "shout@v1", name="Ada") == {"greeting": "Hello, Ada!"}
    assert newcomer.read_data("parts", "approve", published["submission_id"])["visibility"] == "public"
    assert newcomer.read_data("parts", "verify", "shout")["runtime"] == "javascript"
    assert set(newcomer.read_data("parts", "install", "shout")["written"]) == STORED
    assert newcomer.read_data("parts", "install", "shout")["written"] == []
    assert greet(newcomer, "shout", name="Eve") == {"greeting": "Hello, Eve!"}
    assert newcomer.read_data("doctor")["ok"] is True


def test_a_bundled_one_in_typescript(newcomer: Newcomer) -> None:
    assert greet(newcomer, "hail", name="Ada") == {"greeting": "Hello, Ada!?"}


def test_a_source_that_does_not_compile_is_refused_with_its_place(newcomer: Newcomer) -> None:
    newcomer.acr("parts", "scaffold", "broken", "--lang", "js")
    newcomer.write("broken/main.js", "export default (input) => {\n  return input.;\n};\n")
    refused = newcomer.read("parts", "publish", "broken", code=1)["error"]["details"]["steps"]
    [step] = [step for step in refused if step["status"] == "failed"]
    assert (step["name"], step["code"]) == ("module_scan", "SYNTAX_ERROR")
    assert "line 2" in step["findings"][0]


COUNTING = """export default (input) => {
  let sum = 0;
  for (let i = 0; i < input.rounds; i++) sum += i % 7;
  return { greeting: String(sum) };
};
"""
ROUNDS = 3_000_000


def test_cpu_ms_moves_the_engine_into_a_sandbox(payer: Newcomer) -> None:
    payer.acr("parts", "scaffold", "count", "--lang", "js")
    payer.write("count/main.js", COUNTING)
    contract = (payer.folder / "count/contract.yaml").read_text()
    head = contract.partition("input_schema:")[0]
    payer.write("count/contract.yaml", head + COUNTS)
    assert statuses(payer.read_data("parts", "publish", "count")) == {"passed"}
    short = run(payer, "count", code=1, rounds=ROUNDS)
    assert short["error"]["code"] == "FUEL_EXHAUSTED"
    assert greet(payer, "count", rounds=ROUNDS, cpu_ms=5_000) == {"greeting": str(sum(i % 7 for i in range(ROUNDS)))}


COUNTS = """input_schema: {type: object, properties: {rounds: {type: integer}}}
output_schema: {type: object, properties: {greeting: {type: string}}}
config_example: {rounds: 1}
credentials_required: []
gherkin_tests:
  - {scenario: none, given: {rounds: 0}, then: {success: true, data: {greeting: "0"}}}
  - {scenario: some, given: {rounds: 7}, then: {success: true, data: {greeting: "21"}}}
"""
