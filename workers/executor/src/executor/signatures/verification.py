"""Who may call a webhook with `verify`. Imported with the first request of one: others need none of it."""

from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import CredentialError, NotConfiguredError, SignatureError
from arcrun.limits import MAX_BODY_BYTES
from arcrun.signatures.policy import Scheme, VerifyPolicy
from arcrun.signatures.received import ReceivedRequest
from arcrun.signatures.verification import verify_request
from arcrun_http.requests import read_body
from arcrun_http.responses import render_error
from executor.service import ExecutorService

_ASKING = {"www-authenticate": 'Basic realm="webhook", charset="UTF-8"'}


async def verify_caller(
    service: ExecutorService, request: Request, workflow: str, policy: VerifyPolicy
) -> Response | None:
    """None if the request may run the workflow; otherwise the answer: to a handshake of its service, or a refusal,
    which is counted.

    Raises SignatureError; NotConfiguredError VERIFICATION_UNAVAILABLE, which does not tell the caller why;
    UpstreamError; PayloadTooLargeError.
    """
    received = read_received(request, await read_body(request, MAX_BODY_BYTES))
    now_ms = service.engine.ports.clock.now_ms()
    try:
        answer = await verify_request(policy, received, now_ms, service.vault.reveal, service.crypto)
    except SignatureError as error:
        service.refusals.add(workflow, error.code)
        if policy.scheme is not Scheme.BASIC:
            raise
        return render_error(error, _ASKING)
    except (CredentialError, NotConfiguredError) as error:
        service.refusals.add(workflow, error.code)
        raise NotConfiguredError(
            "This webhook cannot verify requests: a secret that it needs is missing or unusable.",
            code="VERIFICATION_UNAVAILABLE",
            next_actions=["Its owner sees the cause: acr show NAME. Then: acr creds set NAME"],
        ) from None
    if answer is None:
        return None
    headers = {"content-type": answer.content_type}
    return Response(answer.body, answer.status, headers if answer.body else None)


def read_received(request: Request, body: bytes) -> ReceivedRequest:
    """The request as its caller may have signed it."""
    scope = request.scope
    return ReceivedRequest(
        method=request.method,
        path=scope["raw_path"].decode("utf-8", "replace"),
        query=scope["query_string"].decode("utf-8", "replace"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        rest=request.path_params.get("path", ""),
    )
