"""`acr init` and `acr deploy` against stand-ins of Cloudflare's API and of wrangler: each resource is made once, a
second run changes nothing, secrets travel through stdin alone. test_interruptions.py stops both at every step."""

import base64
import json
import os
import pty
import subprocess
from contextlib import suppress

import pytest
from deploy.desk import ACR, API_KEY, ENCRYPTION_KEY, KEYS, ROOT, Desk

from fakes.cloudflare import ACCOUNT, TOKEN

NAMESPACES = {
    f"arcrun-{name}" for name in ("EXEC_CONTEXT", "WEBHOOKS", "CREDENTIALS_KV", "ANALYTICS_KV", "SUBMISSIONS_KV")
}
MADE_ONCE = {**dict.fromkeys(NAMESPACES, 1), "arcrun-components": 1}
EXECUTOR, REGISTRY = "arcrun-cypher-executor", "arcrun-registry"
MASTER_KEY = base64.b64encode(b"m" * 32).decode()


def test_init_makes_each_thing_once(desk: Desk) -> None:
    first, second = desk.init(), desk.init()
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    data, again = json.loads(first.stdout), json.loads(second.stdout)
    assert (data["account_id"], data["files"], len(data["created"])) == (ACCOUNT, [".gitignore", "credentials.yaml"], 6)
    assert again == {**data, "files": [], "created": []}
    assert dict(desk.cloudflare.created) == MADE_ONCE
    config = desk.folder / "config/config.json"
    assert config.parent.stat().st_mode & 0o777 == 0o700
    assert config.stat().st_mode & 0o777 == (desk.folder / "credentials.yaml").stat().st_mode & 0o777 == 0o600
    assert (desk.folder / ".gitignore").read_text().split() == ["credentials.yaml", ".arcrun/"]
    assert len(base64.b64decode(desk.config["encryption_key"])) == 32
    assert TOKEN not in config.read_text()  # it came from the environment and is not kept
    assert len(base64.b64decode(desk.config["signing_key"])) == 32
    for secret in (
        TOKEN,
        *(desk.config[name] for name in ("api_key", "reviewer_key", "signing_key", "encryption_key")),
    ):
        assert secret not in first.stdout + first.stderr


def test_init_local_needs_nothing_and_keeps_what_is_there(desk: Desk) -> None:
    (desk.folder / ".gitignore").write_text("node_modules/\n/credentials.yaml")
    (desk.folder / "credentials.yaml").write_text("a: b\n")
    result = desk.run("init", "--local", "--json", CLOUDFLARE_API_TOKEN="")
    assert (result.returncode, json.loads(result.stdout)) == (0, {"files": [".gitignore"]})
    assert (desk.folder / "credentials.yaml").read_text() == "a: b\n"
    assert (desk.folder / ".gitignore").read_text().split() == ["node_modules/", "/credentials.yaml", ".arcrun/"]
    assert desk.cloudflare.requests == []


@pytest.mark.parametrize(
    ("environment", "code", "message"),
    [
        pytest.param({"CLOUDFLARE_API_TOKEN": ""}, 4, "Workers KV Storage", id="no token"),
        pytest.param({"CLOUDFLARE_API_TOKEN": "wrong"}, 4, "code 10000", id="wrong token"),
        pytest.param({"ARCRUN_ENCRYPTION_KEY": "short"}, 1, "openssl rand -base64 32", id="wrong key"),
        pytest.param({"CLOUDFLARE_API_BASE_URL": "http://127.0.0.1:1"}, 1, "does not answer", id="nobody there"),
    ],
)
def test_init_says_what_is_missing(desk: Desk, environment: dict[str, str], code: int, message: str) -> None:
    result = desk.init(**environment)
    assert (result.returncode, message in result.stderr, result.stdout) == (code, True, "")
    assert desk.cloudflare.created.total() == 0


def test_init_takes_wrangler_s_login(desk: Desk) -> None:
    login = {"CLOUDFLARE_API_TOKEN": "", "FAKE_WRANGLER_LOGIN": TOKEN}
    assert desk.init(**login).returncode == 0
    assert (desk.config["uses_wrangler_login"], TOKEN in str(desk.config)) == (True, False)
    assert desk.deploy(**login).returncode == 0


