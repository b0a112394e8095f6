"""The core's interfaces to the outside. Each port is small; implementations carry the vendor's name
(`CloudflareKV`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class KeyEntry:
    """A key in a list, with the metadata that was stored with its value."""

    key: str
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class KeyPage:
    """A page of keys. `cursor` leads to the next page; None on the last."""

    entries: tuple[KeyEntry, ...]
    cursor: str | None


class KeyValue(Protocol):
    """A Workers KV namespace. Values are strings; a write may take 60 s to become visible elsewhere.

    Every method raises UpstreamError STORAGE_FAILED; over Cloudflare's REST API also UPSTREAM_UNAVAILABLE,
    RateLimitedError and TenantStorageError.
    """

    async def get(self, key: str) -> str | None: ...

    async def put(
        self, key: str, value: str, *, ttl_s: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Store a value. `ttl_s` is at least 60, as the platform requires; `metadata` is at most 1,024 bytes as
        JSON.
        """

    async def delete(self, key: str) -> None: ...

    async def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        """The keys with the prefix `prefix`, in byte order; `limit` is at most 1,000.

        Raises RequestError INVALID_CURSOR.
        """


def read_entry(item: Mapping[str, Any]) -> KeyEntry:
    """A key as the platform lists it. Metadata that is not an object counts as none: others may write to a
    namespace.
    """
    metadata = item.get("metadata")
    return KeyEntry(item["name"], metadata if isinstance(metadata, dict) else None)


async def list_all(kv: KeyValue, prefix: str) -> list[KeyEntry]:
    """All keys with the prefix `prefix`, from all pages, in byte order."""
    entries: list[KeyEntry] = []
    cursor: str | None = None
    while True:
        page = await kv.list(prefix, cursor=cursor)
        entries += page.entries
        cursor = page.cursor
        if cursor is None:
            return entries


@dataclass(frozen=True)
class Blob:
    """An object in a bucket: its bytes, and the entity tag that changes with them."""

    content: bytes
    etag: str


class BlobStore(Protocol):
    """An R2 bucket. Every method raises UpstreamError STORAGE_FAILED."""

    async def get(self, key: str) -> Blob | None: ...

    async def etag(self, key: str) -> str | None:
        """The entity tag of an object, without reading its bytes; None if there is no object."""

    async def put(self, key: str, content: bytes) -> None:
        """Store an object. The platform allows one write per second for each key."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete at most 1,000 objects. Missing keys are ignored."""

    async def list(self, prefix: str) -> Sequence[str]:
        """The first keys with a prefix, at most 1,000."""


class Sql(Protocol):
    """The SQLite database of a Durable Object. Calls are synchronous; nothing else runs between two of them.

    Everything that a call of the object has written is durable before its answer is sent.
    """

    def execute(self, statement: str, *values: str | float | None) -> list[dict[str, Any]]:
        """The rows, as dicts by column name. `values` are bound to the statement's question marks."""

    @property
    def size_bytes(self) -> int:
        """The size of the database without its free pages."""

    @property
    def rows_written(self) -> int:
        """Rows of tables and indexes written or deleted since the database was opened, as the platform counts them."""


class Alarm(Protocol):
    """The one alarm of a Durable Object. It is stored together with what the same call has written."""

    def set(self, delay_ms: float) -> None:
        """Wake the object after `delay_ms`. An alarm that is already set is moved."""

    def clear(self) -> None:
        """Set none."""


class BodyStream(Protocol):
    """A body that is made while it is sent. `size` is its length in bytes."""

    @property
    def size(self) -> int: ...

    def open(self) -> AsyncIterator[bytes]:
        """Its bytes, piece by piece; each time anew. Raises HostFunctionError."""


@dataclass(frozen=True)
class HttpRequest:
    """`stream` is sent instead of `body`. `sink` gets the body of an answer whose status is a success, chunk by chunk,
    and bounds it itself: the answer then has an empty one. What either raises is raised by the client.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_ms: int = 30_000
    max_response_bytes: int = 4 * 1024 * 1024
    stream: BodyStream | None = None
    sink: Callable[[bytes], Awaitable[None]] | None = None


@dataclass(frozen=True)
class HttpResponse:
    """Repeated headers are joined with a comma, except Set-Cookie, which cannot be joined (RFC 9110, 5.3)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    set_cookies: tuple[str, ...] = ()


