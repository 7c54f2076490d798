"""The heights at which one lymph node station ends and the next begins, each read off the organs that make it.

Every border is that of the IASLC map: Rusch VW, Asamura H, Watanabe H, Giroux DJ, Rami-Porta R, Goldstraw P. The IASLC
lung cancer staging project: a proposal for a new international lymph node map in the forthcoming seventh edition of the
TNM classification for lung cancer. J Thorac Oncol 4:568-577, 2009, table 1. Heights are LPS mm along the patient; None
where the organs that make a border are not in the map.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.anatomy.carina import find_split
from nodewise.anatomy.organ_masks import MAIN_BRONCHI, Floats, Organs, line
from nodewise.anatomy.working import Mask, distance_to

SECTION_MM2 = 60.0  # a vessel's section that is no stump of a branch
LASTING_MM = 5.0
MAIN_ARTERY_MM = 6.0  # the main pulmonary artery is thicker than this radius, its first branches are not
MAIN_VEIN_MM = 4.0
STERNAL_END_MM, CROSSING_MM, FORWARD_MM = 20.0, 3.0, 13.0
BRONCHUS_MM = 10.0  # width of the left main bronchus
EIGHT = np.ones((3, 3), bool)


def cricoid_low(organs: Organs) -> float | None:
    """Lower margin of the cricoid cartilage: upper border of 1R and 1L (Rusch 2009, table 1)."""
    mask = organs.mask("cricoid_cartilage")
    return None if mask is None else line(organs, mask).low


def thoracic_inlet(organs: Organs) -> float | None:
    """Clavicles on both sides and the manubrium's upper border in the midline: between 1 and 2 (Rusch 2009, table 1).

    The clavicles' sternal ends say where the manubrium ends where a map's sternum goes on above them.
    """
    sternum = organs.mask("sternum")
    ends = [_sternal_end(organs, name) for name in ("clavicula_right", "clavicula_left")]
    found = [end for end in ends if end is not None]
    heights = [] if sternum is None else [line(organs, sternum).high]
    heights += [float(np.mean(found))] if found else []
    return min(heights) if heights else None


def _sternal_end(organs: Organs, name: str) -> float | None:
    """Middle height of the medial ``STERNAL_END_MM`` of a clavicle."""
    mask = organs.mask(name)
    if mask is None:
        return None
    x, columns = organs.along(0), np.flatnonzero(mask.any(axis=(1, 2)))
    medial = x >= x[columns[-1]] - STERNAL_END_MM if name.endswith("right") else x <= x[columns[0]] + STERNAL_END_MM
    counts = (mask & medial[:, None, None]).sum(axis=(0, 1))
    return float(organs.along(2) @ counts / counts.sum())


def vein_crossing(organs: Organs) -> float | None:
    """Caudal margin of the left brachiocephalic vein where it crosses the trachea: between 2R and 4R (table 1)."""
    vein, trachea = organs.mask("brachiocephalic_vein_left"), organs.mask("trachea")
    if vein is None or trachea is None:
        return None
    way = line(organs, trachea)
    x = organs.along(0)[:, None]
    before = np.abs(x - way.x) <= CROSSING_MM
    crossing = vein & before[:, None, :]
    return line(organs, crossing).low if crossing.any() else None


def arch_top(organs: Organs) -> float | None:
    """Upper border of the aortic arch: between 2L and 4L, and the upper border of 6 (Rusch 2009, table 1)."""
    aorta = organs.mask("aorta")
    if aorta is None:
        return None
    level = _highest(aorta, SECTION_MM2 / organs.mm**2)
    ended = level is None or level >= aorta.shape[2] - 1
    return None if ended else float(organs.along(2)[level] + organs.mm / 2)


def arch_low(organs: Organs) -> float | None:
    """Lower border of the aortic arch: upper border of 5, lower of 6 (Rusch 2009, table 1).

    Below it ascending and descending aorta are two.
    """
    aorta = organs.mask("aorta")
    if aorta is None:
        return None
    smallest, lasting = SECTION_MM2 / organs.mm**2, round(LASTING_MM / organs.mm)
    two = np.array([_parts(aorta[:, :, k], smallest) >= 2 for k in range(aorta.shape[2])])
    for k in range(len(two) - 1, lasting - 1, -1):
        if two[k - lasting : k + 1].all():
            return float(organs.along(2)[k] + organs.mm / 2)
    return None


def azygos_low(organs: Organs) -> float | None:
    """Lower border of the azygos vein's arch: between 4R and 10R (Rusch 2009, table 1).

    The arch is where the vein's axial section stretches forwards, from the spine to the upper vena cava.
    """
    vein = organs.mask("azygos_vein")
    if vein is None:
        return None
    course, there = line(organs, vein), vein.any(axis=(0, 1))
    depth = np.where(there, course.back - course.front, 0.0)
    k = int(depth.argmax())
    if depth[k] < FORWARD_MM:
        return None
    while k > 0 and depth[k - 1] >= FORWARD_MM:
        k -= 1
    return float(course.z[k] - organs.mm / 2)


def left_artery_top(organs: Organs, carina: Floats) -> float | None:
    """Upper rim of the left main pulmonary artery: lower border of 4L and 5, upper of 10L (Rusch 2009, table 1)."""
    artery = organs.mask("pulmonary_artery_left")
    if artery is None:
        artery = organs.mask("pulmonary_artery")
        if artery is not None:
            artery = artery & (organs.along(0) > carina[0] + 10.0)[:, None, None]
    if artery is None:
        return None
    return _end_of_thick(organs, artery, MAIN_ARTERY_MM, up=True)


def carina_point(organs: Organs) -> Floats | None:
    """Where the trachea divides, LPS mm (3,): upper border of 7, lower of 3p (Rusch 2009, table 1).

    None without the main bronchi: the trachea alone does not show it.
    """
    trachea, main = organs.mask("trachea"), organs.mask(*MAIN_BRONCHI)
    if trachea is None or main is None:
        return None
    i, j, k = np.nonzero(trachea)
    middle = int(np.median(k))
    here = k == middle
    start = (int(np.median(i[here])), int(np.median(j[here])), middle)
    split = find_split(trachea | main, start, organs.mm)
    return None if split is None else np.asarray(organs.labels.grid.to_lps(split.point))


def intermediate_low(organs: Organs) -> float | None:
    """Lower border of the bronchus intermedius: where 7 ends on the right (Rusch 2009, table 1)."""
    mask = organs.mask("bronchus_intermedius")
    return None if mask is None else line(organs, mask).low


def left_lower_top(organs: Organs) -> float | None:
    """Upper border of the left lower lobe's bronchus: where 7 ends on the left (Rusch 2009, table 1).

    The left main bronchus ends where the bronchus of the lower lobe begins.
    """
    main = organs.mask("main_bronchus_left")
    return None if main is None else line(organs, main).low + BRONCHUS_MM


def inferior_veins_low(organs: Organs, carina: Floats) -> tuple[float | None, float | None]:
    """Lower margin of the right and the left inferior pulmonary vein: upper border of 9 (Rusch 2009, table 1)."""
    veins = organs.mask("pulmonary_vein")
    if veins is None:
        return None, None
    aside = organs.along(0) - carina[0]
    right, left = (veins & (side > 5.0)[:, None, None] for side in (-aside, aside))
    return _end_of_thick(organs, right, MAIN_VEIN_MM, up=False), _end_of_thick(organs, left, MAIN_VEIN_MM, up=False)


def _parts(section: Mask, smallest: float) -> int:
    labels, n = ndimage.label(section, structure=EIGHT)
    return int((np.bincount(labels.ravel(), minlength=n + 1)[1:] >= smallest).sum())


def _highest(mask: Mask, voxels: float) -> int | None:
    there = np.flatnonzero(mask.sum(axis=(0, 1)) >= voxels)
    return int(there[-1]) if there.size else None


def _end_of_thick(organs: Organs, mask: Mask, radius_mm: float, *, up: bool) -> float | None:
    """Upper or lower end of the part of a vessel that is thicker than a radius; None where it is nowhere so thick."""
    depth = distance_to(~np.pad(mask, 1))[1:-1, 1:-1, 1:-1] * organs.mm
    k = np.nonzero(depth >= radius_mm)
    if k[2].size == 0:
        return None
    reach = depth[k] - organs.mm / 2
    z = organs.along(2)[k[2]]
    return float((z + reach).max() if up else (z - reach).min())
