"""Proves that a webhook's request is accepted with a genuine signature only: each service's request as documented, with
tampered twins, replayed, and under two secrets; and that nothing that a caller sends costs unbounded work.
"""

import base64
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from arcrun.errors import ArcrunError, CredentialError, SignatureError, UpstreamError
from arcrun.limits import MAX_SIGNATURES
from arcrun.signatures.handshakes import Handshake
from arcrun.signatures.policy import Scheme, VerifyPolicy
from arcrun.signatures.received import ReceivedRequest
from arcrun.signatures.twilio import FORM, _join_fields
from arcrun.signatures.verification import verify_request
from fakes.ports.crypto import DeskCrypto
from fixtures.signed_requests import (
    EXAMPLES,
    NOW_S,
    STANDARD_SECRET,
    STANDARD_SIGNATURE,
    Example,
    discord,
    in_base64,
    policy,
    post,
    sign,
    standard_webhooks,
)

pytestmark = pytest.mark.anyio
BY_ID = {example.id: example for example in EXAMPLES}
REFUSALS = {"SIGNATURE_MISSING", "SIGNATURE_MALFORMED", "SIGNATURE_EXPIRED", "SIGNATURE_INVALID"}
WRONG_TIMES = [
    "",
    "0",
    f"0{NOW_S}",
    f"+{NOW_S}",
    f"{NOW_S}.0",
    "1e9",
    "١٦١٤٢٦٥٣٣٠",
    "1" * 4000,
    "-1",
    "1_614_265_3",
    "nan",
]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[example.id for example in EXAMPLES])


async def verify(
    example: Example, secrets: dict[str, str] | None = None, crypto: DeskCrypto | None = None
) -> Handshake | None:
    stored = {"secret": example.secret, "token": "verify-me"} if secrets is None else secrets

    async def reveal(name: str) -> str:
        if name not in stored:
            raise CredentialError(f"The credential `{name}` is not stored.")
        if stored[name] == "unreachable":
            raise UpstreamError("KV failed.", code="STORAGE_FAILED")
        return stored[name]

    crypto = crypto or DeskCrypto()
    return await verify_request(example.policy, example.request, example.now_ms, reveal, crypto)


async def code_of(example: Example, secrets: dict[str, str] | None = None) -> str:
    try:
        await verify(example, secrets)
    except ArcrunError as error:
        return error.code
    return "accepted"


@each_example
async def test_a_genuine_request_is_accepted(example: Example) -> None:
    assert await verify(example) is None


@each_example
async def test_a_tampered_body_is_refused(example: Example) -> None:
    expected = "SIGNATURE_INVALID" if example.signs_body else "accepted"
    tampered = example.change(body=example.request.body.replace(b"1", b"2") + b" ")
    assert await code_of(tampered) == expected


@each_example
async def test_a_tampered_signature_is_refused(example: Example) -> None:
    name = example.signed[0]
    value = example.header(name).partition(",v0=")[0]
    at = -4  # not its last character, of which base64 uses some bits only
    other = value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
    assert await code_of(example.change_header(name, other)) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("example", [it for it in EXAMPLES if it.is_timed], ids=lambda example: example.id)
async def test_a_tampered_time_is_refused(example: Example) -> None:
    name = next((name for name in example.signed if "time" in name), "stripe-signature")
    later = example.header(name).replace(str(example.now_s), str(example.now_s + 1))
    assert later != example.header(name)
    assert await code_of(example.change_header(name, later)) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("example", [it for it in EXAMPLES if it.signs_url], ids=lambda example: example.id)
async def test_a_tampered_url_is_refused(example: Example) -> None:
    assert await code_of(example.change(query=f"{example.request.query}&a=1")) == "SIGNATURE_INVALID"
    assert await code_of(example.change(query="")) in ("SIGNATURE_INVALID", "SIGNATURE_MISSING")


