"""Cloudflare's Workers API in memory: scripts, their versions, deployments, migrations of Durable Objects, domains.

It answers what wrangler 4 and `acr deploy` ask, in the documented shapes, and refuses what Cloudflare refuses, with its
codes where they are known (those that wrangler's sources or issues name). Nothing of a refused upload stays.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from fakes.cloudflare_rest.answers import answer, refuse
from fakes.cloudflare_rest.assets import AssetsStandIn, Manifest, read_parts

KEPT_DEPLOYMENTS = 10  # a list of deployments has no more
NO_WORKER = 10007
NO_WORKFLOW = 10200


class RefusalError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.response = refuse(status, code, message)


@dataclass(frozen=True)
class Upload:
    """`modules` are content types and bytes by name; `metadata` is the part of that name."""

    metadata: Mapping[str, Any]
    modules: Mapping[str, tuple[str, bytes]]


@dataclass(frozen=True)
class Version:
    """`bindings` are complete, with inherited ones and with the secrets' texts."""

    id: str
    number: int
    upload: Upload
    bindings: Mapping[str, Mapping[str, Any]]
    migration_tag: str | None
    source: str
    assets: Manifest | None = None

    @property
    def secrets(self) -> dict[str, str]:
        return {name: item["text"] for name, item in self.bindings.items() if item["type"] == "secret_text"}

    def to_json(self) -> dict[str, Any]:
        metadata = self.upload.metadata
        runtime = {"compatibility_date": metadata.get("compatibility_date"), "migration_tag": self.migration_tag}
        runtime["compatibility_flags"] = metadata.get("compatibility_flags", [])
        return {
            "id": self.id,
            "number": self.number,
            "metadata": {"created_on": moment(self.number), "source": self.source},
            "annotations": {"workers/triggered_by": self.source},
            "resources": {"bindings": shown(self.bindings), "script": {"etag": "e1"}, "script_runtime": runtime},
        }


@dataclass
class Script:
    """`deployments` are the newest last; `tag` is that of the last migration."""

    name: str
    versions: list[Version] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    tag: str | None = None
    classes: set[str] = field(default_factory=set)
    is_reachable: bool = False

    @property
    def running(self) -> Version:
        return self.find(self.deployments[-1]["versions"][0]["version_id"])

    def find(self, version_id: str) -> Version:
        for version in self.versions:
            if version.id == version_id:
                return version
        raise RefusalError(404, 10146, f"version {version_id} does not exist")


