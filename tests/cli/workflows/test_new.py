"""`acr new` writes the examples as new workflows: valid, tested, and never over another file."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import RunAcr

from acr.config.platform_home import find_platform_home
from acr.workflows.templates import Templates
from workerd.local_platform import ROOT

NAMES = Templates(find_platform_home()).names
TESTED = [
    "contact_form",
    "daily_digest",
    "failure_alarm",
    "feed_to_chat",
    "first_order",
    "greet",
    "health_alarm",
    "invoice_mail",
    "nightly_report",
    "overdue_invoices",
    "page_watch",
    "report_by_mail",
    "support_triage",
]


def read_data(run_acr: RunAcr, *arguments: str) -> dict[str, Any]:
    said = run_acr("new", *arguments, "--json")
    assert said.code == 0, said
    data: dict[str, Any] = json.loads(said.stdout)["data"]
    return data


def read_error(run_acr: RunAcr, *arguments: str) -> tuple[str, str]:
    said = run_acr("new", *arguments, "--json")
    assert said.code == 1, said
    error = json.loads(said.stdout)["error"]
    return error["code"], " ".join(error["next_actions"])


def test_without_a_template_it_lists_them_with_what_they_need(run_acr: RunAcr) -> None:
    templates = {template["name"]: template for template in read_data(run_acr)["templates"]}
    assert [*templates] == NAMES
    assert len(NAMES) == 27
    alarm, overdue = templates["health_alarm"], templates["overdue_invoices"]
    [bot] = alarm["credentials"]
    assert (bot["name"], bot["help_url"]) == (
        "telegram_bot_token",
        "https://core.telegram.org/bots/features#botfather",
    )
    assert (alarm["description"], alarm["calls"], alarm["has_test"]) == (
        "Raise an alarm when a service is down.",
        [],
        True,
    )
    assert [need["name"] for need in overdue["credentials"]] == ["accounting_token", "google_oauth"]
    assert overdue["calls"] == ["send_reminder"]
    assert [need["name"] for need in templates["daily_digest"]["credentials"]] == ["shop_google"]  # as it is mapped
    listed = run_acr("new").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["template", *NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_what_it_writes_is_valid_and_passes_its_test(run_acr: RunAcr, name: str) -> None:
    data = read_data(run_acr, name)
    written = [f"{name}.yaml", *([f"{name}.test.yaml"] if name in TESTED else [])]
    assert data["files"] == [*written, *(["send_reminder.yaml"] if name == "overdue_invoices" else [])]
    assert Path(f"{name}.yaml").read_text() == (ROOT / f"examples/workflows/{name}.yaml").read_text()
    assert run_acr("validate", ".").code == 0
    assert run_acr("test").code == (0 if name in TESTED else 1)


def test_a_new_workflow_has_the_name_and_the_file_that_were_asked_for(run_acr: RunAcr) -> None:
    assert read_data(run_acr, "greet", "--name", "welcome")["files"] == ["welcome.yaml", "welcome.test.yaml"]
    assert Path("welcome.test.yaml").read_text().startswith("# Tests of welcome.yaml: acr test welcome.test.yaml\n")
    Path("flows").mkdir()
    assert read_data(run_acr, "greet", "flows/hello.yml")["name"] == "hello"
    assert read_data(run_acr, "greet", "flows/b.yaml", "--name", "c")["name"] == "c"
    for file, name in (("welcome.yaml", "welcome"), ("flows/hello.yml", "hello"), ("flows/b.yaml", "c")):
        assert f"\nname: {name}\n" in Path(file).read_text()
    assert run_acr("test", "--json").code == 0
    assert run_acr("validate", ".").code == 0


@pytest.mark.parametrize("taken", ["health_alarm.yaml", "health_alarm.test.yaml"])
def test_nothing_is_overwritten(run_acr: RunAcr, taken: str) -> None:
    Path(taken).write_text("mine")
    assert read_error(run_acr, "health_alarm")[0] == "FILE_EXISTS"
    assert (Path(taken).read_text(), [path.name for path in Path().glob("*.yaml")]) == ("mine", [taken])


def test_nothing_is_written_through_a_link(run_acr: RunAcr) -> None:
    Path("greet.yaml").symlink_to("elsewhere.yaml")
    assert read_error(run_acr, "greet")[0] == "FILE_EXISTS"
    assert not Path("elsewhere.yaml").exists()


def test_a_called_workflow_that_is_there_is_kept(run_acr: RunAcr) -> None:
    assert read_data(run_acr, "send_reminder")["files"] == ["send_reminder.yaml"]
    assert "send_reminder.yaml" not in read_data(run_acr, "overdue_invoices")["files"]
    Path("send_reminder.yaml").write_text("name: another\n")
    assert read_error(run_acr, "overdue_invoices", "more.yaml")[0] == "FILE_EXISTS"


def test_the_next_steps_are_commands_in_their_order(run_acr: RunAcr) -> None:
    assert read_data(run_acr, "overdue_invoices", "a b.yaml", "--name", "ab")["next"] == [
        "acr test 'a b.test.yaml'",
        "acr validate send_reminder.yaml 'a b.yaml'",
        "acr creds set accounting_token",
        "acr creds set google_oauth",
        "acr push send_reminder.yaml 'a b.yaml'",
    ]
    said = run_acr("new", "health_alarm").stderr
    assert said.startswith(
        "Wrote health_alarm.yaml, health_alarm.test.yaml. Raise an alarm when a service is down.\nNext"
    )
    assert said.splitlines()[-3:] == [
        "      The token of your bot, as @BotFather gives it (123456789:AbC...).",
        "      https://core.telegram.org/bots/features#botfather",
        "  acr push health_alarm.yaml",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_next_steps_are_short_lines(run_acr: RunAcr, name: str) -> None:
    assert max(map(len, run_acr("new", name).stderr.splitlines()[1:])) <= 120


def test_hyphens_stand_for_underscores(run_acr: RunAcr) -> None:
    assert read_data(run_acr, "failure-alarm")["files"] == ["failure_alarm.yaml", "failure_alarm.test.yaml"]


def test_a_misspelt_template_gets_the_nearest_name(run_acr: RunAcr) -> None:
    assert read_error(run_acr, "health_alram") == ("TEMPLATE_UNKNOWN", "Did you mean `health_alarm`? List all: acr new")
    assert read_error(run_acr, "../secret/of/another") == ("TEMPLATE_UNKNOWN", "List all: acr new")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["greet", "none/a.yaml"], 1, id="a folder that is not there"),
        pytest.param(["greet", "a.txt"], 2, id="no YAML file"),
        pytest.param(["greet", "a b.yaml"], 2, id="a file's name that is no workflow's"),
        pytest.param(["greet", "--name", "a b"], 2, id="no name"),
        pytest.param(["--name", "a"], 2, id="a name without a template"),
    ],
)
def test_what_cannot_be_written_is_refused(run_acr: RunAcr, arguments: list[str], code: int) -> None:
    assert (run_acr("new", *arguments).code, [*Path().glob("*.yaml")]) == (code, [])


def test_the_secrets_of_verify_are_among_what_a_template_needs(tmp_path: Path) -> None:
    folder = tmp_path / "examples/workflows"
    folder.mkdir(parents=True)
    (tmp_path / "components").symlink_to(find_platform_home() / "components")
    (folder / "hook.yaml").write_text(
        """name: hook
triggers: {webhook: {methods: [GET, POST], verify: {scheme: meta, credential: app_secret, verify_token: token}}}
flow: ["input >> PIPE >> said", "said >> PIPE >> output"]
config: {said: {component: set, values: {text: "{{input.text}}"}}}
"""
    )
    needed = Templates(tmp_path).read("hook").credentials
    assert [each.name for each in needed] == ["app_secret", "token"]
    assert "verify" in needed[0].description
