"""`acr dev`: keys, ports, state between starts, reload, and no processes left behind."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from acr.config.folder_lock import make_kept_private
from acr.config.private_file import make_private_folder
from acr.errors import CliError
from acr.local.platform import find_free_ports, require_free_ports
from workerd.local_platform import (
    ACR,
    API_KEY,
    CACHE,
    LOG,
    ROOT,
    LocalPlatform,
    find_descendants,
    run_dev,
    running_platform,
)

pytestmark = pytest.mark.workerd

GREET = (ROOT / "examples/workflows/greet.yaml").read_text()


def test_state_outlives_a_restart(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        token = client.post("/webhooks", json={"workflow": GREET}).json()["data"]["token"]
    with running_platform(tmp_path) as platform, platform.executor as client:
        answer = client.post(f"/webhooks/{token}/trigger", json={"name": "x"})
    assert answer.json()["data"] == {"result": "Hello X, welcome to arcrun."}


def test_stored_files_are_only_for_their_owner(tmp_path: Path) -> None:
    """Also in folders made by an earlier version, and with any umask. Links are not followed."""
    folder, config, elsewhere = tmp_path / ".arcrun", tmp_path / "config", tmp_path / "elsewhere"
    elsewhere.write_text("")
    for path in ("api-key", "keys/encryption-key", "state/v3/kv/x.sqlite", "workers/executor/old.py", "anything"):
        (folder / path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        (folder / path).write_text("key" if path == "api-key" else "")
    (folder / "keys/encryption-key").write_text(base64.b64encode(bytes(32)).decode())
    (folder / "link").symlink_to(elsewhere)
    config.mkdir(mode=0o755)
    (config / "config.json").write_text("{}")
    before = os.umask(0)
    try:
        with running_platform(tmp_path, "--persist", str(folder)) as platform, platform.executor as client:
            client.post("/webhooks", json={"workflow": GREET}).raise_for_status()
            kept = {path: path.stat().st_mode & 0o777 for root in (folder, config) for path in [root, *root.rglob("*")]}
    finally:
        os.umask(before)
    assert {"api-key", "holder", "plan.json", f"{platform.process.pid}.json", "config.json", "anything"} <= {
        path.name for path in kept
    }
    assert any(path.suffix == ".sqlite" for path in kept)
    assert elsewhere.stat().st_mode & 0o777 != 0o600
    del kept[folder / "link"]
    wrong = {str(path): oct(mode) for path, mode in kept.items() if mode != (0o700 if path.is_dir() else 0o600)}
    assert wrong == {}


def test_the_current_folder_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work/within").mkdir(parents=True)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path / "work")
    for folder, mode in (("", 0o755), ("new/inner", 0o700), ("work/within", 0o700)):
        make_private_folder(tmp_path / folder)
        assert (tmp_path / folder).stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("name", ["state-of-arcrun", ".arcrun"])
def test_in_a_folder_of_another_name_only_acr_s_files_get_new_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It may belong to another program, and contain files that other users must read."""
    monkeypatch.chdir("/")
    folder = tmp_path / name
    (folder / "keys").mkdir(parents=True)
    for path in ("keys/x", "notes"):
        (folder / path).touch(mode=0o644)
        (folder / path).chmod(0o644)
    make_kept_private(folder)
    modes = {path: (folder / path).stat().st_mode & 0o777 for path in ("keys/x", "notes")}
    assert modes == {"keys/x": 0o600, "notes": 0o600 if name == ".arcrun" else 0o644}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_child(tmp_path: Path, stop: signal.Signals) -> None:
    with running_platform(tmp_path) as platform:
        children = find_descendants(platform.process.pid)
        assert any("workerd" in name for name in children.values())
        platform.process.send_signal(stop)
        assert platform.process.wait(20) == 0
        assert [pid for pid in children if _is_running(pid)] == []


