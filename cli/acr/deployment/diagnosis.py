"""The checks of `acr doctor`. They are independent, so that a failed check hides no other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from acr.answer_shape import SHAPE_FAULTS, explain_shape
from acr.cloudflare import r2
from acr.cloudflare.account import verify_token
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.kv import KvNamespace, list_namespaces
from acr.cloudflare.workers import find_worker
from acr.cloudflare.workflows import find_workflow
from acr.config.folders import user_config_path
from acr.config.private_file import is_private
from acr.config.worker_variables import API_KEY, ENCRYPTION_KEY, EXECUTOR, MAIL_DOMAIN, RUN_WORKFLOW
from acr.credentials.credential_store import CredentialStore
from acr.credentials.encryption import read_key_ring
from acr.deployment.health import read_health
from acr.deployment.mail_routing import check_routing
from acr.deployment.manifest import MARK
from acr.errors import AnswerError, CliError
from acr.parts.attestation_check import public_key_of
from acr.targets.executor_client import ExecutorClient
from acr.targets.failing_workflows import describe_failing, find_failing_polls, find_last_runs
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import Storage
from arcrun.registry.attestation import signing_key_id_of

MAX_SHOWN_FAILING = 10
_OWN_CHECKS = "the executor's own checks"
_NOT_KNOWN = "unknown; see the checks of executor and API key"


@dataclass(frozen=True)
class Check:
    """A check's result. `hint` is the next step if it failed, or `warns`: then the platform is well, and its owner
    should know something all the same.
    """

    name: str
    ok: bool
    detail: str
    hint: str = ""
    warns: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "warns": self.warns, "detail": self.detail, "hint": self.hint}


@dataclass(frozen=True)
class Warned:
    """What a check tells that has not failed, and warns."""

    detail: str
    hint: str


@dataclass(frozen=True)
class CheckedPlatform:
    """The platform to check, over its Workers and Cloudflare's API. `registry` is None if there is no registry."""

    storage: Storage
    executor: ExecutorClient
    registry: RegistryClient | None
    api: CloudflareApi
    http: httpx.Client
    version: str


def examine(platform: CheckedPlatform) -> Iterator[Check]:
    """Yield the result of each check that applies to the platform."""
    checks = _PLATFORM_CHECKS if platform.storage.is_local else {**_ACCOUNT_CHECKS, **_PLATFORM_CHECKS}
    for name, look in checks.items():
        yield from _guard(name, partial(_look, platform, name, look))
    yield from _guard(_OWN_CHECKS, partial(_ask_executor, platform.executor))


