"""`acr deploy --rollback`: what goes back, with which secrets, and when it cannot; and that a deploy after it works."""

import json
from pathlib import Path

import pytest
from deploy.desk import API_KEY, EXECUTOR, KEYS, REGISTRY, ROOT, Desk

MARK = "ARCRUN_DEPLOYMENT"


def change_code(desk: Desk, name: str) -> None:
    """A component to bundle makes another upload of the executor."""
    folder = desk.folder / "extra" / name
    folder.mkdir(parents=True)
    contract = (ROOT / "components/set/contract.yaml").read_text().replace("canonical_id: set", f"canonical_id: {name}")
    (folder / "contract.yaml").write_text(contract)
    (folder / f"{name}.wasm").write_bytes((ROOT / "components/set/set.wasm").read_bytes())


def deploy_changed(desk: Desk, name: str, **environment: str) -> None:
    change_code(desk, name)
    options = ("--worker", "executor", "--bundle", "--components", str(desk.folder / "extra"))
    result = desk.deploy(*options, **environment)
    assert (result.returncode, json.loads(result.stdout)["workers"][0]["changed"]) == (0, True), result.stderr


def roll_back(desk: Desk, *options: str) -> tuple[int, str]:
    result = desk.run("deploy", "--rollback", "--worker", "executor", *options)
    return result.returncode, result.stderr


def running(desk: Desk, name: str = EXECUTOR) -> tuple[int, dict[str, str]]:
    """The number of the version that runs, and its secrets."""
    version = desk.cloudflare.workers.scripts[name].running
    return version.number, version.secrets


@pytest.fixture
def deployed(desk: Desk) -> Desk:
    """Both Workers, and then another version of the executor."""
    desk.init(**KEYS)
    desk.deploy()
    deploy_changed(desk, "one")
    return desk


def test_the_version_before_runs_again_and_the_next_deploy_brings_the_new_one(deployed: Desk) -> None:
    """With the real wrangler, which deploys over a version that is not the newest."""
    assert roll_back(deployed) == (0, f"rolled back {EXECUTOR}: version 2 to version 1\n")
    assert running(deployed) == (1, KEYS)
    again = deployed.deploy("--worker", "executor", **deployed.real_wrangler)
    assert [worker["changed"] for worker in json.loads(again.stdout)["workers"]] == [False]  # it is what runs
    options = ("--worker", "executor", "--bundle", "--components", str(deployed.folder / "extra"))
    for environment in ({}, {"ARCRUN_API_KEY": "another-key-1234"}):
        result = deployed.deploy(*options, **deployed.real_wrangler, **environment)
        assert (result.returncode, json.loads(result.stdout)["workers"][0]["changed"]) == (0, True), result.stderr
    assert running(deployed) == (4, {**KEYS, "ARCRUN_API_KEY": "another-key-1234"})


def test_a_changed_secret_is_deployed_over_a_rolled_back_version(deployed: Desk) -> None:
    """Where `wrangler secret bulk` would refuse: the newest version does not run."""
    assert roll_back(deployed)[0] == 0
    assert deployed.deploy(ARCRUN_API_KEY="another-key-1234", **deployed.real_wrangler).returncode == 0
    assert running(deployed) == (3, {**KEYS, "ARCRUN_API_KEY": "another-key-1234"})


def test_what_was_done_is_printed(deployed: Desk) -> None:
    result = deployed.run("deploy", "--rollback", "--worker", "executor", "--json")
    told = {"rolled_back": [{"service": "executor", "name": EXECUTOR, "from": 2, "to": 1}]}
    assert (result.returncode, json.loads(result.stdout)) == (0, told)


def test_a_rollback_after_a_rollback_goes_further_back(deployed: Desk) -> None:
    deploy_changed(deployed, "two")
    numbers = []
    for _ in range(2):
        assert roll_back(deployed)[0] == 0
        numbers.append(running(deployed)[0])
    assert numbers == [2, 1]
    code, told = roll_back(deployed)
    assert (code, f"{EXECUTOR} has no version before version 1, which runs." in told) == (1, True)
    deploy_changed(deployed, "three")
    assert (roll_back(deployed)[0], running(deployed)[0]) == (0, 1)  # the one that ran before it


def test_code_that_was_deployed_anew_goes_back_to_what_it_replaced(deployed: Desk) -> None:
    """By a deploy and not by a rollback."""
    assert deployed.deploy("--worker", "executor").returncode == 0
    assert (running(deployed)[0], roll_back(deployed)[0], running(deployed)[0]) == (3, 0, 2)


