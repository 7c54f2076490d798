"""Necks: anatomy on its side and in its order, levels between the right planes, nodes as P4 counts them."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from scipy import ndimage

from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.draw.brush import paint_pieces
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.geometry import NODE_TISSUES, Tissue
from nodewise.phantom.neck import make_neck, paint_neck
from nodewise.phantom.neck.disease import spread
from nodewise.phantom.neck.drawing import NeckDrawing, draw_neck, neck_grid
from nodewise.phantom.neck.levels import LEVELS
from nodewise.phantom.organ_names import ORGANS
from nodewise.values.node import Status
from nodewise.values.station import Side

SEEDS = (1, 5)
NUMBER = {code: number for number, code in LEVELS.items()}


@pytest.fixture(scope="module")
def drawings() -> list[NeckDrawing]:
    return [draw_neck(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def necks(drawings: list[NeckDrawing]) -> list[Body]:
    return [paint_neck(d, neck_grid(d, (2.0, 2.0, 2.0), 250.0, square=False)) for d in drawings]


def _points(body: Body, organ: str) -> np.ndarray:
    """Where an organ's voxels lie, LPS mm."""
    return body.geometry.grid.to_lps(np.argwhere(body.organs.array == ORGANS[organ]))


def _level(body: Body, code: str) -> np.ndarray:
    """Where a level's voxels lie, LPS mm; without nodes, which may reach beyond it."""
    return body.places.grid.to_lps(np.argwhere((body.places.array == NUMBER[code]) & (body.geometry.nodes == 0)))


def test_the_same_seed_is_the_same_patient_bit_for_bit(necks: list[Body]) -> None:
    first, again = necks[0], make_neck(SEEDS[0], 2.0)
    for name in ("tissue", "other", "share", "nodes"):
        np.testing.assert_array_equal(getattr(first.geometry, name), getattr(again.geometry, name))
    np.testing.assert_array_equal(first.places.array, again.places.array)
    np.testing.assert_array_equal(first.organs.array, again.organs.array)
    assert dict(first.landmarks) == dict(again.landmarks)
    assert first.tumour == again.tumour
    assert first.region is BodyRegion.NECK


def test_organs_lie_at_one_place_whatever_the_spacing_or_the_field(
    necks: list[Body], drawings: list[NeckDrawing]
) -> None:
    fine = necks[0]
    coarse = paint_neck(drawings[0], neck_grid(drawings[0], (3.0, 3.0, 4.0), 180.0, square=True))
    assert coarse.geometry.grid.shape[:2] == (60, 60)
    for organ in ("mandible", "thyroid_gland", "trachea"):
        low, high = (float(_points(b, organ)[:, 2].max()) for b in (fine, coarse))
        assert abs(low - high) < 5, organ


def test_paired_organs_lie_on_their_side(necks: list[Body]) -> None:
    pairs = (
        "common_carotid_artery", "internal_jugular_vein", "sternocleidomastoid", "parotid_gland",
        "submandibular_gland", "clavicula", "lung_upper_lobe", "trapezius", "autochthon", "vertebral_artery",
    )  # fmt: skip
    for neck in necks:
        for organ in pairs:
            right, left = (_points(neck, f"{organ}_{word}")[:, 0] for word in ("right", "left"))
            assert np.median(right) + 8 < np.median(left), organ
    assert _points(necks[0], "rib_right_1")[:, 0].max() < _points(necks[0], "rib_left_1")[:, 0].min() + 60


def test_organs_lie_in_their_order_from_head_to_chest(necks: list[Body]) -> None:
    order = ("skull", "mandible", "hyoid", "thyroid_cartilage", "cricoid_cartilage", "thyroid_gland", "clavicula_left")
    for neck in necks:
        heights = [float(np.median(_points(neck, organ)[:, 2])) for organ in order]
        assert heights == sorted(heights, reverse=True)
        vertebrae = [float(np.median(_points(neck, f"vertebrae_{v}")[:, 2])) for v in ("C2", "C4", "C6", "T1", "T3")]
        assert vertebrae == sorted(vertebrae, reverse=True)
        assert np.median(_points(neck, "trachea")[:, 1]) < np.median(_points(neck, "esophagus")[:, 1])


def test_the_airway_is_one_from_nose_to_chest(necks: list[Body]) -> None:
    for neck in necks:
        lumen = neck.geometry.tissue == Tissue.AIRWAY_LUMEN
        parts, _ = ndimage.label(lumen, np.ones((3, 3, 3)))
        low = parts[:, :, 1][lumen[:, :, 1]]
        assert low.size
        heights = neck.geometry.grid.to_lps(np.argwhere(parts == low[0]))[:, 2]
        assert heights.max() > neck.landmarks["hyoid_low"][2] + 50