@dataclass
class WorkersStandIn:
    """`uploads` are all that were accepted, in order: (Worker, upload). `domains` are Workers by host name, `workflows`
    {"script_name", "class_name", ...} by name.
    """

    scripts: dict[str, Script] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: list[tuple[str, Upload]] = field(default_factory=list)
    assets: AssetsStandIn = field(default_factory=AssetsStandIn)

    def add(self, name: str, bindings: list[dict[str, Any]]) -> None:
        """A Worker that is deployed already."""
        self._deploy(self._save(name, Upload({"bindings": bindings}, {}), "upload"), name, {})

    def bindings_of(self, name: str) -> dict[str, Mapping[str, Any]]:
        """Those of the version that runs."""
        return dict(self.scripts[name].running.bindings)

    def remove_binding(self, name: str, binding: str) -> None:
        kept = [item for item in self.bindings_of(name).values() if item["name"] != binding]
        del self.scripts[name]
        self.add(name, [dict(item) for item in kept])

    def answer(self, request: httpx.Request, name: str, rest: list[str], query: Mapping[str, str]) -> httpx.Response:
        try:
            return self._answer(request, name, rest, query)
        except RefusalError as refusal:
            return refusal.response

    def answer_beta(
        self, request: httpx.Request, name: str, rest: list[str], query: Mapping[str, str]
    ) -> httpx.Response:
        """The API in JSON: /workers/workers/{name}/versions."""
        try:
            match [request.method, *rest]:
                case ["GET", "versions", version_id]:
                    version = self.scripts[name].find(version_id)
                    return answer(show_in_json(version, has_modules=query.get("include") == "modules"))
                case ["POST", "versions"]:
                    version = self._save(name, read_json_upload(request), "version_upload")
                    return answer(show_in_json(version, has_modules=False))
        except RefusalError as refusal:
            return refusal.response
        return refuse(404, 7003, f"No route for {request.method} {request.url.path}")

    def answer_workflow(self, request: httpx.Request, name: str) -> httpx.Response:
        """https://developers.cloudflare.com/api/resources/workflows/"""
        if request.method == "PUT":
            wanted = json.loads(request.content)
            script = self.scripts.get(wanted["script_name"])
            if script is None or not exports(script.running.upload, wanted["class_name"]):
                return refuse(404, NO_WORKER, "This Worker does not exist on your account, or not the class.")
            self.workflows[name] = wanted
        if request.method == "DELETE" and name in self.workflows:
            del self.workflows[name]
            return answer({"status": "ok", "success": True})
        if name not in self.workflows:
            return refuse(404, NO_WORKFLOW, "workflows.api.error.workflow_not_found")
        times = {"created_on": moment(1), "modified_on": moment(1), "triggered_on": None}
        return answer({"id": f"id of {name}", "name": name, **self.workflows[name], **times})

    def list_domains(self, hostname: str | None) -> httpx.Response:
        found = {host: name for host, name in self.domains.items() if hostname in (None, host)}
        return answer([{"id": host, "hostname": host, "service": name} for host, name in found.items()])

    def detach_domain(self, domain_id: str) -> httpx.Response:
        if self.domains.pop(domain_id, None) is None:
            return refuse(404, 100114, "Domain not found.")
        return httpx.Response(200)

    def _answer(self, request: httpx.Request, name: str, rest: list[str], query: Mapping[str, str]) -> httpx.Response:
        if [request.method, *rest] == ["POST", "assets-upload-session"]:  # also of a Worker that is still to be made
            return self.assets.begin(name, request)
        if [request.method, *rest] == ["PUT"]:
            version = self._save(name, read_upload(request), "upload", may_migrate=True)
            self._deploy(version, name, {})
            return answer({"id": name, "etag": "e1", "deployment_id": version.id.replace("-", "")})
        script = self.scripts.get(name)
        if script is None:
            return refuse(404, NO_WORKER, "This Worker does not exist on your account.")
        match [request.method, *rest]:
            case ["DELETE"]:
                return self._delete(name, is_forced=query.get("force") == "true")
            case ["GET"]:
                own = {"tag": "t1", "tags": None, "last_deployed_from": script.deployments[-1]["source"]}
                own |= {"migration_tag": script.tag} if script.tag else {}
                environment = {"environment": "production", "script": own}
                subdomain = {"enabled": script.is_reachable, "previews_enabled": False}
                return answer({"id": "w1", "name": name, "default_environment": environment, "subdomain": subdomain})
            case ["GET", "settings"]:  # of the newest version, whether it runs or not
                return answer({"bindings": shown(script.versions[-1].bindings), "migration_tag": script.tag})
            case ["GET", "secrets"]:
                return answer([{"name": it, "type": "secret_text"} for it in script.versions[-1].secrets])
            case ["PATCH", "secrets-bulk"]:
                return self._change_secrets(script, json.loads(request.content)["secrets"])
            case ["POST", "versions"]:
                version = self._save(name, read_upload(request), "version_upload")
                return answer({**version.to_json(), "startup_time_ms": 1})
            case ["GET", "versions"]:
                listed = [version.to_json() for version in reversed(script.versions)]
                return answer({"items": [{key: it[key] for key in it if key != "resources"} for it in listed]})
            case ["GET", "versions", version_id]:
                return answer(script.find(version_id).to_json())
            case ["GET", "deployments"]:
                return answer({"deployments": script.deployments[-KEPT_DEPLOYMENTS:][::-1]})
            case ["POST", "deployments"]:
                return self._move(script, json.loads(request.content), is_forced=query.get("force") == "true")
            case ["PATCH", "script-settings"]:
                return answer({})
            case ["GET", "subdomain"]:
                return answer({"enabled": script.is_reachable, "previews_enabled": False})
            case ["POST", "subdomain"]:
                script.is_reachable = bool(json.loads(request.content)["enabled"])
                return answer({"enabled": script.is_reachable, "previews_enabled": False})
            case ["POST", "domains", "changeset"]:
                added = [item for item in json.loads(request.content) if item["hostname"] not in self.domains]
                return answer({"added": added, "removed": [], "updated": [], "conflicting": []})
            case ["PUT", "domains", "records"]:
                self.domains.update({it["hostname"]: name for it in json.loads(request.content)["origins"]})
                return answer([])
        return refuse(404, 7003, f"No route for {request.method} {request.url.path}")

    def _delete(self, name: str, *, is_forced: bool) -> httpx.Response:
        """https://developers.cloudflare.com/api/resources/workers/subresources/scripts/methods/delete"""
        others = [script for script in self.scripts.values() if script.name != name]
        bound = {
            item.get("service") or item.get("script_name") for it in others for item in it.running.bindings.values()
        }
        if (name in bound or self.scripts[name].classes) and not is_forced:
            raise RefusalError(400, 10064, "Cannot delete this Worker as it is still referenced.")
        del self.scripts[name]
        return httpx.Response(200)

    def _save(self, name: str, upload: Upload, source: str, *, may_migrate: bool = False) -> Version:
        """A new version of the Worker, unless the upload is refused; then nothing has changed."""
        script = self.scripts.get(name) or Script(name)
        migrations = upload.metadata.get("migrations")
        if migrations and not may_migrate:
            raise RefusalError(400, 10211, 'Migrations must be fully applied by running "wrangler deploy".')
        classes, tag = set(script.classes), script.tag
        if migrations:
            classes, tag = migrate(script, upload, migrations)
        for needed in sorted(classes):
            if not exports(upload, needed):
                message = f"New version of script does not export class '{needed}' which is depended on by existing"
                raise RefusalError(400, 10064, f"{message} Durable Objects.")
        bindings = complete(script, upload.metadata)
        for binding in bindings.values():
            self._check(binding, name, classes)
        number = len(script.versions) + 1
        files = self._find_assets(script, upload)
        version = Version(version_id(name, number), number, upload, bindings, tag, source, files)
        script.classes, script.tag = classes, tag
        script.versions.append(version)
        self.scripts[name] = script
        if source != "secret":
            self.uploads.append((name, upload))
        return version

    def _find_assets(self, script: Script, upload: Upload) -> Manifest | None:
        """The files of a version: those of its token, or with `keep_assets` those of the version before."""
        if upload.metadata.get("keep_assets"):
            return script.versions[-1].assets if script.versions else None
        given = upload.metadata.get("assets")
        if given is None:
            return None
        found = self.assets.find(script.name, given.get("jwt"))
        if found is None:
            raise RefusalError(400, 10304, "The token of completion of the assets is not valid.")
        return found

    def _check(self, binding: Mapping[str, Any], name: str, classes: set[str]) -> None:
        if binding["type"] == "service" and binding["service"] not in {name, *self.scripts}:
            message = f"Could not resolve service binding '{binding['name']}'. Target script"
            raise RefusalError(400, 10143, f"{message} '{binding['service']}' not found.")
        if binding["type"] != "durable_object_namespace":
            return
        wanted, owner = binding["class_name"], binding.get("script_name", name)
        if owner not in {name, *self.scripts}:
            raise RefusalError(400, 10061, f"Cannot create binding for class in script '{owner}' that does not exist.")
        if wanted not in (classes if owner == name else self.scripts[owner].classes):
            message = f"Cannot create binding for class '{wanted}' because it is not currently configured to implement"
            raise RefusalError(
                400, 10061, f"{message} Durable Objects. Ensure a --new-class migration has been applied to it."
            )

    def _deploy(self, version: Version, name: str, annotations: Mapping[str, str], source: str = "wrangler") -> None:
        script = self.scripts[name]
        number = len(script.deployments) + 1
        script.deployments.append(
            {
                "id": version_id(f"deployment of {name}", number),
                "strategy": "percentage",
                "source": source,
                "created_on": moment(number),
                "annotations": dict(annotations),
                "versions": [{"version_id": version.id, "percentage": 100}],
            }
        )

    def _move(self, script: Script, body: Mapping[str, Any], *, is_forced: bool) -> httpx.Response:
        version = script.find(body["versions"][0]["version_id"])
        if version.migration_tag != script.tag:  # its code is not known
            raise RefusalError(400, 10210, "A Durable Object migration was applied since this version was uploaded.")
        now, then = script.running.secrets if script.deployments else {}, version.secrets
        changed = [name for name in sorted({*now, *then}) if now.get(name) != then.get(name)]
        is_older = bool(script.deployments) and version.number < script.running.number
        if changed and is_older and not is_forced:
            message = "This version cannot be deployed. The following secrets have changed: "
            raise RefusalError(400, 10220, message + ", ".join(changed))
        self._deploy(version, script.name, body.get("annotations") or {}, "api")
        return answer(script.deployments[-1])

    def _change_secrets(self, script: Script, secrets: Mapping[str, Mapping[str, str] | None]) -> httpx.Response:
        latest = script.versions[-1]
        if latest is not script.running:
            message = "The latest version of your Worker isn't currently deployed."
            raise RefusalError(400, 10215, message)
        kept = [item for name, item in latest.bindings.items() if name not in secrets]
        bindings = [*kept, *(item for item in secrets.values() if item)]
        metadata = {key: item for key, item in latest.upload.metadata.items() if key != "migrations"}
        metadata |= {"bindings": bindings, **({"keep_assets": True} if latest.assets is not None else {})}
        upload = Upload(metadata, latest.upload.modules)
        self._deploy(self._save(script.name, upload, "secret"), script.name, {})
        return answer({})


