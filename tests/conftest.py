"""What all tests share: how they are spread and marked, hypothesis' profile, asyncio, and one platform for all tests
of a session that need workerd.
"""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from arcrun.contracts.schema import Validator, compile_schema
from fakes.ports.searches import examples as examples_of
from fixtures.modules import LOOPING, build_contract, build_module
from workerd.local_platform import ROOT, LocalPlatform, running_platform

# Bytecode is kept in build/, whatever the environment says: tests start Python hundreds of times, and rewriting the
# asserts of all tests takes longer than a third of the pure ones.
sys.dont_write_bytecode, sys.pycache_prefix = False, str(ROOT / "build/pycache")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# A shared machine may pause a test for longer than hypothesis' deadline. In CI its own profile (derandomized) goes on.
settings.register_profile("arcrun", parent=settings(), deadline=None, max_examples=examples_of(20))
settings.load_profile("arcrun")

# All tests of these folders are marked; files of others mark themselves.
WORKERD_FOLDERS = ("workerd", "components", "browser")
WAITING = "not quiet"  # its tests wait more than they compute
# A file runs in one process: one that takes a minute must not be the last. Half a minute and more, longest first.
LONG_FILES = (
    "workerd/durable/test_schedules.py",
    "cli/local/test_dev.py",
    "components/test_sdk.py",
    "workerd/hosted/test_hosted_starts.py",
    "workerd/hosted/test_hosted_runs.py",
    "workerd/schedules/test_watches.py",
    "workerd/durable/test_failure_handlers.py",
    "browser/test_console_scale.py",
    "browser/test_console_hostile_texts.py",
    "browser/test_console_two_tabs.py",
    "browser/test_console_hosted.py",
    "browser/test_console_views.py",
    "deploy/test_rollback.py",
    "deploy/test_upgrades.py",
    "deploy/test_deploy.py",
    "cli/test_newcomer.py",
    "workerd/authorization/test_access_tokens.py",
    "workerd/durable/test_workflow_host.py",
    "workerd/models/test_support_triage.py",
    "deploy/test_stage.py",
    "cli/test_newcomer_component.py",
    "cli/test_newcomer_javascript.py",
    "cli/test_stored_workflows.py",
    "cli/parts/test_parts_registry.py",
    "components/test_date_ops.py",
    "workerd/storage/test_statistics.py",
    "workerd/bounds/test_bounds.py",
    "cli/test_logs.py",
    "workerd/storage/test_workspace.py",
    "workerd/blobs/test_blobs.py",
    "workerd/storage/test_accepted_runs.py",
    "cli/parts/test_seeding.py",
    "cli/credentials/test_creds.py",
    "deploy/test_imports.py",
    "workerd/bounds/test_bounds_tenants.py",
    "workerd/durable/test_chains.py",
    "workerd/durable/test_events.py",
    "cli/parts/test_parts.py",
    "deploy/test_release.py",
    "deploy/test_wheel.py",
    "workerd/webhooks/test_signatures.py",
    "workerd/storage/test_soak.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Files that are named run in this process, at once; folders, and the whole, on two; what waits, on three."""
    if all(".py" in argument for argument in config.args):
        return 0
    cores = min(2, os.cpu_count() or 1)
    return cores + 1 if config.option.markexpr == WAITING else cores


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Reading folders of which no test is wanted takes as long as many tests."""
    is_marked = collection_path.parent == ROOT / "tests" and collection_path.name in WORKERD_FOLDERS
    return True if is_marked and config.option.markexpr == "not workerd" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(ROOT / "tests").parts[0] in WORKERD_FOLDERS:
            item.add_marker("workerd")
    begin = {ROOT / "tests" / file: i for i, file in enumerate(LONG_FILES)}
    # Those that only compute come last: their short files leave no process without work.
    items.sort(key=lambda item: (begin.get(item.path, len(begin)), item.get_closest_marker("workerd") is None))


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def schemas_are_compiled_once() -> Iterator[None]:
    """Share the validators of contracts with the same schema: compiling one takes longer than most tests."""

    @cache
    def compile_text(text: str, find_all: bool) -> Validator:
        return compile_schema(json.loads(text), find_all=find_all)

    def compile_again(schema: Mapping[str, Any], *, find_all: bool = False) -> Validator:
        return compile_text(json.dumps(schema), find_all)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arcrun.contracts.model.compile_schema", compile_again)
        yield


@pytest.fixture
def anyio_backend() -> str | tuple[str, dict[str, Any]]:
    """Async tests run on asyncio, as the Workers do."""
    return "asyncio"


@pytest.fixture(scope="session")
def examples() -> Path:
    """The components of examples/components, made by other toolchains than ours. Processes share the folder: what has
    been built is not written again.
    """
    caches = {f"ZIG_{kind}_CACHE_DIR": str(ROOT / "build/zig" / kind.lower()) for kind in ("GLOBAL", "LOCAL")}
    subprocess.run([ROOT / "scripts/build_examples"], env={**os.environ, **caches}, check=True)
    return ROOT / "build/examples"


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Components to bundle that are no good: `endless`."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "endless").mkdir()
    (folder / "endless/endless.wasm").write_bytes(build_module(LOOPING))
    (folder / "endless/contract.yaml").write_text(json.dumps(build_contract("endless")))
    return folder


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, examples: Path, faulty: Path) -> Iterator[LocalPlatform]:
    bundled = ("--components", str(examples), "--components", str(faulty))
    with running_platform(tmp_path_factory.mktemp("platform"), *bundled, "--no-reload") as running:
        yield running
