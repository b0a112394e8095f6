"""The probe Worker, with auth as its peer, on the local runtime."""

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


@contextmanager
def running_probe(folder: Path, *, production_clock: bool = False) -> Iterator[httpx.Client]:
    """A client of the probe, which runs until the end."""
    for service, source in SOURCES.items():
        stage(source, [], folder / service)
    shutil.copytree(ROOT / "workers/executor/src/executor", folder / "probe/build/executor")  # to try its parts
    with (
        running_workers(folder, SOURCES, secrets={}, production_clock=production_clock) as workers,
        httpx.Client(base_url=workers.urls["probe"], timeout=30) as client,
    ):
        yield client
