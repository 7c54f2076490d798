"""A drawn chest moved by a known map: the organs find it again, on any grid, with each side where it was."""

import numpy as np
import pytest
from tests.anatomy.registration.test_warp import turned

from nodewise.anatomy.registration import organs
from nodewise.anatomy.registration.organs import Labelled, common_structures, register_organs
from nodewise.anatomy.registration.structures import centroid, channels, labels_of, present, rank_channel
from nodewise.anatomy.registration.variational import Effort
from nodewise.anatomy.registration.warp import points_of
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

NAMES = {
    1: "vertebrae_T5",
    2: "rib_left_5",
    3: "sternum",
    4: "heart",
    5: "aorta",
    6: "trachea",
    7: "esophagus",
    8: "superior_vena_cava",
}
HIDDEN = np.array([[0.0, 5.0, 0.0], [22.0, -8.0, 12.0], [-20.0, -4.0, 8.0], [10.0, -12.0, -20.0], [0.0, 20.0, 40.0]])
QUICK = Effort(levels=(60, 30, 10))


def drawn(points):
    """Labels at LPS points (…, 3) of a chest made of tubes and balls."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    labels = np.zeros(points.shape[:-1], np.uint8)
    labels[np.hypot(x, y - 55) < 15] = 1
    labels[(np.abs(np.hypot(x / 95, y / 65) - 1) < 0.06) & (np.abs(z) % 26 < 9) & (x > 20)] = 2
    labels[(np.abs(x) < 14) & (np.abs(y + 66) < 5)] = 3
    labels[np.sqrt(((x - 18) / 45) ** 2 + ((y + 25) / 32) ** 2 + ((z + 55) / 38) ** 2) < 1] = 4
    labels[(np.hypot(x - 24, y - 30) < 11) & (z < 38)] = 5
    labels[(np.abs(np.hypot(z - 10, y - 3) - 27) < 10) & (np.abs(x - 20 + y / 6) < 10) & (z > 10)] = 5
    labels[(np.hypot(x, y - 8) < 8) & (z > 0)] = 6
    labels[(np.hypot(x - 4, y - 26) < 6)] = 7
    labels[(np.hypot(x + 24, y + 12) < 8) & (z < 40) & (z > -25)] = 8
    return labels


def known(points):
    """From patient to reference: turned, larger, and the arch pushed up and forward."""
    hill = np.exp(-((points - (15.0, 0.0, 20.0)) ** 2).sum(axis=-1) / (2 * 30.0**2))[..., None]
    return (points + hill * (3.0, -5.0, 9.0)) @ (turned(5.0) * (1.08, 0.95, 1.05)).T + (9.0, -6.0, 14.0)


def chest(grid, through=None):
    points = points_of(grid)
    return Labelled(Volume(drawn(points if through is None else through(points)), grid, Quantity.LABEL), NAMES)


@pytest.fixture(scope="module")
def reference():
    return chest(Grid.of((80, 62, 76), (3.0, 3.0, 3.0), (-118.0, -92.0, -112.0)))


@pytest.fixture(scope="module")
def patient():
    """On an oblique grid of flat voxels, its axes running to the right, front and head."""
    direction = turned(8.0) * (-1, -1, 1)
    middle = direction @ (np.array([2.2, 2.2, 4.0]) * (np.array([106, 82, 58]) - 1) / 2)
    return chest(Grid.of((106, 82, 58), (2.2, 2.2, 4.0), tuple(np.array([0.0, 0, 0]) - middle), direction), known)


def test_a_known_map_is_found_on_an_oblique_grid(patient, reference):
    warp = register_organs(patient, reference, QUICK)
    wrong = np.linalg.norm(warp.to_reference(HIDDEN) - known(HIDDEN), axis=1)
    affine = register_organs(patient, reference, deform=False)
    before = np.linalg.norm(affine.to_reference(HIDDEN) - known(HIDDEN), axis=1)
    assert wrong.mean() < 4.0
    assert wrong.mean() < before.mean()
    assert warp.folding < 0.001
    there = warp.to_reference(HIDDEN)
    assert np.linalg.norm(warp.to_patient(there) - HIDDEN, axis=1).max() < 1.0
    assert there[1, 0] > there[2, 0] + 20  # the left one stays left
    assert warp.method == "organs"


@pytest.mark.parametrize("step", ["similarity", "affine"])
def test_a_step_that_went_astray_is_not_taken(patient, reference, monkeypatch, step):
    """As masks of a chest do, whose best match is now and then a vertebra or two away."""
    astray = np.eye(4)
    astray[:3, 3] = (5.0, 60.0, -45.0)
    monkeypatch.setattr(organs, step, lambda *_: astray)
    found = organs.linear_map(patient, reference, common_structures(patient, reference))
    wrong = HIDDEN @ found[:3, :3].T + found[:3, 3] - known(HIDDEN)
    assert np.linalg.norm(wrong, axis=1).mean() < 12.0


def test_the_papers_literal_mode_finds_it_too(patient, reference):
    warp = register_organs(patient, reference, QUICK, literal=True)
    wrong = np.linalg.norm(warp.to_reference(HIDDEN) - known(HIDDEN), axis=1)
    assert wrong.mean() < 6.0
    assert warp.method == "organs, literal"


def test_too_few_structures_are_refused(reference):
    names = {1: "vertebrae_T5", 5: "aorta", 6: "trachea"}
    few = Labelled(reference.organs, names)
    assert common_structures(few, reference) == ()
    with pytest.raises(ValueError, match="too few structures"):
        register_organs(few, reference)
    assert set(common_structures(reference, reference)) == {"bones", "heart", "aorta", "trachea", "oesophagus", "veins"}


def test_channels_hold_how_much_of_a_voxel_is_filled():
    fine = np.zeros((8, 8, 8), np.uint8)
    fine[:4, :4, :4], fine[4, 0, 0] = 5, 6
    organs = Volume(fine, Grid.of((8, 8, 8), (1.0, 1.0, 1.0)), Quantity.LABEL)
    coarse = Grid.of((4, 4, 4), (2.0, 2.0, 2.0), (0.5, 0.5, 0.5))
    aorta, trachea = channels(organs, NAMES, ("aorta", "trachea"), coarse)
    assert aorta[:2, :2, :2].min() == 1.0 and aorta.sum() == pytest.approx(8.0)
    assert trachea[2, 0, 0] == pytest.approx(1 / 8) and trachea.sum() == pytest.approx(1 / 8)
    grey = rank_channel(organs, NAMES, ("aorta", "trachea"), ("aorta", "trachea"), coarse)
    assert grey.shape == (1, 4, 4, 4) and grey[0, 0, 0, 0] == pytest.approx(0.5)
    assert centroid(organs, NAMES, "aorta") == pytest.approx([1.5, 1.5, 1.5])
    assert centroid(organs, NAMES, "sternum") is None
    assert present(organs, NAMES) == {"aorta", "trachea"}
    assert labels_of(NAMES, ("rib_", "sternum")) == (2, 3)
