"""The atlas that comes with nodewise: small, whole, and with each side where it belongs."""

from pathlib import Path

import numpy as np
import pytest

import nodewise
from nodewise.anatomy.atlas.folder import bundled_atlas, card_of
from nodewise.anatomy.registration.structures import present
from nodewise.values.station import Station

FOLDER = Path(nodewise.__file__).parent / "atlases" / "chest-phantom"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no atlas comes with nodewise yet: see docs/atlas.md")


def test_it_is_small_and_says_what_it_is_not_for():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
    assert "Research use only" in card_of(FOLDER)
    assert "phantom" in card_of(FOLDER)


def test_its_parts_lie_where_they_should():
    atlas = bundled_atlas()
    assert atlas.prior.array.max() == 1.0 and len(atlas.cases) >= 15
    assert present(atlas.organs, atlas.organ_names) >= {"heart", "aorta", "trachea", "oesophagus", "bones"}

    def middle(code):
        places = np.argwhere(atlas.stations.array == Station(code).label)
        return atlas.stations.grid.to_lps(places.mean(axis=0)) - atlas.carina

    assert middle("4R")[0] < middle("4L")[0] and middle("10R")[0] < -10 < 10 < middle("10L")[0]
    assert middle("2R")[2] > middle("4R")[2] > middle("7")[2] > middle("8")[2]
    mean = (atlas.prior.array[..., None] > 0.3) * np.stack(np.indices(atlas.prior.array.shape), axis=-1)
    where = atlas.prior.grid.to_lps(mean.sum(axis=(0, 1, 2)) / (atlas.prior.array > 0.3).sum()) - atlas.carina
    assert np.abs(where).max() < 50  # nodes crowd about the carina
    assert max(case.folding for case in atlas.cases) < 0.02
