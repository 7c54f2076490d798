from __future__ import annotations

import numpy as np
import pytest

from nodewise.phantom.body import Body
from nodewise.phantom.chest import make_chest
from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.phantom.scanner import Protocol, noise_field, scan
from nodewise.phantom.tissue import Phase, draw_appearance
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity

QUIET = Protocol(blur_mm=0.0, slice_mm=1.0, noise_hu=1.0, grain_mm=0.3, sharp=False)


@pytest.fixture(scope="module")
def chest() -> Body:
    return make_chest(4, 2.0)


def _pure(chest: Body, tissue: Tissue) -> np.ndarray:
    return (chest.geometry.tissue == tissue) & (chest.geometry.share == 255)


def test_densities_without_contrast(chest: Body) -> None:
    volume = scan(chest.geometry, np.random.default_rng(0), Phase.NONE, QUIET)
    assert volume.quantity is Quantity.HU
    assert volume.array.flags.f_contiguous
    for tissue, low, high in (
        (Tissue.AIR_OUTSIDE, -1010, -990),
        (Tissue.FAT, -125, -80),
        (Tissue.MUSCLE, 35, 70),
        (Tissue.LUNG, -915, -800),
        (Tissue.AIRWAY_LUMEN, -1010, -980),
        (Tissue.VESSEL_ARTERY, 28, 55),
        (Tissue.HEART_LEFT, 28, 55),
        (Tissue.NODE, 10, 60),
        (Tissue.MARROW, 90, 280),
    ):
        assert low < np.median(volume.array[_pure(chest, tissue)]) < high, tissue


@pytest.mark.parametrize(
    ("phase", "tissue", "low", "high"),
    [
        (Phase.ARTERIAL, Tissue.VESSEL_ARTERY, 180, 420),
        (Phase.PULMONARY, Tissue.VESSEL_PULMONARY, 200, 450),
        (Phase.PULMONARY, Tissue.VESSEL_VEIN, 300, 700),
        (Phase.PORTAL, Tissue.VESSEL_ARTERY, 100, 200),
        (Phase.NONE, Tissue.NODE, 22, 48),
        (Phase.PORTAL, Tissue.NODE, 45, 100),
        (Phase.ARTERIAL, Tissue.NODE, 45, 100),
    ],
)
def test_phases_have_their_densities(phase: Phase, tissue: Tissue, low: float, high: float) -> None:
    drawn = [draw_appearance(np.random.default_rng(n), phase).hu[tissue] for n in range(100)]
    assert low <= min(drawn) <= max(drawn) <= high


def test_nodes_look_like_blood_without_contrast() -> None:
    looks = [draw_appearance(np.random.default_rng(n), Phase.NONE).hu for n in range(100)]
    difference = [look[Tissue.VESSEL_ARTERY] - look[Tissue.NODE] for look in looks]
    assert min(difference) > -6
    assert max(difference) < 20


def test_same_generator_same_scan(chest: Body) -> None:
    a, b = (scan(chest.geometry, np.random.default_rng(5)).array for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, scan(chest.geometry, np.random.default_rng(6)).array)


def _slab(shape: tuple[int, int, int]) -> Geometry:
    tissue = np.full(shape, Tissue.VESSEL_ARTERY, np.uint8, order="F")
    tissue[:, :, : shape[2] // 2] = Tissue.AIR_OUTSIDE
    full = np.full(shape, 255, np.uint8, order="F")
    return Geometry(Grid.of(shape, (1.0, 1.0, 1.0)), tissue, tissue, full, np.zeros(shape, np.uint16, order="F"))


def test_noise_has_the_standard_deviation_asked_for() -> None:
    protocol = Protocol(blur_mm=0.6, slice_mm=1.0, noise_hu=20.0, grain_mm=0.8, sharp=False)
    hu = scan(_slab((60, 60, 20)), np.random.default_rng(1), Phase.NONE, protocol).array
    above_the_clip = hu[:, :, 12:]
    assert above_the_clip.std(axis=(0, 1)).mean() == pytest.approx(20, rel=0.15)
    neighbours = np.corrcoef(above_the_clip[:-1].ravel(), above_the_clip[1:].ravel())[0, 1]
    assert 0.3 < neighbours < 0.95


def test_thick_slices_average_over_their_thickness() -> None:
    thin, thick = (
        scan(
            _slab((16, 16, 40)),
            np.random.default_rng(1),
            Phase.NONE,
            Protocol(blur_mm=0.0, slice_mm=mm, noise_hu=0.0, grain_mm=0.5, sharp=False),
        ).array.mean(axis=(0, 1))
        for mm in (1.0, 5.0)
    )
    between = [int(((p > -950) & (p < 0)).sum()) for p in (thin, thick)]
    assert between[0] == 0
    assert between[1] >= 3
    assert thick[2:38].mean() == pytest.approx(thin[2:38].mean(), abs=60)


def test_texture_has_unit_variance_and_its_scale() -> None:
    field = noise_field((100, 100, 100), 12.0, (1.0, 1.0, 1.0), np.random.default_rng(0))
    assert field.std() == pytest.approx(1.0, abs=0.25)
    assert np.corrcoef(field[:-2].ravel(), field[2:].ravel())[0, 1] > 0.8
    assert abs(np.corrcoef(field[:-30].ravel(), field[30:].ravel())[0, 1]) < 0.25
