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

from workerd.local_platform import ACR, running_platform

pytestmark = pytest.mark.workerd

STORED = {"shout.contract.yaml", "shout.js", "shout@v1.contract.yaml", "shout@v1.js"}


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    home = tmp_path_factory.mktemp("javascript-platform")
    parts = home / "parts"
    parts.mkdir()
    bundle_typescript(parts)
    with running_platform(home, "--components", str(parts)) as platform:
        folder = platform.folder / "project"  # below that of `acr dev`, so that commands find it
        folder.mkdir()
        yield Newcomer(platform, folder)


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


def greet(newcomer: Newcomer, component: str, **given: object) -> Any:
    """The answer of a run with one node."""
    workflow = {
        "name": "greet",
        "flow": ["input >> PIPE >> call"],
        "config": {"call": {"component": component, **given}},
    }
    newcomer.write("greet.yaml", json.dumps(workflow))
    return newcomer.read("run", "greet.yaml")["data"]


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
