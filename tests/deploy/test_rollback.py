"""`acr deploy --rollback`: which Workers go back, with which secrets, when it is refused, and a deploy after it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.desk import API_KEY, EXECUTOR, KEYS, REGISTRY, ROOT, Desk, copied

pytestmark = pytest.mark.workerd

MARK = "ARCRUN_DEPLOYMENT"


def change_code(desk: Desk, name: str) -> None:
    """Change the executor's upload by bundling another component."""
    folder = desk.folder / "extra" / name
    folder.mkdir(parents=True)
    contract = (ROOT / "components/set/contract.yaml").read_text().replace("canonical_id: set", f"canonical_id: {name}")
    (folder / "contract.yaml").write_text(contract)
    (folder / f"{name}.wasm").write_bytes((ROOT / "components/set/set.wasm").read_bytes())


def deploy_changed(desk: Desk, name: str, **environment: str) -> None:
    change_code(desk, name)
    options = ("--worker", "executor", "--bundle", "--components", str(desk.folder / "extra"))
    result = desk.deploy(*options, **environment)
    assert (result.returncode, json.loads(result.stdout)["data"]["workers"][0]["changed"]) == (0, True), result.stderr


def roll_back(desk: Desk, *options: str) -> tuple[int, str]:
    result = desk.run("deploy", "--rollback", "--worker", "executor", *options)
    return result.returncode, result.stderr


def running(desk: Desk, name: str = EXECUTOR) -> tuple[int, dict[str, str]]:
    """The running version's number and secrets."""
    version = desk.cloudflare.workers.scripts[name].running
    return version.number, version.secrets


