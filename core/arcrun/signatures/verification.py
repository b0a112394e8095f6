"""Whether a request comes from whom a webhook expects."""

from collections.abc import Awaitable, Callable

from arcrun.errors import ArcrunError, NotConfiguredError, SignatureError
from arcrun.ports import Crypto
from arcrun.signatures.claims import Claim, TokenClaim, UnusableSecretError, read_claim
from arcrun.signatures.handshakes import Handshake, find_handshake, read_meta_handshake
from arcrun.signatures.policy import Scheme, VerifyPolicy
from arcrun.signatures.received import ReceivedRequest, to_bytes

Reveal = Callable[[str], Awaitable[str]]


async def verify_request(
    policy: VerifyPolicy, request: ReceivedRequest, now_ms: float, reveal: Reveal, crypto: Crypto
) -> Handshake | None:
    """None if the request may run the workflow; the answer, if it is a handshake of its service.

    Secrets are revealed only for a request that has a readable signature of this time. Raises SignatureError; for a
    secret that is missing or cannot be used CredentialError and NotConfiguredError, which are for the owner only;
    UpstreamError.
    """
    if policy.scheme is Scheme.META and policy.verify_token and request.method == "GET":
        token, handshake = read_meta_handshake(request)
        await _require_true(TokenClaim(to_bytes(token), str.encode), (policy.verify_token,), reveal, crypto)
        return handshake
    claim = read_claim(policy, request)
    if claim.time_ms is not None and abs(now_ms - claim.time_ms) > policy.tolerance_s * 1000:
        raise SignatureError(
            f"The request's time is more than {policy.tolerance_s} s from now.",
            code="SIGNATURE_EXPIRED",
            details={"tolerance_s": policy.tolerance_s},
        )
    await _require_true(claim, policy.credentials, reveal, crypto)
    return find_handshake(policy.scheme, request)


async def _require_true(claim: Claim, names: tuple[str, ...], reveal: Reveal, crypto: Crypto) -> None:
    """Raises SignatureError SIGNATURE_INVALID if no secret bears the claim out; the error of one that cannot be used,
    if that leaves it open.
    """
    holds, failures, refused = False, list[ArcrunError](), False
    for name in names:  # each, whatever those before it said
        try:
            if await claim.holds(await reveal(name), crypto):
                holds = True
            else:
                refused = True
        except UnusableSecretError as error:
            failures.append(_build_unusable_error(name, error))
        except ArcrunError as error:
            failures.append(error)
    if holds:
        return
    unsure = next((error for error in failures if error.retriable or not refused), None)
    if unsure is not None:
        raise unsure
    raise SignatureError("The request's signature is not that of its content.")


def _build_unusable_error(name: str, error: UnusableSecretError) -> NotConfiguredError:
    return NotConfiguredError(
        f"The credential `{name}` cannot verify requests: {error}.",
        code="CREDENTIAL_UNUSABLE",
        next_actions=[f"Store the secret as the service shows it: acr creds set {name}"],
    )