class HttpClient(Protocol):
    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request, without following redirects.

        Raises HostFunctionError HTTP_TIMEOUT, RESPONSE_TOO_LARGE, INVALID_URL, INVALID_REQUEST (`fetch` refuses to send
        it), and the errors of `build_fetch_failure` if there is no answer.
        """


class TextDecoder(Protocol):
    """Every charset of the Encoding standard, by its labels (https://encoding.spec.whatwg.org/#names-and-labels)."""

    def decode(self, content: bytes, label: str) -> str | None:
        """The decoded string, without its byte order mark; None if the label is unknown or the bytes are
        invalid in it.
        """


class AiModel(Protocol):
    """Workers AI."""

    async def run(self, model: str, inputs: Mapping[str, Any]) -> Any:
        """The model's answer, such as {"response": str}. Raises HostFunctionError AI_FAILED, AI_REFUSED."""


class Clock(Protocol):
    def now_ms(self) -> float:
        """Milliseconds since 1970, UTC."""

    async def sleep(self, duration_ms: float) -> None: ...

    async def pause(self) -> None:
        """Wait for a timer to fire: other waiting work has run by then, and the time has advanced."""


@dataclass(frozen=True)
class Published:
    """A version that the registry has accepted: its contract as JSON, and the hashes of module and contract."""

    contract: Mapping[str, Any]
    sha256: str
    contract_sha256: str


class ComponentRegistry(Protocol):
    """The registry, as far as the caller's key may see it."""

    async def find(self, reference: str) -> Published | None:
        """The version that `reference`, `id` or `id@v1`, names; None if unknown. Raises ComponentError
        REGISTRY_UNAVAILABLE.
        """

    async def ask(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        """The status and the JSON of the registry's answer to a GET of `/health`, of `/components` or of what is below
        it. Raises ComponentError REGISTRY_UNAVAILABLE.
        """


class Background(Protocol):
    """Work that continues after the answer (the platform's waitUntil: for at most 30 s)."""

    def start(self, work: Coroutine[Any, Any, None]) -> None: ...


class Random(Protocol):
    def token_bytes(self, count: int) -> bytes:
        """`count` bytes from a cryptographic source."""


class Cipher(Protocol):
    """AES-256-GCM under one key. A ciphertext ends in its 16-byte tag; an IV is 12 random bytes, never used twice.

    Both methods raise UpstreamError CRYPTO_FAILED.
    """

    async def encrypt(self, plaintext: bytes, iv: bytes, associated_data: bytes) -> bytes: ...

    async def decrypt(self, ciphertext: bytes, iv: bytes, associated_data: bytes) -> bytes:
        """Raises DecryptionError."""


class Signer(Protocol):
    """Ed25519 (RFC 8032) under one private key."""

    async def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""

    async def public_key(self) -> bytes:
        """The public key, 32 bytes."""


class Crypto(Protocol):
    """What checking signatures takes. Both methods raise UpstreamError CRYPTO_FAILED."""

    async def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """The HMAC (RFC 2104) by sha1, sha256 or sha512. The key is not empty."""

    async def verify_ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether it is the signature (RFC 8032) of the message. The key has 32 bytes; one that is no point of the
        curve has no signatures.
        """


class RateLimiter(Protocol):
    """Counts requests by key. `period_s` is the window after which a key may be taken again."""

    period_s: int

    async def take(self, key: str) -> bool:
        """Whether `key` is within its limit. The platform counts in each of its locations separately.

        Raises UpstreamError RATE_LIMITER_FAILED.
        """


@dataclass(frozen=True)
class RunInstance:
    """An instance of the Workflow of runs. `status` is the platform's: queued, running, waiting, waitingForPause,
    paused, complete, errored, terminated, unknown.

    `output` is what a complete one answered, `error` {"name", "message"} of an errored one.
    """

    status: str
    output: Any = None
    error: Mapping[str, str] | None = None


class RunInstances(Protocol):
    """The instances of the Workflow of runs, by their ids: 1 to 100 of `A-Za-z0-9_-`, the first no `-`.

    Every method raises UpstreamError WORKFLOWS_FAILED, and RateLimitedError TOO_MANY_INSTANCES; those that need an
    instance raise NotFoundError INSTANCE_NOT_FOUND.
    """

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        """Create and start an instance. `params` is JSON of at most 1 MiB; its `run` gets it as the event's payload.

        False if the id has been used, even if that instance has ended.
        """

    async def create_batch(self, instances: Mapping[str, Mapping[str, Any]]) -> Collection[str]:
        """Create and start at most 100 instances, by their ids, whose params take at most 1 MiB together. Returns the
        ids that were new.
        """

    async def status(self, instance_id: str) -> RunInstance | None:
        """None if there is no such instance, or no longer."""

    async def send_event(self, instance_id: str, event_type: str, payload: Any) -> None:
        """Send an event, which is kept until the instance waits for its type. `payload` is JSON of at most 1 MiB.

        Raises ConflictError INSTANCE_ENDED, but not locally, where nothing happens.
        """

    async def pause(self, instance_id: str) -> None:
        """Stop the instance before its next step. One that has ended or is paused stays as it is."""

    async def resume(self, instance_id: str) -> None:
        """Continue a paused instance. Any other stays as it is."""

    async def terminate(self, instance_id: str) -> None:
        """End the instance; no more of it runs. Raises ConflictError INSTANCE_ENDED."""

    async def delete(self, instance_id: str) -> None:
        """Delete the instance with all that is stored of it; if it runs, it ends. Its id can be used again."""


class InstanceStoppedError(BaseException):
    """The platform stops this execution of the instance: it is paused, terminated or, at each deploy, moved. If it goes
    on, its `run` is called again. The run must leave without another step, and has not failed.

    Like CancelledError it is none of the exceptions that code handles.
    """


class WorkflowSteps(Protocol):
    """The steps of an instance. A step that has finished is not done again when the instance is run again: its result
    is read. Names are at most 256 characters; a name that comes again is another step.

    Every method raises UpstreamError STEP_FAILED, InstanceStoppedError.
    """

    async def do(self, name: str, work: Callable[[], Awaitable[str]], *, retries: int, timeout_ms: int) -> str:
        """The result of `work`, at most 1 MiB. If `work` raises, takes longer than `timeout_ms` or is lost with its
        isolate, it is done again, `retries` times at most. Raises TimeoutError if the last attempt took too long.
        """

    async def sleep(self, name: str, duration_ms: int) -> None:
        """Sleep, at most 365 days. A replay must give the same duration: it is part of the step's identity."""

    async def wait_for_event(self, name: str, event_type: str, timeout_ms: int) -> Any:
        """The payload of the next event of a type. Raises TimeoutError."""
