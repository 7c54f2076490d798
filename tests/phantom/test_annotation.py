from __future__ import annotations

import collections

import numpy as np
import pytest
from scipy import ndimage

from nodewise.phantom.annotation import RESECTED, KnownNode, Style, Verdict, annotate, column_of
from nodewise.phantom.mislabel import LabelNoise, mislabel
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Status
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((60, 50, 24), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))


def _ball(array: np.ndarray, centre: tuple[int, int, int], radius: float, label: int) -> None:
    x, y, z = (((np.arange(n) - c) * s) ** 2 for n, c, s in zip(array.shape, centre, GRID.spacing, strict=True))
    array[x[:, None, None] + y[:, None] + z <= radius**2] = label


@pytest.fixture
def labels() -> Volume:
    """Five nodes: 1 and 2 touch, 3 is large, 4 small, 5 fills no voxel."""
    array = np.zeros(GRID.shape, np.uint16, order="F")
    _ball(array, (14, 14, 10), 5, 1)
    _ball(array, (24, 14, 10), 5, 2)
    _ball(array, (44, 34, 12), 9, 3)
    _ball(array, (14, 38, 8), 2.5, 4)
    return Volume(array, GRID, Quantity.LABEL)


NODES = (
    KnownNode("4R", Status.MALIGNANT, 10.0),
    KnownNode("4R", Status.BENIGN, 10.0),
    KnownNode("7", Status.EXTRANODAL, 18.0),
    KnownNode("8", Status.BENIGN, 5.0),
    KnownNode("2L", Status.BENIGN, 3.0),
)


def test_full_is_all_that_fills_a_voxel(labels: Volume) -> None:
    made = annotate(labels, NODES, Style.FULL, np.random.default_rng(0))
    np.testing.assert_array_equal(made.labels.array, labels.array)
    assert made.stands_for == ((1,), (2,), (3,), (4,))
    assert made.complete
    assert not made.histology


def test_partial_is_few_large_and_easy_ones(labels: Volume) -> None:
    rng = np.random.default_rng(1)
    counts, picked = [], collections.Counter[int]()
    for _ in range(500):
        made = annotate(labels, NODES, Style.PARTIAL, rng)
        assert not made.complete
        assert made.labels.array.max() == len(made.stands_for)
        for label, (node,) in enumerate(made.stands_for, 1):
            np.testing.assert_array_equal(made.labels.array == label, np.asarray(labels.array) == node)
            picked[node] += 1
        counts.append(len(made.stands_for))
    assert min(counts) == 1
    assert np.mean(counts) == pytest.approx(1.41, abs=0.08)  # LNQ: 556 nodes in 393 patients
    assert picked[3] > picked[1] > 5 * picked[4]
    assert 5 not in picked


def test_nothing_to_annotate_partially() -> None:
    empty = Volume(np.zeros(GRID.shape, np.uint16, order="F"), GRID, Quantity.LABEL)
    for style in Style:
        assert annotate(empty, (), style, np.random.default_rng(0)).stands_for == ()


def test_histology_resects_stations_as_often_as_the_first_paper(labels: Volume) -> None:
    rng = np.random.default_rng(2)
    known: collections.Counter[str] = collections.Counter()
    for _ in range(400):
        made = annotate(labels, NODES, Style.HISTOLOGY, rng)
        assert not np.asarray(made.labels.array).any()
        assert set(made.histology) == set(RESECTED)
        for column, verdict in made.histology.items():
            known[column] += verdict is not Verdict.NONE
            if verdict is not Verdict.NONE:
                assert (verdict is Verdict.MALIGNANT) == (column in {"4R", "7"})
    assert sum(RESECTED.values()) == 43  # of 8 × 15: 33 benign and 10 malignant, 77 not resected
    for column, of_eight in RESECTED.items():
        assert known[column] / 400 == pytest.approx(of_eight / 8, abs=0.08)


def test_columns() -> None:
    assert [column_of(c) for c in ("9R", "9L", "3a", "4L", "10R")] == ["9", "9", "3a", "4L", "10R"]


def test_labels_without_a_description_are_refused(labels: Volume) -> None:
    with pytest.raises(BadInputError, match="holds node 4, but only 2"):
        annotate(labels, NODES[:2], Style.FULL, np.random.default_rng(0))


def test_the_same_seed_errs_the_same(labels: Volume) -> None:
    a, b = (annotate(labels, NODES, Style.FULL, np.random.default_rng(7), LabelNoise()) for _ in range(2))
    np.testing.assert_array_equal(a.labels.array, b.labels.array)
    assert a.stands_for == b.stands_for


def test_no_noise_changes_nothing(labels: Volume) -> None:
    quiet = LabelNoise(missed=0, border_mm=0, merged=0, false=0)
    out, stands_for = mislabel(np.asarray(labels.array), (1, 2, 3, 4), GRID, quiet, np.random.default_rng(0))
    np.testing.assert_array_equal(out, labels.array)
    assert stands_for == ((1,), (2,), (3,), (4,))


def test_borders_move_by_about_a_voxel(labels: Volume) -> None:
    noise, rng, true = LabelNoise(0, 1.0, 0, 0), np.random.default_rng(3), np.asarray(labels.array)
    volumes = []
    for _ in range(40):
        out, stands_for = mislabel(true, (1, 2, 3, 4), GRID, noise, rng)
        assert len(stands_for) == 4
        assert set(np.unique(out)) == {0, 1, 2, 3, 4}
        away = ndimage.distance_transform_edt(true == 0, sampling=GRID.spacing)
        assert away[out > 0].max() < 5.5
        volumes.append((out == 3).sum() / (true == 3).sum())
    assert np.std(volumes) > 0.05
    assert np.mean(volumes) == pytest.approx(1.0, abs=0.15)


def test_only_touching_neighbours_merge(labels: Volume) -> None:
    out, stands_for = mislabel(
        np.asarray(labels.array), (1, 2, 3, 4), GRID, LabelNoise(0, 0, 1.0, 0), np.random.default_rng(0)
    )
    assert stands_for == ((1, 2), (3,), (4,))
    np.testing.assert_array_equal(out == 1, np.isin(labels.array, (1, 2)))


def test_small_nodes_are_missed_more_often(labels: Volume) -> None:
    rng, seen = np.random.default_rng(4), collections.Counter[int]()
    for _ in range(150):
        _, stands_for = mislabel(np.asarray(labels.array), (1, 2, 3, 4), GRID, LabelNoise(0.4, 0, 0, 0), rng)
        seen.update(n for group in stands_for for n in group)
    assert seen[3] > seen[1] > seen[4]
    assert seen[4] < 130


def test_false_ones_lie_on_decoys(labels: Volume) -> None:
    decoys = np.zeros(GRID.shape, np.bool_, order="F")
    decoys[30:34, :, :] = True
    rng, false = np.random.default_rng(5), 0
    for _ in range(20):
        made = annotate(labels, NODES, Style.FULL, rng, LabelNoise(0, 0, 0, 1.0), decoys)
        for label, group in enumerate(made.stands_for, 1):
            if not group:
                false += 1
                assert decoys[np.asarray(made.labels.array) == label].all()
    assert 8 < false < 36