def migrate(script: Script, upload: Upload, migrations: Mapping[str, Any]) -> tuple[set[str], str]:
    """The classes and the tag after it. Raises RefusalError."""
    old, classes = migrations.get("old_tag"), set(script.classes)
    if old != script.tag:
        message = f"Migration tag precondition failed; expected tag '{old or ''}', got '{script.tag or ''}'."
        raise RefusalError(412, 10079, message)
    for step in migrations["steps"]:
        for created in [*step.get("new_classes", []), *step.get("new_sqlite_classes", [])]:
            if created in classes:
                message = (
                    f"Cannot apply new-class migration to class '{created}' that is already depended on by existing"
                )
                raise RefusalError(400, 10074, f"{message} Durable Objects.")
            if not exports(upload, created):
                message = f"Cannot apply new-class migration to class '{created}' that is not exported by script."
                raise RefusalError(400, 10070, message)
            classes.add(created)
        for renamed in step.get("renamed_classes", []):
            classes = (classes - {renamed["from"]}) | {renamed["to"]}
        classes -= set(step.get("deleted_classes", []))
    return classes, str(migrations["new_tag"])


def exports(upload: Upload, name: str) -> bool:
    """Whether the main module, in Python, has a class of this name."""
    return f"class {name}(".encode() in upload.modules[upload.metadata["main_module"]][1]


