"""Components that `acr dev --components DIR` bundles are known to `acr parts list`, completion and `acr upgrade`, as
workflows resolve them. A record that this process holds stands for `acr dev`, whose services do not answer.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.conftest import RunAcr

from acr.commands.arguments import ComponentId
from acr.config.folders import local_records
from acr.credentials.local_keys import replace_local_key
from acr.main import acr
from acr.parts.own_components import UnusableComponent, bundled_ids, read_bundled
from acr.targets.local_record import LocalRecord, save_local_record
from fixtures.modules import build_contract
from workerd.local_platform import ROOT

NOWHERE = "http://127.0.0.1:9"
UPGRADED = """\
name: up
flow: [input >> PIPE >> shout]
config:
  shout: {component: my_echo, operation: upper}
"""


def write(folder: Path, component_id: str, description: str = "From a folder.") -> None:
    (folder / component_id).mkdir(parents=True, exist_ok=True)
    contract = build_contract(component_id, description=description)
    (folder / component_id / "contract.yaml").write_text(json.dumps(contract))


@pytest.fixture
def folders(run_acr: RunAcr, tmp_path: Path) -> Iterator[list[Path]]:
    """Two folders of components, which a running `acr dev` bundles."""
    first, second = tmp_path / "first", tmp_path / "second"
    replace_local_key(tmp_path / "keys", "", "k")
    write(first, "my_echo", "The first.")
    write(second, "my_echo", "The second.")
    write(second, "set")
    (second / "broken").mkdir()
    (second / "broken/contract.yaml").write_bytes(b"a: \xff\n")
    record = LocalRecord(
        url=NOWHERE,
        api_key="k",
        api_url=NOWHERE,
        namespaces={},
        bucket="b",
        keys_folder=str(tmp_path / "keys"),
        registry_url=NOWHERE,
        reviewer_key="k",
        signing_key="k",
        folder=str(tmp_path),
        components=(str(first), str(second)),
    )
    saved = save_local_record(local_records(), record)
    yield [first, second]
    saved.forget()


def test_they_are_listed_after_the_built_in_ones(run_acr: RunAcr, folders: list[Path]) -> None:
    said = run_acr("parts", "list", "--json")
    listed = {part["id"]: part for part in json.loads(said.stdout)["data"]["components"]}
    assert {name: listed[name]["source"] for name in ("my_echo", "set")} == {"my_echo": "bundled", "set": "built-in"}
    assert listed["my_echo"]["description"] == "The first."
    assert f"The bundled `broken` cannot be used: {folders[1]}/broken/contract.yaml is not UTF-8." in said.stderr


@pytest.mark.parametrize("reference", ["my_echo", "my_echo@v1"])
def test_one_is_shown(run_acr: RunAcr, folders: list[Path], reference: str) -> None:
    said = run_acr("parts", "list", reference, "--json")
    shown = json.loads(said.stdout)["data"]["component"]
    assert (shown["id"], shown["source"], shown["description"]) == (reference, "bundled", "The first.")


@pytest.mark.parametrize(
    ("reference", "message"), [("my_echo@v2", "There is no component"), ("broken", "broken/contract.yaml is not UTF-8")]
)
def test_one_that_cannot_be_used(run_acr: RunAcr, folders: list[Path], reference: str, message: str) -> None:
    said = run_acr("parts", "list", reference)
    assert (said.code, message in said.stderr, "Traceback" in said.stderr) == (1, True, False)


def test_without_acr_dev_they_are_unknown(run_acr: RunAcr, folders: list[Path]) -> None:
    assert run_acr("parts", "list", "my_echo", "--deployed").code == 1


def test_completion_knows_them(folders: list[Path]) -> None:
    command = acr.get_command(acr.make_context("acr", ["parts"], resilient_parsing=True), "parts")
    assert command is not None
    context = command.make_context("list", [], resilient_parsing=True)
    items = ComponentId().shell_complete(context, command.params[0], "my_")
    assert [item.value for item in items] == ["my_echo"]


def test_upgrade_knows_their_inputs(run_acr: RunAcr, folders: list[Path], tmp_path: Path) -> None:
    shutil.copy(ROOT / "components/string_ops/contract.yaml", folders[0] / "my_echo/contract.yaml")
    text = (folders[0] / "my_echo/contract.yaml").read_text().replace("string_ops", "my_echo")
    (folders[0] / "my_echo/contract.yaml").write_text(text)
    (tmp_path / "up.yaml").write_text(UPGRADED)
    said = run_acr("upgrade", "up.yaml", "--json")
    [file] = json.loads(said.stdout)["data"]["files"]
    assert (file["unknown_components"], [it["field"] for it in file["filled"]]) == ([], ["input"])


@pytest.mark.parametrize(
    ("content", "reason"), [(b"a: [", ":1:"), (b"- a\n", "contract.yaml: "), (b"\xff", "contract.yaml is not UTF-8.")]
)
def test_a_contract_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/contract.yaml").write_bytes(content)
    assert bundled_ids([tmp_path], ROOT) == ["mine"]
    found = read_bundled("mine", [tmp_path])
    assert isinstance(found, UnusableComponent)
    assert (str(tmp_path / "mine/contract.yaml") in found.reason, reason in found.reason) == (True, True)
