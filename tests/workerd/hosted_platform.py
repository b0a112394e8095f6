"""A hosted platform for tests: the real Workers, and a stand-in for Cloudflare's API with the tenants' namespaces."""

from dataclasses import dataclass, field
from functools import cached_property

import httpx

from fakes.auth import ACCOUNT, BODY, HEADERS, NAMESPACE, TOKEN
from fakes.cloudflare_rest.api import CloudflareApiStandIn
from workerd.local_platform import LocalPlatform


@dataclass
class Hosted:
    """The platform and the stand-in. `answers` are all of auth's answers; `api_keys` the keys that it showed."""

    platform: LocalPlatform
    cloudflare: CloudflareApiStandIn
    base_url: str
    answers: list[httpx.Response] = field(default_factory=list)
    api_keys: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, api_key: str | None = None, address: str = "192.0.2.1") -> httpx.Response:
        headers = {"CF-Connecting-IP": address, **({} if api_key is None else {"X-Arcrun-API-Key": api_key})}
        return self._send(method, path, headers, None)

    def register(self, namespace: str = NAMESPACE, token: str = TOKEN, address: str = "192.0.2.1") -> httpx.Response:
        headers = {**HEADERS, "CF-Api-Token": token, "CF-Connecting-IP": address}
        return self._send("POST", "/register", headers, {**BODY, "kv_namespace_id": namespace})

    def register_key(self, namespace: str, address: str) -> str:
        """Register a namespace; returns its API key."""
        self.cloudflare.add_namespace(ACCOUNT, namespace)
        key: str = self.register(namespace, address=address).json()["data"]["api_key"]
        return key

    def _send(self, method: str, path: str, headers: dict[str, str], body: object) -> httpx.Response:
        url = self.platform.urls["auth"] + path
        answer = httpx.request(method, url, headers=headers, json=body, timeout=60, trust_env=False)
        self.answers.append(answer)
        if "api_key" in answer.text:
            self.api_keys.append(answer.json()["data"]["api_key"])
        return answer

    def ask_executor(
        self, method: str, path: str, api_key: str | None, body: object = None, address: str = "192.0.2.1"
    ) -> httpx.Response:
        headers = {"CF-Connecting-IP": address, **({} if api_key is None else {"X-Arcrun-API-Key": api_key})}
        answer = self.executor.request(method, path, headers=headers, json=body)
        self.answers.append(answer)
        return answer

    @cached_property
    def executor(self) -> httpx.Client:
        """A client on one connection, because opening one would dominate the measured time."""
        return httpx.Client(base_url=self.platform.urls["executor"], timeout=60, trust_env=False)
