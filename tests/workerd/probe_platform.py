"""The probe Worker on the local runtime, with auth as its peer and a copy that is bound to its Durable Objects."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from workerd.chosen_workers import running_workers
from workerd.local_platform import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from stage import stage

SOURCES = {"probe": ROOT / "tests/workerd/probe", "auth": ROOT / "workers/auth"}
BORROWER = "borrower"  # its port is the probe's and two


@contextmanager
def running_probe(folder: Path, *, production_clock: bool = False) -> Iterator[httpx.Client]:
    """Run the probe; yields a client for it."""
    for service, source in SOURCES.items():
        stage(source, [], folder / service)
    shutil.copytree(ROOT / "workers/executor/src/executor", folder / "probe/build/executor")  # to try its parts
    shutil.copytree(folder / "probe", folder / BORROWER)
    config = (ROOT / "tests/workerd/probe/wrangler.toml").read_text()
    name, owner = 'name = "arcrun-probe"', 'class_name = "Counter"'
    borrowed = config.replace(name, f'name = "{BORROWER}"').replace(owner, f'{owner}\nscript_name = "arcrun-probe"')
    (folder / BORROWER / "wrangler.toml").write_text(borrowed)
    with (
        running_workers(folder, [*SOURCES, BORROWER], secrets={}, production_clock=production_clock) as workers,
        httpx.Client(base_url=workers.urls["probe"], timeout=30) as client,
    ):
        yield client
