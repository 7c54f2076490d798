"""How much FDG each tissue of one patient takes up, as SUV by body weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.body import Body
from nodewise.phantom.drawn_node import DrawnNode
from nodewise.phantom.geometry import NODE_TISSUES, Tissue
from nodewise.phantom.organ_names import ORGANS
from nodewise.values.grid import Point

Table = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spot:
    """A ball in which one tissue has an SUV of its own: a hot segment of the oesophagus, brown fat, a necrotic core."""

    tissue: Tissue
    centre_mm: Point
    radius_mm: float
    suv: float


@dataclass(frozen=True, slots=True, eq=False)
class Uptake:
    """SUV by ``Tissue``, of node i+1 in ``nodes[i]``, of the brain, and where a tissue differs from the rest of it."""

    tissues: Table
    nodes: Table
    brain: float
    spots: tuple[Spot, ...]

    @property
    def tumour(self) -> float:
        """SUV of the primary tumour."""
        return float(self.tissues[Tissue.TUMOUR])


def draw_uptake(body: Body, rng: np.random.Generator) -> Uptake:
    """Draw the uptake of one patient an hour after the injection.

    Ranges are those of normal FDG distribution (liver about 2.2, blood pool about 1.7, marrow about 1.3); the tumour
    has 4 to 20. P5 gives that about a third of the clinically significant nodes are seen on PET.
    """
    tissues, nodes, spots, brain = rng.spawn(4)
    suv = _tissues(tissues)
    return Uptake(suv, _nodes(body.nodes, nodes), float(brain.uniform(*_BRAIN)), tuple(_spots(body, spots, suv)))


_BRAIN = (5, 9)  # grey and white matter together: it burns glucose whatever the patient ate


def _tissues(rng: np.random.Generator) -> Table:
    suv = np.full(len(Tissue), np.nan, np.float32)
    for tissue, low, high in _RANGES:
        suv[tissue] = rng.uniform(low, high)
    blood, liver = float(np.clip(rng.normal(1.7, 0.25), 1.1, 2.4)), float(np.clip(rng.normal(2.2, 0.3), 1.5, 3.2))
    suv[list(_BLOOD)] = blood
    suv[Tissue.VESSEL_SMALL] = suv[Tissue.PERICARDIUM] = 0.6 * blood
    suv[Tissue.LIVER], suv[Tissue.SPLEEN] = liver, liver * rng.uniform(0.7, 0.95)
    # Fasting turns the heart to fatty acids in about half of the patients; in the others it burns glucose.
    suv[Tissue.HEART] = blood * rng.uniform(0.9, 1.5) if rng.random() < 0.5 else rng.uniform(3, 12)
    suv[Tissue.TUMOUR] = np.clip(8 * np.exp(rng.normal(0, 0.45)), 4, 20)
    if rng.random() < 0.05:  # thyroiditis
        suv[Tissue.THYROID] = rng.uniform(3, 6)
    return suv


_BLOOD = (
    *(
        Tissue.VESSEL_ARTERY,
        Tissue.VESSEL_VEIN,
        Tissue.VESSEL_VEIN_LATE,
        Tissue.VESSEL_PULMONARY,
        Tissue.VESSEL_PULMONARY_VEIN,
    ),
    *(Tissue.HEART_LEFT, Tissue.HEART_RIGHT),
)
_RANGES = (
    (Tissue.AIR_OUTSIDE, 0, 0), (Tissue.FAT, 0.15, 0.4), (Tissue.MUSCLE, 0.55, 0.9), (Tissue.BONE, 0.5, 0.8),
    (Tissue.MARROW, 1.0, 1.7), (Tissue.LUNG, 0.35, 0.65), (Tissue.AIRWAY_LUMEN, 0.1, 0.2),
    (Tissue.AIRWAY_WALL, 0.9, 1.4), (Tissue.OESOPHAGUS, 1.5, 2.2), (Tissue.OESOPHAGUS_AIR, 0.4, 0.8),
    (Tissue.THYMUS, 0.4, 1.4), (Tissue.THYROID, 1.0, 1.8), (Tissue.SPINAL_CANAL, 1.0, 1.8),
    (Tissue.STOMACH, 1.2, 3.0), (Tissue.CONSOLIDATION, 1.5, 4.5), (Tissue.EFFUSION, 0.4, 1.1),
    (Tissue.NODE, 0.7, 1.4), (Tissue.NODE_POSITIVE, 1.0, 2.0), (Tissue.NODE_HILUM, 0.4, 0.7),
    (Tissue.NODE_NECROSIS, 0.5, 1.0), (Tissue.NODE_CALCIUM, 0.4, 0.8), (Tissue.CARTILAGE, 0.4, 0.7),
    (Tissue.BROWN_FAT, 0.25, 0.5), (Tissue.METAL, 0.1, 0.3), (Tissue.GLAND, 1.4, 3.0), (Tissue.LYMPHOID, 2.5, 5.0),
    (Tissue.MUCOSA, 1.3, 2.4), (Tissue.BOWEL_WALL, 1.1, 2.4), (Tissue.BOWEL_CONTENT, 0.6, 1.4),
    (Tissue.BOWEL_GAS, 0.1, 0.3), (Tissue.KIDNEY, 3.0, 7.0), (Tissue.PANCREAS, 1.0, 1.7),
    (Tissue.ADRENAL_GLAND, 1.0, 1.8), (Tissue.BILE, 0.6, 1.4), (Tissue.URINE, 12, 60),
)  # fmt: skip


def _nodes(nodes: tuple[DrawnNode, ...], rng: np.random.Generator) -> Table:
    """Four in ten malignant nodes are hot (of which blur hides the small ones); one in ten benign ones is inflamed."""
    inflamed = 0.6 if rng.random() < 0.07 else 0.1  # a sarcoid-like reaction, or anthracosis, in every fourteenth
    suv = np.empty(len(nodes), np.float32)
    for i, node in enumerate(nodes):
        chance, level, cold = rng.random(), rng.normal(), rng.random()
        if node.status.malignant:
            suv[i] = np.clip(7 * np.exp(0.45 * level), 3.5, 20) if chance < 0.4 else 1.0 + 1.2 * cold
        else:
            suv[i] = np.clip(3.2 + 0.9 * level, 2, 5) if chance < inflamed else 0.7 + 0.8 * cold
    return suv


def _spots(body: Body, rng: np.random.Generator, suv: Table) -> list[Spot]:
    """What is uneven: two in ten oesophagi, loops of bowel, dead cores of large tumours, brown fat in one of twelve."""
    wanted = (
        (Tissue.OESOPHAGUS, int(rng.choice(3, p=(0.8, 0.15, 0.05))), (10, 30), (2.6, 5.0)),
        (Tissue.BOWEL_WALL, int(rng.integers(2, 7)), (15, 45), (2.5, 7.0)),
    )
    found = []
    for tissue, count, radii, values in wanted:
        draws = rng.random((count, 3))
        where = np.flatnonzero(body.geometry.tissue.ravel(order="K") == tissue) if count else np.empty(0, int)
        for place, radius, value in draws if where.size else ():
            at = np.unravel_index(where[int(place * where.size)], body.geometry.tissue.shape, order="F")
            x, y, z = body.geometry.grid.to_lps(at).tolist()
            found.append(Spot(tissue, (x, y, z), _between(radius, radii), _between(value, values)))
    core, size, active, level = rng.random(4)
    if body.tumour is not None and body.tumour.diameter_mm > 35 and core < 0.5:
        radius = body.tumour.diameter_mm * _between(size, (0.15, 0.3))
        found.append(Spot(Tissue.TUMOUR, body.tumour.centre_mm, radius, 0.2 * float(suv[Tissue.TUMOUR])))
    if active < 0.08:
        found += _brown_fat(body, rng, _between(level, (2.5, 9.0)))
    return found


def _brown_fat(body: Body, rng: np.random.Generator, suv: float) -> list[Spot]:
    """Active fat above the clavicles and beside the spine, alike on both sides."""
    found = []
    for name, away, spread in _BROWN_FAT:
        if name in body.landmarks:
            side, back, up = away + rng.normal(0, spread)
            x, y, z = body.landmarks[name]
            for sign in (-1, 1):
                place, radius = (x + sign * side, y + back, z + up), float(rng.uniform(7, 14))
                found.append(Spot(Tissue.FAT, place, radius, suv * float(rng.uniform(0.7, 1.0))))
    return found


_BROWN_FAT = tuple(
    (name, np.array(away, float), np.array(spread, float))
    for name, away, spread in (
        *(("carina", (62, 0, 90), (8, 5, 6)), ("carina", (50, 12, 100), (8, 5, 6))),
        *(("carina", (30, 48, z), (3, 4, 4)) for z in (-75, -40, 0, 35)),
        *(("cricoid_low", (48, 18, -15), (6, 5, 6)), ("cricoid_low", (40, 25, 10), (6, 5, 6))),
    )
)
"""Landmark, mm to the side, to the back and to the head, and their standard deviations."""


def _between(share: float, ends: tuple[float, float]) -> float:
    return float(np.interp(share, (0, 1), ends))


def suv_slice(body: Body, uptake: Uptake, k: int) -> Table:
    """SUV of slice ``k`` before any blur, (y, x)."""
    geometry = body.geometry
    tissue, other, nodes = geometry.tissue.T[k], geometry.other.T[k], geometry.nodes.T[k]
    own = uptake.tissues[tissue]
    cells = np.nonzero(nodes)
    if cells[0].size:
        solid = _SOLID[tissue[cells]]
        own[cells] = np.where(solid, uptake.nodes[nodes[cells] - 1], own[cells])
    own[body.organs.array.T[k] == _BRAIN_NUMBER] = uptake.brain  # on CT it is like the cord, and drawn as that
    z = geometry.grid.to_lps((0, 0, k))[2]
    for spot in uptake.spots:
        if abs(z - spot.centre_mm[2]) < spot.radius_mm:
            own[_disc(body, spot, z) & (tissue == spot.tissue)] = spot.suv
    share = geometry.share.T[k].astype(np.float32) / np.float32(255)
    rest = uptake.tissues[other]
    return np.asarray(rest + (own - rest) * share)


_BRAIN_NUMBER = ORGANS["brain"]
_SOLID = np.zeros(256, np.bool_)
_SOLID[list(NODE_TISSUES - {Tissue.NODE_HILUM, Tissue.NODE_NECROSIS, Tissue.NODE_CALCIUM})] = True


def _disc(body: Body, spot: Spot, z: float) -> npt.NDArray[np.bool_]:
    """Where a spot cuts a slice, (y, x)."""
    grid = body.geometry.grid
    x, y = ((grid.origin[a] + np.arange(grid.shape[a]) * grid.spacing[a] - spot.centre_mm[a]) ** 2 for a in (0, 1))
    return np.asarray(y[:, None] + x < spot.radius_mm**2 - (z - spot.centre_mm[2]) ** 2)