def test_the_end_of_acr_dev_ends_its_children_even_when_it_is_killed(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform:
        children = find_descendants(platform.process.pid)
        platform.process.kill()
        platform.process.wait()
        assert _running_still(children) == []


def test_a_runtime_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform:
        children = find_descendants(platform.process.pid)
        [node] = [pid for pid, command in children.items() if command.partition("\0")[0].endswith("/bin/node")]
        os.kill(node, signal.SIGKILL)
        assert platform.process.wait(20) == 1
        assert _running_still(children) == []


def make_cache(folder: Path) -> Path:
    """A cache without snapshots. What staging has read and metered, and what Node has compiled, is there."""
    for name in ("staged", "node"):
        if (CACHE / name).is_dir():
            shutil.copytree(CACHE / name, folder / name, copy_function=copy_if_there)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return make_cache(tmp_path / "cache")


def copy_if_there(source: str, target: str) -> None:
    """Others write into that cache meanwhile, by temporary files."""
    with suppress(FileNotFoundError):
        shutil.copyfile(source, target)


@pytest.fixture(scope="module")
def first_snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the snapshots that a start makes where there are none."""
    folder = tmp_path_factory.mktemp("first")
    made = make_cache(folder / "cache") / "snapshots"
    with running_platform(folder / "platform", ACR_CACHE_DIR=str(made.parent)):
        assert len(list(made.iterdir())) == 2  # the executor's and its base: the other Workers have had no requests
    return made


@pytest.fixture
def snapshots(cache: Path, first_snapshots: Path) -> list[Path]:
    """Copies of those in `cache`."""
    shutil.copytree(first_snapshots, cache / "snapshots")
    return sorted((cache / "snapshots").iterdir())


def test_a_platform_that_cannot_start_says_so_and_ends(tmp_path: Path, cache: Path, snapshots: list[Path]) -> None:
    whole = struct.pack("<3I4s", 4096, 4, 0, b"none")  # a memory of one page of zeros, and a head that is not Pyodide's
    for snapshot in snapshots:
        snapshot.write_bytes(whole + hashlib.sha256(whole).digest())
    result = run_dev(tmp_path / "platform", "--port", str(find_free_ports(4)), ACR_CACHE_DIR=str(cache))
    assert (result.returncode, "executor answered 500" in result.stderr) == (1, True)


def test_damaged_snapshots_are_made_again(tmp_path: Path, cache: Path, snapshots: list[Path]) -> None:
    """Snapshots, the executor's and its base, as left by a full disk or a crash of the machine."""
    whole = [snapshot.read_bytes() for snapshot in snapshots]
    for damage, other in [(flip_the_middle, cut_off), (fill_with_zeros, lambda _: b"")]:
        for snapshot, content, spoil in zip(snapshots, whole, (damage, other), strict=True):
            snapshot.write_bytes(spoil(content))
        with running_platform(tmp_path, ACR_CACHE_DIR=str(cache)) as platform, platform.executor as client:
            assert client.get("/health").json()["ok"] is True
        assert [snapshot.read_bytes()[-32:] for snapshot in snapshots] == [
            hashlib.sha256(snapshot.read_bytes()[:-32]).digest() for snapshot in snapshots
        ]


def test_the_configuration_is_made_once_and_again_when_it_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "runtime/config"
    environment = {"ARCRUN_ALLOW_LOCAL_NETWORK": ""}  # if it is set, each start has other ports in the configuration
    port = str(find_lasting_ports())

    def start() -> dict[str, tuple[int, bytes]]:
        with running_platform(tmp_path, "--port", port, **environment) as platform, platform.executor as client:
            assert client.get("/health").json()["ok"] is True
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir() if path.is_file()}

    first = start()
    assert len(first) == 2
    assert start() == first
    (config,) = (folder / name for name in first if not name.endswith(".json"))
    config.write_bytes(cut_off(config.read_bytes()))
    again = start()
    assert (again.keys(), again != first) == (first.keys(), True)
    assert len(again[config.name][1]) == len(first[config.name][1])


def find_lasting_ports() -> int:
    """The first of four free ports outside the system's ephemeral range, so that they stay free between two starts."""
    for port in range(20_000 + os.getpid() % 2_000 * 5, 32_000, 5):
        with suppress(CliError):
            require_free_ports(port)
            return port
    raise AssertionError("There are no free ports.")


def test_a_killed_workerd_is_restarted(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        token = client.post("/webhooks", json={"workflow": GREET}).json()["data"]["token"]
        for _ in range(2):
            children = find_descendants(platform.process.pid)
            [workerd] = [pid for pid, command in children.items() if "workerd" in command.partition("\0")[0]]
            os.kill(workerd, signal.SIGKILL)
            assert trigger_until_it_answers(client, token) == {"result": "Hello X, welcome to arcrun."}
        assert "ended unexpectedly (SIGKILL) and is restarted" in (tmp_path / LOG).read_text()


def trigger_until_it_answers(client: httpx.Client, token: str) -> object:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return client.post(f"/webhooks/{token}/trigger", json={"name": "x"}).json()["data"]
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("workerd was not restarted")


def test_python_starts_with_a_worker_s_first_request(tmp_path: Path, cache: Path, snapshots: list[Path]) -> None:
    with running_platform(tmp_path, ACR_CACHE_DIR=str(cache)) as platform:
        counts = [len(list((cache / "snapshots").iterdir()))]
        for service in ("registry", "auth"):
            assert httpx.get(f"{platform.urls[service]}/health", timeout=60).json()["ok"] is True
            counts.append(len(list((cache / "snapshots").iterdir())))
    # The executor's and its base; the registry's, on the same base; auth's two, as it does without python-multipart.
    assert counts == [2, 3, 5]


def flip_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 255 for byte in content[middle : middle + 8]) + content[middle + 8 :]


