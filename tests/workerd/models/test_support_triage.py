"""`acr new support_triage` on the real runtime, through kill -9: a mail is answered, or a person is asked.

A question to the model that was answered is not asked again. One under way at a kill is asked once more, and then
somebody is asked. What Google's servers would get goes to a stand-in.
"""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcrun.yaml_text import parse_yaml
from fixtures.model_answers import refuse_openai, tell_openai
from workerd.durable.soak import platform_that_is_killed
from workerd.durable.test_at_rest import find
from workerd.durable.test_cancel import until
from workerd.local_platform import ROOT, LocalPlatform, running_platform
from workerd.models.model_server import ModelServer, Reply, running_models

pytestmark = pytest.mark.workerd

KEY, QUESTION = "sk-proj-k3y-canary-of-the-model", "qu3stion-canary: are you open today?"
SURE = {"kind": "question", "summary": "Opening hours", "answer": "Until 18 o'clock.", "sure": 0.95}
UNSURE = {**SURE, "sure": 0.4}


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with running_models() as server:
        yield server


def tell(value: Any) -> Reply:
    return Reply(tell_openai(json.dumps(value), tokens=(900, 60)))


def build_workflow(models: ModelServer, **triage: Any) -> Any:
    """The template, with the stand-ins' addresses."""
    source: Any = parse_yaml((ROOT / "examples/workflows/support_triage.yaml").read_text()).value
    config = source["config"]
    config["triage"] |= {"base_url": f"{models.url}/v1", **triage}
    for name in ("ask", "reply"):
        mail = {key: value for key, value in config[name].items() if key not in ("component", "retry")}
        config[name] = {"component": "http_request", "url": f"{models.url}/mail", "body_json": mail}
    config["outcome"]["values"]["answered"] = "{{reply.data.body.id?}}"
    return source


def start(platform: LocalPlatform, workflow: Any) -> None:
    credentials = platform.folder / "credentials.yaml"
    credentials.write_text(json.dumps({"openai": KEY}))
    credentials.chmod(0o600)
    assert platform.acr("creds", "push", "--file", str(credentials)).returncode == 0
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow})
        assert pushed.status_code == 201, pushed.text


def mail(platform: LocalPlatform, dmarc: str = "pass") -> str:
    """Deliver a question; the run's id."""
    file = platform.folder / f"question-{time.monotonic_ns()}.eml"
    file.write_text(
        "From: Ada <ada@example.org>\nTo: support@example.net\nSubject: Opening hours\n"
        f"Message-ID: <{file.stem}@example.org>\nDate: Tue, 1 Jan 2030 00:00:00 +0000\n\n{QUESTION}\n"
    )
    options = ("--workflow", "support_triage", "--dmarc", dmarc)
    said = platform.acr("trigger", "email", str(file), *options, "--json")
    assert said.returncode == 0, said
    run_id: str = json.loads(said.stdout)["data"]["run_id"]
    return run_id


def trace_of(record: dict[str, Any]) -> dict[str, Any]:
    return {entry["node"]: entry for entry in record["trace"]}


def wait_for_question(models: ModelServer, count: int = 1) -> None:
    for _ in range(count):
        assert models.has_asked.acquire(timeout=40)