def complete(script: Script, metadata: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The bindings of an upload, with those that it inherits from the newest version. Raises RefusalError."""
    known = script.versions[-1].bindings if script.versions else {}
    kept_types = metadata.get("keep_bindings", [])
    bindings = {name: item for name, item in known.items() if item["type"] in kept_types}
    for item in metadata["bindings"]:
        if item["type"] != "inherit":
            bindings[item["name"]] = item
            continue
        chosen = item.get("version_id", "latest")
        source = known if chosen == "latest" else script.find(chosen).bindings
        if item["name"] not in source:
            raise RefusalError(400, 10057, f"There is no binding {item['name']} to inherit.")
        bindings[item["name"]] = source[item["name"]]
    return bindings


def read_upload(request: httpx.Request) -> Upload:
    """Of multipart/form-data (RFC 7578), whose part `metadata` is JSON; the others are modules."""
    parts = {name: (kind, content) for name, kind, content in read_parts(request)}
    _, metadata = parts.pop("metadata")
    return Upload(json.loads(metadata), parts)


def read_json_upload(request: httpx.Request) -> Upload:
    body = json.loads(request.content)
    modules = {item["name"]: (item["content_type"], b64decode(item["content_base64"])) for item in body.pop("modules")}
    return Upload(body, modules)


def show_in_json(version: Version, *, has_modules: bool) -> dict[str, Any]:
    metadata = version.upload.metadata
    names = ("main_module", "compatibility_date", "compatibility_flags")
    kept: dict[str, Any] = {key: metadata[key] for key in names if key in metadata}
    modules = [
        {"name": name, "content_type": kind, "content_base64": b64encode(content).decode()}
        for name, (kind, content) in version.upload.modules.items()
    ]
    if version.assets is not None:
        kept["assets"] = {"config": metadata["assets"]["config"]}
    about = {"id": version.id, "number": version.number, "bindings": shown(version.bindings), **kept}
    return {**about, **({"modules": modules} if has_modules else {})}


def shown(bindings: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As the API shows them: without the secrets' texts."""
    return [
        {key: it for key, it in item.items() if item["type"] != "secret_text" or key != "text"}
        for item in bindings.values()
    ]


def version_id(name: str, number: int) -> str:
    return f"{name.encode().hex()[:8].ljust(8, '0')}-0000-4000-8000-{number:012x}"


def moment(number: int) -> str:
    return f"2026-11-01T00:00:00.{number:06}Z"
