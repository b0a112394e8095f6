"""How the variables of the RunLog are read, and the total usage of its objects."""

from typing import Any

import pytest

from arcrun.errors import NotConfiguredError
from arcrun.run_log.settings import RUN_LOG_VARIABLES, RunLogSettings, read_run_log_settings
from arcrun.run_log.usage import sum_usage

GIB = 2**30


@pytest.mark.parametrize(
    ("variables", "is_free", "settings"),
    [
        pytest.param({}, False, RunLogSettings(8, 7, GIB // 8, 60_000), id="the usual"),
        pytest.param({}, True, RunLogSettings(8, 7, GIB // 8, 450_000), id="on the free plan"),
        pytest.param(
            {"RUN_LOG_OBJECTS": "2", "RUN_LOG_KEEP_DAYS": "30", "RUN_LOG_BYTES": "5000000", "VERDICT_EXPORT_S": "1"},
            True,
            RunLogSettings(2, 30, 2_500_000, 1_000),
            id="all set",
        ),
        pytest.param(dict.fromkeys(RUN_LOG_VARIABLES, ""), False, RunLogSettings(8, 7, GIB // 8, 60_000), id="empty"),
    ],
)
def test_variables_set_what_is_kept(variables: dict[str, str], is_free: bool, settings: RunLogSettings) -> None:
    assert read_run_log_settings(variables.get, is_free=is_free) == settings


def test_each_object_must_have_room() -> None:
    variables = {"RUN_LOG_BYTES": "7999999"}
    with pytest.raises(NotConfiguredError):
        read_run_log_settings(variables.get, is_free=False)
    assert read_run_log_settings({**variables, "RUN_LOG_OBJECTS": "7"}.get, is_free=False).bytes == 7_999_999 // 7


@pytest.mark.parametrize("name", RUN_LOG_VARIABLES)
@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "²", "9" * 20, " 1"])
def test_what_is_no_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(NotConfiguredError) as caught:
        read_run_log_settings({name: text}.get, is_free=False)
    assert (caught.value.code, caught.value.message.startswith(f"The variable {name} must be")) == (
        "LIMIT_INVALID",
        True,
    )


MEASURED: Any = {
    "bytes": 5,
    "most_bytes": 100,
    "runs": 40,
    "indexed": 3,
    "pruned": 7,
    "exports": 0,
    "rows": 0,
    "requests": 0,
}


def test_objects_are_added_up() -> None:
    first: Any = {**MEASURED, "exports": 2}
    usage = sum_usage([first, MEASURED], is_free=True)
    assert [(each.name, each.used, each.most) for each in usage] == [
        ("rows_written", 2 * (40 + 3 + 7), 100_000),
        ("object_requests", 80 + 2 * 5, 100_000),
        ("kv_writes", 2, 1_000),
        ("stored_bytes", 10, 200),
    ]
    counted: Any = {**MEASURED, "rows": 120, "requests": 60}
    rows, requests, *_ = sum_usage([counted, MEASURED], is_free=True)
    assert (rows.used, requests.used) == (120 + 50, 60 + 40)
    assert [each.most for each in sum_usage([MEASURED], is_free=False)] == [None, None, None, 100]