def test_init_asks_a_person_and_shows_no_answer(desk: Desk) -> None:
    """At a terminal: the token, which is then kept, and the encryption key."""
    primary, secondary = pty.openpty()
    environment = {**desk.environment, "CLOUDFLARE_API_TOKEN": ""}
    process = subprocess.Popen(
        [str(ACR), "init"], cwd=desk.folder, env=environment, stdin=secondary, stdout=secondary, stderr=secondary,
        start_new_session=True,
    )  # fmt: skip
    os.close(secondary)
    shown = b""
    for question, answer in ((b"API token", TOKEN), (b"ARCRUN_ENCRYPTION_KEY", ENCRYPTION_KEY)):
        while question not in shown:
            shown += os.read(primary, 1024)
        os.write(primary, f"{answer}\n".encode())
    with suppress(OSError):  # the terminal is gone when the command ends
        while chunk := os.read(primary, 1024):
            shown += chunk
    os.close(primary)
    assert process.wait(30) == 0, shown
    assert (desk.config["api_token"], desk.config["encryption_key"]) == (TOKEN, ENCRYPTION_KEY)
    assert [secret for secret in (TOKEN, ENCRYPTION_KEY) if secret.encode() in shown] == []


def test_init_takes_given_keys_and_namespaces(desk: Desk) -> None:
    desk.cloudflare.namespaces["mine"] = "id-of-mine"
    options = ["--namespace", "WEBHOOKS=id-of-mine", "--bucket", "my-bucket", "--account-id", ACCOUNT]
    desk.run("init", "--no-input", *options, **KEYS)
    assert (desk.config["namespaces"]["WEBHOOKS"], desk.config["bucket"]) == ("id-of-mine", "my-bucket")
    assert (desk.config["api_key"], desk.config["encryption_key"]) == (API_KEY, ENCRYPTION_KEY)
    assert "arcrun-WEBHOOKS" not in desk.cloudflare.namespaces


