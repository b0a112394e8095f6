"""An attachment of a message goes on as it stands in the input, large or small: mail, bucket, another service."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from workerd.blobs.file_server import FileServer, file_of, running_file_server
from workerd.durable.soak import until_ended
from workerd.durable.test_mail import build_message, deliver, push
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

SMALL, LARGE = 5_000, 3_000_000


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_file_server() as server:
        yield server


def test_attachments_are_sent_on(tmp_path: Path, server: FileServer) -> None:
    """As the body of a request, and as a part of a form."""
    step = {"component": "http_request", "method": "POST", "url": f"{server.url}/body", "body_blob": "{{file}}"}
    form = {**step, "url": f"{server.url}/form", "multipart": {"file": {"blob": "{{file}}"}}}
    form.pop("body_blob")
    workflow = {
        "name": "invoices",
        "triggers": {"email": {}},
        "flow": ["input >> FOREACH file IN input.attachments >> body", "body >> PIPE >> form"],
        "config": {"body": step, "form": form},
    }
    with running_platform(tmp_path) as platform, platform.executor as client:
        push(client, workflow)
        runs = []
        for size in (SMALL, LARGE):
            message = build_message(f"s{size}", file_of(size))
            code, run_id = deliver(platform, tmp_path / "m.eml", message, "--workflow", "invoices")
            assert code == 0, run_id
            runs.append(run_id)
        ended = until_ended(platform, runs, 30)
    assert {run_id: record["status"] for run_id, record in ended.items()} == dict.fromkeys(runs, "success"), ended
    bodies = {each.size: each for each in server.taken if each.path == "/body"}
    assert bodies.keys() == {SMALL, LARGE}
    for size, taken in bodies.items():
        assert (taken.sha256, taken.content_type) == (hashlib.sha256(file_of(size)).hexdigest(), "application/pdf")
    forms = [each for each in server.taken if each.path == "/form"]
    assert [b'filename="invoice.pdf"' in each.content for each in forms] == [True, True]
