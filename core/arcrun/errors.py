"""The one error tree. Every error has a code for programs, a sentence for people, and the next steps.

ArcrunError                     code                    status
  RequestError                  INVALID_REQUEST ...     400
    PayloadTooLargeError        PAYLOAD_TOO_LARGE       413
    UnsupportedMediaTypeError   UNSUPPORTED_MEDIA_TYPE  415     UNSUPPORTED_ENCODING
  UnauthorizedError             UNAUTHORIZED            401
  SessionError                  SESSION_ENDED ...       401
  SignatureError                SIGNATURE_INVALID ...   401
  ForbiddenError                FORBIDDEN               403
  NotConfiguredError            NOT_CONFIGURED          503
  NotFoundError                 NOT_FOUND ...           404
  MethodNotAllowedError         METHOD_NOT_ALLOWED      405
  ConflictError                 CONFLICT ...            409
    RequestRunningError         REQUEST_RUNNING         409
  WorkflowError                 INVALID_WORKFLOW        422
  TemplateError                 UNRESOLVED_REFERENCE    422     INVALID_TEMPLATE, TEMPLATE_FAILED
  InputError                    INVALID_INPUT           422
  RunError                      (one code per cause)    422
    RunTimeoutError             RUN_TIMEOUT ...         504
    RunCancelledError           RUN_CANCELLED           422
      RunReplacedError          RUN_REPLACED            422
    RunFailedError              WORKFLOW_FAILED         500
    SubrequestLimitError        SUBREQUEST_LIMIT        422
    CpuBudgetError              CPU_BUDGET              422
  ContractError                 INVALID_CONTRACT        422
  ComponentError                (one code per cause)    422, 404, 502 or 503
  HostFunctionError             (one code per cause)    422
  CredentialError               (one code per cause)    422
  DecryptionError               DECRYPTION_FAILED       500
  RateLimitedError              RATE_LIMITED ...        429
  WorkflowPausedError           WORKFLOW_PAUSED         503
  UpstreamError                 UPSTREAM_UNAVAILABLE    503
  RecordError                   RECORD_NOT_STORED       503
  TenantStorageError            (one code per cause)    424
  RegistrationError             (one code per cause)    422
  InternalError                 INTERNAL                500
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from traceback import format_tb
from typing import Any, Self

from arcrun.interruptible import Steps


class ArcrunError(Exception):
    """Base of all deliberate errors. Subclasses set the defaults; an instance may set a more specific code.

    `retriable` is whether a repetition may succeed; a node's `retry` reads it. `retry_after_s` is how long to wait
    first, None if unknown. `ends_run` is whether no ON_FAIL can handle it.
    """

    code = "INTERNAL"
    http_status = 500
    retriable = False
    retry_after_s: int | None = None
    ends_run = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        next_actions: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.next_actions = tuple(next_actions)
        self.details = dict(details or {})
        self._place: dict[str, Any] = {}

    def __copy__(self) -> Self:
        """A copy, whatever a class takes to build one."""
        copied = type(self).__new__(type(self))
        copied.args = self.args
        copied.__dict__ |= self.__dict__
        return copied

    def locate(self, **place: Any) -> None:
        """Add the place in a workflow where the error occurred (`node`, `index` ...), unless `details` has it
        already.
        """
        self._place = self._place | {name: value for name, value in place.items() if name not in self.details}
        self.details |= self._place

    @property
    def place(self) -> Mapping[str, Any]:
        """The details that `locate` added."""
        return self._place

    def without_details(self) -> Self:
        """A copy with only the details that `locate` added."""
        copied = copy(self)
        copied.details = dict(self._place)
        return copied

    def scrubbed(self, scrub: Callable[[Any], Steps[Any]]) -> Steps[Self]:
        """A copy with everything visible passed through `scrub`, except the details that `locate` added."""
        copied = copy(self)
        said = {name: value for name, value in self.details.items() if name not in self._place}
        shown = yield from scrub([self.code, self.message, list(self.next_actions), said])
        copied.code, copied.message, actions, details = shown  # a component chooses its own code
        copied.next_actions, copied.details = tuple(actions), {**details, **self._place}
        return copied

    def to_json(self) -> dict[str, Any]:
        """The wire form: {"code", "message", "retriable", "next_actions": [...], "details": {...}}."""
        return {
            "code": self.code,
            "message": self.message,
            "retriable": self.retriable,
            "next_actions": list(self.next_actions),
            "details": self.details,
        }


def describe_fault(fault: BaseException) -> str:
    """For the log: the exception's type and traceback, without its message, which may contain values."""
    return f"{type(fault).__name__}\n{''.join(format_tb(fault.__traceback__))}"


