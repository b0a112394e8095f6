"""Proves which credentials a config names, that its record has references only, and that data is not taken for one."""

from typing import Any

import pytest

from arcrun.credentials.record import build_missing_error
from arcrun.credentials.references import CredentialReference, build_mask, find_references, reveal_references
from arcrun.errors import ArcrunError, TemplateError
from arcrun.workflows.templates import compile_value

pytestmark = pytest.mark.anyio

STORED = {"token": "s3cret", "my-key": "k3y"}


async def reveal(name: str) -> str:
    if name not in STORED:
        raise build_missing_error(name)
    return STORED[name]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({"a": "{{credential.token}}"}, [("token", False)], id="whole"),
        pytest.param({"a": ["Bearer {{ creds.token }}!"]}, [("token", False)], id="within a text in a list"),
        pytest.param({"a": '{{credential["my-key"]}} {{creds.my-key}}'}, [("my-key", False)], id="quoted, twice"),
        pytest.param({"a": "{{creds.token?}}"}, [("token", True)], id="optional"),
        pytest.param({"a": '{{creds.token | default("x")}}'}, [("token", True)], id="with a default"),
        pytest.param({"a": "{{creds.token?}}", "b": "{{creds.token}}"}, [("token", False)], id="optional once"),
        pytest.param({"a": "{{input.credential.token}} credential.x {{credentials.y}}"}, [], id="none of those"),
        pytest.param({"a": 1, "b": None}, [], id="no texts"),
    ],
)
def test_what_a_config_names(config: Any, expected: list[tuple[str, bool]]) -> None:
    assert find_references(config) == tuple(CredentialReference(*item) for item in expected)


async def test_the_record_has_the_reference_and_the_component_the_secret() -> None:
    config = {"header": "Bearer {{credential.token}}", "from": "{{input.text}}", "none": "{{creds.gone?}}"}
    references, resolve = find_references(config), compile_value(config)
    scope = {"input": {"text": "{{credential.token}}"}}
    recorded = resolve({**scope, **build_mask(references)})
    given = resolve({**scope, **await reveal_references(references, reveal)})
    assert recorded == {
        "header": "Bearer {{credential.token}}",
        "from": "{{credential.token}}",
        "none": "{{credential.gone}}",
    }
    assert given == {"header": "Bearer s3cret", "from": "{{credential.token}}", "none": None}


async def test_a_missing_one_names_key_and_node() -> None:
    with pytest.raises(ArcrunError) as raised:
        await reveal_references(find_references("{{credential.gone}}"), reveal, node="tell")
    assert (raised.value.code, raised.value.details) == ("CREDENTIAL_MISSING", {"key": "gone", "node": "tell"})


def test_credentials_that_nobody_named_cannot_be_resolved() -> None:
    with pytest.raises(TemplateError):
        compile_value("{{credential}}{{credential.token}}")(dict(build_mask(())))