@pytest.fixture(scope="module")
def second_deploy(first_deploy: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    with copied(first_deploy, tmp_path_factory.mktemp("second-deploy")) as desk:
        deploy_changed(desk, "one")
    return desk


@pytest.fixture
def deployed(second_deploy: Desk, tmp_path: Path) -> Iterator[Desk]:
    """A desk with both Workers deployed, then another version of the executor."""
    with copied(second_deploy, tmp_path) as desk:
        yield desk


def test_the_previous_version_runs_again_and_the_next_deploy_restores_the_new_one(deployed: Desk) -> None:
    """With the real wrangler, which deploys while the newest version is not the running one."""
    assert roll_back(deployed) == (0, f"rolled back {EXECUTOR}: version 2 to version 1\n")
    assert running(deployed) == (1, KEYS)
    again = deployed.deploy("--worker", "executor", **deployed.real_wrangler)
    assert [worker["changed"] for worker in json.loads(again.stdout)["data"]["workers"]] == [
        False
    ]  # it is already running
    options = ("--worker", "executor", "--bundle", "--components", str(deployed.folder / "extra"))
    for environment in ({}, {"ARCRUN_API_KEY": "another-key-1234"}):
        result = deployed.deploy(*options, **deployed.real_wrangler, **environment)
        assert (result.returncode, json.loads(result.stdout)["data"]["workers"][0]["changed"]) == (0, True), (
            result.stderr
        )
    assert running(deployed) == (4, {**KEYS, "ARCRUN_API_KEY": "another-key-1234"})


def test_a_changed_secret_is_deployed_over_a_rolled_back_version(deployed: Desk) -> None:
    """`wrangler secret bulk` would refuse, as the newest version is not running."""
    assert roll_back(deployed)[0] == 0
    assert deployed.deploy(ARCRUN_API_KEY="another-key-1234", **deployed.real_wrangler).returncode == 0
    assert running(deployed) == (3, {**KEYS, "ARCRUN_API_KEY": "another-key-1234"})


def test_the_result_is_printed(deployed: Desk) -> None:
    result = deployed.run("deploy", "--rollback", "--worker", "executor", "--json")
    told = {"rolled_back": [{"service": "executor", "name": EXECUTOR, "from": 2, "to": 1}]}
    assert (result.returncode, json.loads(result.stdout)["data"]) == (0, told)


def test_a_rollback_after_a_rollback_goes_further_back(deployed: Desk) -> None:
    deploy_changed(deployed, "two")
    numbers = []
    for _ in range(2):
        assert roll_back(deployed)[0] == 0
        numbers.append(running(deployed)[0])
    assert numbers == [2, 1]
    code, told = roll_back(deployed)
    assert (code, f"The running version 1 of {EXECUTOR} is the first code that was deployed." in told) == (1, True)
    deploy_changed(deployed, "three")
    assert (roll_back(deployed)[0], running(deployed)[0]) == (0, 1)  # the version before it


def test_code_that_was_deployed_again_goes_back_to_the_version_it_replaced(deployed: Desk) -> None:
    """The version that a deploy replaced, not a rollback."""
    assert deployed.deploy("--worker", "executor").returncode == 0
    assert (running(deployed)[0], roll_back(deployed)[0], running(deployed)[0]) == (3, 0, 2)


def test_the_current_secrets_are_kept(deployed: Desk) -> None:
    """A version has the secrets of its time; after a rotation and with a new API key, old code gets the new ones."""
    deploy_changed(deployed, "two", ARCRUN_API_KEY="another-key-1234")
    assert deployed.run("creds", "rotate").returncode == 0
    script = deployed.cloudflare.workers.scripts[EXECUTOR]
    secrets, source = script.running.secrets, script.versions[1]
    code, told = roll_back(deployed)
    assert (code, told.endswith(", with the current secrets\n")) == (0, True), told
    assert script.running is script.versions[-1]
    assert (script.running.secrets, secrets["ARCRUN_API_KEY"]) == (secrets, "another-key-1234")
    assert script.running.upload.modules == source.upload.modules
    assert script.running.assets  # the console goes along
    assert script.running.assets == script.versions[-2].assets
    assert (
        dict(script.running.bindings).items()
        >= {name: item for name, item in source.bindings.items() if item["type"] != "secret_text"}.items()
    )
    sent = str(script.running.upload.metadata)
    assert [secret for secret in (API_KEY, *secrets.values()) if secret in told + sent] == []
    assert (roll_back(deployed)[0], running(deployed)[1]) == (0, secrets)  # further back, again by a copy
    assert script.running.bindings[MARK] == script.versions[0].bindings[MARK]


def test_a_rotation_after_a_rollback_changes_the_running_version_s_keys(deployed: Desk) -> None:
    """`wrangler secret bulk` would refuse, as the newest version is not running."""
    (deployed.folder / "credentials.yaml").write_text("token: s\n")
    assert deployed.run("creds", "push").returncode == 0
    assert roll_back(deployed)[0] == 0
    script = deployed.cloudflare.workers.scripts[EXECUTOR]
    modules = script.running.upload.modules
    result = deployed.run("creds", "rotate", "--json")
    assert (result.returncode, json.loads(result.stdout)["data"]["renewed"]) == (0, ["token"]), result.stderr
    new, old = deployed.config["encryption_key"], KEYS["ARCRUN_ENCRYPTION_KEY"]
    keys = {"ARCRUN_ENCRYPTION_KEY": new, "ARCRUN_PREVIOUS_ENCRYPTION_KEY": old}
    assert (script.running.secrets, script.running.upload.modules) == ({**KEYS, **keys}, modules)
    assert script.running.bindings[MARK] == script.versions[0].bindings[MARK]
    assert [secret for secret in (new, old) if secret in result.stdout + result.stderr] == []


def test_a_change_of_secrets_alone_is_not_rolled_back_to(deployed_desk: Desk) -> None:
    assert deployed_desk.deploy(ARCRUN_API_KEY="another-key-1234").returncode == 0
    code, told = roll_back(deployed_desk)
    assert (code, "running version 2 of" in told, "is the first code that was deployed" in told) == (1, True, True)


def test_it_goes_back_after_any_number_of_secret_changes(deployed: Desk) -> None:
    """Cloudflare lists only ten deployments."""
    script = deployed.cloudflare.workers.scripts[EXECUTOR]
    options = ("--worker", "executor", "--bundle", "--components", str(deployed.folder / "extra"))
    for i in range(11):
        assert deployed.deploy(*options, ARCRUN_API_KEY=f"another-key-{i}").returncode == 0
    assert running(deployed)[0] == 13
    assert (roll_back(deployed)[0], running(deployed)[1]["ARCRUN_API_KEY"]) == (0, "another-key-10")
    assert script.running.bindings[MARK] == script.versions[0].bindings[MARK]


def test_across_a_migration_it_is_refused_before_cloudflare_is_asked(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.cloudflare.workers.add(EXECUTOR, [{"name": MARK, "type": "plain_text", "text": "first-wave"}])
    assert desk.deploy().returncode == 0
    requests = len(desk.cloudflare.requests)
    code, told = roll_back(desk)
    assert (code, "Durable Object migration (none to v3), which Cloudflare cannot roll back." in told) == (1, True)
    assert "acr deploy" in told
    assert [line for line in desk.cloudflare.requests[requests:] if not line.startswith("GET")] == []


@pytest.mark.parametrize("which", ["running", "before"])
def test_versions_that_arcrun_did_not_deploy_are_left_alone(desk: Desk, which: str) -> None:
    desk.init(**KEYS)
    foreign = [{"name": "OTHER", "type": "plain_text", "text": "x"}]
    if which == "before":
        desk.cloudflare.workers.add(EXECUTOR, foreign)
    assert desk.deploy("--replace").returncode == 0
    if which == "running":
        desk.cloudflare.workers.scripts[EXECUTOR].classes.clear()
        desk.cloudflare.workers.add(EXECUTOR, foreign)
    before = running(desk)
    code, told = roll_back(desk)
    number = 1 if which == "before" else 2
    assert (code, f"Version {number} of {EXECUTOR} was not deployed by arcrun." in told) == (1, True), told
    assert running(desk) == before


def numbers_of(desk: Desk) -> tuple[int, int]:
    """The numbers of the running versions of the registry and of the executor."""
    return running(desk, REGISTRY)[0], running(desk)[0]


def test_the_last_deploy_goes_back_and_unchanged_workers_stay(deployed: Desk) -> None:
    """The registry has only one version."""
    result = deployed.run("deploy", "--rollback")
    assert (result.returncode, numbers_of(deployed)) == (0, (1, 1)), result.stderr
    assert f"unchanged {REGISTRY}: the last `acr deploy` did not change it" in result.stderr
    first = deployed.run("deploy", "--rollback")
    assert (first.returncode, first.stderr.count("is the first code that was deployed")) == (1, 2)


def test_workers_go_back_to_versions_that_ran_together(deployed_desk: Desk) -> None:
    """Deploy 2 changes both Workers, a change of secrets both, deploy 3 the executor: back to 2, then back to 1."""
    bucket, extra = ("--bucket", "another-bucket"), ("--bundle", "--components", str(deployed_desk.folder / "extra"))
    assert deployed_desk.run("init", "--no-input", *bucket, **KEYS).returncode == 0
    change_code(deployed_desk, "one")
    key = {"ARCRUN_API_KEY": "another-key-1234"}
    for environment in ({}, key):
        changed = json.loads(deployed_desk.deploy(*extra, **environment).stdout)["data"]["workers"]
        assert [worker["changed"] for worker in changed] == [True, True]
    deploy_changed(deployed_desk, "two", **key)
    assert numbers_of(deployed_desk) == (3, 4)
    seen, scripts = [], deployed_desk.cloudflare.workers.scripts
    for _ in range(2):
        assert deployed_desk.run("deploy", "--rollback").returncode == 0
        seen.append([scripts[name].running.bindings[MARK]["text"].partition("-")[0] for name in (REGISTRY, EXECUTOR)])
    expected = [
        [scripts[name].versions[number].bindings[MARK]["text"].partition("-")[0] for name in (REGISTRY, EXECUTOR)]
        for number in (1, 0)
    ]
    assert (seen, seen[0][0] != seen[1][0]) == (expected, True)


def test_a_worker_that_cannot_go_back_stops_the_others_and_is_named(deployed: Desk) -> None:
    result = deployed.run("deploy", "--rollback", "--worker", "registry", "--worker", "executor")
    assert (result.returncode, numbers_of(deployed)) == (1, (1, 2))
    assert f"The running version 1 of {REGISTRY} is the first code" in result.stderr
    assert "Nothing has changed. To roll back only the others: acr deploy --rollback --worker executor" in result.stderr


def test_versions_of_an_older_arcrun_are_reported(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.cloudflare.workers.add(EXECUTOR, [{"name": MARK, "type": "plain_text", "text": "first-wave"}])
    for options, said, step in (
        ((), "do not say which `acr deploy` uploaded them", "acr deploy --rollback --worker executor"),
        (("--worker", "executor"), "did not record what it replaced", f"wrangler rollback --name {EXECUTOR}"),
    ):
        result = desk.run("deploy", "--rollback", *options)
        assert (result.returncode, said in result.stderr, step in result.stderr) == (1, True, True), result.stderr


def test_it_warns_of_a_version_that_opens_the_private_network(desk: Desk) -> None:
    desk.init(**KEYS)
    warned = []
    for name, value in (("one", "true"), ("two", ""), ("three", "")):
        deploy_changed(desk, name, ARCRUN_ALLOW_LOCAL_NETWORK=value)
    for _ in range(2):
        code, told = roll_back(desk)
        warned.append((code, "lets components call any address" in told))
    assert warned == [(0, False), (0, True)]


def test_without_a_deployment_it_says_so(desk: Desk) -> None:
    desk.init(**KEYS)
    result = desk.run("deploy", "--rollback")
    assert (result.returncode, "No Worker of arcrun is deployed." in result.stderr) == (1, True)
    code, told = roll_back(desk)
    assert (code, f"{EXECUTOR} is not deployed." in told) == (1, True)


def test_a_refusal_of_cloudflare_is_reported_with_the_remaining_workers(deployed: Desk) -> None:
    deployed.cloudflare.failures[f"POST /workers/scripts/{EXECUTOR}/deployments"] = [400]
    code, told = roll_back(deployed)
    assert (code, "Continue with the rest: acr deploy --rollback --worker executor" in told) == (1, True)
    assert roll_back(deployed)[0] == 0


def test_it_accepts_no_deploy_options(deployed: Desk, tmp_path: Path) -> None:
    for options in (["--dry-run"], ["--components", str(tmp_path)], ["--domain", "a.example.com"], ["--free-plan"]):
        result = deployed.run("deploy", "--rollback", *options)
        assert (result.returncode, "--rollback takes only --worker and --json" in result.stderr) == (2, True)
