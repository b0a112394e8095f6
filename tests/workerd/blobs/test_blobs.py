"""Blobs on the real runtime: 10 MB through five nodes, what memory that takes, whose they are, and when they go."""

from collections.abc import Iterator
from typing import Any

import pytest

from workerd.blobs.file_server import FileServer, running_file_server, sha256_of
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

MB = 1_000_000
SIZE = 10 * MB


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with running_file_server() as server:
        yield server


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path_factory.mktemp("blobs")) as platform:
        yield platform


def fetch(url: str, **more: Any) -> dict[str, Any]:
    return {"component": "http_request", "url": url, "response": "blob", **more}


def send(url: str, blob: str) -> dict[str, Any]:
    return {"component": "http_request", "method": "PUT", "url": url, "body_blob": blob}


def five_nodes(server: FileServer, size: int, name: str = "five") -> dict[str, Any]:
    return {
        "name": name,
        "flow": ["input >> PIPE >> get", "get >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c", "c >> PIPE >> put"],
        "config": {
            "get": fetch(f"{server.url}/{size}?{name}"),
            "a": {"component": "set", "values": {"file": "{{get.data.body}}"}},
            "b": {"component": "code", "input": {"it": "{{a.data}}"}, "source": "return input.it"},
            "c": {"component": "set", "values": {"file": "{{b.data.file}}"}},
            "put": send(f"{server.url}/{name}", "{{c.data.file}}"),
        },
    }


def execute(platform: LocalPlatform, workflow: dict[str, Any], value: Any = None) -> dict[str, Any]:
    with platform.executor as client:
        answer: dict[str, Any] = client.post("/execute", json={"workflow": workflow, "input": value or {}}).json()
    return answer


def test_a_file_goes_through_five_nodes_unchanged(platform: LocalPlatform, server: FileServer) -> None:
    answer = execute(platform, five_nodes(server, SIZE))
    assert answer["success"], answer
    taken = server.taken[-1]
    assert (taken.path, taken.content_type, taken.length) == ("/five", "application/pdf", str(SIZE))
    assert (taken.size, taken.sha256) == (SIZE, sha256_of(SIZE))