def fill_with_zeros(content: bytes) -> bytes:
    return bytes(len(content))


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("port", ["0", "-5", "65534", "70000"])
def test_an_invalid_port(tmp_path: Path, port: str) -> None:
    result = run_dev(tmp_path, "--port", port)
    assert (result.returncode, "is not in the range" in result.stderr, "Traceback" in result.stderr) == (2, True, False)


def test_a_state_folder_outside_the_project(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project/arcrun.yaml").write_text("")
    (tmp_path / "project/.arcrun").symlink_to(tmp_path / "elsewhere")
    result = run_dev(tmp_path, "--persist", str(tmp_path / "project/.arcrun"), "--port", str(find_free_ports(4)))
    assert (result.returncode, "LINK_LEADS_OUT" in result.stderr) == (1, True), result.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_two_cannot_have_one_folder(platform: LocalPlatform) -> None:
    result = run_dev(platform.folder, "--port", str(find_free_ports(4)))
    first = platform.urls["executor"].rpartition(":")[2]
    held = f"{platform.folder} is in use by `acr dev` on port {first} (process {platform.process.pid})."
    assert (result.returncode, held in result.stderr, "--persist" in result.stderr) == (1, True, True), result.stderr


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run_dev(tmp_path, "--persist", str(tmp_path / "file/state"), "--port", str(find_free_ports(4)))
    sentence = (
        f"Error: {tmp_path}/file/state cannot be written: Not a directory.\nNext: Name another folder: --persist\n"
    )
    assert (result.returncode, result.stderr) == (1, sentence)


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    port = find_free_ports(4)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port + 2))
        busy.listen()
        result = run_dev(tmp_path, "--port", str(port))
    assert (result.returncode, f"Port {port + 2} is in use" in result.stderr) == (1, True)


def test_a_key_is_made_stored_and_private(tmp_path: Path) -> None:
    port = find_free_ports(4)
    environment = {**_environment(tmp_path), "ARCRUN_API_KEY": ""}
    command = [str(ACR), "dev", "--port", str(port), "--persist", str(tmp_path / "state"), "--no-reload"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        path = tmp_path / "state/api-key"
        key = path.read_text()
        answer = httpx.post(
            f"http://127.0.0.1:{port}/execute", json={}, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )
        run = subprocess.run([str(ACR), "run", "nowhere"], env=environment, capture_output=True, text=True, check=False)
    finally:
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=30)
    assert (answer.status_code, path.stat().st_mode & 0o777) == (400, 0o600)
    assert "WORKFLOW_NOT_FOUND" in run.stderr  # another command finds the running platform and its key
    assert (str(path) in talk, key in talk) == (True, False)


SPOILT: dict[str, Callable[[Path], object]] = {
    "a contract that is not YAML": lambda folder: (folder / "contract.yaml").write_text("a: ["),
    "a contract that is not one": lambda folder: (folder / "contract.yaml").write_text("- a\n"),
    "a contract that is not UTF-8": lambda folder: (folder / "contract.yaml").write_bytes(b"a: \xff\xfe\n"),
    "the contract of another": lambda folder: shutil.copy(
        ROOT / "components/validate_json/contract.yaml", folder / "contract.yaml"
    ),
    "a module that is none": lambda folder: (
        (folder / "contract.yaml").write_text(
            (ROOT / "components/validate_json/contract.yaml").read_text().replace("validate_json", "my_echo")
        ),
        (folder / "my_echo.wasm").write_bytes(b""),
    ),
}


def test_a_changed_component_is_served_after_a_reload(tmp_path: Path) -> None:
    extra = tmp_path / "components"
    component = extra / "my_echo"
    component.mkdir(parents=True)
    shutil.copy(ROOT / "components/string_ops/string_ops.wasm", component / "my_echo.wasm")
    contract = (ROOT / "components/string_ops/contract.yaml").read_text().replace("string_ops", "my_echo")
    (component / "contract.yaml").write_text(contract)
    with running_platform(tmp_path / "platform", "--components", str(extra), "--reload") as platform:
        assert platform.execute("my_echo", {"operation": "upper", "input": "a"}).json()["data"] == {"result": "A"}
        shutil.copy(ROOT / "components/validate_json/validate_json.wasm", component / "my_echo.wasm")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = platform.execute("my_echo", {"json_string": "1"}).json()
            except httpx.TransportError:
                continue
            if answer.get("data") == {"valid": True, "errors": []}:
                break
        assert answer["data"] == {"valid": True, "errors": []}
        log = platform.folder / LOG
        for name, spoil in SPOILT.items():
            before = len(log.read_text())
            spoil(component)
            deadline = time.monotonic() + 30
            while "The next change tries again." not in (told := log.read_text()[before:]):
                assert time.monotonic() < deadline, f"{name}: {told}"
                time.sleep(0.05)
            assert "Traceback" not in told, f"{name}: {told}"
            assert ". The next change tries again." in told, f"{name}: {told}"
            assert str(component) in told, f"{name}: {told}"
            assert platform.execute("my_echo", {"json_string": "1"}).json()["data"] == {"valid": True, "errors": []}
        component.rename(tmp_path / "moved_away")
        deadline = time.monotonic() + 60
        while "reloaded; no longer there: my_echo\n" not in (told := log.read_text()):
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        assert platform.execute("my_echo", {}).json()["error"]["code"] == "COMPONENT_NOT_FOUND"


