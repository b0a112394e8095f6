"""Proves what the local runtime's plan takes from the Workers' configuration and what `acr dev` adds."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from acr.local.runtime_plan import build_plan

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A staged Worker, with only the files that a plan reads."""
    for service in ("executor", "registry", "auth"):
        (tmp_path / service / "build").mkdir(parents=True)
        shutil.copy(ROOT / "workers" / service / "wrangler.toml", tmp_path / service)
        shutil.copy(ROOT / "workers" / service / "src/entry.py", tmp_path / service / "build")
    return tmp_path


def plan_of(staged: Path, *services: str, **variables: str) -> dict[str, dict[str, Any]]:
    folders = {service: staged / service for service in services}
    plan = build_plan(
        folders,
        port=8787,
        explorer_port=40001,
        api_secret="s",
        state=staged,
        snapshots=staged,
        node_modules=staged,
        secrets={},
        variables=variables,
    )
    return {worker["service"]: worker for worker in plan["workers"]}


def test_workerd_gets_its_own_flags_and_not_those_of_python(staged: Path) -> None:
    plan = plan_of(staged, "executor", "registry", "auth")
    assert [worker["compatibilityFlags"] for worker in plan.values()] == [["global_fetch_strictly_public"]] * 3


def test_auth_is_bound_to_the_executor_s_class_where_there_is_an_executor(staged: Path) -> None:
    own = {
        "WORKSPACE": {"className": "Workspace", "useSQLite": True},
        "RUN_LOG": {"className": "RunLog", "useSQLite": True},
        "STORE": {"className": "Store", "useSQLite": True},
    }
    borrowed = {name: {**each, "scriptName": "arcrun-cypher-executor"} for name, each in own.items()}
    plan = plan_of(staged, "executor", "auth")
    assert (plan["executor"]["durableObjects"], plan["auth"]["durableObjects"]) == (own, borrowed)
    assert plan_of(staged, "auth")["auth"]["durableObjects"] == {}


def test_components_that_may_call_this_machine_reach_neither_port_of_cloudflare_s_api(staged: Path) -> None:
    closed, opened = (plan_of(staged, "executor", "auth", **it) for it in ({}, {"ARCRUN_ALLOW_LOCAL_NETWORK": "true"}))
    assert "ARCRUN_REFUSED_PORTS" not in closed["executor"]["vars"]
    assert opened["executor"]["vars"]["ARCRUN_REFUSED_PORTS"] == "8789,40001"


def test_the_free_plan_has_no_sandboxes(staged: Path) -> None:
    for variables, loaders in (({}, [{"LOADER": {}}] * 2), ({"ARCRUN_PLAN": "free"}, [{}] * 2)):
        plan = plan_of(staged, "executor", "registry", **variables)
        assert [plan[service]["workerLoaders"] for service in ("executor", "registry")] == loaders
