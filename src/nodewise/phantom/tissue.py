"""How dense each tissue is on CT, by contrast phase, and how uneven."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from nodewise.phantom.geometry import Tissue

Table = npt.NDArray[np.float32]


class Phase(Enum):
    """When after the injection of contrast medium the scan was taken."""

    NONE = "none"
    ARTERIAL = "arterial"
    PULMONARY = "pulmonary"
    PORTAL = "portal"


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """Densities of one visit, HU; tables are indexed by ``Tissue``.

    Attributes:
        hu: mean. slow: swing over about 15 mm. fine: swing over about 4 mm.
        node_spread: standard deviation between nodes. strands: density of strands in fat, 0 for none.
    """

    phase: Phase
    hu: Table
    slow: Table
    fine: Table
    node_spread: float
    strands: float


def draw_phase(rng: np.random.Generator) -> Phase:
    """Four in ten scans have no contrast medium."""
    return list(Phase)[int(rng.choice(4, p=(0.42, 0.24, 0.10, 0.24)))]


def draw_appearance(rng: np.random.Generator, phase: Phase | None = None) -> Appearance:
    """Draw the densities of one visit."""
    phase = phase or draw_phase(rng)
    hu = np.zeros(len(Tissue), np.float32)
    for tissue, low, high in _RANGES:
        hu[tissue] = rng.uniform(low, high)
    _blood(rng, phase, hu)
    hu[Tissue.NODE_POSITIVE] = hu[Tissue.NODE] + rng.uniform(-8, 12)
    slow, fine = np.zeros_like(hu), np.zeros_like(hu)
    for tissue, a, b in _SWING:
        slow[tissue], fine[tissue] = a * rng.uniform(0.5, 1.3), b * rng.uniform(0.5, 1.3)
    if phase is not Phase.NONE:
        slow[[Tissue.VESSEL_VEIN, Tissue.HEART_RIGHT]] = 0.12 * np.abs(hu[[Tissue.VESSEL_VEIN, Tissue.HEART_RIGHT]])
    return Appearance(phase, hu, slow, fine, float(rng.uniform(2, 8)), float(rng.uniform(0.1, 1.3)))


_RANGES = (
    (Tissue.AIR_OUTSIDE, -1002, -998), (Tissue.FAT, -120, -96), (Tissue.MUSCLE, 45, 68), (Tissue.BONE, 350, 750),
    (Tissue.MARROW, 110, 260), (Tissue.LUNG, -900, -820), (Tissue.AIRWAY_LUMEN, -1004, -990),
    (Tissue.AIRWAY_WALL, 0, 45),
    (Tissue.OESOPHAGUS, 26, 52), (Tissue.OESOPHAGUS_AIR, -980, -700), (Tissue.THYMUS, -75, 45),
    (Tissue.THYROID, 85, 125),
    (Tissue.SPINAL_CANAL, 15, 40), (Tissue.LIVER, 45, 65), (Tissue.SPLEEN, 40, 52), (Tissue.STOMACH, 0, 50),
    (Tissue.NODE_HILUM, -90, -20), (Tissue.NODE_NECROSIS, 5, 22), (Tissue.NODE_CALCIUM, 180, 600),
    (Tissue.TUMOUR, 20, 48), (Tissue.CONSOLIDATION, 15, 50), (Tissue.EFFUSION, -2, 22),
)  # fmt: skip
_SWING = (
    (Tissue.FAT, 9, 7), (Tissue.MUSCLE, 6, 9), (Tissue.MARROW, 20, 35), (Tissue.BONE, 60, 60), (Tissue.LUNG, 28, 22),
    (Tissue.OESOPHAGUS, 5, 7), (Tissue.THYMUS, 25, 26), (Tissue.LIVER, 4, 3), (Tissue.SPLEEN, 4, 3),
    (Tissue.STOMACH, 15, 15),
    (Tissue.TUMOUR, 8, 8), (Tissue.CONSOLIDATION, 25, 45), (Tissue.HEART, 6, 4), (Tissue.NODE, 3, 4),
    (Tissue.NODE_POSITIVE, 6, 7),
    (Tissue.EFFUSION, 3, 1),
    (Tissue.VESSEL_ARTERY, 3, 1), (Tissue.VESSEL_VEIN, 3, 1), (Tissue.HEART_LEFT, 4, 1), (Tissue.HEART_RIGHT, 4, 1),
    (Tissue.THYROID, 6, 8), (Tissue.AIRWAY_WALL, 5, 15), (Tissue.OESOPHAGUS_AIR, 60, 80),
)  # fmt: skip
_SOFT = (Tissue.MUSCLE, Tissue.OESOPHAGUS, Tissue.TUMOUR, Tissue.CONSOLIDATION, Tissue.AIRWAY_WALL)


def _blood(rng: np.random.Generator, phase: Phase, hu: Table) -> None:
    """Set blood, heart, nodes and what else takes up contrast medium."""
    t = Tissue
    if phase is Phase.NONE:
        blood = rng.uniform(32, 50)
        for tissue in (
            t.VESSEL_ARTERY,
            t.VESSEL_PULMONARY,
            t.VESSEL_PULMONARY_VEIN,
            t.VESSEL_VEIN,
            t.HEART_LEFT,
            t.HEART_RIGHT,
        ):
            hu[tissue] = blood + rng.normal(0, 1)
        hu[t.HEART] = blood + rng.uniform(0, 8)
        hu[t.NODE] = np.clip(blood - rng.uniform(-2, 15), 22, 48)
        hu[t.VESSEL_SMALL] = blood
        return
    if phase is Phase.ARTERIAL:
        artery = rng.uniform(180, 420)
        lung, vein, right = artery * rng.uniform(0.5, 1.1), rng.uniform(120, 600), artery * rng.uniform(0.5, 1.2)
        node, muscle = rng.uniform(45, 90), rng.uniform(90, 140)
    elif phase is Phase.PULMONARY:
        lung = rng.uniform(200, 450)
        artery, vein, right = lung * rng.uniform(0.3, 0.9), rng.uniform(300, 700), lung * rng.uniform(0.9, 1.3)
        node, muscle = rng.uniform(45, 75), rng.uniform(70, 110)
    else:
        artery = rng.uniform(100, 200)
        lung, vein, right = (
            artery * rng.uniform(0.9, 1.1),
            artery * rng.uniform(0.85, 1.15),
            artery * rng.uniform(0.9, 1.05),
        )
        node, muscle = rng.uniform(55, 100), rng.uniform(90, 125)
    hu[t.VESSEL_ARTERY], hu[t.VESSEL_PULMONARY], hu[t.VESSEL_VEIN] = artery, lung, vein
    hu[t.HEART_RIGHT], hu[t.HEART_LEFT], hu[t.HEART] = right, artery * rng.uniform(0.95, 1.1), muscle
    hu[t.VESSEL_PULMONARY_VEIN] = 0.5 * (lung + artery) * rng.uniform(0.95, 1.1)
    hu[t.VESSEL_SMALL] = rng.uniform(0.4, 0.95) * artery
    hu[t.NODE] = node
    hu[list(_SOFT)] += rng.uniform(5, 30)
    hu[t.LIVER] += rng.uniform(5, 60)
    hu[t.SPLEEN] += rng.uniform(30, 80)
    hu[t.THYROID] += rng.uniform(30, 80)