@each_example
async def test_another_secret_is_refused(example: Example) -> None:
    other = {
        Scheme.DISCORD: "00" * 32,
        Scheme.STANDARD_WEBHOOKS: STANDARD_SECRET[:-1] + "g",
        Scheme.BASIC: "Aladdin:other",
    }.get(example.policy.scheme, "other")
    assert await code_of(example, {"secret": other}) == "SIGNATURE_INVALID"


@each_example
async def test_a_request_without_its_signature_is_refused_before_any_work(example: Example) -> None:
    bare = example.change(
        headers=[(key, value) for key, value in example.request.headers if key.lower() not in example.signed]
    )
    crypto = DeskCrypto()
    with pytest.raises(SignatureError) as caught:
        await verify(bare, {}, crypto)  # no secret is looked up
    assert (caught.value.code, caught.value.http_status, crypto.calls) == ("SIGNATURE_MISSING", 401, 0)


@each_example
async def test_a_repeated_signature_is_refused_unless_it_may_be_a_list(example: Example) -> None:
    name = example.signed[0]
    again = example.change(headers=[*example.request.headers, (name.upper(), example.header(name))])
    is_list = example.policy.scheme in (Scheme.STRIPE, Scheme.STANDARD_WEBHOOKS)
    expected = "SIGNATURE_MALFORMED"
    if is_list:  # two times are ambiguous, two signatures are not
        expected = "SIGNATURE_MALFORMED" if example.policy.scheme is Scheme.STRIPE else "accepted"
    assert await code_of(again) == expected


@pytest.mark.parametrize("seconds", [301, -301, 86_400 * 365])
@each_example
async def test_a_replayed_request_is_refused_where_the_scheme_has_a_time(example: Example, seconds: int) -> None:
    later = replace(example, now_s=example.now_s + seconds)
    assert await code_of(later) == ("SIGNATURE_EXPIRED" if example.is_timed else "accepted")


@pytest.mark.parametrize("seconds", [299, -299])
@each_example
async def test_a_clock_that_differs_a_little_is_accepted(example: Example, seconds: int) -> None:
    assert await code_of(replace(example, now_s=example.now_s + seconds)) == "accepted"


@each_example
async def test_the_window_may_be_set(example: Example) -> None:
    wide = replace(example, policy=replace(example.policy, tolerance_s=3_600), now_s=example.now_s + 3_590)
    assert await code_of(wide) == "accepted"
    narrow = replace(example, policy=replace(example.policy, tolerance_s=10), now_s=example.now_s + 15)
    assert await code_of(narrow) == ("SIGNATURE_EXPIRED" if example.is_timed else "accepted")


@pytest.mark.parametrize(
    "time",
    [
        "",
        "0",
        f"0{NOW_S}",
        f"+{NOW_S}",
        f"{NOW_S}.0",
        f"{NOW_S}e0",
        "١٦١٤٢٦٥٣٣٠",
        "1" * 4000,
        "-1",
        "1_614_265_3",
        "nan",
    ],
)
@pytest.mark.parametrize("id_", ["stripe", "slack", "discord", "standard_webhooks", "hmac"])
async def test_a_time_is_seconds_in_ten_digits(id_: str, time: str) -> None:
    example = BY_ID[id_]
    name = next(name for name in (*example.signed, "stripe-signature") if "time" in name or name == "stripe-signature")
    value = f"t={time},v1={'0' * 64}" if id_ == "stripe" else time
    assert await code_of(example.change_header(name, value)) == "SIGNATURE_MALFORMED"


