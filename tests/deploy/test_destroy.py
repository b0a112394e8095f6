"""`acr destroy` removes what `acr deploy` has made, and nothing else."""

import json

import pytest
from deploy.desk import EXECUTOR, KEYS, REGISTRY, Desk

pytestmark = pytest.mark.workerd

OTHERS = ("my-own", "ours", "arcrun-OTHER")


def destroy(desk: Desk, *options: str, code: int = 0) -> dict[str, object]:
    result = desk.run("destroy", "--json", *options)
    assert result.returncode == code, result.stdout + result.stderr
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def add_others(desk: Desk) -> None:
    """What others have in the account."""
    account = desk.cloudflare
    account.workers.add("my-own", [{"name": "REGISTRY", "type": "service", "service": REGISTRY}])
    account.workers.domains |= {"hooks.example.com": EXECUTOR, "www.example.com": "my-own"}
    account.workers.workflows["ours"] = {"script_name": "my-own", "class_name": "Mine"}
    account.namespaces["arcrun-OTHER"] = "other"
    account.buckets.append("pictures")


def left(desk: Desk) -> tuple[list[str], ...]:
    account, workers = desk.cloudflare, desk.cloudflare.workers
    named = (workers.scripts.keys(), workers.domains.keys(), workers.workflows.keys(), account.namespaces.keys())
    return (*(sorted(names) for names in named), account.buckets)


LEFT = (["my-own"], ["www.example.com"], ["ours"], ["arcrun-OTHER"], ["pictures"])


def test_it_removes_what_was_deployed_and_no_more(deployed_desk: Desk) -> None:
    desk = deployed_desk
    desk.cloudflare.objects["runs/1/input"] = b"large"
    add_others(desk)
    made = set(desk.cloudflare.namespaces) - {"arcrun-OTHER"}
    objects = len(desk.cloudflare.objects)
    refused = destroy(desk, code=2)
    assert "acr destroy --yes" in json.dumps(refused)
    assert left(desk) != LEFT
    removed = destroy(desk, "--yes")["data"]
    assert isinstance(removed, dict)
    assert (removed["workers"], removed["foreign"]) == ([EXECUTOR, REGISTRY], [])
    assert (removed["domains"], removed["workflows"]) == (["hooks.example.com"], ["arcrun-run"])
    assert (set(removed["namespaces"]), removed["objects"]) == (made, objects)
    assert (left(desk), desk.cloudflare.objects, desk.cloudflare.values) == (LEFT, {}, {})
    assert {"namespaces", "url", "registry_url"} & desk.config.keys() <= {"namespaces"}
    assert desk.config.get("namespaces", {}) == {}
    again = destroy(desk)["data"]
    assert isinstance(again, dict)
    assert not any(again[kind] for kind in ("workers", "workflows", "namespaces", "bucket"))


@pytest.mark.parametrize("failing", [f"DELETE /workers/scripts/{EXECUTOR}", "DELETE /r2/buckets/arcrun-components"])
def test_an_interrupted_one_is_finished_by_the_next(deployed_desk: Desk, failing: str) -> None:
    desk = deployed_desk
    desk.cloudflare.failures[failing] = [403]
    assert "403" in json.dumps(destroy(desk, "--yes", code=4))
    assert desk.config["url"]
    destroy(desk, "--yes")
    assert left(desk) == ([], [], [], [], [])


def test_what_arcrun_did_not_deploy_stays(desk: Desk) -> None:
    desk.init(**KEYS)
    desk.cloudflare.workers.add(EXECUTOR, [])
    desk.cloudflare.workers.workflows["arcrun-run"] = {"script_name": EXECUTOR, "class_name": "Mine"}
    result = desk.run("destroy", "--yes", "--keep-bucket")
    assert (result.returncode, f"{EXECUTOR} stays" in result.stderr) == (0, True), result.stderr
    assert left(desk) == ([EXECUTOR], [], ["arcrun-run"], [], ["arcrun-components"])


def test_a_deploy_after_it_is_a_first_one(deployed_desk: Desk) -> None:
    desk = deployed_desk
    destroy(desk, "--yes")
    assert desk.deploy().returncode == 0
    assert sorted(desk.cloudflare.workers.scripts) == [EXECUTOR, REGISTRY]
    assert desk.config["url"] == f"https://{EXECUTOR}.ada.workers.dev"
