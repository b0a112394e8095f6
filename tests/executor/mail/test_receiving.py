"""Messages from their delivery to the runs: what a run gets, that a message starts one however often it comes, what is
refused and what is delivered again, and what becomes of large attachments.
"""

import base64
import json
import logging
from typing import Any

import pytest

from arcrun.errors import ArcrunError, UpstreamError
from arcrun.limits import (
    MAX_INLINE_ATTACHMENT_BYTES,
    MAX_MESSAGE_TEXT_CHARACTERS,
    MAX_STORED_ATTACHMENTS,
)
from arcrun.mail.addresses import build_address, build_tag
from arcrun.wasm.abi import Execution
from executor.mail.receiving import NO_ADDRESS, NOT_ALLOWED, PAUSED, UNFIT, Refused, Taken, receive
from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.ports.mail import FakeDelivery
from fixtures.messages import MESSAGES

pytestmark = pytest.mark.anyio

LARGE = bytes(range(256)) * (MAX_INLINE_ATTACHMENT_BYTES // 256 + 1)
GENUINE = b"Authentication-Results: mx.cloudflare.net; dmarc=pass header.from=example.org\n"
HELLO = b"From: Ada <ada@example.org>\nSubject: Hello\nMessage-ID: <1@example.org>\n\nHi"


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo}, instances)


def workflow(email: Any = None, **more: Any) -> dict[str, Any]:
    config = {"a": {"component": "tell", "text": "{{input | json}} {{request.trigger | json}}"}}
    triggers = {"email": {} if email is None else email}
    return {"name": "w", "flow": ["input >> PIPE >> a"], "config": config, "triggers": triggers, **more}


async def ask(bench: Bench, method: str, path: str, body: Any = None) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.request(method, path, json=body)
    return {"status": answer.status_code, **answer.json()}


async def push(bench: Bench, email: Any = None, **more: Any) -> str:
    """Its token."""
    pushed = await ask(bench, "POST", "/webhooks", {"workflow": workflow(email, **more)})
    token: str = pushed["data"]["token"]
    return token


async def deliver(bench: Bench, token: str, raw: bytes = HELLO, **more: Any) -> Taken | Refused:
    return await receive(bench.service, FakeDelivery(raw, build_address("w", token, "example.net"), **more))


async def run_all(bench: Bench, instances: FakeInstances) -> list[dict[str, Any]]:
    """Let the runs end. Returns their records, oldest first."""
    for run_id in [each for each in instances.params if each not in instances.outputs]:
        await instances.run(bench.service, run_id)
    listed = (await ask(bench, "GET", "/runs"))["data"]["runs"]
    return [(await ask(bench, "GET", f"/runs/{run['run_id']}"))["data"] for run in reversed(listed)]


def read_text(run: dict[str, Any]) -> list[Any]:
    """The input and the trigger that the run's node got."""
    text, decoder, values = run["trace"][0]["input"]["text"], json.JSONDecoder(), []
    while text:
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:].lstrip()
    return values


