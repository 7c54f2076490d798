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
        node_spread: standard deviation between nodes.
        strands: density of strands in fat, 0 for none. marbling: the same of fat in muscle.
    """

    phase: Phase
    hu: Table
    slow: Table
    fine: Table
    node_spread: float
    strands: float
    marbling: float


def draw_phase(rng: np.random.Generator) -> Phase:
    """Four in ten scans have no contrast medium."""
    return list(Phase)[int(rng.choice(4, p=(0.42, 0.24, 0.10, 0.24)))]


def draw_appearance(rng: np.random.Generator, phase: Phase | None = None) -> Appearance:
    """Draw the densities of one visit."""
    phase = phase or draw_phase(rng)
    hu = np.zeros(len(Tissue), np.float32)
    for tissue, low, high in _RANGES:
        hu[tissue] = rng.uniform(low, high)
    hu[list(_BLOOD)] = _blood(rng, phase)
    if phase is Phase.NONE:
        blood = float(hu[Tissue.VESSEL_ARTERY])
        hu[Tissue.HEART] = blood + rng.uniform(0, 8)
        hu[Tissue.NODE] = np.clip(blood - rng.uniform(0, 15), 22, 48)
    else:
        hu[Tissue.NODE] = rng.uniform(*_NODES[phase])
        hu[Tissue.HEART] = rng.uniform(*_MYOCARDIUM[phase])
        uptake = rng.random()  # well or poorly enhanced all over
        for tissue, (low, high) in _UPTAKE[phase]:
            hu[tissue] += low + (high - low) * np.clip(uptake + rng.normal(0, 0.15), 0, 1)
    hu[Tissue.NODE_POSITIVE] = hu[Tissue.NODE] + rng.uniform(-8, 12)
    slow, fine = np.zeros_like(hu), np.zeros_like(hu)
    for tissue, a, b in _SWING:
        slow[tissue], fine[tissue] = a * rng.uniform(0.5, 1.3), b * rng.uniform(0.5, 1.3)
    if phase is not Phase.NONE:
        mixing = [Tissue.VESSEL_VEIN, Tissue.HEART_RIGHT]
        slow[mixing] = rng.uniform(0.04, 0.15) * np.abs(hu[mixing])
    if phase in (Phase.ARTERIAL, Phase.PULMONARY):
        slow[Tissue.SPLEEN], fine[Tissue.SPLEEN] = 22.0, 14.0  # its pulp enhances in bands at first
    return Appearance(phase, hu, slow, fine, *(float(rng.uniform(*r)) for r in ((2, 8), (0.1, 0.75), (0.2, 1.0))))


_RANGES = (
    (Tissue.AIR_OUTSIDE, -1002, -998), (Tissue.FAT, -122, -92), (Tissue.BROWN_FAT, -88, -55), (Tissue.MUSCLE, 45, 68),
    (Tissue.BONE, 350, 750), (Tissue.MARROW, 110, 260), (Tissue.CARTILAGE, 70, 160), (Tissue.METAL, 3000, 9000),
    (Tissue.LUNG, -900, -820), (Tissue.AIRWAY_LUMEN, -1004, -990), (Tissue.AIRWAY_WALL, 0, 45),
    (Tissue.OESOPHAGUS, 26, 52), (Tissue.OESOPHAGUS_AIR, -980, -700), (Tissue.THYMUS, -75, 45),
    (Tissue.THYROID, 85, 125), (Tissue.GLAND, 5, 50), (Tissue.LYMPHOID, 38, 58), (Tissue.MUCOSA, 35, 55),
    (Tissue.PERICARDIUM, 12, 38), (Tissue.SPINAL_CANAL, 15, 40), (Tissue.LIVER, 45, 65), (Tissue.SPLEEN, 40, 52),
    (Tissue.STOMACH, 0, 50), (Tissue.BOWEL_WALL, 28, 48), (Tissue.BOWEL_CONTENT, 0, 60),
    (Tissue.BOWEL_GAS, -1000, -850), (Tissue.KIDNEY, 28, 38), (Tissue.PANCREAS, 28, 48),
    (Tissue.ADRENAL_GLAND, 5, 35), (Tissue.BILE, 0, 18), (Tissue.URINE, -2, 12),
    (Tissue.NODE_HILUM, -90, -20), (Tissue.NODE_NECROSIS, 5, 22), (Tissue.NODE_CALCIUM, 180, 600),
    (Tissue.TUMOUR, 20, 48), (Tissue.CONSOLIDATION, 15, 50), (Tissue.EFFUSION, -2, 22),
)  # fmt: skip
_SWING = (
    (Tissue.FAT, 9, 3.5), (Tissue.BROWN_FAT, 8, 10), (Tissue.MUSCLE, 5, 4.5), (Tissue.MARROW, 20, 35),
    (Tissue.BONE, 60, 60), (Tissue.CARTILAGE, 15, 25), (Tissue.LUNG, 28, 22),
    (Tissue.OESOPHAGUS, 5, 7), (Tissue.THYMUS, 25, 26), (Tissue.LIVER, 4, 3), (Tissue.SPLEEN, 4, 3),
    (Tissue.STOMACH, 15, 15), (Tissue.GLAND, 8, 14), (Tissue.LYMPHOID, 4, 6), (Tissue.MUCOSA, 4, 6),
    (Tissue.BOWEL_WALL, 4, 6), (Tissue.BOWEL_CONTENT, 14, 18), (Tissue.KIDNEY, 8, 8), (Tissue.PANCREAS, 8, 14),
    (Tissue.ADRENAL_GLAND, 3, 5), (Tissue.BILE, 1, 1), (Tissue.URINE, 1, 1), (Tissue.PERICARDIUM, 4, 4),
    (Tissue.TUMOUR, 8, 8), (Tissue.CONSOLIDATION, 25, 45), (Tissue.HEART, 6, 4), (Tissue.NODE, 3, 4),
    (Tissue.NODE_POSITIVE, 6, 7), (Tissue.NODE_HILUM, 8, 8), (Tissue.NODE_NECROSIS, 3, 3),
    (Tissue.NODE_CALCIUM, 60, 90), (Tissue.EFFUSION, 3, 1),
    (Tissue.VESSEL_ARTERY, 3, 1), (Tissue.VESSEL_PULMONARY, 3, 1), (Tissue.VESSEL_PULMONARY_VEIN, 3, 1),
    (Tissue.VESSEL_VEIN, 3, 1), (Tissue.VESSEL_VEIN_LATE, 4, 1), (Tissue.HEART_LEFT, 4, 1), (Tissue.HEART_RIGHT, 4, 1),
    (Tissue.THYROID, 6, 8), (Tissue.AIRWAY_WALL, 5, 15), (Tissue.OESOPHAGUS_AIR, 60, 80),
)  # fmt: skip

_BLOOD = (
    Tissue.VESSEL_ARTERY,
    Tissue.VESSEL_PULMONARY,
    Tissue.VESSEL_PULMONARY_VEIN,
    Tissue.VESSEL_VEIN,
    Tissue.VESSEL_VEIN_LATE,
    Tissue.VESSEL_SMALL,
    Tissue.HEART_LEFT,
    Tissue.HEART_RIGHT,
)
_NODES = {Phase.ARTERIAL: (45, 90), Phase.PULMONARY: (45, 75), Phase.PORTAL: (55, 100)}
_MYOCARDIUM = {Phase.ARTERIAL: (90, 140), Phase.PULMONARY: (70, 110), Phase.PORTAL: (90, 125)}


def _blood(rng: np.random.Generator, phase: Phase) -> list[float]:
    """Densities of ``_BLOOD``, HU."""
    if phase is Phase.NONE:
        return [float(b) for b in rng.uniform(32, 50) + rng.normal(0, 1, len(_BLOOD))]
    if phase is Phase.ARTERIAL:
        artery = rng.uniform(180, 420)
        lung, vein, right = artery * rng.uniform(0.5, 1.1), rng.uniform(120, 700), artery * rng.uniform(0.5, 1.2)
        late = rng.uniform(42, 95)
    elif phase is Phase.PULMONARY:
        lung = rng.uniform(200, 450)
        artery, vein, right = lung * rng.uniform(0.3, 0.9), rng.uniform(300, 700), lung * rng.uniform(0.9, 1.3)
        late = rng.uniform(38, 60)
    else:
        artery = rng.uniform(100, 200)
        lung, vein, right = (artery * rng.uniform(*r) for r in ((0.9, 1.1), (0.85, 1.15), (0.9, 1.05)))
        late = artery * rng.uniform(0.75, 1.0)
    back = 0.5 * (lung + artery) * rng.uniform(0.95, 1.1)
    small, left = rng.uniform(0.4, 0.95) * artery, artery * rng.uniform(0.95, 1.1)
    return [artery, lung, back, vein, late, small, left, right]


_SOFT = (Tissue.MUSCLE, Tissue.OESOPHAGUS, Tissue.AIRWAY_WALL, Tissue.GLAND, Tissue.CONSOLIDATION)
_EARLY = (
    *((t, (3, 22)) for t in _SOFT),
    (Tissue.TUMOUR, (5, 35)), (Tissue.LIVER, (5, 25)), (Tissue.SPLEEN, (40, 110)), (Tissue.THYROID, (50, 110)),
    (Tissue.LYMPHOID, (15, 50)), (Tissue.MUCOSA, (25, 70)), (Tissue.BOWEL_WALL, (25, 70)), (Tissue.KIDNEY, (80, 160)),
    (Tissue.PANCREAS, (45, 90)), (Tissue.ADRENAL_GLAND, (25, 60)), (Tissue.THYMUS, (0, 15)),
    (Tissue.PERICARDIUM, (2, 15)), (Tissue.MARROW, (0, 15)),
)  # fmt: skip
_LATE = (
    *((t, (8, 30)) for t in _SOFT),
    (Tissue.TUMOUR, (15, 50)), (Tissue.LIVER, (45, 65)), (Tissue.SPLEEN, (60, 85)), (Tissue.THYROID, (40, 80)),
    (Tissue.LYMPHOID, (30, 60)), (Tissue.MUCOSA, (40, 75)), (Tissue.BOWEL_WALL, (40, 75)), (Tissue.KIDNEY, (110, 170)),
    (Tissue.PANCREAS, (40, 70)), (Tissue.ADRENAL_GLAND, (30, 60)), (Tissue.THYMUS, (3, 20)),
    (Tissue.PERICARDIUM, (5, 25)), (Tissue.MARROW, (5, 25)),
)  # fmt: skip
_UPTAKE = {Phase.ARTERIAL: _EARLY, Phase.PULMONARY: _EARLY, Phase.PORTAL: _LATE}
