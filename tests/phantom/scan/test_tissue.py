from __future__ import annotations

import numpy as np
import pytest

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.scan.tissue import Phase, draw_appearance

# what ranges real scans show, HU; most of them from the phantom's calibration notes, the rest from textbooks
TABLE = [
    (Phase.NONE, Tissue.FAT, -122, -92),
    (Phase.NONE, Tissue.VESSEL_ARTERY, 28, 54),
    (Phase.NONE, Tissue.NODE, 22, 48),
    (Phase.NONE, Tissue.NODE_POSITIVE, 12, 62),
    (Phase.NONE, Tissue.KIDNEY, 25, 40),
    (Phase.NONE, Tissue.METAL, 2500, 10000),
    (Phase.NONE, Tissue.CARTILAGE, 70, 160),
    (Phase.NONE, Tissue.BROWN_FAT, -90, -50),
    (Phase.NONE, Tissue.BOWEL_GAS, -1000, -850),
    (Phase.NONE, Tissue.URINE, -5, 15),
    (Phase.ARTERIAL, Tissue.VESSEL_ARTERY, 180, 420),
    (Phase.ARTERIAL, Tissue.VESSEL_VEIN, 120, 700),
    (Phase.ARTERIAL, Tissue.NODE, 45, 100),
    (Phase.ARTERIAL, Tissue.KIDNEY, 100, 200),
    (Phase.PULMONARY, Tissue.VESSEL_PULMONARY, 200, 450),
    (Phase.PULMONARY, Tissue.VESSEL_VEIN, 300, 700),
    (Phase.PORTAL, Tissue.VESSEL_ARTERY, 100, 200),
    (Phase.PORTAL, Tissue.NODE, 45, 100),
    (Phase.PORTAL, Tissue.LIVER, 85, 135),
    (Phase.PORTAL, Tissue.SPLEEN, 95, 140),
    (Phase.PORTAL, Tissue.BILE, 0, 20),
]


@pytest.mark.parametrize(("phase", "tissue", "low", "high"), TABLE)
def test_phases_have_their_densities(phase: Phase, tissue: Tissue, low: float, high: float) -> None:
    drawn = [float(draw_appearance(np.random.default_rng(n), phase).hu[tissue]) for n in range(60)]
    assert low <= min(drawn) <= max(drawn) <= high
    assert max(drawn) - min(drawn) > 0.3 * min(high - low, 30)


AIR = {Tissue.AIR_OUTSIDE, Tissue.AIRWAY_LUMEN, Tissue.BOWEL_GAS, Tissue.OESOPHAGUS_AIR, Tissue.LUNG}
FATTY = {Tissue.FAT, Tissue.BROWN_FAT, Tissue.NODE_HILUM, Tissue.THYMUS}
HARD = {Tissue.BONE, Tissue.MARROW, Tissue.CARTILAGE, Tissue.NODE_CALCIUM, Tissue.METAL}
WATER = {Tissue.BILE, Tissue.URINE, Tissue.EFFUSION, Tissue.BOWEL_CONTENT, Tissue.STOMACH, Tissue.NODE_NECROSIS}


@pytest.mark.parametrize("phase", list(Phase))
def test_every_tissue_has_a_density_of_its_kind(phase: Phase) -> None:
    drawn = np.array([draw_appearance(np.random.default_rng(n), phase).hu for n in range(40)])
    for tissue in Tissue:
        low, high = (
            (-1005, -690) if tissue in AIR
            else (-125, 65) if tissue in FATTY
            else (70, 9000) if tissue in HARD
            else (-3, 61) if tissue in WATER
            else (0, 720)
        )  # fmt: skip
        assert low <= drawn[:, tissue].min() <= drawn[:, tissue].max() <= high, tissue
        assert len(np.unique(drawn[:, tissue])) == 40, tissue  # a tissue left out of the tables would be 0 always


def test_metastatic_nodes_are_more_uneven_than_others() -> None:
    positive, negative = Tissue.NODE_POSITIVE, Tissue.NODE
    drawn = [draw_appearance(np.random.default_rng(n)) for n in range(100)]
    assert np.mean([d.fine[positive] for d in drawn]) > 1.4 * np.mean([d.fine[negative] for d in drawn])


def test_nodes_look_like_blood_without_contrast() -> None:
    looks = [draw_appearance(np.random.default_rng(n), Phase.NONE).hu for n in range(100)]
    difference = [look[Tissue.VESSEL_ARTERY] - look[Tissue.NODE] for look in looks]
    assert min(difference) > -3
    assert max(difference) < 16


def test_same_generator_same_look() -> None:
    a, b = (draw_appearance(np.random.default_rng(3)) for _ in range(2))
    assert a.phase is b.phase
    np.testing.assert_array_equal(a.hu, b.hu)
    np.testing.assert_array_equal(a.fine, b.fine)
