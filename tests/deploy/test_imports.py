"""Proves that no Worker's start-up import has grown by more than a tenth compared with benchmarks/imports.json.

It counts source, not time: benchmarks/imports.py says why. Where the growth is wanted: benchmarks/imports.py --record
"""

import json
import sys
from pathlib import Path

import pytest

from workerd.local_platform import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from imports import EMPTY, RECORDED, WORKERS, Import, find_growth, measure_import, source_ratios, stage

pytestmark = pytest.mark.workerd

FORMS = "python_multipart"  # Starlette would import it wherever it is found: arcrun_http/__init__.py


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Import]:
    folder: Path = tmp_path_factory.mktemp("imports")
    stage(folder)
    return {name: measure_import(folder / name) for name in (EMPTY, *WORKERS)}


def test_imports_have_not_grown(imports: dict[str, Import]) -> None:
    assert find_growth(source_ratios(imports), json.loads(RECORDED.read_text(encoding="utf-8"))) == []


def test_each_worker_is_recorded() -> None:
    assert sorted(json.loads(RECORDED.read_text(encoding="utf-8"))) == sorted(WORKERS)


def test_no_worker_imports_the_parser_of_forms_at_its_start(imports: dict[str, Import]) -> None:
    assert [name for name in WORKERS if FORMS in imports[name].modules] == []


@pytest.mark.parametrize(
    ("ratio", "count"),
    [
        pytest.param(20.0, 0, id="the same"),
        pytest.param(22.0, 0, id="a tenth more"),
        pytest.param(22.1, 1, id="above"),
        pytest.param(5.0, 0, id="less"),
    ],
)
def test_growth(ratio: float, count: int) -> None:
    assert len(find_growth({"executor": ratio}, {"executor": 20.0})) == count
