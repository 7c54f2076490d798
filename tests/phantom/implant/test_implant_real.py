"""Implants in real scans: the phase is told, densities follow it, organs stay, noise inside is the scan's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nodewise.io.folder import read_study
from nodewise.phantom.implant import Background, PasteMethod, implant, survey

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["lidc-idri-0002", "lidc-idri-0003"])
def scan(request: pytest.FixtureRequest, shared_data: Path) -> tuple[bool, Background]:
    """Whether contrast medium was given, and the survey: LIDC-IDRI, CC BY 3.0."""
    study = read_study(shared_data / "backgrounds" / f"{request.param}.nii.gz")
    return request.param == "lidc-idri-0003", survey(study)


def test_the_phase_is_told(scan: tuple[bool, Background]) -> None:
    enhanced, background = scan
    assert background.look.enhanced is enhanced
    assert -115 < background.look.fat_hu < -95
    assert 40 < background.look.muscle_hu < 65
    assert 0.5 < background.look.blur_mm[0] < 1.1


def test_bright_spots_are_no_contrast_medium_where_the_aorta_is_dark(shared_data: Path) -> None:
    study = read_study(shared_data / "backgrounds" / "lidc-idri-0314.nii.gz")  # a large mass, an effusion; CC BY 3.0
    assert not survey(study).look.enhanced


@pytest.mark.parametrize("paste", list(PasteMethod))
def test_nodes_are_as_dense_and_as_noisy_as_the_scan(scan: tuple[bool, Background], paste: PasteMethod) -> None:
    enhanced, background = scan
    means, ratios, count = [], [], 0
    for seed in range(16):
        made = implant(
            background.study, np.random.default_rng(seed), count=20, paste=paste, negatives=False, background=background
        )
        count += len(made.nodes)
        hu, labels = made.ct.array, made.labels.array
        for number, (place, item) in enumerate(zip(ndimage.find_objects(labels), made.nodes, strict=False), 1):
            if place is None or item.contents:
                continue
            core = ndimage.binary_erosion(labels[place] == number, np.ones((3, 3, 3), bool))
            if core.sum() < 25:
                continue
            values = hu[place][core]
            here = tuple(slice(p.start - a, p.stop - a) for p, a in zip(place, background.box.start, strict=True))
            means.append(values.mean())
            ratios.append(values.std() / background.noise[here][core].mean())
    assert count > 50
    assert len(means) >= 6
    low, high = (45, 100) if enhanced else (22, 48)
    assert low - 4 < np.mean(means) < high + 4
    assert np.median(ratios) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("paste", list(PasteMethod))
def test_lung_airways_and_vessels_stay(scan: tuple[bool, Background], paste: PasteMethod) -> None:
    enhanced, background = scan
    made = implant(background.study, np.random.default_rng(9), count=20, paste=paste, background=background)
    before = background.study.ct.array
    change = np.abs(made.ct.array - before)
    air = ndimage.binary_erosion(before < -700, iterations=2)
    assert change[air].max() < background.look.noise_hu
    if enhanced:
        blood = ndimage.binary_erosion(ndimage.median_filter(before, 3) > 180, iterations=3)
        assert (change[blood] > background.look.noise_hu).mean() < 1e-3
    ignored = made.ignore.array
    assert 0.5 < ignored.sum() * background.study.ct.grid.voxel_volume_mm3 / 1000 < 60
    assert not (ignored & (made.labels.array > 0)).any()
    assert not ((made.controls.array > 0) & (made.labels.array > 0)).any()
