"""Proves that names in a tenant's RunLog can be compared, and read with its key alone."""

import base64

import pytest

from arcrun.errors import DecryptionError
from arcrun.run_log.sealed_names import SealedNames
from fakes.ports.cipher import DeskCipher

pytestmark = pytest.mark.anyio

KEY, OTHER = b"k" * 32, b"o" * 32
NAMES = ["pay", "a name with spaces", "日本語", "lone \ud800 surrogate", "x" * 10_000]


@pytest.mark.parametrize("name", NAMES)
async def test_equal_names_are_sealed_equally_and_read_again(name: str) -> None:
    sealed = await SealedNames(KEY, DeskCipher).seal(name)
    assert await SealedNames(KEY, DeskCipher).seal(name) == sealed
    assert await SealedNames(KEY, DeskCipher).open(sealed) == name
    assert name.encode("utf-8", "surrogatepass") not in base64.urlsafe_b64decode(sealed)


async def test_each_tenant_seals_in_its_own_way() -> None:
    sealed = {await SealedNames(key, DeskCipher).seal("pay") for key in (KEY, OTHER)}
    assert len(sealed) == 2


async def test_the_empty_name_says_that_there_is_none() -> None:
    names = SealedNames(KEY, DeskCipher)
    assert (await names.seal(""), await names.open("")) == ("", "")


@pytest.mark.parametrize("damage", ["other key", "changed", "no base64", "too short"])
async def test_what_is_not_the_tenants_cannot_be_read(damage: str) -> None:
    sealed = await SealedNames(OTHER if damage == "other key" else KEY, DeskCipher).seal("pay")
    damaged = {"changed": f"A{sealed[1:]}", "no base64": "é", "too short": sealed[:8]}
    with pytest.raises(DecryptionError):
        await SealedNames(KEY, DeskCipher).open(damaged.get(damage, sealed))
