"""Proves how the local runtime serves the console's files: as Cloudflare does, before the Worker, and nothing else."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from console.console_functions import NODE, ROOT

from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

BUILT = Path(__file__).resolve().parents[2] / "console/dist/console"


def test_the_files_and_their_headers(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        page = client.get("/console/")
        assert (page.status_code, page.text) == (200, (BUILT / "index.html").read_text())
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "public, max-age=0, must-revalidate"
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert page.headers["x-content-type-options"] == "nosniff"
        known = {"if-none-match": page.headers["etag"]}
        again = client.get("/console/?x=1", headers=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", page.headers["etag"])
        assert client.get("/console/", headers={"if-none-match": 'W/"other"'}).status_code == 200
        head = client.head("/console/")
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", page.headers["etag"])
        for path in BUILT.rglob("*"):
            if not path.is_file() or path.name == "index.html":
                continue
            name = path.relative_to(BUILT).as_posix()
            answer = client.get(f"/console/{name}")
            assert (answer.status_code, answer.content) == (200, path.read_bytes()), name
            is_immutable = "immutable" in answer.headers["cache-control"]
            assert is_immutable is name.startswith("assets/"), name
            assert answer.headers["content-security-policy"] == page.headers["content-security-policy"]
        assert client.get("/console/components.json").headers["content-type"] == "application/json"

        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            refused = client.request(method, "/console/")
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD"), method
        moved = client.get("/console/index.html")
        assert (moved.status_code, moved.headers["location"]) == (307, "/console/")
        typed = client.get("/console")
        assert (typed.status_code, typed.headers["location"]) == (308, "/console/")

        # What is no file is the Worker's, whatever it looks like.
        strange = ("nothing", "assets/", "..%2f..%2f_headers", "%2e%2e/_headers", "_headers", "%", "%00", "constructor")
        for name in (*strange, "__proto__", "a" * 4_000, "//", "index.html/"):
            answer = client.get(f"/console/{name}")
            assert answer.status_code in (400, 404), (name, answer.status_code)
            assert "default-src" not in answer.headers.get("content-security-policy", ""), name
        assert client.get("/Console/").status_code == 404
        assert client.get("//console/").status_code == 404
        for service in ("registry", "auth"):
            assert httpx.get(f"{platform.urls[service]}/console/", timeout=60).status_code == 404, service


RULES = """
# why
/console/*
  X-One: a: b
  Cache-Control: no-cache

/console/assets/*
  X-One: c
"""


def test_what_is_no_rule_here_is_refused(tmp_path: Path) -> None:
    """Rather than served otherwise than when it is deployed."""

    def read(rules: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "console/assets").mkdir(parents=True, exist_ok=True)
        (tmp_path / "console/index.html").write_text("x")
        (tmp_path / "console/assets/a.js").write_text("y")
        (tmp_path / "_headers").write_text(rules)
        url = (ROOT / "runtime/asset_rules.mjs").as_uri()
        script = f"import {{assetsOf}} from {url!r}; console.log(JSON.stringify(assetsOf({str(tmp_path)!r})))"
        command = [NODE, "--input-type=module", "-e", script]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    found = json.loads(read(RULES).stdout)
    assert sorted(found) == ["/console/", "/console/assets/a.js", "/console/index.html"]
    headers = dict(found["/console/assets/a.js"]["headers"])
    assert (headers["X-One"], headers["Cache-Control"]) == ("a: b, c", "no-cache")
    assert dict(found["/console/"]["headers"])["X-One"] == "a: b"
    for wrong in ("/a/:name\n  X: 1", "https://example.com/*\n  X: 1", "/*\n  ! X-One"):
        refused = read(wrong)
        assert (refused.returncode, "_headers: " in refused.stderr) == (1, True), wrong
