"""Blobs on the real runtime: what arrives, whose they are, and what a kill -9 leaves."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.modules import asking, build_contract, build_module
from workerd.blobs.file_server import FileServer, file_of, running_file_server, sha256_of
from workerd.blobs.passing import BYTES, execute, five_nodes
from workerd.durable.soak import kill, until_ended
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

ODD = 2_345_678  # bytes: two whole pieces, and a part of one
MISSING = "BLOB_NOT_FOUND"


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with running_file_server() as server:
        yield server


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path_factory.mktemp("blobs")) as platform:
        yield platform


@pytest.fixture
def client(platform: LocalPlatform) -> Iterator[httpx.Client]:
    with platform.executor as client:
        yield client


def fetch(url: str, **more: Any) -> dict[str, Any]:
    return {"component": "http_request", "url": url, "response": "blob", **more}


def send(server: FileServer, path: str, **body: Any) -> dict[str, Any]:
    return {"component": "http_request", "method": "POST", "url": f"{server.url}{path}", **body}


def get_and_put(server: FileServer, name: str, get: str, *, durable: bool = False, **body: Any) -> dict[str, Any]:
    return {
        "name": name,
        "durable": durable,
        "flow": ["input >> PIPE >> get", "get >> PIPE >> put"],
        "config": {
            "get": fetch(f"{server.url}{get}"),
            "put": send(server, f"/{name}", **(body or {"body_blob": "{{get.data.body}}"})),
        },
    }


def list_pieces(platform: LocalPlatform) -> list[str]:
    """The keys of all pieces of blobs in the bucket."""
    url = f"{platform.urls['cloudflare-api']}/r2/buckets/arcrun-components/objects"
    listed = httpx.get(url, params={"prefix": "runs/", "per_page": 1000}, timeout=60).raise_for_status().json()
    return [each["key"] for each in listed["result"] if "/blob-" in each["key"]]


def find_blob(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """What the run's record shows of the blob that `get` has answered."""
    deadline_s = time.monotonic() + 10
    while "trace" not in (record := client.get(f"/runs/{run_id}").json().get("data", {})):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)  # a record comes behind an answer
    shown = next(entry for entry in record["trace"] if entry["node"] == "get")
    blob: dict[str, Any] = shown["output"]["data"]["body"]
    return blob


def code_of(answer: dict[str, Any]) -> str:
    return str(answer["error"]["code"])


def test_ten_megabytes_go_through_five_nodes_unchanged(client: httpx.Client, server: FileServer) -> None:
    answer = execute(client, five_nodes(server, BYTES, "five"))
    assert answer["success"], answer
    taken = server.taken[-1]
    assert (taken.path, taken.content_type, taken.length) == ("/five", "application/pdf", str(BYTES))
    assert (taken.size, taken.sha256) == (BYTES, sha256_of(BYTES))


def test_records_show_what_stands_for_it(platform: LocalPlatform, client: httpx.Client, server: FileServer) -> None:
    answer = execute(client, get_and_put(server, "shown", f"/{ODD}"))
    blob, run_id = find_blob(client, answer["run_id"]), answer["run_id"]
    assert blob.pop("blob").startswith(f"runs/{run_id}/blob-")
    assert blob == {"bytes": ODD, "content_type": "application/pdf", "name": str(ODD)}
    pieces = [key for key in list_pieces(platform) if run_id in key]
    assert len(pieces) == 3
    assert all(file_of(ODD)[:64] not in (platform.get_object(key) or b"") for key in pieces)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1024 * 1024 + 1])
def test_of_any_size(client: httpx.Client, server: FileServer, size: int) -> None:
    assert execute(client, get_and_put(server, "sizes", f"/{size}"))["success"]
    taken = server.taken[-1]
    assert (taken.length, taken.size, taken.sha256) == (str(size), size, sha256_of(size))


def test_a_form_has_a_blob_among_its_parts(client: httpx.Client, server: FileServer) -> None:
    parts = {"title": "Fünf", "file": {"blob": "{{get.data.body}}", "filename": 'a "b".pdf'}}
    assert execute(client, get_and_put(server, "form", "/500", multipart=parts))["success"]
    taken = server.taken[-1]
    boundary = taken.content_type.partition("boundary=")[2]
    assert (
        taken.content
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nFünf\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a %22b%22.pdf"\r\n'
            "Content-Type: application/pdf\r\n\r\n"
        ).encode()
        + file_of(500)
        + f"\r\n--{boundary}--\r\n".encode()
    )


