from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import read_study
from nodewise.io.itk import read_labels, write_nifti
from nodewise.phantom.scan.stored import Storage, draw_storage, stored
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((60, 50, 40), (1.5, 1.5, 3.0), (-40.0, -35.0, 100.0))
BALL, ROD = np.array([22.0, -12.0, 190.0]), np.array([-21.0, 12.0, 145.0])  # left front top, right back below


def _patient() -> tuple[Volume, Volume]:
    """A ball of water in the patient's left, front, top; a smaller one of bone in the right, back, bottom."""
    x, y, z = np.moveaxis(GRID.to_lps(np.stack(np.indices(GRID.shape), axis=-1)), -1, 0)
    labels = np.zeros(GRID.shape, np.uint8, order="F")
    for number, (centre, radius) in enumerate(((BALL, 9.0), (ROD, 6.0)), 1):
        labels[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 < radius**2] = number
    hu = np.asfortranarray(np.array([-1000, 0, 700], np.float32)[labels])
    return Volume(hu, GRID, Quantity.HU), Volume(labels, GRID, Quantity.LABEL)


def _centres(hu: Volume) -> np.ndarray:
    at = hu.grid.to_lps(np.argwhere(hu.array > -500))
    bone = hu.grid.to_lps(np.argwhere(hu.array > 0))
    return np.array([at[at[:, 0] > 0].mean(axis=0), bone[bone[:, 0] < 0].mean(axis=0)])


HOWS = [
    Storage(),
    Storage(backwards=(False, False, True)),
    Storage(backwards=(True, True, False)),
    Storage(backwards=(True, True, True)),
    Storage(tilt_deg=6.0),
    Storage(tilt_deg=-4.0, backwards=(False, False, True)),
    Storage(turn_deg=(3.0, -4.0, 2.0)),
]


@pytest.mark.parametrize("how", HOWS)
def test_left_stays_left_through_dicom(how: Storage, tmp_path: Path) -> None:
    hu, labels = (stored(v, how) for v in _patient())
    write_ct_series(hu, tmp_path / "ct", identity="a")
    ct = read_study(tmp_path / "ct").ct
    np.testing.assert_allclose(_centres(ct), [BALL, ROD], atol=1.2)
    write_nifti(labels, tmp_path / "labels.nii.gz")
    if how.tilt_deg == 0:
        back = read_labels(tmp_path / "labels.nii.gz")
        assert back.grid.same_as(hu.grid)
        np.testing.assert_array_equal(back.array > 0, labels.array > 0)


@pytest.mark.parametrize(
    "how", [*HOWS, Storage(order=(2, 0, 1)), Storage(order=(1, 0, 2), backwards=(True, False, True))]
)
def test_left_stays_left_through_nifti(how: Storage, tmp_path: Path) -> None:
    hu, _ = (stored(v, how) for v in _patient())
    write_nifti(hu, tmp_path / "ct.nii.gz")
    np.testing.assert_allclose(_centres(read_study(tmp_path / "ct.nii.gz").ct), [BALL, ROD], atol=1.2)


@given(
    st.permutations([0, 1, 2]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from([0.0, 5.0, -3.0]),
    st.sampled_from([(0.0, 0.0, 0.0), (2.0, -3.0, 4.0)]),
)
@settings(max_examples=12, deadline=None)
def test_image_and_labels_lie_on_one_grid(
    order: list[int], backwards: tuple[bool, bool, bool], tilt: float, turn: tuple[float, float, float]
) -> None:
    how = Storage((order[0], order[1], order[2]), backwards, tilt, turn)
    hu, labels = (stored(v, how) for v in _patient())
    assert hu.grid.same_as(labels.grid)
    assert hu.array.flags.f_contiguous
    for number, centre in ((1, BALL), (2, ROD)):
        found = hu.grid.to_lps(np.argwhere(labels.array == number).mean(axis=0))
        assert (np.abs(found - centre) < (0.8, 0.8, 1.51)).all()  # half a voxel
    assert np.median(hu.array[labels.array == 1]) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("how", [*HOWS, Storage(order=(2, 0, 1), backwards=(True, False, True))])
def test_every_voxel_is_what_an_independent_resampler_finds_at_its_place(how: Storage) -> None:
    import SimpleITK as sitk

    field = np.asfortranarray(np.random.default_rng(0).normal(0, 300, GRID.shape), np.float32)
    image = sitk.GetImageFromArray(field.T)
    image.SetSpacing(GRID.spacing)
    image.SetOrigin(GRID.origin)
    put = stored(Volume(field, GRID, Quantity.HU), how)
    at = np.random.default_rng(1).integers(0, put.grid.shape, (200, 3))
    inside = [
        p
        for p in at
        if (
            (GRID.to_index(put.grid.to_lps(p)) > 0) & (GRID.to_index(put.grid.to_lps(p)) < np.subtract(GRID.shape, 1))
        ).all()
    ]
    assert len(inside) > 100
    for place in inside:
        expected = image.EvaluateAtPhysicalPoint(put.grid.to_lps(place).tolist(), sitk.sitkLinear)
        assert put.array[tuple(place)] == pytest.approx(expected, abs=0.05)


def test_nothing_changes_where_nothing_is_asked() -> None:
    hu, _ = _patient()
    same = stored(hu, Storage())
    assert same.grid.same_as(GRID)
    np.testing.assert_array_equal(same.array, hu.array)


def test_a_mask_stays_a_mask() -> None:
    _, labels = _patient()
    mask = Volume(np.asfortranarray(labels.array == 1), GRID, Quantity.MASK)
    assert stored(mask, Storage(tilt_deg=3.0)).array.dtype == np.bool_


def test_tilted_slices_lie_within_what_was_scanned() -> None:
    hu, _ = _patient()
    leaning = stored(hu, Storage(tilt_deg=6.0))
    assert leaning.grid.shape[2] < 40
    assert np.sin(np.radians(6)) == pytest.approx(leaning.grid.direction[2, 1])
    assert leaning.array.min() >= -1001


def test_storage_is_drawn_as_scanners_store() -> None:
    drawn = [draw_storage(np.random.default_rng(n), any_order=True) for n in range(300)]
    assert sum(h.backwards[2] for h in drawn) > 100
    assert 3 < sum(h.backwards[0] for h in drawn) < 40
    assert 3 < sum(h.tilt_deg != 0 for h in drawn) < 40
    assert any(h.order != (0, 1, 2) for h in drawn)
    assert all(draw_storage(np.random.default_rng(n)).order == (0, 1, 2) for n in range(50))
