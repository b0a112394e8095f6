"""What wrangler 4 asks Cloudflare for on `deploy` and `secret bulk`, as far as it changes anything there.

test_deploy.py compares this with what the real one asks for.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

BOUNDARY = "fake-wrangler"
Send = Callable[[str, str, bytes, str, str | None], httpx.Response]
"""(method, path within the account, content, its type, a token in place of the account's) -> the answer."""


class WranglerError(Exception):
    """What Cloudflare said."""


def deploy(send: Send, folder: Path, secrets: Mapping[str, str]) -> None:
    """Deploy the Worker in `folder`. Raises WranglerError."""
    manifest = json.loads((folder / "wrangler.json").read_text(encoding="utf-8"))
    main = (folder / "build/entry.py").read_bytes()
    script = f"/workers/scripts/{manifest['name']}"
    found = send("GET", f"/workers/services/{manifest['name']}", b"", "", None)
    migrations = manifest.get("migrations", [])
    pending = _pending_migrations(found, migrations)
    metadata = {
        "main_module": "entry.py",
        "bindings": list(_bindings_of(manifest, secrets)),
        "compatibility_date": manifest["compatibility_date"],
        "compatibility_flags": manifest["compatibility_flags"],
        "keep_bindings": ["secret_text", "secret_key"],
        **({"migrations": pending} if pending else {}),
        **_upload_assets(send, script, folder, manifest.get("assets")),
    }
    parts = [("metadata", "application/json", json.dumps(metadata).encode()), ("entry.py", "text/x-python", main)]
    upload = b"".join(_part(*part) for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    if found.is_success and not pending:
        version = _result(send("POST", f"{script}/versions", upload, kind, None))
        versions = [{"version_id": version["id"], "percentage": 100}]
        _result(_send_json(send, "POST", f"{script}/deployments", {"strategy": "percentage", "versions": versions}))
        _result(_send_json(send, "PATCH", f"{script}/script-settings", {}))
    else:
        _result(send("PUT", script, upload, kind, None))
    _result(_send_json(send, "POST", f"{script}/subdomain", {"enabled": manifest["workers_dev"]}))
    domains = [{"hostname": route["pattern"]} for route in manifest.get("routes", [])]
    if domains:
        _result(_send_json(send, "POST", f"{script}/domains/changeset", domains))
        _result(_send_json(send, "PUT", f"{script}/domains/records", {"origins": domains}))
    for item in manifest.get("workflows", []):
        owned = {"script_name": manifest["name"], "class_name": item["class_name"]}
        _result(_send_json(send, "PUT", f"/workflows/{item['name']}", owned))


def _upload_assets(send: Send, script: str, folder: Path, assets: Mapping[str, Any] | None) -> dict[str, Any]:
    """{"assets"} of the Worker's upload, once Cloudflare has all the files."""
    if assets is None:
        return {}
    root = folder / assets["directory"]
    files = {f"/{path.relative_to(root).as_posix()}": path for path in sorted(root.rglob("*")) if path.is_file()}
    headers = files.pop("/_headers").read_text(encoding="utf-8")
    by_hash = {sha256(path.read_bytes() + path.suffix.encode()).hexdigest()[:32]: path for path in files.values()}
    hashes = {path: name for name, path in by_hash.items()}
    manifest = {name: {"hash": hashes[path], "size": path.stat().st_size} for name, path in files.items()}
    session = _result(_send_json(send, "POST", f"{script}/assets-upload-session", {"manifest": manifest}))
    token = session["jwt"] if not session["buckets"] else None
    for bucket in session["buckets"]:
        parts = [_part(name, "application/null", b64encode(by_hash[name].read_bytes())) for name in bucket]
        content = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        uploaded = _result(send("POST", "/workers/assets/upload?base64=true", content, kind, session["jwt"]))
        token = uploaded["jwt"] or token
    return {"assets": {"jwt": token, "config": {"run_worker_first": assets["run_worker_first"], "_headers": headers}}}


def put_secrets(send: Send, worker: str, secrets: Mapping[str, str | None]) -> None:
    """Raises WranglerError."""
    items = {name: text and {"name": name, "text": text, "type": "secret_text"} for name, text in secrets.items()}
    _result(_send_json(send, "PATCH", f"/workers/scripts/{worker}/secrets-bulk", {"secrets": items}))


def _pending_migrations(found: httpx.Response, migrations: list[dict[str, Any]]) -> dict[str, Any] | None:
    tag = found.json()["result"]["default_environment"]["script"].get("migration_tag") if found.is_success else None
    tags = [step["tag"] for step in migrations]
    steps = migrations[tags.index(tag) + 1 :] if tag in tags else migrations
    if not steps:
        return None
    bare = [{key: value for key, value in step.items() if key != "tag"} for step in steps]
    return {**({"old_tag": tag} if tag else {}), "new_tag": tags[-1], "steps": bare}


def _bindings_of(manifest: Mapping[str, Any], secrets: Mapping[str, str]) -> Any:
    yield from ({"name": name, "type": "plain_text", "text": text} for name, text in manifest["vars"].items())
    yield from ({"name": name, "type": "secret_text", "text": text} for name, text in secrets.items())
    for item in manifest.get("durable_objects", {}).get("bindings", []):
        yield {**item, "type": "durable_object_namespace"}
    for item in manifest.get("workflows", []):
        workflow = {"workflow_name": item["name"], "class_name": item["class_name"]}
        yield {"name": item["binding"], "type": "workflow", **workflow}
    for item in manifest.get("services", []):
        yield {"name": item["binding"], "type": "service", "service": item["service"]}


def _part(name: str, kind: str, content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def _send_json(send: Send, method: str, path: str, body: Any) -> httpx.Response:
    return send(method, path, json.dumps(body).encode(), "application/json", None)


def _result(answer: httpx.Response) -> Any:
    if not answer.is_success:
        errors = answer.json()["errors"]
        raise WranglerError("; ".join(f"{error['message']} [code: {error['code']}]" for error in errors))
    return answer.json()["result"]
