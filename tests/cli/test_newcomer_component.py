"""A newcomer's day: from an empty folder to a webhook that runs their own component with their own secret, then its
next version, rotation and deletion. Each step asserts exit code, stdout and --json; each command also fails once.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli.component_build import build

from workerd.local_platform import ACR, LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

SECRET = "Zorblatt-5f1e77c0"
GREETING_LENGTH = len(f"Hello, {SECRET}!")
NEEDS_SECRET = """credentials_required:
  - {key: friend, inject_as: name, description: Whom to greet., help_url: https://example.com/friends}
"""
WORKFLOW = """name: hail
flow:
  - "input >> ON_SUCCESS >> greeting"
  - "greeting >> ON_SUCCESS >> size"
config:
  greeting: {component: shout}
  size: {component: string_ops, operation: length, input: "{{greeting.data.greeting}}"}
"""
DIAGNOSTIC = {"code", "severity", "message", "hint", "file", "line", "column"}
ERROR = {"code", "message", "retriable", "next_actions", "details"}
PUSHED = {"name", "version", "token", "webhook_url", "updated_at"}
PART = {
    *("id", "category", "version", "source", "credentials"),
    *("description", "visibility", "submission_id", "statistics"),
}
STATISTICS = {"total_runs", "success_rate", "avg_duration_ms", "p95_duration_ms"}
ANSWER = {"success", "data", "run_id", "duration_ms", "trace"}


@dataclass
class Newcomer:
    """Runs commands in `folder`. `seen` is all output so far."""

    platform: LocalPlatform
    folder: Path
    seen: str = ""

    def acr(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [str(ACR), *arguments],
            cwd=self.folder,
            env=self.platform.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.seen += result.stdout + result.stderr
        assert (result.returncode, "Traceback" in result.stderr) == (code, False), result.stdout + result.stderr
        return result

    def read(self, *arguments: str, code: int = 0) -> Any:
        """A command's --json output."""
        return json.loads(self.acr(*arguments, "--json", code=code).stdout)

    def read_data(self, *arguments: str) -> Any:
        """The `data` of the executor's answer."""
        answer = self.read(*arguments)
        assert (set(answer), answer["success"]) == ({"success", "data"}, True)
        return answer["data"]

    def read_error(self, *arguments: str) -> str:
        """The code of the executor's refusal."""
        answer = self.read(*arguments, code=1)
        assert (set(answer), answer["success"], set(answer["error"])) == ({"success", "error"}, False, ERROR)
        assert answer["error"]["next_actions"]
        return str(answer["error"]["code"])

    def fail(self, *arguments: str, code: int = 1) -> str:
        """The stderr of a command that must fail: with the next step, and with nothing on stdout."""
        result = self.acr(*arguments, code=code)
        assert (result.stdout, code == 2 or "Next: " in result.stderr) == ("", True)
        return result.stderr

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    with running_platform(tmp_path_factory.mktemp("newcomers-platform")) as platform:
        folder = platform.folder / "project"  # below that of `acr dev`, so that commands find it
        folder.mkdir()
        yield Newcomer(platform, folder)


def test_a_newcomers_day(newcomer: Newcomer) -> None:
    prepare_a_folder(newcomer)
    make_a_component(newcomer)
    publish_it(newcomer)
    store_a_secret(newcomer)
    url = push_a_workflow(newcomer)
    run_it(newcomer, url)
    look_back(newcomer)
    see_statistics(newcomer)
    change_and_go_back(newcomer)
    rotate_and_delete(newcomer)
    assert SECRET not in newcomer.seen


def prepare_a_folder(newcomer: Newcomer) -> None:
    assert newcomer.read_data("init", "--local") == {"files": [".gitignore", "credentials.yaml"]}
    assert newcomer.read_data("init", "--local") == {"files": []}
    assert (newcomer.folder / "credentials.yaml").stat().st_mode & 0o777 == 0o600
    assert "There is no Cloudflare API token" in newcomer.fail("init", "--no-input", code=4)


def make_a_component(newcomer: Newcomer) -> None:
    assert newcomer.acr("parts", "scaffold", "shout", "--lang", "zig").stdout == "shout\n"
    assert "already exists" in newcomer.fail("parts", "scaffold", "shout")
    assert "There is no .wasm" in newcomer.fail("parts", "test", "shout")
    build(newcomer.folder / "shout")
    edit_contract(newcomer, "credentials_required: []", NEEDS_SECRET)
    tried = newcomer.read_data("parts", "test", "shout")
    assert {step["status"] for step in tried["steps"]} == {"passed"}


def edit_contract(newcomer: Newcomer, begins: str, replacement: str) -> None:
    """Replace the line of shout/contract.yaml that starts with `begins`."""
    path = newcomer.folder / "shout/contract.yaml"
    text = path.read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines(keepends=True) if line.startswith(begins)]
    path.write_text(text.replace(line, replacement), encoding="utf-8")