def test_deploy_brings_everything_once(desk: Desk) -> None:
    desk.init(**KEYS)
    first, second = (
        desk.deploy("--components", str(ROOT / "components")),
        desk.deploy("--components", str(ROOT / "components")),
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert [worker["changed"] for worker in json.loads(first.stdout)["workers"]] == [True, True]
    data = json.loads(second.stdout)
    assert ([worker["changed"] for worker in data["workers"]], data["created"], data["uploaded"]) == (
        [False] * 2,
        [],
        [],
    )
    assert (data["seeded"], desk.config["registry_url"]) == ([], data["workers"][0]["url"])
    assert data["workers"][1]["url"] == f"https://{EXECUTOR}.ada.workers.dev" == desk.config["url"]
    assert set(desk.cloudflare.created.values()) == {1}
    assert desk.cloudflare.objects["set.wasm"] == (ROOT / "components/set/set.wasm").read_bytes()
    assert [call["argv"][0] for call in desk.calls()] == ["deploy", "secret", "deploy", "secret"]


def test_secrets_travel_through_stdin_alone(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.deploy()
    sent = {call["argv"][3]: json.loads(call["stdin"]) for call in desk.calls() if call["stdin"]}
    own = {"ARCRUN_REVIEWER_KEY": desk.config["reviewer_key"], "ARCRUN_SIGNING_KEY": desk.config["signing_key"]}
    assert sent == {REGISTRY: {"ARCRUN_API_KEY": API_KEY, **own}, EXECUTOR: KEYS}
    staged = b"".join(path.read_bytes() for path in (desk.folder / ".arcrun").rglob("*") if path.is_file())
    talk = "".join(result.stdout + result.stderr for result in desk.results)
    for secret in (API_KEY, ENCRYPTION_KEY, TOKEN, *own.values()):
        assert secret not in str([call["argv"] for call in desk.calls()])
        assert secret not in talk
        assert secret.encode() not in staged
    assert {call["environment"]["CLOUDFLARE_API_TOKEN"] for call in desk.calls()} == {TOKEN}


def test_the_rendered_configuration_has_the_ids_and_no_build_command(desk: Desk) -> None:
    desk.init()
    desk.deploy("--free-plan")
    manifest = json.loads((desk.folder / ".arcrun/deploy/executor/wrangler.json").read_text())
    ids = {item["binding"]: item["id"] for item in manifest["kv_namespaces"]}
    assert ids == {binding: desk.cloudflare.namespaces[f"arcrun-{binding}"] for binding in ids}
    assert not {"build", "worker_loaders", "account_id"} & manifest.keys()
    assert manifest["services"] == [{"binding": "REGISTRY", "service": REGISTRY}]
    assert "REGISTRY" not in desk.run("deploy", "--dry-run", "--worker", "executor").stdout


def test_the_hosted_mode_alone_binds_the_accounts_and_gives_the_executor_their_key(desk: Desk) -> None:
    desk.init(**KEYS)
    path, workers = desk.folder / ".arcrun/deploy/executor/wrangler.json", ("--worker", "executor", "--worker", "auth")
    bindings, modes, keys = [], [], []
    for options in ((), ("--multi-tenant",)):
        before = len(desk.calls())
        assert desk.deploy(*workers, *options, MASTER_KEY=MASTER_KEY).returncode == 0
        manifest = json.loads(path.read_text())
        bindings.append({item["binding"] for item in manifest["kv_namespaces"]})
        modes.append(manifest["vars"].get("MULTI_TENANT"))
        sent = [call for call in desk.calls()[before:] if call["stdin"] and EXECUTOR in call["argv"]]
        keys.append(["MASTER_KEY" in json.loads(call["stdin"]) for call in sent])
    assert (bindings[1] - bindings[0], modes, keys) == ({"ACCOUNTS_KV"}, [None, "true"], [[False], [True]])


@pytest.mark.parametrize(
    ("change", "operations"),
    [
        pytest.param({"ARCRUN_API_KEY": "another-key-1234"}, ["secret", "deploy"] * 2, id="a secret"),
        pytest.param({"bundle": "1"}, ["deploy"], id="an upload"),
    ],
)
def test_what_changed_is_deployed_and_nothing_else(desk: Desk, change: dict[str, str], operations: list[str]) -> None:
    desk.init(**KEYS)
    desk.deploy()
    before = len(desk.calls())
    extra = desk.folder / "extra"
    (extra / "my_set").mkdir(parents=True)
    contract = (ROOT / "components/set/contract.yaml").read_text().replace("canonical_id: set", "canonical_id: my_set")
    (extra / "my_set/contract.yaml").write_text(contract)
    (extra / "my_set/my_set.wasm").write_bytes((ROOT / "components/set/set.wasm").read_bytes())
    options = ["--bundle", "--components", str(extra)] if change.pop("bundle", None) else []
    result = desk.deploy(*options, **change)
    assert result.returncode == 0, result.stderr
    assert [call["argv"][0] for call in desk.calls()[before:]] == operations


def test_what_stops_a_deploy_is_named(desk: Desk) -> None:
    assert "acr init" in desk.deploy().stderr
    desk.init()
    desk.cloudflare.subdomain = None
    result = desk.deploy()
    assert (result.returncode, "no workers.dev subdomain" in result.stderr) == (1, True)
    assert desk.calls() == []


def test_a_dry_run_needs_no_account_and_wrangler_accepts_what_it_stages(desk: Desk) -> None:
    """With the real wrangler. Whatever lies in .arcrun afterwards is its owner's alone."""
    (desk.folder / ".arcrun/deploy/executor").mkdir(mode=0o755, parents=True)
    (desk.folder / ".arcrun/deploy/executor/wrangler.json").touch(mode=0o644)
    result = desk.run("deploy", "--dry-run", ACR_WRANGLER="", CLOUDFLARE_API_TOKEN="", CLOUDFLARE_API_BASE_URL="")
    assert result.returncode == 0, result.stderr
    assert (desk.cloudflare.requests, (desk.folder / "config").exists()) == ([], False)
    for service in ("executor", "registry"):
        assert f"{service} {desk.folder / '.arcrun/deploy' / service}" in result.stdout
        assert (desk.folder / ".arcrun/deploy" / service / "upload/entry.py").is_file()
    staged = [desk.folder / ".arcrun", *(desk.folder / ".arcrun").rglob("*")]
    assert [str(path) for path in staged if path.stat().st_mode & 0o077] == []


def test_the_real_wrangler_deploys_to_the_stand_in(desk: Desk) -> None:
    """It uploads both Workers and sets their secrets; then there is nothing to do; then a secret changes."""
    wrangler = {"ACR_WRANGLER": "", "XDG_CONFIG_HOME": str(desk.folder / "wrangler")}
    desk.init(**KEYS)
    results = [desk.deploy(**wrangler, **change) for change in ({}, {}, {"ARCRUN_API_KEY": "another-key"})]
    assert [result.returncode for result in results] == [0, 0, 0], results
    changed = [[worker["changed"] for worker in json.loads(result.stdout)["workers"]] for result in results]
    assert changed == [[True, True], [False, False], [True, True]]
    bindings = {item["name"]: item["type"] for item in desk.cloudflare.workers[EXECUTOR]}
    assert bindings["ARCRUN_API_KEY"] == bindings["ARCRUN_ENCRYPTION_KEY"] == "secret_text"
    assert (bindings["WEBHOOKS"], bindings["WASM_BUCKET"], bindings["ARCRUN_DEPLOYMENT"]) == (
        "kv_namespace",
        "r2_bucket",
        "plain_text",
    )