@each_example
async def test_of_two_secrets_either_will_do(example: Example) -> None:
    rotating = replace(example, policy=replace(example.policy, credentials=("new", "old")))
    other = {Scheme.DISCORD: "00" * 32, Scheme.BASIC: "a:b", Scheme.STANDARD_WEBHOOKS: "whsec_AAAA"}
    fresh = other.get(example.policy.scheme, "fresh")
    for secrets in ({"new": example.secret, "old": fresh}, {"new": fresh, "old": example.secret}):
        crypto = DeskCrypto()
        assert await verify(rotating, secrets, crypto) is None
        assert crypto.calls <= 2 * 2 * MAX_SIGNATURES
    assert await code_of(rotating, {"new": fresh, "old": fresh}) == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        pytest.param({"new": "genuine"}, "accepted", id="the other is deleted already"),
        pytest.param({"old": "wrong"}, "SIGNATURE_INVALID", id="the new one is not stored yet"),
        pytest.param({}, "CREDENTIAL_MISSING", id="neither is stored"),
        pytest.param({"new": "", "old": ""}, "CREDENTIAL_UNUSABLE", id="both are empty"),
        pytest.param({"new": "unreachable", "old": "genuine"}, "accepted", id="one cannot be reached"),
        pytest.param({"new": "unreachable", "old": "wrong"}, "STORAGE_FAILED", id="one of both cannot be reached"),
    ],
)
async def test_a_secret_that_is_not_there_leaves_the_question_to_the_other(
    secrets: dict[str, str], expected: str
) -> None:
    example = replace(BY_ID["github"], policy=VerifyPolicy(Scheme.GITHUB, ("new", "old")))
    stored = {name: example.secret if secret == "genuine" else secret for name, secret in secrets.items()}
    assert await code_of(example, stored) == expected


@pytest.mark.parametrize(
    ("id_", "secret"),
    [
        ("discord", "not hex"),
        ("discord", "00" * 31),
        ("standard_webhooks", "whsec_ä"),
        ("standard_webhooks", "whsec_"),
        ("standard-ed25519", "whpk_AAAA"),
        ("basic", "no colon"),
        ("github", ""),
        ("telegram", ""),
    ],
)
async def test_an_unusable_secret_is_the_owner_s_to_mend(id_: str, secret: str) -> None:
    with pytest.raises(ArcrunError) as caught:
        await verify(BY_ID[id_], {"secret": secret})
    assert (caught.value.code, caught.value.http_status) == ("CREDENTIAL_UNUSABLE", 503)
    assert secret in ("", "whsec_") or secret not in str(caught.value.to_json())


@given(data=st.data())
async def test_one_changed_byte_of_what_is_signed_is_refused(data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(EXAMPLES))
    if example.id == "stripe":  # its v0 is not looked at
        example = example.change_header("stripe-signature", example.header("stripe-signature").partition(",v0=")[0])
    parts = [f"header {name}" for name in example.signed]
    parts += ["body"] if example.signs_body else []
    parts += [name for name in ("path", "query") if example.signs_url and getattr(example.request, name)]
    part = data.draw(st.sampled_from(parts))
    if part == "body":
        changed = example.change(body=_change(data, example.request.body))
        if example.policy.scheme is Scheme.TWILIO and FORM in example.header("content-type"):
            assume(_is_other_form(example.request.body, changed.request.body))
    elif part.startswith("header "):
        name = part.removeprefix("header ")
        value = example.header(name)
        start = value.find(" ") + 1 if example.policy.scheme is Scheme.BASIC else 0
        other = value[:start] + _change(data, value[start:].encode()).decode("latin-1")
        assume(other.strip().lower() != value.lower() or _is_base64(example))
        changed = example.change_header(name, other)
    else:
        before = getattr(example.request, part).encode()
        changed = example.change(**{part: _change(data, before).decode("latin-1")})
        if (
            example.policy.scheme is Scheme.TWILIO and part == "path"
        ):  # another path may be a proxy's, if it is all of it
            changed = replace(changed, policy=replace(changed.policy, url="https://mycompany.com"))
    assert await code_of(changed) in REFUSALS


def _change(data: st.DataObject, content: bytes) -> bytes:
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    return content[:at] + bytes([byte]) + content[at + 1 :]


def _is_other_form(one: bytes, other: bytes) -> bool:
    try:
        return _join_fields(one) != _join_fields(other)
    except SignatureError:
        return True


def _is_base64(example: Example) -> bool:
    return example.policy.scheme not in (Scheme.GITHUB, Scheme.META, Scheme.STRIPE, Scheme.SLACK, Scheme.DISCORD) and (
        example.id != "hmac-sha1"
    )


