"""Cloudflare's REST API v4 in memory, answering in its documented shapes, as a transport for httpx.

`requests` lists "METHOD path" in order. `failures` maps "METHOD path" to answers that are given first: a number is a
status with an error envelope, an exception is raised. `created` counts what was made. `workers` has the Workers
(fakes/cloudflare_rest/workers.py).
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

from fakes.cloudflare_rest.answers import answer, refuse
from fakes.cloudflare_rest.workers import WorkersStandIn

__all__ = ["ACCOUNT", "BASE", "TOKEN", "CloudflareStandIn", "refuse", "served"]

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "canary-api-token-0123456789"
BASE = "/client/v4"


@dataclass
class CloudflareStandIn(httpx.BaseTransport):
    namespaces: dict[str, str] = field(default_factory=dict)  # title -> id
    values: dict[tuple[str, str], str] = field(default_factory=dict)  # (namespace, key) -> value
    buckets: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    workers: WorkersStandIn = field(default_factory=WorkersStandIn)
    subdomain: str | None = "ada"
    keys_a_page: int = 1000
    requests: list[str] = field(default_factory=list)
    failures: dict[str, list[int | Exception | httpx.Response]] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    zones: dict[str, str] = field(default_factory=dict)  # name -> id
    routing: dict[str, Any] = field(default_factory=dict)  # the settings of Email Routing, of every zone
    mail_rules: list[dict[str, Any]] = field(default_factory=list)  # its rules, the catch-all first

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(BASE)
        path = path.removeprefix(f"/accounts/{ACCOUNT}")
        line = f"{request.method} {path}"
        self.requests.append(line)
        if self.failures.get(line):
            failure = self.failures[line].pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure if isinstance(failure, httpx.Response) else refuse(failure)
        query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        if line == "POST /workers/assets/upload":
            return self.workers.assets.upload(request, query)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refuse(401, 10000, "Authentication error")
        return self._answer(request, [unquote(part) for part in path.strip("/").split("/")], query)

    def _answer(self, request: httpx.Request, path: list[str], query: dict[str, str]) -> httpx.Response:
        match [request.method, *path]:
            case ["GET", "accounts"]:
                return answer([{"id": ACCOUNT, "name": "Ada's account"}], {"count": 1, "page": 1})
            case ["GET", "user", "tokens", "verify"]:
                return answer({"id": "t1", "status": "active"})
            case ["GET", "user", "tokens", "permission_groups"]:
                return answer([{"id": "g0", "name": "DNS Write"}, {"id": "g1", "name": "Workers KV Storage Write"}])
            case ["POST", "user", "tokens"]:
                return answer({"id": "t2", "value": "minted-value", **json.loads(request.content)})
            case ["GET", "zones"]:
                found = self.zones.get(query["name"])
                return answer([{"id": found, "name": query["name"], "status": "active"}] if found else [], {"page": 1})
            case ["GET", "zones", _, "email", "routing"]:
                return answer({"id": "s1", "name": "example.com", **self.routing})
            case ["GET", "zones", _, "email", "routing", "rules", "catch_all"]:
                return answer(self.mail_rules[0])
            case ["GET", "zones", _, "email", "routing", "rules"]:
                first = (int(query["page"]) - 1) * int(query["per_page"])
                page = self.mail_rules[first : first + int(query["per_page"])]
                return answer(page, {"page": int(query["page"]), "total_count": len(self.mail_rules)})
            case ["GET", "workers", "subdomain"]:
                return answer({"subdomain": self.subdomain}) if self.subdomain else refuse(404, 10007, "none")
            case ["DELETE", "workers", "domains", domain_id]:
                return self.workers.detach_domain(domain_id)
            case [_, "workers", "workers", name, *rest] if rest:
                return self.workers.answer_beta(request, name, rest, query)
            case [_, "workers", "services" | "scripts" | "workers", name, *rest]:
                return self.workers.answer(request, name, rest, query)
            case ["GET", "workers", "domains"]:
                return self.workers.list_domains(query.get("hostname"))
            case [_, "workflows", name]:
                return self.workers.answer_workflow(request, name)
            case [_, "storage", "kv", "namespaces", *rest]:
                return self._answer_kv(request, rest, query)
            case [_, "r2", "buckets", *rest]:
                return self._answer_r2(request, rest)
        return refuse(404, 7003, f"No route for {request.method} /{'/'.join(path)}")

    def _answer_kv(self, request: httpx.Request, rest: list[str], query: dict[str, str]) -> httpx.Response:
        match [request.method, *rest]:
            case ["GET"]:
                first = (int(query["page"]) - 1) * int(query["per_page"])
                listed = [{"id": kv_id, "title": title} for title, kv_id in sorted(self.namespaces.items())]
                return answer(listed[first : first + int(query["per_page"])])
            case ["POST"]:
                title = json.loads(request.content)["title"]
                if title in self.namespaces:
                    return refuse(400, 10014, "a namespace with this title already exists")
                self.namespaces[title] = md5(title.encode(), usedforsecurity=False).hexdigest()
                self.created[title] += 1
                return answer({"id": self.namespaces[title], "title": title})
            case ["GET", namespace, "keys"]:
                first = int(query.get("cursor", 0))
                names = sorted(key for found, key in self.values if found == namespace)
                names = [name for name in names if name.startswith(query.get("prefix", ""))]
                page = names[first : first + self.keys_a_page]
                more = first + self.keys_a_page < len(names)
                info = {"count": len(page), "cursor": str(first + self.keys_a_page) if more else ""}
                return answer([{"name": name} for name in page], info)
            case ["PUT", namespace, "bulk"]:
                for pair in json.loads(request.content):
                    self.values[namespace, pair["key"]] = pair["value"]
                return answer({"successful_key_count": 1, "unsuccessful_keys": []})
            case ["GET", namespace, "values", key]:
                value = self.values.get((namespace, key))
                return refuse(404, 10009, "key not found") if value is None else httpx.Response(200, text=value)
            case ["PUT", namespace, "values", key]:
                self.values[namespace, key] = request.content.decode()
                return answer({})
            case ["DELETE", namespace, "values", key]:
                self.values.pop((namespace, key), None)
                return answer({})
            case ["DELETE", namespace]:
                titles = [title for title, kv_id in self.namespaces.items() if kv_id == namespace]
                if not titles:
                    return refuse(404, 10013, "namespace not found")
                del self.namespaces[titles[0]]
                self.values = {key: value for key, value in self.values.items() if key[0] != namespace}
                return answer(None)
        return refuse(405, 10405, "method not allowed")

    def _answer_r2(self, request: httpx.Request, rest: list[str]) -> httpx.Response:
        match [request.method, *rest]:
            case ["GET"]:
                return answer({"buckets": [{"name": name} for name in self.buckets]}, {"per_page": 1000})
            case ["POST"]:
                name = json.loads(request.content)["name"]
                if name in self.buckets:
                    return refuse(409, 10004, "The bucket you tried to create already exists, and you own it.")
                self.buckets.append(name)
                self.created[name] += 1
                return answer({"name": name})
            case ["GET", name] if name in self.buckets:
                return answer({"name": name})
            case ["DELETE", name]:
                if name not in self.buckets:
                    return refuse(404, 10006, "The specified bucket does not exist.")
                if self.objects:
                    return refuse(409, 10008, "The bucket you tried to delete is not empty.")
                self.buckets.remove(name)
                return answer({})
            case ["GET", _, "objects"]:
                described = [
                    {"key": key, "size": len(content), "etag": md5(content, usedforsecurity=False).hexdigest()}
                    for key, content in sorted(self.objects.items())
                ]
                return answer(described, {"is_truncated": "false"})
            case ["PUT", _, "objects", *key]:
                self.objects["/".join(key)] = request.content
                self.created["/".join(key)] += 1
                return answer({"key": "/".join(key), "size": str(len(request.content))})
            case ["GET", _, "objects", *key]:
                content = self.objects.get("/".join(key))
                return refuse(404, 10007, "not found") if content is None else httpx.Response(200, content=content)
            case ["DELETE", _, "objects", *key]:
                self.objects.pop("/".join(key), None)
                return answer({"key": "/".join(key)})
        return refuse(405, 10405, "method not allowed")


@contextmanager
def served(cloudflare: CloudflareStandIn) -> Iterator[str]:
    """The stand-in as a server on this machine. Yields its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            url = f"http://{self.headers['host']}{self.path}"
            response = cloudflare.handle_request(
                httpx.Request(self.command, url, content=content, headers=dict(self.headers))
            )
            self.send_response(response.status_code)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{BASE}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
