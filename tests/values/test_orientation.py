"""Turning axes moves no voxel: held against nibabel's reorientation and against world positions."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nodewise.values.grid import Grid
from nodewise.values.orientation import closest_lps, onto_axes_of
from nodewise.values.volume import Quantity, Volume

TURNS = [(p, s) for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]
SHAPE = (3, 4, 5)


def numbered(affine: np.ndarray) -> Volume:
    return Volume(np.arange(60, dtype=np.float32).reshape(SHAPE), Grid(SHAPE, affine), Quantity.HU)


def turned(permutation: tuple[int, ...], signs: tuple[int, ...], oblique: np.ndarray | None = None) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3)[:, permutation] * signs) @ np.diag((0.7, 0.8, 2.5))
    if oblique is not None:
        affine[:3, :3] = oblique @ affine[:3, :3]
    affine[:3, 3] = (-120.5, 33.25, 801.0)
    return affine


def values_by_place(volume: Volume) -> dict[tuple[float, ...], float]:
    index = np.stack(np.meshgrid(*map(np.arange, volume.grid.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    places = np.round(volume.grid.to_lps(index), 4) + 0.0
    return {tuple(p): float(volume.array[tuple(i)]) for p, i in zip(places.tolist(), index, strict=True)}


@pytest.mark.parametrize(("permutation", "signs"), TURNS)
def test_every_orientation_agrees_with_nibabel_and_turns_back(permutation, signs):
    volume = numbered(turned(permutation, signs))
    straight = closest_lps(volume)
    assert np.all(np.diag(straight.grid.affine)[:3] > 0)
    assert np.shares_memory(straight.array, volume.array)
    ras = np.diag((-1.0, -1.0, 1.0, 1.0))
    reference = nib.as_closest_canonical(nib.Nifti1Image(volume.array, ras @ volume.grid.affine))
    assert np.array_equal(reference.get_fdata()[::-1, ::-1], straight.array)
    back = onto_axes_of(straight, volume.grid)
    assert np.array_equal(back.array, volume.array)
    assert back.grid is volume.grid


@given(st.sampled_from(TURNS), st.tuples(*[st.floats(-180, 180)] * 3))
def test_oblique_voxels_stay_where_they_are(turn, angles):
    oblique = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    volume = numbered(turned(*turn, oblique))
    straight = closest_lps(volume)
    assert values_by_place(straight) == values_by_place(volume)
    assert np.array_equal(onto_axes_of(straight, volume.grid).array, volume.array)


def test_grids_of_other_voxels_are_refused():
    volume = numbered(turned((0, 1, 2), (1, 1, 1)))
    shifted = volume.grid.affine.copy()
    shifted[0, 3] += 0.1
    with pytest.raises(ValueError, match="resample"):
        onto_axes_of(volume, Grid(SHAPE, shifted))
    rotated = turned((0, 1, 2), (1, 1, 1), Rotation.from_euler("z", 45, degrees=True).as_matrix())
    with pytest.raises(ValueError, match="resample"):
        onto_axes_of(volume, Grid(SHAPE, rotated))
    with pytest.raises(ValueError, match="resample"):
        onto_axes_of(volume, Grid((3, 4, 4), volume.grid.affine))
