"""P3's post-processing by numbers worked by hand, and against SimpleITK's components and SciPy's hull."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial import Delaunay

from nodewise.recipes.atlas_prior.after import (
    NONE,
    After,
    Answer,
    best_after,
    dice,
    large_enough,
    lung_hull,
    nodes,
    scores,
)
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 30, 20), (1.0, 1.0, 2.0))
EVERYWHERE = np.ones(GRID.shape, bool)


def _ball(middle, radius_mm, grid=GRID):
    away = (np.moveaxis(np.indices(grid.shape), 0, -1) - middle) * grid.spacing
    return np.linalg.norm(away, axis=-1) <= radius_mm


def _answer(probability, prior=0.0, inside=EVERYWHERE):
    p, q = (np.broadcast_to(np.float32(a), GRID.shape).astype(np.float32) for a in (probability, prior))
    return Answer(p, q, inside, GRID)


@pytest.mark.parametrize(
    ("t", "prior", "least"), [(0.5, 0.0, 0.5), (0.5, 1.0, 0.25), (0.3, 0.4, 0.24), (0.2, 1.0, 0.1)]
)
def test_the_threshold_is_equation_3(t, prior, least):
    after = After(t, hull=False)
    assert nodes(_answer(least + 1e-4, prior), after).all()
    assert not nodes(_answer(least - 1e-4, prior), after).any()
    fixed = After(t, hull=False, prior_share=0.0)
    assert nodes(_answer(least + 1e-4, prior), fixed).all() == (prior == 0)


def test_scores_keep_their_order_and_stay_below_1():
    p = np.linspace(0, 1, GRID.shape[0], dtype=np.float32)[:, None, None]
    for t, prior in ((0.5, 0.5), (0.3, 1.0), (0.2, 0.0)):
        found = scores(_answer(p, prior), After(t, hull=False))
        assert (np.diff(found, axis=0) > 0).all()
        assert (found.min(), found.max()) == (0, 1)
        assert np.array_equal(found >= t, np.broadcast_to(p >= np.float32(t * (1 - prior / 2)), GRID.shape))
    np.testing.assert_allclose(scores(_answer(p), After(0.3, hull=False))[:, 0, 0], p[:, 0, 0], atol=1e-6)


def test_small_components_are_dropped_by_the_ellipsoid_that_itk_measures():
    mask = _ball((8, 8, 8), 4.2) | _ball((24, 8, 8), 2.6) | _ball((32, 20, 12), 3.2)
    mask[2:4, 20:28, 2:4] = True  # long, and thin
    image = sitk.GetImageFromArray(mask.T.astype(np.uint8))
    image.SetSpacing(GRID.spacing)
    parts = sitk.ConnectedComponent(image)  # across faces
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(parts)
    for least in (3.0, 5.0, 7.0):
        kept = [n for n in shape.GetLabels() if min(shape.GetEquivalentEllipsoidDiameter(n)) >= least]
        expected = np.isin(sitk.GetArrayFromImage(parts).T, kept)
        assert np.array_equal(large_enough(mask, GRID, least), expected)
        assert 0 < expected.sum() < mask.sum()


def test_parts_that_touch_at_an_edge_are_two_across_faces():
    mask = np.zeros(GRID.shape, bool)
    mask[4:10, 4:10, 4:7] = mask[10:12, 10:12, 4:7] = True
    assert large_enough(mask, GRID, 4.0, 6).sum() == 6 * 6 * 3
    assert large_enough(mask, GRID, 2.0, 26).sum() == mask.sum()


def test_a_dropped_component_has_no_score_and_what_lies_below_the_threshold_keeps_its_own():
    p = np.full(GRID.shape, 0.1, np.float32)
    p[_ball((8, 8, 8), 1.2)] = 0.9
    found = scores(_answer(p), After(diameter_mm=5.0, hull=False))
    assert found.max() == pytest.approx(0.1)
    assert scores(_answer(p), After(hull=False)).max() == pytest.approx(0.9)


def test_what_lies_outside_the_hull_is_dropped():
    inside = np.zeros(GRID.shape, bool)
    inside[:20] = True
    assert np.array_equal(nodes(_answer(0.9, inside=inside), After()), inside)
    assert nodes(_answer(0.9, inside=inside), NONE).all()


def test_the_hull_is_that_of_both_lungs():
    grid = Grid.of((50, 40, 40), (4.0, 4.0, 4.0))
    right, left = _ball((12, 20, 20), 36, grid), _ball((37, 20, 20), 36, grid)
    organs = Volume((right + 2 * left).astype(np.uint8), grid, Quantity.LABEL)
    names = {1: "lung_right", 2: "lung_upper_lobe_left"}
    anatomy = Anatomy({}, Region((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), "by hand", organs, names)
    inside = lung_hull(anatomy, grid)
    hull = Delaunay(np.argwhere(right | left))
    truth = hull.find_simplex(np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3)).reshape(grid.shape) >= 0
    assert inside[25, 20, 20]  # between them
    assert not inside[25, 2, 20]
    assert 2 * (inside & truth).sum() / (inside.sum() + truth.sum()) > 0.93  # it is laid on coarser voxels
    assert lung_hull(Anatomy({}, anatomy.mediastinum, "nothing"), grid).all()


def test_the_grid_search_finds_what_was_hidden():
    truth = _ball((10, 10, 10), 5) | _ball((28, 18, 10), 4)
    p = np.where(truth, 0.35, 0.05).astype(np.float32)
    p[_ball((10, 24, 4), 2.2)] = 0.8  # small, and none
    after, best = best_after([_answer(p)], [truth.astype(np.uint8)])
    assert (after.threshold, after.diameter_mm, best) == (0.2, 5.0, 1.0)
    assert best_after([_answer(p)], [truth.astype(np.uint8)], diameters_mm=(0.0,))[1] < 1


def test_dice_leaves_out_what_nobody_knows():
    truth = np.zeros(GRID.shape, np.uint8)
    truth[:4], truth[4:8] = 1, 255
    found = np.zeros(GRID.shape, bool)
    found[2:10] = True
    assert dice(found, truth) == pytest.approx(2 * 2 / (4 + 4))
    assert dice(np.zeros_like(found), np.zeros_like(truth)) == 1
