"""From nodes to a prior, kept in a folder, laid over a patient."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.anatomy.registration.test_organs import NAMES, QUICK, chest, known

from nodewise.anatomy.atlas.folder import find_atlas, load_atlas, save_atlas
from nodewise.anatomy.atlas.lay import LANDMARKS, NOTHING, node_prior
from nodewise.anatomy.atlas.prior import StationVotes, case_nodes, mean_of, prior_of, without
from nodewise.anatomy.registration.warp import Warp, points_of
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.atlas import Atlas, CaseNodes, Frame, Origin
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((80, 62, 76), (3.0, 3.0, 3.0), (-118.0, -92.0, -112.0))
FRAME = Frame((0.0, 8.0, 0.0), {"carina": 0.0, "arch_top": 46.0}, None, None, ((0.0, 8.0, 0.0),))
ORIGIN = Origin("test", "drawn", "two drawn chests", "nodewise atlas build …", "0.0", "Apache-2.0")
STILL = Warp(np.eye(4), GRID, *[np.zeros((3, *GRID.shape), np.float32)] * 2, 0.0, "organs")


def one(name, patient, at, share=255):
    index = np.ravel_multi_index(tuple(np.rint(GRID.to_index(at)).astype(int)), GRID.shape)
    return CaseNodes(name, patient, np.array([index], np.int32), np.array([share], np.uint8), "organs", 0.0)


def an_atlas():
    cases = (one("a", "anna", (-20.0, 0.0, 20.0)), one("b", "bert", (0.0, 5.0, -10.0)), one("c", "bert", (0, 5, -10)))
    return Atlas(
        prior=prior_of(cases, GRID),
        organs=chest(GRID).organs,
        organ_names=NAMES,
        stations=Volume(np.zeros(GRID.shape, np.uint8), GRID, Quantity.LABEL),
        frame=FRAME,
        cases=cases,
        origin=ORIGIN,
    )


def test_the_prior_is_the_smoothed_mean_scaled_to_one():
    atlas = an_atlas()
    mean = mean_of(atlas.cases, GRID)
    assert mean.sum() == pytest.approx(1.0) and mean.max() == pytest.approx(2 / 3)
    points = points_of(GRID)
    want = np.zeros(GRID.shape)
    for case, weight in zip(atlas.cases, (0.5, 0.5, 0.5), strict=True):  # two of three lie in one place
        middle = GRID.to_lps(np.unravel_index(int(case.voxels[0]), GRID.shape))
        want += weight * np.exp(-((points - middle) ** 2).sum(axis=-1) / (2 * 5.0**2))
    np.testing.assert_allclose(atlas.prior.array, want, atol=0.005)
    at = np.rint(GRID.to_index((-20.0, 0.0, 20.0))).astype(int)
    assert atlas.prior.array.max() == 1.0
    assert atlas.prior.array[tuple(at)] == pytest.approx(0.5, abs=0.01)


def test_a_patients_own_nodes_can_be_left_out():
    atlas = an_atlas()
    kept = without(atlas, "bert")
    assert [case.name for case in kept.cases] == ["a"]
    assert kept.prior.array[tuple(np.rint(GRID.to_index((0.0, 5.0, -10.0))).astype(int))] < 0.01
    assert without(atlas, "nobody") is atlas
    with pytest.raises(BadInputError, match="anna alone"):
        without(kept, "anna")


def test_nodes_are_carried_whole():
    fine = Grid.of((60, 60, 60), (1.0, 1.0, 1.0), (-30.0, -25.0, -30.0))
    nodes = np.zeros(fine.shape, np.uint16)
    nodes[20:28, 30:36, 40:45] = 7
    found = case_nodes("a", "anna", Volume(nodes, fine, Quantity.LABEL), STILL, GRID)
    assert found.share.astype(float).sum() / 255 * 27 == pytest.approx(8 * 6 * 5, rel=0.05)
    where = GRID.to_lps(np.stack(np.unravel_index(found.voxels, GRID.shape), axis=1))
    middle = (where * found.share[:, None]).sum(axis=0) / found.share.sum()
    assert middle == pytest.approx(fine.to_lps((23.5, 32.5, 42.0)), abs=0.2)


def test_distance_is_zero_at_the_carina_and_one_in_the_farthest_corner():
    atlas = an_atlas()
    away = atlas.distance.array
    assert np.unravel_index(away.argmin(), away.shape) == tuple(np.rint(GRID.to_index(FRAME.carina)).astype(int))
    assert away.max() == pytest.approx(1.0)
    by_hand = np.linalg.norm(GRID.to_lps((0, 0, 0)) - FRAME.carina) / atlas.farthest_mm
    assert away[0, 0, 0] == pytest.approx(by_hand, abs=1e-5)


def test_stations_are_those_most_cases_name():
    votes, grid = StationVotes(Grid.of((3, 1, 1), (1.0, 1.0, 1.0))), Grid.of((3, 1, 1), (1.0, 1.0, 1.0))
    four, seven = Station.S4R.label, Station.S7.label
    for labels in ([four, seven, 0], [four, four, 0], [seven, seven, 0], [four, seven, 0], [0, 0, four]):
        votes.add(Volume(np.array(labels, np.uint8).reshape(3, 1, 1), grid, Quantity.LABEL))
    assert votes.result().array.ravel().tolist() == [four, seven, 0]  # one in five is not enough


def test_a_folder_keeps_it_all(tmp_path):
    atlas = an_atlas()
    hu = Volume(
        np.linspace(-2000, 2000, int(np.prod(GRID.shape)), dtype=np.float32).reshape(GRID.shape), GRID, Quantity.HU
    )
    save_atlas(replace(atlas, ct=hu), tmp_path / "atlas", "# card\n")
    read = find_atlas(str(tmp_path / "atlas"))
    assert np.abs(read.prior.array - atlas.prior.array).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(read.organs.array, atlas.organs.array) and dict(read.organ_names) == NAMES
    assert read.prior.grid.same_as(GRID) and read.carina == FRAME.carina and dict(read.frame.planes) == FRAME.planes
    assert [(c.name, c.patient, c.method) for c in read.cases] == [(c.name, c.patient, c.method) for c in atlas.cases]
    assert np.array_equal(mean_of(read.cases, GRID), mean_of(atlas.cases, GRID))
    assert read.origin == ORIGIN
    assert read.ct.array.min() == -1000 and read.ct.array.max() == 600
    with pytest.raises(BadInputError, match="already holds something"):
        save_atlas(atlas, tmp_path / "atlas", "")


def _without_prior(folder):
    content = json.loads((folder / "atlas.json").read_text())
    del content["sha256"]["prior.nii.gz"]
    (folder / "atlas.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: (f / "prior.nii.gz").write_bytes(b"x"), "is damaged or was changed"),
        (lambda f: (f / "nodes.safetensors").unlink(), "is missing"),
        (lambda f: (f / "atlas.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "atlas.json").write_text("{}"), "no schema_version"),
        (lambda f: (f / "atlas.json").write_text('{"schema_version": 99}'), "update nodewise"),
        (lambda f: (f / "atlas.json").write_text('{"schema_version": 1}'), "does not follow schema 1"),
        (lambda f: (f / "atlas.json").unlink(), "is no atlas"),
        (_without_prior, "is not whole"),
    ],
)
def test_a_damaged_or_newer_atlas_is_one_line(tmp_path, harm, told):
    save_atlas(an_atlas(), tmp_path / "atlas", "")
    harm(tmp_path / "atlas")
    with pytest.raises(BadInputError, match=told) as caught:
        load_atlas(tmp_path / "atlas")
    assert "\n" not in str(caught.value)


def test_an_atlas_that_is_not_there():
    with pytest.raises(BadInputError, match="no atlas of_mars comes with nodewise"):
        find_atlas("of_mars")


def an_anatomy(organs, **marks):
    landmarks = {name: Landmark(at, LandmarkStatus.FOUND, 0.9) for name, at in marks.items()}
    names = {} if organs is None else organs.names
    region = Region((-60.0, -50.0, -50.0), (60.0, 50.0, 60.0))
    return Anatomy(landmarks, region, "test", None if organs is None else organs.organs, names)


def test_a_prior_by_organs():
    """The patient is the drawn chest bent by a known map: the atlas's node must be found where the map puts it."""
    points = Grid.of((80, 62, 76), (3.0, 3.0, 3.0), (-118.0, -92.0, -112.0))
    laid = node_prior(an_anatomy(chest(points, known)), an_atlas(), QUICK)
    assert laid.prior.quantity is Quantity.PROBABILITY and laid.prior.grid.spacing == pytest.approx((3.0, 3.0, 3.0))
    hot = laid.prior.grid.to_lps(np.unravel_index(laid.prior.array.argmax(), laid.prior.array.shape))
    assert np.linalg.norm(known(hot) - (0.0, 5.0, -10.0)) < 7.0
    near = laid.distance.grid.to_lps(np.unravel_index(laid.distance.array.argmin(), laid.distance.array.shape))
    assert np.linalg.norm(known(near) - FRAME.carina) < 6.0
    assert laid.distance.array.min() >= 0 and laid.distance.array.max() <= 1
    assert LANDMARKS not in laid.warnings


def test_a_prior_by_landmarks_says_so():
    laid = node_prior(an_anatomy(None, carina=(7.0, 3.0, 2.0), arch_top=(20.0, 0.0, 40.0)), an_atlas())
    assert LANDMARKS in laid.warnings
    hot = laid.prior.grid.to_lps(np.unravel_index(laid.prior.array.argmax(), laid.prior.array.shape))
    assert np.linalg.norm(hot - np.array((7.0, 0.0, -8.0))) < 4.0


def test_without_anything_to_lay_it_by_there_is_no_prior():
    laid = node_prior(an_anatomy(None), an_atlas())
    assert laid.prior is None and laid.distance is None and laid.warnings == (NOTHING,)


def test_maps_on_two_grids_are_refused():
    other = Volume(np.zeros((2, 2, 2), np.uint8), Grid.of((2, 2, 2), (1.0, 1.0, 1.0)), Quantity.LABEL)
    with pytest.raises(ValueError, match="one grid"):
        replace(an_atlas(), stations=other)