def publish_it(newcomer: Newcomer) -> None:
    newcomer.write("hail.yaml", WORKFLOW)
    assert "`shout`, which does not exist" in newcomer.acr("validate", "hail.yaml", code=1).stderr
    published = newcomer.read_data("parts", "publish", "shout")
    assert {step["status"] for step in published["steps"]} == {"passed"}
    assert (published["canonical_id"], published["version"]) == ("shout", "v1")
    assert newcomer.read_data("parts", "publish", "shout") == published
    edit_contract(newcomer, "display_name", "display_name: Another\n")
    assert newcomer.read_error("parts", "publish", "shout") == "VERSION_EXISTS"
    edit_contract(newcomer, "display_name", "display_name: Shout\n")
    shout = find_part(newcomer, "shout")
    assert set(shout) == PART
    told = {"source": "registry", "credentials": ["friend"], "visibility": "author_only"}
    assert {name: shout[name] for name in told} == told
    assert shout["submission_id"] == published["submission_id"]
    assert "There is no component `shoot`" in newcomer.fail("parts", "list", "shoot")


def find_part(newcomer: Newcomer, component_id: str) -> dict[str, Any]:
    [found] = [part for part in newcomer.read_data("parts")["components"] if part["id"] == component_id]
    return dict(found)


def store_a_secret(newcomer: Newcomer) -> None:
    [finding] = newcomer.read_data("validate", "hail.yaml")["diagnostics"]
    assert (finding["code"], finding["severity"]) == ("MISSING_CREDENTIAL", "warning")
    assert "Next: Then store it: acr creds push friend" in newcomer.fail("run", "hail.yaml")
    assert "contains no credentials yet" in newcomer.fail("creds", "push")
    newcomer.write("credentials.yaml", f'friend: "{SECRET}"\n')
    assert newcomer.read_data("creds", "push") == {"pushed": ["friend"]}
    assert newcomer.read_data("creds", "list") == {"credentials": [{"name": "friend", "readable": True}]}


def push_a_workflow(newcomer: Newcomer) -> str:
    newcomer.write("broken.yaml", WORKFLOW.replace("ON_SUCCESS", "ON_SUCCES"))
    broken = newcomer.read("validate", "broken.yaml", code=1)["data"]
    assert (broken["valid"], [item["line"] for item in broken["diagnostics"]]) == (False, [3, 4])
    assert set(broken["diagnostics"][0]) == DIAGNOSTIC
    assert newcomer.read_error("push", "broken.yaml") == "INVALID_WORKFLOW"
    hail = {"file": "hail.yaml", "valid": True}
    assert newcomer.read_data("validate", "hail.yaml") == {"valid": True, "files": [hail], "diagnostics": []}
    pushed = newcomer.read_data("push", "hail.yaml")
    assert set(pushed) == PUSHED | {"changed", "rewritten", "diff", "diagnostics"}
    assert (pushed["name"], pushed["version"], pushed["diagnostics"]) == ("hail", 1, [])
    return str(pushed["webhook_url"])


def run_it(newcomer: Newcomer, url: str) -> None:
    """The length proves that the component got the secret, the redaction that nobody else sees it."""
    own, webhook = newcomer.read("run", "hail"), trigger(newcomer, url)
    assert (set(own), own["data"]) == (ANSWER, {"result": GREETING_LENGTH})
    assert own["trace"][0]["output"]["data"] == {"greeting": "Hello, [REDACTED]!"}
    assert (set(webhook), webhook["data"]) == ({"success", "data", "run_id"}, {"result": GREETING_LENGTH})
    newcomer.write("pinned.yaml", WORKFLOW.replace("component: shout", "component: shout@v1"))
    assert json.loads(newcomer.acr("run", "pinned.yaml").stdout) == {"result": GREETING_LENGTH}
    assert "WORKFLOW_NOT_FOUND" in newcomer.fail("run", "nowhere")


