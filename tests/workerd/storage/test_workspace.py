"""Proves on real workerd that under concurrent pushes, rotations and deletions each workflow has at most one valid
token and no version is lost, and that restoring values in KV does not revive a revoked token.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

NAMES = [f"race_{i:02}" for i in range(20)]
PUSHES, ROTATIONS, CLIENTS = 20, 5, 16


class Racer:
    """Many concurrent callers. `tokens` are all tokens that a name ever had, `versions` the answers of its pushes."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.tokens: dict[str, set[str]] = defaultdict(set)
        self.versions: dict[str, list[int]] = defaultdict(list)

    def at_once(self, calls: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
        random.Random(len(calls)).shuffle(calls)
        with ThreadPoolExecutor(CLIENTS) as pool:
            for future in [pool.submit(call, *arguments) for call, arguments in calls]:
                future.result()

    def push(self, name: str, text: str) -> None:
        """Push a different source each time."""
        config = {"say": {"component": "string_ops", "operation": "upper", "input": text}}
        workflow = {"name": name, "flow": ["input >> PIPE >> say"], "config": config}
        answer = self.client.post("/webhooks", json={"workflow": workflow})
        assert answer.status_code == 201, answer.text
        data = answer.json()["data"]
        self.tokens[name].add(data["token"])
        self.versions[name].append(data["version"])

    def rotate(self, name: str) -> None:
        """Rotate the current token; another rotation may be faster."""
        while True:
            found = self.client.get(f"/webhooks/named/{name}").json()["data"]["token"]
            answer = self.client.post(f"/webhooks/{found}/rotate")
            if answer.status_code == 200:
                self.tokens[name] |= {found, answer.json()["data"]["token"]}
                return
            refused = (answer.status_code, answer.json()["error"]["code"])
            assert refused in ((404, "WEBHOOK_NOT_FOUND"), (409, "TOKEN_REPLACED"))

    def delete(self, name: str) -> None:
        found = self.client.get(f"/webhooks/named/{name}").json()["data"]["token"]
        assert self.client.delete(f"/webhooks/{found}").status_code == 200

    def live(self, name: str) -> set[str]:
        answers = {token: self.client.post(f"/webhooks/{token}/trigger", json={}) for token in self.tokens[name]}
        assert {answer.status_code for answer in answers.values()} <= {200, 404}
        return {token for token, answer in answers.items() if answer.status_code == 200}

    def listed(self) -> dict[str, dict[str, Any]]:
        found = self.client.get("/webhooks").json()["data"]["workflows"]
        return {workflow["name"]: workflow for workflow in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "platform"


def read_values(platform: LocalPlatform) -> dict[str, str]:
    base = f"{platform.urls['cloudflare-api']}/storage/kv/namespaces/WEBHOOKS"
    with httpx.Client(timeout=60) as client:
        keys = [entry["name"] for entry in client.get(f"{base}/keys").json()["result"]]
        return {key: client.get(f"{base}/values/{key}").text for key in keys}


def write_values(platform: LocalPlatform, values: dict[str, str]) -> None:
    base = f"{platform.urls['cloudflare-api']}/storage/kv/namespaces/WEBHOOKS"
    with httpx.Client(timeout=60) as client:
        for key, value in values.items():
            client.put(f"{base}/values/{key}", content=value).raise_for_status()


def test_20_names_at_once(folder: Path) -> None:
    with running_platform(folder) as platform, platform.executor as client:
        racer = Racer(client)
        racer.at_once([(racer.push, (name, f"first {i}")) for name in NAMES for i in range(PUSHES)])
        for name in NAMES:
            assert sorted(racer.versions[name]) == list(range(1, PUSHES + 1))
            assert len(racer.tokens[name]) == 1
        calls = [(racer.push, (name, f"second {i}")) for name in NAMES for i in range(PUSHES)]
        racer.at_once([*calls, *((racer.rotate, (name,)) for name in NAMES for _ in range(ROTATIONS))])
        before = read_values(platform)
        listed = racer.listed()
        for name in NAMES:
            assert sorted(racer.versions[name]) == list(range(1, 2 * PUSHES + 1))
            assert racer.live(name) == {listed[name]["token"]}
            assert (listed[name]["version"], listed[name]["latest"]) == (2 * PUSHES, 2 * PUSHES)
            assert len(racer.tokens[name]) == 1 + ROTATIONS
        assert {key for key in before if key.startswith("hook:")} == {f"hook:{it['token']}" for it in listed.values()}
        gone = NAMES[:10]
        racer.at_once([*((racer.delete, (name,)) for name in gone), *((racer.push, (name, "third")) for name in NAMES)])
        survivors = racer.listed()
        for name in NAMES:
            assert racer.live(name) == ({survivors[name]["token"]} if name in survivors else set())
        write_values(platform, before)  # as anyone with write access can
    with running_platform(folder) as again, again.executor as racer.client:  # with empty caches
        for name in NAMES:
            assert racer.live(name) == ({survivors[name]["token"]} if name in survivors else set())
        assert racer.listed() == {
            name: {**it, "webhook_url": it["webhook_url"].replace(platform.urls["executor"], again.urls["executor"])}
            for name, it in survivors.items()
        }