def test_an_error_stays_a_text(platform: LocalPlatform, client: httpx.Client, server: FileServer) -> None:
    before = list_pieces(platform)
    answer = execute(client, get_and_put(server, "missing", "/missing/3"))
    assert (code_of(answer), answer["error"]["details"]["status"]) == ("HTTP_STATUS", 404)
    assert list_pieces(platform) == before


def test_what_breaks_off_is_deleted(platform: LocalPlatform, client: httpx.Client, server: FileServer) -> None:
    before = list_pieces(platform)
    assert code_of(execute(client, get_and_put(server, "broken", f"/broken/{2 * ODD}"))) == "HTTP_CONNECTION_LOST"
    assert list_pieces(platform) == before


def test_who_takes_too_long_leaves_nothing(platform: LocalPlatform, client: httpx.Client, server: FileServer) -> None:
    before = list_pieces(platform)
    workflow = get_and_put(server, "slow", f"/slow/{4 * ODD}")
    workflow["config"]["get"]["timeout_ms"] = 500
    assert code_of(execute(client, workflow)) == "HTTP_TIMEOUT"
    assert list_pieces(platform) == before
    workflow["config"]["get"] = {**fetch(f"{server.url}/slow/{4 * ODD}"), "timeout_ms": 5_000}
    workflow["timeout_ms"] = 700
    assert code_of(execute(client, workflow)) == "RUN_TIMEOUT"
    deadline_s = time.monotonic() + 10
    while list_pieces(platform) != before:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def test_a_server_that_refuses_is_heard(client: httpx.Client, server: FileServer) -> None:
    """It reads nothing of the body; what follows works as ever."""
    workflow = get_and_put(server, "refused", f"/{4 * ODD}")
    answer = execute(client, workflow)
    assert code_of(answer) in ("HTTP_STATUS", "HTTP_CONNECTION_LOST", "HTTP_CONNECTION_FAILED"), answer
    assert execute(client, get_and_put(server, "after", "/5"))["success"]


def test_a_redirect_gets_the_body_again(client: httpx.Client, server: FileServer) -> None:
    count = len(server.taken)
    assert execute(client, {**get_and_put(server, "moved/there", f"/{ODD}"), "name": "moved"})["success"]
    assert [(each.path, each.sha256) for each in server.taken[count:]] == [
        ("/moved/there", sha256_of(ODD)),
        ("/there", sha256_of(ODD)),
    ]


def test_a_component_in_a_sandbox_writes_one(platform: LocalPlatform, client: httpx.Client) -> None:
    contract = {**build_contract("writer"), "capabilities": ["blob"]}
    module = build_module(asking("blob", '{"op":"create","name":"a.txt"}'))
    platform.put_component(module, contract)
    workflow = {"name": "sandboxed", "flow": ["input >> PIPE >> writer"]}
    assert execute(client, workflow)["data"] == {"ok": True, "value": {"writing": 1}}


def test_many_at_once(client: httpx.Client, server: FileServer) -> None:
    """Each gets its own."""
    sizes = [1_000_000 + 333 * number for number in range(6)]
    flow = ["input >> FOREACH size IN input.sizes >> get", "get >> PIPE >> put"]
    config = {
        "input": {"foreach": {"concurrency": 6}},
        "get": fetch(f"{server.url}/{{{{size}}}}"),
        "put": send(server, "/many/{{size}}", body_blob="{{get.data.body}}"),
    }
    answer = execute(client, {"name": "many", "flow": flow, "config": config}, {"sizes": sizes})
    assert answer["success"], answer
    taken = {each.path: each.sha256 for each in server.taken}
    assert [taken[f"/many/{size}"] for size in sizes] == [sha256_of(size) for size in sizes]


