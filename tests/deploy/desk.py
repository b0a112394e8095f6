"""A simulated user's machine: a folder, a configuration, and commands that only reach stand-ins."""

import base64
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes.cloudflare_rest.account import TOKEN, CloudflareStandIn, served

ROOT = Path(__file__).resolve().parents[2]
ACR = Path(sys.executable).parent / "acr"
API_KEY = "canary-api-key-5678"
ENCRYPTION_KEY = base64.b64encode(b"canary-encryption-key-0123456789").decode()
MASTER_KEY = base64.b64encode(b"m" * 32).decode()
EXECUTOR, REGISTRY, AUTH = "arcrun-cypher-executor", "arcrun-registry", "arcrun-auth"
KEYS = {"ARCRUN_API_KEY": API_KEY, "ARCRUN_ENCRYPTION_KEY": ENCRYPTION_KEY}


@dataclass
class Desk:
    """A user's machine. `results` are the commands' results, `calls` are the calls of wrangler."""

    folder: Path
    cloudflare: CloudflareStandIn
    base_url: str
    results: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder / "wrangler.log"

    @property
    def config(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "config/config.json").read_text()))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARCRUN_", "CLOUDFLARE_"))}
        own = {
            "ACR_CONFIG_DIR": str(self.folder / "config"),
            "ACR_CACHE_DIR": str(ROOT / "build/test-cache"),
            "ACR_WRANGLER": f"{sys.executable} {ROOT / 'tests/fixtures/fake_wrangler.py'}",
            "FAKE_WRANGLER_LOG": str(self.log),
            "CLOUDFLARE_API_BASE_URL": self.base_url,
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "ARCRUN_URL": "http://127.0.0.1:9",  # not the deployed address; nothing listens there
        }
        return {**kept, **own}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [str(ACR), *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.results.append(result)
        assert "Traceback" not in result.stderr, result.stderr
        return result

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.is_file() else []

    @property
    def real_wrangler(self) -> dict[str, str]:
        """Variables for `environment` that select the wrangler of node_modules, with a separate home folder."""
        return {"ACR_WRANGLER": "", "XDG_CONFIG_HOME": str(self.folder / "wrangler")}

    def init(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("init", "--no-input", "--json", **environment)

    def deploy(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("deploy", "--no-wait", "--json", *options, **environment)


@contextmanager
def copied(desk: Desk, folder: Path) -> Iterator[Desk]:
    """A copy of a desk, with an account of its own."""
    cloudflare = copy.deepcopy(desk.cloudflare)
    shutil.copytree(desk.folder, folder / "desk")
    with served(cloudflare) as base_url:
        yield Desk(folder / "desk", cloudflare, base_url, results=[*desk.results])
