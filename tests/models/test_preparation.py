import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nodewise.image.resample import resample
from nodewise.models import preparation as module
from nodewise.models.preparation import Preparation
from nodewise.values.anatomy import Region
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

PREPARATION = Preparation((1.5, 1.5, 1.5), ((-160.0, 240.0), (-1000.0, 600.0)), margin_mm=5.0)


def _blob(grid, centre_mm, radius_mm):
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    far = np.linalg.norm(grid.to_lps(index) - centre_mm, axis=-1)
    return 1 / (1 + np.exp((far - radius_mm) / 0.7))


def test_windows_become_channels_from_0_to_1():
    hu = np.array([-2000, -160, 40, 240, 3000], dtype=np.float32).reshape(5, 1, 1)
    soft, wide = PREPARATION.channels(hu)
    np.testing.assert_allclose(soft.ravel(), [0, 0, 0.5, 1, 1], atol=1e-6)
    np.testing.assert_allclose(wide.ravel(), [0, 0.525, 0.65, 0.775, 1], atol=1e-6)
    assert soft.dtype == np.float32


@settings(max_examples=25, deadline=None)
@given(
    spacing=st.tuples(*[st.sampled_from([0.7, 0.9, 1.5, 3.0])] * 3),
    angles=st.tuples(*[st.floats(-25, 25)] * 3),
    centre=st.tuples(*[st.floats(-8, 8)] * 3),
)
def test_a_blob_survives_at_its_place_in_the_patient(spacing, angles, centre):
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    shape = tuple(int(60 / s) for s in spacing)
    grid = Grid.of(shape, spacing, tuple(direction @ (-30.0, -30.0, -30.0)), direction)
    ct = Volume(np.float32(-100 + 140 * _blob(grid, centre, 6)), grid, Quantity.HU)
    prepared = PREPARATION(ct, Region((-16, -16, -16), (16, 16, 16)))
    np.testing.assert_allclose(prepared.grid.spacing, 1.5, rtol=0.08)
    assert prepared.image.shape == (2, *prepared.grid.shape)

    back = PREPARATION.restore(np.float32(_blob(prepared.grid, centre, 6)), prepared)
    assert back.quantity is Quantity.PROBABILITY
    assert grid.box_of(back.grid).shape == back.array.shape  # lies voxel on voxel of the CT
    index = np.argwhere(back.array > 0.02)
    weight = back.array[back.array > 0.02]
    place = (back.grid.to_lps(index) * weight[:, None]).sum(axis=0) / weight.sum()
    np.testing.assert_allclose(place, centre, atol=0.35)
    volume = back.array.sum() * back.grid.voxel_volume_mm3
    assert volume == pytest.approx(float(_blob(back.grid, centre, 6).sum()) * back.grid.voxel_volume_mm3, rel=0.12)
    seen = prepared.image[0]
    brightest = prepared.grid.to_lps(np.unravel_index(seen.argmax(), seen.shape))
    assert np.linalg.norm(brightest - centre) < 6  # what goes in lies where what comes out is said to lie


def test_the_crop_holds_the_region_and_its_margin_as_far_as_the_scan_goes():
    grid = Grid.of((50, 60, 40), (1, 1, 2), (0, 0, 0))
    ct = Volume(np.zeros(grid.shape, np.float32), grid, Quantity.HU)
    prepared = PREPARATION(ct, Region((20, -100, 30), (30, 20, 300)))
    low, high = prepared.native.to_lps(prepared.native.corners).min(axis=0), prepared.native.to_lps(prepared.native.corners).max(axis=0)  # fmt: skip  # noqa: E501
    np.testing.assert_allclose(low, (15, 0, 26), atol=2)
    np.testing.assert_allclose(high, (35, 25, 78), atol=2)


def test_a_region_outside_the_scan_is_refused():
    grid = Grid.of((10, 10, 10), (1, 1, 1))
    ct = Volume(np.zeros(grid.shape, np.float32), grid, Quantity.HU)
    with pytest.raises(ValueError, match="outside the scan"):
        PREPARATION(ct, Region((100, 0, 0), (120, 5, 5)))


def test_probabilities_stay_between_0_and_1():
    grid = Grid.of((30, 30, 30), (1, 1, 1))
    ct = Volume(np.zeros(grid.shape, np.float32), grid, Quantity.HU)
    prepared = PREPARATION(ct, Region((5, 5, 5), (25, 25, 25)))
    back = PREPARATION.restore(np.full(prepared.grid.shape, 1.0000002, np.float32), prepared)
    assert back.array.max() <= 1


def _noise(grid, seed=0):
    return np.asfortranarray(np.random.default_rng(seed).random(grid.shape, dtype=np.float32))


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 1.0), (0.9, 0.9, 5.0), (2.0, 2.0, 2.0)])
def test_putting_back_by_blocks_is_putting_back_at_once(monkeypatch, spacing):
    angles = Rotation.from_euler("xyz", (3, -8, 5), degrees=True).as_matrix()
    grid = Grid.of(tuple(int(60 / s) for s in spacing), spacing, (0.0, 0.0, 0.0), angles)
    ct = Volume(np.zeros(grid.shape, np.float32), grid, Quantity.HU)
    prepared = PREPARATION(ct, Region((15, 15, 15), (40, 40, 40)))
    answer = Volume(_noise(prepared.grid), prepared.grid, Quantity.PROBABILITY)
    whole = np.clip(resample(answer, prepared.native).array, 0, 1)
    monkeypatch.setattr(module, "BLOCK_VOXELS", 2 * prepared.native.shape[0] * prepared.native.shape[1])
    back = PREPARATION.restore(answer.array, prepared)
    np.testing.assert_allclose(back.array, whole, atol=1e-5)
    assert back.grid.same_as(prepared.native)
    assert back.array.flags.f_contiguous


@given(shape=st.tuples(*[st.integers(1, 60)] * 3), voxels=st.integers(1, 5000))
def test_blocks_hold_every_voxel_once(shape, voxels):
    count = np.zeros(shape, int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_VOXELS", voxels)
        for block in module._blocks(shape):
            assert block.shape[:2] == shape[:2]
            assert np.prod(block.shape) <= max(voxels, np.prod(shape[:2]))
            count[block.slices] += 1
    assert (count == 1).all()


def test_a_small_crop_is_continued_in_the_dark_to_the_least_size():
    grid = Grid.of((60, 60, 60), (1, 1, 1))
    ct = Volume(np.full(grid.shape, 40, np.float32), grid, Quantity.HU)
    region = Region((20, 20, 20), (39, 38, 39))
    plain = Preparation((1, 1, 1), ((-160.0, 240.0),), margin_mm=0.0)
    padded = Preparation((1, 1, 1), ((-160.0, 240.0),), margin_mm=0.0, least_voxels=(32, 25, 1))
    small, large = plain(ct, region), padded(ct, region)
    assert small.image.shape == (1, 20, 19, 20)
    assert large.image.shape == (1, 32, 25, 20)
    inner = large.image[:, 6:26, 3:22]
    np.testing.assert_allclose(inner, small.image, atol=1e-6)
    assert large.image.sum() == pytest.approx(inner.sum())
    assert large.native.same_as(small.native)
    np.testing.assert_allclose(large.grid.to_lps((6, 3, 0)), small.grid.origin)
    answer = _noise(large.grid)
    np.testing.assert_allclose(padded.restore(answer, large).array, answer[6:26, 3:22], atol=1e-6)
