"""What `acr deploy --components` writes to the bucket and refuses, against an in-memory Cloudflare API."""

import json
from pathlib import Path

import pytest

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.parts.uploads import metered_object, upload_components
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.contracts.parse import parse_contract
from fakes.cloudflare_rest.account import ACCOUNT, TOKEN, CloudflareStandIn
from fixtures.modules import asking, build_contract, build_module, printing


def upload(cloudflare: CloudflareStandIn, folder: Path, module: bytes, contract: str) -> list[str]:
    (folder / "echo").mkdir(exist_ok=True)
    (folder / "echo/echo.wasm").write_bytes(module)
    (folder / "echo/contract.yaml").write_text(contract)
    api = CloudflareApi(ApiAccess("http://api/client/v4", ACCOUNT, TOKEN), cloudflare)
    return upload_components(R2Bucket(api, "parts"), [folder])


def test_the_metered_module_comes_before_the_contract(tmp_path: Path) -> None:
    cloudflare, module = CloudflareStandIn(buckets=["parts"]), build_module(printing("1"))
    key, metered = metered_object(parse_contract(build_contract("echo")), module)
    written = upload(cloudflare, tmp_path, module, json.dumps(build_contract("echo")))
    assert written == ["echo.wasm", key, "echo.contract.yaml"]
    assert cloudflare.objects[key] == metered
    assert upload(cloudflare, tmp_path, module, json.dumps(build_contract("echo"))) == []


@pytest.mark.parametrize(
    ("module", "contract", "told"),
    [
        pytest.param(b"no module", json.dumps(build_contract("echo")), "not a WebAssembly module", id="no module"),
        pytest.param(
            build_module(asking("sleep", "{}")), json.dumps(build_contract("echo")), "capability", id="undeclared"
        ),
        pytest.param(build_module(printing("1")), "a: [", "echo", id="no YAML"),
        pytest.param(build_module(printing("1")), "{}", "contract is not valid", id="no contract"),
    ],
)
def test_components_that_could_not_run_are_refused(tmp_path: Path, module: bytes, contract: str, told: str) -> None:
    cloudflare = CloudflareStandIn(buckets=["parts"])
    with pytest.raises(CliError, match=told) as refused:
        upload(cloudflare, tmp_path, module, contract)
    assert refused.value.hint == f"Show all problems: acr parts test {tmp_path / 'echo'}"
    assert cloudflare.objects == {}