def trigger(newcomer: Newcomer, url: str) -> Mapping[str, Any]:
    """Call the webhook like curl, without a key."""
    response = httpx.post(url, json={}, timeout=30)
    newcomer.seen += response.text
    answer: Mapping[str, Any] = response.json()
    return answer


def look_back(newcomer: Newcomer) -> None:
    runs = wait_for_runs(newcomer, 4)
    assert [(run["trigger"], run["status"], run["version"]) for run in runs] == [
        ("execute", "success", 0),
        ("webhook", "success", 1),
        ("name", "success", 1),
        ("execute", "failed", 0),
    ]
    [listed] = newcomer.read_data("list")["workflows"]
    assert (set(listed), listed["last_run"]["run_id"]) == (
        PUSHED | {"latest", "last_run", "format", "calls", "file", "paused", "dead_letters", "queued", "schedules"},
        runs[1]["run_id"],  # the stored workflow's
    )
    assert newcomer.read_data("list", "hail")["workflow"] == WORKFLOW
    assert [entry["node"] for entry in newcomer.read_data("logs", runs[0]["run_id"])["trace"]] == ["greeting", "size"]
    assert "greeting  success" in newcomer.acr("logs", runs[0]["run_id"]).stdout
    assert newcomer.read_error("logs", "01J9ZC3VT0M4XKQW8R2E5H7N6P") == "RUN_NOT_FOUND"
    assert newcomer.read_error("list", "nowhere") == "WORKFLOW_NOT_FOUND"


def wait_for_runs(newcomer: Newcomer, count: int) -> list[dict[str, Any]]:
    """Wait until `count` runs are listed, as a run's record is written after its answer."""
    deadline = time.monotonic() + 10
    while True:
        runs: list[dict[str, Any]] = newcomer.read_data("logs", "hail")["runs"]
        if len(runs) >= count or time.monotonic() > deadline:
            return runs


def see_statistics(newcomer: Newcomer) -> None:
    """Check statistics of the newcomer's own component, which the registry lists, and of a built-in one."""
    deadline = time.monotonic() + 10
    for component_id in ("shout", "string_ops"):
        while (counted := find_part(newcomer, component_id)["statistics"])["total_runs"] < 3:
            assert time.monotonic() < deadline, counted
        assert set(counted) == STATISTICS
        assert 0 < counted["success_rate"] <= 1
        assert counted["avg_duration_ms"] > 0
    assert find_part(newcomer, "telegram")["statistics"] == {**dict.fromkeys(STATISTICS), "total_runs": 0}
    assert newcomer.read_data("parts", "list", "shout")["component"]["statistics"]["total_runs"] >= 3
    assert newcomer.read_data("doctor")["ok"] is True


def change_and_go_back(newcomer: Newcomer) -> None:
    newcomer.write("hail.yaml", WORKFLOW.replace("operation: length", "operation: upper"))
    pushed = newcomer.read_data("push", "hail.yaml")
    assert (pushed["version"], pushed["diff"]) == (2, {"added": [], "removed": [], "changed": ["size"]})
    assert newcomer.read("run", "hail")["data"] == {"result": "HELLO, ZORBLATT-5F1E77C0!"}
    back = newcomer.read_data("rollback", "hail", "1")
    assert (set(back), back["version"]) == (PUSHED, 1)
    assert newcomer.read("run", "hail")["data"] == {"result": GREETING_LENGTH}
    assert newcomer.read_error("rollback", "hail", "9") == "VERSION_NOT_FOUND"


def rotate_and_delete(newcomer: Newcomer) -> None:
    rotated = newcomer.read_data("rotate", "hail")
    assert set(rotated) == PUSHED
    assert trigger(newcomer, rotated["webhook_url"])["data"] == {"result": GREETING_LENGTH}
    assert newcomer.read_error("rotate", "nowhere") == "WORKFLOW_NOT_FOUND"
    assert "acr delete hail --yes" in newcomer.fail("delete", "hail", code=2)
    assert newcomer.read_data("delete", "hail", "--yes") == {"name": "hail", "deleted": True, "called_by": []}
    assert newcomer.read_error("delete", "hail", "--yes") == "WORKFLOW_NOT_FOUND"
    assert newcomer.read_data("list") == {"workflows": []}
    assert newcomer.read_data("creds", "rm", "friend") == {"removed": ["friend"]}
    assert newcomer.read_data("creds", "list") == {"credentials": []}
