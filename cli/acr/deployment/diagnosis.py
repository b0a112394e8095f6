"""The checks of `acr doctor`. They are independent, so that a failed check hides no other."""

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
from acr.output.usage import find_nearly_used_up
from acr.output.workflows import are_all_paused
from acr.parts.attestation_check import public_key_of
from acr.targets.executor_client import ExecutorClient
from acr.targets.failing_workflows import describe_failing, find_failing_polls, find_last_runs
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import Storage
from arcrun.limits import CALL_CPU_MS
from arcrun.registry.attestation import signing_key_id_of
from arcrun.workflows.plan import PLAN_FORMAT

MAX_SHOWN_FAILING = 10
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
        try:
            told = look(platform)
            yield Check(name, True, told) if isinstance(told, str) else Check(name, True, told.detail, told.hint, True)
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
    """The executor must answer, be of this version, and have written all records of runs."""
    found = _compare_version(platform, "executor", platform.executor.url)
    refusal = None
    try:
        unwritten = platform.executor.find_unwritten()
    except AnswerError as refused:
        refusal, unwritten = refused, refused.answer["error"].get("details", {}).get("unwritten")
    except CliError:
        return found  # reported by the check of the API key
    if unwritten is not None:
        count = unwritten["count"]
        raise CliError(
            f"{count} run record{'s' * (count != 1)} could not be written, the last at {unwritten['last_at']}: "
            f"{unwritten['reason']}",
            "These runs are missing from all lists. Locally, check whether the disk is full: df -h. If many large"
            " runs end at once, set `record: errors` in the workflow, or `record: before_answer`, which waits for it.",
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
    platform.executor.execute("", {})  # with a valid key, the answer is a refusal of the empty workflow
    return "accepted"


def _look_at_plan(platform: CheckedPlatform) -> str:
    """The Cloudflare plan that the executor assumes, and its limits."""
    try:
        plan = platform.executor.read_plan()
    except AnswerError as refused:
        if refused.answer["error"]["code"] != "NOT_FOUND":
            raise
        raise CliError("The executor does not report its plan.", "acr deploy") from None
    except CliError:
        return _NOT_KNOWN
    subrequests = f"{plan['subrequests']:,} subrequests per run"
    if plan["plan"] == "free":
        sandbox = "sandboxes for" if plan["has_sandbox"] else "no sandboxes:"
        what = f"{sandbox} components of the bucket and cpu_ms above {CALL_CPU_MS}"
        return f"free: {plan['cpu_ms']} ms of CPU time (else CPU_BUDGET) and {subrequests}; {what}"
    if not plan["has_sandbox"]:
        raise CliError(
            "The executor assumes the paid plan, but has no Worker Loader (SANDBOX_UNAVAILABLE).",
            "On the free plan: acr deploy --free-plan. On the paid plan: acr deploy",
        )
    return f"paid: {subrequests}, sandboxes for components of the bucket and cpu_ms above {CALL_CPU_MS}"


def _look_at_usage(platform: CheckedPlatform) -> str:
    """How much of the plan's quotas is used."""
    try:
        data = platform.executor.read_usage()
    except AnswerError as refused:
        if refused.answer["error"]["code"] != "NOT_FOUND":
            raise
        raise CliError("The executor does not report its usage.", "acr deploy") from None
    except CliError:
        return _NOT_KNOWN
    if sentences := find_nearly_used_up(data["usage"]):
        raise CliError(
            " ".join(sentences), "Keep fewer records (`record: errors`, `keep_days`), or move to the Workers paid plan."
        )
    return "below four fifths of every quota: acr usage"


def _look_at_workflows(platform: CheckedPlatform) -> str | Warned:
    """Stored workflows must not be in a format from before a step got only what its config says."""
    try:
        workflows = platform.executor.list_workflows()
    except AnswerError:
        raise
    except CliError:
        return _NOT_KNOWN
    old = sorted(workflow["name"] for workflow in workflows if workflow.get("format", 0) < PLAN_FORMAT)
    if old:
        raise CliError(
            f"Stored in an earlier format: {', '.join(old)}. They run, but their optional fields are no longer taken "
            "from the trigger.",
            "acr upgrade FILE, then acr push FILE",
        )
    if are_all_paused(workflows):
        return Warned(f"{len(workflows)} stored; all are paused: nothing starts a run", "acr resume --all")
    paused = sum(bool(workflow.get("paused")) for workflow in workflows)
    return f"{len(workflows)} stored{f', {paused} of them paused' if paused else ''}"


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
        raise CliError(f"The encryption key does not decrypt {', '.join(unreadable)}.", hint)
    return f"{len(stored)} stored, all readable"


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
    "plan": _look_at_plan,
    "usage": _look_at_usage,
    "workflows": _look_at_workflows,
    "registry": _look_at_registry,
    "registry keys": _look_at_registry_keys,
    "credentials": _look_at_credentials,
}
