"""Proves that the address of a tenant's workflow leads to that tenant alone, and shows nobody whose it is."""

import pytest

from arcrun.accounts.mail_tags import ID_CHARACTERS, OWN_CHARACTERS, MailTags
from arcrun.accounts.model import derive_tenant_id
from arcrun.errors import NotConfiguredError
from arcrun.limits import MAX_TENANT_MAILBOX_CHARACTERS
from arcrun.mail.addresses import build_tag, parse_address, render_address
from fakes.auth import MASTER_KEY

A, B = derive_tenant_id("a"), derive_tenant_id("b")
TOKEN, OTHER_TOKEN = "0" * 96, "1" * 96
TAGS = MailTags(MASTER_KEY)
TAG = TAGS.build("orders", TOKEN, A)


def test_a_tag_says_whose_it_is_and_survives_a_mail_server() -> None:
    address = render_address("orders", TAG, "example.net")
    assert parse_address(address.upper()) == ("orders", TAG)
    assert TAGS.read_tenant("orders", TAG) == A
    assert TAGS.build("orders", TOKEN, A) == TAG


def test_the_longest_name_fits_into_a_mailbox() -> None:
    assert MAX_TENANT_MAILBOX_CHARACTERS + 1 + OWN_CHARACTERS + ID_CHARACTERS == 64
    assert len(TAG) == OWN_CHARACTERS + ID_CHARACTERS


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(TAGS.build("invoices", TOKEN, A), id="another-workflow"),
        pytest.param(TAGS.build("orders", OTHER_TOKEN, A), id="another-token"),
        pytest.param(
            MailTags("b3RoZXItbWFzdGVyLWtleS1vZi0zMi1ieXRlcy0uLi4=").build("orders", TOKEN, A), id="another-key"
        ),
    ],
)
def test_the_id_is_hidden_by_other_bytes_in_each_tag(other: str) -> None:
    assert other[OWN_CHARACTERS:] != TAG[OWN_CHARACTERS:]
    assert A.removeprefix("tn_") not in TAG


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        pytest.param("orders", TAG[:-1] + ("a" if TAG[-1] != "a" else "e"), id="last-character"),
        pytest.param("orders", ("a" if TAG[0] != "a" else "b") + TAG[1:], id="first-character"),
        pytest.param("others", TAG, id="another-name"),
        pytest.param(
            "orders", TAGS.build("orders", OTHER_TOKEN, B)[:OWN_CHARACTERS] + TAG[OWN_CHARACTERS:], id="mixed"
        ),
    ],
)
def test_a_changed_address_leads_to_nobody_who_is_known(name: str, tag: str) -> None:
    assert TAGS.read_tenant(name, tag) not in (A, B)


@pytest.mark.parametrize(
    "tag",
    ["", "a", build_tag(TOKEN), TAG[:-1], f"{TAG}a", f"{TAG[:-1]}1", f"{TAG[:-1]}=", f"{TAG[:-1]}é", f"{TAG[:-1]}b"],
)
def test_what_is_no_tag_of_a_tenant(tag: str) -> None:
    assert TAGS.read_tenant("orders", tag) is None


def test_without_a_master_key_there_is_none() -> None:
    with pytest.raises(NotConfiguredError):
        MailTags(None).build("orders", TOKEN, A)
