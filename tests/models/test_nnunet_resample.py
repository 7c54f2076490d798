import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from nodewise.models.nnunet_resample import Resampling, resampled_shape


@pytest.mark.parametrize("order", [0, 1, 3])
def test_voxels_take_their_value_at_their_centre(order):
    """Voxel edges coincide: new centre i lies at (i + 1/2) × old / new − 1/2, continued by the edge voxels."""
    rng = np.random.default_rng(0)
    array = rng.normal(size=(7, 9, 6)).astype(np.float32)
    shape = (11, 5, 8)
    along = [(np.arange(n) + 0.5) * old / n - 0.5 for n, old in zip(shape, array.shape, strict=True)]
    centres = np.meshgrid(*along, indexing="ij")
    expected = map_coordinates(array.astype(float), centres, order=order, mode="nearest").clip(array.min(), array.max())
    ours = Resampling(order)(array, shape, (1, 1, 1), (1, 1, 1))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_anisotropic_slices_are_resampled_on_their_own():
    """Two slices of 5 mm become four of 2.5 mm: each twice, with nothing in between."""
    array = np.zeros((2, 4, 4), dtype=np.float32)
    array[1] = 10
    ours = Resampling(3)(array, (4, 8, 8), (5, 1, 1), (2.5, 0.5, 0.5))
    assert [float(s.mean()) for s in ours] == [0, 0, 10, 10]
    assert 0 < Resampling(3, separate=False)(array, (4, 8, 8), (5, 1, 1), (2.5, 0.5, 0.5))[1].mean() < 10


@pytest.mark.parametrize(
    ("old", "new", "axis"),
    [
        ((5, 1, 1), (1, 1, 1), 0),
        ((1, 1, 1), (1, 1, 4), 2),
        ((3, 1, 1), (3, 1, 1), None),
        ((1, 1, 1), (1, 1, 1), None),
        ((5, 5, 1), (1, 1, 1), None),
    ],
)
def test_the_thick_axis_is_the_one_over_three_times_the_smallest(old, new, axis):
    assert Resampling(3).slice_axis(old, new) == axis
    assert Resampling(3, separate=False).slice_axis(old, new) is None


def test_a_label_map_takes_the_largest_share():
    """One of three voxels is 7: of two new ones the middle of neither lies nearer to it, and 0 has the larger share."""
    array = np.zeros((1, 1, 3), dtype=np.int32)
    array[..., 1] = 7
    assert Resampling(1).labels(array, (1, 1, 2), (1, 1, 1), (1, 1, 1.5)).ravel().tolist() == [0, 0]
    assert Resampling(1).labels(array, (1, 1, 6), (1, 1, 1), (1, 1, 0.5)).ravel().tolist() == [0, 0, 7, 7, 0, 0]


def test_on_a_tie_the_nearest_label_wins_whichever_is_larger():
    """Halfway between a 2 and a 1 scipy's nearest voxel is the second."""
    for first, second in ((1, 2), (2, 1)):
        array = np.array([first, second, second], dtype=np.int32).reshape(1, 1, 3)
        nearest = Resampling(0)(array.astype(np.float32), (1, 1, 1), (1, 1, 1), (1, 1, 3))
        assert Resampling(1).labels(array, (1, 1, 1), (1, 1, 1), (1, 1, 3)).item() == nearest.item()


@given(st.integers(2, 30), st.floats(0.3, 6), st.floats(0.3, 6))
def test_the_new_shape_covers_the_same_extent(n, old, new):
    (m,) = resampled_shape((n,), (old,), (new,))
    assert m >= 1 and (abs(m * new - n * old) <= new / 2 + 1e-9 or m == 1)


def test_round_numbers_go_to_the_even_one_as_in_python():
    assert resampled_shape((14, 18), (5.0, 5.0), (4.0, 4.0)) == (18, 22)
