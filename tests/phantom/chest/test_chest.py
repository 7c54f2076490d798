from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.phantom.body import Body
from nodewise.phantom.chest import make_chest, paint_chest
from nodewise.phantom.chest.drawing import Drawing
from nodewise.phantom.chest.painting import mediastinal_grid, paint
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.geometry import NODE_TISSUES, Tissue
from nodewise.values.box import Box
from nodewise.values.station import Side, Station

SEEDS, SPACING = (3, 11), 2.5  # those of the fixture


def _middle(chest: Body, tissue: Tissue, low: float, high: float) -> np.ndarray:
    """Mean place of a tissue between two heights over the carina, relative to the carina."""
    g = chest.geometry
    places = g.grid.to_lps(np.argwhere(g.tissue == tissue)) - chest.landmarks["carina"]
    return places[(places[:, 2] > low) & (places[:, 2] < high)].mean(axis=0)


def test_the_same_seed_is_the_same_patient_bit_for_bit(chests: list[Body]) -> None:
    again = make_chest(SEEDS[0], SPACING)
    first = chests[0]
    np.testing.assert_array_equal(first.organs.array, again.organs.array)
    for name in ("tissue", "other", "share", "nodes"):
        np.testing.assert_array_equal(getattr(first.geometry, name), getattr(again.geometry, name))
    np.testing.assert_array_equal(first.places.array, again.places.array)
    assert dict(first.landmarks) == dict(again.landmarks)


def test_nodes_lie_at_one_place_whatever_the_spacing(chests: list[Body], drawings: list[Drawing]) -> None:
    fine = chests[0]
    coarse = paint_chest(drawings[0], mediastinal_grid(drawings[0].person, (3.0, 3.0, 4.0)))
    for number in range(1, len(fine.nodes) + 1):
        a, b = (g.grid.to_lps(np.argwhere(g.nodes == number)) for g in (fine.geometry, coarse.geometry))
        if len(b) > 3:
            assert np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)) < 4


def test_other_seeds_are_other_patients(chests: list[Body]) -> None:
    carinas = {chest.landmarks["carina"] for chest in chests}
    arches = {round(c.landmarks["arch_top"][2] - c.landmarks["carina"][2], 3) for c in chests}
    assert len(carinas) == len(arches) == len(SEEDS)


def test_left_is_left(chests: list[Body]) -> None:
    for chest in chests:
        assert _middle(chest, Tissue.VESSEL_ARTERY, -90, -50)[0] > 8  # descending aorta
        assert _middle(chest, Tissue.LIVER, -200, 0)[0] < -20
        assert _middle(chest, Tissue.SPLEEN, -200, 0)[0] > 40
        assert chest.landmarks["arch_top"][0] > chest.landmarks["carina"][0]
        tumour = chest.landmarks["tumour"][0] - chest.landmarks["carina"][0]
        assert (tumour > 0) == (chest.tumour.side is Side.LEFT)


def test_front_is_front(chests: list[Body]) -> None:
    for chest in chests:
        assert _middle(chest, Tissue.SPINAL_CANAL, -60, 60)[1] > 40
        heart = _middle(chest, Tissue.HEART, -120, -40)
        assert heart[1] < -10
        assert heart[0] > 0
        assert _middle(chest, Tissue.OESOPHAGUS, 10, 60)[1] > _middle(chest, Tissue.AIRWAY_LUMEN, 10, 60)[1]


def test_the_airway_splits_at_the_carina(chests: list[Body]) -> None:
    for chest in chests:
        g = chest.geometry
        i, j, k = np.rint(g.grid.to_index(chest.landmarks["carina"])).astype(int)
        lumen = g.tissue[i - 15 : i + 15, j - 15 : j + 15] == Tissue.AIRWAY_LUMEN
        counts = [
            sum(np.atleast_1d(ndimage.sum_labels(lumen[:, :, m], parts, range(1, n + 1))) > 8)
            for m in (k + 3, k - 4)
            for parts, n in [ndimage.label(lumen[:, :, m])]
        ]
        assert counts[0] == 1
        assert counts[1] >= 2  # the right upper lobe may have parted already


def test_lungs_are_two_and_the_airway_is_one(chests: list[Body]) -> None:
    for chest in chests:
        for tissue, expected, least in ((Tissue.LUNG, 2, 5000), (Tissue.AIRWAY_LUMEN, 1, 50)):
            parts, count = ndimage.label(chest.geometry.tissue == tissue)
            sizes = ndimage.sum_labels(np.ones_like(parts), parts, range(1, count + 1))
            assert (sizes > least).sum() == expected


def test_nodes_lie_in_the_station_that_truth_names(chests: list[Body]) -> None:
    agree = []
    for chest in chests:
        for number, station in enumerate((Station(n.place) for n in chest.nodes), 1):
            named = chest.places.array[chest.geometry.nodes == number]
            agree.append((named[named > 0] == station.label).mean())
    assert min(agree) > 0.5
    assert np.mean(agree) > 0.85


def test_every_node_has_voxels_and_there_are_no_others(chests: list[Body]) -> None:
    for chest in chests:
        assert set(np.unique(chest.geometry.nodes)) == set(range(len(chest.nodes) + 1))
        np.testing.assert_array_equal(chest.geometry.nodes > 0, np.isin(chest.geometry.tissue, list(NODE_TISSUES)))


def test_nodes_overwrite_nothing_but_fat_and_what_is_in_the_lung(chests: list[Body], drawings: list[Drawing]) -> None:
    nodes = chests[1].geometry.nodes
    box = Box.around(nodes > 0)
    canvas = Canvas(chests[1].geometry.grid.crop(box))
    paint(canvas, drawings[1])
    replaced = canvas.tissue[nodes[box.slices] > 0]
    assert set(np.unique(replaced)) <= {Tissue.FAT, Tissue.LUNG, Tissue.EFFUSION, Tissue.CONSOLIDATION}


def test_stations_lie_on_their_side(chests: list[Body]) -> None:
    for chest in chests:
        middle = chest.landmarks["carina"][0]
        for station in (Station.S4R, Station.S10R, Station.S4L, Station.S10L, Station.S5, Station.S6):
            places = np.argwhere(chest.places.array == station.label)
            x = chest.places.grid.to_lps(places)[:, 0].mean() - middle
            right = station.side is Side.RIGHT
            assert (x < 0) == right, station