def test_the_secrets_are_those_of_now(deployed: Desk) -> None:
    """A version has the secrets of its time: after a rotation, and with a new API key, old code gets the new ones."""
    deploy_changed(deployed, "two", ARCRUN_API_KEY="another-key-1234")
    assert deployed.run("creds", "rotate").returncode == 0
    script = deployed.cloudflare.workers.scripts[EXECUTOR]
    secrets, source = script.running.secrets, script.versions[1]
    code, told = roll_back(deployed)
    assert (code, told.endswith(", with the secrets of now\n")) == (0, True), told
    assert script.running is script.versions[-1]
    assert (script.running.secrets, secrets["ARCRUN_API_KEY"]) == (secrets, "another-key-1234")
    assert script.running.upload.modules == source.upload.modules
    assert (
        dict(script.running.bindings).items()
        >= {name: item for name, item in source.bindings.items() if item["type"] != "secret_text"}.items()
    )
    sent = str(script.running.upload.metadata)
    assert [secret for secret in (API_KEY, *secrets.values()) if secret in told + sent] == []
    assert (roll_back(deployed)[0], running(deployed)[1]) == (0, secrets)  # further back, by a copy once more
    assert script.running.bindings[MARK] == script.versions[0].bindings[MARK]


def test_a_rotation_after_a_rollback_changes_the_keys_of_what_runs(deployed: Desk) -> None:
    """Where `wrangler secret bulk` would refuse, for the newest version does not run."""
    (deployed.folder / "credentials.yaml").write_text("token: s\n")
    assert deployed.run("creds", "push").returncode == 0
    assert roll_back(deployed)[0] == 0
    script = deployed.cloudflare.workers.scripts[EXECUTOR]
    modules = script.running.upload.modules
    result = deployed.run("creds", "rotate", "--json")
    assert (result.returncode, json.loads(result.stdout)["renewed"]) == (0, ["token"]), result.stderr
    new, old = deployed.config["encryption_key"], KEYS["ARCRUN_ENCRYPTION_KEY"]
    keys = {"ARCRUN_ENCRYPTION_KEY": new, "ARCRUN_PREVIOUS_ENCRYPTION_KEY": old}
    assert (script.running.secrets, script.running.upload.modules) == ({**KEYS, **keys}, modules)
    assert script.running.bindings[MARK] == script.versions[0].bindings[MARK]
    assert [secret for secret in (new, old) if secret in result.stdout + result.stderr] == []


def test_a_change_of_secrets_alone_is_no_version_to_go_back_to(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.deploy()
    assert desk.deploy(ARCRUN_API_KEY="another-key-1234").returncode == 0
    code, told = roll_back(desk)
    assert (code, "has no version before version 2" in told) == (1, True)


def test_over_a_migration_it_is_refused_before_cloudflare_is_asked(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.cloudflare.workers.add(EXECUTOR, [{"name": MARK, "type": "plain_text", "text": "first-wave"}])
    assert desk.deploy().returncode == 0
    requests = len(desk.cloudflare.requests)
    code, told = roll_back(desk)
    assert (code, "Durable Object migration (none to v1), and Cloudflare goes back over none." in told) == (1, True)
    assert "acr deploy" in told
    assert [line for line in desk.cloudflare.requests[requests:] if not line.startswith("GET")] == []


@pytest.mark.parametrize("which", ["running", "before"])
def test_what_arcrun_did_not_deploy_is_left_alone(desk: Desk, which: str) -> None:
    desk.init(**KEYS)
    foreign = [{"name": "OTHER", "type": "plain_text", "text": "x"}]
    if which == "before":
        desk.cloudflare.workers.add(EXECUTOR, foreign)
    desk.deploy()
    if which == "running":
        desk.cloudflare.workers.scripts[EXECUTOR].classes.clear()
        desk.cloudflare.workers.add(EXECUTOR, foreign)
    before = running(desk)
    code, told = roll_back(desk)
    number = 1 if which == "before" else 2
    assert (code, f"Version {number} of {EXECUTOR} was not deployed by arcrun." in told) == (1, True), told
    assert running(desk) == before


def test_all_that_are_deployed_or_none(deployed: Desk) -> None:
    """The registry has one version only: nothing changes, and the next step is named."""
    result = deployed.run("deploy", "--rollback")
    assert (result.returncode, f"{REGISTRY} has no version before" in result.stderr) == (1, True)
    assert (
        "Nothing has changed. To roll back the others alone: acr deploy --rollback --worker executor" in result.stderr
    )
    assert running(deployed)[0] == 2


def test_where_nothing_is_deployed_it_says_so(desk: Desk) -> None:
    desk.init(**KEYS)
    result = desk.run("deploy", "--rollback")
    assert (result.returncode, "No Worker of arcrun is deployed." in result.stderr) == (1, True)
    code, told = roll_back(desk)
    assert (code, f"{EXECUTOR} is not deployed." in told) == (1, True)


def test_what_cloudflare_refuses_is_told_with_what_is_left(deployed: Desk) -> None:
    deployed.cloudflare.failures[f"POST /workers/scripts/{EXECUTOR}/deployments"] = [400]
    code, told = roll_back(deployed)
    assert (code, "Go on with the rest: acr deploy --rollback --worker executor" in told) == (1, True)
    assert roll_back(deployed)[0] == 0


def test_it_takes_no_option_of_a_deploy(deployed: Desk, tmp_path: Path) -> None:
    for options in (["--dry-run"], ["--components", str(tmp_path)], ["--domain", "a.example.com"], ["--free-plan"]):
        result = deployed.run("deploy", "--rollback", *options)
        assert (result.returncode, "--rollback takes --worker and --json only" in result.stderr) == (2, True)
