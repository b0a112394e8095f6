"""Creates a new component's folder, which builds and passes its own tests."""

import getpass
import shutil
from dataclasses import dataclass
from pathlib import Path

from acr.config.private_file import build_write_error
from acr.errors import CliError
from acr.parts.zig import ZIG_VERSION
from arcrun.contracts.parse import ID_PATTERN

TEMPLATES = Path(__file__).parent / "templates"
_NO_FILES = "  no_filesystem_syscall: true"
_FILES_IMPORTED = "  no_filesystem_syscall: false # the toolchain imports these calls even if the code makes none"


@dataclass(frozen=True)
class Language:
    """A language's values in the shared templates. `files` are rows of the README's table."""

    name: str
    tools: str
    files: str
    max_size_kb: int = 128
    max_cold_start_ms: int = 50
    filesystem: str = _NO_FILES
    is_javascript: bool = False
    build: str = ""  # a line of the README, for JavaScript


LANGUAGES = {
    "zig": Language(
        "Zig",
        f"with Zig {ZIG_VERSION}, which it installs if it is missing",
        "| `main.zig` | the component |\n| `sdk/` | arcrun's SDK for Zig; sdk/README.md has its reference |",
    ),
    "c": Language("C", "with the WASI SDK or Zig; installs Zig if both are missing", "| `main.c` | the component |"),
    "tinygo": Language(
        "Go",
        "needs TinyGo, or Go 1.22 or newer",
        "| `main.go`, `go.mod` | the component |",
        max_size_kb=5120,  # includes Go's runtime
        max_cold_start_ms=500,
        filesystem=_FILES_IMPORTED,
    ),
    "rust": Language(
        "Rust",
        "needs Rust, and once `rustup target add wasm32-wasip1`",
        "| `src/main.rs`, `Cargo.toml` | the component |",
    ),
    "assemblyscript": Language(
        "AssemblyScript",
        "needs npm, with which it installs the compiler",
        "| `assembly/index.ts`, `package.json` | the component |",
    ),
    "js": Language("JavaScript", "", "| `main.js` | the component |", max_size_kb=64, is_javascript=True),
    "ts": Language(
        "TypeScript",
        "",
        "| `src/main.ts` | the component |\n| `build` | bundles it into `main.js`, by esbuild |",
        max_size_kb=64,
        is_javascript=True,
        build="./build                # src/main.ts, and what it imports, into main.js\n",
    ),
}


def scaffold_component(component_id: str, language: str, parent: Path, home: Path) -> Path:
    """Create the folder `parent`/`component_id` and return it. Raises CliError and then leaves no folder behind."""
    folder = parent / component_id
    _refuse_id(component_id, home)
    if folder.exists():
        raise CliError(f"{folder} already exists.", "Choose another id, or another --dir.")
    try:
        shared = ("common", "javascript") if LANGUAGES[language].is_javascript else ("common",)
        for name in (*shared, language):
            shutil.copytree(TEMPLATES / name, folder, dirs_exist_ok=True)
        _fill_in(folder, component_id, LANGUAGES[language])
        (folder / "gitignore").rename(folder / ".gitignore")
        if (folder / "build").is_file():
            (folder / "build").chmod(0o755)  # a wheel does not keep the mode
        if language == "zig":
            shutil.copytree(home / "components/_sdk/zig", folder / "sdk")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise build_write_error(folder, error) from None
    return folder


def _refuse_id(component_id: str, home: Path) -> None:
    if not ID_PATTERN.fullmatch(component_id):
        raise CliError(
            f"{component_id!r} is not a valid id: use lower-case letters, digits and _, starting with a letter.",
            "For example: acr parts scaffold count_words",
        )
    if (home / "components" / component_id).is_dir():
        raise CliError(f"`{component_id}` is a built-in component, which takes precedence.", "Choose another id.")


def _fill_in(folder: Path, component_id: str, language: Language) -> None:
    values = {
        "@ID@": component_id,
        "@NAME@": component_id.replace("_", " ").capitalize(),
        "@AUTHOR@": _author(),
        "@LANGUAGE@": language.name,
        "@TOOLS@": language.tools,
        "@FILES@": language.files,
        "@MAX_SIZE_KB@": str(language.max_size_kb),
        "@MAX_COLD_START_MS@": str(language.max_cold_start_ms),
        "@ZIG_VERSION@": ZIG_VERSION,
        "@FILESYSTEM@": language.filesystem,
        "@RUNTIME@": "runtime: javascript" if language.is_javascript else "wasi_target: preview1",
        "@BUILD@": language.build,
    }
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for placeholder, value in values.items():
                text = text.replace(placeholder, value)
            path.write_text(text, encoding="utf-8")


def _author() -> str:
    """The user's name, quoted for YAML."""
    try:
        return '"' + getpass.getuser().replace("\\", "").replace('"', "") + '"'
    except (KeyError, OSError):
        return "unknown"
