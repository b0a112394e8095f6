"""Several platforms in one account: `targets:` in arcrun.yaml, chosen by --target."""

import json

import pytest
from deploy.desk import EXECUTOR, REGISTRY, Desk

pytestmark = pytest.mark.workerd

PROJECT = """targets:
  staging: {}
  production: {suffix: ''}
"""


def run(desk: Desk, *arguments: str, code: int = 0) -> dict[str, object]:
    result = desk.run(*arguments, "--json")
    assert result.returncode == code, result.stdout + result.stderr
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def test_two_targets_in_one_account_share_nothing(desk: Desk) -> None:
    (desk.folder / "arcrun.yaml").write_text(PROJECT)
    (desk.folder / "credentials.yaml").write_text("token: secret-of-staging\n")
    (desk.folder / "credentials.yaml").chmod(0o600)
    for target in ("staging", "production"):
        run(desk, "init", "--no-input", "--target", target)
        run(desk, "deploy", "--no-wait", "--target", target)
    assert set(desk.cloudflare.workers.scripts) == {
        name + suffix for name in (EXECUTOR, REGISTRY) for suffix in ("", "-staging")
    }
    assert set(desk.cloudflare.buckets) == {"arcrun-components", "arcrun-components-staging"}
    assert {"arcrun-WEBHOOKS", "arcrun-WEBHOOKS-staging"} <= set(desk.cloudflare.namespaces)
    owners = {name: owner["script_name"] for name, owner in desk.cloudflare.workers.workflows.items()}
    assert owners == {f"arcrun-run{suffix}": EXECUTOR + suffix for suffix in ("", "-staging")}
    manifest = json.loads((desk.folder / ".arcrun/deploy/executor/wrangler.json").read_text())
    assert (manifest["name"], manifest["services"]) == (EXECUTOR, [{"binding": "REGISTRY", "service": REGISTRY}])
    run(desk, "deploy", "--dry-run", "--target", "staging")
    manifest = json.loads((desk.folder / ".arcrun/deploy/executor/wrangler.json").read_text())
    assert (manifest["name"], manifest["r2_buckets"][0]["bucket_name"]) == (
        f"{EXECUTOR}-staging",
        "arcrun-components-staging",
    )
    configs = {
        name: json.loads((desk.folder / f"config/targets/{name}.json").read_text())
        for name in ("staging", "production")
    }
    assert not (desk.folder / "config/config.json").exists()
    assert configs["staging"]["url"] == f"https://{EXECUTOR}-staging.ada.workers.dev"
    assert configs["staging"]["api_key"] != configs["production"]["api_key"]
    assert configs["staging"]["encryption_key"] != configs["production"]["encryption_key"]
    run(desk, "creds", "push", "--target", "staging")
    listed = {target: run(desk, "creds", "list", "--target", target)["data"] for target in configs}
    assert listed["staging"] == {"credentials": [{"name": "token", "readable": True}]}
    assert listed["production"] == {"credentials": []}


def test_without_a_target_nothing_is_deployed_by_accident(desk: Desk) -> None:
    (desk.folder / "arcrun.yaml").write_text(PROJECT)
    result = desk.run("deploy", "--no-wait", "--json")
    assert (result.returncode, json.loads(result.stdout)["error"]["code"]) == (4, "NOT_LOGGED_IN")
    assert "Choose one of staging, production: --target NAME" in result.stderr
    misspelt = desk.run("deploy", "--no-wait", "--target", "prod", "--json")
    assert (misspelt.returncode, json.loads(misspelt.stdout)["error"]["code"]) == (2, "TARGET_UNKNOWN")
    assert desk.cloudflare.created.total() == 0
