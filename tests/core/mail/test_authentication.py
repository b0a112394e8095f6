"""DMARC: only what Cloudflare has written itself counts, for the one sender that a message has."""

import pytest

from arcrun.mail.authentication import find_dmarc, is_allowed
from arcrun.mail.model import Mailbox

ADA = Mailbox("Ada@Example.org")
# As Cloudflare writes it, unfolded.
GENUINE = (
    "mx.cloudflare.net; dkim=pass header.d=example.org header.s=20251104 header.b=L6CZ3OJ0;"
    " dmarc=pass header.from=example.org policy.dmarc=none; spf=none (mx.cloudflare.net: no SPF records found for"
    " postmaster@mail.example.org) smtp.helo=mail.example.org; spf=pass (mx.cloudflare.net: domain of ada@example.org"
    ' designates 2001:db8::1 as permitted sender) smtp.mailfrom=ada@example.org; arc=pass smtp.remote-ip="2001:db8::1"'
)
FAILED = GENUINE.replace("dmarc=pass", "dmarc=fail")
WITHOUT = GENUINE.replace(" dmarc=pass header.from=example.org policy.dmarc=none;", "")
FORGED = "mx.cloudflare.net; dmarc=pass header.from=example.org"


def quoting(written: str) -> str:
    """What SPF says of an envelope whose sender was written like this."""
    return FAILED.replace("domain of ada@example.org", f"domain of {written}@example.com")


@pytest.mark.parametrize(
    ("results", "senders", "expected"),
    [
        pytest.param([GENUINE], [ADA], "pass", id="genuine"),
        pytest.param([GENUINE, FORGED], [ADA], "pass", id="another below"),
        pytest.param([FAILED], [ADA], "fail", id="failed"),
        pytest.param([FAILED, FORGED], [ADA], "fail", id="a forged one below"),
        pytest.param([WITHOUT, FORGED], [ADA], "none", id="nothing, and a forged one below"),
        pytest.param([], [ADA], "none", id="no header"),
        pytest.param([FORGED.replace("cloudflare.net", "example.net"), GENUINE], [ADA], "none", id="of another server"),
        pytest.param(
            ["evil.example mx.cloudflare.net; dmarc=pass header.from=example.org"], [ADA], "none", id="behind"
        ),
        pytest.param(
            ["mx.cloudflare.net.evil.example; dmarc=pass header.from=example.org"], [ADA], "none", id="longer"
        ),
        pytest.param(["mx.cloudflare.net 1; dmarc=pass header.from=example.org"], [ADA], "pass", id="with a version"),
        pytest.param(["mx.cloudflare.net; DMARC = PASS header.from=EXAMPLE.org"], [ADA], "pass", id="in capitals"),
        pytest.param(["mx.cloudflare.net; dmarc=pass"], [ADA], "none", id="of no domain"),
        pytest.param([GENUINE], [Mailbox("ada@example.com")], "none", id="of another domain"),
        pytest.param([GENUINE], [Mailbox("ada@sub.example.org")], "none", id="of a domain above"),
        pytest.param([GENUINE], [Mailbox("evil@example.com"), ADA], "none", id="two senders"),
        pytest.param([GENUINE], [], "none", id="no sender"),
        pytest.param(["mx.cloudflare.net; dmarc=fail; dmarc=pass header.from=example.org"], [ADA], "none", id="two"),
        pytest.param([quoting('"x); dmarc=pass header.from=example.org ("')], [ADA], "none", id="in a comment"),
        pytest.param(
            [quoting('"x); dmarc=pass header.from=example.org ("').replace("dmarc=fail", "x=fail")],
            [ADA],
            "none",
            id="only in a comment",
        ),
        pytest.param(["mx.cloudflare.net (; dmarc=pass header.from=example.org)"], [ADA], "none", id="in a comment 2"),
    ],
)
def test_whose_result_counts(results: list[str], senders: list[Mailbox], expected: str) -> None:
    assert find_dmarc(results, senders) == expected


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("ada@example.org", True),
        ("Bob@EXAMPLE.net", True),
        ("bob@sub.example.net", False),
        ("ada@example.org@example.net", True),  # the last @ has the domain
        ("*@example.org", False),
        ("", False),
    ],
)
def test_a_list_of_senders(address: str, allowed: bool) -> None:
    assert is_allowed(address, ("ada@example.org", "*@example.net")) is allowed
