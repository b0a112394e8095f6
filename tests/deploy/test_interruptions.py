"""Proves that init and deploy, interrupted before or after any step and run again, end as if never interrupted."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from acr.cloudflare.api import CloudflareApi
from acr.config.user_config import read_user_config
from acr.deployment.account_setup import SetupChoices, choose_only_account, set_up_account
from acr.deployment.deploy import Deployment, DeployRequest, deploy
from acr.deployment.staging import stage_uploads
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.wasm.seal import metered_key
from fakes.cloudflare_rest import wrangler
from fakes.cloudflare_rest.account import ACCOUNT, BASE, TOKEN, CloudflareStandIn
from fixtures.modules import LOOPING, build_contract, build_module
from workerd.local_platform import CACHE

pytestmark = pytest.mark.workerd

ROOT = Path(__file__).resolve().parents[2]
KEY = "a" * 43 + "="
MODULE = build_module(LOOPING)
SECRETS = {"ARCRUN_API_KEY": "key", "ARCRUN_ENCRYPTION_KEY": KEY}


class Clockwork:
    """Counts the steps and interrupts one of them, either before it is done or after, losing its answer."""

    def __init__(self) -> None:
        self.stop_at, self.after, self.steps = -1, False, 0

    def arm(self, stop_at: int, after: bool) -> None:
        self.stop_at, self.after, self.steps = stop_at, after, 0

    def step(self, do: Any) -> Any:
        self.steps += 1
        is_last = self.steps - 1 == self.stop_at
        if is_last and not self.after:
            raise KeyboardInterrupt
        result = do()
        if is_last:
            raise KeyboardInterrupt
        return result


class SteppedCloudflare(httpx.BaseTransport):
    def __init__(self, cloudflare: CloudflareStandIn, clockwork: Clockwork) -> None:
        self._cloudflare, self._clockwork = cloudflare, clockwork

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = self._clockwork.step(lambda: self._cloudflare.handle_request(request))
        return answer


class SteppedWrangler:
    """Sends the stand-in the requests that wrangler would send to Cloudflare. `calls` are the calls of wrangler."""

    def __init__(self, cloudflare: httpx.BaseTransport) -> None:
        self._http = httpx.Client(transport=cloudflare, headers={"Authorization": f"Bearer {TOKEN}"})
        self.calls: list[str] = []

    def deploy(self, folder: Path, secrets: Mapping[str, str]) -> None:
        manifest = json.loads((folder / "wrangler.json").read_text())
        self.calls.append(f"deploy {manifest['name']}")
        wrangler.deploy(self._send, folder, secrets)

    def _send(self, method: str, path: str, content: bytes, kind: str, token: str | None) -> httpx.Response:
        url = f"https://api.test{BASE}/accounts/{ACCOUNT}{path}"
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
        return self._http.request(method, url, content=content, headers=headers)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.cloudflare, self.clockwork = folder, CloudflareStandIn(), Clockwork()
        self.wrangler = SteppedWrangler(SteppedCloudflare(self.cloudflare, self.clockwork))
        self.api_key = "key"
        self.services: tuple[str, ...] = ("registry",)

    def api(self, account_id: str | None = ACCOUNT) -> CloudflareApi:
        access = ApiAccess(f"https://api.test{BASE}", account_id, TOKEN)
        return CloudflareApi(access, SteppedCloudflare(self.cloudflare, self.clockwork), lambda _: None)

    def init(self) -> None:
        set_up_account(self.api(None), self.folder / "config.json", SetupChoices(), choose_only_account)

    def deploy(self) -> Deployment:
        secrets = {**SECRETS, "ARCRUN_API_KEY": self.api_key}
        request = DeployRequest(
            home=ROOT,
            build=self.folder / "build",
            services=self.services,
            components=(ROOT / "tests/fixtures/none", self.folder / "components"),
            bundles=False,
            has_loader=True,
            secrets=secrets,
            namespaces={},
            bucket="arcrun-components",
        )
        return deploy(request, self.api(), self.wrangler, lambda _: None)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def staged_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each Worker is staged once and then copied: what is interrupted here comes before and after it."""
    made = tmp_path_factory.mktemp("staged")

    def stage_again(home: Path, services: Sequence[str], out: Path, components: Sequence[Path] = ()) -> None:
        assert not components
        if missing := [service for service in services if not (made / service).is_dir()]:
            stage_uploads(home, missing, made)
        for service in services:
            shutil.copytree(made / service, out / service, copy_function=link_missing, dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACR_CACHE_DIR", str(CACHE))
        patch.setattr("acr.deployment.deploy.stage_uploads", stage_again)
        yield


def link_missing(source: str, target: str) -> None:
    with suppress(FileExistsError):
        os.link(source, target)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    component = tmp_path / "components/my_set"
    component.mkdir(parents=True)
    (component / "contract.yaml").write_text(json.dumps(build_contract("my_set")))
    (component / "my_set.wasm").write_bytes(MODULE)
    return Bench(tmp_path)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop_at", range(14))
def test_init(bench: Bench, stop_at: int, after: bool) -> None:
    bench.clockwork.arm(stop_at, after)
    keys = None
    try:
        bench.init()
    except KeyboardInterrupt:
        keys = read_user_config(bench.folder / "config.json").encryption_key
    bench.clockwork.arm(-1, False)
    bench.init()
    config = read_user_config(bench.folder / "config.json")
    assert keys in (None, config.encryption_key)  # a saved key is not replaced
    assert config.namespaces == {title.removeprefix("arcrun-"): it for title, it in bench.cloudflare.namespaces.items()}
    assert (len(config.namespaces), set(bench.cloudflare.created.values())) == (5, {1})
    bench.init()
    assert read_user_config(bench.folder / "config.json") == config


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop_at", range(13))
def test_first_deploy(bench: Bench, stop_at: int, after: bool) -> None:
    bench.clockwork.arm(stop_at, after)
    with pytest.raises(KeyboardInterrupt):
        bench.deploy()
    bench.clockwork.arm(-1, False)
    bench.deploy()
    check_finished(bench)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop_at", range(5, 13))
def test_deploy_of_a_changed_secret(bench: Bench, stop_at: int, after: bool) -> None:
    bench.deploy()
    bench.api_key = "another"
    bench.clockwork.arm(stop_at, after)
    with suppress(KeyboardInterrupt):
        bench.deploy()
    bench.clockwork.arm(-1, False)
    bench.deploy()
    check_finished(bench)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop_at", range(14, 28))
def test_upgrade(bench: Bench, stop_at: int, after: bool) -> None:
    """An upgrade of an executor without Durable Objects, and of auth, which binds the new ones."""
    bench.services = ("executor", "auth")
    for name in ("arcrun-cypher-executor", "arcrun-auth"):
        bench.cloudflare.workers.add(name, [{"name": "ARCRUN_DEPLOYMENT", "type": "plain_text", "text": "first-wave"}])
    bench.clockwork.arm(stop_at, after)
    with suppress(KeyboardInterrupt):
        bench.deploy()
    bench.clockwork.arm(-1, False)
    bench.deploy()
    executor = bench.cloudflare.workers.scripts["arcrun-cypher-executor"]
    migrations = [upload.metadata.get("migrations") for _, upload in bench.cloudflare.workers.uploads[2:]]
    assert [it for it in migrations if it] == [
        {"new_tag": "v3", "steps": [{"new_sqlite_classes": [each]} for each in ("Workspace", "RunLog", "Store")]}
    ]
    assert (executor.tag, executor.classes, executor.is_reachable) == ("v3", {"Workspace", "RunLog", "Store"}, True)
    binding = bench.cloudflare.workers.bindings_of("arcrun-auth")["WORKSPACE"]
    assert binding["script_name"] == "arcrun-cypher-executor"
    owner = {"script_name": "arcrun-cypher-executor", "class_name": "RunWorkflow"}
    assert bench.cloudflare.workers.workflows == {"arcrun-run": owner}
    bench.wrangler.calls.clear()
    assert [worker.changed for worker in bench.deploy().workers] == [False, False]
    assert bench.wrangler.calls == []


def check_finished(bench: Bench) -> None:
    """Assert that everything exists once, and that another run changes nothing."""
    assert set(bench.cloudflare.created.values()) == {1}
    metered = metered_key(hashlib.sha256(MODULE).hexdigest())
    assert sorted(bench.cloudflare.objects) == [metered, "my_set.contract.yaml", "my_set.wasm"]
    script = bench.cloudflare.workers.scripts["arcrun-registry"]
    types = {name: item["type"] for name, item in script.running.bindings.items()}
    assert types == {
        "ARCRUN_DEPLOYMENT": "plain_text",
        "ARCRUN_DEPLOYMENT_RUN": "plain_text",
        "ARCRUN_API_KEY": "secret_text",
        "REGISTRY_STATE": "durable_object_namespace",
    }
    assert (script.running.secrets, script.is_reachable) == ({"ARCRUN_API_KEY": bench.api_key}, True)
    bench.wrangler.calls.clear()
    result = bench.deploy()
    assert ([worker.changed for worker in result.workers], result.created, result.uploaded) == ([False], (), ())
    assert bench.wrangler.calls == []