@given(example=st.sampled_from(EXAMPLES), value=st.text(max_size=300), name_at=st.integers(0, 2))
async def test_whatever_a_header_has_the_request_is_accepted_or_refused(
    example: Example, value: str, name_at: int
) -> None:
    name = example.signed[name_at % len(example.signed)]
    assume(value != example.header(name))
    assert await code_of(example.change_header(name, value)) in REFUSALS


@pytest.mark.parametrize("family", ["stripe", "standard"])
async def test_many_signatures_take_little_work(family: str) -> None:
    crypto = DeskCrypto()
    if family == "stripe":
        example = BY_ID["stripe"].change_header("stripe-signature", f"t={NOW_S}," + ",".join(["v1=0"] * 20))
    else:
        example = standard_webhooks("many", " ".join([STANDARD_SIGNATURE] * 20))
    assert await code_of(example) == "SIGNATURE_MALFORMED"
    long = example.change_header(example.signed[0], "v1=0," * 100_000)
    assert await code_of(long) == "SIGNATURE_MALFORMED"
    assert crypto.calls == 0


async def test_several_signatures_of_which_one_is_right_are_accepted() -> None:
    stripe = BY_ID["stripe"]
    rolled = stripe.header("stripe-signature").replace(",v1=", f",v1={'0' * 64}, v1=")
    assert await code_of(stripe.change_header("stripe-signature", rolled)) == "accepted"
    several = f"v1,{in_base64(b'x' * 32)} v2,abc v1a,broken {STANDARD_SIGNATURE}"
    assert await code_of(standard_webhooks("several", several)) == "accepted"
    split = standard_webhooks("split", f"v1,{in_base64(b'x' * 32)}")
    assert await code_of(split.change(headers=[*split.request.headers, ("webhook-signature", STANDARD_SIGNATURE)])) == (
        "accepted"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"query": ""}, "SIGNATURE_INVALID", id="another query"),
        pytest.param({"path": "/other"}, "SIGNATURE_INVALID", id="another path"),
        pytest.param({"body": b"Digits"}, "SIGNATURE_MALFORMED", id="a field without a value"),
        pytest.param({"body": b"a=1&" * 1_001}, "SIGNATURE_MALFORMED", id="many fields"),
        pytest.param({"body": b"a=" + b"1" * 300_000}, "SIGNATURE_MALFORMED", id="a long form"),
        pytest.param({"body": b"%=%zz&a=%ff"}, "SIGNATURE_INVALID", id="broken escapes"),
    ],
)
async def test_twilio_signs_url_and_fields(changes: dict[str, object], expected: str) -> None:
    assert await code_of(BY_ID["twilio-origin"].change(**changes)) == expected


@pytest.mark.parametrize(
    ("url", "rest", "expected"),
    [
        ("https://mycompany.com/myapp.php", "", "accepted"),
        ("https://mycompany.com/myapp.php/sms", "", "SIGNATURE_INVALID"),
        ("https://mycompany.com/proxied/myapp.php", "", "proxied"),
        ("https://mycompany.com/proxied/myapp.php", "/more", "SIGNATURE_INVALID"),
    ],
)
async def test_twilio_s_path_is_the_request_s_or_that_of_a_proxy(url: str, rest: str, expected: str) -> None:
    example = BY_ID["twilio"].change(rest=rest)
    if "proxied" in url:
        fields = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
        signature = in_base64(sign("12345", f"{url}?foo=1&bar=2{fields}".encode(), "sha1"))
        example = example.change_header("x-twilio-signature", signature)
    found = await code_of(replace(example, policy=replace(example.policy, url=url)))
    assert found == ("accepted" if expected == "proxied" else expected)


@pytest.mark.parametrize("query", ["", "foo=1&bar=2", "bodySHA256=00", "bodySHA256=" + "0" * 64])
async def test_a_body_that_twilio_did_not_sign_is_refused(query: str) -> None:
    expected = "SIGNATURE_INVALID" if query.endswith("0" * 64) else "SIGNATURE_MISSING"
    assert await code_of(BY_ID["twilio-json"].change(query=query)) == expected
    as_form = BY_ID["twilio-json"].change_header("content-type", FORM)
    assert await code_of(as_form) in ("SIGNATURE_INVALID", "SIGNATURE_MALFORMED")


