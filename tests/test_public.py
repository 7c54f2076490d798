"""The public surface, walked whole."""

import inspect
import subprocess
import sys
from pathlib import Path

import nodewise as nw

PACKAGE = Path(nw.__file__).parent


def test_public_names_are_these():
    assert nw.__all__ == [
        "Assessment", "AssessmentRecord", "BadInputError", "Grid", "Pipeline", "Side", "Station", "Study", "Volume",
        "assess", "load_pipeline", "measure", "read_study", "write_case",
    ]  # fmt: skip


def test_every_public_name_resolves_and_is_documented():
    for name in nw.__all__:
        assert inspect.getdoc(getattr(nw, name)), name
    assert set(nw.__all__) <= set(dir(nw))


def test_no_public_name_is_also_a_module():
    modules = {p.stem for p in PACKAGE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert not modules & set(nw.__all__)


def test_importing_loads_nothing_heavy():
    code = "import nodewise, sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {
        "torch",
        "numpy",
        "scipy",
        "pydicom",
        "SimpleITK",
        "matplotlib",
        "highdicom",
        "pydantic",
        "typer",
    }


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(nw, "diagnose")
