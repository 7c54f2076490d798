"""A folder by ``nodewise atlas build`` in the recipe: packed, laid, and without whom it must not know."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.anatomy.atlas.test_atlas import GRID, an_anatomy, an_atlas

from nodewise.anatomy.atlas.folder import save_atlas
from nodewise.datasets.case import LabelledCase
from nodewise.recipes.atlas_prior.laid import LaidGiven, given_atlas
from nodewise.recipes.atlas_prior.registered import RegisteredAtlas, node_atlas
from nodewise.recipes.atlas_prior.survey import Surveyed, save_anatomy
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Quantity, Volume

MARKS = {"carina": (0.0, 8.0, 0.0), "arch_top": (20.0, 0.0, 46.0)}


@pytest.fixture
def folder(tmp_path):
    hu = Volume(np.zeros(GRID.shape, np.float32), GRID, Quantity.HU)
    save_atlas(replace(an_atlas(), ct=hu), tmp_path / "atlas", "")
    return tmp_path / "atlas"


def _case(patient):
    return LabelledCase(name=patient, image=Path("scan"), nodes=Path("nodes"), patient=patient)


def _at(volume, lps_mm):
    return float(volume.array[tuple(np.rint(volume.grid.to_index(lps_mm)).astype(int))])


def test_what_travels_lays_the_same_maps_and_names_nobody(folder, tmp_path):
    atlas = node_atlas(folder)
    data = atlas.to_bytes()
    assert data == node_atlas(folder).to_bytes()
    packed = tmp_path / "atlas.npz"
    packed.write_bytes(data)
    for name in (b"anna", b"bert", b"ct.nii.gz"):
        assert name not in data
    laid, again = (one.lay(an_anatomy(None, **MARKS)) for one in (atlas, node_atlas(packed)))
    assert np.array_equal(laid.prior.array, again.prior.array)
    assert np.array_equal(laid.distance.array, again.distance.array)
    # the box of the lungs (here that in which to look for nodes), 12 mm more on every side
    assert laid.prior.grid.to_lps((0, 0, 0)) == pytest.approx((-70.5, -60.5, -60.5))
    assert _at(laid.prior, (0.0, 5.0, -10.0)) > 0.7
    assert _at(laid.distance, MARKS["carina"]) < 0.03


def test_nobodys_own_nodes_are_in_his_prior(folder, tmp_path):
    given = given_atlas(folder, ())
    save_anatomy(an_anatomy(None, **MARKS), tmp_path / "bert.npz")
    lay = LaidGiven(given)
    bert, carl = (
        lay(Surveyed(_case(name), tmp_path / "bert.npz", (1.0,) * 3, (9,) * 3)).prior for name in ("bert", "carl")
    )
    assert _at(carl, (0.0, 5.0, -10.0)) > 0.7 > 0.05 > _at(bert, (0.0, 5.0, -10.0))
    assert _at(bert, (-20.0, 0.0, 20.0)) > 0.6


def test_those_who_are_tested_on_are_taken_out(folder):
    kept = given_atlas(folder, [_case("bert"), _case("dora")])
    assert isinstance(kept, RegisteredAtlas) and kept.patients == {"anna"}
    assert LaidGiven(kept).how != LaidGiven(given_atlas(folder, ())).how
    with pytest.raises(BadInputError, match="nothing is left"):
        given_atlas(folder, [_case("bert"), _case("anna")])


def test_what_is_no_atlas_is_one_line(folder, tmp_path):
    with pytest.raises(BadInputError, match="no atlas of_mars"):
        node_atlas(Path("of_mars"))
    damaged = tmp_path / "atlas.npz"
    data = node_atlas(folder).to_bytes()
    for harm in (b"x", data[: len(data) // 2]):
        damaged.write_bytes(harm)
        with pytest.raises(BadInputError, match="no node atlas"):
            node_atlas(damaged)
