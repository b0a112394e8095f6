"""From one platform to another, empty one: workflows, versions, vars, pauses, URLs and what watches have seen."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd


def build(name: str, text: str, *, calls: str = "") -> dict[str, Any]:
    told = {"component": "set", "values": {"text": text}}
    if not calls:
        return {"name": name, "flow": ["input >> PIPE >> told"], "config": {"told": told}}
    return {
        "name": name,
        "flow": ["input >> CALLS_SUBFLOW >> inner", "inner >> PIPE >> told"],
        "config": {"inner": {"workflow": calls, "input": {}}, "told": told},
    }


def build_schedule(name: str, hour: int) -> dict[str, Any]:
    return {**build(name, "daily"), "triggers": {"schedule": [{"cron": f"0 {hour} * * *", "zone": "Europe/Berlin"}]}}


def build_watch() -> dict[str, Any]:
    watch = {"component": "set", "values": {"list": [1]}, "items": "{{data.list}}", "key": "{{item}}"}
    return {**build("watching", "new"), "triggers": {"watch": {**watch, "cron": "0 11 1 * *"}}}


def push(client: httpx.Client, workflow: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    answer = client.post("/webhooks", json={"workflow": workflow, **more})
    assert answer.status_code in (200, 201), answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def run(platform: LocalPlatform, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = platform.acr(*arguments, "--json")
    assert result.returncode == code, result.stdout + result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def fill(client: httpx.Client) -> dict[str, str]:
    """Workflows that call each other in either order, one rolled back, one paused, and one version that calls a
    workflow which is no more. Returns their tokens.
    """
    gone = push(client, build("gone", "x"))
    tokens = {"callee": push(client, build("callee", "one"))["token"]}
    push(client, build("callee", "{{vars.word}}"), vars={"word": "two"}, file="flows/callee.yaml")
    tokens["a_caller"] = push(client, build("a_caller", "first", calls="gone"))["token"]
    push(client, build("a_caller", "{{inner.data.text}}", calls="callee"))
    tokens["rolled"] = push(client, build("rolled", "kept"))["token"]
    push(client, build("rolled", "undone"))
    client.post("/webhooks/named/rolled/rollback", json={"version": 1})
    client.post("/webhooks/named/callee/pause", json={"on_trigger": "queue"})
    tokens["daily"] = push(client, build_schedule("daily", 9))["token"]
    tokens["paused"] = push(client, build_schedule("paused", 10))["token"]
    client.post("/schedules/paused/pause", json={})
    tokens["watching"] = push(client, build_watch())["token"]
    seen = client.get("/schedules/watching/seen").json()["data"]
    assert (seen["polled"], seen["keys"]) == (False, [])
    see(client, {**seen, "polled": True, "keys": ["0" * 32, "f" * 32]})
    assert client.delete(f"/webhooks/{gone['token']}").status_code == 200
    assert client.post("/webhooks/named/rolled/trigger", json={}).json()["data"] == {"text": "kept"}
    return tokens


def see(client: httpx.Client, seen: Any) -> None:
    assert client.put("/schedules/watching/seen", json=seen).json()["data"] == {"kept": True}


def describe_schedules(client: httpx.Client) -> list[tuple[Any, ...]]:
    shown = client.get("/schedules").json()["data"]["schedules"]
    return sorted((each["workflow"], each["paused"], each["cron"], str(each["next"])) for each in shown)


def describe(client: httpx.Client, *, has_tokens: bool = True) -> dict[str, Any]:
    listed = client.get("/webhooks").json()["data"]["workflows"]
    left_out = {"updated_at", "webhook_url", "version", "latest", *(() if has_tokens else ("token",))}
    return {each["name"]: {key: each[key] for key in each if key not in left_out} for each in listed}


def test_what_is_exported_is_restored_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    with running_platform(tmp_path / "first") as first, first.executor as client:
        tokens = fill(client)
        stored, schedules = describe(client), describe_schedules(client)
        assert [each[:2] for each in schedules] == [("daily", False), ("paused", True), ("watching", False)]
        seen = client.get("/schedules/watching/seen").json()["data"]
        assert run(first, "export", str(file))["data"]["workflows"] == 6
        assert not any(token in file.read_text() for token in tokens.values())
        assert run(first, "export", str(file), code=1)["error"]["code"] == "FILE_EXISTS"
        written = run(first, "export", str(file), "--tokens", "--runs", "--force")["data"]
        assert (written["versions"], written["runs"], written["tokens"]) == (9, 1, True)
        assert run(first, "restore", str(file), code=1)["error"]["code"] == "WORKFLOWS_EXIST"

    with running_platform(tmp_path / "second") as second, second.executor as client:
        told = run(second, "restore", str(file))["data"]
        assert [(each["name"], each["version"], each["code"]) for each in told["refused"]] == [
            ("a_caller", 1, "INVALID_WORKFLOW")
        ]
        assert (sorted(told["kept_tokens"]), told["lost"]) == (sorted(tokens), [])
        assert (describe(client), describe_schedules(client)) == (stored, schedules)
        assert client.get("/schedules/watching/seen").json()["data"] == seen
        for name, text in {"a_caller": "two", "rolled": "kept"}.items():
            answer = client.post(f"/webhooks/{tokens[name]}/trigger", json={})
            assert answer.json()["data"] == {"text": text}, answer.text
        assert client.post(f"/webhooks/{tokens['callee']}/trigger", json={}).status_code == 202
        shown = client.get("/webhooks/named/rolled").json()["data"]
        assert (shown["version"], shown["latest"], len(shown["versions"])) == (1, 2, 2)
        taken = client.post(f"/webhooks/{tokens['rolled']}/rotate", json={"token": tokens["callee"]})
        assert (taken.status_code, taken.json()["error"]["code"]) == (409, "TOKEN_TAKEN")
        odd = client.post(f"/webhooks/{tokens['rolled']}/rotate", json={"token": "mine"})
        assert (odd.status_code, odd.json()["error"]["code"]) == (400, "TOKEN_INVALID")

        restored = second.acr("restore", str(file), "--force", "--tokens", "new", "--paused", "--json")
        again = json.loads(restored.stdout)["data"]
        assert again["paused"]
        listed = (second.acr("schedule", "list"), second.acr("list"), second.acr("doctor"))
        assert all("acr resume --all" in each.stderr for each in (restored, *listed))
        assert "its workflow is paused" in listed[0].stdout
        assert (again["kept_tokens"], again["lost"]) == ([], [])
        assert describe(client, has_tokens=False).keys() == stored.keys()
        refused = client.post(f"/webhooks/{tokens['rolled']}/trigger", json={})
        assert refused.json()["error"]["code"] == "WORKFLOW_PAUSED"


def test_a_current_version_that_is_not_taken_is_told(platform: LocalPlatform, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    lines = [
        {"kind": "export", "format": 1, "exported_at": "", "url": "", "paused": None},
        {"kind": "workflow", "name": "broken_one", "version": 2, "latest": 2, "file": None, "paused": None},
        {"kind": "version", "name": "broken_one", "version": 1, "workflow": build("broken_one", "1"), "vars": {}},
        {"kind": "version", "name": "broken_one", "version": 2, "workflow": {"name": "broken_one"}, "vars": {}},
        {"kind": "end", "workflows": 1, "versions": 2, "runs": 0},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = run(platform, "restore", str(file), code=1)
    assert (told["error"]["code"], told["data"]["lost"]) == ("RESTORE_INCOMPLETE", ["broken_one"])
    assert told["data"]["workflows"] == [{"name": "broken_one", "versions": [{"was": 1, "is": 1}]}]
    assert run(platform, "restore", str(file), "--tokens", "keep", code=1)["error"]["code"] == "NO_TOKENS"
