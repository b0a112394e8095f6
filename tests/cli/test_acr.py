"""The command line against the local platform: each command's exit code, its data on stdout, its messages on stderr."""

import json
import subprocess
from pathlib import Path

import pytest

from workerd.local_platform import ACR, ROOT, LocalPlatform

pytestmark = pytest.mark.workerd

GREET = ROOT / "examples/workflows/greet.yaml"
BROKEN = """name: broken
flow:
  - "input >> ON_SUCCES >> grab"
  - "grab >> tell"
"""


def test_push_prints_the_webhook_url_and_keeps_it(platform: LocalPlatform) -> None:
    first, second = (platform.acr("push", str(GREET), "--force") for _ in range(2))  # others push a `greet` too
    assert (first.returncode, first.stdout.count("\n")) == (0, 1)
    assert first.stdout == second.stdout
    assert first.stdout.startswith(f"{platform.urls['executor']}/webhooks/")


def test_run_by_name_and_by_file_give_the_same_answer(platform: LocalPlatform, tmp_path: Path) -> None:
    platform.acr("push", str(GREET), "--force")
    (tmp_path / "input.json").write_text('{"name": " Ada "}')
    by_name = platform.acr("run", "greet", "--input", f"@{tmp_path / 'input.json'}")
    by_file = platform.acr("run", str(GREET), "--input", '{"name": " Ada "}')
    assert (by_name.returncode, by_file.returncode) == (0, 0)
    assert json.loads(by_name.stdout) == json.loads(by_file.stdout) == {"result": "Hello ADA, welcome to arcrun."}
    assert "badge" in by_name.stderr


def test_it_runs_with_an_input_that_the_workflow_keeps(platform: LocalPlatform, tmp_path: Path) -> None:
    file = tmp_path / "kept.yaml"
    text = GREET.read_text().replace("name: greet", "name: kept")
    file.write_text(text)
    platform.acr("push", str(file))
    file.write_text(f'{text}examples: {{busy: {{name: " Grace "}}}}\n')
    pushed = json.loads(platform.acr("push", str(file), "--json").stdout)
    assert "v1" in str(pushed) or '"version": 1' in json.dumps(pushed)  # no other version
    for workflow in ("kept", str(file)):
        answer = platform.acr("run", workflow, "--example", "busy")
        assert json.loads(answer.stdout) == {"result": "Hello GRACE, welcome to arcrun."}
    wrong = platform.acr("run", "kept", "--example", "bsuy")
    assert (wrong.returncode, "Did you mean `busy`?" in wrong.stderr) == (1, True)


def test_run_as_json_prints_the_whole_answer(platform: LocalPlatform) -> None:
    answer = json.loads(platform.acr("run", str(GREET), "--input", '{"name": "A"}', "--json").stdout)
    assert set(answer) == {"success", "data", "run_id", "duration_ms", "trace"}
    assert [entry["status"] for entry in answer["trace"]] == ["success"] * 3


def test_a_broken_workflow_is_reported_with_places_and_hints(platform: LocalPlatform, tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN)
    result = platform.acr("push", str(file))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{file}:3:5: error UNKNOWN_RELATION" in result.stderr
    assert f"{file}:4:5: error MALFORMED_LINE" in result.stderr
    assert "Did you mean ON_SUCCESS?" in result.stderr


def test_a_failing_run_exits_with_1_and_shows_where(platform: LocalPlatform) -> None:
    result = platform.acr("run", str(GREET), "--input", "{}")
    assert result.returncode == 1
    assert "UNRESOLVED_REFERENCE" in result.stderr
    assert "tidy" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        pytest.param(["run", "nowhere"], {}, 1, "WORKFLOW_NOT_FOUND", id="unknown name"),
        pytest.param(["run", "greet", "--input", "{"], {}, 2, "not JSON", id="input that is not JSON"),
        pytest.param(["run", "greet", "--example", "busy"], {}, 1, "NO_EXAMPLE", id="an example that it has not"),
        pytest.param(["run", "greet", "--example", "a", "--input", "{}"], {}, 2, "is an input", id="two inputs"),
        pytest.param(["run", "greet", "--input", "NaN"], {}, 2, "not JSON: NaN is not JSON", id="input of NaN"),
        pytest.param(
            ["run", "greet", "--input", '{"a":1e400}'],
            {},
            2,
            "too large for a double: 1e400",
            id="input beyond a double",
        ),
        pytest.param(["run", "greet", "--input", "9" * 5000], {}, 2, "640 digits", id="input of too many digits"),
        pytest.param(["run", "greet", "--input", "[" * 9999], {}, 2, "deeper than 128", id="input that is too deep"),
        pytest.param(["run", "greet", "--input", "@/no/file"], {}, 2, "No such file", id="input file missing"),
        pytest.param(["run", "greet", "--timeout-ms", "0"], {}, 2, "range", id="no time at all"),
        pytest.param(["run", str(GREET), "--async"], {}, 2, "acr push", id="async needs a stored workflow"),
        pytest.param(["run", "nowhere", "--async"], {}, 1, "WORKFLOW_NOT_FOUND", id="async, unknown name"),
        pytest.param(["push", "/no/file"], {}, 2, "does not exist", id="file missing"),
        pytest.param(["fly"], {}, 2, "No such command", id="unknown command"),
        pytest.param(["run", "greet"], {"ARCRUN_API_KEY": "wrong"}, 4, "refused the API key", id="wrong key"),
        pytest.param(
            ["run", "greet"], {"ARCRUN_API_KEY": "", "ARCRUN_URL": "http://127.0.0.1:1"}, 4, "No API key", id="no key"
        ),
        pytest.param(["run", "greet"], {"ARCRUN_URL": "http://127.0.0.1:1"}, 1, "does not answer", id="nobody there"),
    ],
)
def test_each_failure_has_its_exit_code_and_message(
    platform: LocalPlatform, arguments: list[str], environment: dict[str, str], code: int, message: str
) -> None:
    result = platform.acr(*arguments, **environment)
    assert (result.returncode, message in result.stderr, "Traceback" in result.stderr) == (code, True, False)


ECHO = """name: echo
flow:
  - "input >> ON_SUCCESS >> tell"
config:
  tell: {component: set, values: {text: "{{input.text}}"}}
"""


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["for people", "as JSON"])
def test_a_lone_surrogate_makes_the_round_trip(platform: LocalPlatform, tmp_path: Path, flags: tuple[str, ...]) -> None:
    file = tmp_path / "echo.yaml"
    file.write_text(ECHO)
    result = platform.acr("run", str(file), "--input", '{"text": "a\\ud800b"}', *flags)
    assert "Traceback" not in result.stderr
    assert "a\\ud800b" in result.stdout + result.stderr


def test_without_a_target_the_next_step_is_named(tmp_path: Path) -> None:
    environment = {"ACR_CONFIG_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([str(ACR), "run", "x"], env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, "acr dev" in result.stderr) == (4, True)
