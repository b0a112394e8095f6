"""`acr keys` against the local platform: keys are made, do what they may, are listed and revoked."""

import json
from pathlib import Path

import pytest

from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

GREET = """name: {name}
flow: [input >> PIPE >> text]
config:
  text: {{component: set, values: {{text: hello}}}}
"""


def test_a_key_does_what_it_may(platform: LocalPlatform, tmp_path: Path) -> None:
    for name in ("shown", "hidden"):
        (tmp_path / f"{name}.yaml").write_text(GREET.format(name=name))
        assert platform.acr("push", str(tmp_path / f"{name}.yaml")).returncode == 0
    made = platform.acr("keys", "create", "viewer", "--can", "run", "--workflow", "shown", "--expires", "90d")
    key = made.stdout.strip()
    assert key.startswith("acrk_")
    assert made.stderr.startswith("`viewer` can run in shown until 20")
    assert key not in made.stderr

    def as_viewer(*arguments: str) -> tuple[int, str, str]:
        said = platform.acr(*arguments, ARCRUN_API_KEY=key)
        return said.returncode, said.stdout, said.stderr

    assert json.loads(as_viewer("run", "shown", "--json")[1])["data"] == {"text": "hello"}
    code, _, said = as_viewer("run", "hidden")
    assert (code, "for which alone this key counts" in said) == (1, True)
    assert "hidden" not in as_viewer("list")[1]
    code, _, said = as_viewer("push", str(tmp_path / "shown.yaml"))
    assert (code, "Next: Use another key, or make one: acr keys create NAME --can push" in said) == (1, True)
    code, _, said = as_viewer("keys", "list")
    assert code == 1

    listed = platform.acr("keys", "list").stdout
    assert all(word in listed for word in ("viewer", "run", "shown"))
    assert "never" not in listed
    again = platform.acr("keys", "create", "viewer", "--can", "read")
    assert (again.returncode, "There is a key `viewer`." in again.stderr) == (1, True)
    pushing = platform.acr("keys", "create", "ci", "--can", "push", "--json")
    assert json.loads(pushing.stdout)["data"]["can"] == "push"
    assert platform.acr("keys", "revoke", "viewer").returncode == 0
    assert "viewer" not in platform.acr("keys", "list").stdout
    assert platform.acr("keys", "create", "x", "--can", "read", "--expires", "soon").returncode == 2


def test_who_reads_sees_records_and_no_token(platform: LocalPlatform) -> None:
    key = platform.acr("keys", "create", "reader", "--can", "read").stdout.strip()
    listed = platform.acr("list", "--json", ARCRUN_API_KEY=key)
    assert listed.returncode == 0
    assert all(each["token"] == "…" for each in json.loads(listed.stdout)["data"]["workflows"])
    run_id = json.loads(platform.acr("logs", "--json", ARCRUN_API_KEY=key).stdout)["data"]["runs"][0]["run_id"]
    assert platform.acr("logs", run_id, ARCRUN_API_KEY=key).returncode == 0
    assert platform.acr("run", "shown", ARCRUN_API_KEY=key).returncode == 1
