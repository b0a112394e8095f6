"""Implements scripts/demo, once everything is installed. Options are those of `acr dev`, such as --port 9000."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from acr.output.render import print_json
from acr.output.trace import render_trace

ROOT = Path(__file__).resolve().parents[1]
ACR = str(Path(sys.executable).parent / "acr")
WORKFLOW = ROOT / "examples/workflows/greet.yaml"
GREETED = {"name": "  Ada Lovelace "}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="arcrun-demo-") as folder:
        command = [ACR, "dev", "--persist", folder, "--no-reload", "--no-seed", *sys.argv[1:]]
        platform = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            wait_until_ready(platform)
            run_workflow(Path(folder))
        finally:
            platform.send_signal(signal.SIGTERM)
            platform.wait()


def wait_until_ready(platform: subprocess.Popen[str]) -> None:
    """Wait until all services answer."""
    print("Starting executor, registry and auth on workerd (the first start makes a memory snapshot) ...", flush=True)
    started = time.monotonic()
    assert platform.stdout is not None
    for line in platform.stdout:
        print(f"  {line.strip()}  ({time.monotonic() - started:.1f} s)", flush=True)
        if line.startswith("ready cloudflare-api"):
            return
    sys.exit(platform.wait())


def run_workflow(folder: Path) -> None:
    print(f"\n$ acr push {WORKFLOW.relative_to(ROOT)}", flush=True)
    pushed = subprocess.run([ACR, "push", str(WORKFLOW)], stdout=subprocess.PIPE, text=True, check=True)
    url = pushed.stdout.strip()
    print(f"{url}\n\n$ curl {url} -d '{json.dumps(GREETED)}'", flush=True)
    print_json(httpx.post(url, json=GREETED, timeout=30).json())
    print("\nWith the API key, the answer includes the trace:", flush=True)
    print(f"$ curl {url}?trace=1 -H 'X-Arcrun-API-Key: ...' -d '{json.dumps(GREETED)}'", flush=True)
    key = (folder / "api-key").read_text(encoding="utf-8").strip()
    response = httpx.post(f"{url}?trace=1", json=GREETED, headers={"X-Arcrun-API-Key": key}, timeout=30)
    answer = response.json()
    print(f"HTTP {response.status_code}", flush=True)
    if "trace" in answer:
        render_trace(answer)
    if not answer["success"]:
        print_json(answer["error"])
        sys.exit(1)


if __name__ == "__main__":
    main()
