"""crypto gives what the standards' examples say, and what CPython's and OpenSSL's implementations give."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

SECRET = "a secret of thirty-two bytes....."
DIGESTS = ["md5", "sha1", "sha256", "sha384", "sha512"]


def do(operation: str, **fields: Any) -> Any:
    return harness.run("crypto", {"operation": operation, **fields}).data


def fail(operation: str, **fields: Any) -> tuple[str, str]:
    error = harness.run("crypto", {"operation": operation, **fields}).error
    return error["code"], error["message"]


def b64(source: bytes) -> str:
    return base64.urlsafe_b64encode(source).rstrip(b"=").decode()


def number64(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(scalar: int = 0x1234567890ABCDEF) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(scalar, ec.SECP256R1())


def private_pem(key: Any, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> str:
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def public_pem(key: Any, form: serialization.PublicFormat = serialization.PublicFormat.SubjectPublicKeyInfo) -> str:
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def rsa_jwk(key: rsa.RSAPrivateKey, private: bool = True) -> dict[str, str]:
    parts = key.private_numbers()
    public = {"kty": "RSA", "n": number64(parts.public_numbers.n), "e": number64(parts.public_numbers.e)}
    names = {"d": parts.d, "p": parts.p, "q": parts.q, "dp": parts.dmp1, "dq": parts.dmq1, "qi": parts.iqmp}
    return {**public, **{name: number64(part) for name, part in names.items()}} if private else public


def ec_jwk(key: ec.EllipticCurvePrivateKey, private: bool = True) -> dict[str, str]:
    parts = key.private_numbers()
    point = {name: b64(getattr(parts.public_numbers, name).to_bytes(32, "big")) for name in "xy"}
    public = {"kty": "EC", "crv": "P-256", **point}
    return {**public, "d": b64(parts.private_value.to_bytes(32, "big"))} if private else public


def token(header: dict[str, Any], payload: Any, sign: Callable[[bytes], bytes]) -> str:
    message = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{message}.{b64(sign(message.encode()))}"


def mac(message: bytes) -> bytes:
    return hmac.digest(SECRET.encode(), message, "sha256")


def rsa_sign(message: bytes) -> bytes:
    return rsa_key().sign(message, padding.PKCS1v15(), hashes.SHA256())


def ec_sign(message: bytes) -> bytes:
    r, s = utils.decode_dss_signature(ec_key().sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@settings(max_examples=60, deadline=None)
@given(algorithm=st.sampled_from(DIGESTS), source=st.binary(max_size=400), key=st.binary(min_size=1, max_size=200))
def test_digests_and_macs_are_those_of_cpython(algorithm: str, source: bytes, key: bytes) -> None:
    given_bytes = {"input": source.hex(), "input_encoding": "hex", "algorithm": algorithm}
    assert do("hash", **given_bytes)["result"] == hashlib.new(algorithm, source).hexdigest()
    made = do("hmac", **given_bytes, key=base64.b64encode(key).decode(), key_encoding="base64", encoding="base64url")
    assert made["result"] == b64(hmac.digest(key, source, algorithm))
    checked = do(
        "verify_hmac", **given_bytes, key=key.hex(), key_encoding="hex", encoding="base64url", signature=made["result"]
    )
    assert checked == {"verified": True}


@pytest.mark.parametrize(
    ("key", "source", "sha256", "sha512"),
    [  # RFC 4231, sections 4.2 and 4.7
        (
            "0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
        (
            "aa" * 131, "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
            "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ),
    ],
)  # fmt: skip
def test_macs_of_the_standard(key: str, source: str, sha256: str, sha512: str) -> None:
    assert do("hmac", input=source, key=key, key_encoding="hex")["result"] == sha256
    assert do("hmac", input=source, key=key, key_encoding="hex", algorithm="sha512")["result"] == sha512


@pytest.mark.parametrize(
    "changed", [{"signature": "00" * 32}, {"signature": "00"}, {"signature": ""}, {"key": "other"}]
)
def test_an_hmac_that_differs_fails(changed: dict[str, str]) -> None:
    right = {"input": "x", "key": "k", "signature": hmac.digest(b"k", b"x", "sha256").hex()}
    assert do("verify_hmac", **right) == {"verified": True}
    assert fail("verify_hmac", **{**right, **changed})[0] == "SIGNATURE_MISMATCH"


def test_uuids_are_of_their_version_and_never_the_same() -> None:
    made = [do("uuid")["result"] for _ in range(20)]
    assert len(set(made)) == 20
    assert {uuid.UUID(each).version for each in made} == {4}
    assert {uuid.UUID(each).variant for each in made} == {uuid.RFC_4122}
    before_ms = int(time.time() * 1000)
    timed = uuid.UUID(do("uuid", version=7)["result"])
    assert (timed.int >> 76 & 15, timed.variant) == (7, uuid.RFC_4122)
    assert before_ms <= timed.int >> 80 <= int(time.time() * 1000)
    assert fail("uuid", version=5) == ("INVALID_INPUT", "`version` must be 4 or 7, not 5.")


def test_random_bytes_are_as_many_as_asked_and_never_the_same() -> None:
    assert len(do("random")["result"]) == 64
    assert len({do("random", bytes=16, encoding="base64")["result"] for _ in range(20)}) == 20
    assert len(do("random", bytes=1024)["result"]) == 2048
    assert "from 1 to 1024" in fail("random", bytes=1025)[1]


def test_the_token_of_rfc_7515_appendix_a_1() -> None:
    key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    made = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    asked = {"algorithm": "HS256", "key": {"kty": "oct", "k": key}}
    assert fail("jwt_verify", **asked, token=made) == ("JWT_EXPIRED", "The token's time `exp` is over.")
    forged = made[:-2] + ("A" if made[-2] != "A" else "B") + made[-1]
    assert fail("jwt_verify", **asked, token=forged)[0] == "JWT_INVALID"


def test_the_signature_of_rfc_7515_appendix_a_3() -> None:
    jwk = {
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }  # fmt: skip
    made = (
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    assert fail("jwt_verify", algorithm="ES256", key=jwk, token=made)[0] == "JWT_EXPIRED"
    assert fail("jwt_verify", algorithm="ES256", key={**jwk, "y": jwk["x"]}, token=made)[0] == "INVALID_KEY"
    other = ec_jwk(ec_key(), private=False)
    assert fail("jwt_verify", algorithm="ES256", key=other, token=made)[0] == "JWT_INVALID"


RSA_FORMS: dict[str, Callable[[], Any]] = {
    "PKCS #8": lambda: private_pem(rsa_key()),
    "PKCS #1": lambda: private_pem(rsa_key(), serialization.PrivateFormat.TraditionalOpenSSL),
    "JWK": lambda: rsa_jwk(rsa_key()),
    "JWK as a text": lambda: json.dumps(rsa_jwk(rsa_key())),
}
EC_FORMS: dict[str, Callable[[], Any]] = {
    "PKCS #8": lambda: private_pem(ec_key()),
    "SEC 1": lambda: private_pem(ec_key(), serialization.PrivateFormat.TraditionalOpenSSL),
    "JWK": lambda: ec_jwk(ec_key()),
}


@pytest.mark.parametrize("form", RSA_FORMS)
def test_rs256_is_what_openssl_signs(form: str) -> None:
    made = do("jwt_sign", algorithm="RS256", key=RSA_FORMS[form](), payload={"a": 1}, key_id="k1")["result"]
    message, _, signature = made.rpartition(".")
    assert signature == b64(rsa_sign(message.encode()))
    assert json.loads(base64.urlsafe_b64decode(message.split(".")[0] + "==")) == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": "k1",
    }


def test_a_private_key_without_its_primes_signs() -> None:
    jwk = {name: part for name, part in rsa_jwk(rsa_key()).items() if name in ("kty", "n", "e", "d")}
    given_key = {"algorithm": "RS256", "key": jwk, "payload": {"a": 1}}
    made = harness.run("crypto", {"operation": "jwt_sign", **given_key}, cpu_ms=harness.MUCH_MS).data["result"]
    message, _, signature = made.rpartition(".")
    assert signature == b64(rsa_sign(message.encode()))


@pytest.mark.parametrize("form", EC_FORMS)
def test_what_es256_signs_openssl_accepts(form: str) -> None:
    made = do("jwt_sign", algorithm="ES256", key=EC_FORMS[form](), payload={"a": 1})["result"]
    message, _, signature = made.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    both = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    ec_key().public_key().verify(both, message.encode(), ec.ECDSA(hashes.SHA256()))


def certificate(key: Any) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(datetime.now(UTC)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
    )  # fmt: skip
    return str(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())


VERIFYING: dict[str, tuple[str, Callable[[], Any], Callable[[bytes], bytes]]] = {
    "RSA, SubjectPublicKeyInfo": ("RS256", lambda: public_pem(rsa_key()), rsa_sign),
    "RSA, PKCS #1": ("RS256", lambda: public_pem(rsa_key(), serialization.PublicFormat.PKCS1), rsa_sign),
    "RSA, JWK": ("RS256", lambda: rsa_jwk(rsa_key(), private=False), rsa_sign),
    "RSA, certificate": ("RS256", lambda: certificate(rsa_key()), rsa_sign),
    "RSA, the private key": ("RS256", lambda: private_pem(rsa_key()), rsa_sign),
    "EC, SubjectPublicKeyInfo": ("ES256", lambda: public_pem(ec_key()), ec_sign),
    "EC, JWK": ("ES256", lambda: ec_jwk(ec_key(), private=False), ec_sign),
    "EC, certificate": ("ES256", lambda: certificate(ec_key()), ec_sign),
    "EC, the private key": ("ES256", lambda: private_pem(ec_key()), ec_sign),
    "secret": ("HS256", lambda: SECRET, mac),
}


@pytest.mark.parametrize("form", VERIFYING)
def test_tokens_of_others_are_checked(form: str) -> None:
    algorithm, key, sign = VERIFYING[form]
    payload = {"iss": "https://issuer.example", "aud": ["one", "two"], "exp": time.time() + 60.5, "nbf": 1, "text": "é"}
    good = token({"alg": algorithm}, payload, sign)
    asked = {"algorithm": algorithm, "key": key()}
    found = do("jwt_verify", **asked, token=good, issuer="https://issuer.example", audience="two")
    assert found == {"header": {"alg": algorithm}, "payload": payload}
    header, body, signature = good.split(".")
    flipped = bytearray(base64.urlsafe_b64decode(signature + "=="))
    flipped[len(flipped) // 2] ^= 1
    other = b64(json.dumps({**payload, "admin": True}).encode())
    for forged in (f"{header}.{body}.{b64(bytes(flipped))}", f"{header}.{other}.{signature}", f"{header}.{body}."):
        assert fail("jwt_verify", **asked, token=forged) == (
            "JWT_INVALID",
            "The token's signature is not by this key.",
        )


@pytest.mark.parametrize(
    ("claim", "from_now_s", "leeway_s", "code"),
    [
        ("exp", -20, 5, "JWT_EXPIRED"),
        ("exp", -20, 600, None),
        ("exp", 20, 0, None),
        ("nbf", 500, 0, "JWT_NOT_YET_VALID"),
        ("nbf", 500, 600, None),
        ("nbf", -1, 0, None),
    ],
)
def test_times(claim: str, from_now_s: float, leeway_s: int, code: str | None) -> None:
    made = token({"alg": "HS256"}, {claim: time.time() + from_now_s}, mac)
    asked = {"algorithm": "HS256", "key": SECRET, "token": made, "leeway_s": leeway_s}
    output = harness.run("crypto", {"operation": "jwt_verify", **asked}).output
    assert output.get("error", {}).get("code") == code


@pytest.mark.parametrize(
    ("payload", "asked", "code"),
    [
        ({"exp": 1}, {}, "JWT_EXPIRED"),
        ({"exp": "tomorrow"}, {}, "JWT_INVALID"),
        ({"exp": 1e300}, {}, None),
        ({}, {"issuer": "me"}, "JWT_REFUSED"),
        ({"iss": "you"}, {"issuer": "me"}, "JWT_REFUSED"),
        ({"iss": ["me"]}, {"issuer": "me"}, "JWT_REFUSED"),
        ({"iss": "me"}, {"issuer": "me"}, None),
        ({"aud": "me"}, {"audience": "me"}, None),
        ({"aud": ["you", "me"]}, {"audience": "me"}, None),
        ({"aud": ["you"]}, {"audience": "me"}, "JWT_REFUSED"),
        ({"aud": {"me": 1}}, {"audience": "me"}, "JWT_REFUSED"),
        ([], {}, "JWT_INVALID"),
    ],
)
def test_claims(payload: Any, asked: dict[str, Any], code: str | None) -> None:
    asked = {"algorithm": "HS256", "key": SECRET, "token": token({"alg": "HS256"}, payload, mac), **asked}
    result = harness.run("crypto", {"operation": "jwt_verify", **asked})
    assert result.data["payload"] == payload if code is None else result.error["code"] == code


@pytest.mark.parametrize(
    "made",
    [
        "", ".", "..", "a.b", "a.b.c.d", "!.!.!",
        *(f"{b64(header)}.{b64(b'{}')}.AA" for header in (b"[]", b"{}", b'{"alg": "none"}', b'{"alg": 5}', b"\xff")),
        token({"alg": "HS512"}, {}, mac), token({"alg": "hs256"}, {}, mac),
        token({"alg": "HS256", "crit": ["b64"]}, {}, mac),
        token({"alg": "HS256"}, {}, mac) + "=",
    ],
)  # fmt: skip
def test_what_is_no_token_of_the_algorithm_is_refused(made: str) -> None:
    assert fail("jwt_verify", algorithm="HS256", key=SECRET, token=made)[0] == "JWT_INVALID"


def test_the_last_digit_of_a_signature_stands_for_no_other_bits() -> None:
    """Base64url of 32 bytes ends with two bits that say nothing: only zeros are the token that was signed."""
    good = token({"alg": "HS256"}, {}, mac)
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = digits.index(good[-1])
    assert place % 4 == 0
    assert fail("jwt_verify", algorithm="HS256", key=SECRET, token=good[:-1] + digits[place + 1])[0] == "JWT_INVALID"


def test_a_public_key_is_no_secret() -> None:
    """Else whoever knows it signs tokens: RFC 8725, section 2.1."""
    public = public_pem(rsa_key())
    forged = token({"alg": "HS256"}, {}, lambda message: hmac.digest(public.encode(), message, "sha256"))
    assert fail("jwt_verify", algorithm="HS256", key=public, token=forged)[0] == "INVALID_KEY"
    assert fail("jwt_verify", algorithm="RS256", key=public, token=forged)[0] == "JWT_INVALID"
    assert (
        fail("jwt_verify", algorithm="HS256", key=rsa_jwk(rsa_key(), private=False), token=forged)[0] == "INVALID_KEY"
    )


def test_a_set_of_keys_has_the_one_that_the_token_names() -> None:
    keys = [
        {**rsa_jwk(rsa_key(), private=False), "kid": "r"}, {"kty": "OKP", "kid": "o"},
        {**ec_jwk(ec_key(7), private=False), "kid": "other"}, {**ec_jwk(ec_key(), private=False), "kid": "e"},
    ]  # fmt: skip
    asked = {"algorithm": "ES256", "key": {"keys": keys}}
    assert do("jwt_verify", **asked, token=token({"alg": "ES256", "kid": "e"}, {}, ec_sign))["payload"] == {}
    assert fail("jwt_verify", **asked, token=token({"alg": "ES256", "kid": "other"}, {}, ec_sign))[0] == "JWT_INVALID"
    for unknown in ({"kid": "nope"}, {"kid": "r"}, {"kid": "o"}, {}):
        made = token({"alg": "ES256", **unknown}, {}, ec_sign)
        assert fail("jwt_verify", **asked, token=made)[0] == "KEY_NOT_FOUND"
    alone = {"algorithm": "RS256", "key": json.dumps({"keys": keys})}
    assert do("jwt_verify", **alone, token=token({"alg": "RS256"}, {}, rsa_sign))["payload"] == {}


def header_of(made: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(made.split(".", maxsplit=1)[0] + "=="))


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_keys_as_providers_hand_them_out(form: serialization.PrivateFormat) -> None:
    """A service account of Google in its file, whole or as an object; a GitHub App's PKCS #1; Apple's P-256. Each also
    with its line breaks written out.
    """
    pem = private_pem(rsa_key(), form)
    account = {"type": "service_account", "private_key_id": "7", "private_key": pem, "client_email": "a@b"}
    for key in (pem, pem.replace("\n", "\\n"), pem.replace("\n", "\r\n"), account, json.dumps(account)):
        made = do("jwt_sign", algorithm="RS256", key=key, payload={"iss": "a@b"})["result"]
        assert do("jwt_verify", algorithm="RS256", key=public_pem(rsa_key()), token=made)["payload"] == {"iss": "a@b"}
    apple = private_pem(ec_key(), form).replace("\n", "\\n")
    made = do("jwt_sign", algorithm="ES256", key=apple, key_id="ABC", payload={"iss": "team"})["result"]
    assert (
        do("jwt_verify", algorithm="ES256", key=public_pem(ec_key()), token=f"Bearer {made}")["header"]["kid"] == "ABC"
    )
    assert fail("jwt_sign", algorithm="HS256", key=account, payload={})[0] == "INVALID_KEY"


def test_a_secret_of_bytes() -> None:
    secret = bytes(range(200, 232))
    made = token({"alg": "HS256"}, {"a": 1}, lambda message: hmac.digest(secret, message, "sha256"))
    for key, encoding in ((secret.hex(), "hex"), (base64.b64encode(secret).decode(), "base64")):
        assert do("jwt_verify", algorithm="HS256", key=key, key_encoding=encoding, token=made)["payload"] == {"a": 1}
    code, message = fail("jwt_verify", algorithm="HS256", key="xyz", key_encoding="hex", token=made)
    assert (code, "xyz" in message) == ("INVALID_INPUT", False)
    assert fail("jwt_verify", algorithm="HS256", key="00ff", key_encoding="hex", token=made)[0] == "INVALID_KEY"


def test_further_fields_of_the_header() -> None:
    fields = {"algorithm": "HS256", "key": SECRET, "payload": {}}
    made = do("jwt_sign", **fields, key_id="1", header={"x5t": "abc", "typ": "at+jwt"})["result"]
    assert header_of(made) == {"alg": "HS256", "typ": "at+jwt", "kid": "1", "x5t": "abc"}
    for name, told in (("alg", "algorithm"), ("kid", "key_id")):
        assert fail("jwt_sign", **fields, header={name: "none"}) == (
            "INVALID_INPUT",
            f"`header.{name}` is what `{told}` says.",
        )


@pytest.mark.parametrize(("algorithm", "encoding"), [("sha256", "hex"), ("sha1", "hex"), ("sha256", "base64")])
def test_a_signature_may_name_its_algorithm(algorithm: str, encoding: str) -> None:
    fields = {"key": "k", "input": "x", "algorithm": algorithm, "encoding": encoding}
    signature = do("hmac", **fields)["result"]
    assert do("verify_hmac", **fields, signature=f"{algorithm}={signature}") == {"verified": True}
    assert fail("verify_hmac", **fields, signature=f"md5={signature}")[0] in ("INVALID_INPUT", "SIGNATURE_MISMATCH")


def test_the_time_of_issue_may_be_given() -> None:
    """GitHub asks for one a minute back, because clocks differ."""
    issued = int(time.time()) - 60
    made = do("jwt_sign", algorithm="HS256", key=SECRET, payload={"iat": issued}, expires_in_s=540)["result"]
    payload = do("jwt_verify", algorithm="HS256", key=SECRET, token=made)["payload"]
    assert payload["iat"] == issued
    assert 590 < payload["exp"] - issued < 620


def test_expiry_is_put_in() -> None:
    made = do("jwt_sign", algorithm="HS256", key=SECRET, payload={"sub": "1", "exp": 5}, expires_in_s=60)["result"]
    payload = do("jwt_verify", algorithm="HS256", key=SECRET, token=made)["payload"]
    assert payload["exp"] - payload["iat"] == 60
    assert abs(payload["iat"] - time.time()) < 5


def damaged_keys() -> list[Any]:
    whole = private_pem(rsa_key())
    small = rsa.generate_private_key(65537, 1024)
    one, two = rsa_jwk(rsa_key()), rsa_jwk(rsa_key(3072))
    return [
        "", "{", "{}", "x" * 40, whole[:200], whole.replace("PRIVATE", "NICE"), whole.replace("MII", "MIA"),
        private_pem(small), private_pem(ec_key()), public_pem(rsa_key()), {**one, "d": "AQ", "p": "", "q": ""},
        {**one, "dp": two["dp"]}, {**one, "qi": one["dp"]}, {**one, "p": one["q"]},
        {**one, "e": "AQ"}, {**one, "e": "Ag"},
        {**one, "n": one["n"][:-1]}, {**one, "n": ""}, {**one, "n": "!"},
        {"kty": "RSA"}, {"kty": 5}, {"keys": 5}, {"keys": [5]},
        {**one, "q": two["q"]}, {**one, "p": "AQ", "q": "AQ"},
    ]  # fmt: skip


def test_damaged_keys_are_refused_and_never_shown() -> None:
    for key in damaged_keys():
        code, message = fail("jwt_sign", algorithm="RS256", key=key, payload={})
        assert code in ("INVALID_KEY", "KEY_NOT_FOUND"), key
        shown = key if isinstance(key, str) else str(key.get("d", ""))
        assert not shown or shown not in message


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_to_a_key_ends_in_a_trap(data: st.DataObject) -> None:
    label, pem = data.draw(
        st.sampled_from(
            [("RS256", public_pem(rsa_key())), ("ES256", private_pem(ec_key())), ("RS256", certificate(rsa_key()))]
        )
    )
    head, body, foot = re.split("\n", pem, maxsplit=1)[0], "".join(pem.split("\n")[1:-2]), pem.split("\n")[-2]
    content = bytearray(base64.b64decode(body))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    key = f"{head}\n{base64.b64encode(bytes(content[:cut])).decode()}\n{foot}"
    made = token({"alg": label}, {}, rsa_sign if label == "RS256" else ec_sign)
    output = harness.run("crypto", {"operation": "jwt_verify", "algorithm": label, "key": key, "token": made}).output
    assert output["success"] or output["error"]["code"] in ("INVALID_KEY", "JWT_INVALID")


def test_a_key_of_ec_as_openssl_writes_it() -> None:
    """The curve's name stands before it, in a block of its own."""
    curve = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    key = curve + private_pem(ec_key(), serialization.PrivateFormat.TraditionalOpenSSL)
    made = do("jwt_sign", algorithm="ES256", key=key, payload={})["result"]
    assert do("jwt_verify", algorithm="ES256", key=public_pem(ec_key()), token=f" {made}\n")["payload"] == {}


def test_a_short_secret_is_refused() -> None:
    assert fail("jwt_sign", algorithm="HS256", key="x" * 31, payload={})[0] == "INVALID_KEY"
    assert do("jwt_sign", algorithm="HS256", key="x" * 32, payload={})["result"]