def test_organs_are_made_of_their_tissue(necks: list[Body]) -> None:
    made_of = {
        "mandible": {Tissue.BONE, Tissue.MARROW}, "parotid_gland_left": {Tissue.GLAND},
        "thyroid_gland": {Tissue.THYROID}, "sternocleidomastoid_left": {Tissue.MUSCLE},
        "internal_jugular_vein_right": {Tissue.VESSEL_VEIN_LATE}, "common_carotid_artery_left": {Tissue.VESSEL_ARTERY},
        "tonsil_right": {Tissue.LYMPHOID}, "tumour": {Tissue.TUMOUR},
        "trachea": {Tissue.AIRWAY_LUMEN, Tissue.AIRWAY_WALL},
    }  # fmt: skip
    for neck in necks:
        for organ, tissues in made_of.items():
            assert set(np.unique(neck.geometry.tissue[neck.organs.array == ORGANS[organ]])) <= tissues, organ
    assert all((neck.organs.array == ORGANS["tumour"]).any() for neck in necks)


def test_levels_lie_between_their_planes(necks: list[Body]) -> None:
    for neck in necks:
        hyoid, cricoid = neck.landmarks["hyoid_low"][2], neck.landmarks["cricoid_low"][2]
        assert hyoid > cricoid + 25
        for side in "RL":
            for code in ("IA", "IB", "IIA", "IIB"):
                assert _level(neck, f"{code}-{side}")[:, 2].min() >= hyoid
            third, fourth = _level(neck, f"III-{side}")[:, 2], _level(neck, f"IV-{side}")[:, 2]
            assert cricoid <= third.min()
            assert third.max() < hyoid
            assert fourth.max() < cricoid
            assert _level(neck, f"VA-{side}")[:, 2].min() >= cricoid
            assert _level(neck, f"VB-{side}")[:, 2].max() < cricoid


def test_levels_lie_in_front_of_and_behind_one_another(necks: list[Body]) -> None:
    for neck in necks:
        for side, word, sign in (("R", "right", -1), ("L", "left", 1)):
            gland = _points(neck, f"submandibular_gland_{word}")[:, 1].max()
            assert _level(neck, f"IB-{side}")[:, 1].max() <= gland + 3 <= _level(neck, f"IIA-{side}")[:, 1].min() + 6
            middle = neck.landmarks["hyoid_low"][0]
            assert (sign * (_level(neck, f"IIA-{side}")[:, 0] - middle) > 0).all()
            front = [np.median(_level(neck, f"{code}-{side}")[:, 1]) for code in ("IB", "IIA", "IIB", "VA")]
            assert front == sorted(front)
            assert np.median(_level(neck, f"IV-{side}")[:, 1]) < np.median(_level(neck, f"VB-{side}")[:, 1])
            across = [
                sign * np.median(_level(neck, code)[:, 0] - middle) for code in ("VI", f"III-{side}", f"VA-{side}")
            ]
            assert across == sorted(across)


def test_nodes_lie_in_their_level(necks: list[Body]) -> None:
    agree = []
    for neck in necks:
        assert neck.nodes
        for number, node in enumerate(neck.nodes, 1):
            named = neck.places.array[neck.geometry.nodes == number]
            if named.size == 0:  # a small one, moulded to less than half of any voxel
                assert node.shape.radii[0][0] < 2
                continue
            assert (named > 0).all()
            agree.append((named == NUMBER[node.place]).mean())
    assert min(agree) > 0.2
    assert np.mean(agree) > 0.85


def test_nodes_overwrite_nothing_but_fat(necks: list[Body], drawings: list[NeckDrawing]) -> None:
    neck = necks[1]
    canvas = Canvas(neck.geometry.grid)
    paint_pieces(canvas, drawings[1].pieces)
    mine = neck.geometry.nodes > 0
    assert set(np.unique(canvas.tissue[mine])) == {Tissue.FAT}
    np.testing.assert_array_equal(mine, np.isin(neck.geometry.tissue, list(NODE_TISSUES)))
    assert not neck.organs.array[mine].any()


def test_nodes_are_as_many_and_as_large_as_in_p4() -> None:
    """P4 Table 1a, training set: N 1531 (4 % over 10 mm), P 278 (55 %), ENE 145 (87 %) in 213 patients."""
    rng = np.random.default_rng(0)
    sizes: dict[Status, list[float]] = collections.defaultdict(list)
    patients = 2000
    for _ in range(patients):
        for node in spread(rng, "oropharynx", Side.LEFT):
            sizes[node.status].append(1.08 * node.short_mm)  # axial slices cut most nodes obliquely
    expected = {Status.BENIGN: (7.19, 0.04), Status.MALIGNANT: (1.31, 0.55), Status.EXTRANODAL: (0.68, 0.87)}
    for status, (count, large) in expected.items():
        assert len(sizes[status]) / patients == pytest.approx(count, rel=0.12), status
        assert np.mean(np.array(sizes[status]) >= 10) == pytest.approx(large, abs=0.04), status


def test_spread_follows_drainage() -> None:
    rng = np.random.default_rng(1)
    ill: dict[str, collections.Counter[str]] = {}
    for site in ("oral cavity", "larynx"):
        nodes = [n for _ in range(600) for n in spread(rng, site, Side.RIGHT) if n.status.malignant]
        ill[site] = collections.Counter(n.place for n in nodes)
        right = sum(c for place, c in ill[site].items() if place.endswith("-R"))
        assert right > 4 * sum(c for place, c in ill[site].items() if place.endswith("-L"))
    assert ill["oral cavity"]["IB-R"] > 5 * ill["larynx"]["IB-R"]
    assert ill["larynx"]["IV-R"] > 2 * ill["oral cavity"]["IV-R"]