def test_a_name_counts_in_its_run_alone(client: httpx.Client, server: FileServer) -> None:
    answer = execute(client, get_and_put(server, "own", f"/{ODD}"))
    name = find_blob(client, answer["run_id"])["blob"]
    taker = {
        "name": "taker",
        "flow": ["input >> PIPE >> put"],
        "config": {"put": send(server, "/taker", body_blob="{{input.file}}")},
    }
    count = len(server.taken)
    made_up = f"runs/{'0' * 26}/blob-{'0' * 32}-5"
    for forged in (name, {"blob": name, "bytes": ODD}, made_up, f"{name[:-1]}9", "runs/../modules/x", "runs/x"):
        assert code_of(execute(client, taker, {"file": forged})) == MISSING, forged
    assert len(server.taken) == count


def test_who_changes_a_length_gets_nothing(client: httpx.Client, server: FileServer) -> None:
    """Of a blob of his own run: its last piece says how long the whole is."""
    workflow = get_and_put(server, "cut", f"/{ODD}", body_blob="{{get.data.body.blob}}9")
    count = len(server.taken)
    assert code_of(execute(client, workflow)) in ("BLOB_FAILED", MISSING, "REQUEST_TOO_LARGE")
    shorter = {
        **workflow,
        "flow": ["input >> PIPE >> get", "get >> PIPE >> cut", "cut >> PIPE >> put"],
        "config": {
            "get": fetch(f"{server.url}/{ODD}"),
            "cut": {
                "component": "code",
                "input": {"name": "{{get.data.body.blob}}"},
                "source": "return input.name.replace(/[0-9]+$/, '1048576')",
            },
            "put": send(server, "/cut", body_blob="{{cut.data}}"),
        },
    }
    assert code_of(execute(client, shorter)) == "BLOB_FAILED"
    assert [each for each in server.taken[count:] if each.size == int(each.length or 0)] == []


def test_a_replay_reads_what_its_origin_has(client: httpx.Client, server: FileServer) -> None:
    client.post("/webhooks", json={"workflow": get_and_put(server, "again", f"/{ODD}")}).raise_for_status()
    run_id = client.post("/webhooks/named/again/trigger", json={}).json()["run_id"]
    for _ in range(2):  # of the replay, too
        time.sleep(1)  # until its record is there
        count = len(server.taken)
        answer = client.post(f"/runs/{run_id}/replay", json={"from": "put"}).json()
        assert answer["success"], answer
        assert [(each.size, each.sha256) for each in server.taken[count:]] == [(ODD, sha256_of(ODD))]
        run_id = answer["run_id"]


def test_a_kill_in_the_middle_leaves_nothing_for_ever(tmp_path: Path) -> None:
    """A durable run fetches again. What was written before goes with the run, as does a quick run's, which has no
    record.
    """
    with running_file_server() as server:
        with running_platform(tmp_path) as platform, platform.executor as client:
            slow = get_and_put(server, "lasting", f"/slow/{3 * BYTES}", durable=True)
            client.post("/webhooks", json={"workflow": slow}).raise_for_status()
            run_id = client.post("/webhooks/named/lasting/trigger?async=1", json={}).json()["run_id"]
            assert server.is_waiting.wait(20)
            quick = {**get_and_put(server, "quick", f"/slow/{3 * BYTES}"), "record": "none"}
            client.post("/webhooks", json={"workflow": quick}).raise_for_status()
            with pytest.raises(httpx.HTTPError):
                client.post("/webhooks/named/quick/trigger", json={}, timeout=4)
            assert len({key.split("/")[1] for key in list_pieces(platform)}) == 2
            kill(platform)
        server.goes_on.set()
        with running_platform(tmp_path) as platform:
            [record] = until_ended(platform, [run_id], 60).values()
            assert (record["status"], server.taken[-1].sha256) == ("success", sha256_of(3 * BYTES)), record
            kill(platform)
        forget_runs(platform)
        with running_platform(tmp_path) as platform, platform.executor as client:
            deadline_s = time.monotonic() + 30
            while (left := list_pieces(platform)) and time.monotonic() < deadline_s:
                time.sleep(0.5)
                client.get("/runs")
            assert left == []


def forget_runs(platform: LocalPlatform) -> None:
    """Let a day pass, in which the records are deleted."""
    for path in (platform.folder / "state" / "do" / "arcrun-cypher-executor-RunLog").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as database, database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'run_blobs'").fetchone():
                database.execute("DELETE FROM runs")
                database.execute("UPDATE run_blobs SET due_ms = 0")
                database.execute("UPDATE log SET prune_ms = 1 WHERE prune_ms > 0")
