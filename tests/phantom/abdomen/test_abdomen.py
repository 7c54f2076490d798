"""Abdomens: organs on their side, vessels unbroken, compartments and nodes among the mesenteric vessels."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from scipy import ndimage

from nodewise.phantom.abdomen import make_abdomen, paint_abdomen
from nodewise.phantom.abdomen.compartments import COMPARTMENTS
from nodewise.phantom.abdomen.disease import spread
from nodewise.phantom.abdomen.drawing import AbdomenDrawing, abdomen_grid, draw_abdomen
from nodewise.phantom.body import Body, BodyRegion, Tumour
from nodewise.phantom.draw.brush import paint_pieces
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.geometry import NODE_TISSUES, Tissue
from nodewise.phantom.organ_names import ORGANS
from nodewise.values.node import Status
from nodewise.values.station import Side

SEEDS = (1, 3)
NUMBER = {code: number for number, code in COMPARTMENTS.items()}


@pytest.fixture(scope="module")
def drawings() -> list[AbdomenDrawing]:
    return [draw_abdomen(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def drawing(drawings: list[AbdomenDrawing]) -> AbdomenDrawing:
    return drawings[0]


@pytest.fixture(scope="module")
def abdomens(drawings: list[AbdomenDrawing]) -> list[Body]:
    return [paint_abdomen(d, abdomen_grid(d, (3.0, 3.0, 3.0), 400.0, square=False)) for d in drawings]


def _points(body: Body, organ: str) -> np.ndarray:
    """Where an organ's voxels lie, LPS mm."""
    return body.geometry.grid.to_lps(np.argwhere(body.organs.array == ORGANS[organ]))


def test_the_same_seed_is_the_same_patient_bit_for_bit(abdomens: list[Body], drawing: AbdomenDrawing) -> None:
    again = make_abdomen(SEEDS[0], (5.0, 5.0, 6.0), field_mm=300.0, square=True)
    coarse = paint_abdomen(drawing, abdomen_grid(drawing, (5.0, 5.0, 6.0), 300.0, square=True))
    for name in ("tissue", "other", "share", "nodes"):
        np.testing.assert_array_equal(getattr(coarse.geometry, name), getattr(again.geometry, name))
    np.testing.assert_array_equal(coarse.places.array, again.places.array)
    assert again.geometry.grid.shape[:2] == (60, 60)
    assert [(n.place, n.status) for n in abdomens[0].nodes] == [(n.place, n.status) for n in again.nodes]
    assert dict(abdomens[0].landmarks) == dict(again.landmarks)
    assert abdomens[0].tumour == again.tumour
    assert again.region is BodyRegion.ABDOMEN


def test_organs_lie_on_their_side(abdomens: list[Body]) -> None:
    for body in abdomens:
        middle = body.landmarks["l3"][0]
        for organ in ("liver", "gallbladder", "kidney_right", "inferior_vena_cava", "hip_right", "iliopsoas_right"):
            assert np.median(_points(body, organ)[:, 0]) < middle, organ
        for organ in ("spleen", "stomach", "kidney_left", "hip_left", "iliopsoas_left", "rib_left_11"):
            assert np.median(_points(body, organ)[:, 0]) > middle, organ
        assert np.median(_points(body, "kidney_right")[:, 2]) < np.median(_points(body, "kidney_left")[:, 2])


def test_vessels_are_unbroken(abdomens: list[Body]) -> None:
    for body in abdomens:
        for organ in ("aorta", "inferior_vena_cava"):
            _, count = ndimage.label(body.organs.array == ORGANS[organ], np.ones((3, 3, 3)))
            sizes = ndimage.sum_labels(body.organs.array == ORGANS[organ], _, range(1, count + 1))
            assert sizes.max() > 0.9 * sizes.sum(), organ
        aorta = _points(body, "aorta")[:, 2]
        assert aorta.min() < body.landmarks["aortic_fork"][2] + 5
        assert aorta.max() > body.landmarks["coeliac_origin"][2] + 40


def test_vertebrae_lie_in_their_order(abdomens: list[Body]) -> None:
    for body in abdomens:
        heights = [
            np.median(_points(body, f"vertebrae_{v}")[:, 2]) for v in ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
        ]
        assert heights == sorted(heights, reverse=True)


