"""What starts a workflow besides its name: the `triggers` of its file. The default is a webhook that takes POST."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from arcrun.signatures.policy import VerifyPolicy
from arcrun.workflows.triggers.keys import RequestKey

if TYPE_CHECKING:
    from arcrun.workflows.triggers.failures import FailureTrigger
    from arcrun.workflows.triggers.mail import MailTrigger
    from arcrun.workflows.triggers.schedules import Schedule
    from arcrun.workflows.triggers.watch import Watch

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ANY_ORIGIN = "*"
API_KEY_HEADER = "x-arcrun-api-key"  # the platform's own
DEFAULT_CORS_HEADERS = ("content-type",)
DEFAULT_CORS_AGE_S = 600
DEFAULT_KEEP_S = 86_400
DEFAULT_WAIT_MS = 30_000  # of `answer: wait`


@dataclass(frozen=True)
class Cors:
    """The origins whose pages may call a webhook and read its answers, ANY_ORIGIN for all: never with credentials.

    `methods` are None for the webhook's own. `headers` are the names, in lower case, of those that a page may send.
    `max_age_s` is how long a browser may keep the answer to a preflight.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] | None = None
    headers: tuple[str, ...] = DEFAULT_CORS_HEADERS
    max_age_s: int = DEFAULT_CORS_AGE_S

    def to_json(self) -> dict[str, Any]:
        return {
            "origins": list(self.origins),
            **({"methods": list(self.methods)} if self.methods is not None else {}),
            **({"headers": list(self.headers)} if self.headers != DEFAULT_CORS_HEADERS else {}),
            **({"max_age_s": self.max_age_s} if self.max_age_s != DEFAULT_CORS_AGE_S else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Cors":
        lists = {key: tuple(value) for key, value in stored.items() if isinstance(value, list)}
        return cls(**lists, max_age_s=stored.get("max_age_s", DEFAULT_CORS_AGE_S))


@dataclass(frozen=True)
class Idempotency:
    """`key` is None if the request's fingerprint is the key. `keep_s` is how long a key is kept. `waits` is whether a
    repetition waits for the run that is under way, `retries_failed` whether one after a failed run runs again.
    """

    key: RequestKey | None = None
    keep_s: int = DEFAULT_KEEP_S
    waits: bool = False
    retries_failed: bool = True

    def to_json(self) -> dict[str, Any]:
        """What differs from the default, as it is written."""
        return {
            **({"key": self.key.text} if self.key is not None else {}),
            **({"keep_s": self.keep_s} if self.keep_s != DEFAULT_KEEP_S else {}),
            **({"on_running": "wait"} if self.waits else {}),
            **({"retry_failed": False} if not self.retries_failed else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Idempotency":
        return cls(
            RequestKey(stored["key"]) if "key" in stored else None,
            stored.get("keep_s", DEFAULT_KEEP_S),
            stored.get("on_running") == "wait",
            stored.get("retry_failed", True),
        )


class OnLimit(StrEnum):
    """What becomes of a run that a limit has no room for: it is refused; it is queued; or it is queued and replaces
    those that are.
    """

    REJECT = "reject"
    QUEUE = "queue"
    LATEST = "latest"


@dataclass(frozen=True)
class StartLimit:
    """How many runs may begin within a minute, and how many may run at once: of those with the same `key`, or of all of
    the workflow.
    """

    per_minute: int | None = None
    concurrent: int | None = None
    key: RequestKey | None = None
    on_limit: OnLimit = OnLimit.REJECT

    @property
    def told(self) -> str:
        """For people, such as `60 a minute and 5 at once for each {{input.customer}}`."""
        parts = {"a minute": self.per_minute, "at once": self.concurrent}
        allowed = " and ".join(f"{number} {what}" for what, number in parts.items() if number is not None)
        return allowed + (f" for each {self.key.text}" if self.key else "")

    def to_json(self) -> dict[str, Any]:
        numbers = {"per_minute": self.per_minute, "concurrent": self.concurrent}
        given: dict[str, Any] = {name: number for name, number in numbers.items() if number is not None}
        return {
            **given,
            **({"key": self.key.text} if self.key is not None else {}),
            **({"on_limit": self.on_limit.value} if self.on_limit is not OnLimit.REJECT else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "StartLimit":
        key = RequestKey(stored["key"]) if "key" in stored else None
        on_limit = OnLimit(stored.get("on_limit", OnLimit.REJECT))
        return cls(stored.get("per_minute"), stored.get("concurrent"), key, on_limit)


@dataclass(frozen=True)
class Webhook:
    """`methods` are those that run the workflow. `record_headers` are the names, in lower case, of headers that are
    recorded although their names say that they carry secrets. `verify` is how callers prove who they are; None if
    whoever knows the URL may call. `cors` is None if no page of another origin may read its answers, `idempotency` if
    each request runs the workflow. `wait_ms` is how long a request waits for the end of its accepted run, 0 to be
    answered at once; None where the workflow does not say: 0 of a durable run, and others are not accepted.
    """

    methods: tuple[str, ...] = ("POST",)
    record_headers: tuple[str, ...] = ()
    verify: VerifyPolicy | None = None
    cors: Cors | None = None
    idempotency: Idempotency | None = None
    wait_ms: int | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that are answered, in the order of an Allow header."""
        return (*self.methods, *(("HEAD",) if "GET" in self.methods else ()), "OPTIONS")

    def to_json(self) -> dict[str, Any]:
        """What differs from the default."""
        default = Webhook()
        return {
            **({"methods": list(self.methods)} if self.methods != default.methods else {}),
            **({"record_headers": list(self.record_headers)} if self.record_headers else {}),
            **({"verify": self.verify.to_json()} if self.verify is not None else {}),
            **({"cors": self.cors.to_json()} if self.cors is not None else {}),
            **({"idempotency": self.idempotency.to_json()} if self.idempotency is not None else {}),
            **({"wait_ms": self.wait_ms} if self.wait_ms is not None else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Webhook":
        return cls(
            tuple(stored.get("methods", cls.methods)),
            tuple(stored.get("record_headers", cls.record_headers)),
            VerifyPolicy.load(stored["verify"]) if "verify" in stored else None,
            Cors.load(stored["cors"]) if "cors" in stored else None,
            Idempotency.load(stored["idempotency"]) if "idempotency" in stored else None,
            stored.get("wait_ms"),
        )


@dataclass(frozen=True)
class Triggers:
    """`schedules` are the times at which it starts by itself, `failure_of` whose failures start it, `after` whose
    runs that have succeeded do. `mail` is None if no message does, `watch` if no poll does.
    """

    webhook: Webhook = field(default_factory=Webhook)
    schedules: "tuple[Schedule, ...]" = ()
    failure_of: "FailureTrigger | None" = None
    mail: "MailTrigger | None" = None
    after: tuple[str, ...] = ()
    watch: "Watch | None" = None

    @property
    def all_schedules(self) -> "tuple[Schedule, ...]":
        """The schedules, and after them that of the watch."""
        return self.schedules if self.watch is None else (*self.schedules, self.watch.schedule)

    @property
    def starts_itself(self) -> bool:
        """Whether anything starts it that plans of earlier formats lack."""
        others = (self.failure_of, self.mail, self.watch)
        return bool(self.schedules or self.after) or any(each is not None for each in others)

    def to_json(self) -> dict[str, Any]:
        """What differs from the default; empty if nothing does."""
        webhook = self.webhook.to_json()
        return {
            **({"webhook": webhook} if webhook else {}),
            **({"schedule": [each.to_json() for each in self.schedules]} if self.schedules else {}),
            **({"failure_of": self.failure_of.to_json()} if self.failure_of else {}),
            **({"email": self.mail.to_json()} if self.mail is not None else {}),
            **({"after": [*self.after]} if self.after else {}),
            **({"watch": self.watch.to_json()} if self.watch is not None else {}),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Triggers":
        if not stored:
            return DEFAULT_TRIGGERS
        webhook = Webhook.load(stored.get("webhook", {}))
        return _load_others(webhook, stored) if stored.keys() != {"webhook"} else cls(webhook)


def _load_others(webhook: Webhook, stored: Mapping[str, Any]) -> Triggers:
    from arcrun.workflows.triggers.failures import FailureTrigger  # noqa: PLC0415 - few workflows start themselves
    from arcrun.workflows.triggers.schedules import Schedule  # noqa: PLC0415

    failure_of = FailureTrigger.load(stored["failure_of"]) if "failure_of" in stored else None
    schedules = tuple(Schedule.load(each) for each in stored.get("schedule", ()))
    mail = _load_mail(stored["email"]) if "email" in stored else None
    watch = _load_watch(stored["watch"]) if "watch" in stored else None
    return Triggers(webhook, schedules, failure_of, mail, tuple(stored.get("after", ())), watch)


def _load_mail(stored: Mapping[str, Any]) -> "MailTrigger":
    from arcrun.workflows.triggers.mail import MailTrigger  # noqa: PLC0415 - as above

    return MailTrigger.load(stored)


def _load_watch(stored: Mapping[str, Any]) -> "Watch":
    from arcrun.workflows.triggers.watch import Watch  # noqa: PLC0415 - as above

    return Watch.load(stored)


DEFAULT_TRIGGERS = Triggers()