class RequestError(ArcrunError):
    code = "INVALID_REQUEST"
    http_status = 400


def build_cursor_error() -> RequestError:
    """A list's cursor that the platform did not issue."""
    return RequestError(
        "The cursor is not valid.", code="INVALID_CURSOR", next_actions=["Leave it out to start from the beginning."]
    )


class PayloadTooLargeError(RequestError):
    code = "PAYLOAD_TOO_LARGE"
    http_status = 413


class UnsupportedMediaTypeError(RequestError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    http_status = 415


class UnauthorizedError(ArcrunError):
    """The message is the same whatever is wrong with the key."""

    code = "UNAUTHORIZED"
    http_status = 401

    def __init__(self) -> None:
        super().__init__(
            "A valid API key is required.",
            next_actions=[
                "Send the header `X-Arcrun-API-Key: <key>` or `Authorization: Bearer <key>`.",
                "Locally, `acr dev` prints where its key is kept.",
            ],
        )


class SessionError(ArcrunError):
    """A browser's cookie, or the link with which it would sign in, that does not count: SESSION_CROSS_SITE,
    SESSION_ENDED, LINK_USED.
    """

    code = "SESSION_ENDED"
    http_status = 401


class SignatureError(ArcrunError):
    """A webhook's request that does not prove who sent it: SIGNATURE_MISSING, SIGNATURE_MALFORMED, SIGNATURE_EXPIRED,
    SIGNATURE_INVALID. The message tells the caller nothing that it does not know.
    """

    code = "SIGNATURE_INVALID"
    http_status = 401

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        sign = "Sign it with the current time" if code == "SIGNATURE_EXPIRED" else "Sign it as its service does"
        actions = [f"{sign} (docs/signatures.md).", "Its owner runs the workflow unsigned, by its name: acr run NAME"]
        super().__init__(message, code=code, next_actions=actions, details=details)


class ForbiddenError(ArcrunError):
    code = "FORBIDDEN"
    http_status = 403


class NotConfiguredError(ArcrunError):
    code = "NOT_CONFIGURED"
    http_status = 503


class NotFoundError(ArcrunError):
    code = "NOT_FOUND"
    http_status = 404


class MethodNotAllowedError(ArcrunError):
    code = "METHOD_NOT_ALLOWED"
    http_status = 405


class ConflictError(ArcrunError):
    code = "CONFLICT"
    http_status = 409


class RequestRunningError(ConflictError):
    """The first of several requests with one key has not been answered yet."""

    code = "REQUEST_RUNNING"
    retriable = True

    def __init__(self, run_id: str, retry_after_s: int) -> None:
        super().__init__(
            f"A request with this key is under way, as run {run_id}.",
            details={"run_id": run_id},
            next_actions=[f"Wait {retry_after_s} s, then send it again: its answer is kept."],
        )
        self.retry_after_s = retry_after_s


class WorkflowError(ArcrunError):
    code = "INVALID_WORKFLOW"
    http_status = 422


class TemplateError(ArcrunError):
    code = "UNRESOLVED_REFERENCE"
    http_status = 422


class InputError(ArcrunError):
    """A node's input does not match its component's input_schema."""

    code = "INVALID_INPUT"
    http_status = 422


class RunError(ArcrunError):
    """A run that cannot continue: its expressions, loops, sub-workflows, limits."""

    code = "RUN_FAILED"
    http_status = 422


class RunTimeoutError(RunError):
    code = "RUN_TIMEOUT"
    http_status = 504
    retriable = True


class RunCancelledError(RunError):
    """Somebody has asked the run to end."""

    code = "RUN_CANCELLED"
    ends_run = True

    def __init__(self) -> None:
        super().__init__("The run was cancelled.", next_actions=["Start the workflow again if that was a mistake."])


class RunReplacedError(RunCancelledError):
    """A later run has taken the turn of one that was queued (`on_limit: latest`)."""

    code = "RUN_REPLACED"

    def __init__(self, by: str) -> None:
        RunError.__init__(
            self,
            f"The run `{by}` came while this one was queued, and has replaced it.",
            details={"by": by},
            next_actions=[f"Look at that run: acr logs {by}", "With `on_limit: queue` each of them would run."],
        )


class RunFailedError(RunError):
    """The answer about a failed run to a caller who has only a webhook's URL."""

    code = "WORKFLOW_FAILED"
    http_status = 500

    def __init__(self, run_id: str) -> None:
        super().__init__(
            "The workflow failed.",
            next_actions=[f"Its owner can look up the cause by the run's id: acr logs {run_id}."],
        )


class SubrequestLimitError(RunError):
    """The platform would end the Worker at the next request, so nothing in the run can continue."""

    code = "SUBREQUEST_LIMIT"
    ends_run = True


class CpuBudgetError(RunError):
    """The platform would end the request, as on the free plan, so nothing in the run can continue."""

    code = "CPU_BUDGET"
    ends_run = True

    def __init__(self, limit_ms: int) -> None:
        super().__init__(
            f"The run needs more than the {limit_ms} ms of processor time that the free plan gives a request.",
            next_actions=[
                "Move the account to the Workers paid plan, then deploy without --free-plan.",
                "Or split the work over several runs.",
                "Or give loops and components shorter lists and strings.",
            ],
            details={"limit_ms": limit_ms},
        )


class ContractError(ArcrunError):
    code = "INVALID_CONTRACT"
    http_status = 422


class ComponentError(ArcrunError):
    """A component that could not be found, loaded or run, or that answered with a failure."""

    code = "COMPONENT_FAILED"
    http_status = 422

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        retriable: bool = False,
        next_actions: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, next_actions=next_actions, details=details)
        self.http_status = http_status or type(self).http_status
        self.retriable = retriable


