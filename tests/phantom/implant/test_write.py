"""Copies with implants on disk: same bytes by any number of processes, whole or absent, kept, never mixed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nodewise.io.itk import write_nifti
from nodewise.io.truthfile import read_truth
from nodewise.phantom.implant import write, write_implanted
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((64, 64, 24), (1.5, 1.5, 2.5), (-48.0, -48.0, -30.0))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cylinders of muscle with a core of fat, and a mask of that."""
    folder = tmp_path_factory.mktemp("scans")
    (folder / "scans").mkdir()
    x, y, _ = (a + np.zeros(GRID.shape) for a in np.ogrid[:64, :64, :24])
    around = np.hypot(x - 32, y - 32) * 1.5
    drawn = np.select([around < 26, around < 44], [-105.0, 50.0], -1000.0)
    for seed in (0, 1):
        noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=GRID.shape), 0.6)
        hu = np.asfortranarray(ndimage.gaussian_filter(drawn, 0.5) + 12 * noise / noise.std(), np.float32)
        write_nifti(Volume(hu, GRID, Quantity.HU), folder / "scans" / f"{seed}.nii.gz")
    write_nifti(Volume(np.asfortranarray(around < 25), GRID, Quantity.MASK), folder / "fat.nii.gz")
    return folder


@pytest.fixture
def one(scans: Path) -> dict[str, Path]:
    return {"scan": scans / "scans" / "0.nii.gz", "region": scans / "fat.nii.gz"}


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_same_bytes_whatever_the_number_of_processes(one: dict[str, Path], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_implanted(tmp_path / "one", patients=1, seed=6, **one)
    write_implanted(tmp_path / "two", patients=2, seed=5, processes=2, progress=lambda *now: told.append(now), **one)
    alone, both = hashes(tmp_path / "one"), hashes(tmp_path / "two")
    assert alone == {path: digest for path, digest in both.items() if "0006" in path} != {}
    assert {path.replace("0006", "0005") for path in alone} == both.keys() - alone.keys()
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert not list(tmp_path.rglob(".*"))


def test_what_was_stopped_goes_on(one: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_implanted(tmp_path, patients=2, seed=5, **one)
    before = hashes(tmp_path)
    kept = tmp_path / "truth" / "implant-0005" / "truth.json"
    when = kept.stat().st_mtime_ns
    (tmp_path / "images" / "implant-0006.nii.gz").unlink()
    write_implanted(tmp_path, patients=2, seed=5, **one)
    assert hashes(tmp_path) == before and kept.stat().st_mtime_ns == when

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "_write_truth", stop)
    with pytest.raises(KeyboardInterrupt):
        write_implanted(tmp_path, patients=3, seed=5, **one)
    assert hashes(tmp_path) == before and not list(tmp_path.rglob(".*"))


def test_copies_made_otherwise_are_not_mixed(
    scans: Path, one: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_implanted(tmp_path, patients=1, seed=5, **one)
    monkeypatch.setattr(write, "_surveyed", lambda *_: pytest.fail("surveyed for nothing"))
    monkeypatch.setattr(write._surveyed, "cache_clear", lambda: None, raising=False)
    with pytest.raises(BadInputError, match="implant-0005 made with paste alpha, not poisson: choose another folder"):
        write_implanted(tmp_path, patients=1, seed=5, paste="poisson", **one)
    with pytest.raises(BadInputError, match="made with controls yes, not no"):
        write_implanted(tmp_path, patients=1, seed=5, negatives=False, **one)
    with pytest.raises(BadInputError, match=r"made with within mask .*, not mediastinum"):
        write_implanted(tmp_path, one["scan"], 1, 5)
    with pytest.raises(BadInputError, match="made with scan"):
        write_implanted(tmp_path, scans / "scans" / "1.nii.gz", 1, 5, region=one["region"])


def test_a_number_belongs_to_one_scan_whatever_the_first(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[int, str] = {}
    monkeypatch.setattr(write, "_write", lambda _out, name, _path, _region, _words, number: told.update({number: name}))
    write_implanted(tmp_path, scans / "scans", 3, 4)
    first = dict(told)
    told.clear()
    write_implanted(tmp_path, scans / "scans", 2, 5)
    assert first == {4: "0", 6: "0", 5: "1"} and told == {5: "1", 6: "0"}


def test_the_settings_are_in_the_truth(one: dict[str, Path], tmp_path: Path) -> None:
    write_implanted(tmp_path, patients=1, seed=5, negatives=False, fmt="dicom", **one)
    known = read_truth(tmp_path / "truth" / "implant-0005" / "truth.json")
    assert known.made.items() >= {"paste": "alpha", "controls": "no", "format": "dicom", "made_by": "implants"}.items()
    assert "nii" not in " ".join(known.made.values()) and not known.negatives
