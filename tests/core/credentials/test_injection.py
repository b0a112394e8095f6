"""The precedence of values for a field, that the recorded input stays unchanged, and that errors name the node."""

import json
from typing import Any

import pytest

from arcrun.credentials.injection import inject_credentials, name_credentials
from arcrun.credentials.record import build_missing_error
from arcrun.errors import ArcrunError
from fakes.contracts import build_contract

pytestmark = pytest.mark.anyio

CONTRACT = build_contract(
    canonical_id="telegram",
    credentials_required=[
        {"key": "telegram_bot_token", "inject_as": "bot_token", "description": "", "help_url": ""},
        {"key": "other_key", "inject_as": "other", "description": "", "help_url": ""},
    ],
)
STORED = {"telegram_bot_token": "T", "other_key": "O", "my_bot": "M"}


async def reveal(name: str) -> str:
    if name not in STORED:
        raise build_missing_error(name)
    return STORED[name]


@pytest.mark.parametrize(
    ("mapping", "config", "given", "expected"),
    [
        pytest.param({}, (), {}, {"bot_token": "T", "other": "O"}, id="the contract's own keys"),
        pytest.param(
            {"telegram_bot_token": "my_bot"}, (), {}, {"bot_token": "M", "other": "O"}, id="a name of the user's"
        ),
        pytest.param(
            {}, ("other",), {"other": "mine"}, {"bot_token": "T", "other": "mine"}, id="what the config sets is kept"
        ),
        pytest.param({}, ("other",), {"other": None}, {"bot_token": "T", "other": None}, id="even null"),
        pytest.param(
            {}, (), {"bot_token": "from the trigger"}, {"bot_token": "T", "other": "O"}, id="what merely arrived is not"
        ),
    ],
)
async def test_who_wins_a_field(
    mapping: dict[str, str], config: tuple[str, ...], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    recorded = json.dumps(given)
    injected = await inject_credentials(name_credentials(CONTRACT, mapping, config), given, reveal)
    assert injected.value == expected
    assert json.dumps(given) == recorded
    assert set(injected.secrets) == {value for value in expected.values() if value in STORED.values()}


async def test_without_credentials_the_input_is_handed_on() -> None:
    given = {"a": 1}
    injected = await inject_credentials(name_credentials(build_contract(), {}), given, reveal)
    assert (injected.value is given, injected.secrets) == (True, ())


async def test_a_missing_one_names_key_and_node() -> None:
    with pytest.raises(ArcrunError) as raised:
        await inject_credentials(name_credentials(CONTRACT, {"other_key": "gone"}), {}, reveal, node="tell")
    assert (raised.value.code, raised.value.details) == ("CREDENTIAL_MISSING", {"key": "gone", "node": "tell"})


def test_a_mapping_of_an_unknown_key_is_refused() -> None:
    with pytest.raises(ArcrunError) as raised:
        name_credentials(CONTRACT, {"telegram_bot_tokn": "my_bot"})
    assert (raised.value.code, raised.value.details["key"]) == ("UNKNOWN_KEY", "telegram_bot_tokn")
    assert "telegram_bot_token, other_key" in raised.value.next_actions[0]