def test_a_mail_is_answered_after_a_rate_limit(tmp_path: Path, models: ModelServer) -> None:
    limited = Reply(refuse_openai("Slow.", "requests", "rate_limit_exceeded"), 429, {"retry-after": "1"})
    models.replies.extend([limited, tell(SURE)])
    with running_platform(tmp_path) as platform:
        start(platform, build_workflow(models))
        run_id = mail(platform)
        record = until(platform, run_id, "success")
        time.sleep(1)
        keys = find(platform, KEY)
        questions = find(platform, QUESTION)
    assert record["data"] == {"kind": "question", "answered": "1"}
    trace = trace_of(record)
    assert (trace["triage"]["attempts"], trace["ask"]["status"]) == (2, "skipped")
    assert trace["triage"]["output"]["data"]["usage"] == {"input_tokens": 900, "output_tokens": 60}
    assert trace["triage"]["input"]["api_key"] == "{{credential.openai}}"
    [sent] = models.mails
    assert (sent["to"], sent["text"]) == (["ada@example.org"], SURE["answer"])
    (path, headers, body), _ = models.asked
    assert (path, headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert QUESTION in body["messages"][-1]["content"]
    assert keys == set()
    assert questions <= {"do/arcrun-cypher-executor-RunLog"}  # the record, as the node says


def test_an_answered_question_is_not_asked_again_after_a_kill(tmp_path: Path, models: ModelServer) -> None:
    models.replies.append(tell(UNSURE))
    with platform_that_is_killed(tmp_path) as platform:
        start(platform, build_workflow(models))
        run_id = mail(platform)
        wait_for_mail(models)
    with running_platform(tmp_path) as platform:
        [asked] = models.mails
        assert asked["to"] == ["support@example.com"]
        assert QUESTION in asked["text"]
        decided = platform.acr("approve", run_id, "--choice", "send")
        assert decided.returncode == 0, decided
        record = until(platform, run_id, "success")
    assert len(models.asked) == 1
    assert trace_of(record)["triage"]["attempts"] == 1
    assert record["data"] == {"kind": "question", "answered": "2"}
    assert models.mails[-1]["to"] == ["ada@example.org"]


def wait_for_mail(models: ModelServer) -> None:
    deadline_s = time.monotonic() + 40
    while not models.mails and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(2)  # the request for the decision is stored


def test_a_question_under_way_at_a_kill_is_asked_once_more_and_then_somebody_is(
    tmp_path: Path, models: ModelServer
) -> None:
    never = threading.Event()
    models.replies.extend([Reply({}, held=never), Reply({}, held=never), tell(SURE)])
    with platform_that_is_killed(tmp_path) as platform:
        start(platform, build_workflow(models))
        run_id = mail(platform)
        wait_for_question(models)
    with platform_that_is_killed(tmp_path):
        wait_for_question(models)
    with running_platform(tmp_path) as platform:
        waiting = until(platform, run_id, "needs_decision")
        assert [question["node"] for question in waiting["decisions"]] == ["triage"]
        assert len(models.asked) == 2
        decided = platform.acr("decide", run_id, "triage", "retry")
        assert decided.returncode == 0, decided
        record = until(platform, run_id, "success")
    assert len(models.asked) == 3
    assert trace_of(record)["triage"]["attempts"] == 3


def test_a_question_under_way_at_a_kill_is_attempt_2(tmp_path: Path, models: ModelServer) -> None:
    models.replies.extend([Reply({}, held=threading.Event()), tell(SURE)])
    with platform_that_is_killed(tmp_path) as platform:
        start(platform, build_workflow(models))
        run_id = mail(platform)
        wait_for_question(models)
    with running_platform(tmp_path) as platform:
        record = until(platform, run_id, "success")
    assert len(models.asked) == 2
    assert trace_of(record)["triage"]["attempts"] == 2


def test_with_once_somebody_is_asked(tmp_path: Path, models: ModelServer) -> None:
    models.replies.extend([Reply({}, held=threading.Event()), tell(SURE)])
    with platform_that_is_killed(tmp_path) as platform:
        start(platform, build_workflow(models, once=True))
        run_id = mail(platform)
        wait_for_question(models)
    with running_platform(tmp_path) as platform:
        waiting = until(platform, run_id, "needs_decision")
        assert [question["node"] for question in waiting["decisions"]] == ["triage"]
        assert len(models.asked) == 1
        decided = platform.acr("decide", run_id, "triage", "skip", "--data", json.dumps({"json": UNSURE}))
        assert decided.returncode == 0, decided
        wait_for_mail(models)
    assert len(models.asked) == 1
    assert models.mails[0]["to"] == ["support@example.com"]


ORDERS = {
    "name": "find_order",
    "input_schema": {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}},
    "flow": ["input >> PIPE >> found", "found >> PIPE >> output"],
    "config": {"found": {"component": "set", "values": {"number": "{{input.number}}", "state": "sent"}}},
}


def test_tools_are_called_once_whatever_happens(tmp_path: Path, models: ModelServer) -> None:
    """A question with tools, killed while the model is asked for the second time: the tools have been called, and what
    they have answered is told again.
    """
    tools = {
        "find_order": {"workflow": "find_order", "description": "Finds an order by its number."},
        "note": {
            "component": "http_request",
            "description": "Notes a text.",
            "input_schema": {"type": "object", "required": ["body"], "properties": {"body": {"type": "string"}}},
            "config": {"url": f"{models.url}/mail"},
        },
    }
    calls = [
        ("call_1", "find_order", '{"number": 7}'),
        ("call_2", "note", '{"body": "{\\"asked\\": 7}", "url": "http://evil.example"}'),
        ("call_3", "find_order", '{"number": "seven"}'),
        ("call_4", "drop_orders", "{}"),
    ]
    ask = Reply(tell_openai(None, "tool_calls", calls=calls, tokens=(100, 10)))
    models.replies.extend([ask, Reply({}, held=threading.Event()), tell(SURE)])
    with platform_that_is_killed(tmp_path) as platform:
        with platform.executor as client:
            assert client.post("/webhooks", json={"workflow": ORDERS}).status_code == 201
        start(platform, build_workflow(models, tools=tools))
        run_id = mail(platform)
        wait_for_question(models, 2)
    with running_platform(tmp_path) as platform:
        record = until(platform, run_id, "success")
    assert len(models.asked) == 3
    *_, (_, _, body) = models.asked
    told = {message["tool_call_id"]: message["content"] for message in body["messages"] if message["role"] == "tool"}
    assert json.loads(told["call_1"]) == {"number": 7, "state": "sent"}
    assert json.loads(told["call_2"])["status"] == 200
    assert told["call_3"].startswith("The input does not fit its schema")
    assert told["call_4"] == "There is no such tool. The tools are find_order, note."
    assert models.mails[0] == {"asked": 7}
    assert len(models.mails) == 2  # the note, once, and the answer
    entry = trace_of(record)["triage"]
    rounds = [(it["node"], it["attempts"]) for it in entry["rounds"]["trace"]]
    assert rounds == [("triage", 1), ("triage.find_order", 1), ("triage.note", 1), ("triage", 2)]
    assert entry["output"]["data"]["usage"] == {"input_tokens": 1000, "output_tokens": 70}
