from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.image.shape import measure
from nodewise.phantom.body import Body
from nodewise.phantom.chest.drawing import draw_patient
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.geometry import Tissue
from nodewise.values.box import Box
from nodewise.values.node import Size
from nodewise.values.station import Side, Station

HARD_SEED = 31  # of the fixtures


def _sizes(chest: Body) -> dict[int, Size]:
    found = {}
    for number, place in enumerate(ndimage.find_objects(chest.geometry.nodes), 1):
        box = Box(tuple(s.start for s in place), tuple(s.stop for s in place))
        found[number] = measure(chest.geometry.nodes[place] == number, chest.geometry.grid.crop(box))
    return found


def test_each_node_is_one_piece_and_has_a_voxel(easy: Body, crowded: Body) -> None:
    for chest in (easy, crowded):
        assert set(np.unique(chest.geometry.nodes)) == set(range(len(chest.nodes) + 1))
        for number in range(1, len(chest.nodes) + 1):
            assert ndimage.label(chest.geometry.nodes == number, np.ones((3, 3, 3)))[1] == 1


def test_nodes_are_moulded_to_what_lies_beside_them(easy: Body) -> None:
    shares = []
    for number in range(1, len(easy.nodes) + 1):
        mask = easy.geometry.nodes == number
        beside = easy.geometry.tissue[ndimage.binary_dilation(mask) & ~mask]
        shares.append((~np.isin(beside, (Tissue.FAT, Tissue.LUNG))).mean())
    assert 0.05 < np.median(shares) < 0.75
    assert max(shares) > 0.25


def test_a_conglomerate_is_huge_and_its_nodes_touch(crowded: Body) -> None:
    assert crowded.hard == ("effusion", "collapsed_lobe", "conglomerate")
    malignant = [n.place for n in crowded.nodes if n.status.malignant]
    place = max(set(malignant), key=malignant.count)
    numbers = [i for i, n in enumerate(crowded.nodes, 1) if n.place == place]
    together = np.isin(crowded.geometry.nodes, numbers)
    parts, count = ndimage.label(together, np.ones((3, 3, 3)))
    largest = ndimage.sum_labels(together, parts, range(1, count + 1)).max()
    assert len(numbers) >= 3
    assert largest * 27 > 4000  # mm³
    assert largest / together.sum() > 0.6


def test_what_is_hard_leaves_the_rest_of_the_patient_as_it_is(easy: Body) -> None:
    none = draw_patient(HARD_SEED, (Hard.NO_NODES,))
    assert none.nodes == ()
    for name in ("carina", "arch_top", "tumour"):
        assert none.landmarks[name] == easy.landmarks[name]
    assert none.tumour == easy.tumour


def test_nodes_of_each_station_lie_on_their_side(easy: Body) -> None:
    carina = easy.landmarks["carina"][0]
    for number, node in enumerate(easy.nodes, 1):
        side = Station(node.place).side
        if side is None or Station(node.place).zone in ("2", "4"):  # the border of these is left of the midline
            continue
        x = easy.geometry.grid.to_lps(np.argwhere(easy.geometry.nodes == number))[:, 0].mean()
        assert (x > carina) == (side is Side.LEFT), node.place


def test_nodes_have_about_the_size_that_was_meant(easy: Body) -> None:
    found = [s.short_axis_mm for s in _sizes(easy).values()]
    assert 3 < np.median(found) < 14
    assert max(found) < 45
