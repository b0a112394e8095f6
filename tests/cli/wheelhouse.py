"""A folder of wheels from which pip and pipx install arcrun without a network: the project's own wheel, and those of
its requirements, put together again from what is installed in this environment.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from workerd.local_platform import ROOT

_KEPT = ROOT / "build/wheelhouse"  # what test runs share; written anew when the lock file changes
_STAMP = "stamp"
ALSO = ("ziglang", "pip")  # what is installed later on: by `acr parts zig`, and by pipx for itself


def build_wheelhouse(folder: Path) -> Path:
    """Fill `folder` with the wheel of this checkout and links to those of its requirements."""
    for wheel in _require_wheels():
        (folder / wheel.name).symlink_to(wheel)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def _require_wheels() -> list[Path]:
    stamp = hashlib.sha256((ROOT / "requirements.lock").read_bytes() + sys.version.encode()).hexdigest()
    if not ((_KEPT / _STAMP).is_file() and (_KEPT / _STAMP).read_text() == stamp):
        shutil.rmtree(_KEPT, ignore_errors=True)
        _KEPT.mkdir(parents=True)
        for distribution in find_requirements(["arcrun-workers", *ALSO]):
            write_wheel(distribution, _KEPT)
        (_KEPT / _STAMP).write_text(stamp)
    return sorted(_KEPT.glob("*.whl"))


def find_requirements(names: Iterable[str]) -> Iterator[metadata.Distribution]:
    """The installed distributions that `names` need, with `names` themselves, except this checkout."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        distribution = metadata.distribution(name)
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
        if name != "arcrun-workers":
            yield distribution


def write_wheel(distribution: metadata.Distribution, folder: Path) -> None:
    """Put an installed distribution together as the wheel that it was installed from; stored, as that is fast."""
    files = [file for file in distribution.files or () if not file.parts[0].startswith("..") and file.suffix != ".pyc"]
    [info] = [file.parent for file in files if file.name == "WHEEL" and file.parent.name.endswith(".dist-info")]
    text = (Path(str(distribution.locate_file(info))) / "WHEEL").read_text(encoding="utf-8")
    tags = [tag.split("-") for tag in re.findall(r"^Tag: (\S+)$", text, re.MULTILINE)]
    tag = "-".join(".".join(dict.fromkeys(part)) for part in zip(*tags, strict=True))  # such as py2.py3-none-any
    with zipfile.ZipFile(folder / f"{info.name.removesuffix('.dist-info')}-{tag}.whl", "w") as wheel:
        for file in files:
            if file.parent == info and file.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                continue
            wheel.write(Path(str(distribution.locate_file(file))), file.as_posix())
        wheel.writestr(f"{info.name}/RECORD", "")
