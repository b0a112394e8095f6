"""Which hosts count as public, in every spelling of an address that `fetch` accepts."""

import pytest

from arcrun.wasm.network_address import is_public_host
from fixtures.addresses import FORBIDDEN


@pytest.mark.parametrize("host", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_is_not_public(host: str) -> None:
    assert not is_public_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("example.com", "EXAMPLE.com.", "a-b.example", "xn--bcher-kva.example", "bücher.example", "名.example"),
        *("1.1.1.1", "8.8.8.8", "0x08080808", "134744072", "172.32.0.1", "11.0.0.1", "100.128.0.1"),
        *("168.63.129.15", "192.0.1.1", "192.88.98.1", "198.20.0.1", "223.255.255.255"),
        *("2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:200::1"),
        *("2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1", "3ffe::1"),
        *(
            "localhost.example",
            "mylocalhost.example",
            "metadata.example",
            "internal.example.com",
            "127.0.0.1.example.com",
            "7f.example",
            "1password.com",
        ),
    ],
)
def test_what_is_public(host: str) -> None:
    assert is_public_host(host)