SLACK_CHALLENGE = b'{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2r","type":"url_verification"}'


def slack(body: bytes) -> Example:
    digest = sign("signing", b"v0:%d:%s" % (NOW_S, body)).hex()
    headers = {"X-Slack-Request-Timestamp": str(NOW_S), "X-Slack-Signature": f"v0={digest}"}
    return Example("slack", policy(Scheme.SLACK), "signing", post(body, headers), ("x-slack-signature",), is_timed=True)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        pytest.param(slack(SLACK_CHALLENGE), (200, '{"challenge": "3eZbrw1aBm2r"}'), id="slack"),
        pytest.param(slack(b'{"type":"event_callback","text":"url_verification"}'), None, id="slack: an event"),
        pytest.param(slack(b'{"type":"url_verification","challenge":[]}'), None, id="slack: no challenge"),
        pytest.param(slack(b"url_verification[" * 5_000), None, id="slack: no JSON"),
        pytest.param(discord(b'{"type":1,"id":"1","token":"t","version":1}'), (200, '{"type": 1}'), id="discord"),
        pytest.param(discord(b'{"type":0,"version":1,"application_id":"1"}'), (204, ""), id="discord: webhook events"),
        pytest.param(discord(b'{"type":1,"event":{"type":"ENTITLEMENT_CREATE"}}'), None, id="discord: an event"),
        pytest.param(discord(b'{"type":true}'), None, id="discord: no type"),
        pytest.param(discord(b"[1]"), None, id="discord: no object"),
        pytest.param(discord(b"\xff"), None, id="discord: no text"),
    ],
)
async def test_a_handshake_is_answered_if_its_signature_holds(
    example: Example, expected: tuple[int, str] | None
) -> None:
    answer = await verify(example)
    assert (answer and (answer.status, answer.body)) == expected
    assert await code_of(example.change(body=example.request.body + b" ")) == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me", "1158201444"),
        ("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-mE", "SIGNATURE_INVALID"),
        ("hub.mode=subscribe&hub.challenge=1158201444", "SIGNATURE_MISSING"),
        ("hub.mode=subscribe&hub.challenge=<script>&hub.verify_token=verify-me", "SIGNATURE_MALFORMED"),
        ("&".join(["a=1"] * 50), "SIGNATURE_MISSING"),
        ("", "SIGNATURE_MISSING"),
    ],
)
async def test_meta_s_handshake_needs_its_verify_token(query: str, expected: str) -> None:
    example = BY_ID["meta"].change(method="GET", query=query, body=b"", headers=[])
    if expected.isdecimal():
        assert await verify(example) == Handshake(200, "text/plain; charset=utf-8", expected)
    else:
        assert await code_of(example) == expected
    without = replace(example, policy=replace(example.policy, verify_token=""))
    assert await code_of(without) == "SIGNATURE_MISSING"


@each_example
def test_a_policy_is_stored_in_a_plan_and_loaded_again(example: Example) -> None:
    assert VerifyPolicy.load(example.policy.to_json()) == example.policy


def test_a_policy_s_stored_form_has_what_is_not_the_default() -> None:
    assert policy(Scheme.GITHUB).to_json() == {"scheme": "github", "credentials": ["secret"]}


async def test_headers_are_found_in_any_case() -> None:
    github = BY_ID["github"]
    shouted = [(name.upper(), value) for name, value in github.request.headers]
    assert await code_of(github.change(headers=shouted)) == "accepted"
    digits = github.header("x-hub-signature-256").upper().replace("SHA256", "sha256")
    assert await code_of(github.change_header("x-hub-signature-256", digits)) == "accepted"


def test_the_fixture_s_ed25519_key_is_one() -> None:
    assert len(base64.b64decode(STANDARD_SECRET.removeprefix("whsec_"))) == 24
    assert isinstance(discord(b"{}").request, ReceivedRequest)
