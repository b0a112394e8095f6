"""`acr deploy` against a stand-in for Cloudflare's API: its uploads to a fresh account, over an earlier deployment, and
repeated. The fake wrangler stands in for the real one where they send the same, as is shown here. The stand-in refuses
what Cloudflare refuses; test_interruptions.py stops each step.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from deploy.desk import API_KEY, AUTH, EXECUTOR, KEYS, MASTER_KEY, REGISTRY, Desk

from fakes.cloudflare_rest.assets import BUCKET_FILES
from fakes.cloudflare_rest.workers import Upload

pytestmark = pytest.mark.workerd

ROOT = Path(__file__).resolve().parents[2]
ALL = ("--multi-tenant", *(word for name in ("registry", "executor", "auth") for word in ("--worker", name)))
WORKSPACE = {"name": "WORKSPACE", "type": "durable_object_namespace", "class_name": "Workspace"}
RUN_WORKFLOW = {
    "name": "RUN_WORKFLOW",
    "type": "workflow",
    "workflow_name": "arcrun-run",
    "class_name": "RunWorkflow",
}
RUN_WORKFLOW_OWNER = {"script_name": EXECUTOR, "class_name": "RunWorkflow"}
FIRST_WAVE = {"name": "ARCRUN_DEPLOYMENT", "type": "plain_text", "text": "first-wave"}


def deploy(desk: Desk, *options: str, is_real: bool = False, **environment: str) -> list[bool]:
    """Deploy, by the real wrangler if told. Returns whether each Worker changed."""
    wrangler = desk.real_wrangler if is_real else {}
    result = desk.deploy(*options, **wrangler, MASTER_KEY=MASTER_KEY, **environment)
    assert result.returncode == 0, result.stderr
    return [worker["changed"] for worker in json.loads(result.stdout)["data"]["workers"]]


def uploads_since(desk: Desk, count: int) -> dict[str, Upload]:
    return dict(desk.cloudflare.workers.uploads[count:])


def bindings_in(upload: Upload) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in upload.metadata["bindings"]}


def metadata_of(upload: Upload) -> dict[str, Any]:
    """What an upload says, without what differs with each (when it began, which version it replaces) and what the fake
    wrangler leaves out.
    """
    kept = ("plain_text", "secret_text", "service", "durable_object_namespace", "workflow")
    bindings = [item for item in upload.metadata["bindings"] if item["type"] in kept]
    named = {item["name"]: item for item in bindings if not item["name"].startswith("ARCRUN_DEPLOYMENT_R")}
    told = {key: value for key, value in upload.metadata.items() if value is not None}
    told |= {"assets": told["assets"]["config"]} if "assets" in told else {}
    return {key: told[key] for key in told.keys() - {"observability", "code_update_strategy"}} | {"bindings": named}


STEPS = [{"new_sqlite_classes": [name]} for name in ("Workspace", "RunLog", "Store")]


def test_over_a_fresh_account_and_again(desk: Desk) -> None:
    desk.init(**KEYS)
    assert deploy(desk, *ALL, is_real=True) == [True, True, True]
    uploads = uploads_since(desk, 0)
    assert list(uploads) == [REGISTRY, EXECUTOR, AUTH]  # each is bound to those before it
    migrations = {name: upload.metadata.get("migrations") for name, upload in uploads.items()}
    assert migrations == {
        REGISTRY: {"new_tag": "v1", "steps": [{"new_sqlite_classes": ["RegistryState"]}]},
        EXECUTOR: {"new_tag": "v3", "steps": STEPS},
        AUTH: None,
    }
    assert bindings_in(uploads[EXECUTOR])["WORKSPACE"] == WORKSPACE
    assert bindings_in(uploads[AUTH])["WORKSPACE"] == {**WORKSPACE, "script_name": EXECUTOR}
    store = {"name": "STORE", "type": "durable_object_namespace", "class_name": "Store"}
    assert bindings_in(uploads[EXECUTOR])["STORE"] == store
    assert bindings_in(uploads[AUTH])["STORE"] == {**store, "script_name": EXECUTOR}
    for name, upload in uploads.items():
        assert upload.metadata["compatibility_date"] == "2026-11-01"
        workflows = ["python_workflows"] if name == EXECUTOR else []
        flags = ["python_workers", *workflows, "global_fetch_strictly_public"]
        assert upload.metadata["compatibility_flags"] == flags
    assert bindings_in(uploads[EXECUTOR])["RUN_WORKFLOW"] == RUN_WORKFLOW
    assert desk.cloudflare.workers.workflows == {"arcrun-run": RUN_WORKFLOW_OWNER}
    assert deploy(desk, *ALL) == [False, False, False]
    assert len(desk.cloudflare.workers.uploads) == 3


def test_the_executor_s_upload(desk: Desk) -> None:
    desk.init(**KEYS)
    deploy(desk, is_real=True)
    upload = uploads_since(desk, 0)[EXECUTOR]
    kinds = {name: (item["type"], item.get("namespace_id")) for name, item in bindings_in(upload).items()}
    ids = desk.cloudflare.namespaces
    kv = {name: ("kv_namespace", ids[f"arcrun-{name}"]) for name in ("EXEC_CONTEXT", "WEBHOOKS", "CREDENTIALS_KV")}
    assert kv.items() <= kinds.items()
    assert {name: kinds[name][0] for name in ("WASM_BUCKET", "LOADER", "REGISTRY", "AI", "REQUEST_LIMIT")} == {
        "WASM_BUCKET": "r2_bucket",
        "LOADER": "worker_loader",
        "REGISTRY": "service",
        "AI": "ai",
        "REQUEST_LIMIT": "ratelimit",
    }
    assert desk.cloudflare.workers.scripts[EXECUTOR].running.secrets == KEYS
    assert upload.metadata["main_module"] == "entry.py"
    types = {name: kind for name, (kind, _) in upload.modules.items()}
    assert types["entry.py"] == types["arcrun/engine/engine.py"] == "text/x-python"
    assert types["component_host.mjs"] == "application/javascript+module"
    assert types["components/set.wasm"] == "application/wasm"
    vendored = {kind for name, kind in types.items() if name.startswith("python_modules/") and name.endswith(".py")}
    assert vendored == {"application/octet-stream"}
    assert upload.modules["components/set.wasm"][1][:4] == b"\0asm"


def test_the_console_is_uploaded_once(desk: Desk) -> None:
    desk.init(**KEYS)
    deploy(desk, is_real=True)
    workers = desk.cloudflare.workers
    running = workers.scripts[EXECUTOR].running
    built = ROOT / "console/dist"
    files = {f"/{path.relative_to(built).as_posix()}": path for path in built.rglob("*") if path.is_file()}
    headers = files.pop("/_headers").read_text()
    assert {name: file["size"] for name, file in (running.assets or {}).items()} == {
        name: path.stat().st_size for name, path in files.items()
    }
    page = (running.assets or {})["/console/index.html"]["hash"]
    kind, content = workers.assets.contents[page]
    assert (kind.partition(";")[0], content) == ("text/html", files["/console/index.html"].read_bytes())
    config = running.upload.metadata["assets"]["config"]
    assert {key: value for key, value in config.items() if value is not None} == {
        "run_worker_first": ["/*", "!/console/*"],
        "_headers": headers,
    }
    assert {path.suffix for path in files.values()} == {".html", ".css", ".js", ".json", ".txt"}  # no source, no map
    uploads = "POST /workers/assets/upload"
    assert desk.cloudflare.requests.count(uploads) == -(-len(files) // BUCKET_FILES)
    changed = {"ARCRUN_API_KEY": "another-key-1234", "ARCRUN_PUBLIC_URL": "https://arcrun.example.com"}
    assert deploy(desk, is_real=True, **changed)[-1] is True
    assert desk.cloudflare.requests.count(uploads) == -(-len(files) // BUCKET_FILES)
    assert workers.scripts[EXECUTOR].running.assets == running.assets
    assert [name for name, script in workers.scripts.items() if script.running.assets] == [EXECUTOR]


def test_over_a_head_import_deployment(desk: Desk) -> None:
    """An executor without migrations and without WORKSPACE, with its own secrets; a registry that has its class."""
    desk.init(**KEYS)
    deploy(desk)
    registry, workers = desk.cloudflare.workers.scripts[REGISTRY], desk.cloudflare.workers
    del workers.scripts[EXECUTOR]
    kept = {"name": "OTHER", "type": "secret_text", "text": "set by hand"}
    workers.add(EXECUTOR, [FIRST_WAVE, kept, {"name": "ARCRUN_API_KEY", "type": "secret_text", "text": API_KEY}])
    count = len(workers.uploads)
    assert deploy(desk, *ALL) == [False, True, True]
    uploads = uploads_since(desk, count)
    assert uploads[EXECUTOR].metadata["migrations"] == {
        "new_tag": "v3",
        "steps": STEPS,
    }
    assert workers.scripts[EXECUTOR].running.secrets == {**KEYS, "MASTER_KEY": MASTER_KEY, "OTHER": "set by hand"}
    assert registry.classes == {"RegistryState"}
    assert deploy(desk, *ALL) == [False, False, False]


def test_over_a_deployment_without_workflows(desk: Desk) -> None:
    """The upload needs no migration; the Workflow is set after it, and by the next deploy if that did not happen."""
    desk.init(**KEYS)
    deploy(desk)
    workers = desk.cloudflare.workers
    earlier = workers.scripts[EXECUTOR].running.bindings
    assert isinstance(earlier, dict)
    del earlier["RUN_WORKFLOW"]
    workers.workflows.clear()
    count = len(workers.uploads)
    assert deploy(desk, ARCRUN_API_KEY="another-key-1234") == [True, True]
    upload = uploads_since(desk, count)[EXECUTOR]
    assert (upload.metadata.get("migrations"), bindings_in(upload)["RUN_WORKFLOW"]) == (None, RUN_WORKFLOW)
    assert workers.workflows == {"arcrun-run": RUN_WORKFLOW_OWNER}
    assert deploy(desk, ARCRUN_API_KEY="another-key-1234") == [False, False]
    workers.workflows.clear()
    assert deploy(desk, ARCRUN_API_KEY="another-key-1234") == [False, True]
    assert workers.workflows == {"arcrun-run": RUN_WORKFLOW_OWNER}


def test_a_workflow_of_another_worker_is_taken_over_only_if_told(desk: Desk) -> None:
    desk.init(**KEYS)
    owner = {"script_name": "my-own", "class_name": "Mine"}
    desk.cloudflare.workers.workflows["arcrun-run"] = owner
    result = desk.deploy(**desk.real_wrangler)
    assert (result.returncode, json.loads(result.stdout)["error"]["code"]) == (1, "WORKFLOW_NOT_OWN"), result.stderr
    assert desk.cloudflare.workers.workflows == {"arcrun-run": owner}
    assert (desk.cloudflare.workers.uploads, desk.cloudflare.created["arcrun-EXEC_CONTEXT"]) == ([], 1)
    assert deploy(desk, "--replace") == [True, True]
    assert desk.cloudflare.workers.workflows == {"arcrun-run": RUN_WORKFLOW_OWNER}


def test_a_later_version_has_no_migration_and_keeps_the_class(desk: Desk) -> None:
    desk.init(**KEYS)
    deploy(desk)
    count = len(desk.cloudflare.workers.uploads)
    assert deploy(desk, ARCRUN_API_KEY="another-key-1234") == [True, True]
    uploads = uploads_since(desk, count)
    assert [upload.metadata.get("migrations") for upload in uploads.values()] == [None, None]
    assert bindings_in(uploads[EXECUTOR])["WORKSPACE"] == WORKSPACE
    executor = desk.cloudflare.workers.scripts[EXECUTOR]
    assert executor.running.secrets == {**KEYS, "ARCRUN_API_KEY": "another-key-1234"}


def test_a_later_migration_starts_from_the_worker_s_tag(desk: Desk) -> None:
    """The Worker has an older migration tag: wrangler sends the later steps with old_tag, which Cloudflare compares."""
    desk.init(**KEYS)
    deploy(desk)
    script = desk.cloudflare.workers.scripts[EXECUTOR]
    script.tag, script.classes = "v1", {"Workspace"}  # from an arcrun without a RunLog and stores
    count = len(desk.cloudflare.workers.uploads)
    assert deploy(desk, ARCRUN_API_KEY="another-key-1234") == [True, True]
    migrations = uploads_since(desk, count)[EXECUTOR].metadata["migrations"]
    assert migrations == {"old_tag": "v1", "new_tag": "v3", "steps": STEPS[1:]}


def test_a_refusal_of_cloudflare_is_reported_and_changes_nothing(desk: Desk) -> None:
    """The class already exists, under an unknown tag."""
    desk.init(**KEYS)
    deploy(desk)
    script = desk.cloudflare.workers.scripts[EXECUTOR]
    script.tag = "v0"
    running = script.running
    result = desk.deploy(**desk.real_wrangler, ARCRUN_API_KEY="another-key-1234")
    assert (result.returncode, "already depended on by existing" in result.stderr) == (1, True), result.stderr
    assert (script.running, script.tag) == (running, "v0")


@pytest.mark.parametrize("has_executor", [False, True], ids=["no executor", "an executor of the first wave"])
def test_auth_alone_is_bound_only_to_existing_workers(desk: Desk, has_executor: bool) -> None:
    desk.init(**KEYS)
    if has_executor:
        desk.cloudflare.workers.add(EXECUTOR, [FIRST_WAVE])
    assert deploy(desk, "--worker", "auth") == [True]
    assert "WORKSPACE" not in desk.cloudflare.workers.bindings_of(AUTH)
    deploy(desk)
    assert deploy(desk, "--worker", "auth") == [True]
    assert desk.cloudflare.workers.bindings_of(AUTH)["WORKSPACE"]["script_name"] == EXECUTOR


def test_an_executor_alone_stays_bound_to_the_existing_registry(desk: Desk) -> None:
    desk.init(**KEYS)
    deploy(desk)
    assert deploy(desk, "--worker", "executor") == [False]


def test_the_fake_wrangler_sends_the_real_one_s_requests(desk: Desk) -> None:
    """Both make the same changing requests, to a fresh account and repeated. test_interruptions.py stops the fake one
    at every request.
    """
    desk.init(**KEYS)
    asked: list[list[str]] = []
    uploaded: list[list[tuple[str, dict[str, Any]]]] = []
    for wrangler in ({}, desk.real_wrangler):
        desk.cloudflare.workers.scripts.clear()
        desk.cloudflare.workers.uploads.clear()
        first = len(desk.cloudflare.requests)
        for change in ({}, {"ARCRUN_API_KEY": "another-key-1234"}):
            assert desk.deploy(**wrangler, **change).returncode == 0
        asked.append([line for line in desk.cloudflare.requests[first:] if not line.startswith("GET")])
        uploads = desk.cloudflare.workers.uploads
        uploaded.append([(name, metadata_of(upload)) for name, upload in uploads])
    assert asked[0] == asked[1]
    assert uploaded[0] == uploaded[1]