async def test_a_run_gets_the_message(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    tag = build_tag(token)
    raw = f"To: W <w+{tag.upper()}@example.net>\nDelivered-To: w+{tag}@example.net\n".encode() + HELLO
    taken = await deliver(bench, token, raw)
    [run] = await run_all(bench, instances)
    assert isinstance(taken, Taken)
    assert (run["run_id"], run["status"], run["trigger"]) == (taken.run_id, "success", "email")
    value, trigger = read_text(run)
    assert trigger == {
        **{"kind": "email", "envelope_from": "bounce@example.org", "message_id": "<1@example.org>", "dmarc": "none"}
    }
    assert (value["from"], value["subject"], value["text"]) == (
        *({"name": "Ada", "address": "ada@example.org"}, "Hello", "Hi"),
    )
    assert (value["to"], value["headers"]["delivered-to"]) == (
        *([{"name": "W", "address": "w@example.net"}], "w@example.net"),
    )
    assert tag not in json.dumps(run).lower()


async def test_a_message_starts_one_run_however_often_it_comes(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    first = await deliver(bench, token)
    later = await deliver(bench, token, b"Received: from elsewhere\n" + HELLO)
    other = await deliver(bench, token, HELLO + b", you")
    assert isinstance(first, Taken)
    assert later == Taken(first.run_id, is_new=False)
    assert isinstance(other, Taken)
    assert (first.is_new, other.is_new, len(await run_all(bench, instances))) == (True, True, 2)


async def test_one_whose_run_failed_starts_none_again(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench, config={"a": {"component": "tell", "text": "{{input.nothing}}"}})
    first = await deliver(bench, token)
    [run] = await run_all(bench, instances)
    again = await deliver(bench, token)
    assert isinstance(first, Taken)
    assert (run["status"], again) == ("failed", Taken(first.run_id, is_new=False))


async def test_what_could_not_be_accepted_is_taken_when_it_comes_again(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    instances.fails = True
    with pytest.raises(ArcrunError):
        await deliver(bench, token)
    instances.fails = False
    assert isinstance(await deliver(bench, token), Taken)
    assert len(await run_all(bench, instances)) == 1


async def test_what_cannot_be_read_is_delivered_again(bench: Bench) -> None:
    token = await push(bench)
    with pytest.raises(UpstreamError):
        await deliver(bench, token, fault=UpstreamError("Email Routing failed."))


async def test_what_nobody_expects_is_delivered_again_and_logged_without_the_message(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    token = await push(bench)
    delivery = FakeDelivery(HELLO, build_address("w", token, "example.net"), fault=ValueError("canary"))
    with pytest.raises(ArcrunError) as delayed:
        await receive(bench.service, delivery)
    assert (delayed.value.code, "canary" in f"{caplog.text}{delayed.value}") == ("MESSAGE_DELAYED", False)
    assert "A message could not be taken: ValueError" in caplog.text


@pytest.mark.parametrize("name", ["other+{tag}", "w+{tag}x", "w", "w+", "{tag}", "w+aaaaaaaaaaaaaaaaaaaa", ""])
async def test_other_addresses_are_refused_unread(bench: Bench, name: str) -> None:
    tag = build_tag(await push(bench))
    delivery = FakeDelivery(HELLO, f"{name.format(tag=tag)}@example.net")
    assert await receive(bench.service, delivery) == Refused(NO_ADDRESS)
    assert not delivery.was_read


async def test_an_address_goes_with_its_token_and_its_trigger(bench: Bench) -> None:
    token = await push(bench)
    rotated = (await ask(bench, "POST", f"/webhooks/{token}/rotate", {}))["data"]["token"]
    assert await deliver(bench, token) == Refused(NO_ADDRESS)
    assert isinstance(await deliver(bench, rotated), Taken)
    await ask(bench, "POST", "/webhooks", {"workflow": workflow(triggers={})})
    assert await deliver(bench, rotated, HELLO + b"!") == Refused(NO_ADDRESS)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(GENUINE + HELLO, True, id="proven"),
        pytest.param(HELLO, False, id="claimed"),
        pytest.param(
            b"Authentication-Results: mx.example.net; dmarc=pass\n" + GENUINE + HELLO, False, id="below another"
        ),
        pytest.param(GENUINE + HELLO.replace(b"ada@", b"eve@"), False, id="another of the domain"),
        pytest.param(GENUINE + b"From: eve@example.com\n" + HELLO, False, id="two senders"),
        pytest.param(GENUINE + b"Subject: nobody\n\n", False, id="no sender"),
    ],
)
async def test_a_list_of_senders_counts_with_dmarc_only(bench: Bench, raw: bytes, expected: bool) -> None:
    token = await push(bench, {"from": ["ada@example.org"]})
    taken = await deliver(bench, token, raw)
    assert isinstance(taken, Taken) if expected else taken == Refused(NOT_ALLOWED)


async def test_what_is_too_large_is_refused_unread(bench: Bench) -> None:
    token = await push(bench, {"max_bytes": 100})
    delivery = FakeDelivery(b"x" * 101, build_address("w", token, "example.net"))
    refused = await receive(bench.service, delivery)
    assert refused == Refused("The message has 101 bytes; this address takes 100 at most.")
    assert not delivery.was_read


async def test_a_pause_refuses_or_queues(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    await ask(bench, "POST", "/webhooks/named/w/pause", {})
    assert await deliver(bench, token) == Refused(PAUSED)
    await ask(bench, "POST", "/webhooks/named/w/pause", {"on_trigger": "queue"})
    taken = await deliver(bench, token)
    assert isinstance(taken, Taken)
    assert (await ask(bench, "GET", f"/runs/{taken.run_id}"))["data"]["status"] == "queued"
    assert instances.params == {}


async def test_a_limit_lets_it_come_again(bench: Bench) -> None:
    token = await push(bench, limits=[{"per_minute": 1}])
    assert isinstance(await deliver(bench, token), Taken)
    with pytest.raises(ArcrunError) as delayed:
        await deliver(bench, token, HELLO + b"!")
    assert (delayed.value.code, delayed.value.retriable) == ("MESSAGE_DELAYED", True)


async def test_one_that_does_not_fit_is_refused(instances: FakeInstances) -> None:
    bench = build_bench({"tell": echo, "validate_json": find_all_wrong}, instances)
    token = await push(bench, input_schema={"type": "object"})
    assert await deliver(bench, token) == Refused(UNFIT)
    assert instances.params == {}


def find_all_wrong(_stdin: str) -> Execution:
    return exited({"success": True, "data": {"valid": False, "errors": [{"path": "/order", "message": "is missing"}]}})


async def test_large_attachments_lie_sealed_in_the_bucket_and_go_with_the_run(
    bench: Bench, instances: FakeInstances
) -> None:
    token = await push(bench)
    taken = await deliver(bench, token, _build_mixed(b"small", LARGE))
    assert isinstance(taken, Taken)
    [run] = await run_all(bench, instances)
    value, _ = read_text(run)
    key = f"runs/{taken.run_id}/attachment-1"
    assert value["attachments"] == [
        {"filename": "0.bin", "content_type": "a/b", "size": 5, "base64": base64.b64encode(b"small").decode()},
        {"filename": "1.bin", "content_type": "a/b", "size": len(LARGE), "blob": key},
    ]
    stored = await bench.bucket.get(key)
    assert stored is not None
    assert LARGE[:64] not in stored.content
    async with build_client(bench.service) as client:
        got = await client.get(f"/runs/{taken.run_id}/attachments/1")
        refused = [
            (await client.get(f"/runs/{taken.run_id}/attachments/{number}")).status_code for number in (0, 2, 99)
        ]
    assert (got.content, got.headers["content-type"], refused) == (LARGE, "application/octet-stream", [404] * 3)
    bench.clock.advance(40 * 86_400_000)
    for log in bench.logs.tables.values():
        await log.on_alarm(bench.bucket, _export_none)
    assert await bench.bucket.get(key) is None


async def _export_none() -> bool:
    """Nothing reads the verdicts, of which there are no more."""
    return False


def _build_mixed(*contents: bytes) -> bytes:
    parts = [
        b'--b\nContent-Type: a/b; name="%d.bin"\nContent-Transfer-Encoding: base64\n\n%s'
        % (i, base64.encodebytes(each))
        for i, each in enumerate(contents)
    ]
    return HELLO.partition(b"\n\n")[0] + b"\nContent-Type: multipart/mixed; boundary=b\n\n" + b"".join(parts) + b"--b--"


async def test_many_attachments(bench: Bench) -> None:
    token = await push(bench)
    assert isinstance(await deliver(bench, token, _build_mixed(*[LARGE] * MAX_STORED_ATTACHMENTS)), Taken)
    refused = await deliver(bench, token, _build_mixed(*[LARGE] * (MAX_STORED_ATTACHMENTS + 1)))
    assert refused == Refused(
        f"The message cannot be read: it has more than {MAX_STORED_ATTACHMENTS} large attachments."
    )


async def test_a_long_text_is_cut_off_and_attached(bench: Bench, instances: FakeInstances) -> None:
    token = await push(bench)
    await deliver(bench, token, HELLO + b"x" * MAX_MESSAGE_TEXT_CHARACTERS)
    [run] = await run_all(bench, instances)
    found = (await ask(bench, "GET", f"/runs/{run['run_id']}/input"))["data"]["input"]
    assert len(found["text"]) == MAX_MESSAGE_TEXT_CHARACTERS
    [attached] = found["attachments"]
    assert (attached["filename"], attached["size"]) == ("message.txt", MAX_MESSAGE_TEXT_CHARACTERS + 2)


async def test_where_runs_do_not_last_no_message_starts_any() -> None:
    pushed = await ask(build_bench({"tell": echo}), "POST", "/webhooks", {"workflow": workflow()})
    assert pushed["error"]["code"] == "TRIGGER_NOT_AVAILABLE"


async def test_each_of_the_corpus_starts_a_run_or_is_refused(
    bench: Bench, instances: FakeInstances, caplog: pytest.LogCaptureFixture
) -> None:
    token = await push(bench)
    with caplog.at_level(logging.DEBUG):
        outcomes = [await deliver(bench, token, raw) for raw in MESSAGES.values()]
    assert {type(each) for each in outcomes} <= {Taken, Refused}
    assert sum(isinstance(each, Taken) for each in outcomes) > 250
    assert build_tag(token) not in caplog.text
    assert token not in caplog.text
