"""Connected components, held against scipy.ndimage.label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nodewise.image.components import boxes, components, largest
from nodewise.values.box import Box

RANK = {6: 1, 18: 2, 26: 3}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.6), st.sampled_from((6, 18, 26)), st.sampled_from("CF"))
def test_same_parts_as_scipy(seed, filled, connectivity, order) -> None:
    mask = np.asarray(np.random.default_rng(seed).random((7, 9, 8)) < filled, order=order)
    labels, n = components(mask, connectivity)
    expected, m = ndimage.label(mask, ndimage.generate_binary_structure(3, RANK[connectivity]))
    assert n == m
    assert len(np.unique(np.stack([labels.ravel(), expected.ravel()]), axis=1).T) == n + (not mask.all())
    assert np.array_equal(labels > 0, mask)


@pytest.mark.parametrize(("connectivity", "n"), [(6, 3), (18, 2), (26, 1)])
def test_faces_edges_and_corners(connectivity, n) -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 0, 0] = mask[1, 1, 0] = mask[2, 2, 1] = True  # joined by an edge, then by a corner
    assert components(mask, connectivity)[1] == n


def test_largest() -> None:
    mask = np.zeros((6, 4, 4), bool)
    mask[0, :2, 0] = True
    mask[3:, 1, 1] = True
    expected = np.zeros_like(mask)
    expected[3:, 1, 1] = True
    assert np.array_equal(largest(mask), expected)
    assert np.array_equal(largest(expected), expected)
    assert not largest(np.zeros((3, 3, 3), bool)).any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from((4, 300, 60000)), st.sampled_from("CF"))
def test_boxes_and_counts(seed, top, order) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, top, (6, 7, 5)).astype(np.uint32) * (rng.random((6, 7, 5)) < 0.3)
    labels = np.asarray(labels, order=order)
    expected = {int(i): (Box.around(labels == i), int((labels == i).sum())) for i in np.unique(labels) if i}
    found = boxes(labels)
    assert found == expected
    assert list(found) == sorted(found)


def test_no_labels_no_boxes() -> None:
    assert boxes(np.zeros((3, 3, 3), np.uint8)) == {}


def test_labels_beyond_the_number_of_voxels_without_background() -> None:
    labels = np.full((2, 2, 2), 5_000_000, np.uint32)
    assert boxes(labels) == {5_000_000: (Box((0, 0, 0), (2, 2, 2)), 8)}


def test_read_only_and_turned_views_are_taken() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[0, 0, 0] = mask[4, 5, 2:5] = True
    view = mask.transpose(2, 0, 1)[::-1, :, ::-1]
    view.setflags(write=False)
    labels, n = components(view)
    assert n == 2
    assert np.array_equal(labels > 0, view)
    labels.setflags(write=False)
    assert sorted(boxes(labels).values(), key=lambda found: found[1]) == [
        (Box((6, 0, 5), (7, 1, 6)), 1),
        (Box((2, 4, 0), (5, 5, 1)), 3),
    ]
    assert largest(view).sum() == 3


def test_touching_labels_of_a_map_stay_apart() -> None:
    labels = np.zeros((4, 2, 2), np.uint16)
    labels[0], labels[1], labels[3] = 300, 301, 300
    assert components(labels)[1] == 3


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1), (1, 1, 3)])
def test_the_first_and_the_last_of_three_voxels_are_two_parts(shape: tuple[int, int, int]) -> None:
    labels, count = components(np.array([True, False, True]).reshape(shape))
    assert count == 2
    assert labels.ravel().tolist() == [1, 0, 2]
