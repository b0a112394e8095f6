"""What `acr doctor` looks at. Each check answers by itself, so one that fails hides no other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from acr.answer_shape import SHAPE_FAULTS, explain_shape
from acr.cloudflare import r2
from acr.cloudflare.account import verify_token
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.kv import KvNamespace, list_namespaces
from acr.cloudflare.workers import find_worker
from acr.config.folders import user_config_path
from acr.config.private_file import is_private
from acr.config.worker_variables import API_KEY, ENCRYPTION_KEY, EXECUTOR
from acr.credentials.credential_store import CredentialStore
from acr.credentials.encryption import read_key_ring
from acr.deployment.health import read_health
from acr.deployment.manifest import MARK
from acr.errors import AnswerError, CliError
from acr.output.usage import find_nearly_used_up
from acr.parts.attestation_check import public_key_of
from acr.targets.executor_client import ExecutorClient
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import Storage
from arcrun.limits import CALL_CPU_MS
from arcrun.registry.attestation import signing_key_id_of
from arcrun.workflows.plan import PLAN_FORMAT

_NOT_KNOWN = "not known; the checks of executor and API key say why"


@dataclass(frozen=True)
class Check:
    """`hint` names the next step of a check that failed."""

    name: str
    ok: bool
    detail: str
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "hint": self.hint}


@dataclass(frozen=True)
class CheckedPlatform:
    """What is looked at: a platform, over its Workers and Cloudflare's API. Without a registry, `registry` is None."""

    storage: Storage
    executor: ExecutorClient
    registry: RegistryClient | None
    api: CloudflareApi
    http: httpx.Client
    version: str


def examine(platform: CheckedPlatform) -> Iterator[Check]:
    checks = _PLATFORM_CHECKS if platform.storage.is_local else {**_ACCOUNT_CHECKS, **_PLATFORM_CHECKS}
    for name, look in checks.items():
        try:
            yield Check(name, True, look(platform))
        except AnswerError as refused:
            yield Check(name, False, f"{refused.answer['error']['code']}: {refused.message}", refused.hint)
        except CliError as error:
            yield Check(name, False, error.message, error.hint)
        except SHAPE_FAULTS as fault:
            if (explained := explain_shape(fault)) is None:
                raise
            yield Check(name, False, explained.message, explained.hint)


def _look_at_config(_: CheckedPlatform) -> str:
    path = user_config_path()
    if path.is_file() and not is_private(path):
        raise CliError(f"Others may read {path}.", f"chmod 600 {path}")
    return str(path) if path.is_file() else "none; the environment has all that is needed"


def _look_at_token(platform: CheckedPlatform) -> str:
    status = verify_token(platform.api).status
    if status != "active":
        raise CliError(f"The API token is {status}.", "Make a new one and run: acr init")
    return "active"


def _look_at_worker(platform: CheckedPlatform) -> str:
    settings = find_worker(platform.api, EXECUTOR)
    if settings is None or MARK not in settings.variables:
        raise CliError(f"{EXECUTOR} is not deployed by acr.", "acr deploy")
    missing = {API_KEY, ENCRYPTION_KEY} - settings.secret_names
    if missing:
        raise CliError(f"{EXECUTOR} lacks the secrets {', '.join(sorted(missing))}.", "acr deploy")
    return f"{EXECUTOR} {settings.variables[MARK]}"


def _look_at_namespaces(platform: CheckedPlatform) -> str:
    existing = set(list_namespaces(platform.api).values())
    missing = [binding for binding, kv_id in platform.storage.namespaces.items() if kv_id not in existing]
    if missing or not platform.storage.namespaces:
        raise CliError(
            f"There is no KV namespace for {', '.join(missing) or 'any binding'}.", "acr init, then acr deploy"
        )
    return f"{len(platform.storage.namespaces)} there"


def _look_at_components(platform: CheckedPlatform) -> str:
    """Each object's hash is its entity tag; a module without its contract, or the reverse, cannot be found."""
    if platform.storage.bucket not in r2.list_buckets(platform.api):
        raise CliError(f"There is no bucket {platform.storage.bucket}.", "acr init")
    objects = r2.R2Bucket(platform.api, platform.storage.bucket).list_objects()
    keys = {item.key for item in objects if "/" not in item.key}  # in folders, the Workers keep theirs by hash
    suffixes = {".wasm": ".contract.yaml", ".contract.yaml": ".wasm"}
    halves = [
        key
        for key in keys
        for own, other in suffixes.items()
        if key.endswith(own) and _swap(key, own, other) not in keys
    ]
    if halves:
        raise CliError(f"These have no other half in the bucket: {', '.join(sorted(halves))}.", "Upload them again.")
    return f"{sum(key.endswith('.wasm') for key in keys)} in {platform.storage.bucket}"


def _look_at_executor(platform: CheckedPlatform) -> str:
    """It answers, is of this version, and has written what it should have."""
    found = _compare_version(platform, "executor", platform.executor.url)
    refusal = None
    try:
        unwritten = platform.executor.find_unwritten()
    except AnswerError as refused:
        refusal, unwritten = refused, refused.answer["error"].get("details", {}).get("unwritten")
    except CliError:
        return found  # the check of the API key says why
    if unwritten is not None:
        count = unwritten["count"]
        raise CliError(
            f"{count} record{'s' * (count != 1)} of runs could not be written, the last at {unwritten['last_at']}: "
            f"{unwritten['reason']}",
            "These runs are in no list. Where the disk may be full, locally: df -h. Where many large ones end at once:"
            " `record: errors` in the workflow, or `record: before_answer`, which waits for them.",
        )
    if refusal is not None:
        raise refusal
    return found


