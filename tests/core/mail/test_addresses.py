"""Addresses of workflows: made, read in whatever case, and their tag hidden."""

import pytest

from arcrun.limits import MAX_MAILBOX_CHARACTERS
from arcrun.mail.addresses import (
    TAG_CHARACTERS,
    build_address,
    build_tag,
    hide_tag,
    is_mailbox_name,
    is_tag_of,
    parse_address,
)

TOKEN, OTHER = "a" * 32, "b" * 32


def test_an_address_leads_back_to_its_workflow() -> None:
    address = build_address("orders_2-x", TOKEN, "example.net")
    assert address == f"orders_2-x+{build_tag(TOKEN)}@example.net"
    parsed = parse_address(address.upper())
    assert parsed == ("orders_2-x", build_tag(TOKEN))
    assert is_tag_of(parsed[1], TOKEN)
    assert not is_tag_of(parsed[1], OTHER)
    assert not is_tag_of("ü", TOKEN)
    assert TOKEN not in address


def test_the_longest_name_fits_into_an_address() -> None:
    assert MAX_MAILBOX_CHARACTERS + 1 + TAG_CHARACTERS <= 64


@pytest.mark.parametrize("address", ["", "a", "a@b", "a+@b", "+t@b", "a+t", "ä+t@b", "a b+t@c", "a+t@b@c", "a+t+u@b@"])
def test_what_is_no_address_of_a_workflow(address: str) -> None:
    assert parse_address(address) is None


@pytest.mark.parametrize(
    ("name", "fits"), [("a", True), ("a-1_b", True), ("A", False), ("ä", False), ("a" * 41, False), ("", False)]
)
def test_names(name: str, fits: bool) -> None:
    assert is_mailbox_name(name) is fits


def test_the_tag_is_hidden() -> None:
    tag = build_tag(TOKEN)
    assert hide_tag(f"To: w+{tag.upper()}@x, {tag}", tag) == "To: w@x, "
    assert hide_tag("nothing", tag) == "nothing"
