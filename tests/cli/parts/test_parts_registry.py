"""`acr parts publish, approve, reject, verify, install` and `list` against the registry on workerd: exit codes, --json
and refusals.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from acr.errors import CliError
from acr.parts.attestation_check import fetch_verified
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import RegistryTarget
from fixtures.modules import LOOPING, build_contract, build_module, printing
from workerd.local_platform import ALICE_KEY, API_KEY, REVIEWER_KEY, ROOT, LocalPlatform

pytestmark = pytest.mark.workerd

WRONG_KEY = base64.b64encode(b"k" * 32).decode()
STEPS = ["contract_check", "size_check", "module_scan", "cold_start", "gherkin_tests", "determinism"]
SUBMITTED = {"submission_id", "canonical_id", "version", "sha256", "contract_sha256", "submitted_at", "steps"}


def write(folder: Path, component_id: str, text: str = '{"n":1}', **changes: Any) -> str:
    """Write a component's folder and return its path."""
    target = folder / component_id
    target.mkdir(exist_ok=True)
    (target / "contract.yaml").write_text(json.dumps(build_contract(component_id, **changes)))
    (target / f"{component_id}.wasm").write_bytes(build_module(printing(text)))
    return str(target)


def read(platform: LocalPlatform, *arguments: str, **environment: str) -> Any:
    """The data that a command prints with --json."""
    result = platform.acr("parts", *arguments, "--json", **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    answer = json.loads(result.stdout)
    assert (set(answer), answer["success"]) == ({"success", "data"}, True)
    return answer["data"]


def refusal(platform: LocalPlatform, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit code, and the error's code in --json, which the message for people must have too, with a next step."""
    result = platform.acr("parts", *arguments, "--json", **environment)
    error = json.loads(result.stdout)["error"]
    told = platform.acr("parts", *arguments, **environment)
    assert (told.returncode, told.stdout, error["code"] in told.stderr) == (result.returncode, "", True), told.stderr
    assert "Next: " in told.stderr
    return result.returncode, error["code"]


@pytest.fixture(scope="module")
def published(platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The component `kept`, published by its author."""
    data: dict[str, Any] = read(platform, "publish", write(tmp_path_factory.mktemp("kept"), "kept"))
    return data


def test_publish_prints_the_steps_and_the_next_command(platform: LocalPlatform, tmp_path: Path) -> None:
    folder = write(tmp_path, "told")
    first = platform.acr("parts", "publish", folder)
    assert (first.returncode, first.stdout) == (0, "told@v1\n")
    assert [step for step in STEPS if step not in first.stderr] == []
    data = read(platform, "publish", folder)
    assert data.keys() >= SUBMITTED
    assert [step["name"] for step in data["steps"]] == STEPS
    assert f"acr parts approve {data['submission_id']}" in first.stderr


def test_a_built_in_is_accepted_with_a_warning(platform: LocalPlatform) -> None:
    result = platform.acr("parts", "publish", str(ROOT / "components/merge"))
    assert (result.returncode, result.stdout) == (0, "merge@v2\n")
    assert "Warning: `merge` is a built-in component" in result.stderr


def test_a_refused_component_shows_all_steps(platform: LocalPlatform, tmp_path: Path) -> None:
    folder = write(tmp_path, "looping")
    (Path(folder) / "looping.wasm").write_bytes(build_module(LOOPING))
    assert refusal(platform, "publish", folder) == (1, "FUEL_EXHAUSTED")
    result = platform.acr("parts", "publish", folder, "--json")
    details = json.loads(result.stdout)["error"]["details"]
    assert (details["step"], [step["name"] for step in details["steps"]]) == ("gherkin_tests", STEPS)
    assert "FUEL_EXHAUSTED in gherkin_tests" in result.stderr


def test_refusals_before_any_step(platform: LocalPlatform, tmp_path: Path, published: dict[str, Any]) -> None:
    assert published["canonical_id"] == "kept"
    assert refusal(platform, "publish", write(tmp_path, "kept", '{"n":2}')) == (1, "VERSION_EXISTS")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "told"),
    [
        pytest.param(["publish", "components/set"], {"ARCRUN_API_KEY": "x"}, 4, "Check ARCRUN_API_KEY", id="publish"),
        pytest.param(["verify", "kept"], {"ARCRUN_API_KEY": "x"}, 4, "Check ARCRUN_API_KEY", id="verify"),
        pytest.param(["install", "kept"], {"ARCRUN_API_KEY": "x"}, 4, "Check ARCRUN_API_KEY", id="install"),
        pytest.param(["approve", "s"], {"ARCRUN_REVIEWER_KEY": "x"}, 4, "Check ARCRUN_REVIEWER_KEY", id="approve"),
        pytest.param(["verify", "kept", "--key", "abc"], {}, 1, "not 32 bytes in base64", id="a key that is none"),
        pytest.param(["verify", "kept", "--key", WRONG_KEY], {}, 1, "failed verification", id="another key"),
        pytest.param(["install", "kept", "--key", WRONG_KEY], {}, 1, "failed verification", id="install with it"),
        pytest.param(["install", "merge"], {}, 1, "is a built-in component", id="install a built-in"),
        pytest.param(
            ["verify", "kept"],
            {"ARCRUN_REGISTRY_URL": "http://127.0.0.1:1"},
            1,
            "ARCRUN_REGISTRY_URL",
            id="nobody there",
        ),
    ],
)
def test_errors_name_the_next_step(
    platform: LocalPlatform,
    published: dict[str, Any],
    arguments: list[str],
    environment: dict[str, str],
    code: int,
    told: str,
) -> None:
    platform.acr("parts", "publish", str(ROOT / "components/merge"))
    words = [str(ROOT / word) if word.startswith("components/") else word for word in arguments]
    result = platform.acr("parts", *words, "--json", **environment)
    assert (result.returncode, told in result.stderr) == (code, True), result.stderr
    if code != 0:
        assert json.loads(result.stdout)["error"]["next_actions"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["approve", "sub_0"], "SUBMISSION_NOT_FOUND"),
        (["reject", "sub_0", "--reason", "x"], "SUBMISSION_NOT_FOUND"),
        (["verify", "nowhere"], "COMPONENT_NOT_FOUND"),
        (["verify", "kept@v9"], "COMPONENT_NOT_FOUND"),
        (["verify", "kept@latest"], "INVALID_REQUEST"),
        (["install", "nowhere"], "COMPONENT_NOT_FOUND"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_refusals_of_the_registry(
    platform: LocalPlatform, published: dict[str, Any], arguments: list[str], code: str
) -> None:
    assert published["version"] == "v1"
    assert refusal(platform, *arguments) == (1, code)


def test_a_decision_needs_the_reviewers_key(platform: LocalPlatform, published: dict[str, Any]) -> None:
    submission, url = published["submission_id"], platform.urls["registry"]
    elsewhere = {"ACR_CONFIG_DIR": "/nowhere", "ARCRUN_REGISTRY_URL": url, "ARCRUN_REVIEWER_KEY": ""}
    result = platform.acr("parts", "approve", submission, **elsewhere)
    assert (result.returncode, "Set ARCRUN_REVIEWER_KEY" in result.stderr) == (1, True)
    author = platform.acr("parts", "approve", submission, "--json", ARCRUN_REVIEWER_KEY=API_KEY)
    assert (author.returncode, json.loads(author.stdout)["error"]["code"]) == (1, "FORBIDDEN")

    approved = platform.acr("parts", "approve", submission[:16])
    assert (approved.returncode, approved.stdout) == (0, "kept@v1 approved: public\n")
    rejected = read(platform, "reject", submission, "--reason", "not yet")
    assert (rejected["visibility"], rejected["decisions"][-1]["reason"]) == ("author_only", "not yet")


def test_verify_checks_the_component_and_its_steps(platform: LocalPlatform, published: dict[str, Any]) -> None:
    data = read(platform, "verify", "kept@v1")
    assert {name: data[name] for name in ("canonical_id", "version", "sha256", "contract_sha256")} == {
        name: published[name] for name in ("canonical_id", "version", "sha256", "contract_sha256")
    }
    assert data["steps"] == published["steps"]
    with platform.registry() as client:
        key = client.get("/submit/key").json()["data"]
    told = platform.acr("parts", "verify", "kept", "--key", key["public_key"])
    assert (told.returncode, told.stdout) == (0, f"kept@v1 is what the key {key['key_id']} has signed.\n")


def test_without_a_known_key_the_registrys_own_key_is_used_with_a_warning(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    environment = {"ACR_CONFIG_DIR": str(tmp_path), "ARCRUN_REGISTRY_URL": platform.urls["registry"]}
    platform.acr("parts", "publish", write(tmp_path, "foreign"))
    result = platform.acr("parts", "verify", "foreign", **environment)
    assert (result.returncode, "The registry itself presented the key" in result.stderr) == (0, True)


def test_a_tampered_module_is_not_installed(platform: LocalPlatform, tmp_path: Path) -> None:
    data = read(platform, "publish", write(tmp_path, "tampered", '{"n":"tampered"}'))
    platform.put_object(f"modules/{data['sha256']}.wasm", build_module(printing('{"n":666}')))
    for verb in ("verify", "install"):
        result = platform.acr("parts", verb, "tampered")
        assert (result.returncode, result.stdout, "not the one that the registry lists" in result.stderr) == (
            *(1, ""),
            True,
        )
    assert platform.get_object("tampered.wasm") is None


class Lying(httpx.BaseTransport):
    """A registry that serves other bytes, with their hash."""

    def __init__(self, url: str, changes: dict[str, Any], module: bytes) -> None:
        self._client, self._changes, self._module = httpx.Client(base_url=url, timeout=60), changes, module

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/module"):
            return httpx.Response(200, content=self._module)
        answer = self._client.get(request.url.raw_path.decode(), headers=request.headers).json()
        answer["data"] |= self._changes
        return httpx.Response(200, json=answer)

    def close(self) -> None:
        self._client.close()


def test_other_bytes_with_a_matching_hash_fail_the_signature(
    platform: LocalPlatform, published: dict[str, Any]
) -> None:
    module = build_module(printing('{"n":666}'))

    changes = {"sha256": hashlib.sha256(module).hexdigest()}
    with platform.registry() as client:
        key = client.get("/submit/key").json()["data"]["public_key"]
    url = platform.urls["registry"]
    other_contract = {"contract": build_contract("other")}
    for lie, shown in ((changes, module), (other_contract, build_module(printing('{"n":1}')))):
        with (
            RegistryClient(RegistryTarget(url, API_KEY), Lying(url, lie, shown)) as lying,
            pytest.raises(CliError, match="failed verification"),
        ):
            fetch_verified(lying, "kept", key)


def test_install_puts_a_verified_component_into_the_bucket(platform: LocalPlatform, tmp_path: Path) -> None:
    folder = write(tmp_path, "borrowed", '{"by":"alice"}')
    submission = read(platform, "publish", folder, ARCRUN_API_KEY=ALICE_KEY)["submission_id"]
    assert refusal(platform, "install", "borrowed") == (1, "COMPONENT_NOT_FOUND")
    read(platform, "approve", submission)
    installed = read(platform, "install", "borrowed")
    keys = [f"borrowed{version}{suffix}" for version in ("@v1", "") for suffix in (".wasm", ".contract.yaml")]
    assert (installed["canonical_id"], installed["written"]) == (
        "borrowed",
        keys,
    )  # the metered module is already there
    assert platform.get_object("borrowed.wasm") == build_module(printing('{"by":"alice"}'))
    again = platform.acr("parts", "install", "borrowed@v1")
    assert (again.returncode, again.stdout, "Already installed" in again.stderr) == (0, "borrowed@v1\n", True)
    read(platform, "reject", submission, "--reason", "taken back")
    assert platform.execute("borrowed", {}).json()["data"] == {"by": "alice"}  # it stays
    with platform.registry(REVIEWER_KEY) as client:
        assert client.get("/components/borrowed").status_code == 200


def listed(platform: LocalPlatform, *options: str) -> list[dict[str, Any]]:
    result = platform.acr("parts", "list", "--json", *options)
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout)["data"]["components"])


def test_the_list_joins_built_in_bucket_and_registry(platform: LocalPlatform, tmp_path: Path) -> None:
    read(platform, "publish", write(tmp_path, "joined_a", tags=["zebra"]))
    read(platform, "publish", write(tmp_path, "joined_b", category="logic", description="Counts zebras. All of them."))
    read(platform, "install", "joined_b")
    found = listed(platform, "--search", "ZEBRA")
    assert [(part["id"], part["source"], part["visibility"]) for part in found] == [
        ("joined_a", "registry", "author_only"),
        ("joined_b", "bucket", None),
    ]
    assert found[1]["description"] == "Counts zebras."
    assert [part["id"] for part in listed(platform, "--search", "zebra", "--category", "logic")] == ["joined_b"]
    assert [part["id"] for part in listed(platform, "--search", "zebra", "--sort", "newest")] == [
        "joined_b",
        "joined_a",
    ]
    table = platform.acr("parts", "list", "--search", "zebra").stdout
    for told in ("registry, author_only", "runs"):
        assert told in table


def test_one_component_shows_its_submission_and_its_contract(platform: LocalPlatform, tmp_path: Path) -> None:
    submission = read(platform, "publish", write(tmp_path, "single"))["submission_id"]
    told = platform.acr("parts", "list", "single@v1")
    assert (told.returncode, f"acr parts approve {submission}" in told.stdout) == (0, True)
    shown = json.loads(platform.acr("parts", "list", "single", "--json").stdout)["data"]["component"]
    assert (shown["submission_id"], shown["source"], shown["statistics"]["total_runs"]) == (submission, "registry", 0)
    assert shown["config_example"] == build_contract("single")["config_example"]
    assert platform.acr("parts", "list", "single@v2").returncode == 1


def test_a_key_that_the_registry_refuses_leaves_the_list_without_it(platform: LocalPlatform) -> None:
    result = platform.acr("parts", "list", "--json", ARCRUN_API_KEY="wrong")
    assert result.returncode == 0
    assert {part["statistics"] for part in json.loads(result.stdout)["data"]["components"]} == {None}
    assert "Statistics and the registry's components could not be read" in result.stderr


def test_doctor_checks_the_registry(platform: LocalPlatform) -> None:
    checks = {check["name"]: check for check in json.loads(platform.acr("doctor", "--json").stdout)["data"]["checks"]}
    assert (checks["registry"]["ok"], checks["registry keys"]["ok"]) == (True, True)
    wrong = json.loads(platform.acr("doctor", "--json", ARCRUN_REVIEWER_KEY="x").stdout)["data"]
    [keys] = [check for check in wrong["checks"] if check["name"] == "registry keys"]
    assert (keys["ok"], keys["hint"]) == (False, "Check ARCRUN_REVIEWER_KEY.")