def test_stopping_while_a_reload_is_under_way_says_nothing_of_it(tmp_path: Path) -> None:
    """The reload is held where it reads a contract, until Ctrl-C has reached every process in the foreground."""
    extra, folder = tmp_path / "components", tmp_path / "platform"
    component = extra / "my_echo"
    component.mkdir(parents=True)
    shutil.copy(ROOT / "components/string_ops/string_ops.wasm", component / "my_echo.wasm")
    contract = (ROOT / "components/string_ops/contract.yaml").read_text().replace("string_ops", "my_echo")
    (component / "contract.yaml").write_text(contract)
    with running_platform(folder, "--components", str(extra), "--reload") as platform:
        (component / "contract.yaml").write_text(contract + "# changed\n")
        deadline = time.monotonic() + 30
        while "changed: " not in (folder / LOG).read_text():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.killpg(platform.process.pid, signal.SIGINT)
        assert platform.process.wait(20) == 0
    told = (folder / LOG).read_text().partition("changed: contract.yaml\n")[2]
    assert told == "stopping\n"


def test_what_acr_dev_writes_starts_no_reload(tmp_path: Path) -> None:
    """Not even where its folder of state, a relative path, lies in the folder of the components."""
    port, key = find_free_ports(4), tmp_path / "my_echo"
    key.mkdir()
    shutil.copy(ROOT / "components/string_ops/string_ops.wasm", key / "my_echo.wasm")
    contract = (ROOT / "components/string_ops/contract.yaml").read_text().replace("string_ops", "my_echo")
    (key / "contract.yaml").write_text(contract)
    command = [str(ACR), "dev", "--port", str(port), "--no-seed", "--json", "--components", "."]
    with (tmp_path / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=_environment(tmp_path), stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        assert [json.loads(process.stdout.readline())["event"] for _ in range(4)] == ["ready"] * 4
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"X-Arcrun-API-Key": API_KEY}, timeout=60
        ) as client:
            client.post("/webhooks", json={"workflow": GREET}, timeout=60).raise_for_status()  # which writes state
        (key / "contract.yaml").write_text(contract + "# changed\n")
        assert json.loads(process.stdout.readline()) == {"event": "reloaded", "gone": []}
        shutil.rmtree(tmp_path / ".arcrun")
        assert process.stdout.readline() == ""
        assert process.wait(20) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    told = (tmp_path / LOG).read_text()
    assert [line for line in told.splitlines() if line.startswith("changed: ")] == ["changed: contract.yaml"]
    assert f"Error: The state folder {tmp_path}/.arcrun is gone.\nNext: Start again" in told


@pytest.mark.quiet
def test_a_memory_snapshot_makes_the_second_start_faster(tmp_path: Path, cache: Path) -> None:
    """The second start must take at most half as long as the first. benchmarks/run.py has the figures."""
    environment = {**_environment(tmp_path), "ACR_CACHE_DIR": str(cache)}
    first = _seconds_to_first_answer(tmp_path, environment)
    assert min(_seconds_to_first_answer(tmp_path, environment) for _ in range(2)) < first / 2


def _seconds_to_first_answer(folder: Path, environment: dict[str, str]) -> float:
    port = find_free_ports(4)
    started = time.monotonic()
    command = [str(ACR), "dev", "--port", str(port), "--persist", str(folder), "--no-reload"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).raise_for_status()
                break
            except httpx.TransportError:  # nobody listens yet, or the one who does still begins
                time.sleep(0.01)
        took = time.monotonic() - started
        process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    return took


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ACR_CONFIG_DIR": str(folder / "config"),
        "ACR_CACHE_DIR": str(CACHE),
        "ARCRUN_API_KEY": API_KEY,
        "ARCRUN_URL": "",
    }


def _running_still(pids: Iterable[int]) -> list[int]:
    """The processes that do not end; a killed one takes a moment to free its memory."""
    deadline = time.monotonic() + 20
    while (running := [pid for pid in pids if _is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return running


def _is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
