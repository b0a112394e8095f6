"""`acr parts scaffold --lang js|ts`, `acr parts bundle` and `acr parts test` of components in JavaScript: nothing but
acr is needed, and what is wrong is told with its place.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.parts.component_folder import read_component_folder
from acr.parts.own_components import OwnComponent, list_bucket
from acr.parts.scaffold import scaffold_component
from acr.parts.uploads import upload_components
from arcrun.cloudflare.api_access import ApiAccess
from fakes.cloudflare_rest.account import ACCOUNT, TOKEN, CloudflareStandIn
from workerd.local_platform import ACR, ROOT

pytestmark = pytest.mark.workerd
PLACEHOLDER = re.compile(r"@[A-Z_]+@")


def acr(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ACR, "parts", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("language", ["js", "ts"])
def test_a_scaffolded_component_passes_its_own_tests(tmp_path: Path, language: str) -> None:
    folder = scaffold_component("say_hello", language, tmp_path, ROOT)
    assert [path.name for path in folder.rglob("*") if path.is_file() and PLACEHOLDER.search(path.read_text())] == []
    if language == "ts":
        with pytest.raises(CliError, match=r"There is no main\.js"):
            read_component_folder(folder)
        subprocess.run([folder / "build"], env={**os.environ, "ACR": str(ACR)}, check=True)
    tried = acr("test", str(folder), "--json")
    assert (tried.returncode, json.loads(tried.stdout)["data"]["accepted"]) == (0, True), tried.stdout


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("export default (input) => (;", "main.ts:1:28: ", id="syntax"),
        pytest.param('import { x } from "./nowhere";\nexport default () => x;', "main.ts:1:19: ", id="import"),
        pytest.param(None, "There is no src/main.ts and no src/main.js", id="no source"),
    ],
)
def test_bundle_tells_what_is_wrong(tmp_path: Path, source: str | None, told: str) -> None:
    if source is not None:
        (tmp_path / "src").mkdir()
        (tmp_path / "src/main.ts").write_text(source)
    failed = acr("bundle", str(tmp_path))
    assert (failed.returncode, told in failed.stderr, "Next: " in failed.stderr) == (1, True, True), failed.stderr
    assert not (tmp_path / "main.js").exists()


def test_bundle_puts_packages_into_one_module(tmp_path: Path) -> None:
    package = tmp_path / "node_modules/greeting"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "greeting", "main": "index.js"}')
    (package / "index.js").write_text("module.exports = (name) => `Hi, ${name}.`;\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.js").write_text('import greet from "greeting";\nexport default ({ name }) => greet(name);\n')
    made = json.loads(acr("bundle", str(tmp_path), "--json").stdout)["data"]
    text = (tmp_path / "main.js").read_text()
    assert made == {"path": str(tmp_path / "main.js"), "bytes": len(text)}
    assert "Hi, ${name}." in text
    assert not re.search(r"^import\b|\brequire\(", text, re.MULTILINE)


def test_an_upload_puts_the_source_beside_the_contract(tmp_path: Path) -> None:
    scaffold_component("say_hello", "js", tmp_path, ROOT)
    cloudflare = CloudflareStandIn(buckets=["parts"])
    bucket = R2Bucket(CloudflareApi(ApiAccess("http://api/client/v4", ACCOUNT, TOKEN), cloudflare), "parts")
    assert upload_components(bucket, [tmp_path]) == ["say_hello.js", "say_hello.contract.yaml"]
    [found] = list_bucket(bucket)
    assert isinstance(found, OwnComponent)
    assert found.contract.is_javascript


WORKFLOW = """name: hail
flow: [input >> PIPE >> hello, hello >> ON_FAIL >> sorry]
config:
  hello: {component: say_hello, name: "{{input.name}}"}
  sorry: {component: set, values: {code: "{{hello.error.code}}", line: "{{hello.error.line}}"}}
"""
TESTS = """tests:
  - {name: greets, input: {name: Ada}, expect: {data: {greeting: "Hello, Ada!"}}}
  - {name: fails, input: {name: nobody}, expect: {data: {code: NOBODY, line: 2}}}
"""
FAILING = """export default (input) => {
  if (input.name === "nobody") throw Object.assign(new Error("Nobody."), { code: "NOBODY" });
  return { greeting: `Hello, ${input.name}!` };
};
"""


def test_a_test_of_a_workflow_runs_it(tmp_path: Path) -> None:
    folder = scaffold_component("say_hello", "js", tmp_path / "parts", ROOT)
    (folder / "main.js").write_text(FAILING)
    (tmp_path / "hail.yaml").write_text(WORKFLOW)
    (tmp_path / "hail.test.yaml").write_text(TESTS)
    command = [str(ACR), "test", "--components", "parts"]
    tested = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (tested.returncode, "2 passed" in tested.stdout + tested.stderr) == (0, True), tested.stdout + tested.stderr
