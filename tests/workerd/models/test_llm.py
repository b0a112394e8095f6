"""llm and embed on the real runtime, over HTTP, against stand-ins in the documented shapes.

Answers, refusals, retries; and what of them lies on the disk.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.model_answers import refuse_anthropic, tell_anthropic
from workerd.durable.test_at_rest import find
from workerd.local_platform import LocalPlatform, running_platform
from workerd.models.model_server import ModelServer, Reply, running_models

pytestmark = pytest.mark.workerd

KEY, QUESTION = "sk-ant-k3y-canary", "qu3stion-canary of a quick run"


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with running_models() as server:
        yield server


def build_workflow(url: str, **ask: Any) -> dict[str, Any]:
    base = {"service": "anthropic", "model": "claude-sonnet-4-5", "base_url": f"{url}/v1"}
    ask = {"component": "llm", **base, "api_key": "{{credential.anthropic}}", "prompt": "What is it?", **ask}
    flow = ["input >> PIPE >> ask", "ask >> PIPE >> output"]
    config = {"ask": {**ask, "data": {"text": "{{input.text}}"}, "retry": {"max_attempts": 2, "initial_ms": 1}}}
    return {"name": "asking", "flow": flow, "config": config, "record": "none"}


def test_a_quick_run_asks_and_leaves_nothing_in_the_clear(tmp_path: Path, models: ModelServer) -> None:
    schema = {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["bill", "other"]}}}
    wrong, right = ({"kind": kind} for kind in ("bull", "bill"))
    overloaded = Reply(refuse_anthropic("overloaded_error", "Overloaded"), 529)
    refused = Reply(refuse_anthropic("invalid_request_error", f"messages.0: {QUESTION}"), 400)
    answers = [Reply(tell_anthropic(None, "tool_use", calls=[("t", "answer", value)])) for value in (wrong, right)]
    embedded = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}], "model": "m"}
    behind = Reply({"error": {"code": 502, "message": f"Provider returned error: {KEY}"}})  # in a 200
    models.replies.extend([overloaded, *answers, refused, Reply(embedded), behind, answers[1]])
    with running_platform(tmp_path) as platform, platform.executor as client:
        store_key(platform)
        assert client.post("/webhooks", json={"workflow": build_workflow(models.url, schema=schema)}).status_code == 201
        path = "/webhooks/named/asking/trigger"
        answer = client.post(path, json={"text": QUESTION}).json()
        failed = client.post(path, json={"text": QUESTION})
        embed = {"service": "openai", "model": "m", "base_url": f"{models.url}/v1", "input": QUESTION}
        vectors = platform.execute("embed", embed).json()
        passed_on = client.post(path, json={"text": QUESTION}).json()
        unbound = platform.execute("llm", {"service": "workers_ai", "model": "@cf/any", "prompt": "Hi"}).json()
        found = {text: find(platform, text) for text in (KEY, QUESTION)}
    assert answer["data"]["json"] == right
    assert answer["data"]["usage"] == {"input_tokens": 20, "output_tokens": 10}
    assert [body["messages"][0]["role"] for _, _, body in models.asked[:3]] == ["user"] * 3
    assert {headers["x-api-key"] for _, headers, _ in models.asked[:4]} == {KEY}
    assert (failed.json()["success"], QUESTION in failed.text, KEY in failed.text) == (False, False, False)
    assert "400" in failed.text
    assert passed_on["data"]["json"] == right
    assert vectors["data"]["embeddings"] == [[0.5, 0.25]]
    assert unbound["error"]["code"] == "AI_UNAVAILABLE"
    assert found == {KEY: set(), QUESTION: set()}


def store_key(platform: LocalPlatform) -> None:
    credentials = platform.folder / "credentials.yaml"
    credentials.write_text(json.dumps({"anthropic": KEY}))
    credentials.chmod(0o600)
    assert platform.acr("creds", "push", "--file", str(credentials)).returncode == 0
    credentials.unlink()
