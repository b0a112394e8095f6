"""Build the component `code`: QuickJS, from the sources that components/code/quickjs.lock pins, and the C files there.

    python scripts/build_code.py [--check]

The module is not committed. Nothing is done while it is current, which it says itself, in a custom section. `--check`
builds it again and exits 1 if the bytes differ. The sources are kept in build/quickjs/.

What is compiled then runs `prepare` once, which makes the JavaScript engine: its memory becomes the module's initial
memory, so that a call begins with an engine that is ready, and no call can see another's. (Others call this Wizer.)
Last it is made smaller, also by what only `prepare` needed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import wasmtime

from arcrun.wasm import binary as wasm
from arcrun.wasm.binary import Reader, encode_name, encode_s64, encode_section, encode_u32

ROOT = Path(__file__).resolve().parents[1]
OPTIMIZER = ROOT / "scripts/optimize_module"
FOLDER = ROOT / "components/code"
MODULE, LOCK = FOLDER / "code.wasm", FOLDER / "quickjs.lock"
WORK = ROOT / "build/quickjs"
PAGE = 64 * 1024
STACK_BYTES = 256 * 1024
INITIAL_BYTES = 1024 * 1024  # what a small call needs: an instance whose memory has grown is not used again
MAX_BYTES = 64 * 1024 * 1024  # MAX_MEMORY_PAGES
ENGINE_SOURCES = ("quickjs.c", "libregexp.c", "libunicode.c", "dtoa.c")
# Little is inlined, as the upload has a limit. Without the instructions for bulk memory, copying is a loop, which costs
# fuel for what it takes, however much it is.
COMPILE = (
    *("-target", "wasm32-wasi", "-mcpu=generic-bulk_memory-bulk_memory_opt", "-std=gnu23", "-fno-sanitize=undefined"),
    *("-O2", "-fno-unroll-loops", "-mllvm", "-inline-threshold=60", "-DNDEBUG", "-D_GNU_SOURCE"),
    "-Dgettimeofday=code_gettimeofday",  # host.c
)
LINK = (
    *("-mexec-model=reactor", "-s", f"-Wl,--initial-memory={INITIAL_BYTES}", f"-Wl,--max-memory={MAX_BYTES}"),
    f"-Wl,-z,stack-size={STACK_BYTES}",
)
MARK = "arcrun.built_from"
KEPT_EXPORTS = ("memory", "_start")
MIN_GAP = 16  # zeros between two segments of data: fewer cost less inside of one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="build again, and compare")
    options = parser.parse_args()
    identity = find_identity()
    if options.check:
        if not MODULE.is_file() or MODULE.read_bytes() != build(identity):
            sys.exit(f"{MODULE} is not what its source builds. Run: scripts/build_code.py")
    elif not is_current(identity):
        print("build_code: compiling QuickJS for the component `code`", file=sys.stderr)
        MODULE.write_bytes(build(identity))


def find_identity() -> str:
    """A hash of all that the module is made of."""
    files = sorted(path for path in FOLDER.iterdir() if path.suffix in (".c", ".h", ".js", ".lock"))
    tools = [metadata.version("ziglang").encode(), _find_optimizer_version().encode()]
    parts = [*tools, *(path.read_bytes() for path in (Path(__file__), OPTIMIZER, *files))]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _find_optimizer_version() -> str:
    version: str = json.loads((ROOT / "package.json").read_bytes())["devDependencies"]["binaryen"]
    return version


def is_current(identity: str) -> bool:
    return MODULE.is_file() and MODULE.read_bytes().endswith(_render_mark(identity))


def build(identity: str) -> bytes:
    sources = fetch_sources()
    WORK.joinpath("objects").mkdir(parents=True, exist_ok=True)
    ours = sorted(FOLDER.glob("*.c"))
    objects = [_compile(path, sources, warns=False) for path in (sources / name for name in ENGINE_SOURCES)]
    objects += [_compile(path, sources, warns=True) for path in ours]
    linked = WORK / "code.wasm"
    _run_zig("cc", *COMPILE, *LINK, "-o", str(linked), *map(str, objects))
    prepared = WORK / "prepared.wasm"
    prepared.write_bytes(prepare(linked.read_bytes()))
    if subprocess.run([OPTIMIZER, prepared], check=False).returncode:
        sys.exit("build_code: wasm-opt failed. Is node_modules current? Run: scripts/setup")
    return prepared.read_bytes() + _render_mark(identity)


def fetch_sources() -> Path:
    """The folder with QuickJS's sources. pip checks the archive's hash, also of one that is there."""
    archives = WORK / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wanted = ["--no-binary=:all:", "--require-hashes", "--requirement", str(LOCK), "--dest", str(archives)]
    if not _find_archive(archives):
        subprocess.run([*pip, *wanted], check=True)
    archive = _find_archive(archives)
    if archive is None:
        sys.exit(f"build_code: no archive in {archives} has the hash of {LOCK}")
    folder = WORK / "sources"
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return next(folder.glob(f"{archive.name.removesuffix('.tar.gz')}/upstream-quickjs"))


def _find_archive(folder: Path) -> Path | None:
    pinned = LOCK.read_text(encoding="utf-8")
    found = (path for path in folder.glob("*.tar.gz") if hashlib.sha256(path.read_bytes()).hexdigest() in pinned)
    return next(found, None)


def _compile(path: Path, sources: Path, *, warns: bool) -> Path:
    target = WORK / "objects" / f"{path.stem}.o"
    warnings = ("-Wall", "-Wextra", "-Werror") if warns else ("-w",)
    _run_zig("cc", *COMPILE, *warnings, "-isystem", str(sources), "-c", str(path), "-o", str(target))
    return target


def _run_zig(*arguments: str) -> None:
    caches = {
        "ZIG_LOCAL_CACHE_DIR": str(ROOT / "build/zig/cache"),
        "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "build/zig/global"),
    }
    command = [sys.executable, "-m", "ziglang", *arguments]
    if subprocess.run(command, env={**os.environ, **caches}, check=False).returncode:
        sys.exit("build_code: zig failed")


def prepare(binary: bytes) -> bytes:
    """The module after `prepare`: with the memory that it leaves, and without what only this needs."""
    memory = _run_prepare(binary)
    segments = list(_find_segments(memory))
    data = encode_u32(len(segments)) + b"".join(
        b"\x00\x41" + encode_s64(offset) + b"\x0b" + encode_u32(len(content)) + content for offset, content in segments
    )
    changed = {wasm.DATA: data, wasm.DATA_COUNT: encode_u32(len(segments))}
    written = []
    for section, body in wasm.read_sections(binary):
        content = body.take(body.end - body.offset)
        if section == wasm.EXPORT:
            content = _keep_exports(Reader(content))
        elif section == wasm.MEMORY:
            content = _set_pages(Reader(content), len(memory) // PAGE)
        if section != wasm.CUSTOM:
            written.append(encode_section(section, changed.get(section, content)))
    return wasm.MAGIC + b"".join(written)


def _run_prepare(binary: bytes) -> bytes:
    """The memory after `prepare`. It runs with a clock that stands at 0, and reaches nothing else of its host."""
    engine = wasmtime.Engine()
    store, linker, module = wasmtime.Store(engine), wasmtime.Linker(engine), wasmtime.Module(engine, binary)
    linker.define_unknown_imports_as_traps(module)
    kinds = [wasmtime.ValType.i32(), wasmtime.ValType.i64(), wasmtime.ValType.i32()]
    clock = wasmtime.FuncType(kinds, [wasmtime.ValType.i32()])
    linker.allow_shadowing = True
    linker.define_func("wasi_snapshot_preview1", "clock_time_get", clock, lambda *_: 0)
    exports = linker.instantiate(store, module).exports(store)
    memory = exports["memory"]
    assert isinstance(memory, wasmtime.Memory)
    for name in ("_initialize", "prepare"):
        function = exports[name]
        assert isinstance(function, wasmtime.Func)
        function(store)
    return bytes(memory.read(store))


def _find_segments(memory: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a memory that are not zero."""
    at = 0
    while (start := _find_content(memory, at)) is not None:
        end = memory.find(bytes(MIN_GAP), start)
        at = len(memory) if end < 0 else end
        yield start, memory[start:at].rstrip(b"\0")


def _find_content(memory: bytes, at: int) -> int | None:
    step = 4096
    while at < len(memory):
        part = memory[at : at + step]
        if content := part.lstrip(b"\0"):
            return at + len(part) - len(content)
        at += step
    return None


def _keep_exports(reader: Reader) -> bytes:
    kept = []
    for _ in range(reader.u32()):
        name, kind, index = reader.name(), reader.byte(), reader.u32()
        if name in KEPT_EXPORTS:
            kept.append(encode_name(name) + bytes((kind,)) + encode_u32(index))
    return encode_u32(len(kept)) + b"".join(kept)


def _set_pages(reader: Reader, pages: int) -> bytes:
    reader.u32()
    _, most, flags = reader.limits()
    assert most is not None
    return b"\x01" + bytes((flags,)) + encode_u32(pages) + encode_u32(most)


def _render_mark(identity: str) -> bytes:
    return encode_section(wasm.CUSTOM, encode_name(MARK) + identity.encode())


if __name__ == "__main__":
    main()