class HostFunctionError(ArcrunError):
    """A refusal or failure of a host function. The component gets it as the reply and continues."""

    code = "HOST_FUNCTION_FAILED"
    http_status = 422


class CredentialError(ArcrunError):
    """A missing or unreadable secret: CREDENTIAL_MISSING, CREDENTIAL_UNREADABLE, CREDENTIAL_NAME_INVALID."""

    code = "CREDENTIAL_MISSING"
    http_status = 422


class DecryptionError(ArcrunError):
    """Another key, another place, or modified bytes: AES-GCM does not distinguish them."""

    code = "DECRYPTION_FAILED"
    http_status = 500


class RateLimitedError(ArcrunError):
    code = "RATE_LIMITED"
    http_status = 429
    retriable = True

    def __init__(self, retry_after_s: int, message: str = "Too many requests.", code: str | None = None) -> None:
        super().__init__(message, code=code, next_actions=[f"Wait {retry_after_s} s, then send it again."])
        self.retry_after_s = retry_after_s


class WorkflowPausedError(ArcrunError):
    """A webhook whose workflow takes no requests until its owner resumes it."""

    code = "WORKFLOW_PAUSED"
    http_status = 503
    retriable = True
    retry_after_s = 60

    def __init__(self, message: str = "The workflow is paused.", *, is_of_all: bool = False) -> None:
        """`is_of_all` is whether all workflows were paused together."""
        resuming = "all workflows: acr resume --all" if is_of_all else "the workflow: acr resume NAME"
        actions = [f"Send it again in {self.retry_after_s} s or later.", f"Its owner resumes {resuming}"]
        super().__init__(message, next_actions=actions)


class UpstreamError(ArcrunError):
    """A service that arcrun depends on did not answer or acknowledge. Nothing was reported as done.

    STORAGE_FAILED is the platform's KV or R2, CRYPTO_FAILED its WebCrypto, WORKFLOWS_FAILED its Workflows,
    RUNNER_FAILED the runner of components.
    """

    code = "UPSTREAM_UNAVAILABLE"
    http_status = 503
    retriable = True


class RecordError(ArcrunError):
    """A run has ended, but its record, which had to be stored before the answer, is not stored."""

    code = "RECORD_NOT_STORED"
    http_status = 503

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"The run {run_id} has ended, but its record could not be stored.",
            details={"run_id": run_id},
            next_actions=[
                "The workflow's effects have happened. Before you repeat the run, check that this does no harm."
            ],
        )


class TenantStorageError(ArcrunError):
    """Cloudflare refuses a tenant's token or namespace: TENANT_TOKEN_REFUSED, TENANT_NAMESPACE_MISSING,
    TENANT_STORAGE_REFUSED.
    """

    code = "TENANT_STORAGE_REFUSED"
    http_status = 424


class RegistrationError(ArcrunError):
    """An account that cannot be registered: TOKEN_INVALID, TOKEN_CANNOT_USE_KV, TOKEN_CAN_DO_MORE."""

    code = "TOKEN_INVALID"
    http_status = 422


class InternalError(ArcrunError):
    """A fault of arcrun itself. The message never contains the cause, which goes to the log."""

    def __init__(self) -> None:
        super().__init__(
            "arcrun failed unexpectedly. The cause is in the Worker's log.",
            next_actions=["Look at the log: `wrangler tail`, or the terminal of `acr dev`."],
        )
