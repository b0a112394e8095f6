"""The workflows on the pages of components (examples/of_components), on the real runtime.

Proves: all of them are pushed as they are; those that reach nothing outside answer what their tests expect; `wait_for`
gets its event, and `approve` its decision.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from arcrun.yaml_text import parse_yaml
from fixtures.serving import serving
from workerd.durable.soak import CountingServer
from workerd.durable.test_cancel import until
from workerd.local_platform import ROOT, LocalPlatform

pytestmark = pytest.mark.workerd

FOLDER = ROOT / "examples/of_components"
COMPONENTS = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.name.endswith(".test.yaml"))
ASKED_WITHIN_S = 40
CHAT = "https://chat.example.com/messages"


def list_offline_tests(component: str) -> Iterator[tuple[Any, Any]]:
    """Input and expected data of the tests that need neither a stub, nor a clock, a credential or what a store has."""
    file = parse_yaml((FOLDER / f"{component}.test.yaml").read_text(encoding="utf-8")).value
    for test in file["tests"]:
        if "data" in test["expect"] and not {"stubs", "store", "credentials"} & test.keys() and "now" not in file:
            yield test.get("input", {}), test["expect"]["data"]


def push(platform: LocalPlatform, component: str, folder: Path, chat: str = CHAT) -> str:
    """Push the workflow of a page, which tells `chat` if it tells one. Returns its name."""
    text = (FOLDER / f"{component}.yaml").read_text(encoding="utf-8").replace(CHAT, chat)
    file = folder / f"{component}.yaml"
    file.write_text(text, encoding="utf-8")
    pushed = platform.acr("push", str(file), "--force")
    assert pushed.returncode == 0, pushed.stderr
    return str(parse_yaml(text).value["name"])


@pytest.mark.parametrize("component", COMPONENTS)
def test_it_is_pushed_and_answers_what_its_test_expects(
    platform: LocalPlatform, component: str, tmp_path: Path
) -> None:
    name = push(platform, component, tmp_path)
    with platform.executor as client:
        for value, expected in list_offline_tests(component):
            answer = client.post(f"/webhooks/named/{name}/trigger", json=value).json()
            assert answer["success"], answer
            assert answer["data"] == expected


def test_there_are_many_of_them() -> None:
    tested = [component for component in COMPONENTS if any(True for _ in list_offline_tests(component))]
    assert len(tested) >= 11, tested


def begin(client: httpx.Client, name: str, value: Any) -> str:
    answer = client.post(f"/webhooks/named/{name}/trigger", json=value)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


def test_an_order_waits_for_its_payment(platform: LocalPlatform, tmp_path: Path) -> None:
    name = push(platform, "wait_for", tmp_path)
    with platform.executor as client:
        run_id = begin(client, name, {"id": "R-7"})
        sent = platform.acr("event", run_id, "paid", "--data", '{"amount": 120}')
        assert sent.returncode == 0, sent.stderr
    assert until(platform, run_id, "success")["data"] == {"ship": "R-7", "amount": 120}


def test_an_invoice_waits_for_somebody(platform: LocalPlatform, tmp_path: Path) -> None:
    with serving(CountingServer()) as chat, platform.executor as client:
        name = push(platform, "approve", tmp_path, chat=f"{chat.url}/messages")
        run_id = begin(client, name, {"amount": 120, "payee": "Ada"})
        deadline_s = time.monotonic() + ASKED_WITHIN_S
        while not client.post(f"/runs/{run_id}/approvals/ask", json={"choice": "approve"}).is_success:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
    assert until(platform, run_id, "success")["data"] == {"paid": "Ada", "by": "owner"}
    assert chat.answered == {"/messages": 1}
