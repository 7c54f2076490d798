"""Everything the classical readers found in one chest, on the working lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.airway import MINIMUM_ML, Trachea, find_trachea, grow_airway
from nodewise.anatomy.aorta import Descending, arch_top, blood_hu, find_descending
from nodewise.anatomy.carina import Bronchus, Split, bronchi, find_split
from nodewise.anatomy.heart import heart_offset_mm
from nodewise.anatomy.lungs import Lungs, find_lungs
from nodewise.anatomy.spine import Canal, find_canal
from nodewise.anatomy.sternum import manubrium_top
from nodewise.anatomy.vessels import USUAL_ARCH_MM, Vessels, find_vessels
from nodewise.anatomy.walls import Walls, tracheal_walls
from nodewise.anatomy.working import Array, Mask

HIGHEST_ARCH_MM = 75.0
AGREEMENT_MM = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Carina:
    """The split and what follows from it; ``trust`` 0 to 1."""

    split: Split
    right: Bronchus
    left: Bronchus
    walls: Walls
    trust: float


@dataclass(frozen=True, slots=True, eq=False)
class Arch:
    """Top of the aortic arch (voxels), its trust from 0 to 1, and the radius of the descending aorta in mm.

    ``apart_mm`` is how far apart two opening radii put the top, ``underside`` the height (voxels) of its lower border
    where someone gave it.
    """

    top: tuple[float, float, float]
    radius_mm: float
    trust: float
    apart_mm: float
    underside: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """Parts in voxels of one lattice; ``why_no_carina`` says why exactly where ``carina`` is None.

    ``blood_hu`` is the density of the heart and ``vessels`` the great vessels, None without a carina to find them by;
    ``manubrium`` is the middle of its upper border and ``heart_mm`` how far left of the
    spinal canal the heart lies, each None where it was not seen.
    """

    hu: Array
    spacing_mm: float
    body: Mask
    airway: Mask
    lungs: Lungs
    canal: Canal | None
    carina: Carina | None
    aorta: Descending | None
    arch: Arch | None
    blood_hu: float | None
    why_no_carina: str
    aorta_on_right: bool
    bronchi_swapped: bool
    vessels: Vessels | None
    manubrium: tuple[float, float, float] | None
    heart_mm: float | None


def read_chest(hu: Array, body: Mask, spacing_mm: float) -> Chest:
    """Run every reader on an isotropic array with LPS axes."""
    canal = find_canal(hu, body, spacing_mm)
    trachea = find_trachea(hu, body, spacing_mm)
    airway = np.zeros(hu.shape, bool) if trachea is None else grow_airway(hu, trachea, spacing_mm)
    carina, why = _carina(airway, trachea, canal, spacing_mm)
    point = None if carina is None else carina.split.point
    lungs = find_lungs(hu, body, airway, spacing_mm, point)
    aorta, arch, on_right, blood, vessels, manubrium, heart = None, None, False, None, None, None, None
    if carina is not None and canal is not None and point is not None:
        blood = blood_hu(hu, canal, point, spacing_mm)
        aorta = find_descending(hu, canal, point, blood, spacing_mm)
        right = find_descending(hu, canal, point, blood, spacing_mm, side=-1)
        on_right = right is not None and right.score > 1.5 * (aorta.score if aorta else 25.0)
        aorta = None if on_right else aorta
        if aorta is not None:
            arch = _arch(hu, lungs.left, canal, carina, aorta, blood, spacing_mm)
        top = None if arch is None else arch.top[2]
        vessels = find_vessels(hu, lungs, carina.walls, point, top, spacing_mm)
        heart = heart_offset_mm(lungs, canal, point[2], spacing_mm)
        manubrium = manubrium_top(hu, body, canal, point[2], top or point[2] + USUAL_ARCH_MM / spacing_mm, spacing_mm)
    swapped = carina is not None and _drop(carina.left.path) > _drop(carina.right.path)
    return Chest(
        hu, spacing_mm, body, airway, lungs, canal, carina, aorta, arch, blood, why, on_right, swapped,
        vessels, manubrium, heart,
    )  # fmt: skip


def _carina(airway: Mask, trachea: Trachea | None, canal: Canal | None, spacing_mm: float) -> tuple[Carina | None, str]:
    if trachea is None or canal is None:
        return None, "no trachea was found"
    ml = float(np.count_nonzero(airway)) * spacing_mm**3 / 1000.0
    if ml < MINIMUM_ML:
        return None, f"the airway found holds only {ml:.1f} ml"
    middle = len(trachea.slices) // 2
    x, y = np.rint(trachea.centres[middle]).astype(int)
    split = find_split(airway, (int(x), int(y), int(trachea.slices[middle])), spacing_mm)
    if split is None:
        lowest = int(np.flatnonzero(airway.any(axis=(0, 1)))[0])
        cut = lowest * spacing_mm < 6.0
        return None, "the trachea leaves the scan before it divides" if cut else "the trachea was not seen to divide"
    offset = (split.point[:2] - canal.centres[int(split.point[2])]) * spacing_mm
    if abs(offset[0]) > 45.0 or not -110.0 < offset[1] < -20.0:
        return None, "what looked like a division of the trachea does not lie in front of the spine"
    right, left = bronchi(airway, split, spacing_mm)
    trust = 0.5 if split.at_edge else 0.9
    if ml < 2 * MINIMUM_ML or min(len(right.path), len(left.path)) < 6:
        trust -= 0.2
    return Carina(split, right, left, tracheal_walls(airway, split, spacing_mm), trust), ""


def _drop(path: npt.NDArray[np.float64]) -> float:
    """How steeply the first 25 mm of a bronchus run down, against sideways."""
    if len(path) < 3:
        return 0.0
    step = path[min(8, len(path) - 1)] - path[0]
    return float(-step[2] / max(abs(step[0]), 1.0))


def _arch(
    hu: Array, left_lung: Mask, canal: Canal, carina: Carina, aorta: Descending, blood: float, spacing_mm: float
) -> Arch | None:
    """The arch's top by two opening radii; they must agree, lie at a possible height and within the scan."""
    tops = [arch_top(hu, left_lung, canal, carina.walls, aorta, blood, spacing_mm, radius) for radius in (6.0, 7.0)]
    if tops[0] is None or tops[1] is None:
        return None
    height = (tops[1][2] - carina.split.point[2]) * spacing_mm
    if not 8.0 < height < HIGHEST_ARCH_MM or tops[0][2] >= hu.shape[2] - 2:
        return None
    apart = abs(tops[0][2] - tops[1][2]) * spacing_mm
    trust = (0.8 if apart <= AGREEMENT_MM else 0.4) * (1.0 if height < 68.0 else 0.6)
    radius = float(np.median(aorta.radii)) * spacing_mm
    return Arch(tops[1], radius, trust, apart)
