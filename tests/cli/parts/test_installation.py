"""What `acr parts install` writes to the bucket and refuses, and what `acr parts` lists, against an in-memory
Cloudflare API, without workerd. test_parts_registry.py has the same commands on the real platform.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from acr.cloudflare.api import CloudflareApi, CloudflareError
from acr.cloudflare.r2 import R2Bucket
from acr.config.platform_home import find_platform_home
from acr.errors import CliError
from acr.parts.installation import Installation, install_package
from acr.parts.own_components import OwnComponent, UnusableComponent, builtin_ids, list_bucket, read_builtin
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.contracts.parse import parse_contract
from arcrun.registry.package import build_package
from arcrun.wasm.component import build_component
from arcrun.wasm.seal import metered_key
from fakes.cloudflare_rest.account import ACCOUNT, TOKEN, CloudflareStandIn, served
from fixtures.modules import build_contract, build_module, printing
from workerd.local_platform import ACR

HOME = find_platform_home()
ONE, TWO = build_module(printing("1")), build_module(printing("2"))
METERED_ONE, METERED_TWO = (metered_key(hashlib.sha256(module).hexdigest()) for module in (ONE, TWO))
KEYS = [METERED_ONE, "echo@v1.wasm", "echo@v1.contract.yaml", "echo.wasm", "echo.contract.yaml"]
NOWHERE = {"ACR_CONFIG_DIR": "/nowhere", "PATH": "/usr/bin:/bin"}


@pytest.fixture
def cloudflare() -> CloudflareStandIn:
    return CloudflareStandIn(buckets=["parts"])


@pytest.fixture
def bucket(cloudflare: CloudflareStandIn) -> R2Bucket:
    return R2Bucket(CloudflareApi(ApiAccess("http://api/client/v4", ACCOUNT, TOKEN), cloudflare), "parts")


def install(bucket: R2Bucket, module: bytes = ONE, component_id: str = "echo", **changes: Any) -> Installation:
    text = json.dumps(build_contract(component_id, **changes))
    return install_package(bucket, build_package(text, module), HOME)


def test_installing_writes_modules_before_contracts_and_the_version_first(
    cloudflare: CloudflareStandIn, bucket: R2Bucket
) -> None:
    assert install(bucket).written == KEYS
    assert cloudflare.objects["echo.wasm"] == cloudflare.objects["echo@v1.wasm"] == ONE
    assert json.loads(cloudflare.objects["echo.contract.yaml"]) == build_contract("echo")
    contract = parse_contract(build_contract("echo"))
    assert cloudflare.objects[METERED_ONE] == build_component(contract, ONE).module


def test_the_same_again_writes_nothing(bucket: R2Bucket) -> None:
    install(bucket)
    assert install(bucket).written == []


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"module": TWO}, id="other bytes"),
        pytest.param({"display_name": "Other"}, id="another contract"),
        pytest.param({"input_schema": {"type": "object", "properties": {}, "maxProperties": True}}, id="true for 1"),
    ],
)
@pytest.mark.parametrize("stored_as", [["echo"], ["echo", "echo@v1"]], ids=["by acr deploy", "by acr parts install"])
def test_a_version_does_not_change(
    cloudflare: CloudflareStandIn, bucket: R2Bucket, changed: dict[str, Any], stored_as: list[str]
) -> None:
    before = build_contract("echo", input_schema={"type": "object", "properties": {}, "maxProperties": 1})
    for reference in stored_as:
        cloudflare.objects[f"{reference}.wasm"] = ONE
        cloudflare.objects[f"{reference}.contract.yaml"] = yaml.safe_dump(json.loads(json.dumps(before))).encode()
    stored = dict(cloudflare.objects)
    with pytest.raises(CliError, match="The bucket already has echo v1, with other content") as refused:
        install(bucket, **{"input_schema": before["input_schema"], **changed})
    assert f"`{stored_as[-1]}.wasm`" in refused.value.hint
    assert cloudflare.objects == stored


def test_a_new_version_becomes_current_and_the_old_one_stays(cloudflare: CloudflareStandIn, bucket: R2Bucket) -> None:
    install(bucket)
    assert install(bucket, TWO, version="v2").written == [METERED_TWO, *(key.replace("v1", "v2") for key in KEYS[1:])]
    assert (cloudflare.objects["echo.wasm"], cloudflare.objects["echo@v1.wasm"]) == (TWO, ONE)


@pytest.mark.parametrize("at", KEYS)
def test_an_interrupted_upload_is_finished_by_the_next(
    cloudflare: CloudflareStandIn, bucket: R2Bucket, at: str
) -> None:
    path = f"PUT /r2/buckets/parts/objects/{at.replace('@', '%40')}"
    cloudflare.failures[path] = [403]
    with pytest.raises(CloudflareError):
        install(bucket)
    assert install(bucket).written == KEYS[KEYS.index(at) :]


def test_a_built_ins_id_is_refused(cloudflare: CloudflareStandIn, bucket: R2Bucket) -> None:
    with pytest.raises(CliError, match="`set` is a built-in component"):
        install(bucket, component_id="set")
    assert cloudflare.objects == {}


def test_the_list_has_each_id_once_and_reports_unusable_components(
    cloudflare: CloudflareStandIn, bucket: R2Bucket
) -> None:
    install(bucket)
    install(bucket, TWO, version="v2")
    cloudflare.objects |= {"half.contract.yaml": b"{}", "bad.contract.yaml": b"a: [", "bad.wasm": b""}
    cloudflare.objects |= {"wrong.contract.yaml": b"{}", "wrong.wasm": b"", "alone.wasm": b""}
    found = list(list_bucket(bucket))
    entries = [(entry.reference, entry.contract.version) for entry in found if isinstance(entry, OwnComponent)]
    assert entries == [("echo", "v2"), ("echo@v1", "v1")]
    unusable = {entry.reference: entry.reason for entry in found if isinstance(entry, UnusableComponent)}
    assert list(unusable) == ["bad", "half", "wrong"]
    assert (unusable["bad"], unusable["half"]) == ("its contract is not YAML", "half.wasm is missing")


@pytest.mark.parametrize("component_id", builtin_ids(HOME))
def test_every_built_in_can_be_shown(component_id: str) -> None:
    shown = read_builtin(component_id, HOME).to_full_json()
    assert shown["inputs"]
    assert shown["config_example"]
    for field in [*shown["inputs"], *shown["outputs"]]:
        assert set(field) == {"name", "type", "required", "description"}


def parts(*arguments: str, environment: Mapping[str, str] = NOWHERE) -> subprocess.CompletedProcess[str]:
    command = [str(ACR), "parts", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_a_platform_the_built_in_components_are_listed_with_one_line_about_it() -> None:
    result = parts("--json")
    listed = json.loads(result.stdout)["data"]["components"]
    assert (result.returncode, [part["id"] for part in listed]) == (0, builtin_ids(HOME))
    told = "Built-in components only: there is no platform yet. Start one here: acr dev"
    assert result.stderr.splitlines() == [told]
    assert {part["statistics"] for part in listed} == {None}
    telegram = next(part for part in listed if part["id"] == "telegram")
    assert telegram["description"].endswith("with formatting and inline buttons.")
    assert {key: telegram[key] for key in ("category", "version", "source", "credentials")} == {
        "category": "api",
        "version": "v2",
        "source": "built-in",
        "credentials": ["telegram_bot_token"],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["list", "telegram"], 0, "https://core.telegram.org/bots/features#botfather", id="one"),
        pytest.param(["list", "telegram@v2"], 0, "bot_token", id="its version"),
        pytest.param(["list", "telegram@v9"], 1, "There is no component `telegram@v9`", id="a version unknown"),
        pytest.param(["list", "../x"], 1, "There is no component `../x`", id="a path"),
        pytest.param(["publish", str(HOME / "components/set")], 4, "acr deploy", id="publish without a registry"),
        pytest.param(["approve", "sub_1"], 4, "ARCRUN_REGISTRY_URL", id="approve without a registry"),
        pytest.param(["reject", "sub_1"], 2, "--reason", id="reject without a reason"),
        pytest.param(["install", "shout"], 4, "acr deploy", id="install without a registry"),
        pytest.param(["verify", "shout"], 4, "acr deploy", id="verify without a registry"),
        pytest.param(["list", "--category", "food"], 2, "'food' is not one of", id="an unknown category"),
        pytest.param(["list", "--sort", "age"], 2, "'age' is not one of", id="an unknown order"),
        pytest.param(["publish", "/no/folder"], 2, "does not exist", id="publish nothing"),
        pytest.param(["--json", "list"], 2, "acr parts list ... --json", id="json before the command"),
    ],
)
def test_exit_codes_and_messages(arguments: list[str], code: int, told: str) -> None:
    result = parts(*arguments)
    assert (result.returncode, told in result.stdout + result.stderr) == (code, True)


@pytest.fixture
def account(cloudflare: CloudflareStandIn) -> Iterator[dict[str, str]]:
    """The environment for commands to use the stand-in."""
    cloudflare.buckets.append("arcrun-components")
    with served(cloudflare) as base_url:
        deployed = {
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_API_BASE_URL": base_url,
        }
        yield {**NOWHERE, **deployed}


def test_when_the_api_refuses_the_built_in_components_are_listed_with_a_warning(account: dict[str, str]) -> None:
    result = parts("--json", environment={**account, "CLOUDFLARE_API_TOKEN": "wrong"})
    assert (result.returncode, len(json.loads(result.stdout)["data"]["components"])) == (0, len(builtin_ids(HOME)))
    assert "The bucket's components could not be read. Cloudflare answered 401" in result.stderr