def test_organs_are_made_of_their_tissue(abdomens: list[Body]) -> None:
    hollow = {Tissue.BOWEL_WALL, Tissue.BOWEL_CONTENT, Tissue.BOWEL_GAS, Tissue.MUCOSA}
    made_of = {
        "liver": {Tissue.LIVER}, "spleen": {Tissue.SPLEEN}, "kidney_left": {Tissue.KIDNEY},
        "pancreas": {Tissue.PANCREAS}, "aorta": {Tissue.VESSEL_ARTERY}, "colon": hollow, "small_bowel": hollow,
        "vertebrae_L3": {Tissue.BONE, Tissue.MARROW}, "gallbladder": {Tissue.BOWEL_WALL, Tissue.BILE},
    }  # fmt: skip
    for body in abdomens:
        for organ, tissues in made_of.items():
            found = set(np.unique(body.geometry.tissue[body.organs.array == ORGANS[organ]]))
            assert found, organ
            assert found <= tissues, organ


def test_bowel_lies_within_the_cavity(abdomens: list[Body], drawing: AbdomenDrawing) -> None:
    body = abdomens[0]
    cavity = drawing.cavity.shape
    canvas = Canvas(body.geometry.grid)
    part = canvas.window(cavity, 0.0)
    assert part is not None
    outside = np.ones(body.organs.array.shape, np.bool_)
    outside[part] = canvas.distance(cavity, part, 0.0) > 3
    for organ in ("small_bowel", "colon", "liver", "spleen"):
        assert not (outside & (body.organs.array == ORGANS[organ])).any(), organ


def test_nodes_lie_in_their_compartment_in_fat(abdomens: list[Body], drawing: AbdomenDrawing) -> None:
    canvas = Canvas(abdomens[0].geometry.grid)
    paint_pieces(canvas, drawing.pieces)
    replaced = set(np.unique(canvas.tissue[abdomens[0].geometry.nodes > 0]))
    assert replaced <= {Tissue.FAT, Tissue.LUNG}  # lung gives way to a node at the diaphragm, as in the chest
    agree = []
    for body in abdomens:
        assert len(body.nodes) >= 6
        mine = body.geometry.nodes > 0
        np.testing.assert_array_equal(mine, np.isin(body.geometry.tissue, list(NODE_TISSUES)))
        for number, node in enumerate(body.nodes, 1):
            named = body.places.array[body.geometry.nodes == number]
            assert (named > 0).all()
            agree += [(named == NUMBER[node.place]).mean()] if named.size else []
    assert len(agree) >= 10
    assert np.mean(agree) > 0.85


def test_compartments_follow_their_vessels(abdomens: list[Body]) -> None:
    for body in abdomens:
        places, grid = body.places.array, body.places.grid

        def at(code: str, places: np.ndarray = places, grid: object = grid) -> np.ndarray:
            return np.median(grid.to_lps(np.argwhere(places == NUMBER[code])), axis=0)  # type: ignore[attr-defined]

        assert at("retroperitoneal right")[0] < at("aortocaval")[0] < at("retroperitoneal left")[0]
        assert at("iliac right")[0] < at("iliac left")[0]
        assert at("right colic")[0] < at("mesenteric")[0] < at("left colic")[0]
        assert at("mesenteric")[1] < at("retroperitoneal left")[1]
        assert at("coeliac")[2] > at("mesenteric")[2] > at("sigmoid")[2]


def test_benign_and_metastatic_patients_both_occur() -> None:
    """P2: about half of the scans hold metastases; sizes of the ill as NIH's marked abdominal nodes."""
    rng = np.random.default_rng(0)
    tumour = Tumour("caecum", Side.RIGHT, 30.0, "T2", (0.0, 0.0, 0.0))
    ill, sizes, where = 0, collections.defaultdict(list), collections.Counter()
    for _ in range(600):
        nodes = spread(rng, tumour)
        ill += any(n.status.malignant for n in nodes)
        for node in nodes:
            sizes[node.status.malignant].append(node.short_mm)
            if node.status is not Status.BENIGN:
                where[node.place] += 1
    assert 0.45 < ill / 600 < 0.65
    assert 9 < np.median(sizes[True]) < 14
    assert 4 < np.median(sizes[False]) < 6
    assert np.mean(np.array(sizes[False]) > 10) > 0.03  # swollen without metastasis: size alone does not tell
    assert where.most_common(1)[0][0] == "ileocolic"
