"""Proves that the stand-in of Cloudflare's Workers API refuses what Cloudflare refuses, and keeps nothing of it."""

import json
from typing import Any

import httpx
import pytest

from fakes.cloudflare_rest.account import ACCOUNT, BASE, TOKEN, CloudflareStandIn

CODE = b"class Default(WorkerEntrypoint): ...\nclass Room(DurableObject): ...\n"
ROOM = {"name": "ROOM", "type": "durable_object_namespace", "class_name": "Room"}
FIRST = {"new_tag": "v1", "steps": [{"new_sqlite_classes": ["Room"]}]}


def upload(
    cloudflare: CloudflareStandIn,
    name: str,
    bindings: list[dict[str, Any]],
    migrations: dict[str, Any] | None = None,
    *,
    code: bytes = CODE,
    is_version: bool = False,
) -> tuple[int, int]:
    """The status, and the code of the refusal, 0 if there is none."""
    metadata: dict[str, Any] = {"main_module": "entry.py", "bindings": bindings}
    metadata |= {"migrations": migrations} if migrations else {}
    files: dict[str, tuple[str | None, str | bytes, str]] = {
        "metadata": (None, json.dumps(metadata), "application/json"),
        "entry.py": ("entry.py", code, "text/x-python"),
    }
    url = f"https://api.test{BASE}/accounts/{ACCOUNT}/workers/scripts/{name}{'/versions' if is_version else ''}"
    method = "POST" if is_version else "PUT"
    with httpx.Client(transport=cloudflare, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        answer = client.request(method, url, files=files)
    return answer.status_code, next((error["code"] for error in answer.json()["errors"]), 0)


@pytest.fixture
def cloudflare() -> CloudflareStandIn:
    """With one Worker, `chat`, whose class Room was made under the tag v1."""
    cloudflare = CloudflareStandIn()
    assert upload(cloudflare, "chat", [ROOM], FIRST) == (200, 0)
    return cloudflare


@pytest.mark.parametrize(
    ("name", "asked", "refusal"),
    [
        pytest.param("new", {"bindings": [ROOM]}, (400, 10061), id="a class that no migration made"),
        pytest.param("chat", {"bindings": [{**ROOM, "class_name": "Hall"}]}, (400, 10061), id="another class"),
        pytest.param("new", {"bindings": [{**ROOM, "script_name": "gone"}]}, (400, 10061), id="of no Worker"),
        pytest.param(
            "new",
            {"bindings": [{**ROOM, "script_name": "chat", "class_name": "Hall"}]},
            (400, 10061),
            id="of a Worker without it",
        ),
        pytest.param("chat", {"bindings": [], "migrations": FIRST}, (412, 10079), id="no old_tag where there is one"),
        pytest.param(
            "chat", {"bindings": [], "migrations": {**FIRST, "old_tag": "v0"}}, (412, 10079), id="another old_tag"
        ),
        pytest.param(
            "chat",
            {"bindings": [], "migrations": {**FIRST, "old_tag": "v1", "new_tag": "v2"}},
            (400, 10074),
            id="a class made twice",
        ),
        pytest.param(
            "chat",
            {"bindings": [], "migrations": {"old_tag": "v1", "new_tag": "v2", "steps": [{"new_classes": ["Hall"]}]}},
            (400, 10070),
            id="a class that is not in the code",
        ),
        pytest.param("chat", {"bindings": [], "code": b"x = 1"}, (400, 10064), id="code without the class"),
        pytest.param(
            "chat",
            {"bindings": [], "migrations": {**FIRST, "old_tag": "v1"}, "is_version": True},
            (400, 10211),
            id="a version with migrations",
        ),
        pytest.param(
            "new",
            {"bindings": [{"name": "R", "type": "service", "service": "gone"}]},
            (400, 10143),
            id="no such service",
        ),
    ],
)
def test_what_is_refused_changes_nothing(
    cloudflare: CloudflareStandIn, name: str, asked: dict[str, Any], refusal: tuple[int, int]
) -> None:
    script = cloudflare.workers.scripts["chat"]
    assert upload(cloudflare, name, **asked) == refusal
    assert (list(cloudflare.workers.scripts), len(script.versions), script.tag) == (["chat"], 1, "v1")
    assert (script.classes, len(cloudflare.workers.uploads)) == ({"Room"}, 1)


def test_what_is_not_refused(cloudflare: CloudflareStandIn) -> None:
    assert upload(cloudflare, "lobby", [{**ROOM, "script_name": "chat"}]) == (200, 0)
    assert upload(cloudflare, "chat", [ROOM], is_version=True) == (200, 0)
    renamed = {"old_tag": "v1", "new_tag": "v2", "steps": [{"renamed_classes": [{"from": "Room", "to": "Default"}]}]}
    assert upload(cloudflare, "chat", [{**ROOM, "class_name": "Default"}], renamed) == (200, 0)
    script = cloudflare.workers.scripts["chat"]
    assert (script.tag, script.classes, script.running.number) == ("v2", {"Default"}, 3)
