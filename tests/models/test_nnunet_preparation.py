import itertools

import numpy as np
import pytest

from nodewise.models.nnunet_predict import turned
from nodewise.models.nnunet_preparation import Intensity, NnUNetPreparation
from nodewise.models.nnunet_resample import Resampling
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.volume import Quantity, Volume


def preparation(**changes):
    """At 1 mm without any change, but for what a test asks for."""
    usual = {
        "transpose": (0, 1, 2),
        "spacing_mm": (1.0, 1.0, 1.0),
        "normalisation": "NoNormalization",
        "masked": False,
        "intensity": None,
        "image": Resampling(3),
        "labels": Resampling(1),
        "logits": Resampling(1),
    }
    return NnUNetPreparation(**{**usual, **changes})


def volume(array, spacing=(1.0, 1.0, 1.0)):
    """HU on a plain grid."""
    return Volume(np.asarray(array, dtype=np.float32), Grid.of(array.shape, spacing), Quantity.HU)


NUMBERED = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("transpose", list(itertools.permutations(range(3))))
def test_axes_are_z_y_x_transposed_and_come_back(transpose):
    ours = preparation(transpose=transpose)
    prepared = ours(volume(NUMBERED))
    np.testing.assert_array_equal(prepared.image[0], NUMBERED.transpose(2, 1, 0).transpose(transpose))
    np.testing.assert_array_equal(ours.onto_ct(ours.restore(prepared.image[0], prepared), prepared), NUMBERED)


def test_spacing_goes_with_its_axis():
    """2, 3 and 4 voxels of 5, 1 and 2 mm are 10, 3 and 8 of 1 mm."""
    prepared = preparation(transpose=(2, 0, 1))(volume(NUMBERED, (5.0, 1.0, 2.0)))
    assert prepared.image.shape == (1, 10, 8, 3) and prepared.native_spacing == (5.0, 2.0, 1.0)
    flat = preparation(transpose=(2, 0, 1), spacing_mm=(1.0, 1.0))(volume(NUMBERED, (5.0, 1.0, 2.0)))
    assert flat.image.shape == (1, 2, 8, 3) and flat.spacing == (5.0, 1.0, 1.0)


def test_what_is_0_around_the_image_is_cut_off_and_stays_0():
    array = np.zeros((6, 7, 8), dtype=np.float32)
    array[1:3, 2:5, 3:7] = NUMBERED
    ours = preparation()
    prepared = ours(volume(array))
    np.testing.assert_array_equal(prepared.image[0], NUMBERED.T)
    np.testing.assert_array_equal(ours.onto_ct(prepared.image[0], prepared), array)


def test_ct_normalisation_by_hand():
    """Cut off at -100 and 300, less 100, divided by 50."""
    array = np.array([-1000, 0, 100, 1000], dtype=np.float32).reshape(1, 1, 4) + np.float32(1e-3)
    ours = preparation(normalisation="CTNormalization", intensity=Intensity(100, 50, -100, 300))
    np.testing.assert_allclose(ours(volume(array)).image.ravel(), [-4, -2, 0, 4], atol=1e-3)


def test_z_score_over_everything_or_inside_the_mask():
    """Inside are 1 and 3, mean 2, deviation 1; with the two 0 mean 1 and the root of 1.5."""
    array = np.array([1, 0, 0, 3], dtype=np.float32).reshape(1, 1, 4)
    everything = preparation(normalisation="ZScoreNormalization")(volume(array)).image.ravel()
    np.testing.assert_allclose(everything, np.array([0, -1, -1, 2]) / np.sqrt(1.5), atol=1e-6)
    inside = preparation(normalisation="ZScoreNormalization", masked=True)(volume(array)).image.ravel()
    np.testing.assert_allclose(inside, [-1, 0, 0, 1], atol=1e-6)


def test_rescaling_to_0_and_1():
    array = np.array([-1, 1, 3], dtype=np.float32).reshape(1, 1, 3)
    assert preparation(normalisation="RescaleTo01Normalization")(volume(array)).image.ravel().tolist() == [0, 0.5, 1]
    with pytest.raises(BadInputError, match="colours from 0 to 255"):
        preparation(normalisation="RGBTo01Normalization")(volume(array))


def test_labels_of_the_stage_before_become_channels():
    labels = np.zeros((2, 3, 4), dtype=np.uint8)
    labels[0], labels[1, 0] = 1, 2
    before = Volume(labels, Grid.of((2, 3, 4), (1.0, 1.0, 1.0)), Quantity.LABEL)
    image = preparation()(volume(NUMBERED), before, (1, 2)).image
    np.testing.assert_array_equal(image, np.stack([NUMBERED.T, labels.T == 1, labels.T == 2]))


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", "SAL"])
def test_axes_run_to_the_sides_that_are_named(orientation):
    ct = volume(NUMBERED, (1.0, 2.0, 3.0))
    grid = turned(ct.grid, orientation)
    sides = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
    np.testing.assert_array_equal(grid.direction.T, [sides[letter] for letter in orientation])
    np.testing.assert_array_equal(onto_axes_of(onto_axes_of(ct, grid), ct.grid).array, ct.array)