def _compare_version(platform: CheckedPlatform, service: str, url: str) -> str:
    version = read_health(platform.http, url)
    if version is None:
        raise CliError(f"{url}/health does not answer.", "acr deploy, or locally: acr dev")
    if version != platform.version:
        raise CliError(f"The {service} is version {version}, this command {platform.version}.", "acr deploy")
    return f"{url} version {version}"


def _look_at_api_key(platform: CheckedPlatform) -> str:
    platform.executor.execute("", {})  # refused: as a workflow, if the key is right
    return "accepted"


def _look_at_plan(platform: CheckedPlatform) -> str:
    """Cloudflare's, as the executor believes it, and what follows."""
    try:
        plan = platform.executor.read_plan()
    except AnswerError as refused:
        if refused.answer["error"]["code"] != "NOT_FOUND":
            raise
        raise CliError("The executor does not say which plan it keeps runs to.", "acr deploy") from None
    except CliError:
        return _NOT_KNOWN
    subrequests = f"{plan['subrequests']:,} subrequests a run"
    if plan["plan"] == "free":
        sandbox = "sandboxes for" if plan["has_sandbox"] else "no sandboxes:"
        what = f"{sandbox} components of the bucket and cpu_ms above {CALL_CPU_MS}"
        return f"free: {plan['cpu_ms']} ms of processor time (else CPU_BUDGET) and {subrequests}; {what}"
    if not plan["has_sandbox"]:
        raise CliError(
            "The executor takes the account for one on the paid plan, and has no Worker Loader (SANDBOX_UNAVAILABLE).",
            "On the free plan: acr deploy --free-plan. On the paid one: acr deploy",
        )
    return f"paid: {subrequests}, sandboxes for components of the bucket and cpu_ms above {CALL_CPU_MS}"


def _look_at_usage(platform: CheckedPlatform) -> str:
    """How much of the plan is gone."""
    try:
        data = platform.executor.read_usage()
    except AnswerError as refused:
        if refused.answer["error"]["code"] != "NOT_FOUND":
            raise
        raise CliError("The executor does not say what it has used.", "acr deploy") from None
    except CliError:
        return _NOT_KNOWN
    if sentences := find_nearly_used_up(data["usage"]):
        raise CliError(
            " ".join(sentences), "Keep fewer records (`record: errors`, `keep_days`), or move to the Workers paid plan."
        )
    return "below four fifths of what there is: acr usage"


def _look_at_workflows(platform: CheckedPlatform) -> str:
    """Those that were stored before a step got exactly what its config says."""
    try:
        workflows = platform.executor.list_workflows()
    except AnswerError:
        raise
    except CliError:
        return _NOT_KNOWN
    old = sorted(workflow["name"] for workflow in workflows if workflow.get("format", 0) < PLAN_FORMAT)
    if old:
        raise CliError(
            f"Stored in an earlier format: {', '.join(old)}. They run, but none of their optional fields is taken from "
            "the trigger any more.",
            "acr upgrade FILE, then acr push FILE",
        )
    return f"{len(workflows)} stored"


def _look_at_registry(platform: CheckedPlatform) -> str:
    if platform.registry is None:
        return "none; acr deploy brings one, for acr parts publish and statistics"
    return _compare_version(platform, "registry", platform.registry.url)


def _look_at_registry_keys(platform: CheckedPlatform) -> str:
    """The registry takes the API key and the reviewer's, and signs with the signing key that is known here."""
    registry = platform.registry
    if registry is None:
        return "none"
    signing_key_id = registry.read_key()["key_id"]
    if registry.signing_key and signing_key_id_of(public_key_of(registry.signing_key)) != signing_key_id:
        raise CliError(f"The registry signs with another key, {signing_key_id}.", "acr deploy")
    registry.read_key(as_reviewer=True)
    return f"API key and reviewer's key accepted; signs with {signing_key_id}"


def _look_at_credentials(platform: CheckedPlatform) -> str:
    storage = platform.storage
    keys = read_key_ring(storage.encryption_key, storage.previous_encryption_key)
    namespace_id = storage.namespaces.get("CREDENTIALS_KV")
    if namespace_id is None:
        raise CliError("There is no KV namespace for CREDENTIALS_KV.", "acr init")
    stored = CredentialStore(KvNamespace(platform.api, namespace_id)).list(keys)
    unreadable = [item.name for item in stored if not item.readable]
    if unreadable:
        hint = f"Store them again: acr creds push {' '.join(unreadable)}"
        raise CliError(f"The encryption key does not open {', '.join(unreadable)}.", hint)
    return f"{len(stored)} stored, all readable"


def _swap(key: str, own: str, other: str) -> str:
    return key.removesuffix(own) + other


_Look = Callable[[CheckedPlatform], str]
_ACCOUNT_CHECKS: Mapping[str, _Look] = {
    "configuration": _look_at_config,
    "token": _look_at_token,
    "worker": _look_at_worker,
}
_PLATFORM_CHECKS: Mapping[str, _Look] = {
    "namespaces": _look_at_namespaces,
    "components": _look_at_components,
    "executor": _look_at_executor,
    "API key": _look_at_api_key,
    "plan": _look_at_plan,
    "usage": _look_at_usage,
    "workflows": _look_at_workflows,
    "registry": _look_at_registry,
    "registry keys": _look_at_registry_keys,
    "credentials": _look_at_credentials,
}