def _guard(name: str, ask: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """What is told, or else that the check `name` has failed, and why."""
    try:
        return ask()
    except AnswerError as refused:
        return [Check(name, False, f"{refused.answer['error']['code']}: {refused.message}", refused.hint)]
    except CliError as error:
        return [Check(name, False, error.message, error.hint)]
    except SHAPE_FAULTS as fault:
        if (explained := explain_shape(fault)) is None:
            raise
        return [Check(name, False, explained.message, explained.hint)]


def _look(platform: CheckedPlatform, name: str, look: "_Look") -> Sequence[Check]:
    told = look(platform)
    return [Check(name, True, told) if isinstance(told, str) else Check(name, True, told.detail, told.hint, warns=True)]


def _ask_executor(executor: ExecutorClient) -> Sequence[Check]:
    """What the executor finds when it examines itself."""
    try:
        found = executor.examine()
    except AnswerError as refused:
        if refused.answer["error"]["code"] != "NOT_FOUND":
            raise
        raise CliError("It does not report its checks.", "acr deploy") from None
    except CliError:
        return [Check(_OWN_CHECKS, True, _NOT_KNOWN)]
    return [Check(each["name"], each["ok"], each["detail"], each["hint"], each["warns"]) for each in found]


def _look_at_config(_: CheckedPlatform) -> str:
    path = user_config_path()
    if path.is_file() and not is_private(path):
        raise CliError(f"Other users can read {path}.", f"chmod 600 {path}")
    return str(path) if path.is_file() else "none; the environment has everything needed"


def _look_at_token(platform: CheckedPlatform) -> str:
    status = verify_token(platform.api).status
    if status != "active":
        raise CliError(f"The API token is {status}.", "Create a new one and run: acr init")
    return "active"


def _look_at_worker(platform: CheckedPlatform) -> str:
    name = EXECUTOR + platform.storage.suffix
    settings = find_worker(platform.api, name)
    if settings is None or MARK not in settings.variables:
        raise CliError(f"{name} was not deployed by acr.", "acr deploy")
    missing = {API_KEY, ENCRYPTION_KEY} - settings.secret_names
    if missing:
        raise CliError(f"{name} lacks the secrets {', '.join(sorted(missing))}.", "acr deploy")
    return f"{name} {settings.variables[MARK]}"


def _look_at_run_workflow(platform: CheckedPlatform) -> str:
    name, worker = RUN_WORKFLOW + platform.storage.suffix, EXECUTOR + platform.storage.suffix
    found = find_workflow(platform.api, name)
    if found is None or found.worker != worker:
        said = "is not there" if found is None else f"belongs to the Worker {found.worker}"
        raise CliError(f"The Workflow {name}, which durable runs need, {said}.", "acr deploy")
    return name


def _look_at_namespaces(platform: CheckedPlatform) -> str:
    existing = set(list_namespaces(platform.api).values())
    missing = [binding for binding, kv_id in platform.storage.namespaces.items() if kv_id not in existing]
    if missing or not platform.storage.namespaces:
        raise CliError(
            f"There is no KV namespace for {', '.join(missing) or 'any binding'}.", "acr init, then acr deploy"
        )
    return f"{len(platform.storage.namespaces)} there"


def _look_at_components(platform: CheckedPlatform) -> str:
    """Each module needs its contract and each contract its module, else the executor cannot find the component."""
    if platform.storage.bucket not in r2.list_buckets(platform.api):
        raise CliError(f"There is no bucket {platform.storage.bucket}.", "acr init")
    objects = r2.R2Bucket(platform.api, platform.storage.bucket).list_objects()
    keys = {item.key for item in objects if "/" not in item.key}  # the Workers' own objects are in folders, by hash
    others = {".wasm": (".contract.yaml",), ".js": (".contract.yaml",), ".contract.yaml": (".wasm", ".js")}
    halves = [
        key
        for key in keys
        for own, wanted in others.items()
        if key.endswith(own) and keys.isdisjoint(_swap(key, own, other) for other in wanted)
    ]
    if halves:
        raise CliError(
            f"These lack their module or contract in the bucket: {', '.join(sorted(halves))}.", "Upload them again."
        )
    return f"{sum(key.endswith(('.wasm', '.js')) for key in keys)} in {platform.storage.bucket}"


def _look_at_executor(platform: CheckedPlatform) -> str:
    return _compare_version(platform, "executor", platform.executor.url)


def _compare_version(platform: CheckedPlatform, service: str, url: str) -> str:
    version = read_health(platform.http, url)
    if version is None:
        raise CliError(f"{url}/health does not answer.", "acr deploy, or locally: acr dev")
    if version != platform.version:
        raise CliError(f"The {service} is version {version}, this command {platform.version}.", "acr deploy")
    return f"{url} version {version}"


def _look_at_api_key(platform: CheckedPlatform) -> str:
    platform.executor.execute("", {})  # with a valid key, the answer is a refusal of the empty workflow
    return "accepted"


def _look_at_runs(platform: CheckedPlatform) -> str | Warned:
    """Workflows that fail are no fault of the platform, but what its owner should know first."""
    try:
        names = [workflow["name"] for workflow in platform.executor.list_workflows()]
        dead, _, failed = platform.executor.count_unsettled()
        last_runs = find_last_runs(platform.executor, failed)
        polls = find_failing_polls(platform.executor.list_schedules(0))
    except CliError:
        return _NOT_KNOWN
    failing = describe_failing(names, last_runs, dead, polls)
    if not failing:
        return "no workflow's last run has failed"
    shown = [f"{name} ({why})" for name, why in [*failing.items()][:MAX_SHOWN_FAILING]]
    more = f", and {len(failing) - len(shown)} more" if len(failing) > len(shown) else ""
    return Warned(
        f"{len(failing)} of {len(names)} workflows fail: {', '.join(shown)}{more}",
        "acr logs --status failed; dead letters: acr logs --failed" if dead else "acr logs --status failed",
    )


def _look_at_registry(platform: CheckedPlatform) -> str:
    if platform.registry is None:
        return "none; deploy one for acr parts publish and statistics: acr deploy"
    return _compare_version(platform, "registry", platform.registry.url)


def _look_at_registry_keys(platform: CheckedPlatform) -> str:
    """The registry must accept the API key and the reviewer's key, and sign with the signing key configured here."""
    registry = platform.registry
    if registry is None:
        return "none"
    signing_key_id = registry.read_key()["key_id"]
    if registry.signing_key and signing_key_id_of(public_key_of(registry.signing_key)) != signing_key_id:
        raise CliError(f"The registry signs with another key, {signing_key_id}.", "acr deploy")
    registry.read_key(as_reviewer=True)
    return f"API key and reviewer's key accepted; signs with {signing_key_id}"


def _look_at_encryption_key(platform: CheckedPlatform) -> str:
    storage = platform.storage
    """That of this configuration must be the one that the stored credentials are encrypted with."""
    keys = read_key_ring(storage.encryption_key, storage.previous_encryption_key)
    namespace_id = storage.namespaces.get("CREDENTIALS_KV")
    if namespace_id is None:
        raise CliError("There is no KV namespace for CREDENTIALS_KV.", "acr init")
    stored = CredentialStore(KvNamespace(platform.api, namespace_id)).list(keys)
    unreadable = [item.name for item in stored if not item.readable]
    if unreadable:
        hint = f"Store them again: acr creds push {' '.join(unreadable)}"
        raise CliError(f"The encryption key does not decrypt {', '.join(unreadable)}.", hint)
    return f"decrypts all of the {len(stored)} stored credentials"


def _swap(key: str, own: str, other: str) -> str:
    return key.removesuffix(own) + other


def _look_at_mail(platform: CheckedPlatform) -> str:
    """Messages to the workflows' addresses must reach the executor."""
    worker = EXECUTOR + platform.storage.suffix
    settings = find_worker(platform.api, worker)
    domain = None if settings is None else settings.variables.get(MAIL_DOMAIN)
    if domain is None:
        return "no domain: workflows have no mail addresses; acr deploy --mail-domain NAME gives them some"
    try:
        stored = platform.executor.list_workflows()
    except CliError:
        return _NOT_KNOWN
    taking = [workflow["name"] for workflow in stored if workflow.get("email_address")]
    return check_routing(platform.api, domain, worker, taking)


_Look = Callable[[CheckedPlatform], str | Warned]
_ACCOUNT_CHECKS: Mapping[str, _Look] = {
    "configuration": _look_at_config,
    "token": _look_at_token,
    "worker": _look_at_worker,
    "run workflow": _look_at_run_workflow,
    "mail": _look_at_mail,
}
_PLATFORM_CHECKS: Mapping[str, _Look] = {
    "runs": _look_at_runs,
    "namespaces": _look_at_namespaces,
    "components": _look_at_components,
    "executor": _look_at_executor,
    "API key": _look_at_api_key,
    "registry": _look_at_registry,
    "registry keys": _look_at_registry_keys,
    "encryption key": _look_at_encryption_key,
}
