"""Seeding on workerd: `acr dev` passes the built-in components through the registry's review once, `acr deploy` does
the same with the deployed registry, and failures are warnings.
"""

import json
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from acr.commands.deploy import registry_of
from acr.config.worker_variables import API_KEY as API_KEY_NAME
from acr.config.worker_variables import REVIEWER_KEY as REVIEWER_KEY_NAME
from acr.deployment.deploy import DeployedWorker, Deployment
from acr.errors import CliError
from acr.local.background_seeding import SEEDED, BackgroundSeeding, fingerprint_components
from acr.local.platform import find_free_ports
from acr.parts.own_components import builtin_ids
from acr.parts.seeding import Seeding, seed_and_report, seed_registry
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import DeploySettings, RegistryTarget
from arcrun.cloudflare.api_access import ApiAccess
from fixtures.modules import build_contract, build_module, printing
from workerd.local_platform import API_KEY, LOG, REVIEWER_KEY, ROOT, LocalPlatform, running_platform

pytestmark = [pytest.mark.workerd, pytest.mark.quiet]

BUILT_INS = builtin_ids(ROOT)


class Counting(httpx.HTTPTransport):
    """Counts requests by "METHOD /first-part"."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked[f"{request.method} /{request.url.path.split('/')[1]}"] += 1
        return super().handle_request(request)


def seed(target: RegistryTarget, transport: httpx.BaseTransport | None = None) -> Seeding:
    with RegistryClient(target, transport) as client:
        return seed_registry(client, ROOT)


def list_visibility(platform: LocalPlatform, key: str = API_KEY) -> dict[str, str]:
    with platform.registry(key) as client:
        found = client.get("/components", params={"limit": 200}).json()["data"]["components"]
    return {component["canonical_id"]: component["visibility"] for component in found}


def wait_for(platform: LocalPlatform, told: str) -> str:
    """Wait until the stderr of `acr dev` contains `told`, and return it."""
    deadline = time.monotonic() + 50
    while told not in (talk := (platform.folder / LOG).read_text()):
        assert time.monotonic() < deadline, talk
        time.sleep(0.05)
    return talk


def test_the_first_start_seeds_all_and_the_second_none(tmp_path: Path) -> None:
    with running_platform(tmp_path, "--seed", "--no-reload") as platform:
        assert platform.execute("set", {"values": {}}).status_code == 200  # it serves in the meantime
        talk = wait_for(platform, "seeded")
        assert f"seeded {len(BUILT_INS)} components\n" in talk
        assert "Warning" not in talk
        assert list_visibility(platform) == dict.fromkeys(BUILT_INS, "public")
    with running_platform(tmp_path, "--seed", "--no-reload") as platform:
        transport = Counting()
        target = RegistryTarget(platform.urls["registry"], API_KEY, REVIEWER_KEY)
        assert seed(target, transport).seeded == ()
        assert transport.asked == {"GET /components": 1}
        reject_one(platform)
        assert seed(target).seeded == ()
        assert list_visibility(platform)["wait"] == "author_only"  # the reviewer's decision stays
        platform.process.send_signal(signal.SIGINT)
        assert platform.process.wait(20) == 0
        assert "seeded" not in (platform.folder / LOG).read_text()


def reject_one(platform: LocalPlatform) -> None:
    with platform.registry(REVIEWER_KEY) as client:
        submission = client.get("/components/wait").json()["data"]["submission_id"]
        client.patch(f"/submit/{submission}/reject", json={"reason": "not here"}).raise_for_status()


def test_seeding_stopped_halfway_is_silent_and_continues_at_the_next_start(tmp_path: Path) -> None:
    with running_platform(tmp_path, "--seed", "--no-reload") as platform:
        while len(found := list_visibility(platform)) < 2:
            time.sleep(0.05)
        platform.process.send_signal(signal.SIGINT)
        assert platform.process.wait(20) == 0
        talk = (platform.folder / LOG).read_text()
        assert (len(found) < len(BUILT_INS), "Warning" in talk, "Traceback" in talk, "seeded" in talk) == (
            *(True, False),
            *(False, False),
        )
    with running_platform(tmp_path, "--seed", "--no-reload") as platform:
        wait_for(platform, "seeded")
        assert list_visibility(platform) == dict.fromkeys(BUILT_INS, "public")


def test_an_already_seeded_registry_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry does not answer, which causes a warning only if it is asked: when the components have changed."""
    monkeypatch.setattr("acr.local.background_seeding.QUIET_S", 0)
    folder = tmp_path / "components/echo"
    folder.mkdir(parents=True)
    (folder / "contract.yaml").write_text(json.dumps(build_contract("echo")))
    (folder / "echo.wasm").write_bytes(build_module(printing("{}")))

    def tells() -> bool:
        target = RegistryTarget(f"http://127.0.0.1:{find_free_ports(1)}", API_KEY, REVIEWER_KEY)
        seeding = BackgroundSeeding(target, tmp_path, tmp_path)
        seeding.start()
        seeding.join()
        return "not in the registry" in capsys.readouterr().err

    assert tells()
    (tmp_path / SEEDED).write_text(fingerprint_components(tmp_path))
    assert not tells()
    (folder / "echo.wasm").write_bytes(build_module(printing("[]")))
    assert tells()


def deployed(platform: LocalPlatform, secrets: dict[str, str | None]) -> RegistryTarget | None:
    """The registry that `acr deploy` finds among the deployed Workers."""
    worker = DeployedWorker("registry", "arcrun-registry", platform.urls["registry"], True)
    settings = DeploySettings(ApiAccess(), {}, "b", None, secrets)
    return registry_of(Deployment((worker,), {}, (), ()), settings)


def test_a_deployed_registry_is_seeded_and_refusals_are_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_platform(tmp_path) as platform:
        with platform.registry() as client:  # an older version of a built-in, with the same number
            contract = {**build_contract("set"), "version": "v2"}
            older = {"contract": json.dumps(contract).encode(), "wasm": build_module(printing("{}"))}
            assert client.post("/submit", files=older).status_code == 201
        assert deployed(platform, {}) is None
        target = deployed(platform, {API_KEY_NAME: API_KEY, REVIEWER_KEY_NAME: REVIEWER_KEY})
        assert target is not None
        with RegistryClient(target) as client:
            seeding = seed_and_report(client, ROOT)
        assert seeding.seeded == tuple(name for name in BUILT_INS if name != "set")
        told = capsys.readouterr().err
        assert f"seeded {len(BUILT_INS) - 1} components" in told
        assert "Warning: The registry does not have this version of `set`. `set@v2` exists with other content" in told
        with pytest.raises(CliError, match="refused the API key"):
            seed(RegistryTarget(target.url, "wrong"))


def test_a_registry_that_does_not_answer_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    target = RegistryTarget("http://127.0.0.1:1", API_KEY, REVIEWER_KEY)
    with RegistryClient(target) as client:
        assert seed_and_report(client, ROOT).seeded == ()
    assert "Warning: The built-in components are not in the registry." in capsys.readouterr().err
