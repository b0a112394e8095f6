"""Messages on the real runtime: `acr trigger email` starts a run, once; what is accepted survives the end of
everything, with its large attachment; who may not send is refused.
"""

import base64
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from acr.targets.local_mail import LocalMail, UndeliverableError, prepare_message
from fixtures.messages import MESSAGES
from workerd.durable.soak import platform_that_is_killed
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

LARGE = bytes(range(256)) * 2_000  # more than goes into an input
WAITING = {
    "name": "invoices",
    "triggers": {"email": {}},
    "flow": ["input >> PIPE >> wait", "wait >> PIPE >> say"],
    "config": {
        "wait": {"component": "wait", "ms": 4_000},
        "say": {
            "component": "set",
            "values": {
                "subject": "{{input.subject}}",
                "text": "{{input.text}}",
                "files": "{{input.attachments}}",
                "trigger": "{{request.trigger}}",
            },
        },
    },
    "durable": True,
}
LISTED = {
    "name": "listed",
    "triggers": {"email": {"from": ["*@example.org"], "max_bytes": 10_000}},
    "flow": ["input >> PIPE >> say"],
    "config": {"say": {"component": "set", "values": {"dmarc": "{{request.trigger.dmarc}}"}}},
}


def build_message(subject: str, attachment: bytes = b"") -> bytes:
    encoded = base64.encodebytes(attachment).decode()
    return f"""Received: from mail.example.org by mx.example.net; Tue, 1 Jan 2030 00:00:00 +0000
From: =?utf-8?Q?Ad=C3=A1?= <ada@example.org>
To: invoices@example.net
Subject: {subject}
Message-ID: <{subject}@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=parts

--parts
Content-Type: text/plain; charset=iso-2022-jp

\x1b$B$3$s$K$A$O\x1b(B
--parts
Content-Type: application/pdf; name=invoice.pdf
Content-Transfer-Encoding: base64

{encoded}
--parts--
""".encode()


def push(client: httpx.Client, source: dict[str, Any]) -> str:
    """Its address."""
    address: str = (
        client.post("/webhooks", json={"workflow": source}).raise_for_status().json()["data"]["email_address"]
    )
    return address


def deliver(platform: LocalPlatform, file: Path, message: bytes, *options: str) -> tuple[int, str]:
    file.write_bytes(message)
    done = platform.acr("trigger", "email", str(file), *options)
    return done.returncode, done.stdout.strip() or done.stderr.strip()


def deliver_directly(mail: LocalMail, address: str, raw: bytes) -> str | None:
    """Why it was refused."""
    try:
        return mail.deliver("ada@example.org", address, raw)
    except UndeliverableError:
        return "undeliverable"


def until_ended(client: httpx.Client, run_id: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        run: dict[str, Any] = client.get(f"/runs/{run_id}").json()["data"]
        if run["status"] not in ("running", "queued"):
            return run
        time.sleep(0.3)
    raise AssertionError(run)


def test_a_message_starts_one_run_that_survives_everything(tmp_path: Path) -> None:
    file = tmp_path / "message.eml"
    with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
        address = push(client, WAITING)
        assert address.startswith("invoices+")
        code, run_id = deliver(platform, file, build_message("one", LARGE), "--workflow", "invoices")
        assert code == 0, run_id
        assert "delivered before" in deliver(platform, file, build_message("one", LARGE), "--to", address.upper())[1]
    with running_platform(tmp_path) as platform, platform.executor as client:
        run = until_ended(client, run_id)
        assert "delivered before" in deliver(platform, file, build_message("one", LARGE), "--to", address)[1]
        assert len(client.get("/runs").json()["data"]["runs"]) == 1
        got = client.get(f"/runs/{run_id}/attachments/1")
        missing = client.get(f"/runs/{run_id}/attachments/2").json()
    assert (run["status"], run["trigger"], run["data"]["subject"], run["data"]["text"]) == (
        *("success", "email", "one", "こんにちは"),
    )
    assert run["data"]["trigger"] == {
        **{"kind": "email", "envelope_from": "sender@example.com", "message_id": "<one@example.org>", "dmarc": "none"}
    }
    [attached] = run["data"]["files"]
    assert attached == {
        **{"filename": "invoice.pdf", "content_type": "application/pdf", "size": len(LARGE)},
        "blob": f"runs/{run_id}/attachment-1",
    }
    assert got.content == LARGE
    assert missing["error"]["code"] == "ATTACHMENT_NOT_FOUND"
    assert address.partition("+")[2].partition("@")[0] not in json.dumps(run)


def test_the_corpus(tmp_path: Path) -> None:
    """The parser of the Workers' Python does with the corpus what that of the tests does: none fails."""
    with running_platform(tmp_path) as platform, platform.executor as client:
        address = push(client, LISTED | {"name": "corpus", "triggers": {"email": {}}})
        mail = LocalMail(platform.urls["cloudflare-api"])
        chosen = [prepare_message(raw, None) for raw in [*MESSAGES.values()][::3]]
        outcomes = Counter(deliver_directly(mail, address, raw) for raw in chosen)
        bomb = b"From: ada@example.org\nMessage-ID: <b@x>\n" + b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(64)
        )
        assert mail.deliver("ada@example.org", address, bomb) is None  # as deep as is read at all
        nested = mail.deliver("ada@example.org", address, bomb + b"Content-Type: multipart/mixed\n\n")
        began = time.monotonic()
        assert mail.deliver("ada@example.org", address, build_message("large", b"x" * 7_000_000)) is None
        took_s = time.monotonic() - began
    assert ({*outcomes}, outcomes[None] > 70) == ({None, "undeliverable"}, True), outcomes
    assert "65 parts with parts in them" in (nested or "")
    assert took_s < 20


def test_who_may_send_and_what(tmp_path: Path) -> None:
    file = tmp_path / "message.eml"
    with running_platform(tmp_path) as platform, platform.executor as client:
        address = push(client, LISTED)
        refused = deliver(platform, file, build_message("a"), "--workflow", "listed")
        forged = b"Authentication-Results: mx.cloudflare.net; dmarc=fail header.from=example.org\n" + build_message("b")
        failed = deliver(platform, file, forged, "--workflow", "listed", "--dmarc", "fail")
        large = deliver(platform, file, build_message("c", LARGE), "--workflow", "listed", "--dmarc", "pass")
        nowhere = deliver(platform, file, build_message("d"), "--to", f"x{address}")
        code, run_id = deliver(platform, file, build_message("e"), "--workflow", "listed", "--dmarc", "pass")
        assert code == 0, run_id
        assert until_ended(client, run_id)["data"] == {"dmarc": "pass"}
        shown = platform.acr("show", "listed")
        assert address in shown.stderr
        client.post("/webhooks/named/listed/pause", json={}).raise_for_status()
        paused = deliver(platform, file, build_message("f"), "--workflow", "listed", "--dmarc", "pass")
        unknown = deliver(platform, file, build_message("g"), "--workflow", "nobody")
    assert [code for code, _ in (refused, failed, large, nowhere, paused, unknown)] == [1] * 6
    assert "takes no messages from this sender" in refused[1]
    assert "takes no messages from this sender" in failed[1]
    assert "takes 10000 at most" in large[1]
    assert "no such address" in nowhere[1]
    assert "takes no messages at the moment" in paused[1]
    assert "nobody" in unknown[1]
