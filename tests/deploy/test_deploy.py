"""`acr init` and `acr deploy` against stand-ins for Cloudflare's API and wrangler: each resource is created once, a
second run changes nothing, secrets are passed only through stdin. test_interruptions.py stops both at every step.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from deploy.desk import ACR, API_KEY, ENCRYPTION_KEY, EXECUTOR, KEYS, MASTER_KEY, REGISTRY, ROOT, Desk

from acr.cloudflare.token_page import PLATFORM_PERMISSIONS, build_token_page
from fakes.cloudflare_rest.account import ACCOUNT, TOKEN
from fakes.terminal import Terminal

pytestmark = pytest.mark.workerd

NAMESPACES = {
    f"arcrun-{name}" for name in ("EXEC_CONTEXT", "WEBHOOKS", "CREDENTIALS_KV", "ANALYTICS_KV", "SUBMISSIONS_KV")
}
MADE_ONCE = {**dict.fromkeys(NAMESPACES, 1), "arcrun-components": 1}


def test_init_creates_each_resource_once(desk: Desk) -> None:
    first, second = desk.init(), desk.init()
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    data, again = json.loads(first.stdout)["data"], json.loads(second.stdout)["data"]
    assert (data["account_id"], data["files"], len(data["created"])) == (ACCOUNT, [".gitignore", "credentials.yaml"], 6)
    assert again == {**data, "files": [], "created": []}
    assert dict(desk.cloudflare.created) == MADE_ONCE
    config = desk.folder / "config/config.json"
    assert config.parent.stat().st_mode & 0o777 == 0o700
    assert config.stat().st_mode & 0o777 == (desk.folder / "credentials.yaml").stat().st_mode & 0o777 == 0o600
    assert (desk.folder / ".gitignore").read_text().split() == ["credentials.yaml", ".arcrun/"]
    assert len(base64.b64decode(desk.config["encryption_key"])) == 32
    assert TOKEN not in config.read_text()  # it came from the environment, so it is not saved
    assert len(base64.b64decode(desk.config["signing_key"])) == 32
    for secret in (
        TOKEN,
        *(desk.config[name] for name in ("api_key", "reviewer_key", "signing_key", "encryption_key")),
    ):
        assert secret not in first.stdout + first.stderr


def test_init_local_needs_nothing_and_keeps_existing_files(desk: Desk) -> None:
    (desk.folder / ".gitignore").write_text("node_modules/\n/credentials.yaml")
    (desk.folder / "credentials.yaml").write_text("a: b\n")
    result = desk.run("init", "--local", "--json", CLOUDFLARE_API_TOKEN="")
    assert (result.returncode, json.loads(result.stdout)["data"]) == (0, {"files": [".gitignore"]})
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
    assert (result.returncode, message in result.stderr) == (code, True)
    assert json.loads(result.stdout)["success"] is False
    assert desk.cloudflare.created.total() == 0


def test_init_uses_wrangler_s_login(desk: Desk) -> None:
    login = {"CLOUDFLARE_API_TOKEN": "", "FAKE_WRANGLER_LOGIN": TOKEN}
    assert desk.init(**login).returncode == 0
    assert (desk.config["uses_wrangler_login"], TOKEN in str(desk.config)) == (True, False)
    assert desk.deploy(**login).returncode == 0


def test_init_asks_the_user_and_shows_no_answer(desk: Desk) -> None:
    """At a terminal it asks for the token, which is then saved, and the encryption key."""
    with Terminal([str(ACR), "init"], {**desk.environment, "CLOUDFLARE_API_TOKEN": ""}, desk.folder) as terminal:
        for question, answer in (("API token (", TOKEN), ("ARCRUN_ENCRYPTION_KEY (", ENCRYPTION_KEY)):
            terminal.read_until(question)
            terminal.type(answer)
        assert terminal.end() == 0, terminal.shown
    shown = terminal.shown
    assert build_token_page("arcrun", PLATFORM_PERMISSIONS) in shown
    assert (desk.config["api_token"], desk.config["encryption_key"]) == (TOKEN, ENCRYPTION_KEY)
    assert [secret for secret in (TOKEN, ENCRYPTION_KEY) if secret in shown] == []


def test_init_uses_given_keys_and_namespaces(desk: Desk) -> None:
    desk.cloudflare.namespaces["mine"] = "id-of-mine"
    options = ["--namespace", "WEBHOOKS=id-of-mine", "--bucket", "my-bucket", "--account-id", ACCOUNT]
    desk.run("init", "--no-input", *options, **KEYS)
    assert (desk.config["namespaces"]["WEBHOOKS"], desk.config["bucket"]) == ("id-of-mine", "my-bucket")
    assert (desk.config["api_key"], desk.config["encryption_key"]) == (API_KEY, ENCRYPTION_KEY)
    assert "arcrun-WEBHOOKS" not in desk.cloudflare.namespaces


def test_deploy_deploys_everything_once(desk: Desk) -> None:
    desk.init(**KEYS)
    first, second = (
        desk.deploy("--components", str(ROOT / "components")),
        desk.deploy("--components", str(ROOT / "components")),
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert [worker["changed"] for worker in json.loads(first.stdout)["data"]["workers"]] == [True, True]
    data = json.loads(second.stdout)["data"]
    assert ([worker["changed"] for worker in data["workers"]], data["created"], data["uploaded"]) == (
        [False] * 2,
        [],
        [],
    )
    assert (data["seeded"], desk.config["registry_url"]) == ([], data["workers"][0]["url"])
    assert data["workers"][1]["url"] == f"https://{EXECUTOR}.ada.workers.dev" == desk.config["url"]
    assert set(desk.cloudflare.created.values()) == {1}
    assert desk.cloudflare.objects["set.wasm"] == (ROOT / "components/set/set.wasm").read_bytes()
    assert [call["argv"][0] for call in desk.calls()] == ["deploy", "deploy"]


def test_secrets_are_passed_only_through_stdin(deployed_desk: Desk) -> None:
    sent = {Path(call["argv"][2]).parent.name: json.loads(call["stdin"]) for call in deployed_desk.calls()}
    own = {
        "ARCRUN_REVIEWER_KEY": deployed_desk.config["reviewer_key"],
        "ARCRUN_SIGNING_KEY": deployed_desk.config["signing_key"],
    }
    assert sent == {"registry": {"ARCRUN_API_KEY": API_KEY, **own}, "executor": KEYS}
    staged = b"".join(path.read_bytes() for path in (deployed_desk.folder / ".arcrun").rglob("*") if path.is_file())
    talk = "".join(result.stdout + result.stderr for result in deployed_desk.results)
    for secret in (API_KEY, ENCRYPTION_KEY, TOKEN, *own.values()):
        assert secret not in str([call["argv"] for call in deployed_desk.calls()])
        assert secret not in talk
        assert secret.encode() not in staged
    assert {call["environment"]["CLOUDFLARE_API_TOKEN"] for call in deployed_desk.calls()} == {TOKEN}


def test_the_rendered_configuration_has_the_ids_and_no_build_command(desk: Desk) -> None:
    desk.init()
    desk.deploy("--free-plan")
    manifest = json.loads((desk.folder / ".arcrun/deploy/executor/wrangler.json").read_text())
    ids = {item["binding"]: item["id"] for item in manifest["kv_namespaces"]}
    assert ids == {binding: desk.cloudflare.namespaces[f"arcrun-{binding}"] for binding in ids}
    assert not {"build", "worker_loaders", "account_id"} & manifest.keys()
    assert manifest["vars"]["ARCRUN_PLAN"] == "free"
    assert manifest["services"] == [{"binding": "REGISTRY", "service": REGISTRY}]
    desk.deploy()
    paid = json.loads((desk.folder / ".arcrun/deploy/executor/wrangler.json").read_text())
    assert ("worker_loaders" in paid, "ARCRUN_PLAN" in paid["vars"]) == (True, False)
    assert "REGISTRY" not in desk.run("deploy", "--dry-run", "--worker", "executor").stdout


def test_only_the_hosted_mode_binds_the_accounts_and_gives_the_executor_their_key(desk: Desk) -> None:
    desk.init(**KEYS)
    path, workers = desk.folder / ".arcrun/deploy/executor/wrangler.json", ("--worker", "executor", "--worker", "auth")
    bindings, modes, keys = [], [], []
    for options in ((), ("--multi-tenant",)):
        before = len(desk.calls())
        assert desk.deploy(*workers, *options, MASTER_KEY=MASTER_KEY).returncode == 0
        manifest = json.loads(path.read_text())
        bindings.append({item["binding"] for item in manifest["kv_namespaces"]})
        modes.append(manifest["vars"].get("MULTI_TENANT"))
        sent = [call for call in desk.calls()[before:] if call["stdin"] and str(path) in call["argv"]]
        keys.append(["MASTER_KEY" in json.loads(call["stdin"]) for call in sent])
    assert (bindings[1] - bindings[0], modes, keys) == ({"ACCOUNTS_KV"}, [None, "true"], [[False], [True]])


@pytest.mark.parametrize(
    ("change", "operations"),
    [
        pytest.param({"ARCRUN_API_KEY": "another-key-1234"}, ["deploy", "deploy"], id="a secret"),
        pytest.param({"bundle": "1"}, ["deploy"], id="an upload"),
    ],
)
def test_only_changes_are_deployed(deployed_desk: Desk, change: dict[str, str], operations: list[str]) -> None:
    before = len(deployed_desk.calls())
    extra = deployed_desk.folder / "extra"
    (extra / "my_set").mkdir(parents=True)
    contract = (ROOT / "components/set/contract.yaml").read_text().replace("canonical_id: set", "canonical_id: my_set")
    (extra / "my_set/contract.yaml").write_text(contract)
    (extra / "my_set/my_set.wasm").write_bytes((ROOT / "components/set/set.wasm").read_bytes())
    options = ["--bundle", "--components", str(extra)] if change.pop("bundle", None) else []
    result = deployed_desk.deploy(*options, **change)
    assert result.returncode == 0, result.stderr
    assert [call["argv"][0] for call in deployed_desk.calls()[before:]] == operations


def test_the_reason_that_stops_a_deploy_is_named(desk: Desk) -> None:
    assert "acr init" in desk.deploy().stderr
    desk.init()
    desk.cloudflare.subdomain = None
    result = desk.deploy()
    assert (result.returncode, "no workers.dev subdomain" in result.stderr) == (1, True)
    assert desk.calls() == []


def test_a_dry_run_needs_no_account_and_wrangler_accepts_what_it_stages(desk: Desk) -> None:
    """With the real wrangler. Everything in .arcrun is readable by its owner only."""
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


def executor_manifest(desk: Desk) -> dict[str, Any]:
    return dict(json.loads((desk.folder / ".arcrun/deploy/executor/wrangler.json").read_text()))


def test_webhooks_are_at_the_requested_domain_until_it_is_forgotten(desk: Desk) -> None:
    """With the real wrangler, which attaches it."""
    desk.init(**KEYS)
    workers_dev, shown = f"https://{EXECUTOR}.ada.workers.dev", []
    for options in ((), ("--domain", "hooks.example.com"), (), ("--domain", "")):
        assert desk.deploy(*options, **desk.real_wrangler).returncode == 0
        manifest = executor_manifest(desk)
        variable = desk.cloudflare.workers.bindings_of(EXECUTOR)["ARCRUN_PUBLIC_URL"]["text"]
        shown.append((variable, manifest.get("routes"), desk.config.get("domain")))
    route = [{"pattern": "hooks.example.com", "custom_domain": True}]
    own = ("https://hooks.example.com", route, "hooks.example.com")
    assert shown == [(workers_dev, None, None), own, own, (workers_dev, None, None)]
    assert desk.cloudflare.workers.domains == {"hooks.example.com": EXECUTOR}
    assert "ARCRUN_PUBLIC_URL" not in desk.cloudflare.workers.bindings_of(REGISTRY)
    assert desk.config["url"] == workers_dev


def test_workflows_have_addresses_at_the_mail_domain_until_it_is_forgotten(desk: Desk) -> None:
    desk.init(**KEYS)
    shown, told = [], []
    for options in (("--mail-domain", "example.com"), (), ("--mail-domain", "")):
        deployed = desk.deploy(*options)
        assert deployed.returncode == 0, deployed.stderr
        variables = executor_manifest(desk)["vars"]
        shown.append((variables.get("ARCRUN_MAIL_DOMAIN"), desk.config.get("mail_domain")))
        told.append(f"let messages go to the Worker {EXECUTOR}" in deployed.stderr)
    own = ("example.com", "example.com")
    assert (shown, told) == ([own, own, (None, None)], [True, True, False])
    refused = desk.deploy("--mail-domain", "https://example.com")
    assert (refused.returncode, "is not a domain" in refused.stderr) == (1, True)


def test_a_domain_that_is_not_attached_is_attached_by_the_next_run(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.deploy("--domain", "hooks.example.com")
    desk.cloudflare.workers.domains.clear()
    changed = [worker["changed"] for worker in json.loads(desk.deploy().stdout)["data"]["workers"]]
    assert (changed, desk.cloudflare.workers.domains) == ([False, True], {"hooks.example.com": EXECUTOR})


def test_the_project_s_domain_applies_to_all_members(desk: Desk) -> None:
    desk.init(**KEYS)
    (desk.folder / "arcrun.yaml").write_text("domain: hooks.example.com\n")
    assert desk.deploy().returncode == 0
    assert executor_manifest(desk)["vars"]["ARCRUN_PUBLIC_URL"] == "https://hooks.example.com"
    refused = desk.deploy("--domain", "other.example.com")
    assert (refused.returncode, "arcrun.yaml sets the domain to hooks.example.com" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "name", ["https://a.example.com", "a.example.com/x", "example", "A.example.com", "a..com", "a.com:8443", "10.0.0.1"]
)
def test_an_invalid_domain_is_refused(desk: Desk, name: str) -> None:
    result = desk.run("deploy", "--dry-run", "--domain", name)
    assert (result.returncode, f"`{name}` is not a domain" in result.stderr) == (1, True)


def test_components_reach_local_addresses_only_if_the_operator_allows_it(desk: Desk) -> None:
    desk.init(**KEYS)
    found = []
    for value in ("true", "false", ""):
        result = desk.deploy(ARCRUN_ALLOW_LOCAL_NETWORK=value)
        variables = executor_manifest(desk)["vars"]
        found.append((variables.get("ARCRUN_ALLOW_LOCAL_NETWORK"), "lets components call any address" in result.stderr))
    assert found == [("true", True), (None, False), (None, False)]
    assert "ARCRUN_ALLOW_LOCAL_NETWORK" not in desk.cloudflare.workers.bindings_of(REGISTRY)


def test_a_worker_that_arcrun_did_not_deploy_is_replaced_only_on_request(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.cloudflare.workers.add(EXECUTOR, [{"name": "OTHER", "type": "plain_text", "text": "x"}])
    created = dict(desk.cloudflare.created)
    result = desk.deploy()
    assert (result.returncode, desk.calls(), dict(desk.cloudflare.created)) == (1, [], created)
    assert f"has a Worker {EXECUTOR} that arcrun did not deploy" in result.stderr
    assert ("acr deploy --replace" in result.stderr, "OTHER" in desk.cloudflare.workers.bindings_of(EXECUTOR)) == (
        True,
        True,
    )
    assert (desk.deploy("--replace").returncode, desk.deploy().returncode) == (0, 0)
