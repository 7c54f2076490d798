from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nodewise.models.nnunet_window import averaged, sliding_logits, window_starts, window_weights


@given(st.integers(4, 60), st.integers(0, 200))
def test_windows_cover_everything_at_most_half_a_window_apart(length, more):
    starts = window_starts(length + more, length)
    assert starts[0] == 0 and starts[-1] == more
    assert all(0 < b - a <= length / 2 + 1 for a, b in pairwise(starts))


def test_the_example_in_nnunets_source():
    assert window_starts(110, 64) == [0, 23, 46]


def test_weights_are_a_gaussian_with_a_floor():
    weight = window_weights((16, 32, 40))
    assert weight.max() == weight[8, 16, 20] == 10 and weight.min() > 0
    assert weight[8, 16, 25] == pytest.approx(10 * np.exp(-0.5), rel=2e-3)
    assert np.unique(weight[weight == weight.min()]).size == 1


class Position(torch.nn.Module):
    """Gives back what it is given, plus where along the last axis in its window a voxel is, times ``by``."""

    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, x):
        return x + self.by * torch.arange(x.shape[-1], dtype=torch.float32)


@pytest.mark.parametrize("patch", [(4, 8, 8), (8, 8)])
def test_the_image_comes_back_from_windows_smaller_and_larger_than_it(patch):
    image = np.random.default_rng(0).normal(size=(1, 6, 7, 19)).astype(np.float32)
    np.testing.assert_allclose(sliding_logits(Position(0), image, patch, 1, mirror_axes=(0, 1)), image, atol=1e-5)


def test_mirroring_averages_a_window_with_its_mirror_image():
    image = np.zeros((1, 4, 4, 8), dtype=np.float32)
    straight = sliding_logits(Position(1), image, (4, 4, 8), 1)
    assert straight[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert np.all(sliding_logits(Position(1), image, (4, 4, 8), 1, mirror_axes=(2,)) == 3.5)
    assert np.all(sliding_logits(Position(1), image, (4, 4, 8), 1, mirror_axes=(0, 1)) == straight)


def test_networks_are_averaged_and_progress_told():
    image, told = np.zeros((1, 4, 4, 12), dtype=np.float32), []
    ours = sliding_logits(
        averaged([Position(1), Position(3)], "cpu"),
        image,
        (4, 4, 8),
        1,
        progress=lambda done, of: told.append((done, of)),
    )
    np.testing.assert_allclose(ours, sliding_logits(Position(2), image, (4, 4, 8), 1), atol=1e-5)
    assert told == [(1, 2), (2, 2)]
